//! Project tasks, run as `cargo xtask <task>`.
#![allow(
    clippy::print_stdout,
    reason = "a task talks to the terminal it was started from"
)]

mod bench;
mod cargo;
mod codegen;
mod fuzz;
mod kafka_node;
mod layout;
mod process;
mod rabbitmq;
mod sim;
mod sqs_nodes;
mod test;
mod toolchain;

use clap::{Parser, Subcommand};

/// Tasks of the project.
#[derive(Parser)]
#[command(name = "cargo xtask")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Measure Forebay: beside Apache Kafka, RabbitMQ and ElasticMQ, beside the disk, in instructions.
    Bench(bench::Args),
    /// Write the Kafka messages from Apache Kafka's schemas.
    Codegen(codegen::Args),
    /// Look for bytes that break a promise.
    Fuzz(fuzz::Args),
    /// Deterministic simulation of the broker, from seeds.
    Sim(sim::Args),
    /// Unit and property tests, then every conformance suite with real clients.
    Test(test::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Bench(args) => bench::run(&args),
        Task::Codegen(args) => codegen::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Sim(args) => sim::run(&args),
        Task::Test(args) => test::run(&args),
    }
}
