//! The page `bench/results/rabbitmq.md`.

use anyhow::Result;

use super::claim::CLAIMS;
use super::contender::Contender;
use super::measure;
use super::plan::{ACK_EVERY, PREFETCH, Plan, SMALL_BYTES, TOPIC_QUEUES, WARM_UP_SECONDS, WINDOW};
use crate::bench::comparison::{self, Contender as _, Outcome};
use crate::bench::machine;
use crate::bench::page::Page;
use crate::bench::samples::digits;
use crate::layout::Layout;

/// A run, told.
pub(crate) struct Results<'a> {
    pub(crate) description: Vec<(&'static str, String)>,
    pub(crate) plan: &'a Plan,
    pub(crate) outcome: &'a Outcome<Contender>,
}

impl Results<'_> {
    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let mut page = Page::new(layout, "rabbitmq", "Forebay beside RabbitMQ")?;
        page.paragraph(&introduction());
        machine::warn_if_busy(&mut page, &self.description);
        for failure in &self.outcome.failures {
            page.paragraph(&format!("**Not measured** in the last piece: {failure}"));
        }
        let measured = &self.outcome.measured;
        let judged: Vec<_> = CLAIMS
            .iter()
            .filter_map(|claim| Some((claim, claim.judge(measured)?)))
            .collect();
        page.table(
            &[
                "",
                "Forebay",
                "RabbitMQ",
                "Forebay / RabbitMQ",
                "target",
                "",
            ],
            &comparison::claim_rows(&judged),
        );
        let advantages = comparison::advantages(&judged, "RabbitMQ");
        page.chart("", "Advantages over RabbitMQ", &advantages)?;
        page.heading("Who was busy");
        page.paragraph(
            "Shares of the machine while one queue was measured. Where nothing is idle, what the client \
             takes the server does not have.",
        );
        let shares = measure::SHARES.map(|(load, shares)| (load, shares.each_ref()));
        page.table(
            &["", "server", "client", "idle", "others"],
            &comparison::shares(measured, &shares),
        );
        page.heading("Everything");
        page.paragraph("Median of the rounds, and the least and the greatest.");
        let mut head = vec![""];
        head.extend(Contender::ALL.iter().map(|it| it.name()));
        page.table(&head, &comparison::everything(measured, measure::ALL));
        page.heading("How");
        page.facts(&self.description);
        page.facts(&[
            (
                "RabbitMQ",
                "4.3 of Debian sid, and 3.10 of bookworm; one node, as it comes, without plugins"
                    .to_owned(),
            ),
            ("Java", machine::output("java", &["-version"])),
            (
                "Load",
                "`bench/src/amqp`; RabbitMQ PerfTest 2.22.1 from Maven Central".to_owned(),
            ),
        ]);
        page.paragraph(&self.method());
        page.write()
    }

    fn method(&self) -> String {
        let (plan, measured) = (self.plan, &self.outcome.measured);
        let count = |number: u64| digits(number as f64);
        format!(
            "At most {} rounds, some of them of some workloads only; the last piece took {:.0} minutes. Every other round in reverse order. A turn is one workload on one \
             broker in a fresh folder; only one broker runs at a time. One publisher, one consumer with a \
             prefetch of {PREFETCH} (a consumer: so many for each queue), which acknowledges {ACK_EVERY} at a time. \
             Messages of a measurement without confirms: {} of 16 B and half as many of 1 KiB for Forebay, a \
             fifth of that for classic, a tenth for quorum queues; with confirms, and where messages are \
             routed, a quarter of that, and half of that where queues are many.\n\n\
             * *Messages/s* are those consumed, until the last acknowledgement was taken.\n\
             * *Server CPU* is user and system time of the broker from the start of a load until it has \
             been idle for three quarters of a second, so what it puts off is counted, by the number of \
             messages.\n\
             * *Confirms*: no more than {WINDOW} messages wait for theirs. *Confirm latency* counts from the \
             moment a message was due at the fixed rate, whether or not the generator or the broker was late \
             (no coordinated omission), for {} s after {WARM_UP_SECONDS} s of warm-up. *Generator late* is how late the \
             generator itself was: it shares the processors with the broker, and its lateness is in the latency.\n\
             * *Topic*: a pattern for each binding (`site.17.*`), in turn to {TOPIC_QUEUES} queues; keys in turn, so that \
             every message matches one of them. Messages of {SMALL_BYTES} bytes, as in everything about routing and backlogs.\n\
             * *Backlog*: {} persistent messages of {SMALL_BYTES} bytes without confirms, for RabbitMQ a fifth of that, of which a tenth is drained; \
             *little waits* is a queue of as many as are drained. Restarts with a cold page cache; that all messages are there is looked at.\n\
             * *Memory* is `VmHWM` (peak) and `VmRSS` of the broker (RabbitMQ: of `beam.smp` alone). Page cache is not in it, for neither.\n\
             * *Ready*: from the start of the process to the first frame that answers a client.\n\
             * A turn in which other programs took more than 15 % of the machine while one queue was measured is left out.",
            measured.times(),
            self.outcome.took.as_secs_f64() / 60.0,
            count(plan.messages(Contender::ForebayOs)),
            plan.latency_seconds,
            count(plan.backlog),
        )
    }
}

fn introduction() -> String {
    let contenders = Contender::ALL.iter();
    let contenders = contenders.map(|it| format!("* **{}**: {}", it.name(), it.about()));
    let contenders: Vec<_> = contenders.collect();
    format!(
        "Medians of the rounds, with the least and the greatest; a ratio is taken within each round, \
         and of the medians where no round has both. Durable queues. Take the ratios to another machine, not the numbers.\n\n{}",
        contenders.join("\n")
    )
}
