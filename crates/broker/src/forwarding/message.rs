//! A record becomes a message of a queue: docs/interop.md has what clients see of it.

use bytes::{Bytes, BytesMut};
use forebay_record::Error as RecordError;

use crate::host::{BodySizes, ForwardedMessage, StoredMessage, header};
use crate::options::BrokerOptions;

/// What is said of a message where it is, and means nothing elsewhere.
const OF_ITS_PLACE: [&str; 8] = [
    header::WAITING,
    header::DELAYED,
    header::ORIGIN,
    header::DELIVERIES,
    header::TOPIC,
    header::PARTITION,
    header::OFFSET,
    header::TIMESTAMP,
];

/// Where a record comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Source<'a> {
    pub(super) topic: &'a str,
    pub(super) partition: u32,
    /// The queue that it goes to.
    pub(super) queue: &'a [u8],
}

/// The message that a record is to a queue. None if it has been in the queue and would go round for ever.
pub(super) fn message(
    mut record: StoredMessage,
    source: Source<'_>,
    options: &BrokerOptions,
) -> Result<Option<ForwardedMessage>, RecordError> {
    if record.deaths.is_cycle(source.queue) {
        return Ok(None);
    }
    let offset = record.offset;
    let is_amqp = record.header(header::AMQP_PROPERTIES).is_some();
    record.headers.retain(|(name, _)| {
        let is_reserved = name.starts_with(header::RESERVED.as_bytes());
        // What others are shown of a message of AMQP is in its properties.
        (is_reserved || !is_amqp) && !OF_ITS_PLACE.iter().any(|of| *name == of.as_bytes())
    });
    if !is_amqp {
        record.exchange = Bytes::new();
        record.routing_key = Bytes::copy_from_slice(source.topic.as_bytes());
    }
    let place = [
        (header::TOPIC, source.topic.to_owned()),
        (header::PARTITION, source.partition.to_string()),
        (header::OFFSET, offset.to_string()),
        (header::TIMESTAMP, record.timestamp_ms.to_string()),
    ];
    record.headers.extend(place.map(|(name, value)| {
        let name = Bytes::from_static(name.as_bytes());
        (name, Some(Bytes::from(value)))
    }));
    let recalled = record.recall(options.recall);
    Ok(Some(ForwardedMessage {
        offset,
        batch: BytesMut::from(&record.batch()?[..]),
        bodies: BodySizes::of(&record.body),
        priority: recalled.priority,
        // What died has lived its time.
        ttl_ms: recalled.ttl_ms.filter(|_| record.deaths.deaths.is_empty()),
        group: record.group(),
        key: record.key_group(),
    }))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::host::{Death, Deaths, Recalled, group_id};
    use crate::queue::DeathReason;

    const SOURCE: Source<'_> = Source {
        topic: "orders",
        partition: 3,
        queue: b"q",
    };

    fn options() -> BrokerOptions {
        BrokerOptions {
            recall: |_| Recalled {
                priority: 4,
                ttl_ms: Some(1000),
                ..Recalled::default()
            },
            ..BrokerOptions::default()
        }
    }

    fn record(headers: &[(&'static str, &'static str)]) -> StoredMessage {
        let headers = headers.iter().map(|(name, value)| {
            let value = Bytes::from_static(value.as_bytes());
            (Bytes::from_static(name.as_bytes()), Some(value))
        });
        StoredMessage {
            offset: 17,
            key: Some(Bytes::from_static(b"k")),
            body: Bytes::from_static(b"body"),
            headers: headers.collect(),
            timestamp_ms: 5,
            ..StoredMessage::default()
        }
    }

    fn forwarded(record: StoredMessage) -> (ForwardedMessage, StoredMessage) {
        let message = message(record, SOURCE, &options()).unwrap().unwrap();
        let batch = message.batch.clone().freeze();
        let stored = StoredMessage::all_in(&batch, |_| true).remove(0);
        (message, stored)
    }

    fn names(message: &StoredMessage) -> Vec<String> {
        let names = message.headers.iter();
        names
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect()
    }

    #[test]
    fn a_record_keeps_its_key_its_headers_and_its_time_and_says_where_it_was() {
        let (message, stored) = forwarded(record(&[("trace", "t"), ("forebay.offset", "forged")]));
        assert_eq!((message.offset, message.bodies.total()), (17, 4));
        assert_eq!((message.group, message.key), (None, Some(group_id(b"k"))));
        assert_eq!((message.priority, message.ttl_ms), (0, None));
        assert_eq!(stored.key.as_deref(), Some(&b"k"[..]));
        assert_eq!(stored.timestamp_ms, 5);
        assert_eq!(
            (&stored.exchange[..], &stored.routing_key[..]),
            (&b""[..], &b"orders"[..])
        );
        let said = [
            header::TOPIC,
            header::PARTITION,
            header::OFFSET,
            header::TIMESTAMP,
        ]
        .map(|name| stored.header(name).map(|value| &value[..]));
        assert_eq!(
            said,
            [Some(&b"orders"[..]), Some(b"3"), Some(b"17"), Some(b"5")]
        );
        assert_eq!(names(&stored)[0], "trace");
        assert_eq!(stored.headers.len(), 5);
    }

    #[test]
    fn what_amqp_published_is_what_it_was_before_it_came_to_the_topic() {
        let mut published = record(&[("shown", "to others"), (header::AMQP_PROPERTIES, "p")]);
        published.exchange = Bytes::from_static(b"x");
        published.routing_key = Bytes::from_static(b"rk");
        let (message, stored) = forwarded(published);
        assert_eq!((message.priority, message.ttl_ms), (4, Some(1000)));
        assert_eq!(
            (&stored.exchange[..], &stored.routing_key[..]),
            (&b"x"[..], &b"rk"[..])
        );
        assert!(!names(&stored).contains(&"shown".to_owned()));
        assert!(stored.header(header::AMQP_PROPERTIES).is_some());
    }

    #[test]
    fn what_was_said_of_it_in_another_queue_is_not_said_again() {
        let (_, stored) = forwarded(record(&[(header::ORIGIN, "o"), (header::DELIVERIES, "d")]));
        assert_eq!(stored.header(header::ORIGIN), None);
        assert_eq!(stored.header(header::DELIVERIES), None);
    }

    #[test]
    fn what_died_in_the_queue_does_not_come_back_by_itself() {
        let death = |reason| Death {
            queue: Bytes::from_static(b"q"),
            reason,
            count: 1,
            time_ms: 1,
            last_ms: 1,
            exchange: Bytes::new(),
            routing_keys: Vec::new(),
            original_expiration_ms: None,
        };
        for (reason, comes_back) in [(DeathReason::Expired, false), (DeathReason::Rejected, true)] {
            let mut dead = record(&[(header::AMQP_PROPERTIES, "p")]);
            dead.deaths = Deaths::new(vec![death(reason)]);
            let message = message(dead, SOURCE, &options()).unwrap();
            assert_eq!(message.is_some(), comes_back, "{reason:?}");
            assert!(message.is_none_or(|message| message.ttl_ms.is_none()));
        }
    }
}
