//! What clients of other protocols see of a message, and what is seen of theirs (docs/interop.md).
//!
//! In a topic a message keeps its properties as they went over the wire, in a reserved header, so that AMQP
//! clients get back what was sent. Beside them its headers and the properties that others know stand in
//! plain headers of the record.

use bytes::{Bytes, BytesMut};
use forebay_broker::host::header;
use forebay_record::{Batch, BatchBuilder, Record, RecordHeader, Records};

use super::streams::OFFSET_HEADER;
use crate::amqp091::ShortStr;
use crate::amqp091::properties::{Properties, PropertyList};
use crate::amqp091::table::{Table, TableBuilder, Value};

/// Headers that stand for properties.
const CONTENT_TYPE: &str = "content-type";
const CONTENT_ENCODING: &str = "content-encoding";
const CORRELATION_ID: &str = "correlation-id";
const REPLY_TO: &str = "reply-to";
const MESSAGE_ID: &str = "message-id";
const TYPE: &str = "type";
const APP_ID: &str = "app-id";
/// The header that stands for a record's key.
const KEY: &str = "forebay.key";

/// The batch of messages as a topic gets it. None if it cannot be made, which leaves it as it is.
pub(super) fn for_topics(batch: &[u8]) -> Option<BytesMut> {
    let batch = Batch::only(batch).ok()?;
    let count = usize::try_from(batch.header().record_count).ok()?;
    let mut builder = BatchBuilder::with_capacity(2 * batch.bytes().len());
    for record in Records::new(batch.payload(), count) {
        let record = record.ok()?;
        add_shown(&record, batch.header().timestamp_of(&record), &mut builder)?;
    }
    Some(BytesMut::from(&builder.build().ok()?[..]))
}

fn add_shown(record: &Record<'_>, published_ms: i64, builder: &mut BatchBuilder) -> Option<()> {
    let mut properties = Properties::default();
    let (mut exchange, mut routing_key) = (&b""[..], &b""[..]);
    for found in record.headers.flatten() {
        let value = found.value.unwrap_or_default();
        match found.key {
            key if key == header::EXCHANGE.as_bytes() => exchange = value,
            key if key == header::ROUTING_KEY.as_bytes() => routing_key = value,
            key if key == header::AMQP_PROPERTIES.as_bytes() => {
                properties = Properties::parse(Bytes::copy_from_slice(value)).ok()?;
            }
            _ => {}
        }
    }
    let shown = shown(&properties);
    let plain = shown.iter().map(|(key, value)| RecordHeader {
        key,
        value: value.as_deref(),
    });
    let own = record.headers.flatten();
    let headers: Vec<_> = plain.chain(own).collect();
    // What went to the topic by its name has no key of its own.
    let key = (!exchange.is_empty() && !routing_key.is_empty()).then_some(routing_key);
    let seconds = properties
        .timestamp()
        .and_then(|time| i64::try_from(time).ok());
    let sent_ms = seconds.and_then(|seconds| seconds.checked_mul(1_000));
    let time = sent_ms.unwrap_or(published_ms);
    builder.add(time, key, record.value, &headers).ok()
}

/// Properties and headers as plain headers. Tables, arrays and decimals have no plain form.
fn shown(properties: &Properties) -> Vec<(Bytes, Option<Bytes>)> {
    let known = [
        (CONTENT_TYPE, properties.content_type()),
        (CONTENT_ENCODING, properties.content_encoding()),
        (CORRELATION_ID, properties.correlation_id()),
        (REPLY_TO, properties.reply_to()),
        (MESSAGE_ID, properties.message_id()),
        (TYPE, properties.kind()),
        (APP_ID, properties.app_id()),
    ];
    let known = known.into_iter().filter_map(|(name, value)| {
        let name = Bytes::from_static(name.as_bytes());
        Some((name, Some(value?.into_bytes())))
    });
    let mut all: Vec<_> = known.collect();
    if let Some(headers) = properties.headers() {
        for entry in headers.entries() {
            if let Some(value) = plain(entry.value) {
                all.push((Bytes::copy_from_slice(entry.name), value));
            }
        }
    }
    all
}

