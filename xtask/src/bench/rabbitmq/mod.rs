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
mod turn;

use anyhow::Result;
use clap::ValueEnum;

use super::comparison::{self, Rounds};
use super::load::amqp;
use super::{machine, server};
use crate::layout::Layout;
use crate::rabbitmq::Version;
use crate::toolchain::Toolchain;
use plan::{Plan, Workload};
use turn::Turn;

/// What a backlog takes on the disk: message, framing, and what a sort writes twice for a while.
const BACKLOG_MESSAGE_BYTES: u64 = 1_000;

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
    for version in [Version::V4_3, Version::V3_10] {
        Toolchain::Rabbitmq(version).prepare(layout)?;
    }
    Toolchain::PerfTest.prepare(layout)?;
    server::build_forebay(layout)?;
    amqp::build(layout)?;

    let rounds = Rounds {
        layout,
        plan: &plan,
        name: "rabbitmq",
        count: plan.rounds,
        resume: args.resume,
        measures: measure::ALL,
        shares: &measure::SHARES,
    };
    let take = |turn: Turn<'_>, workload| turn.take(workload);
    let outcome = rounds.run(args.workloads(), Workload::contenders, take)?;
    let results = results::Results {
        description,
        plan: &plan,
        outcome: &outcome,
    };
    results.write(layout)?;
    comparison::all_measured(&outcome.failures)
}
