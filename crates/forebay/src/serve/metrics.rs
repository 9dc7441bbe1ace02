//! What the process counts beside the broker, for the metrics page.

use std::sync::Arc;

use forebay_admin::MetricsSource;
use forebay_admin::metrics::{Budget, GatewayReading, Metric, Page, RequestLatency};
use forebay_kafka::Gateway;
use tokio::runtime::Handle;

use crate::places::Places;

const TASKS: Metric = Metric::gauge(
    "forebay_tasks",
    "Tasks that are alive: one a connection, and a handful of the process's own.",
);

/// The Kafka gateway and its listener.
pub(super) struct KafkaMetrics {
    pub(super) gateway: Gateway,
    pub(super) places: Arc<Places>,
}

impl MetricsSource for KafkaMetrics {
    fn read(&self, page: &mut Page) {
        let (gateway, counted) = (&self.gateway, self.gateway.metrics());
        let options = gateway.options();
        let endings = counted.endings();
        let reading = GatewayReading {
            protocol: "kafka",
            // The endings first, or a connection could seem to have ended that was never opened.
            closed: endings
                .map(|(ending, count)| (ending.name(), count))
                .collect(),
            opened: counted.connections.value(),
            refused: self.places.refused(),
            connections_limit: self.places.limit(),
            in_flight: counted.requests_in_flight.value(),
            request_memory: Budget {
                used: gateway.request_memory_used(),
                limit: options.request_memory_bytes,
            },
            answer_memory: Budget {
                used: gateway.answer_memory_used(),
                limit: options.answer_memory_bytes,
            },
            received_bytes: counted.request_bytes.value(),
            sent_bytes: counted.response_bytes.value(),
        };
        let latencies = counted
            .requests()
            .iter()
            .map(|(key, seconds)| RequestLatency {
                api: key.name(),
                seconds,
            });
        reading.put(page, latencies);
    }
}

/// The tasks of the runtime that serves connections.
pub(super) struct TaskMetrics(Handle);

impl TaskMetrics {
    /// Of the runtime that this is called in.
    pub(super) fn new() -> Self {
        Self(Handle::current())
    }
}

impl MetricsSource for TaskMetrics {
    fn read(&self, page: &mut Page) {
        page.put(&TASKS, Vec::new(), self.0.metrics().num_alive_tasks());
    }
}