/// A value as a header has it; its inner none is a header without a value.
fn plain(value: Value<'_>) -> Option<Option<Bytes>> {
    let text = |text: String| Some(Some(Bytes::from(text)));
    match value {
        Value::LongStr(bytes) | Value::Binary(bytes) => Some(Some(Bytes::copy_from_slice(bytes))),
        Value::Void => Some(None),
        Value::Bool(value) => text(value.to_string()),
        Value::F32(value) => text(value.to_string()),
        Value::F64(value) => text(value.to_string()),
        Value::Timestamp(seconds) => text(seconds.to_string()),
        Value::Table(_) | Value::Array(_) | Value::Decimal { .. } => None,
        integer => text(integer.as_i64()?.to_string()),
    }
}

/// Properties with a header that says where in its stream a message is.
pub(super) fn with_offset(properties: &Properties, offset: u64) -> Properties {
    let mut list = properties.to_list();
    let mut headers = TableBuilder::new();
    for entry in list.headers.iter().flat_map(Table::entries) {
        headers.copy(entry);
    }
    let offset = i64::try_from(offset).unwrap_or(i64::MAX);
    headers.put(OFFSET_HEADER, Value::I64(offset));
    list.headers = Some(headers.build());
    list.encode()
}

/// Properties of a record that no client of AMQP published.
pub(super) fn foreign(record: &Record<'_>) -> Properties {
    let mut list = PropertyList::default();
    let mut headers = TableBuilder::new();
    for found in record.headers.flatten() {
        let value = found.value.unwrap_or_default();
        // What is another protocol's own, unless it says which record of a topic this was.
        if found.key.starts_with(header::RESERVED.as_bytes()) {
            place_in_topic(found.key, value, &mut list, &mut headers);
            continue;
        }
        let known = match std::str::from_utf8(found.key).unwrap_or_default() {
            CONTENT_TYPE => Some(&mut list.content_type),
            CONTENT_ENCODING => Some(&mut list.content_encoding),
            CORRELATION_ID => Some(&mut list.correlation_id),
            REPLY_TO => Some(&mut list.reply_to),
            MESSAGE_ID => Some(&mut list.message_id),
            TYPE => Some(&mut list.kind),
            APP_ID => Some(&mut list.app_id),
            _ => None,
        };
        let short = ShortStr::try_from(Bytes::copy_from_slice(value)).ok();
        if let (Some(property), Some(short)) = (known, short) {
            *property = Some(short);
            continue;
        }
        // A name that is too long has no place in a table.
        let _ = headers.try_put(found.key, table_value(found.value));
    }
    if let Some(key) = record.key {
        headers.put(KEY, table_value(Some(key)));
    }
    let headers = headers.build();
    list.headers = (!headers.is_empty()).then_some(headers);
    list.encode()
}

/// What a reserved header says of the record of a topic that a message was.
fn place_in_topic(name: &[u8], value: &[u8], list: &mut PropertyList, headers: &mut TableBuilder) {
    if name == header::TOPIC.as_bytes() {
        headers.put(header::TOPIC, table_value(Some(value)));
        return;
    }
    let number = std::str::from_utf8(value).ok();
    let Some(number) = number.and_then(|text| text.parse::<i64>().ok()) else {
        return;
    };
    for known in [header::PARTITION, header::OFFSET] {
        if name == known.as_bytes() {
            headers.put(known, Value::I64(number));
        }
    }
    if name == header::TIMESTAMP.as_bytes() {
        list.timestamp = u64::try_from(number / 1_000).ok();
    }
}

fn table_value(value: Option<&[u8]>) -> Value<'_> {
    value.map_or(Value::Void, |value| match std::str::from_utf8(value) {
        Ok(text) => Value::LongStr(text.as_bytes()),
        Err(_) => Value::Binary(value),
    })
}
