//! `cargo xtask bench`: how fast Forebay is, beside Apache Kafka, beside the bare disk, and beside
//! what it was before.
//!
//! Every benchmark writes a page and its charts to `bench/results/`. Times hang on the machine;
//! ratios of things measured in turn on the same machine hang on it less, so they are the headline.

mod chart;
mod cost;
mod kafka;
mod load;
mod machine;
mod page;
mod probe;
mod samples;
mod server;
mod usage;

use anyhow::Result;
use clap::Subcommand;

use crate::layout::Layout;

/// Benchmarks.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    #[command(subcommand)]
    benchmark: Benchmark,
}

#[derive(Debug, Subcommand)]
enum Benchmark {
    /// Forebay and Apache Kafka in turn, under the same load.
    Kafka(kafka::Args),
}

/// Runs one benchmark.
pub(crate) fn run(args: &Args) -> Result<()> {
    let layout = Layout::find()?;
    match &args.benchmark {
        Benchmark::Kafka(args) => kafka::run(&layout, args),
    }
}
