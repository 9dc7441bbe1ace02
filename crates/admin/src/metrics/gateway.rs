//! Connections and requests of one protocol, under the names that all protocols share.

use forebay_broker::storage::shard::Histogram;

use super::page::{Metric, Page};

const CONNECTIONS: Metric = Metric::gauge("forebay_connections", "Connections that are open.");
const OPENED: Metric = Metric::counter(
    "forebay_connections_opened",
    "Connections served since the process started.",
);
const CLOSED: Metric = Metric::counter(
    "forebay_connections_closed",
    "Connections that have ended, by the way in which they did.",
);
const REFUSED: Metric = Metric::counter(
    "forebay_connections_refused",
    "Connections closed at once because there were as many as there may be.",
);
const CONNECTIONS_LIMIT: Metric = Metric::gauge(
    "forebay_connections_limit",
    "Connections that there may be at one time.",
);
const IN_FLIGHT: Metric = Metric::gauge(
    "forebay_requests_in_flight",
    "Requests that have arrived and are not answered.",
);
const REQUEST_MEMORY: Metric = Metric::gauge(
    "forebay_request_memory_bytes",
    "Bytes of requests that are on their way in or being served.",
);
const REQUEST_MEMORY_LIMIT: Metric = Metric::gauge(
    "forebay_request_memory_limit_bytes",
    "Bytes of requests beyond which sockets are read no further.",
);
const ANSWER_MEMORY: Metric = Metric::gauge(
    "forebay_answer_memory_bytes",
    "Bytes of answers that are being made or that clients have not taken.",
);
const ANSWER_MEMORY_LIMIT: Metric = Metric::gauge(
    "forebay_answer_memory_limit_bytes",
    "Bytes of answers beyond which fetches wait.",
);
const RECEIVED: Metric = Metric::counter("forebay_received_bytes", "Bytes of requests.");
const SENT: Metric = Metric::counter("forebay_sent_bytes", "Bytes of answers.");
const REQUESTS: Metric = Metric::histogram(
    "forebay_request_duration_seconds",
    "Time from the last byte of a request to its answer.",
);

/// What a gateway has counted. Each number is one read of a counter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayReading {
    /// The protocol, as its listener is named.
    pub protocol: &'static str,
    /// Connections served since the start.
    pub opened: u64,
    /// Connections that have ended, by the name of how they did.
    pub closed: Vec<(&'static str, u64)>,
    /// Connections refused because there were too many.
    pub refused: u64,
    /// Connections that there may be at one time.
    pub connections_limit: usize,
    /// Requests that are here and not answered, where the protocol has requests.
    pub in_flight: Option<usize>,
    /// Memory of requests, where the gateway has a budget for it.
    pub request_memory: Option<Budget>,
    /// Memory of answers, where the gateway has a budget for it.
    pub answer_memory: Option<Budget>,
    /// Bytes of requests.
    pub received_bytes: u64,
    /// Bytes of answers.
    pub sent_bytes: u64,
}

/// How much of something there may be, and how much there is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Budget {
    /// Bytes that there are.
    pub used: usize,
    /// Bytes that there may be.
    pub limit: usize,
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
        let closed: u64 = self.closed.iter().map(|(_, count)| count).sum();
        // Two counters are not read at one moment, so the second may be ahead.
        let open = self.opened.saturating_sub(closed);
        page.put(&CONNECTIONS, labels(), open);
        page.put(&CONNECTIONS_LIMIT, labels(), self.connections_limit);
        page.put(&OPENED, labels(), self.opened);
        for (reason, count) in &self.closed {
            let mut labels = labels();
            labels.push(("reason", (*reason).into()));
            page.put(&CLOSED, labels, *count);
        }
        page.put(&REFUSED, labels(), self.refused);
        if let Some(in_flight) = self.in_flight {
            page.put(&IN_FLIGHT, labels(), in_flight);
        }
        if let Some(memory) = self.request_memory {
            page.put(&REQUEST_MEMORY, labels(), memory.used);
            page.put(&REQUEST_MEMORY_LIMIT, labels(), memory.limit);
        }
        if let Some(memory) = self.answer_memory {
            page.put(&ANSWER_MEMORY, labels(), memory.used);
            page.put(&ANSWER_MEMORY_LIMIT, labels(), memory.limit);
        }
        page.put(&RECEIVED, labels(), self.received_bytes);
        page.put(&SENT, labels(), self.sent_bytes);
        for request in requests {
            let mut labels = labels();
            labels.push(("api", request.api.into()));
            page.put(&REQUESTS, labels, request.seconds);
        }
    }
}
