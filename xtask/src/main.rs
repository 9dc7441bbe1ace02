//! Project tasks, run as `cargo xtask <task>`.
#![allow(
    clippy::print_stdout,
    reason = "a task talks to the terminal it was started from"
)]

mod codegen;
mod fuzz;
mod sim;
mod test;

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
        Task::Codegen(args) => codegen::run(&args),
        Task::Fuzz(args) => fuzz::run(&args),
        Task::Sim(args) => sim::run(&args),
        Task::Test(args) => test::run(&args),
    }
}
