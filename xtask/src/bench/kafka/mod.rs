//! `cargo xtask bench kafka`: Forebay and Apache Kafka in turn on the same machine, under the same
//! load, round after round.

mod claim;
mod contender;
mod measure;
mod plan;
mod results;
mod round;

use std::time::Instant;

use anyhow::Result;

use super::comparison::{self, Contender as _, Measured};
use super::load::{frames, librdkafka};
use super::{machine, server};
use crate::layout::Layout;
use crate::toolchain::Toolchain;
use contender::Contender;
use plan::Plan;
use round::Turn;

/// Options of `cargo xtask bench kafka`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Two short rounds, a few minutes.
    #[arg(long)]
    quick: bool,
    /// How many rounds, in place of 4 (2 with --quick).
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Only Kafka's own tools: throughput, processor time and memory, no latency.
    #[arg(long)]
    tools_only: bool,
    /// Also how long a start takes with so many gigabytes of logs in 1,000 partitions; 10 if no
    /// number is given, which is what is published.
    #[arg(long, value_name = "GB", num_args = 0..=1, default_missing_value = "10")]
    large: Option<u64>,
}

impl Args {
    fn plan(&self) -> Plan {
        let plan = if self.quick {
            Plan::quick()
        } else {
            Plan::full()
        };
        Plan {
            rounds: self.rounds.unwrap_or(plan.rounds).max(1),
            tools_only: self.tools_only,
            large_bytes: self.large.map(|gigabytes| gigabytes * 1_000_000_000),
            ..plan
        }
    }
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let plan = args.plan();
    let folder = server::folder(layout);
    std::fs::create_dir_all(&folder)?;
    // The records of all topics of a turn; what a sort writes twice for a while.
    let needed = (10_000 * plan.records).max(2 * plan.large_bytes.unwrap_or(0));
    machine::require_space(&folder, needed)?;
    let description = machine::describe(layout, &folder);
    Toolchain::Java.prepare(layout)?;
    server::build_forebay(layout)?;
    librdkafka::build(layout)?;
    frames::build(layout)?;

    let started = Instant::now();
    let (mut measured, mut curves, mut failures) = (Measured::default(), Vec::new(), Vec::new());
    let mut attempt = |contender: Contender, round: usize, large_bytes: Option<u64>| {
        let turn = Turn {
            layout,
            plan: &plan,
            contender,
            round,
            measured: &mut measured,
            curves: &mut curves,
        };
        let outcome = match large_bytes {
            Some(bytes) => turn.take_large(bytes),
            None => turn.take(),
        };
        if let Err(error) = outcome {
            println!("!!! {} in round {}: {error:#}", contender.name(), round + 1);
            failures.push(format!(
                "{}, round {}: {error}",
                contender.name(),
                round + 1
            ));
        }
    };
    for round in 0..plan.rounds {
        comparison::announce(round, plan.rounds);
        for contender in Contender::order(round) {
            attempt(contender, round, None);
        }
    }
    if let Some(bytes) = plan.large_bytes {
        println!("{} GB of logs in 1,000 partitions", bytes / 1_000_000_000);
        for contender in [Contender::ForebayFsync, Contender::KafkaDefault] {
            attempt(contender, 0, Some(bytes));
        }
    }
    let results = results::Results {
        description,
        plan: &plan,
        measured: &measured,
        curves: &curves,
        failures: &failures,
        took: started.elapsed(),
    };
    results.write(layout)?;
    comparison::all_measured(&failures)
}
