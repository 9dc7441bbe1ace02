//! `cargo xtask bench kafka`: Forebay and Apache Kafka in turn on the same machine, under the same
//! load, round after round.

mod claim;
mod contender;
mod measure;
mod plan;
mod results;
mod round;

use std::time::Instant;

use anyhow::{Result, ensure};

use super::load::{frames, librdkafka};
use super::{machine, server};
use crate::layout::Layout;
use crate::toolchain::Toolchain;
use contender::Contender;
use measure::Measured;
use plan::{LARGE_BYTES, Plan};
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
    /// Also how long a start takes with 10 GB of logs in 1,000 partitions.
    #[arg(long)]
    large: bool,
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
            large: self.large,
            ..plan
        }
    }
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let plan = args.plan();
    let folder = server::folder(layout);
    std::fs::create_dir_all(&folder)?;
    // Forebay's journal and segments, Kafka's logs, and what is deleted but not yet free.
    let needed = if plan.large {
        4 * LARGE_BYTES
    } else {
        20_000 * plan.records
    };
    machine::require_space(&folder, needed)?;
    let description = machine::describe(layout, &folder);
    Toolchain::Java.prepare(layout)?;
    server::build_forebay(layout)?;
    librdkafka::build(layout)?;
    frames::build(layout)?;

    let started = Instant::now();
    let (mut measured, mut curves, mut failures) = (Measured::default(), Vec::new(), Vec::new());
    let mut attempt = |contender: Contender, round: usize, large: bool| {
        let turn = Turn {
            layout,
            plan: &plan,
            contender,
            round,
            measured: &mut measured,
            curves: &mut curves,
        };
        let outcome = if large {
            turn.take_large()
        } else {
            turn.take()
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
        println!(
            "round {} of {}, load {}",
            round + 1,
            plan.rounds,
            machine::load()
        );
        for contender in Plan::order(round) {
            attempt(contender, round, false);
        }
    }
    if plan.large {
        println!("10 GB of logs in 1,000 partitions");
        for contender in [Contender::ForebayFsync, Contender::KafkaDefault] {
            attempt(contender, 0, true);
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
    ensure!(
        failures.is_empty(),
        "not everything was measured:\n{}",
        failures.join("\n")
    );
    Ok(())
}
