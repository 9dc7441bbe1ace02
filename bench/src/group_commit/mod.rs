//! What a durable commit costs: producers of 1 KiB messages, each waiting for its acknowledgement
//! before it sends the next, against one committing thread.

pub mod bare;
pub mod engine;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, Thread};
use std::time::{Duration, Instant};

/// Bytes of a message's value.
pub const MESSAGE_BYTES: usize = 1024;

/// Who commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Writer {
    /// A bare loop over a zero-filled file: `pwrite`, `fdatasync`.
    Fdatasync,
    /// The same with `O_DIRECT | O_DSYNC` in place of the sync.
    Direct,
    /// A whole shard: checksums, index, memory of recent batches, background jobs.
    Engine,
}

impl Writer {
    /// The writer of this name.
    pub fn find(name: &str) -> Option<Self> {
        match name {
            "fdatasync" => Some(Self::Fdatasync),
            "direct" => Some(Self::Direct),
            "engine" => Some(Self::Engine),
            _ => None,
        }
    }

    /// Has `producers` send for so many seconds, to a writer that works in `folder`.
    pub fn measure(self, folder: &Path, producers: usize, time: Duration) -> Measured {
        match self {
            Self::Fdatasync => bare::measure(folder, producers, time, false),
            Self::Direct => bare::measure(folder, producers, time, true),
            Self::Engine => engine::measure(folder, producers, time),
        }
    }
}

/// What was measured.
#[derive(Debug)]
pub struct Measured {
    /// Of every message, in ascending order.
    pub latencies: Vec<Duration>,
    /// How long it took.
    pub time: Duration,
    /// Commits in that time.
    pub commits: u64,
    /// Bytes that the commits wrote.
    pub bytes: u64,
}

impl Measured {
    /// The latency that this share of the messages did not exceed.
    pub fn quantile(&self, share: f64) -> Duration {
        let last = self.latencies.len().saturating_sub(1);
        let at = (last as f64 * share) as usize;
        self.latencies.get(at).copied().unwrap_or_default()
    }
}

/// Somebody who waits for an acknowledgement.
struct Waiter {
    acknowledged: AtomicBool,
    thread: Thread,
}

impl Waiter {
    fn acknowledge(&self) {
        self.acknowledged.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

/// What takes messages.
trait Target: Send + Sync {
    fn send(&self, waiter: Arc<Waiter>);
}

/// Runs the producers; answers the latencies and how long it took until the last was acknowledged.
fn produce(
    target: &Arc<dyn Target>,
    producers: usize,
    time: Duration,
) -> (Vec<Duration>, Duration) {
    let started = Instant::now();
    let until = started + time;
    let start = || {
        let target = Arc::clone(target);
        thread::spawn(move || producer(target.as_ref(), until))
    };
    let producers: Vec<_> = (0..producers).map(|_| start()).collect();
    let mut latencies: Vec<Duration> = producers
        .into_iter()
        .flat_map(|producer| producer.join().expect("a producer does not panic"))
        .collect();
    let took = started.elapsed();
    latencies.sort_unstable();
    (latencies, took)
}

fn producer(target: &dyn Target, until: Instant) -> Vec<Duration> {
    let mut latencies = Vec::new();
    while Instant::now() < until {
        let waiter = Arc::new(Waiter {
            acknowledged: AtomicBool::new(false),
            thread: thread::current(),
        });
        let sent = Instant::now();
        target.send(Arc::clone(&waiter));
        while !waiter.acknowledged.load(Ordering::Acquire) {
            thread::park();
        }
        latencies.push(sent.elapsed());
    }
    latencies
}
