//! `bench/load`: our load on librdkafka, which is built apart from the workspace.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use super::super::server;
use super::LIMIT;
use crate::layout::Layout;
use crate::process;

/// librdkafka is compiled from source.
const BUILD_LIMIT: Duration = Duration::from_secs(15 * 60);

/// Seconds that `forebay-load latency` sends before it counts.
pub(crate) const WARM_UP_SECONDS: u32 = 2;

/// Records in a row.
#[derive(Deserialize)]
pub(crate) struct Throughput {
    pub(crate) records_per_second: f64,
}

/// Acknowledgements at a fixed rate, timed from the moment each record was due.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Latency {
    /// Records that were given up.
    pub(crate) failed: u64,
    /// What the generator managed to send.
    pub(crate) sent_per_second: f64,
    pub(crate) p50_ms: f64,
    pub(crate) p99_ms: f64,
    pub(crate) p999_ms: f64,
    /// How late the generator itself was: a latency below is not the broker's.
    pub(crate) generator_late_p99_ms: f64,
    /// Quantile and milliseconds.
    pub(crate) curve: Vec<(f64, f64)>,
}

/// Builds the load generator.
pub(crate) fn build(layout: &Layout) -> Result<()> {
    println!("building the load generator");
    let mut build = Command::new("cargo");
    build
        .args(["build", "--release", "--locked"])
        .current_dir(layout.root.join("bench/load"))
        .env("CARGO_TARGET_DIR", target(layout));
    process::must(&mut build, &layout.log("bench.build-load"), BUILD_LIMIT)
}

pub(crate) fn produce(layout: &Layout, bootstrap: &str, topic: &str, records: u64) -> Result<f64> {
    throughput(layout, bootstrap, "produce", topic, records)
}

pub(crate) fn consume(layout: &Layout, bootstrap: &str, topic: &str, records: u64) -> Result<f64> {
    throughput(layout, bootstrap, "consume", topic, records)
}

/// Produces and consumes the same records at the same time.
pub(crate) fn follow(layout: &Layout, bootstrap: &str, topic: &str, records: u64) -> Result<f64> {
    throughput(layout, bootstrap, "follow", topic, records)
}

pub(crate) fn latency(
    layout: &Layout,
    bootstrap: &str,
    topic: &str,
    rate: u32,
    seconds: u32,
) -> Result<Latency> {
    let mut command = load(layout, bootstrap, "latency", topic);
    command
        .args(["--rate", &rate.to_string()])
        .args(["--seconds", &seconds.to_string()])
        .args(["--warm-up-seconds", &WARM_UP_SECONDS.to_string()]);
    run(layout, &mut command)
}

fn throughput(
    layout: &Layout,
    bootstrap: &str,
    what: &str,
    topic: &str,
    records: u64,
) -> Result<f64> {
    let mut command = load(layout, bootstrap, what, topic);
    command.args(["--records", &records.to_string()]);
    let found: Throughput = run(layout, &mut command)?;
    ensure!(found.records_per_second.is_finite(), "{what}: no rate");
    Ok(found.records_per_second)
}

fn load(layout: &Layout, bootstrap: &str, what: &str, topic: &str) -> Command {
    let mut command = Command::new(target(layout).join("release/forebay-load"));
    command.args(["--bootstrap", bootstrap, what, "--topic", topic]);
    command
}

/// The last line of the output is what it found; librdkafka's own lines go before.
fn run<T: DeserializeOwned>(layout: &Layout, command: &mut Command) -> Result<T> {
    let log = layout.log("bench.load");
    process::must(command, &log, LIMIT)?;
    let text = fs::read_to_string(&log)?;
    let found = text.lines().rfind(|line| line.starts_with('{'));
    let found = found.with_context(|| format!("nothing found in:\n{text}"))?;
    serde_json::from_str(found).with_context(|| found.to_owned())
}

fn target(layout: &Layout) -> PathBuf {
    server::folder(layout).join("load")
}
