//! The process as the operating system sees it, under the names that every Prometheus client library
//! uses, so that ready-made dashboards and alerts work. Linux only; elsewhere the page goes without.

use std::fs;

use super::page::{Metric, Page};

const CPU: Metric = Metric::counter(
    "process_cpu_seconds",
    "Processor time spent in user and kernel mode.",
);
const RESIDENT: Metric = Metric::gauge("process_resident_memory_bytes", "Memory in use.");
const VIRTUAL: Metric = Metric::gauge("process_virtual_memory_bytes", "Address space in use.");
const THREADS: Metric = Metric::gauge("process_threads", "Threads.");
const START: Metric = Metric::gauge(
    "process_start_time_seconds",
    "When the process started, since the Unix epoch.",
);
const OPEN_FILES: Metric = Metric::gauge("process_open_fds", "Open file descriptors.");
const MAX_FILES: Metric = Metric::gauge("process_max_fds", "File descriptors that may be open.");

pub(super) fn read(page: &mut Page) {
    let Ok(stat) = fs::read_to_string("/proc/self/stat") else {
        return;
    };
    if let Some(stat) = Stat::parse(&stat) {
        let ticks = rustix::param::clock_ticks_per_second() as f64;
        page.put(&CPU, Vec::new(), stat.cpu_ticks as f64 / ticks);
        page.put(&THREADS, Vec::new(), stat.threads);
        page.put(&VIRTUAL, Vec::new(), stat.virtual_bytes);
        let resident = stat.resident_pages * rustix::param::page_size() as u64;
        page.put(&RESIDENT, Vec::new(), resident);
        if let Some(booted) = boot_time() {
            let start = booted as f64 + stat.start_ticks as f64 / ticks;
            page.put(&START, Vec::new(), start);
        }
    }
    if let Ok(entries) = fs::read_dir("/proc/self/fd") {
        // One of them is the listing itself.
        page.put(&OPEN_FILES, Vec::new(), entries.count().saturating_sub(1));
    }
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    if let Some(limit) = limit.current {
        page.put(&MAX_FILES, Vec::new(), limit);
    }
}

/// What is read of `/proc/self/stat`, proc(5).
#[derive(Debug, PartialEq, Eq)]
struct Stat {
    cpu_ticks: u64,
    threads: u64,
    /// After boot.
    start_ticks: u64,
    virtual_bytes: u64,
    resident_pages: u64,
}

impl Stat {
    fn parse(text: &str) -> Option<Self> {
        // The second field is the program's name in parentheses, and may hold spaces and
        // parentheses itself.
        let (_, rest) = text.rsplit_once(')')?;
        let fields: Vec<&str> = rest.split_ascii_whitespace().collect();
        // Fields are counted from 1, and the first of the rest is the third.
        let field = |number: usize| fields.get(number - 3)?.parse::<u64>().ok();
        Some(Self {
            cpu_ticks: field(14)?.checked_add(field(15)?)?,
            threads: field(20)?,
            start_ticks: field(22)?,
            virtual_bytes: field(23)?,
            resident_pages: field(24)?,
        })
    }
}

/// When the system started, in seconds since the Unix epoch.
fn boot_time() -> Option<u64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    let line = stat.lines().find_map(|line| line.strip_prefix("btime "))?;
    line.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_program_name_with_spaces_and_parentheses_is_skipped() {
        let text = "42 (a) b (c)) S 1 42 42 0 -1 4194304 1 2 3 4 150 50 0 0 20 0 7 0 9000 \
                    1048576 256 18446744073709551615";
        let expected = Stat {
            cpu_ticks: 200,
            threads: 7,
            start_ticks: 9000,
            virtual_bytes: 1_048_576,
            resident_pages: 256,
        };
        assert_eq!(Stat::parse(text), Some(expected));
        assert_eq!(Stat::parse("42 (a"), None);
        assert_eq!(Stat::parse("42 (a) S 1 2"), None);
    }
}
