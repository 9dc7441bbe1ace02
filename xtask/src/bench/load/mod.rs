//! What puts load on a broker: Kafka's and RabbitMQ's own tools, ours on librdkafka, and frames and
//! requests of all protocols that were encoded once.

pub(crate) mod amqp;
pub(crate) mod frames;
pub(crate) mod kafka_tools;
pub(crate) mod librdkafka;
pub(crate) mod perf_test;
pub(crate) mod sqs;

use std::fs;
use std::path::Path;
use std::process::{Child, Command};
use std::time::Duration;

use anyhow::{Result, ensure};

use super::server;
use crate::cargo;
use crate::layout::Layout;
use crate::process;

/// A load that takes longer has met a broker that does not answer.
const LIMIT: Duration = Duration::from_secs(10 * 60);
/// How long connections that are only held may take to be opened.
const OPEN_LIMIT: Duration = Duration::from_secs(120);

/// A generator that holds connections open until it is dropped.
pub(crate) struct Held(Child);

impl Held {
    /// Starts it, and waits until it says that all are as they should be.
    fn start(command: &Command, log: &Path, says: &str) -> Result<Self> {
        let command = &mut process::tied_to_this_thread(command);
        let mut child = process::spawn(command, log)?;
        let has_said = || fs::read_to_string(log).is_ok_and(|said| said.contains(says));
        process::wait_until(&mut child, log, OPEN_LIMIT, has_said)?;
        Ok(Self(child))
    }

    /// Fails if it has ended, as it does when a connection is lost.
    pub(crate) fn still_holds(&mut self) -> Result<()> {
        let ended = self.0.try_wait()?;
        ensure!(ended.is_none(), "connections were lost");
        Ok(())
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        process::kill_tree(self.0.id());
        let _ = self.0.wait();
    }
}

/// Builds a generator of `bench/`, and keeps a copy of it.
fn build(layout: &Layout, program: &str) -> Result<()> {
    let mut build = cargo::command(layout);
    build.args(["build", "--release", "--locked"]).args([
        "--package",
        "forebay-bench",
        "--bin",
        program,
    ]);
    let log = layout.log(&format!("bench.build-{program}"));
    process::must(&mut build, &log, cargo::LIMIT)?;
    server::keep(layout, program)
}

/// Creates a topic through Forebay's command line, which speaks to any broker.
pub(crate) fn create_topic(
    layout: &Layout,
    bootstrap: &str,
    topic: &str,
    partitions: u32,
) -> Result<()> {
    let mut command = Command::new(server::measured_binary(layout));
    command
        .args(["--server", bootstrap, "--timeout", "120s"])
        .args(["topic", "create", topic, "--partitions"])
        .arg(partitions.to_string());
    process::must(&mut command, &layout.log("bench.topic"), LIMIT)
}
