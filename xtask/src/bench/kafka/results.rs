//! The page `bench/results/kafka.md`.

use std::time::Duration;

use anyhow::Result;

use super::claim::CLAIMS;
use super::contender::Contender;
use super::measure;
use super::plan::{BATCH_RECORDS, PARTITIONS, Plan, RECORD_BYTES};
use crate::bench::chart::{self, Axis, Chart, Series};
use crate::bench::comparison::{self, Contender as _, Measured};
use crate::bench::machine;
use crate::bench::page::Page;
use crate::bench::samples::{Samples, digits};
use crate::codegen::KAFKA_VERSION;
use crate::layout::Layout;

/// A machine that does more than this for others is not measured, it is guessed at.
const MAX_OTHERS_PERCENT: f64 = 10.0;

/// A run, told.
pub(crate) struct Results<'a> {
    pub(crate) description: Vec<(&'static str, String)>,
    pub(crate) plan: &'a Plan,
    pub(crate) measured: &'a Measured<Contender>,
    pub(crate) curves: &'a [(Contender, Vec<(f64, f64)>)],
    pub(crate) failures: &'a [String],
    pub(crate) took: Duration,
}

impl Results<'_> {
    pub(crate) fn write(&self, layout: &Layout) -> Result<()> {
        let mut page = Page::new(layout, "kafka", "Forebay beside Apache Kafka")?;
        page.paragraph(&self.introduction());
        for failure in self.failures {
            page.paragraph(&format!("**Not measured:** {failure}"));
        }
        if let Some(share) = self.taken_by_others() {
            page.paragraph(&format!(
                "**Not to be published:** {} % of the machine went to other programs while Kafka's \
                 tools ran. Times and rates are wrong; processor time, memory and bytes are about right.",
                digits(share)
            ));
        }
        let judged: Vec<_> = CLAIMS
            .iter()
            .filter_map(|claim| Some((claim, claim.judge(self.measured)?)))
            .collect();
        page.table(
            &["", "Forebay", "Kafka", "Forebay / Kafka", "target", ""],
            &comparison::claim_rows(&judged),
        );
        let advantages = comparison::advantages(&judged, "Apache Kafka");
        page.chart("", "Advantages over Apache Kafka", &advantages)?;
        if !self.curves.is_empty() {
            let about = "Latency of acknowledgements by quantile";
            page.chart("-latency", about, &self.latency_chart())?;
        }
        page.heading("Who was busy");
        page.paragraph(
            "Shares of the machine while Kafka's tools ran, their start included. Where nothing is \
             idle and the client takes more than the server, the client is the limit, and the rates \
             above say less about the servers than the CPU seconds do.",
        );
        page.table(&["", "server", "client", "idle", "others"], &self.shares());
        page.heading("Everything");
        page.paragraph("Median of the rounds, and the least and the greatest.");
        let mut head = vec![""];
        head.extend(Contender::ALL.iter().map(|it| it.name()));
        page.table(&head, &comparison::everything(self.measured, measure::ALL));
        page.heading("How");
        page.facts(&self.description);
        page.facts(&versions());
        page.paragraph(&method(self.plan, self.took));
        page.write()
    }

    fn introduction(&self) -> String {
        let contenders = Contender::ALL.iter();
        let contenders = contenders.map(|it| format!("* **{}**: {}", it.name(), it.about()));
        let contenders: Vec<_> = contenders.collect();
        format!(
            "Medians of {} rounds, with the least and the greatest; a ratio is taken within each \
             round. Records of {RECORD_BYTES} bytes, `acks=all`, topics of {PARTITIONS} partitions. \
             Take the ratios to another machine, not the numbers.\n\n{}",
            self.plan.rounds,
            contenders.join("\n")
        )
    }

    /// The share of the machine that nobody here used, in the worst case, if it is too much. The
    /// kernel's own threads, which write the page cache back, are among the others.
    fn taken_by_others(&self) -> Option<f64> {
        let shares = Contender::ALL
            .iter()
            .filter_map(|contender| self.measured.of(*contender, &measure::PRODUCE_OTHERS));
        let worst = shares.map(|shares| shares.median()).fold(0.0, f64::max);
        (worst > MAX_OTHERS_PERCENT).then_some(worst)
    }

    fn shares(&self) -> Vec<Vec<String>> {
        let producing = [
            &measure::PRODUCE_SERVER_SHARE,
            &measure::PRODUCE_CLIENT_SHARE,
            &measure::PRODUCE_IDLE,
            &measure::PRODUCE_OTHERS,
        ];
        let consuming = [
            &measure::TAIL_SERVER_SHARE,
            &measure::TAIL_CLIENT_SHARE,
            &measure::TAIL_IDLE,
            &measure::TAIL_OTHERS,
        ];
        let loads = [("producing", producing), ("consuming", consuming)];
        comparison::shares(self.measured, &loads)
    }

    /// Medians of the rounds, over the share of records that were slower.
    fn latency_chart(&self) -> String {
        let series = Contender::ALL.iter().filter_map(|&contender| {
            let mine = || {
                self.curves
                    .iter()
                    .filter(move |(whose, _)| *whose == contender)
            };
            let quantiles = mine().next()?.1.iter().map(|(quantile, _)| *quantile);
            let points = quantiles.enumerate().filter_map(|(at, quantile)| {
                let latencies = Samples::new(mine().map(|(_, curve)| curve[at].1))?;
                (quantile < 1.0).then(|| (nines(quantile), latencies.median()))
            });
            Some(Series {
                name: contender.name().to_owned(),
                points: points.collect(),
            })
        });
        let series: Vec<_> = series.collect();
        let all = series
            .iter()
            .flat_map(|series| series.points.iter().map(|point| point.1));
        let y = Axis::logarithmic("milliseconds from when a record was due", all);
        let ticks = [0.0, 0.5, 0.9, 0.99, 0.999, 0.9999];
        chart::lines(&Chart {
            title: "Latency of acknowledgements at 10,000 records/s".to_owned(),
            x: Axis {
                title: "percentile".to_owned(),
                ticks: ticks.map(|q| (nines(q), format!("{}", q * 100.0))).to_vec(),
                logarithmic: false,
            },
            y,
            series,
        })
    }
}

