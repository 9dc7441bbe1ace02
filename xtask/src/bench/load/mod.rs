//! What puts load on a broker: Kafka's and RabbitMQ's own tools, ours on librdkafka, and frames of
//! both protocols that were encoded once.

pub(crate) mod amqp;
pub(crate) mod frames;
pub(crate) mod kafka_tools;
pub(crate) mod librdkafka;
pub(crate) mod perf_test;

use std::process::Command;
use std::time::Duration;

use anyhow::Result;

use super::server;
use crate::layout::Layout;
use crate::process;

/// A load that takes longer has met a broker that does not answer.
const LIMIT: Duration = Duration::from_secs(10 * 60);

/// Creates a topic through Forebay's command line, which speaks to any broker.
pub(crate) fn create_topic(
    layout: &Layout,
    bootstrap: &str,
    topic: &str,
    partitions: u32,
) -> Result<()> {
    let mut command = Command::new(server::measured_binary(layout));
    command
        .args(["--server", bootstrap, "--timeout", "120s"])
        .args(["topic", "create", topic, "--partitions"])
        .arg(partitions.to_string());
    process::must(&mut command, &layout.log("bench.topic"), LIMIT)
}
