//! Project tasks, run as `cargo xtask <task>`.
#![allow(
    clippy::print_stdout,
    reason = "a task talks to the terminal it was started from"
)]

use clap::{Parser, Subcommand};

mod test;

#[derive(Parser)]
#[command(name = "cargo xtask", about = "Project tasks")]
struct Cli {
    #[command(subcommand)]
    task: Task,
}

#[derive(Subcommand)]
enum Task {
    /// Unit and property tests, then every conformance suite with real clients.
    Test(test::Args),
}

fn main() -> anyhow::Result<()> {
    match Cli::parse().task {
        Task::Test(args) => test::run(&args),
    }
}