/// A quantile's place on an axis on which each nine takes the same room.
fn nines(quantile: f64) -> f64 {
    -(1.0 - quantile).log10()
}

fn versions() -> [(&'static str, String); 3] {
    [
        (
            "Apache Kafka",
            format!("{KAFKA_VERSION} from Maven Central, one KRaft node, `-Xmx1G -Xms1G`"),
        ),
        ("Java", machine::output("java", &["-version"])),
        (
            "Load",
            "`kafka-producer-perf-test`, `kafka-consumer-perf-test` of the same release; \
                  `bench/load` on librdkafka 2.12.1; \
                  `bench/src/frames`"
                .to_owned(),
        ),
    ]
}

fn method(plan: &Plan, took: Duration) -> String {
    format!(
        "{} rounds in {:.0} minutes; every other round in reverse order. A turn: fresh folder, start, \
         {} records written and read to warm up, then the measurements; only one broker runs at a \
         time. {} records for each throughput measurement (an eighth of both for Kafka flush), \
         {} s at each fixed rate after 2 s of warm-up.\n\n\
         * *Server CPU* is user and system time of the broker from the start of a load until it has \
         been idle for three quarters of a second, so what it puts off is counted. *Client CPU* includes the \
         start of the JVM that runs the tool.\n\
         * *Consume, tail*: what was just produced, without a restart. *Cold*: after a restart and \
         after the page cache was dropped (`/proc/sys/vm/drop_caches`), with another topic read first so \
         that the JVM has compiled what it runs. Both without the time a group takes to form.\n\
         * *Ready-made frames*: requests of {BATCH_RECORDS} records that were encoded once and are sent on \
         two connections, five under way on each; fetches of which only the heads of batches are looked at, on one \
         connection. The client costs next to nothing, so these rates are the servers' own.\n\
         * *Latency* counts from the moment a record was due at the fixed rate, whether or not the \
         generator or the broker was late (no coordinated omission); librdkafka, `linger.ms=0`. \
         *Generator late* is how late the generator itself was: it shares the processors with the broker, \
         and its lateness is in the latency.\n\
         * *Written to disk*: `write_bytes` of `/proc/PID/io` while producing, by the bytes of the values.\n\
         * *Ready*: from the start of the process to an answer about the cluster that names the broker.\n\
         * *Peak memory* is `VmHWM` after everything but the cold reading. Page cache is not in it, for neither.",
        plan.rounds,
        took.as_secs_f64() / 60.0,
        digits(plan.warm_up_records(Contender::ForebayFsync) as f64),
        digits(plan.records as f64),
        plan.latency_seconds,
    )
}
