//! What a shard counts. Plain atomics that a scrape reads; nothing on the hot path looks up a label.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Its value.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A distribution over buckets that double from a smallest bound on.
#[derive(Debug)]
pub struct Histogram {
    smallest: f64,
    buckets: [AtomicU64; Self::BUCKETS],
    /// Sum in millionths of the unit, so that it fits an integer.
    sum_millionths: AtomicU64,
}

impl Histogram {
    /// Buckets below the one without a bound.
    pub const BUCKETS: usize = 20;

    /// A histogram whose first bucket ends at `smallest`.
    pub fn new(smallest: f64) -> Self {
        Self {
            smallest,
            buckets: Default::default(),
            sum_millionths: AtomicU64::new(0),
        }
    }

    /// Counts a value.
    pub fn observe(&self, value: f64) {
        let mut bound = self.smallest;
        let mut index = 0;
        while value > bound && index < Self::BUCKETS - 1 {
            bound *= 2.0;
            index += 1;
        }
        self.buckets[index].fetch_add(1, Ordering::Relaxed);
        self.sum_millionths
            .fetch_add((value * 1e6) as u64, Ordering::Relaxed);
    }

    /// Upper bound and count of each bucket, not cumulative; the last is unbounded.
    pub fn buckets(&self) -> impl Iterator<Item = (f64, u64)> + '_ {
        self.buckets.iter().enumerate().map(|(index, count)| {
            let last = index == Self::BUCKETS - 1;
            let bound = if last {
                f64::MAX
            } else {
                self.smallest * f64::from(1u32 << index)
            };
            (bound, count.load(Ordering::Relaxed))
        })
    }

    /// The sum of all values.
    pub fn sum(&self) -> f64 {
        self.sum_millionths.load(Ordering::Relaxed) as f64 / 1e6
    }
}

/// The counters of one shard.
#[derive(Debug)]
pub struct ShardMetrics {
    /// Commands applied.
    pub commands: Counter,
    /// Commands refused because the medium is full.
    pub refused_full: Counter,
    /// Journal entries written.
    pub commits: Counter,
    /// Time from the write to the end of the sync, in seconds.
    pub commit_seconds: Histogram,
    /// Bytes of an entry.
    pub commit_bytes: Histogram,
    /// Replies that one sync released.
    pub commit_replies: Histogram,
}

impl Default for ShardMetrics {
    fn default() -> Self {
        Self {
            commands: Counter::default(),
            refused_full: Counter::default(),
            commits: Counter::default(),
            commit_seconds: Histogram::new(25e-6),
            commit_bytes: Histogram::new(256.0),
            commit_replies: Histogram::new(1.0),
        }
    }
}
