//! What the gateway counts. Plain atomics; a scrape reads them.

use std::sync::atomic::{AtomicUsize, Ordering};

use forebay_broker::storage::shard::Counter;

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Either side said so, as the protocol has it.
    Orderly,
    /// It was reset, or closed without a word.
    Broken,
    /// It gave no sign of life.
    Idle,
    /// It did not log in.
    Refused,
    /// What it sent is against the protocol.
    Protocol,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Self; 5] = [
        Self::Orderly,
        Self::Broken,
        Self::Idle,
        Self::Refused,
        Self::Protocol,
    ];

    /// Its name for a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orderly => "orderly",
            Self::Broken => "broken",
            Self::Idle => "idle",
            Self::Refused => "refused",
            Self::Protocol => "protocol",
        }
    }
}

/// How many there are now.
#[derive(Debug, Default)]
pub struct Gauge(AtomicUsize);

impl Gauge {
    /// How many there are.
    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn more(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(crate) fn fewer(&self, by: usize) {
        self.0.fetch_sub(by, Ordering::Relaxed);
    }
}

/// The counters of the gateway.
#[derive(Debug, Default)]
pub struct GatewayMetrics {
    /// Connections served since the start.
    pub connections: Counter,
    /// Connections that have ended, by [`Ending`].
    endings: [Counter; Ending::ALL.len()],
    /// Channels that are open.
    pub channels: Gauge,
    /// Consumers that are subscribed.
    pub consumers: Gauge,
    /// Messages that clients published.
    pub published: Counter,
    /// Messages that were confirmed to who published them.
    pub confirmed: Counter,
    /// Messages that were returned to who published them.
    pub returned: Counter,
    /// Messages that were written out to clients.
    pub delivered: Counter,
    /// Messages that clients acknowledged.
    pub acknowledged: Counter,
    /// Bytes read.
    pub received_bytes: Counter,
    /// Bytes written.
    pub sent_bytes: Counter,
}

impl GatewayMetrics {
    /// How many connections have ended in each way.
    pub fn endings(&self) -> impl Iterator<Item = (Ending, u64)> + '_ {
        Ending::ALL
            .into_iter()
            .zip(self.endings.iter().map(Counter::value))
    }

    pub(crate) fn ended(&self, ending: Ending) {
        self.endings[ending as usize].add(1);
    }
}
