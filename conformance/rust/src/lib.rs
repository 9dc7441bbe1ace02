//! Clients of the rdkafka crate with the settings of the suite.

use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer};
use rdkafka::message::{BorrowedMessage, Message, OwnedMessage};
use rdkafka::producer::{BaseProducer, BaseRecord, DefaultProducerContext, Producer};
use rdkafka::{Offset, TopicPartitionList};

/// The longest wait for anything.
pub const PATIENCE: Duration = Duration::from_secs(30);

/// The broker under test, `host:port`.
pub fn broker() -> String {
    std::env::var("BROKER").expect("BROKER names the broker under test")
}

/// A name that no other case uses.
pub fn fresh(kind: &str) -> String {
    let now = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .expect("a clock after 1970");
    format!("{kind}-rust-{:x}-{:x}", now.as_nanos(), std::process::id())
}

/// A client's configuration with `settings` on top.
pub fn config(settings: &[(&str, &str)]) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker());
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config
}

/// An idempotent producer with acks=all.
pub fn producer(settings: &[(&str, &str)]) -> BaseProducer<DefaultProducerContext> {
    let mut config = config(&[("enable.idempotence", "true"), ("linger.ms", "5")]);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().expect("the producer's settings are valid")
}

/// Sends `records` and waits until the broker has acknowledged all.
pub fn produce<'a>(
    producer: &BaseProducer<DefaultProducerContext>,
    records: impl IntoIterator<Item = BaseRecord<'a, [u8], [u8]>>,
) {
    for record in records {
        producer
            .send(record)
            .map_err(|(error, _)| error)
            .expect("there is room in the queue");
    }
    producer
        .flush(PATIENCE)
        .expect("everything is acknowledged in time");
}

/// A consumer that commits nothing by itself.
pub fn consumer(group: &str, settings: &[(&str, &str)]) -> BaseConsumer {
    let mut config = config(&[
        ("group.id", group),
        ("auto.offset.reset", "earliest"),
        ("enable.auto.commit", "false"),
        ("session.timeout.ms", "6000"),
        ("heartbeat.interval.ms", "500"),
    ]);
    for (name, value) in settings {
        config.set(*name, *value);
    }
    config.create().expect("the consumer's settings are valid")
}

/// The next `count` messages.
pub fn take(consumer: &BaseConsumer, count: usize) -> Vec<OwnedMessage> {
    let deadline = Instant::now() + PATIENCE;
    let mut taken = Vec::new();
    while taken.len() < count {
        assert!(
            Instant::now() < deadline,
            "{} of {count} messages in time",
            taken.len()
        );
        if let Some(message) = consumer.poll(Duration::from_millis(200)) {
            taken.push(
                message
                    .as_ref()
                    .map(BorrowedMessage::detach)
                    .expect("a message"),
            );
        }
    }
    taken
}

/// Reads `count` messages of a topic from its start, without a group.
pub fn read(topic: &str, partitions: i32, count: usize) -> Vec<OwnedMessage> {
    let reader = consumer("none", &[]);
    let mut assignment = TopicPartitionList::new();
    for partition in 0..partitions {
        assignment
            .add_partition_offset(topic, partition, Offset::Beginning)
            .expect("beginning is an offset");
    }
    reader.assign(&assignment).expect("an assignment");
    take(&reader, count)
}

/// A message's payload as text.
pub fn text(message: &impl Message) -> String {
    String::from_utf8(message.payload().unwrap_or_default().to_vec()).expect("text was sent")
}
