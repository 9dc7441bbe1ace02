//! What the gateway counts. Plain atomics; a scrape reads them.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use forebay_broker::storage::shard::{Counter, Histogram};

use crate::protocol::ApiKey;
use crate::versions::served_apis;

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The client closed it, or the broker stopped.
    Orderly,
    /// It was reset, or ended inside a request.
    Broken,
    /// It was silent for too long.
    Idle,
    /// It was silent inside a request.
    Stalled,
    /// It held memory that others waited for, and was slow.
    TooSlow,
    /// What it sent is against the protocol.
    Protocol,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Self; 6] = [
        Self::Orderly,
        Self::Broken,
        Self::Idle,
        Self::Stalled,
        Self::TooSlow,
        Self::Protocol,
    ];

    /// Its name for a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orderly => "orderly",
            Self::Broken => "broken",
            Self::Idle => "idle",
            Self::Stalled => "stalled",
            Self::TooSlow => "too_slow",
            Self::Protocol => "protocol",
        }
    }
}

/// The counters of the gateway.
#[derive(Debug)]
pub struct GatewayMetrics {
    /// Connections served since the start.
    pub connections: Counter,
    /// Connections that have ended, by [`Ending`].
    endings: [Counter; Ending::ALL.len()],
    /// Requests that are here and not answered.
    pub requests_in_flight: RequestsInFlight,
    /// Bytes of requests.
    pub request_bytes: Counter,
    /// Bytes of answers.
    pub response_bytes: Counter,
    /// Seconds from the last byte of a request to its answer, for each key.
    requests: Vec<(ApiKey, Histogram)>,
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        Self {
            connections: Counter::default(),
            endings: Default::default(),
            requests_in_flight: RequestsInFlight::default(),
            request_bytes: Counter::default(),
            response_bytes: Counter::default(),
            requests: served_apis()
                .map(|api| (api.key, Histogram::new(25e-6)))
                .collect(),
        }
    }
}

impl GatewayMetrics {
    /// Latencies of requests, for each served key.
    pub fn requests(&self) -> &[(ApiKey, Histogram)] {
        &self.requests
    }

    /// How many connections have ended in each way.
    pub fn endings(&self) -> impl Iterator<Item = (Ending, u64)> + '_ {
        Ending::ALL
            .into_iter()
            .zip(self.endings.iter().map(Counter::value))
    }

    pub(crate) fn ended(&self, ending: Ending) {
        self.endings[ending as usize].add(1);
    }

    pub(crate) fn answered(&self, key: ApiKey, took: Duration) {
        let found = self.requests.iter().find(|(served, _)| *served == key);
        if let Some((_, histogram)) = found {
            histogram.observe(took.as_secs_f64());
        }
    }
}

/// Counts requests from their last byte to their answer.
#[derive(Debug, Default)]
pub struct RequestsInFlight(Arc<AtomicUsize>);

/// One such request, until it is dropped.
#[derive(Debug)]
pub(crate) struct InFlight(Arc<AtomicUsize>);

impl RequestsInFlight {
    /// How many there are.
    pub fn value(&self) -> usize {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn begin(&self) -> InFlight {
        self.0.fetch_add(1, Ordering::Relaxed);
        InFlight(Arc::clone(&self.0))
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}
