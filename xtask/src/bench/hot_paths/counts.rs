//! `cargo xtask bench counts`: what a record costs in allocations, copies, system calls and switches of
//! context. Numbers of things, not times: another program on the machine changes little about them.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result};
use serde::Deserialize;

use super::{HotPath, LIMIT, build, count_per_turn, instructions, list, nowhere, number_behind};
use crate::bench::load;
use crate::bench::load::frames::{self, FETCH_BYTES, Frames};
use crate::bench::page::Page;
use crate::bench::samples::digits;
use crate::bench::server::{self, Protocol, Seat};
use crate::bench::{machine, usage};
use crate::layout::Layout;
use crate::process;

/// Turns that allocations are counted over.
const TURNS: u64 = 500;
const TOPIC: &str = "counted";
/// System calls that are told apart; the kernel counts all of them together as well.
const SYSTEM_CALLS: &[&str] = &[
    "read",
    "recvfrom",
    "readv",
    "write",
    "writev",
    "sendto",
    "sendmsg",
    "pwrite64",
    "pwritev",
    "pread64",
    "preadv",
    "preadv2",
    "fdatasync",
    "fsync",
    "futex",
    "epoll_wait",
    "epoll_pwait",
    "madvise",
    "mmap",
    "munmap",
    "copy_file_range",
    "sendfile64",
    "clone3",
];

/// What perf calls a system call, without its name.
const SYSTEM_CALL: &str = "syscalls:sys_enter_";
/// Where the kernel says what it can count; readable by root.
const TRACEPOINTS: &str = "/sys/kernel/tracing/events/syscalls";

/// Options of `cargo xtask bench counts`.
#[derive(clap::Args, Debug)]
pub(crate) struct Args {
    /// Records of each load on a running server.
    #[arg(long, value_name = "N", default_value_t = 200_000)]
    records: u64,
}

/// What a turn allocates.
#[derive(Debug, Deserialize)]
struct Allocated {
    name: String,
    allocations: f64,
    bytes: f64,
}

/// What the kernel counted while a load ran.
struct Counted {
    load: &'static str,
    records: u64,
    events: BTreeMap<String, f64>,
}

pub(crate) fn run(layout: &Layout, args: &Args) -> Result<()> {
    let folder = server::folder(layout);
    fs::create_dir_all(&folder)?;
    let description = machine::describe(layout, &folder);
    build(layout, &["instructions", "allocations"])?;
    server::build_forebay(layout)?;
    frames::build(layout)?;
    let mut page = Page::new(layout, "counts", "What a record costs")?;
    page.paragraph("Numbers of things, not times: they hardly depend on the machine.");
    hot_paths(layout, &mut page)?;
    running_server(layout, args, &mut page)?;
    page.heading("How");
    page.facts(&description);
    page.write()
}

fn hot_paths(layout: &Layout, page: &mut Page) -> Result<()> {
    let allocated = allocations(layout)?;
    let mut rows = Vec::new();
    for path in list(layout)? {
        println!("  {}", path.name);
        let instructions = instructions::count(layout, &path)?;
        let copied = copied(layout, &path)?;
        let mine = allocated.iter().find(|it| it.name == path.name);
        let mine = mine.with_context(|| format!("{} was not counted", path.name))?;
        let record = |turn: f64| digits(turn / path.records as f64);
        rows.push(vec![
            path.name.clone(),
            path.about.clone(),
            path.records.to_string(),
            digits(instructions),
            record(instructions),
            digits(mine.allocations),
            digits(mine.bytes),
            digits(copied),
            record(copied),
        ]);
    }
    page.heading("The hot paths");
    page.paragraph(
        "Of one turn, and of each of its records of 1 KiB. *Instructions* and *copied* bytes (`memcpy` and \
         its relatives) are counted by valgrind. In the paths from frame to answer (`route`, `produce`, \
         `fetch`) the connection is a pipe in memory, which copies everything in and out once where a \
         socket would have the kernel do it; `append` copies its batches once to have them.",
    );
    let head = [
        "",
        "",
        "records",
        "instructions",
        "a record",
        "allocations",
        "bytes allocated",
        "bytes copied",
        "a record",
    ];
    page.table(&head, &rows);
    Ok(())
}

fn allocations(layout: &Layout) -> Result<Vec<Allocated>> {
    let log = layout.log("bench.allocations");
    let mut command = Command::new(layout.released("allocations"));
    process::must(command.arg(TURNS.to_string()), &log, LIMIT)?;
    let text = fs::read_to_string(&log)?;
    let lines = text.lines().filter(|line| line.starts_with('{'));
    lines
        .map(|line| serde_json::from_str(line).with_context(|| line.to_owned()))
        .collect()
}

/// Bytes that one turn copies.
fn copied(layout: &Layout, path: &HotPath) -> Result<f64> {
    let out = format!("--dhat-out-file={}", nowhere().display());
    let tool = ["--tool=dhat", "--mode=copy", out.as_str()];
    count_per_turn(layout, path, &tool, |text| number_behind(text, "Total:"))
}

