//! The `forebay` binary: command line, configuration, sockets and wiring; nothing else.

mod allocator;
mod banner;
mod cli;
mod config;
mod descriptors;
mod listener;
mod memory;
mod places;
mod ready_file;
mod serve;
mod signals;
mod system;
mod telemetry;

use std::process::ExitCode;
use std::time::Instant;

/// The broker allocates from many threads at once, which the system allocator is slow at.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let started = Instant::now();
    match cli::run(started) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => failure.report(),
    }
}
