//! The page `bench/results/sqs.md`.

use anyhow::Result;

use super::claim::CLAIMS;
use super::contender::Contender;
use super::measure;
use super::plan::{
    BATCH, BODY_BYTES, CONNECTIONS, POLLS, POLLS_SECONDS, Plan, RECEIVERS, STEADY_RATE,
    WARM_UP_SECONDS,
};
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
        let measured = &self.outcome.measured;
        let mut page = Page::new(layout, "sqs", "Forebay beside other servers of SQS")?;
        page.paragraph(&introduction());
        machine::warn_if_busy(&mut page, &self.description);
        for failure in &self.outcome.failures {
            page.paragraph(&format!("**Not measured** in the last piece: {failure}"));
        }
        let judged: Vec<_> = CLAIMS
            .iter()
            .filter_map(|claim| Some((claim, claim.judge(measured)?)))
            .collect();
        page.table(
            &["", "Forebay", "the other", "Forebay / other", "target", ""],
            &comparison::claim_rows(&judged),
        );
        let advantages = comparison::advantages(&judged, "ElasticMQ and moto");
        page.chart("", "Advantages over ElasticMQ and moto", &advantages)?;
        page.heading("Who was busy");
        page.paragraph(
            "Shares of the machine. Where nothing is idle, what the client takes the server does not have.",
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
                "ElasticMQ",
                "1.7.1 of Maven Central, `bench/elasticmq.conf`, no options of the JVM".to_owned(),
            ),
            ("Java", machine::output("java", &["-version"])),
            ("moto", "5.2.5 of PyPI, `moto_server`".to_owned()),
            ("Load", "`bench/src/sqs`".to_owned()),
        ]);
        page.paragraph(&self.method());
        page.write()
    }

    fn method(&self) -> String {
        let count = |number: u64| digits(number as f64);
        format!(
            "At most {} rounds, some of them of some workloads only; the last piece took {:.0} minutes. Every \
             other round in reverse order. A turn is one workload on one server in a fresh folder, warmed up \
             with half as many messages; only one server runs at a time. AWS JSON 1.0 over HTTP/1.1, \
             {CONNECTIONS} connections that are kept, each with one request under way; messages of \
             {BODY_BYTES} bytes.\n\n\
             * *Send, receive, delete*: each connection sends, receives and deletes in turn, through one queue; \
             one by one, and {BATCH} with each request. Messages/s are those deleted. {} messages one by one for \
             Forebay, a fifth of that for ElasticMQ, a hundredth for moto.\n\
             * *Times* of requests are those that the client saw, a queue at the client included, where all \
             connections wait for their turn: with so many requests under way they say as much about the rate. \
             Receives that came back empty are not counted.\n\
             * *Sent to received*: messages that are due at a fixed rate of {STEADY_RATE}/s, until one of \
             {RECEIVERS} long polls has them, for {} s after {WARM_UP_SECONDS} s; it counts from the moment a \
             message was due, whether or not the generator or the server was late (no coordinated omission). \
             *Generator late* is how late the generator itself was.\n\
             * *Server CPU* is user and system time of the server from the start of a load until it has been \
             idle for three quarters of a second, so what it puts off is counted, by the number of messages.\n\
             * *Backlog*: {} messages sent {BATCH} at a time, of which a fifth is received and deleted then; \
             that all are there is looked at.\n\
             * *Long polls*: {POLLS} connections with a receive of twenty seconds each on an empty queue, watched \
             for {POLLS_SECONDS} s from when all wait and the server is quiet.\n\
             * *Memory* is `VmHWM` (peak) and `VmRSS` of the server. Page cache is not in it, for nobody.\n\
             * *Ready*: from the start of the process to the first answer about queues.\n\
             * A turn in which other programs took more than 15 % of the machine is left out.",
            self.outcome.measured.times(),
            self.outcome.took.as_secs_f64() / 60.0,
            count(self.plan.messages),
            self.plan.steady_seconds,
            count(self.plan.backlog),
        )
    }
}

fn introduction() -> String {
    let contenders = Contender::ALL.iter();
    let contenders = contenders.map(|it| format!("* **{}**: {}", it.name(), it.about()));
    let contenders: Vec<_> = contenders.collect();
    format!(
        "Medians of the rounds, with the least and the greatest; a ratio is taken within each round, and of \
         the medians where no round has both. Standard queues. Take the ratios to another machine, not the \
         numbers.\n\n{}",
        contenders.join("\n")
    )
}
