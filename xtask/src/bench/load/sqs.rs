//! `bench/src/sqs`: load on a server of SQS from requests that were written once, so that the server is the
//! limit.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::{Held, LIMIT};
use crate::bench::server;
use crate::layout::Layout;
use crate::process;

/// A server, as this load sees it, and the queue on it that is used.
#[derive(Clone, Copy)]
pub(crate) struct Sqs<'a> {
    pub(crate) layout: &'a Layout,
    pub(crate) address: &'a str,
    pub(crate) queue: &'a str,
}

/// How much is done, in what pieces, by how many at once.
pub(crate) struct Work {
    pub(crate) messages: u64,
    pub(crate) batch: u32,
    pub(crate) connections: u32,
    pub(crate) body_bytes: u32,
}

/// How long something took.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Quantiles {
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
}

/// Send, receive, delete.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Cycle {
    pub(crate) messages_per_second: f64,
    pub(crate) send: Quantiles,
    pub(crate) receive: Quantiles,
    pub(crate) delete: Quantiles,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Sent {
    pub(crate) requests_per_second: f64,
    pub(crate) messages_per_second: f64,
    pub(crate) send: Quantiles,
}

/// From the moment when a message was due until it was received; and how late it was sent.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Steady {
    pub(crate) received: Quantiles,
    pub(crate) late: Quantiles,
}

#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Drained {
    pub(crate) taken: u64,
    pub(crate) messages_per_second: f64,
}

#[derive(Clone, Debug, Deserialize)]
struct Counted {
    found: u64,
}

impl Sqs<'_> {
    pub(crate) fn cycle(&self, work: &Work) -> Result<Cycle> {
        self.read(&mut self.command("cycle", work))
    }

    pub(crate) fn send(&self, work: &Work) -> Result<Sent> {
        self.read(&mut self.command("send", work))
    }

    /// Takes what is there.
    pub(crate) fn drain(&self, work: &Work) -> Result<Drained> {
        self.read(&mut self.command("drain", work))
    }

    /// How many messages are there.
    pub(crate) fn waiting(&self) -> Result<u64> {
        let mut command = self.bare_command("drain");
        let counted: Counted = self.read(command.args(["--messages", "0"]))?;
        Ok(counted.found)
    }

    /// Sends at a fixed rate; the first `warm_up` messages are not timed.
    pub(crate) fn steady(
        &self,
        work: &Work,
        rate: u32,
        warm_up: u32,
        receivers: u32,
    ) -> Result<Steady> {
        let mut command = self.command("steady", work);
        command
            .args(["--rate", &rate.to_string()])
            .args(["--warm-up", &warm_up.to_string()])
            .args(["--receivers", &receivers.to_string()]);
        self.read(&mut command)
    }

    /// Has so many receivers wait until it is dropped.
    pub(crate) fn polls(&self, count: u32) -> Result<Held> {
        let mut command = self.bare_command("polls");
        command.arg(count.to_string());
        let log = self.layout.log("bench.sqs-polls");
        Held::start(&command, &log, "polls wait")
    }

    fn command(&self, what: &str, work: &Work) -> Command {
        let mut command = self.bare_command(what);
        command
            .args(["--messages", &work.messages.to_string()])
            .args(["--batch", &work.batch.to_string()])
            .args(["--connections", &work.connections.to_string()])
            .args(["--body-bytes", &work.body_bytes.to_string()]);
        command
    }

    fn bare_command(&self, what: &str) -> Command {
        let mut command = Command::new(server::kept(self.layout, PROGRAM));
        command.args(["--address", self.address, "--queue", self.queue, what]);
        command
    }

    fn read<T: DeserializeOwned>(&self, command: &mut Command) -> Result<T> {
        let log = self.layout.log("bench.sqs");
        process::must(command, &log, LIMIT)?;
        let text = fs::read_to_string(&log)?;
        serde_json::from_str(text.trim()).with_context(|| text.clone())
    }
}

const PROGRAM: &str = "sqs";

/// Builds the generator.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    super::build(layout, PROGRAM)
}
