//! The machine that a figure belongs to, and what is done to it between measurements.

use std::fs;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, ensure};

use super::page::Page;
use crate::layout::Layout;

/// The fact about how busy the machine was.
const LOAD: &str = "Load before the run";
/// A build right before a run leaves as much behind.
const MAX_LOAD: f64 = 1.5;

/// Lines of `name: value` that say what was measured on, with what, when.
pub(crate) fn describe(layout: &Layout, data: &Path) -> Vec<(&'static str, String)> {
    let cpus = std::thread::available_parallelism().map_or(0, usize::from);
    vec![
        ("Date", now()),
        ("Command", command_line()),
        ("Forebay", forebay_version(layout)),
        ("Processor", format!("{cpus} x {}", processor())),
        ("Memory", memory()),
        ("Kernel", first_line("/proc/sys/kernel/osrelease")),
        ("File system", file_system(data)),
        ("Compiler", output("rustc", &["--version"])),
        (LOAD, load()),
    ]
}

/// Says on a page that its figures are of a machine that had other work.
pub(crate) fn warn_if_busy(page: &mut Page, description: &[(&'static str, String)]) {
    let load = description.iter().find(|(name, _)| *name == LOAD);
    let of_a_minute = load.and_then(|(_, load)| load.split(' ').next()?.parse::<f64>().ok());
    if of_a_minute.is_some_and(|load| load > MAX_LOAD) {
        page.paragraph(
            "**Not to be published:** the machine had other work when this began. Times and rates are \
             wrong; counts, memory and processor time are about right.",
        );
    }
}

/// The caller's clock.
pub(crate) fn now() -> String {
    jiff::Zoned::now().strftime("%Y-%m-%d %H:%M %Z").to_string()
}

/// The load averages of 1, 5 and 15 minutes.
pub(crate) fn load() -> String {
    let line = first_line("/proc/loadavg");
    line.split(' ').take(3).collect::<Vec<_>>().join(" ")
}

/// The first line of what a program prints, on whichever stream it prints it.
pub(crate) fn output(program: &str, arguments: &[&str]) -> String {
    let Ok(output) = Command::new(program).args(arguments).output() else {
        return format!("{program} is not installed");
    };
    let text = if output.stdout.is_empty() {
        output.stderr
    } else {
        output.stdout
    };
    let text = String::from_utf8_lossy(&text);
    text.lines().next().unwrap_or_default().trim().to_owned()
}

/// Brings everything that is still to be written to the disk.
pub(crate) fn sync_disks() {
    rustix::fs::sync();
}

/// Takes the page cache from everybody; answers whether that was allowed.
pub(crate) fn drop_page_cache() -> bool {
    sync_disks();
    fs::write("/proc/sys/vm/drop_caches", "3").is_ok()
}

/// Fails where `folder` has less than `bytes` of space left.
pub(crate) fn require_space(folder: &Path, bytes: u64) -> Result<()> {
    let stat = rustix::fs::statvfs(folder).with_context(|| folder.display().to_string())?;
    let free = stat.f_bavail * stat.f_frsize;
    ensure!(
        free >= bytes,
        "{} has {} MB free, and {} MB are needed",
        folder.display(),
        free / 1_000_000,
        bytes / 1_000_000
    );
    Ok(())
}

fn command_line() -> String {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    format!("cargo xtask {}", arguments.join(" "))
}

fn forebay_version(layout: &Layout) -> String {
    let root = layout.root.to_string_lossy();
    let commit = output("git", &["-C", &root, "rev-parse", "--short=12", "HEAD"]);
    let changes = Command::new("git")
        .args(["-C", &root, "status", "--porcelain", "--untracked-files=no"])
        .args(["--", "crates", "Cargo.lock"])
        .output();
    let changed = changes.is_ok_and(|output| !output.stdout.is_empty());
    format!("{commit}{}", if changed { ", with changes" } else { "" })
}

fn processor() -> String {
    let text = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = text
        .lines()
        .find_map(|line| line.strip_prefix("model name"));
    let name = name.and_then(|rest| rest.split_once(':'));
    name.map_or_else(|| "unknown".to_owned(), |(_, name)| name.trim().to_owned())
}

fn memory() -> String {
    let text = fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let kib = text.lines().find_map(|line| line.strip_prefix("MemTotal:"));
    let kib = kib.and_then(|rest| rest.split_whitespace().next()?.parse::<u64>().ok());
    kib.map_or_else(|| "unknown".to_owned(), |kib| format!("{} MiB", kib / 1024))
}

/// Type and device of the file system that holds `folder`: the mount with the longest path above it.
fn file_system(folder: &Path) -> String {
    let mounts = fs::read_to_string("/proc/mounts").unwrap_or_default();
    let mounts = mounts.lines().filter_map(|line| {
        let mut fields = line.split(' ');
        Some((fields.next()?, fields.next()?, fields.next()?))
    });
    let above = mounts.filter(|(_, point, _)| folder.starts_with(point));
    let nearest = above.max_by_key(|(_, point, _)| point.len());
    nearest.map_or_else(
        || "unknown".to_owned(),
        |(device, _, kind)| format!("{kind} on {device}"),
    )
}

fn first_line(path: &str) -> String {
    let text = fs::read_to_string(path).unwrap_or_default();
    text.lines().next().unwrap_or_default().to_owned()
}
