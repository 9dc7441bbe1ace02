//! The topic that a stream is: what a declaration makes of it.

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::host::VirtualHost;
use forebay_broker::topic::{MadeAs, Topic};
use forebay_broker::{Broker, TopicError, TopicRef};

use super::Done;
use super::queue::check_lasting;
use crate::amqp091::method::queue::Declare;
use crate::amqp091::session::arguments::{Invalid, Lookup, text, whole};
use crate::amqp091::session::errors::{Refusal, Subject};
use crate::amqp091::table::{Table, Value};

/// Arguments that mean something to queues and nothing to streams (`rabbit_stream_queue`, capabilities).
const UNSUPPORTED: [&str; 17] = [
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
    "x-queue-version",
    "x-queue-master-locator",
    "x-quorum-initial-group-size",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-consumer-timeout",
];

/// What RabbitMQ calls the type in its refusals.
pub(super) const STREAM_QUEUE: &str = "rabbit_stream_queue";
/// The largest segment of a stream, in bytes (`rabbit_stream_queue`).
pub(crate) const SEGMENT_BYTES_MAX: u64 = 3_000_000_000;
/// The sizes of a chunk's filter, in bytes (`rabbit_stream_queue`).
pub(crate) const FILTER_BYTES: RangeInclusive<u64> = 16..=255;
/// Which node leads a stream; there is one.
const LEADER_LOCATORS: [&[u8]; 4] = [b"client-local", b"balanced", b"random", b"least-leaders"];
/// What `segment.bytes` of a topic may be.
const TOPIC_SEGMENT_BYTES: RangeInclusive<u64> = 14..=2_147_483_647;

/// Arguments of streams, and what they are called as configurations of topics.
pub(crate) const ARGUMENTS: [(&str, &str); 3] = [
    ("x-max-age", "retention.ms"),
    ("x-max-length-bytes", "retention.bytes"),
    ("x-stream-max-segment-size-bytes", "segment.bytes"),
];

/// Makes the topic of a stream, or sees that the one that is there is as it is asked for.
pub(crate) async fn declare(host: &VirtualHost, subject: Subject<'_>, asked: &Declare) -> Done {
    declare_as(MadeAs::Stream, host, subject, asked).await
}

/// The same, of one that may have been no queue before.
pub(crate) async fn declare_as(
    made_as: MadeAs,
    host: &VirtualHost,
    subject: Subject<'_>,
    declare: &Declare,
) -> Done {
    let configs = configs(subject, declare)?;
    let is_as_asked = |topic: Arc<Topic>| {
        let (asked, given) = (&configs, &declare.arguments);
        equivalent(subject, &topic, asked, given)
    };
    if let Some(topic) = host.stream(subject.name) {
        return is_as_asked(topic);
    }
    let name = Bytes::copy_from_slice(subject.name);
    let created = host.create_stream_as(made_as, name, configs.clone());
    let Err(error) = created.await else {
        return Ok(());
    };
    match error {
        TopicError::Exists(topic) => match host.stream(subject.name) {
            // Somebody else was quicker.
            Some(stream) => is_as_asked(stream),
            None => Err(Refusal::precondition(format_args!(
                "cannot declare {subject}: its topic would be '{topic}', which exists already"
            ))),
        },
        TopicError::IsQueue(_) => Err(Refusal::precondition(format_args!(
            "inequivalent arg 'x-queue-type' for {subject}: received 'stream' but current is 'classic'"
        ))),
        TopicError::Stopped | TopicError::NoVirtualHost => Err(Refusal::shutdown()),
        error => Err(Refusal::precondition(format_args!(
            "cannot declare {subject}: {error}"
        ))),
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
        lookup.refuse(name, STREAM_QUEUE)?;
    }
    check_ignored(&lookup)?;
    let shown =
        |limit: Option<u64>| limit.map_or_else(|| "-1".to_owned(), |limit| limit.to_string());
    let kept_ms = lookup.get("x-max-age", max_age)?;
    let kept_bytes = lookup.get("x-max-length-bytes", whole)?;
    let mut configs = BTreeMap::from([
        ("retention.ms".to_owned(), shown(kept_ms)),
        ("retention.bytes".to_owned(), shown(kept_bytes)),
    ]);
    if let Some(bytes) = lookup.get("x-stream-max-segment-size-bytes", whole)? {
        if bytes > SEGMENT_BYTES_MAX {
            let text = "Exceeded max value for x-stream-max-segment-size-bytes";
            return Err(Refusal::precondition(text));
        }
        let bytes = topic_segment_bytes(bytes);
        configs.insert("segment.bytes".to_owned(), bytes.to_string());
    }
    Ok(configs)
}

/// The size of a segment as topics can have it.
pub(crate) fn topic_segment_bytes(bytes: u64) -> u64 {
    bytes.clamp(*TOPIC_SEGMENT_BYTES.start(), *TOPIC_SEGMENT_BYTES.end())
}

/// Arguments that mean nothing here, and must be what RabbitMQ takes.
fn check_ignored(lookup: &Lookup<'_>) -> Done {
    if let Some(bytes) = lookup.get("x-stream-filter-size-bytes", whole)?
        && !FILTER_BYTES.contains(&bytes)
    {
        let text = "Invalid value for x-stream-filter-size-bytes";
        return Err(Refusal::precondition(text));
    }
    lookup.get("x-initial-cluster-size", |value| match whole(value)? {
        0 => Err("{value_zero,0}".to_owned()),
        size => Ok(size),
    })?;
    lookup.get("x-queue-leader-locator", |value| {
        let locator = text(value)?;
        match LEADER_LOCATORS.contains(&&*locator) {
            true => Ok(()),
            false => Err("invalid_queue_locator_arg".to_owned()),
        }
    })?;
    Ok(())
}

/// Digits and a unit: `7D` (`rabbit_amqqueue:check_max_age_arg`).
fn max_age(value: Value<'_>) -> Result<u64, Invalid> {
    let text = text(value)?;
    let age = std::str::from_utf8(&text).ok().and_then(interval_ms);
    age.ok_or_else(|| "invalid_max_age".to_owned())
}

/// Nothing for an interval of no length.
pub(crate) fn interval_ms(text: &str) -> Option<u64> {
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
    if digits.is_empty() || !digits.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    // More than a number holds is for ever.
    let count: u64 = digits.parse().unwrap_or(u64::MAX);
    let ms = count.saturating_mul(seconds).saturating_mul(1_000);
    (count > 0).then_some(ms.min(i64::MAX.unsigned_abs()))
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
            ("+1D", None),
            ("0s", None),
            ("01s", Some(1_000)),
            ("99999999999999999999Y", Some(i64::MAX.unsigned_abs())),
        ];
        for (text, ms) in cases {
            assert_eq!(interval_ms(text), ms, "{text}");
        }
    }
}
