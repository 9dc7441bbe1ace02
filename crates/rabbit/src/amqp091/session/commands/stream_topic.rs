//! The topic that a stream is: what a declaration makes of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_broker::host::VirtualHostId;
use forebay_broker::topic::Topic;
use forebay_broker::{Broker, NewTopic, TopicError, TopicRef};

use super::Done;
use super::queue::check_lasting;
use crate::amqp091::method::queue::Declare;
use crate::amqp091::session::arguments::{Invalid, Lookup, text, whole};
use crate::amqp091::session::errors::{Refusal, Subject, lossy};
use crate::amqp091::table::{Table, Value};

/// Arguments that mean something to queues and nothing to streams (`rabbit_stream_queue`, capabilities).
const UNSUPPORTED: [&str; 11] = [
    "x-message-ttl",
    "x-expires",
    "x-max-length",
    "x-overflow",
    "x-dead-letter-exchange",
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-max-priority",
    "x-delivery-limit",
    "x-single-active-consumer",
    "x-queue-mode",
];

/// Arguments of streams, and what they are called as configurations of topics.
pub(crate) const ARGUMENTS: [(&str, &str); 3] = [
    ("x-max-age", "retention.ms"),
    ("x-max-length-bytes", "retention.bytes"),
    ("x-stream-max-segment-size-bytes", "segment.bytes"),
];

/// Whether a virtual host is the one that topics are in.
pub(crate) fn has_streams(vhost: VirtualHostId) -> bool {
    vhost == VirtualHostId::DEFAULT
}

/// The topic that a name stands for.
pub(crate) fn find(broker: &Broker, vhost: VirtualHostId, name: &[u8]) -> Option<Arc<Topic>> {
    match has_streams(vhost) {
        true => {
            let topic = broker.topic(std::str::from_utf8(name).ok()?);
            topic.filter(|topic| topic.config.is_stream)
        }
        false => None,
    }
}

/// Makes the topic of a stream, or sees that the one that is there is as it is asked for.
pub(crate) async fn declare(
    broker: &Broker,
    vhost: VirtualHostId,
    subject: Subject<'_>,
    declare: &Declare,
) -> Done {
    let configs = configs(subject, declare)?;
    if !has_streams(vhost) {
        let text = "queues of type stream in virtual hosts other than '/'";
        return Err(Refusal::not_implemented(text));
    }
    if let Some(topic) = find(broker, vhost, subject.name) {
        return equivalent(subject, &topic, &configs, &declare.arguments);
    }
    let topic = NewTopic {
        name: lossy(subject.name),
        partitions: Some(1),
        configs,
    };
    let created = broker.create_topics(vec![topic], false).await;
    match created.into_iter().next() {
        Some(Ok(_)) => Ok(()),
        Some(Err(TopicError::Exists(_))) if find(broker, vhost, subject.name).is_some() => Ok(()),
        Some(Err(TopicError::IsQueue(_))) => Err(Refusal::precondition(format_args!(
            "inequivalent arg 'x-queue-type' for {subject}: received 'stream' but current is 'classic'"
        ))),
        Some(Err(TopicError::Stopped)) | None => Err(Refusal::shutdown()),
        Some(Err(error)) => Err(Refusal::precondition(error)),
    }
}

/// Deletes the topic of a stream.
pub(crate) async fn delete(broker: &Broker, topic: &Topic) -> Done {
    let topics = vec![TopicRef::Id(topic.id)];
    match broker.delete_topics(topics).await.pop() {
        Some(Err(TopicError::Stopped)) | None => Err(Refusal::shutdown()),
        // Somebody else was quicker, perhaps.
        Some(_) => Ok(()),
    }
}

/// The configuration of the topic that a declaration asks for. A stream keeps everything unless it is told
/// otherwise.
fn configs(queue: Subject<'_>, declare: &Declare) -> Result<BTreeMap<String, String>, Refusal> {
    check_lasting(queue, declare)?;
    let lookup = Lookup {
        queue,
        table: &declare.arguments,
    };
    for name in UNSUPPORTED {
        lookup.refuse(name, "rabbit_stream_queue")?;
    }
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
    let kept_ms = lookup.get("x-max-age", max_age)?;
    let kept_bytes = lookup.get("x-max-length-bytes", whole)?;
    let mut configs = BTreeMap::from([
        ("retention.ms".to_owned(), shown(kept_ms)),
        ("retention.bytes".to_owned(), shown(kept_bytes)),
    ]);
    if let Some(bytes) = lookup.get("x-stream-max-segment-size-bytes", whole)? {
        configs.insert("segment.bytes".to_owned(), bytes.to_string());
    }
    Ok(configs)
}

/// Digits and a unit: `7D` (`rabbit_amqqueue:check_max_age_arg`).
fn max_age(value: Value<'_>) -> Result<u64, Invalid> {
    let text = text(value)?;
    let age = std::str::from_utf8(&text).ok().and_then(interval_ms);
    age.ok_or_else(|| "invalid_max_age".to_owned())
}

pub(super) fn interval_ms(text: &str) -> Option<u64> {
    let unit = text.chars().last()?;
    let seconds: u64 = match unit {
        'Y' => 365 * 86_400,
        'M' => 30 * 86_400,
        'D' => 86_400,
        'h' => 3_600,
        'm' => 60,
        's' => 1,
        _ => return None,
    };
    let digits = text.strip_suffix(unit)?;
    let count: u64 = digits.parse().ok()?;
    count.checked_mul(seconds)?.checked_mul(1_000)
}

/// A declaration of what is there says nothing else of what it names.
fn equivalent(
    queue: Subject<'_>,
    topic: &Topic,
    asked: &BTreeMap<String, String>,
    given: &Table,
) -> Done {
    for (argument, config) in ARGUMENTS {
        let Some(value) = given.get(argument) else {
            continue;
        };
        let current = topic.config.overrides().get(config);
        if current == asked.get(config) {
            continue;
        }
        // A number of milliseconds, as RabbitMQ shows an age.
        let received = asked.get(config).map_or("", String::as_str);
        let versus = match current.map(String::as_str) {
            None | Some("-1") => {
                let type_name = value.type_name();
                format!("received the value '{received}' of type '{type_name}' but current is none")
            }
            Some(current) => format!("received '{received}' but current is '{current}'"),
        };
        return Err(Refusal::precondition(format_args!(
            "inequivalent arg '{argument}' for {queue}: {versus}"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn intervals_are_digits_and_a_unit() {
        let day = 86_400_000;
        let cases = [
            ("7D", Some(7 * day)),
            ("1Y", Some(365 * day)),
            ("30s", Some(30_000)),
            ("5m", Some(300_000)),
            ("2M", Some(60 * day)),
            ("D", None),
            ("7", None),
            ("", None),
            ("-1D", None),
            ("7d", None),
            ("99999999999999999999Y", None),
        ];
        for (text, ms) in cases {
            assert_eq!(interval_ms(text), ms, "{text}");
        }
    }
}
