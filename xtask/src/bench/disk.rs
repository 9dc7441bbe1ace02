//! `cargo xtask bench disk`: what durability costs. Forebay's engine beside bare loops that write the
//! same amounts to the same disk, and beside fio where it is installed.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, Result};
use serde::Deserialize;
use serde_json::Value;

use super::chart::{self, Axis, Chart, Series};
use super::page::Page;
use super::samples::{Samples, digits};
use super::{machine, server};
use crate::cargo;
use crate::layout::Layout;
use crate::process;

/// Producers that wait for their acknowledgement before they send again.
const PRODUCERS: [usize; 4] = [1, 16, 256, 1024];
/// A journal file and its successors, and fio's.
const SPACE_BYTES: u64 = 8_000_000_000;
/// At this many producers, this share of what fio reaches.
const TARGET: (usize, f64) = (256, 0.7);
const LIMIT: Duration = Duration::from_secs(120);
/// A sector: fio writes whole ones.
const SECTOR_BYTES: f64 = 512.0;

/// Options of `cargo xtask bench disk`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Seconds of each point.
    #[arg(long, value_name = "N", default_value_t = 3)]
    seconds: u32,
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
}

/// Who writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Writer {
    Fdatasync,
    Direct,
    Engine,
    /// One commit of the engine's size after the other, with `fdatasync` behind each.
    Fio,
}

impl Writer {
    const ALL: [Self; 4] = [Self::Fdatasync, Self::Direct, Self::Engine, Self::Fio];

    fn name(self) -> &'static str {
        match self {
            Self::Fdatasync => "fdatasync",
            Self::Direct => "direct",
            Self::Engine => "engine",
            Self::Fio => "fio",
        }
    }
}

/// One point of the curve.
#[derive(Debug, Deserialize)]
struct Point {
    messages_per_second: f64,
    #[serde(default)]
    p50_ms: f64,
    #[serde(default)]
    p99_ms: f64,
    messages_per_commit: f64,
    bytes_per_commit: f64,
}

/// All points, round after round.
struct Curve(Vec<(Writer, usize, Point)>);

impl Curve {
    fn of(
        &self,
        writer: Writer,
        producers: usize,
        value: impl Fn(&Point) -> f64,
    ) -> Option<Samples> {
        let mine = self
            .0
            .iter()
            .filter(|(who, count, _)| *who == writer && *count == producers);
        Samples::new(mine.map(|(_, _, point)| value(point)))
    }

    fn rate(&self, writer: Writer, producers: usize) -> Option<Samples> {
        self.of(writer, producers, |point| point.messages_per_second)
    }

    /// The engine's rate by that of `limit`, each in the same round.
    fn shares_of(&self, limit: Writer, producers: usize) -> Option<Samples> {
        let rates = |writer| {
            let mine = move |(who, count, _): &&(Writer, usize, Point)| {
                *who == writer && *count == producers
            };
            let mine = self.0.iter().filter(mine);
            mine.map(|(_, _, point)| point.messages_per_second)
        };
        let pairs = rates(Writer::Engine).zip(rates(limit));
        Samples::new(pairs.map(|(engine, limit)| engine / limit))
    }
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let folder = server::folder(layout).join("disk");
    fs::create_dir_all(&folder).with_context(|| folder.display().to_string())?;
    machine::require_space(&folder, SPACE_BYTES)?;
    let description = machine::describe(layout, &folder);
    build(layout)?;
    let has_fio = Command::new("fio").arg("--version").output().is_ok();
    let mut curve = Curve(Vec::new());
    for round in 0..args.rounds.max(1) {
        println!(
            "round {} of {}, load {}",
            round + 1,
            args.rounds.max(1),
            machine::load()
        );
        for producers in PRODUCERS {
            let mut commit = None;
            for writer in [Writer::Fdatasync, Writer::Direct, Writer::Engine] {
                let point = group_commit(layout, &folder, writer, producers, args.seconds)?;
                told(writer, producers, &point);
                if writer == Writer::Engine {
                    commit = Some((point.messages_per_commit, point.bytes_per_commit));
                }
                curve.0.push((writer, producers, point));
            }
            if let (true, Some((messages, bytes))) = (has_fio, commit) {
                let point = fio(layout, &folder, messages, bytes, args.seconds)?;
                told(Writer::Fio, producers, &point);
                curve.0.push((Writer::Fio, producers, point));
            }
        }
    }
    fs::remove_dir_all(&folder)?;
    write(layout, args, &curve, &description, has_fio)
}

