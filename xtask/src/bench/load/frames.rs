//! `bench/src/frames`: load from frames that were encoded once, so that the server is the limit.

use std::process::Command;

use anyhow::{Context, Result};

use super::LIMIT;
use super::librdkafka::Throughput;
use crate::cargo;
use crate::layout::Layout;
use crate::process;

/// What is sent, or read from the beginning.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Frames<'a> {
    pub(crate) bootstrap: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) partitions: u32,
    pub(crate) records: u64,
    /// Records of a produce request.
    pub(crate) batch_records: u32,
    /// The most that one answer to a fetch brings.
    pub(crate) fetch_bytes: u32,
}

/// What consumers ask for by default.
pub(crate) const FETCH_BYTES: u32 = 50 << 20;

impl Frames<'_> {
    /// Sends; answers records a second.
    pub(crate) fn produce(&self, layout: &Layout) -> Result<f64> {
        rate(layout, &mut self.produce_command(layout))
    }

    /// Reads; answers records a second.
    pub(crate) fn fetch(&self, layout: &Layout) -> Result<f64> {
        rate(layout, &mut self.fetch_command(layout))
    }

    pub(crate) fn produce_command(&self, layout: &Layout) -> Command {
        let mut command = self.command(layout, "produce");
        command.args(["--batch-records", &self.batch_records.to_string()]);
        command
    }

    pub(crate) fn fetch_command(&self, layout: &Layout) -> Command {
        let mut command = self.command(layout, "fetch");
        command.args(["--max-bytes", &self.fetch_bytes.to_string()]);
        command
    }

    fn command(&self, layout: &Layout, what: &str) -> Command {
        let mut command = Command::new(layout.released("frames"));
        command
            .args(["--bootstrap", self.bootstrap, what, "--topic", self.topic])
            .args(["--partitions", &self.partitions.to_string()])
            .args(["--records", &self.records.to_string()]);
        command
    }
}

/// Builds the generator.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    let mut build = cargo::command(layout);
    build
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "forebay-bench",
        ])
        .args(["--bin", "frames"]);
    process::must(&mut build, &layout.log("bench.build-frames"), cargo::LIMIT)
}

fn rate(layout: &Layout, command: &mut Command) -> Result<f64> {
    let log = layout.log("bench.frames");
    process::must(command, &log, LIMIT)?;
    let text = std::fs::read_to_string(&log)?;
    let found: Throughput = serde_json::from_str(text.trim()).with_context(|| text.clone())?;
    Ok(found.records_per_second)
}
