//! What a process has used, as the kernel counts it.

use std::fs;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// The window in which a server that has nothing left to do is seen to do nothing.
const QUIET_WINDOW: Duration = Duration::from_millis(250);
/// How many quiet windows in a row make a quiet server.
const QUIET_WINDOWS: u32 = 3;
/// A server that is never quiet is measured as it is.
const QUIET_LIMIT: Duration = Duration::from_secs(30);

/// Counters of a process since it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Usage {
    /// Processor time, in the program and in the kernel, of all threads and of ended children.
    pub(crate) cpu: Duration,
    /// Bytes that it caused to be written to the disk, sooner or later.
    pub(crate) written_bytes: u64,
}

impl Usage {
    pub(crate) fn of(process: u32) -> Result<Self> {
        let folder = Path::new("/proc").join(process.to_string());
        let ticks: u64 = stat_fields(&folder.join("stat"))?[UTIME..=CSTIME]
            .iter()
            .sum();
        let io = folder.join("io");
        let io = fs::read_to_string(&io).with_context(|| io.display().to_string())?;
        Ok(Self {
            cpu: from_ticks(ticks),
            written_bytes: field(&io, "write_bytes:")?,
        })
    }

    /// What was used between `earlier` and this.
    pub(crate) fn since(self, earlier: Self) -> Self {
        Self {
            cpu: self.cpu.saturating_sub(earlier.cpu),
            written_bytes: self.written_bytes.saturating_sub(earlier.written_bytes),
        }
    }
}

/// Processor time of the children that this process has waited for.
pub(crate) fn cpu_of_ended_children() -> Result<Duration> {
    let fields = stat_fields(Path::new("/proc/self/stat"))?;
    Ok(from_ticks(fields[CUTIME] + fields[CSTIME]))
}

/// The most memory that a process has had resident.
pub(crate) fn peak_resident_bytes(process: u32) -> Result<u64> {
    status_kib(process, "VmHWM:")
}

/// The memory that a process has resident.
pub(crate) fn resident_bytes(process: u32) -> Result<u64> {
    status_kib(process, "VmRSS:")
}

/// Waits until a server does nothing, so that what it put off is counted where it belongs.
pub(crate) fn wait_until_quiet(process: u32) -> Result<()> {
    let deadline = Instant::now() + QUIET_LIMIT;
    let mut quiet = 0;
    let mut before = Usage::of(process)?;
    while quiet < QUIET_WINDOWS && Instant::now() < deadline {
        thread::sleep(QUIET_WINDOW);
        let now = Usage::of(process)?;
        // One tick of the clock by which the kernel tells: an idle JVM has one now and then.
        let is_quiet = now.since(before).cpu <= from_ticks(1);
        quiet = if is_quiet { quiet + 1 } else { 0 };
        before = now;
    }
    Ok(())
}

/// Processor time of the whole machine since it started.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MachineTime {
    all: u64,
    idle: u64,
}

impl MachineTime {
    pub(crate) fn now() -> Result<Self> {
        let text = fs::read_to_string("/proc/stat").context("/proc/stat")?;
        let line = text.lines().next().context("/proc/stat has a first line")?;
        let fields: Vec<u64> = line
            .split_whitespace()
            .skip(1)
            // Time of guests is counted in that of their host already.
            .take(8)
            .map(|field| field.parse().context("/proc/stat holds numbers"))
            .collect::<Result<_>>()?;
        Ok(Self {
            all: fields.iter().sum(),
            // Idle, and idle while the disk works.
            idle: fields[3] + fields[4],
        })
    }

    /// Time of all processors since `earlier`, and how much of it was idle.
    pub(crate) fn since(self, earlier: Self) -> (Duration, Duration) {
        (
            from_ticks(self.all - earlier.all),
            from_ticks(self.idle - earlier.idle),
        )
    }
}

/// Fields of `/proc/PID/stat`, counted from the first one after the program's name.
const UTIME: usize = 11;
const CUTIME: usize = 13;
const CSTIME: usize = 14;

fn stat_fields(path: &Path) -> Result<Vec<u64>> {
    let text = fs::read_to_string(path).with_context(|| path.display().to_string())?;
    // The name is in parentheses, and may hold anything else.
    let (_, fields) = text.rsplit_once(')').context("a name in parentheses")?;
    let fields = fields.split_whitespace();
    // The state is a letter, and some fields are negative: neither is asked for.
    Ok(fields.map(|field| field.parse().unwrap_or(0)).collect())
}

fn from_ticks(ticks: u64) -> Duration {
    Duration::from_secs_f64(ticks as f64 / rustix::param::clock_ticks_per_second() as f64)
}

fn status_kib(process: u32, name: &str) -> Result<u64> {
    let path = format!("/proc/{process}/status");
    let text = fs::read_to_string(&path).with_context(|| path.clone())?;
    Ok(field(&text, name)? * 1024)
}

fn field(text: &str, name: &str) -> Result<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    let number = line.and_then(|rest| rest.split_whitespace().next());
    let number = number.with_context(|| format!("a line {name}"))?;
    number
        .parse()
        .with_context(|| format!("a number behind {name}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_is_counted() {
        let own = std::process::id();
        let before = Usage::of(own).expect("/proc is there");
        let used = || Usage::of(own).expect("/proc is there").since(before).cpu;
        let deadline = Instant::now() + Duration::from_secs(30);
        while used() < Duration::from_millis(50) {
            assert!(Instant::now() < deadline, "work is never counted");
        }
        assert!(peak_resident_bytes(own).unwrap() >= resident_bytes(own).unwrap() / 2);
    }

    #[test]
    fn the_time_of_ended_children_is_counted() {
        let before = cpu_of_ended_children().unwrap();
        let script = "i=0; while [ $i -lt 200000 ]; do i=$((i+1)); done";
        let status = std::process::Command::new("sh")
            .args(["-c", script])
            .status();
        assert!(status.unwrap().success());
        assert!(cpu_of_ended_children().unwrap() > before);
    }
}
