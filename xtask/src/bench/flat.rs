//! `cargo xtask bench flat`: what should not grow. Processor time of a record with more partitions
//! and on a longer log; memory of a partition that nobody uses.

use anyhow::Result;

use super::cost;
use super::load;
use super::load::frames::{self, Frames};
use super::page::Page;
use super::samples::{Samples, digits};
use super::server::{self, Protocol, Seat, Server};
use super::{machine, usage};
use crate::layout::Layout;

/// How many partitions the records of a run are spread over.
const PARTITIONS: [u32; 4] = [1, 10, 100, 1_000];
/// Records of a batch, 1 KiB each: the default batch size of Kafka's producers.
const BATCH_RECORDS: u32 = 16;
const RECORD_BYTES: u64 = 1024;
/// What a fetch is answered with, however many partitions there are.
const FETCH_BYTES: u32 = 1 << 20;
/// Reading costs so little that it is done more than once to be measured.
const FETCHES: u64 = 3;
/// How much more than on one partition, or on an empty log, a record may cost.
const MAX_GROWTH: f64 = 1.10;
/// What a partition that nobody uses may take.
const IDLE_PARTITION_BYTES: f64 = 2_000.0;
/// The partitions of one topic of those that nobody uses.
const IDLE_TOPIC_PARTITIONS: u32 = 1_000;

/// Options of `cargo xtask bench flat`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Records of each measurement.
    #[arg(long, value_name = "N", default_value_t = 1_000_000)]
    records: u64,
    #[arg(long, value_name = "N", default_value_t = 3)]
    rounds: usize,
    /// Size of the long log in gigabytes; 10 is what is published.
    #[arg(long, value_name = "N", default_value_t = 2)]
    log_gigabytes: u64,
    /// Partitions that nobody uses.
    #[arg(long, value_name = "N", default_value_t = 20_000)]
    idle_partitions: u32,
}

/// Processor seconds a million records.
#[derive(Clone, Debug, Default)]
struct Costs {
    produce: Vec<f64>,
    fetch: Vec<f64>,
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let folder = server::folder(layout);
    std::fs::create_dir_all(&folder)?;
    let log_bytes = args.log_gigabytes * 1_000_000_000;
    let needed = 3 * (log_bytes + args.records * RECORD_BYTES);
    machine::require_space(&folder, needed)?;
    let description = machine::describe(layout, &folder);
    server::build_forebay(layout)?;
    frames::build(layout)?;

    let mut by_partitions = vec![Costs::default(); PARTITIONS.len()];
    for round in 0..args.rounds.max(1) {
        println!(
            "round {} of {}, load {}",
            round + 1,
            args.rounds.max(1),
            machine::load()
        );
        for (partitions, costs) in PARTITIONS.into_iter().zip(&mut by_partitions) {
            spread(layout, args, partitions, costs)?;
        }
    }
    let (empty, long) = lengthen(layout, args, log_bytes)?;
    let idle = idle_partition(layout, args.idle_partitions)?;
    write(
        layout,
        args,
        &by_partitions,
        (&empty, &long),
        &idle,
        &description,
    )
}

/// Records over so many partitions of a fresh broker, in and out again.
fn spread(layout: &Layout, args: &Args, partitions: u32, costs: &mut Costs) -> Result<()> {
    let seat = Seat::forebay(layout, "flat", Protocol::Kafka, "fsync")?;
    machine::sync_disks();
    let server = seat.start()?;
    load::create_topic(layout, &server.bootstrap, "warm", partitions)?;
    load::create_topic(layout, &server.bootstrap, "flat", partitions)?;
    let load = |topic, records| Frames {
        bootstrap: &server.bootstrap,
        topic,
        partitions,
        records,
        batch_records: BATCH_RECORDS,
        fetch_bytes: FETCH_BYTES,
    };
    load("warm", args.records / 4).produce(layout)?;
    usage::wait_until_quiet(server.id())?;
    let flat = load("flat", args.records);
    let (_, produced) = cost::of(&server, || flat.produce(layout))?;
    let (_, fetched) = cost::of(&server, || {
        (0..FETCHES).try_for_each(|_| flat.fetch(layout).map(|_| ()))
    })?;
    server.stop()?;
    let (produced, fetched) = (
        produced.server_cpu_per_million(args.records),
        fetched.server_cpu_per_million(FETCHES * args.records),
    );
    println!(
        "  {partitions:>5} partitions: produce {} s, fetch {} s a million records",
        digits(produced),
        digits(fetched)
    );
    costs.produce.push(produced);
    costs.fetch.push(fetched);
    Ok(())
}

/// The same records on a log that is empty and on one that is long: processor seconds a million.
fn lengthen(layout: &Layout, args: &Args, log_bytes: u64) -> Result<(Vec<f64>, Vec<f64>)> {
    let seat = Seat::forebay(layout, "flat", Protocol::Kafka, "fsync")?;
    machine::sync_disks();
    let server = seat.start()?;
    load::create_topic(layout, &server.bootstrap, "warm", 1)?;
    load::create_topic(layout, &server.bootstrap, "long", 1)?;
    let append = |server: &Server, topic, records| {
        let load = Frames {
            bootstrap: &server.bootstrap,
            topic,
            partitions: 1,
            records,
            batch_records: BATCH_RECORDS,
            fetch_bytes: FETCH_BYTES,
        };
        let (_, cost) = cost::of(server, || load.produce(layout))?;
        anyhow::Ok(cost.server_cpu_per_million(records))
    };
    append(&server, "warm", args.records / 4)?;
    let measure = |what: &str| {
        let mut costs = Vec::new();
        for _ in 0..args.rounds.max(1) {
            costs.push(append(&server, "long", args.records)?);
        }
        println!("  {what}: {costs:.2?} s a million records");
        anyhow::Ok(costs)
    };
    let empty = measure("empty log")?;
    append(&server, "long", log_bytes / RECORD_BYTES)?;
    let long = measure("long log")?;
    server.stop()?;
    Ok((empty, long))
}

