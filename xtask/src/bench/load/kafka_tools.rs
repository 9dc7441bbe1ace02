//! `kafka-producer-perf-test` and `kafka-consumer-perf-test` of the release that is measured.

use std::fs;
use std::process::Command;

use anyhow::{Context, Result};

use super::LIMIT;
use crate::layout::Layout;
use crate::process;

/// How the tools' own scripts run the JVM (`kafka-producer-perf-test.sh`, `kafka-run-class.sh`).
const JVM: &[&str] = &[
    "-Xmx512M",
    "-server",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:InitiatingHeapOccupancyPercent=35",
    "-XX:+ExplicitGCInvokesConcurrent",
    "-XX:MaxInlineLevel=15",
    "-Djava.awt.headless=true",
];

/// What a tool is pointed at.
pub(crate) struct Work<'a> {
    pub(crate) bootstrap: &'a str,
    pub(crate) topic: &'a str,
    pub(crate) records: u64,
}

/// Sends records as fast as they are taken, acknowledged by all; answers records a second.
pub(crate) fn produce(layout: &Layout, work: &Work<'_>, record_bytes: u32) -> Result<f64> {
    let mut command = tool(layout, "org.apache.kafka.tools.ProducerPerformance", work);
    command
        .args(["--throughput", "-1", "--command-property", "acks=all"])
        .args(["--record-size", &record_bytes.to_string()]);
    let output = run(layout, &mut command)?;
    producer_rate(&output, work.records).with_context(|| format!("no rate in:\n{output}"))
}

/// Reads records from the beginning in a fresh group; answers records a second, without the time that
/// the group took to form.
pub(crate) fn consume(layout: &Layout, work: &Work<'_>) -> Result<f64> {
    let mut command = tool(layout, "org.apache.kafka.tools.ConsumerPerformance", work);
    command.args(["--timeout", "60000"]);
    let output = run(layout, &mut command)?;
    consumer_rate(&output, work.records).with_context(|| format!("no rate in:\n{output}"))
}

fn tool(layout: &Layout, class: &str, work: &Work<'_>) -> Command {
    let mut command = Command::new("java");
    command
        .args(JVM)
        .arg("-cp")
        .arg(layout.cache.join("java/lib/*"))
        .arg(class)
        .args(["--bootstrap-server", work.bootstrap])
        .args(["--topic", work.topic])
        .args(["--num-records", &work.records.to_string()]);
    command
}

fn run(layout: &Layout, command: &mut Command) -> Result<String> {
    let log = layout.log("bench.kafka-tools");
    process::must(command, &log, LIMIT)?;
    fs::read_to_string(&log).with_context(|| log.display().to_string())
}

/// The last line is the whole run: `N records sent, R records/sec (...), ... 99.9th.`. Fewer records
/// than were asked for are no rate at all.
fn producer_rate(output: &str, records: u64) -> Option<f64> {
    let line = output.lines().rfind(|line| line.contains("99.9th"))?;
    let (sent, rest) = line.split_once(" records sent, ")?;
    let (rate, _) = rest.split_once(" records/sec")?;
    let all = sent.trim().parse::<u64>().ok()? == records;
    all.then(|| rate.parse().ok()).flatten()
}

/// The line under the header: start, end, MB, MB/s, records, records/s, rebalance ms, fetch ms,
/// fetch MB/s, fetch records/s. Times are dates with commas nowhere.
fn consumer_rate(output: &str, records: u64) -> Option<f64> {
    let fields: Vec<_> = output.lines().last()?.split(", ").collect();
    let [_, _, _, _, count, _, _, _, _, rate] = fields[..] else {
        return None;
    };
    let all = count.parse::<u64>().ok()? >= records;
    all.then(|| rate.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_a_whole_run_is_read() {
        let output = "613966 records sent, 122793.2 records/sec (119.92 MB/sec), 212.6 ms avg latency, \
                      537.0 ms max latency.\n\
                      2000000 records sent, 157604.4 records/sec (153.91 MB/sec), 155.99 ms avg \
                      latency, 537.00 ms max latency, 160 ms 50th, 300 ms 95th, 415 ms 99th, 445 ms \
                      99.9th.\n";
        assert_eq!(producer_rate(output, 2_000_000), Some(157_604.4));
        assert_eq!(producer_rate(output, 2_000_001), None);
        assert_eq!(producer_rate("", 1), None);
    }

    #[test]
    fn the_time_of_a_rebalance_is_left_out() {
        let output = "start.time, end.time, data.consumed.in.MB, MB.sec, data.consumed.in.nMsg, \
                      nMsg.sec, rebalance.time.ms, fetch.time.ms, fetch.MB.sec, fetch.nMsg.sec\n\
                      2026-11-21 11:17:40:620, 2026-11-21 11:17:43:668, 1953.1250, 640.7890, 2000000, \
                      656167.9790, 290, 2758, 708.1672, 725163.1617\n";
        assert_eq!(consumer_rate(output, 2_000_000), Some(725_163.161_7));
        assert_eq!(consumer_rate(output, 2_000_001), None);
    }
}
