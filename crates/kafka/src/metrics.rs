//! What the gateway counts. Plain atomics; a scrape reads them.

use std::time::Duration;

use forebay_broker::storage::shard::{Counter, Histogram};

use crate::protocol::ApiKey;
use crate::versions::served_apis;

/// The counters of the gateway.
#[derive(Debug)]
pub struct GatewayMetrics {
    /// Connections served since the start.
    pub connections: Counter,
    /// Connections that have ended.
    pub disconnections: Counter,
    /// Connections closed for what they sent.
    pub protocol_errors: Counter,
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
            disconnections: Counter::default(),
            protocol_errors: Counter::default(),
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

    pub(crate) fn answered(&self, key: ApiKey, took: Duration) {
        let found = self.requests.iter().find(|(served, _)| *served == key);
        if let Some((_, histogram)) = found {
            histogram.observe(took.as_secs_f64());
        }
    }
}
