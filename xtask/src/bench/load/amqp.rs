//! `bench/src/amqp`: AMQP load from messages that were encoded once, so that the server is the limit.

use std::fs;
use std::process::Command;

use anyhow::{Result, bail};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::server;
use super::{Held, LIMIT};
use crate::layout::Layout;
use crate::process;

const PROGRAM: &str = "amqp";

/// What a load found.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Found {
    pub(crate) published_per_second: f64,
    pub(crate) delivered_per_second: Option<f64>,
    pub(crate) confirm_p50_ms: Option<f64>,
    pub(crate) confirm_p99_ms: Option<f64>,
    pub(crate) confirm_p999_ms: Option<f64>,
    /// How late the generator itself was: a latency below is not the broker's.
    pub(crate) late_p99_ms: Option<f64>,
}

/// What was in a queue, and how fast it came out.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drained {
    pub(crate) found: u64,
    pub(crate) delivered_per_second: Option<f64>,
}

/// A broker, as this load sees it.
#[derive(Clone, Copy)]
pub(crate) struct Amqp<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) address: &'a str,
    pub(crate) quorum: bool,
}

impl Amqp<'_> {
    /// Publishes and consumes, on queues whose names begin with `name`; `options` are those of the program.
    pub(crate) fn load(&self, name: &str, options: &[&str]) -> Result<Found> {
        let mut command = self.command(name);
        self.read(command.arg("load").args(options))
    }

    /// Takes so many messages from the first of those queues; only counts what is there if 0.
    pub(crate) fn drain(&self, name: &str, messages: u64, options: &[&str]) -> Result<Drained> {
        let mut command = self.command(name);
        let messages = messages.to_string();
        command.args(["drain", "--messages", &messages]);
        self.read(command.args(options))
    }

    /// Declares durable queues.
    pub(crate) fn queues(&self, count: u32) -> Result<()> {
        let mut command = self.command("idle");
        let log = self.layout.log("bench.amqp");
        process::must(command.args(["queues", &count.to_string()]), &log, LIMIT)
    }

    /// Holds connections open until it is dropped.
    pub(crate) fn connections(&self, count: u32) -> Result<Held> {
        let mut command = self.command("idle");
        command.args(["connections", &count.to_string()]);
        let log = self.layout.log("bench.amqp-connections");
        Held::start(&command, &log, "are open")
    }

    fn command(&self, name: &str) -> Command {
        let mut command = Command::new(server::kept(self.layout, PROGRAM));
        command.args(["--address", self.address, "--name", name]);
        if self.quorum {
            command.arg("--quorum");
        }
        command
    }

    fn read<T: DeserializeOwned>(&self, command: &mut Command) -> Result<T> {
        let log = self.layout.log("bench.amqp");
        process::must(command, &log, LIMIT)?;
        let text = fs::read_to_string(&log)?;
        match serde_json::from_str(text.trim()) {
            Ok(found) => Ok(found),
            Err(error) => bail!("{error} in {text}"),
        }
    }
}

/// Builds the generator.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    super::build(layout, PROGRAM)
}
