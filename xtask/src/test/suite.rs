//! The suites: what each is, what it needs, how it is started and how its results are read.

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::broker::Broker;
use super::layout::Layout;
use super::process::{self, Ending};
use super::report::{Format, Report};
use super::toolchain::Toolchain;
use super::{Args, Kind};

pub(crate) struct Suite {
    /// What `--suite` takes.
    pub(crate) name: &'static str,
    pub(crate) about: &'static str,
    /// The column in the table.
    pub(crate) client: &'static str,
    pub(crate) toolchains: &'static [Toolchain],
    /// Part of `--quick`.
    pub(crate) quick: bool,
    /// Whether the runner starts a broker for it; the others start and kill their own.
    pub(crate) needs_broker: bool,
    /// False for what only makes sense with our own process (crash, start-up faults, figures).
    pub(crate) proves_itself_on_kafka: bool,
    pub(crate) limit: Duration,
    pub(crate) work: Work,
}

#[derive(Clone, Copy)]
pub(crate) enum Work {
    Command(fn(&Layout) -> (Command, Format)),
    /// Records from each client, read by every other: see `cross.rs`.
    EveryPair,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

pub(crate) const ALL: &[Suite] = &[
    Suite {
        name: "kcat",
        about: "kcat from the distribution: a smoke test with an older librdkafka",
        client: "kcat",
        toolchains: &[Toolchain::Python, Toolchain::Kcat],
        quick: true,
        needs_broker: true,
        proves_itself_on_kafka: true,
        limit: minutes(3),
        work: Work::Command(|layout| pytest(layout, "kcat")),
    },
    Suite {
        name: "confluent-kafka",
        about: "librdkafka through confluent-kafka (Python)",
        client: "librdkafka",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proves_itself_on_kafka: true,
        limit: minutes(10),
        work: Work::Command(|layout| pytest(layout, "librdkafka")),
    },
    Suite {
        name: "kafka-python",
        about: "kafka-python (pure Python)",
        client: "kafka-python",
        toolchains: &[Toolchain::Python],
        quick: false,
        needs_broker: true,
        proves_itself_on_kafka: true,
        limit: minutes(10),
        work: Work::Command(|layout| pytest(layout, "kafka_python")),
    },
    Suite {
        name: "hostile",
        about: "bytes that no client sends, and connections that misbehave",
        client: "wire",
        toolchains: &[Toolchain::Python],
        quick: true,
        needs_broker: true,
        proves_itself_on_kafka: true,
        limit: minutes(8),
        work: Work::Command(|layout| pytest(layout, "hostile")),
    },
];

/// Runs a suite's own test program and reads what it found.
pub(crate) fn run_command(
    layout: &Layout,
    args: &Args,
    suite: &Suite,
    command: fn(&Layout) -> (Command, Format),
    broker: Option<&Broker>,
    report: &mut Report,
) -> Result<()> {
    let (mut command, format) = command(layout);
    command
        .env("BROKER_KIND", args.against.name())
        .env("FOREBAY", layout.forebay())
        .env("CACHE", &layout.cache)
        .env("QUICK", if args.quick { "1" } else { "" });
    if let Some(broker) = broker {
        broker.describe_to(&mut command);
    }
    let log = layout.log(suite.name);
    let before = report.len();
    let ending = process::run(&mut command, &log, suite.limit)?;
    let output = fs::read(&log)?;
    let failed_before = report.failed();
    report.read(suite.client, format, &String::from_utf8_lossy(&output));
    let explained = report.failed() > failed_before;
    match ending {
        Ending::TimedOut => {
            let reason = format!("longer than {:?}\n{}", suite.limit, process::tail(&log));
            report.fail(suite.client, "suite_ends_in_time", &reason);
        }
        Ending::Exited(status) if !status.success() && !explained => {
            let reason = format!("{status}\n{}", process::tail(&log));
            report.fail(suite.client, "suite_runs", &reason);
        }
        Ending::Exited(_) if report.len() == before => {
            report.fail(suite.client, "suite_runs", "it reported no case at all");
        }
        Ending::Exited(_) => {}
    }
    Ok(())
}

fn pytest(layout: &Layout, folder: &str) -> (Command, Format) {
    let mut command = Command::new(layout.cache.join("venv/bin/python"));
    command
        .args(["-m", "pytest", "-q", "-p", "no:cacheprovider", folder])
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .current_dir(layout.conformance.join("python"));
    (command, Format::Lines)
}
