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
const CHANNELS: Metric = Metric::gauge("forebay_amqp_channels", "Channels that are open.");
const CONSUMERS: Metric = Metric::gauge("forebay_amqp_consumers", "Consumers of RabbitMQ clients.");
const PUBLISHED: Metric = Metric::counter(
    "forebay_amqp_messages_published",
    "Messages that RabbitMQ clients published.",
);
const CONFIRMED: Metric = Metric::counter(
    "forebay_amqp_messages_confirmed",
    "Messages that were confirmed to the clients that published them.",
);
const RETURNED: Metric = Metric::counter(
    "forebay_amqp_messages_returned",
    "Mandatory messages that went to no queue and were returned.",
);
const DELIVERED: Metric = Metric::counter(
    "forebay_amqp_messages_delivered",
    "Messages written out to RabbitMQ clients, each time that they were.",
);
const ACKNOWLEDGED: Metric = Metric::counter(
    "forebay_amqp_messages_acknowledged",
    "Messages that RabbitMQ clients acknowledged.",
);

const REQUESTS: Metric = Metric::counter(
    "forebay_aws_requests",
    "Requests of AWS clients, by service and operation.",
);
const ERRORS: Metric = Metric::counter(
    "forebay_aws_errors",
    "Requests of AWS clients that were refused, by service and code.",
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
            in_flight: Some(counted.requests_in_flight.value()),
            request_memory: Some(Budget {
                used: gateway.request_memory_used(),
                limit: options.request_memory_bytes,
            }),
            answer_memory: Some(Budget {
                used: gateway.answer_memory_used(),
                limit: options.answer_memory_bytes,
            }),
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

/// The RabbitMQ gateway and its listener.
pub(super) struct RabbitMetrics {
    pub(super) gateway: forebay_rabbit::Gateway,
    pub(super) places: Arc<Places>,
}

impl MetricsSource for RabbitMetrics {
    fn read(&self, page: &mut Page) {
        let counted = self.gateway.metrics();
        let endings = counted.endings();
        let reading = GatewayReading {
            protocol: "amqp",
            // The endings first, or a connection could seem to have ended that was never opened.
            closed: endings
                .map(|(ending, count)| (ending.name(), count))
                .collect(),
            opened: counted.connections.value(),
            refused: self.places.refused(),
            connections_limit: self.places.limit(),
            in_flight: None,
            request_memory: None,
            answer_memory: None,
            received_bytes: counted.received_bytes.value(),
            sent_bytes: counted.sent_bytes.value(),
        };
        reading.put(page, []);
        page.put(&CHANNELS, Vec::new(), counted.channels.value());
        page.put(&CONSUMERS, Vec::new(), counted.consumers.value());
        page.put(&PUBLISHED, Vec::new(), counted.published.value());
        page.put(&CONFIRMED, Vec::new(), counted.confirmed.value());
        page.put(&RETURNED, Vec::new(), counted.returned.value());
        page.put(&DELIVERED, Vec::new(), counted.delivered.value());
        page.put(&ACKNOWLEDGED, Vec::new(), counted.acknowledged.value());
    }
}

/// The AWS gateway and its listener.
pub(super) struct AwsMetrics {
    pub(super) gateway: forebay_aws::Gateway,
    pub(super) places: Arc<Places>,
}

impl MetricsSource for AwsMetrics {
    fn read(&self, page: &mut Page) {
        let counted = self.gateway.metrics();
        let endings = counted.endings();
        let reading = GatewayReading {
            protocol: "aws",
            // The endings first, or a connection could seem to have ended that was never opened.
            closed: endings
                .map(|(ending, count)| (ending.name(), count))
                .collect(),
            opened: counted.connections.value(),
            refused: self.places.refused(),
            connections_limit: self.places.limit(),
            in_flight: None,
            request_memory: None,
            answer_memory: None,
            received_bytes: counted.received_bytes.value(),
            sent_bytes: counted.sent_bytes.value(),
        };
        reading.put(page, []);
        for (service, operation, count) in counted.requests() {
            let labels = vec![("service", service.into()), ("operation", operation.into())];
            page.put(&REQUESTS, labels, count);
        }
        for (service, code, count) in counted.errors() {
            let labels = vec![("service", service.into()), ("code", code.into())];
            page.put(&ERRORS, labels, count);
        }
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
