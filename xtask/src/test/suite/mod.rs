//! The suites: what each is, what it needs, how it is started and how its results are read. The table is in parts, by
//! what the clients speak.

mod aws;
mod kafka;
mod process;
mod rabbitmq;

use std::fs;
use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use self::aws::AWS;
use self::kafka::KAFKA;
use self::process::PROCESS;
use self::rabbitmq::RABBITMQ;
use super::Args;
use super::broker::{Broker, Kind};
use super::report::{Format, Report};
use super::upstream::Upstream;
use crate::layout::Layout;
use crate::process::{Ending, run, tail};
use crate::toolchain::Toolchain;

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
    /// The originals that the suite must pass on, too: one it fails is a wrong suite. None for what
    /// only makes sense with our own process (crash, start-up faults, figures).
    pub(crate) proved_on: &'static [Kind],
    pub(crate) limit: Duration,
    pub(crate) work: Work,
}

#[derive(Clone, Copy)]
pub(crate) enum Work {
    Command(fn(&Layout) -> (Command, Format)),
    /// The tests that a client's own project runs: see `upstream.rs`.
    Upstream(&'static Upstream),
    /// Histories from seeds: see `sim/`.
    Simulation,
    /// Records from each client, read by every other: see `cross.rs`.
    EveryPair,
}

const fn minutes(n: u64) -> Duration {
    Duration::from_secs(n * 60)
}

/// Suites that wait for disks, networks and clocks of their own most of the time, and measure nothing.
const MOSTLY_WAIT: &[&str] = &[
    "hostile",
    "faults",
    "crash",
    "crash-queues",
    "power-cut",
    "disk-full",
    "disk-faults",
    "bit-flips",
    "network-faults",
    "resource-faults",
];

/// Whether a suite leaves most of the machine to others.
pub(crate) fn mostly_waits(suite: &Suite) -> bool {
    MOSTLY_WAIT.contains(&suite.name)
}

/// All of them, in the order in which they run.
pub(crate) fn all() -> impl Iterator<Item = &'static Suite> {
    [PROCESS, KAFKA, RABBITMQ, AWS].into_iter().flatten()
}

/// Runs a suite's own test program and reads what it found.
pub(crate) fn run_command(
    layout: &Layout,
    args: &Args,
    suite: &Suite,
    (mut command, format): (Command, Format),
    broker: Option<&Broker>,
    report: &mut Report,
) -> Result<()> {
    command
        .env("BROKER_KIND", args.against.name())
        .env("FOREBAY", layout.forebay())
        .env("CHECK_HISTORY", layout.check_history())
        .env("CACHE", &layout.cache)
        .env("QUICK", if args.quick { "1" } else { "" });
    if let Some(broker) = broker {
        broker.describe_to(&mut command);
    }
    let log = layout.log(suite.name);
    let before = report.len();
    let ending = run(&mut command, &log, suite.limit)?;
    let output = fs::read(&log)?;
    let failed_before = report.failed();
    report.read(suite.client, format, &String::from_utf8_lossy(&output));
    let explained = report.failed() > failed_before;
    match ending {
        Ending::TimedOut => {
            let reason = format!("longer than {:?}\n{}", suite.limit, tail(&log));
            report.fail(suite.client, "suite_ends_in_time", &reason);
        }
        Ending::Exited(status) if !status.success() && !explained => {
            let reason = format!("{status}\n{}", tail(&log));
            report.fail(suite.client, "suite_runs", &reason);
        }
        Ending::Exited(_) if report.len() == before => {
            report.fail(suite.client, "suite_runs", "it reported no case at all");
        }
        Ending::Exited(_) => {}
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_suite_that_waits_is_one() {
        for name in MOSTLY_WAIT {
            assert!(all().any(|suite| suite.name == *name), "{name}");
        }
    }
}
