//! `cargo xtask bench`: how fast Forebay is, beside Apache Kafka, beside RabbitMQ, beside other servers of SQS,
//! beside the bare disk, and beside what it was before.
//!
//! Every benchmark writes a page and its charts to `bench/results/`. Times hang on the machine;
//! ratios of things measured in turn on the same machine hang on it less, so they are the headline.

mod chart;
mod comparison;
mod cost;
mod disk;
mod flat;
mod hot_paths;
mod kafka;
mod load;
mod machine;
mod page;
mod probe;
mod rabbitmq;
mod samples;
mod server;
mod sqs;
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
    /// Forebay and RabbitMQ in turn, under the same load.
    Rabbitmq(rabbitmq::Args),
    /// Forebay, ElasticMQ and moto in turn, under the same load of SQS.
    Sqs(sqs::Args),
    /// The group commit beside what the disk can do.
    Disk(disk::Args),
    /// What should not grow with partitions and with the length of a log.
    Flat(flat::Args),
    /// Allocations, copies and system calls of a record.
    Counts(hot_paths::counts::Args),
    /// Instructions of the hot paths, beside what they were.
    Instructions(hot_paths::instructions::Args),
}

/// Runs one benchmark.
pub(crate) fn run(args: &Args) -> Result<()> {
    let layout = Layout::find()?;
    match &args.benchmark {
        Benchmark::Kafka(args) => kafka::run(&layout, args),
        Benchmark::Rabbitmq(args) => rabbitmq::run(&layout, args),
        Benchmark::Sqs(args) => sqs::run(&layout, args),
        Benchmark::Disk(args) => disk::run(&layout, args),
        Benchmark::Flat(args) => flat::run(&layout, args),
        Benchmark::Counts(args) => hot_paths::counts::run(&layout, args),
        Benchmark::Instructions(args) => hot_paths::instructions::run(&layout, args),
    }
}