fn told(writer: Writer, producers: usize, point: &Point) {
    println!(
        "  {producers:>5} producers, {:<10} {:>9} messages/s",
        writer.name(),
        digits(point.messages_per_second)
    );
}

fn build(layout: &Layout) -> Result<()> {
    println!("building the writers");
    let mut build = cargo::command(layout);
    build
        .args([
            "build",
            "--release",
            "--locked",
            "--package",
            "forebay-bench",
        ])
        .args(["--bin", "group_commit"]);
    process::must(&mut build, &layout.log("bench.build-disk"), cargo::LIMIT)
}

fn group_commit(
    layout: &Layout,
    folder: &Path,
    writer: Writer,
    producers: usize,
    seconds: u32,
) -> Result<Point> {
    let log = layout.log("bench.group-commit");
    machine::sync_disks();
    let mut command = Command::new(layout.released("group_commit"));
    command
        .args([writer.name(), &producers.to_string(), &seconds.to_string()])
        .arg(folder);
    process::must(&mut command, &log, LIMIT)?;
    let text = fs::read_to_string(&log)?;
    serde_json::from_str(text.trim()).with_context(|| text.clone())
}

/// The rate at which fio commits, as messages of the engine's commits.
fn fio(layout: &Layout, folder: &Path, messages: f64, bytes: f64, seconds: u32) -> Result<Point> {
    let file = folder.join("fio.bin");
    let log = layout.log("bench.fio");
    let block = (bytes / SECTOR_BYTES).ceil() * SECTOR_BYTES;
    let run = |arguments: &[String]| {
        let mut command = Command::new("fio");
        command
            .args([
                "--name=commit",
                "--ioengine=psync",
                "--rw=write",
                "--size=64m",
            ])
            .arg(format!("--filename={}", file.display()))
            .args(arguments);
        process::must(&mut command, &log, LIMIT)
    };
    // The file is full of data, as a journal file is: only then does a sync write no metadata.
    run(&["--bs=1m".to_owned(), "--end_fsync=1".to_owned()])?;
    machine::sync_disks();
    run(&[
        format!("--bs={block:.0}"),
        "--overwrite=1".to_owned(),
        "--fdatasync=1".to_owned(),
        "--time_based".to_owned(),
        format!("--runtime={seconds}"),
        "--output-format=json".to_owned(),
    ])?;
    fs::remove_file(&file)?;
    let text = fs::read_to_string(&log)?;
    let commits = commits_per_second(&text).with_context(|| format!("no rate in:\n{text}"))?;
    Ok(Point {
        messages_per_second: commits * messages,
        p50_ms: 0.0,
        p99_ms: 0.0,
        messages_per_commit: messages,
        bytes_per_commit: block,
    })
}

/// fio may warn before it prints its JSON.
fn commits_per_second(output: &str) -> Option<f64> {
    let found: Value = serde_json::from_str(&output[output.find('{')?..]).ok()?;
    found["jobs"][0]["write"]["iops"].as_f64()
}