/// A server under load, watched by the kernel.
fn running_server(layout: &Layout, args: &Args, page: &mut Page) -> Result<()> {
    page.heading("A running server");
    if Command::new("perf").arg("--version").output().is_err() {
        page.paragraph("**perf is not installed:** nothing was counted.");
        return Ok(());
    }
    if !Path::new(TRACEPOINTS).is_dir() {
        page.paragraph(&format!(
            "**{TRACEPOINTS} cannot be read:** it takes root. Nothing was counted."
        ));
        return Ok(());
    }
    let seat = Seat::forebay(layout, "counts", Protocol::Kafka, "fsync")?;
    let server = seat.start()?;
    load::create_topic(layout, &server.bootstrap, TOPIC, 1)?;
    let load = |records, batch_records| Frames {
        bootstrap: &server.bootstrap,
        topic: TOPIC,
        partitions: 1,
        records,
        batch_records,
        fetch_bytes: FETCH_BYTES,
    };
    let mut counted = Vec::new();
    let loads: [(&str, u64, Command); 3] = [
        (
            "produce, 16 a request",
            args.records,
            load(args.records, 16).produce_command(layout),
        ),
        (
            "produce, 1 a request",
            args.records / 10,
            load(args.records / 10, 1).produce_command(layout),
        ),
        (
            "fetch",
            args.records,
            load(args.records, 1).fetch_command(layout),
        ),
    ];
    for (name, records, command) in loads {
        println!("  {name}");
        let events = watch(layout, server.id(), &command)?;
        usage::wait_until_quiet(server.id())?;
        counted.push(Counted {
            load: name,
            records,
            events,
        });
    }
    server.stop()?;
    page.paragraph(
        "For a thousand records, on two connections with five requests of each under way (one connection \
         and one request for the fetch), while the load ran, counted by the kernel (`perf stat`). What \
         gathers while a sync is on its way shares the next one, so a slower disk means fewer calls.",
    );
    let mut head = vec![""];
    head.extend(counted.iter().map(|counted| counted.load));
    page.table(&head, &event_rows(&counted));
    Ok(())
}

/// Runs a load while the kernel counts what a process does.
fn watch(layout: &Layout, process: u32, load: &Command) -> Result<BTreeMap<String, f64>> {
    let events = ["raw_syscalls:sys_enter", "context-switches", "page-faults"].map(str::to_owned);
    let known = SYSTEM_CALLS.iter().filter(|call| is_traced(call));
    let known = known.map(|call| format!("{SYSTEM_CALL}{call}"));
    let events = events.into_iter().chain(known);
    let events: Vec<_> = events.collect();
    let (log, out) = (layout.log("bench.perf"), layout.log("bench.perf.stat"));
    let mut perf = Command::new("perf");
    perf.args([
        "stat",
        "-x",
        ",",
        "-e",
        &events.join(","),
        "-p",
        &process.to_string(),
        "-o",
    ])
    .arg(&out)
    .arg("--")
    .arg(load.get_program())
    .args(load.get_args());
    process::must(&mut perf, &log, LIMIT)?;
    let text = fs::read_to_string(&out).with_context(|| out.display().to_string())?;
    Ok(read_events(&text))
}

/// Kernels differ in what they have.
fn is_traced(call: &str) -> bool {
    Path::new(TRACEPOINTS)
        .join(format!("sys_enter_{call}"))
        .exists()
}

/// Lines of `count,unit,event,...`; what the kernel cannot count has no number there.
fn read_events(text: &str) -> BTreeMap<String, f64> {
    text.lines()
        .filter_map(|line| {
            let mut fields = line.split(',');
            let count = fields.next()?.parse().ok()?;
            let event = fields.nth(1)?;
            let name = event.strip_prefix(SYSTEM_CALL).unwrap_or(event);
            Some((name.to_owned(), count))
        })
        .collect()
}

fn event_rows(counted: &[Counted]) -> Vec<Vec<String>> {
    let names = [
        ("raw_syscalls:sys_enter", "system calls"),
        ("context-switches", "switches of context"),
        ("page-faults", "page faults"),
    ];
    let names = names
        .into_iter()
        .chain(SYSTEM_CALLS.iter().map(|call| (*call, *call)));
    names
        .filter_map(|(event, title)| {
            let counts: Vec<_> = counted
                .iter()
                .map(|it| it.events.get(event).copied())
                .collect();
            // A call that nobody made needs no row.
            counts.iter().flatten().any(|count| *count > 0.0).then(|| {
                let mut row = vec![title.to_owned()];
                row.extend(counts.iter().zip(counted).map(|(count, it)| {
                    count.map_or_else(String::new, |count| digits(count * 1e3 / it.records as f64))
                }));
                row
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_of_the_kernel_are_read() {
        let text = "# started on Sat Nov 21\n\n\
                    1234,,raw_syscalls:sys_enter,5000,100.00,,\n\
                    17,,syscalls:sys_enter_fdatasync,5000,100.00,,\n\
                    <not supported>,,cycles,0,0.00,,\n";
        let events = read_events(text);
        assert_eq!(events.len(), 2);
        assert_eq!(events["raw_syscalls:sys_enter"], 1234.0);
        assert_eq!(events["fdatasync"], 17.0);
    }
}
