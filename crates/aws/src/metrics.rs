//! What the gateway counts. Plain atomics but for errors, which are rare; a scrape reads them.

use std::collections::BTreeMap;

use forebay_broker::storage::shard::Counter;
use parking_lot::Mutex;

use crate::service::Service;

/// How a connection has ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// Either side closed it between requests.
    Orderly,
    /// It was reset, or closed in the middle of a request.
    Broken,
    /// It sent nothing for too long.
    Idle,
    /// What it sent is not HTTP.
    Protocol,
}

impl Ending {
    /// Each of them.
    pub const ALL: [Self; 4] = [Self::Orderly, Self::Broken, Self::Idle, Self::Protocol];

    /// Its name for a label.
    pub fn name(self) -> &'static str {
        match self {
            Self::Orderly => "orderly",
            Self::Broken => "broken",
            Self::Idle => "idle",
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
    /// Requests by service and operation.
    requests: [Vec<Counter>; Service::ALL.len()],
    /// Requests that were refused, by service and code.
    errors: Mutex<BTreeMap<(Service, &'static str), u64>>,
    /// Bytes of requests' bodies.
    pub received_bytes: Counter,
    /// Bytes of answers' bodies.
    pub sent_bytes: Counter,
}

impl Default for GatewayMetrics {
    fn default() -> Self {
        let of = |service: Service| {
            let operations = service.operations().iter();
            operations.map(|_| Counter::default()).collect()
        };
        Self {
            connections: Counter::default(),
            endings: Default::default(),
            requests: Service::ALL.map(of),
            errors: Mutex::default(),
            received_bytes: Counter::default(),
            sent_bytes: Counter::default(),
        }
    }
}

impl GatewayMetrics {
    /// How many connections have ended in each way.
    pub fn endings(&self) -> impl Iterator<Item = (Ending, u64)> + '_ {
        let counts = self.endings.iter().map(Counter::value);
        Ending::ALL.into_iter().zip(counts)
    }

    /// How many requests there were: service, operation, count.
    pub fn requests(&self) -> impl Iterator<Item = (&'static str, &'static str, u64)> + '_ {
        let services = Service::ALL.into_iter().zip(&self.requests);
        services.flat_map(|(service, counts)| {
            let operations = service.operations().iter().zip(counts);
            operations.map(move |(name, count)| (service.name(), *name, count.value()))
        })
    }

    /// How many requests were refused: service, code, count.
    pub fn errors(&self) -> Vec<(&'static str, &'static str, u64)> {
        let errors = self.errors.lock();
        let errors = errors.iter();
        errors
            .map(|((service, code), count)| (service.name(), *code, *count))
            .collect()
    }

    pub(crate) fn ended(&self, ending: Ending) {
        self.endings[ending as usize].add(1);
    }

    /// Counts a request. What is no operation is counted as the error that it is answered with.
    pub(crate) fn requested(&self, service: Service, operation: &str) {
        let mut known = service.operations().iter();
        if let Some(at) = known.position(|name| *name == operation) {
            self.requests[service as usize][at].add(1);
        }
    }

    pub(crate) fn refused(&self, service: Service, code: &'static str) {
        *self.errors.lock().entry((service, code)).or_default() += 1;
    }
}