fn write(
    layout: &Layout,
    args: &Args,
    curve: &Curve,
    description: &[(&'static str, String)],
    has_fio: bool,
) -> Result<()> {
    let mut page = Page::new(layout, "disk", "Group commit beside the bare disk")?;
    page.paragraph(&format!(
        "Producers of 1 KiB messages, each waiting for its acknowledgement before it sends the next; \
         one thread commits whatever gathered. *fdatasync* and *direct* (`O_DIRECT | O_DSYNC`) are bare \
         loops over a zero-filled file. *engine* is a whole shard of Forebay: checksums, index, memory of \
         recent batches, background jobs. *fio* writes blocks of the size of the engine's commits, one \
         after the other, `fdatasync` behind each, without any producers; its commits are counted as the \
         messages the engine's would hold. Medians of {} rounds of {} s, with the least and the greatest.",
        args.rounds.max(1),
        args.seconds
    ));
    machine::warn_if_busy(&mut page, description);
    if !has_fio {
        page.paragraph("**fio is not installed:** there is nothing to hold the target against.");
    }
    page.paragraph(&verdict(curve));
    page.table(
        &[
            "producers",
            "writer",
            "messages/s",
            "p50 ms",
            "p99 ms",
            "messages a commit",
            "KB a commit",
        ],
        &rows(curve),
    );
    page.chart("", "Durable messages a second by producers", &chart(curve))?;
    page.heading("How");
    page.facts(description);
    page.facts(&[("fio", machine::output("fio", &["--version"]))]);
    page.paragraph(
        "A disk that acknowledges a sync from a cache of its own looks faster than it is; all writers \
         here are fooled alike.",
    );
    page.write()
}

fn verdict(curve: &Curve) -> String {
    let (producers, share) = TARGET;
    let shares = |limit| Some(curve.shares_of(limit, producers)?.median());
    let bare = shares(Writer::Fdatasync)
        .map(|share| format!("{:.0} % of the bare loop", share * 100.0))
        .unwrap_or_default();
    match shares(Writer::Fio) {
        Some(reached) => format!(
            "With {producers} producers the engine reaches **{:.0} %** of fio's rate for the same write \
             size (target: at least {:.0} %, **{}**) and {bare}.",
            reached * 100.0,
            share * 100.0,
            if reached >= share { "met" } else { "missed" }
        ),
        None => format!("With {producers} producers the engine reaches {bare}."),
    }
}

fn rows(curve: &Curve) -> Vec<Vec<String>> {
    let mut rows = Vec::new();
    for producers in PRODUCERS {
        for writer in Writer::ALL {
            let Some(rate) = curve.rate(writer, producers) else {
                continue;
            };
            let cell = |value: fn(&Point) -> f64| {
                let samples = curve.of(writer, producers, value);
                samples.map_or_else(String::new, |samples| digits(samples.median()))
            };
            let latency = |value| {
                if writer == Writer::Fio {
                    String::new()
                } else {
                    cell(value)
                }
            };
            rows.push(vec![
                producers.to_string(),
                writer.name().to_owned(),
                rate.show(digits),
                latency(|point| point.p50_ms),
                latency(|point| point.p99_ms),
                cell(|point| point.messages_per_commit),
                cell(|point| point.bytes_per_commit / 1e3),
            ]);
        }
    }
    rows
}

fn chart(curve: &Curve) -> String {
    let series: Vec<_> = Writer::ALL
        .into_iter()
        .map(|writer| Series {
            name: writer.name().to_owned(),
            points: PRODUCERS
                .into_iter()
                .filter_map(|count| Some((count as f64, curve.rate(writer, count)?.median())))
                .collect(),
        })
        .filter(|series| !series.points.is_empty())
        .collect();
    let rates = series
        .iter()
        .flat_map(|series| series.points.iter().map(|point| point.1));
    chart::lines(&Chart {
        title: "Durable messages of 1 KiB".to_owned(),
        y: Axis::logarithmic("messages/s", rates),
        x: Axis {
            title: "producers that wait for their acknowledgement".to_owned(),
            ticks: PRODUCERS
                .map(|count| (count as f64, count.to_string()))
                .to_vec(),
            logarithmic: true,
        },
        series,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_rate_of_fio_is_read_behind_its_warnings() {
        let output = "fio: a warning\n{\"jobs\": [{\"write\": {\"iops\": 4417.5}}]}\n";
        assert_eq!(commits_per_second(output), Some(4417.5));
        assert_eq!(commits_per_second("fio: failed"), None);
    }

    #[test]
    fn the_target_is_held_against_fio() {
        let point = |messages_per_second| Point {
            messages_per_second,
            p50_ms: 0.0,
            p99_ms: 0.0,
            messages_per_commit: 1.0,
            bytes_per_commit: 1.0,
        };
        let verdict = |engine, fio| {
            verdict(&Curve(vec![
                (Writer::Engine, 256, point(engine)),
                (Writer::Fio, 256, point(fio)),
            ]))
        };
        assert!(verdict(70.0, 100.0).contains("**met**"));
        assert!(verdict(69.0, 100.0).contains("**missed**"));
    }
}
