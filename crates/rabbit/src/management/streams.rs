//! Streams among the queues: topics, as RabbitMQ's tools look at queues.

use std::sync::Arc;

use axum::http::StatusCode;
use bytes::Bytes;
use forebay_broker::host::VirtualHost;
use forebay_broker::storage::LogReader;
use forebay_broker::topic::{MadeAs, Topic};
use serde_json::{Map, Value, json};

use super::body::Body;
use super::error::ApiError;
use super::policies::Counting;
use super::stats::Stats;
use super::walk::MessageTotals;
use super::{Context, json};
use crate::amqp091::method::queue::Declare;
use crate::amqp091::session::commands::queue::is_stream;
use crate::amqp091::session::commands::stream_topic::{self, ARGUMENTS};
use crate::amqp091::session::errors::Subject;

/// What definitions say of a stream that nobody declared, so that no policy for queues is for it when they are
/// taken in.
const IS_TOPIC: &str = "topic";

/// The units of an age, in milliseconds, the largest first. Years and months of RabbitMQ are days, too.
const UNITS: [(u64, char); 4] = [
    (86_400_000, 'D'),
    (3_600_000, 'h'),
    (60_000, 'm'),
    (1_000, 's'),
];

/// Declares a stream, if that is what is asked for. Whether it was there already.
pub(super) async fn declare(
    made_as: MadeAs,
    host: &VirtualHost,
    subject: Subject<'_>,
    asked: &Declare,
    default_type: &str,
) -> Result<Option<bool>, ApiError> {
    if !is_stream(asked, default_type) {
        return Ok(None);
    }
    let is_there = host.stream(subject.name).is_some();
    stream_topic::declare_as(made_as, host, subject, asked).await?;
    Ok(Some(is_there))
}

/// Deletes one.
pub(super) async fn delete(context: &Context, topic: &Topic) -> Result<StatusCode, ApiError> {
    stream_topic::delete(&context.gateway.broker, topic).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Messages that are in all of these.
pub(super) fn totals(topics: &[Arc<Topic>]) -> MessageTotals {
    let of_each = topics.iter().map(|topic| messages(topic));
    of_each.fold(MessageTotals::default(), MessageTotals::plus)
}

fn messages(topic: &Topic) -> MessageTotals {
    let held = |log: &LogReader| log.end_offset().saturating_sub(log.start_offset());
    MessageTotals {
        ready: topic.partitions.iter().map(held).sum(),
        unacknowledged: 0,
    }
}

/// A stream as a queue, with how many consume it.
pub(super) fn show(context: &Context, vhost: &str, topic: &Topic, consumers: usize) -> Value {
    let (name, topic_name) = (json::text(&topic.queue_name()), &topic.name);
    let node = &context.node.name;
    let sum = |count: fn(&LogReader) -> u64| topic.partitions.iter().map(count).sum::<u64>();
    let delivered = sum(LogReader::fetched_records);
    let stats = Stats::new(&[
        // Offsets are dense: what the end of a log has passed was published.
        ("publish", sum(LogReader::end_offset)),
        ("deliver_get", delivered),
        ("deliver", delivered),
    ]);
    let mut shown = json!({
        "type": "stream",
        "arguments": arguments(topic),
        "auto_delete": false,
        "consumers": consumers,
        "durable": true,
        "exclusive": false,
        "internal": false,
        "internal_owner": false,
        "leader": node,
        "members": [node],
        "online": [node],
        "message_stats": stats.object(context, format!("stream {topic_name}")),
        "name": name,
        "node": node,
        "state": "running",
        "vhost": vhost,
    });
    if let Some(fields) = shown.as_object_mut() {
        messages(topic).put(fields, context, format!("messages of stream {topic_name}"));
        let directory = context.gateway.broker.directory();
        Counting::of(|kind| directory.policy_of_stream(kind, topic)).put(fields);
    }
    shown
}

/// A stream as definitions have it; none for a topic that is more than a declaration can say.
pub(super) fn definition(topic: &Topic) -> Option<Value> {
    (topic.partitions.len() == 1).then(|| {
        let mut row = json!({
            "name": json::text(&topic.queue_name()),
            "type": "stream",
            "durable": true,
            "auto_delete": false,
            "arguments": arguments(topic),
        });
        // RabbitMQ takes no notice of it.
        if topic.stream.is_none() {
            row[IS_TOPIC] = json!(true);
        }
        row
    })
}

/// As what it comes back.
pub(super) fn made_as(definition: &Body) -> Result<MadeAs, ApiError> {
    Ok(match definition.flag(IS_TOPIC)? {
        true => MadeAs::Topic,
        false => MadeAs::Stream,
    })
}

/// The arguments that a declaration of such a topic has.
fn arguments(topic: &Topic) -> Value {
    let set = topic.config.overrides();
    let mut shown = Map::from_iter([("x-queue-type".to_owned(), json!("stream"))]);
    for (argument, config) in ARGUMENTS {
        let value = set.get(config).and_then(|value| value.parse::<u64>().ok());
        let value = value.map(|value| match argument {
            "x-max-age" => age(value).into(),
            _ => json!(value),
        });
        shown.extend(value.map(|value| (argument.to_owned(), value)));
    }
    Value::Object(shown)
}

/// An age as declarations write it. What is no whole number of seconds is kept no shorter.
fn age(ms: u64) -> String {
    let exact = UNITS.iter().find(|(unit, _)| ms.is_multiple_of(*unit));
    let (unit, name) = exact.unwrap_or(&UNITS[3]);
    format!("{}{name}", ms.div_ceil(*unit))
}

/// What streams do not do.
pub(super) fn refuse(host: &VirtualHost, subject: Subject<'_>, what: &str) -> Result<(), ApiError> {
    match host.stream(subject.name) {
        Some(_) => Err(ApiError::bad_request(format!(
            "{what} not supported by stream queues {subject}"
        ))),
        None => Ok(()),
    }
}

/// Whether there is such a queue or stream.
pub(super) async fn is_there(host: &VirtualHost, name: &Bytes) -> Result<bool, ApiError> {
    let is_stream = host.stream(name).is_some();
    Ok(is_stream || host.queue(name.clone()).await?.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ages_have_the_largest_unit_that_says_them() {
        let cases = [
            (604_800_000, "7D"),
            (3_600_000, "1h"),
            (5_400_000, "90m"),
            (61_000, "61s"),
            (500, "1s"),
        ];
        for (ms, shown) in cases {
            assert_eq!(age(ms), shown);
        }
    }
}
