//! Connections and requests of one protocol, under the names that all protocols share.

use forebay_broker::storage::shard::Histogram;

use super::page::{Metric, Page};

const CONNECTIONS: Metric = Metric::gauge("forebay_connections", "Connections that are open.");
const OPENED: Metric = Metric::counter(
    "forebay_connections_opened",
    "Connections served since the process started.",
);
const PROTOCOL_ERRORS: Metric = Metric::counter(
    "forebay_protocol_errors",
    "Connections closed for what they sent.",
);
const RECEIVED: Metric = Metric::counter("forebay_received_bytes", "Bytes of requests.");
const SENT: Metric = Metric::counter("forebay_sent_bytes", "Bytes of answers.");
const REQUESTS: Metric = Metric::histogram(
    "forebay_request_duration_seconds",
    "Time from the last byte of a request to its answer.",
);

/// What a gateway has counted. Each number is one read of a counter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct GatewayReading {
    /// The protocol, as its listener is named.
    pub protocol: &'static str,
    /// Connections served since the start.
    pub opened: u64,
    /// Connections that have ended.
    pub closed: u64,
    /// Connections closed for what they sent.
    pub protocol_errors: u64,
    /// Bytes of requests.
    pub received_bytes: u64,
    /// Bytes of answers.
    pub sent_bytes: u64,
}

/// How long requests of one kind took.
#[derive(Clone, Copy, Debug)]
pub struct RequestLatency<'a> {
    /// The kind of request.
    pub api: &'static str,
    /// Seconds from the last byte of a request to its answer.
    pub seconds: &'a Histogram,
}

impl GatewayReading {
    /// Puts it on the page, with the latencies of the protocol's requests.
    pub fn put<'a>(&self, page: &mut Page, requests: impl IntoIterator<Item = RequestLatency<'a>>) {
        let labels = || vec![("protocol", self.protocol.into())];
        // Two counters are not read at one moment, so the second may be ahead.
        let open = self.opened.saturating_sub(self.closed);
        page.put(&CONNECTIONS, labels(), open);
        page.put(&OPENED, labels(), self.opened);
        page.put(&PROTOCOL_ERRORS, labels(), self.protocol_errors);
        page.put(&RECEIVED, labels(), self.received_bytes);
        page.put(&SENT, labels(), self.sent_bytes);
        for request in requests {
            let mut labels = labels();
            labels.push(("api", request.api.into()));
            page.put(&REQUESTS, labels, request.seconds);
        }
    }
}