/// Bytes of resident memory a partition.
struct Idle {
    partitions: u32,
    /// Right after they were created.
    created: f64,
    /// After a restart.
    restarted: f64,
}

fn idle_partition(layout: &Layout, partitions: u32) -> Result<Idle> {
    let seat = Seat::forebay(layout, "flat", Protocol::Kafka, "fsync")?;
    let resident = |server: &Server| {
        usage::wait_until_quiet(server.id())?;
        usage::resident_bytes(server.id())
    };
    let server = seat.start()?;
    // A first topic brings what all topics share.
    load::create_topic(layout, &server.bootstrap, "first", 1)?;
    let before = resident(&server)?;
    server.stop()?;
    let server = seat.start()?;
    let restarted_before = resident(&server)?;
    let topics = partitions.div_ceil(IDLE_TOPIC_PARTITIONS);
    for topic in 0..topics {
        let name = format!("idle-{topic}");
        load::create_topic(layout, &server.bootstrap, &name, IDLE_TOPIC_PARTITIONS)?;
    }
    let count = f64::from(topics * IDLE_TOPIC_PARTITIONS);
    let each = |after: u64, before: u64| (after as f64 - before as f64) / count;
    let created = each(resident(&server)?, before);
    server.stop()?;
    let server = seat.start()?;
    let restarted = each(resident(&server)?, restarted_before);
    server.stop()?;
    println!(
        "  an idle partition: {} B, after a restart {} B",
        digits(created),
        digits(restarted)
    );
    Ok(Idle {
        partitions: topics * IDLE_TOPIC_PARTITIONS,
        created,
        restarted,
    })
}

fn write(
    layout: &Layout,
    args: &Args,
    by_partitions: &[Costs],
    (empty, long): (&[f64], &[f64]),
    idle: &Idle,
    description: &[(&'static str, String)],
) -> Result<()> {
    let mut page = Page::new(layout, "flat", "What does not grow")?;
    page.paragraph(&format!(
        "Processor seconds of the server for a million records of 1 KiB, acknowledged by `fsync`, from \
         frames of {BATCH_RECORDS} records that were encoded once, on two connections; until the server \
         is idle again. Fetches bring a mebibyte each, in one session. {} records a measurement, medians of {} rounds with the least and the greatest.",
        digits(args.records as f64),
        args.rounds.max(1)
    ));
    machine::warn_if_busy(&mut page, description);
    page.heading("More partitions");
    let rows = PARTITIONS
        .iter()
        .zip(by_partitions)
        .map(|(partitions, costs)| {
            vec![
                partitions.to_string(),
                show(&costs.produce),
                growth(&costs.produce, &by_partitions[0].produce),
                show(&costs.fetch),
                growth(&costs.fetch, &by_partitions[0].fetch),
            ]
        });
    page.table(
        &["partitions", "produce, s", "of one", "fetch, s", "of one"],
        &rows.collect::<Vec<_>>(),
    );
    page.heading("A longer log");
    page.table(
        &["log", "produce, s", "of empty"],
        &[
            vec!["empty".to_owned(), show(empty), String::new()],
            vec![
                format!("{} GB", args.log_gigabytes),
                show(long),
                growth(long, empty),
            ],
        ],
    );
    page.heading("A partition that nobody uses");
    page.paragraph(&format!(
        "Resident memory of {} partitions in topics of {IDLE_TOPIC_PARTITIONS}, by their number \
         (target: below {} bytes).",
        digits(f64::from(idle.partitions)),
        digits(IDLE_PARTITION_BYTES)
    ));
    let row = |what: &str, bytes: f64| {
        let met = if bytes < IDLE_PARTITION_BYTES {
            "met"
        } else {
            "**missed**"
        };
        vec![what.to_owned(), digits(bytes), met.to_owned()]
    };
    page.table(
        &["", "bytes a partition", ""],
        &[
            row("just created", idle.created),
            row("after a restart", idle.restarted),
        ],
    );
    page.heading("How");
    page.facts(description);
    page.write()
}

fn show(costs: &[f64]) -> String {
    let samples = Samples::new(costs.iter().copied());
    samples.map_or_else(String::new, |samples| samples.show(digits))
}

/// By how much a cost is above another, and whether that is too much.
fn growth(costs: &[f64], base: &[f64]) -> String {
    let median = |costs: &[f64]| Samples::new(costs.iter().copied()).map(|it| it.median());
    let (Some(cost), Some(base)) = (median(costs), median(base)) else {
        return String::new();
    };
    let ratio = cost / base;
    let verdict = if ratio <= MAX_GROWTH {
        ""
    } else {
        " **more than 10 %**"
    };
    format!("{:+.0} %{verdict}", (ratio - 1.0) * 100.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ten_percent_more_is_flat_and_eleven_is_not() {
        assert_eq!(growth(&[1.1], &[1.0]), "+10 %");
        assert!(growth(&[1.11], &[1.0]).contains("more than 10 %"));
        assert_eq!(growth(&[0.5, 0.9, 3.0], &[1.0]), "-10 %");
    }
}
