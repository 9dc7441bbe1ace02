//! Records from each client, read by every other client.
//!
//! Each client brings a pipe: `feed TOPIC CODEC FILE` sends the records of a file of JSON lines,
//! `dump TOPIC COUNT FILE` writes what it reads as such lines. What is sent, and whether what came
//! back is the same, is decided here, once for all languages.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};

use super::broker::Broker;
use super::report::Report;
use crate::layout::Layout;
use crate::process;
use crate::toolchain::Toolchain;

const LIMIT: Duration = Duration::from_secs(60);
const PARTITIONS: usize = 2;
const CODECS: [&str; 5] = ["none", "gzip", "snappy", "lz4", "zstd"];

/// A client's pipe: its column in the table, what it needs, how it starts.
struct Pipe {
    client: &'static str,
    toolchain: Toolchain,
    command: fn(&Layout) -> Command,
}

const PIPES: &[Pipe] = &[
    Pipe {
        client: "java",
        toolchain: Toolchain::Java,
        command: java,
    },
    Pipe {
        client: "librdkafka",
        toolchain: Toolchain::Python,
        command: python,
    },
    Pipe {
        client: "kafka-python",
        toolchain: Toolchain::Python,
        command: pure_python,
    },
    Pipe {
        client: "franz-go",
        toolchain: Toolchain::Go,
        command: go,
    },
    Pipe {
        client: "kafkajs",
        toolchain: Toolchain::Node,
        command: node,
    },
    Pipe {
        client: "rdkafka",
        toolchain: Toolchain::Rdkafka,
        command: rust,
    },
];

/// What the pipes need; a pair whose toolchain is missing is left out.
pub(crate) fn toolchains() -> impl Iterator<Item = Toolchain> {
    PIPES.iter().map(|pipe| pipe.toolchain)
}

/// One record, as it is written and as it is expected back; bytes are base64.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Record {
    partition: usize,
    timestamp: u64,
    key: Option<String>,
    value: Option<String>,
    headers: Vec<(String, Option<String>)>,
}

#[derive(Deserialize)]
struct Read {
    offset: usize,
    #[serde(flatten)]
    record: Record,
}

pub(crate) fn run(
    layout: &Layout,
    broker: &Broker,
    ready: &[Toolchain],
    report: &mut Report,
) -> Result<()> {
    let pipes: Vec<_> = PIPES
        .iter()
        .filter(|pipe| ready.contains(&pipe.toolchain))
        .collect();
    let folder = layout.cache.join("cross");
    fs::create_dir_all(&folder)?;
    build_go(layout, ready)?;

    let sent = records();
    let input = folder.join("records.jsonl");
    let lines: Result<Vec<_>, _> = sent.iter().map(serde_json::to_string).collect();
    fs::write(&input, lines?.join("\n") + "\n")?;
    let admin = pipes
        .iter()
        .find(|pipe| pipe.client == "librdkafka")
        .context("the topics are created with librdkafka, and Python is missing")?;

    let mut written = Vec::new();
    for writer in &pipes {
        let mut complete = true;
        let log = layout.log(&format!("cross-{}", writer.client));
        let mut create = (admin.command)(layout);
        create.args(["create", &topic_of(writer), &PARTITIONS.to_string()]);
        broker.describe_to(&mut create);
        process::must(&mut create, &log, LIMIT)?;
        for codec in CODECS {
            let mut feed = (writer.command)(layout);
            feed.args(["feed", &topic_of(writer), codec]).arg(&input);
            broker.describe_to(&mut feed);
            let case = format!("writes_for_every_client_{codec}");
            match process::must(&mut feed, &log, LIMIT) {
                Ok(()) => report.pass(writer.client, &case),
                Err(error) => {
                    complete = false;
                    report.fail(writer.client, &case, &format!("{error:#}"));
                }
            }
        }
        if complete {
            written.push(*writer);
        }
    }
    let sent: Vec<_> = CODECS.iter().flat_map(|_| sent.iter().cloned()).collect();
    for reader in &pipes {
        for writer in &written {
            let case = format!("reads_what_{}_wrote", writer.client.replace('-', "_"));
            match reads_everything(layout, broker, reader, writer, &sent, &folder) {
                Ok(()) => report.pass(reader.client, &case),
                Err(error) => report.fail(reader.client, &case, &format!("{error:#}")),
            }
        }
    }
    Ok(())
}

fn topic_of(writer: &Pipe) -> String {
    format!("cross-{}", writer.client)
}

/// `reader` finds what `writer` wrote, one codec after the other: same bytes, same order, dense
/// offsets.
fn reads_everything(
    layout: &Layout,
    broker: &Broker,
    reader: &Pipe,
    writer: &Pipe,
    sent: &[Record],
    folder: &Path,
) -> Result<()> {
    let topic = topic_of(writer);
    let name = format!("{topic}-by-{}", reader.client);
    let output = folder.join(format!("{name}.jsonl"));
    let mut dump = (reader.command)(layout);
    dump.args(["dump", &topic, &sent.len().to_string()])
        .arg(&output);
    broker.describe_to(&mut dump);
    process::must(&mut dump, &layout.log(&name), LIMIT)?;
    compare(sent, &fs::read_to_string(&output)?)
}

