//! A message as the log of its topic has it.
//!
//! Clients of Kafka see the body as the value, the group as the key, attributes as headers of their names, and the
//! subject as a header `Subject`. What else there is to a message stands in reserved headers before those, so that it
//! can be told again as it was.

use bytes::Bytes;
use forebay_broker::host::{
    BodySizes, Envelope, MessageHeaders, Publication, Queueing, TopicAddress, unchanged,
};
use forebay_record::{Record, RecordHeader};

use crate::sns::SnsError;
use crate::sns::envelope::Stamp;
use crate::sns::fan_out::batch;
use crate::sns::message::{Attribute, AttributeValue, Message};
use crate::sns::topic::Topic;

/// What the publisher was told.
pub(in crate::sns) const MESSAGE_ID: &str = "forebay.sns.message-id";
/// Of FIFO topics: the number that the publisher was told.
const SEQUENCE_NUMBER: &str = "forebay.sns.sequence-number";
/// Of FIFO topics: what the message is known by.
const DEDUPLICATION_ID: &str = "forebay.sns.deduplication-id";
/// What some protocols are told in place of the value: an object of texts, as JSON.
const BY_PROTOCOL: &str = "forebay.sns.by-protocol";
/// The types of the attributes, which are the last headers, in their order: an array of texts, as JSON.
const TYPES: &str = "forebay.sns.types";
/// The subject.
const SUBJECT: &str = "Subject";

/// What the log of a topic is given. `id` is what a FIFO topic knows the message by.
pub(in crate::sns) fn publication(
    topic: &Topic,
    message: &Message,
    stamp: &Stamp,
    id: Option<&str>,
) -> Result<Publication, SnsError> {
    let attributes = &message.attributes;
    let by_protocol = (!message.by_protocol.is_empty()).then(|| json(&message.by_protocol));
    let types: Vec<&str> = attributes.iter().map(|one| &*one.data_type).collect();
    let types = (!types.is_empty()).then(|| json(&types));
    let given = [
        (MESSAGE_ID, Some(&*stamp.message_id)),
        (SEQUENCE_NUMBER, stamp.sequence_number.as_deref()),
        (DEDUPLICATION_ID, id),
        (BY_PROTOCOL, by_protocol.as_deref()),
        (TYPES, types.as_deref()),
        (SUBJECT, message.subject.as_deref()),
    ];
    let given = given
        .iter()
        .filter_map(|(name, text)| Some((*name, text.as_ref()?.as_bytes())));
    let values = attributes.iter().map(|attribute| match &attribute.value {
        AttributeValue::Text(text) => (&*attribute.name, text.as_bytes()),
        AttributeValue::Binary(bytes) => (&*attribute.name, &bytes[..]),
    });
    let headers: Vec<RecordHeader<'_>> = given
        .chain(values)
        .map(|(name, value)| RecordHeader::new(name, value))
        .collect();
    let key = message.group.as_ref().map(String::as_bytes);
    let batch = batch(stamp.timestamp_ms, key, message.body.as_bytes(), &headers)?;
    let address = TopicAddress {
        name: Bytes::copy_from_slice(topic.name.as_bytes()),
        key: key.map(Bytes::copy_from_slice),
    };
    Ok(Publication {
        envelope: Envelope {
            headers: Some(Box::new(MessageHeaders {
                topic: Some(address),
                ..MessageHeaders::default()
            })),
            ..Envelope::default()
        },
        batch,
        bodies: BodySizes::of(message.body.as_bytes()),
        priority: 0,
        ttl_ms: None,
        for_topics: unchanged,
        queueing: Queueing::default(),
    })
}

fn json(value: &impl serde::Serialize) -> String {
    serde_json::to_string(value).expect("texts are JSON")
}

/// A message out of a log. What a FIFO topic knows it by is its deduplication id, also if that was its content.
#[derive(Debug)]
pub(in crate::sns) struct Logged {
    pub(in crate::sns) message: Message,
    pub(in crate::sns) stamp: Stamp,
}

/// The message of a record; none if somebody else made it.
pub(super) fn decode(record: &Record<'_>, timestamp_ms: i64) -> Option<Logged> {
    let headers: Vec<RecordHeader<'_>> = record.headers.into_iter().map_while(Result::ok).collect();
    let text = |name: &str| {
        let mut headers = headers.iter();
        let found = headers.find(|header| header.key == name.as_bytes());
        Some(owned(found?.value?))
    };
    let message_id = text(MESSAGE_ID)?;
    let types = text(TYPES).unwrap_or_else(|| "[]".to_owned());
    let types: Vec<String> = serde_json::from_str(&types).ok()?;
    let (others, attributes) = headers.split_at(headers.len().checked_sub(types.len())?);
    let subject = others
        .iter()
        .find(|header| header.key == SUBJECT.as_bytes());
    let attributes = attributes.iter().zip(types).map(|(header, data_type)| {
        let value = header.value.unwrap_or_default();
        Attribute {
            name: owned(header.key),
            value: match data_type.starts_with("Binary") {
                true => AttributeValue::Binary(Bytes::copy_from_slice(value)),
                false => AttributeValue::Text(owned(value)),
            },
            data_type,
        }
    });
    let by_protocol = text(BY_PROTOCOL).unwrap_or_else(|| "{}".to_owned());
    Some(Logged {
        message: Message {
            body: owned(record.value?),
            by_protocol: serde_json::from_str(&by_protocol).ok()?,
            subject: subject.and_then(|header| header.value).map(owned),
            attributes: attributes.collect(),
            group: record.key.map(owned),
            deduplication: text(DEDUPLICATION_ID),
        },
        stamp: Stamp {
            message_id,
            sequence_number: text(SEQUENCE_NUMBER),
            timestamp_ms,
        },
    })
}

fn owned(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
