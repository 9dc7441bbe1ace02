//! `cargo xtask bench rabbitmq`: Forebay and RabbitMQ in turn on the same machine, under the same
//! load, round after round.

mod backlog;
mod claim;
mod contender;
mod idle;
mod measure;
mod plan;
mod results;
mod routing;
mod samples;
mod turn;

use std::time::Instant;

use anyhow::Result;
use clap::ValueEnum;

use super::comparison::{self, Contender as _, Measured};
use super::load::amqp;
use super::{machine, server};
use crate::layout::Layout;
use crate::toolchain::Toolchain;
use contender::Contender;
use plan::{Plan, Workload};
use turn::Turn;

/// What a backlog takes on the disk: message, framing, and what a sort writes twice for a while.
const BACKLOG_MESSAGE_BYTES: u64 = 1_000;

/// A machine that does more than this for others is not measured, it is guessed at: such a turn is left
/// out. The kernel's own threads, which write the page cache back, are among the others.
const MAX_OTHERS_PERCENT: f64 = 15.0;

/// Options of `cargo xtask bench rabbitmq`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// One short round, a few minutes.
    #[arg(long)]
    quick: bool,
    /// How many rounds, in place of 3 (1 with --quick).
    #[arg(long, value_name = "N")]
    rounds: Option<usize>,
    /// Only these workloads, in place of all.
    #[arg(long, value_delimiter = ',')]
    only: Vec<Workload>,
    /// Adds to what earlier runs have measured, so that a long run can be made in pieces.
    #[arg(long)]
    resume: bool,
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
            ..plan
        }
    }

    fn workloads(&self) -> &[Workload] {
        if self.only.is_empty() {
            Workload::value_variants()
        } else {
            &self.only
        }
    }
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let plan = args.plan();
    let folder = server::folder(layout);
    std::fs::create_dir_all(&folder)?;
    machine::require_space(&folder, BACKLOG_MESSAGE_BYTES * plan.backlog)?;
    let description = machine::describe(layout, &folder);
    Toolchain::Rabbitmq.prepare(layout)?;
    Toolchain::PerfTest.prepare(layout)?;
    server::build_forebay(layout)?;
    amqp::build(layout)?;

    let started = Instant::now();
    let mut measured = if args.resume {
        samples::load(layout)?
    } else {
        Measured::default()
    };
    let rounds = measured.samples().iter().map(|sample| sample.round + 1);
    let first = rounds.max().unwrap_or(0);
    let mut failures = Vec::new();
    for round in first..first + plan.rounds {
        comparison::announce(round - first, plan.rounds);
        for workload in args.workloads() {
            let contenders = Contender::order(round).into_iter();
            for contender in contenders.filter(|it| workload.contenders().contains(it)) {
                let mut found = Measured::default();
                let turn = Turn {
                    layout,
                    plan: &plan,
                    contender,
                    round,
                    measured: &mut found,
                };
                let name = contender.name();
                if let Err(error) = turn.take(*workload) {
                    println!("!!! {name}, {workload:?}: {error:#}");
                    failures.push(format!("{name}, {workload:?}: {error}"));
                }
                let others = measure::taken_by_others(&found);
                if others > MAX_OTHERS_PERCENT {
                    println!("!!! {name}, {workload:?}: others took {others:.0} % of the machine");
                    failures.push(format!(
                        "{name}, {workload:?}: other programs took {others:.0} % of the machine"
                    ));
                    continue;
                }
                measured.extend(found);
                samples::save(layout, &measured)?;
            }
        }
    }
    let results = results::Results {
        description,
        plan: &plan,
        measured: &measured,
        failures: &failures,
        took: started.elapsed(),
    };
    results.write(layout)?;
    comparison::all_measured(&failures)
}