fn compare(sent: &[Record], text: &str) -> Result<()> {
    let mut by_partition: BTreeMap<usize, Vec<Read>> = BTreeMap::new();
    for line in text.lines() {
        let read: Read = serde_json::from_str(line).with_context(|| line.to_owned())?;
        by_partition
            .entry(read.record.partition)
            .or_default()
            .push(read);
    }
    for partition in 0..PARTITIONS {
        let expected: Vec<_> = sent.iter().filter(|r| r.partition == partition).collect();
        let got = by_partition.remove(&partition).unwrap_or_default();
        if expected.len() != got.len() {
            bail!(
                "partition {partition}: {} records of {}",
                got.len(),
                expected.len()
            );
        }
        for (offset, (expected, got)) in expected.iter().zip(&got).enumerate() {
            if got.offset != offset || got.record != **expected {
                let sent = serde_json::to_string(expected)?;
                let back = serde_json::to_string(&got.record)?;
                bail!(
                    "partition {partition} offset {offset}: sent {sent:.300}, got {back:.300} at {}",
                    got.offset
                );
            }
        }
    }
    Ok(())
}

/// Every shape a record can have, with timestamps young enough for the default retention.
fn records() -> Vec<Record> {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .unwrap_or_default()
        .as_millis() as u64;
    // base64 of: "key", nothing, "value", bytes 00 ff 80, 3 KiB of "A".
    let keys = [Some("a2V5"), None, Some("")];
    let long = "QUFB".repeat(1024);
    let values = [
        Some("dmFsdWU="),
        None,
        Some(""),
        Some("AP+A"),
        Some(long.as_str()),
    ];
    let headers: [Vec<(String, Option<String>)>; 3] = [
        vec![],
        vec![("name".to_owned(), Some("dmFsdWU=".to_owned()))],
        vec![
            ("binary".to_owned(), Some("AP+A".to_owned())),
            ("empty".to_owned(), Some(String::new())),
            ("schlüssel".to_owned(), Some("a2V5".to_owned())),
        ],
    ];
    (0..90)
        .map(|n| {
            let value = values[n % values.len()];
            // kafka-python refuses to send a record with neither.
            let key = keys[n % keys.len()].or_else(|| value.is_none().then_some("a2V5"));
            (n, key, value)
        })
        .map(|(n, key, value)| Record {
            partition: n % PARTITIONS,
            timestamp: now - 60_000 + n as u64,
            key: key.map(str::to_owned),
            value: value.map(str::to_owned),
            headers: headers[n / 5 % headers.len()].clone(),
        })
        .collect()
}

fn java(layout: &Layout) -> Command {
    super::programs::java(layout)
}

fn python(layout: &Layout) -> Command {
    let mut command = Command::new(layout.cache.join("venv/bin/python"));
    command
        .args(["-m", "librdkafka.pipe"])
        .current_dir(layout.conformance.join("python"));
    command
}

fn pure_python(layout: &Layout) -> Command {
    let mut command = Command::new(layout.cache.join("venv/bin/python"));
    command
        .args(["-m", "kafka_python.pipe"])
        .current_dir(layout.conformance.join("python"));
    command
}

fn go(layout: &Layout) -> Command {
    Command::new(layout.cache.join("cross/go-pipe"))
}

/// Built once: `go run` would link the program again for each of its many starts.
fn build_go(layout: &Layout, ready: &[Toolchain]) -> Result<()> {
    if !ready.contains(&Toolchain::Go) {
        return Ok(());
    }
    let mut build = Command::new("go");
    build
        .args(["build", "-o"])
        .arg(layout.cache.join("cross/go-pipe"))
        .arg("./pipe")
        .current_dir(layout.conformance.join("go"));
    process::must(
        &mut build,
        &layout.log("prepare-go-pipe"),
        Duration::from_secs(300),
    )
}

fn node(layout: &Layout) -> Command {
    let mut command = Command::new("node");
    command
        .arg("pipe.js")
        .current_dir(layout.conformance.join("node/kafka"))
        .env("NODE_PATH", layout.cache.join("node/node_modules"));
    command
}

fn rust(layout: &Layout) -> Command {
    Command::new(layout.cache.join("rdkafka/debug/forebay-conformance"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_sent_compares_equal_and_a_lost_record_does_not() {
        let sent = records();
        let mut next = [0; PARTITIONS];
        let lines: Vec<String> = sent
            .iter()
            .map(|record| {
                let mut node = serde_json::to_value(record).unwrap();
                node["offset"] = next[record.partition].into();
                next[record.partition] += 1;
                node.to_string()
            })
            .collect();
        compare(&sent, &lines.join("\n")).unwrap();
        assert!(compare(&sent, &lines[1..].join("\n")).is_err());
        assert!(compare(&sent, &lines.join("\n").replacen("a2V5", "a2V6", 1)).is_err());
    }
}
