//! Child processes with a log file and a deadline, ended by process id and never by name, and ports
//! for them to listen on.

use std::fs::{self, File};
use std::net::TcpListener;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use rustix::process::{Pid, Signal, kill_process};

/// How often a child is asked whether it has ended.
const POLL: Duration = Duration::from_millis(20);
/// Sets what must be set between fork and exec, and becomes the program: the process id stays.
const SETPRIV: &str = "/usr/bin/setpriv";
/// How often a server is asked whether it is ready; some are within milliseconds.
const READY_POLL: Duration = Duration::from_millis(1);
/// How many lines of a log are shown when something went wrong.
const TAIL_LINES: usize = 30;

/// What became of a child process.
pub(crate) enum Ending {
    Exited(ExitStatus),
    /// It was still running at the deadline, and was killed with all its children.
    TimedOut,
}

/// Starts `command` with both output streams going to the file `log`.
pub(crate) fn spawn(command: &mut Command, log: &Path) -> Result<Child> {
    let out = File::create(log).with_context(|| format!("create {}", log.display()))?;
    let err = out.try_clone()?;
    command
        .stdin(Stdio::null())
        .stdout(out)
        .stderr(err)
        .spawn()
        .with_context(|| format!("start {}", command.get_program().to_string_lossy()))
}

/// The same program, which the kernel kills when the thread that starts it ends, however it ends.
/// Where util-linux is missing it is just the same program. Environment and folder are those of this
/// process.
pub(crate) fn tied_to_this_thread(command: &Command) -> Command {
    let has_setpriv = Path::new(SETPRIV).is_file();
    let mut tied = if has_setpriv {
        let mut tied = Command::new(SETPRIV);
        tied.args(["--pdeathsig", "KILL"])
            .arg(command.get_program());
        tied
    } else {
        Command::new(command.get_program())
    };
    tied.args(command.get_args());
    tied
}

/// Runs `command` to its end or to the deadline, whichever comes first.
pub(crate) fn run(command: &mut Command, log: &Path, limit: Duration) -> Result<Ending> {
    wait(&mut spawn(command, log)?, limit)
}

/// Waits for `child`; at the deadline it is killed together with its children.
pub(crate) fn wait(child: &mut Child, limit: Duration) -> Result<Ending> {
    let deadline = Instant::now() + limit;
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(Ending::Exited(status));
        }
        if Instant::now() >= deadline {
            kill_tree(child.id());
            child.wait()?;
            return Ok(Ending::TimedOut);
        }
        thread::sleep(POLL);
    }
}

/// Runs a preparation step; an unsuccessful end is an error that carries the log's tail.
pub(crate) fn must(command: &mut Command, log: &Path, limit: Duration) -> Result<()> {
    let name = command.get_program().to_string_lossy().into_owned();
    match run(command, log, limit)? {
        Ending::Exited(status) if status.success() => Ok(()),
        Ending::Exited(status) => bail!("{name} ended with {status}\n{}", tail(log)),
        Ending::TimedOut => bail!("{name} took longer than {limit:?}\n{}", tail(log)),
    }
}

/// Waits until a server that was just started says that it is `ready`; answers how long that took
/// from here. A server that ends or is late is an error that carries the log's tail.
pub(crate) fn wait_until(
    child: &mut Child,
    log: &Path,
    limit: Duration,
    mut ready: impl FnMut() -> bool,
) -> Result<Duration> {
    let started = Instant::now();
    while !ready() {
        if let Some(status) = child.try_wait()? {
            bail!("it ended with {status} before it was ready\n{}", tail(log));
        }
        if started.elapsed() > limit {
            kill_tree(child.id());
            child.wait()?;
            bail!("it was not ready after {limit:?}\n{}", tail(log));
        }
        thread::sleep(READY_POLL);
    }
    Ok(started.elapsed())
}

/// Asks a process to stop (SIGTERM).
pub(crate) fn ask_to_stop(id: u32) {
    signal(id, Signal::TERM);
}

/// Kills a process and everything it started, children first.
pub(crate) fn kill_tree(id: u32) {
    for child in children(id) {
        kill_tree(child);
    }
    signal(id, Signal::KILL);
}

/// The process below `id` that runs a program of this name.
pub(crate) fn descendant(id: u32, program: &str) -> Option<u32> {
    children(id).into_iter().find_map(|child| {
        let name = fs::read_to_string(format!("/proc/{child}/comm")).ok()?;
        if name.trim_end() == program {
            return Some(child);
        }
        descendant(child, program)
    })
}

/// The last lines of a log file, indented.
pub(crate) fn tail(log: &Path) -> String {
    let text = fs::read(log).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<_> = text.lines().collect();
    let from = lines.len().saturating_sub(TAIL_LINES);
    lines[from..]
        .iter()
        .map(|line| format!("    | {line}\n"))
        .collect()
}

/// A port that nobody listens on at the moment.
pub(crate) fn free_port() -> Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

fn signal(id: u32, signal: Signal) {
    if let Some(pid) = i32::try_from(id).ok().and_then(Pid::from_raw) {
        // Gone already is what we wanted.
        let _ = kill_process(pid, signal);
    }
}

/// Direct children, from `/proc`; empty where there is none (then only the process itself ends).
fn children(id: u32) -> Vec<u32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{id}/task")) else {
        return Vec::new();
    };
    threads
        .flatten()
        .filter_map(|thread| fs::read_to_string(thread.path().join("children")).ok())
        .flat_map(|ids| {
            ids.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect::<Vec<_>>()
        })
        .collect()
}
