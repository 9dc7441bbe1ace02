//! A publish becomes a record of a queue's log, and a record a delivery.

use bytes::{Bytes, BytesMut};
use forebay_broker::host::{Deaths, Envelope, MessageHeaders, Publication, header};
use forebay_record::{Batch, BatchBuilder, Record, RecordHeader, Records};

use super::deaths;
use super::errors::{Refusal, lossy};
use super::interop;
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Content;
use crate::amqp091::content::Delivery;
use crate::amqp091::method::basic;
use crate::amqp091::properties::Properties;
use crate::amqp091::routing::{BCC, CC, detached};
use crate::amqp091::table::{Table, TableBuilder, Value};

/// What a record takes beside what is in it, about.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// What the broker is given of a publish. `user` is who is logged in, if it may name nobody
/// else.
pub(super) fn publication(
    publish: &basic::Publish,
    content: &Content,
    user: Option<&str>,
    now_ms: i64,
) -> Result<Publication, Refusal> {
    let Content { properties, body } = content;
    if let Some(claimed) = properties.user_id()
        && let Some(user) = user
        && claimed != *user
    {
        return Err(Refusal::precondition(format_args!(
            "user_id property set to '{claimed}' but authenticated user was '{user}'"
        )));
    }
    let ttl_ms = properties
        .expiration()
        .map(|text| expiration(&text))
        .transpose()?;
    let headers = properties.headers().filter(|headers| !headers.is_empty());
    let routing_key = publish.routing_key.as_bytes();
    let mut routing_keys = vec![routing_key.clone()];
    let mut is_blind = false;
    for name in [CC, BCC] {
        let copies = headers.as_ref().and_then(|headers| headers.get(name));
        if let Some(copies) = copies {
            add_copies(name, copies, &mut routing_keys)?;
            is_blind |= name == BCC;
        }
    }
    let properties = match &headers {
        Some(headers) if is_blind => &without_blind_copies(properties, headers),
        _ => properties,
    };
    let exchange = publish.exchange.as_bytes();
    let envelope = Envelope {
        exchange: exchange.clone(),
        routing_keys,
        // The default exchange looks at nothing but the key.
        headers: if exchange.is_empty() {
            None
        } else {
            message_headers(properties, headers.as_ref())
        },
    };
    Ok(Publication {
        batch: record(exchange, routing_key, properties, body, now_ms)?,
        envelope,
        body_bytes: u32::try_from(body.len()).unwrap_or(u32::MAX),
        priority: properties.priority().unwrap_or(0),
        ttl_ms,
        for_topics: interop::for_topics,
    })
}

/// A batch of one record. What is empty is left out.
fn record(
    exchange: &Bytes,
    routing_key: &Bytes,
    properties: &Properties,
    body: &Bytes,
    now_ms: i64,
) -> Result<BytesMut, Refusal> {
    let mut headers = [RecordHeader::new("", b""); 3];
    let mut count = 0;
    let mut add = |key, value| {
        headers[count] = RecordHeader::new(key, value);
        count += 1;
    };
    if !exchange.is_empty() {
        add(header::EXCHANGE, &exchange[..]);
    }
    if !routing_key.is_empty() {
        add(header::ROUTING_KEY, &routing_key[..]);
    }
    // Without properties the header says that this is a message of AMQP.
    add(header::AMQP_PROPERTIES, &properties.as_bytes()[..]);
    let bytes: usize = headers[..count]
        .iter()
        .filter_map(|header| header.value)
        .map(<[u8]>::len)
        .sum();
    let mut builder = BatchBuilder::with_capacity(bytes + body.len() + RECORD_OVERHEAD_BYTES);
    let built = builder
        .add(now_ms.max(0), None, Some(body), &headers[..count])
        .and_then(|()| builder.build());
    let batch = built.map_err(Refusal::precondition)?;
    Ok(batch
        .try_into_mut()
        .unwrap_or_else(|shared| BytesMut::from(&shared[..])))
}

/// Milliseconds that a message lives.
fn expiration(text: &ShortStr) -> Result<u64, Refusal> {
    let shown = lossy(text);
    let invalid = |why: &dyn std::fmt::Display| {
        Refusal::precondition(format_args!("invalid expiration '{shown}': {why}"))
    };
    let (sign, digits) = match shown.strip_prefix(['-', '+']) {
        Some(rest) => (shown.starts_with('-'), rest),
        None => (false, &shown[..]),
    };
    let end = digits
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(digits.len());
    let (digits, leftover) = digits.split_at(end);
    if digits.is_empty() {
        return Err(invalid(&"no_integer"));
    }
    if !leftover.is_empty() {
        return Err(invalid(&format_args!("{{leftover_string,\"{leftover}\"}}")));
    }
    let value: i128 = digits.parse().unwrap_or(i128::MAX);
    if sign && value > 0 {
        return Err(invalid(&format_args!("{{value_negative,-{value}}}")));
    }
    match u64::try_from(value) {
        Ok(ttl_ms) if ttl_ms <= crate::limits::EXPIRY_MS_MAX.unsigned_abs() => Ok(ttl_ms),
        _ => Err(invalid(&format_args!("{{value_too_large,{digits}}}"))),
    }
}

fn add_copies(name: &str, copies: Value<'_>, to: &mut Vec<Bytes>) -> Result<(), Refusal> {
    let unacceptable = |type_name: &str| {
        Refusal::precondition(format_args!(
            "invalid message: {{unacceptable_type_in_header,\"{name}\",{type_name}}}"
        ))
    };
    let Some(array) = copies.as_array() else {
        return Err(unacceptable(copies.type_name()));
    };
    // What is no text among them is no routing key.
    let keys = array.values().filter_map(Value::as_long_str);
    to.extend(keys.map(Bytes::copy_from_slice));
    Ok(())
}

fn without_blind_copies(properties: &Properties, headers: &Table) -> Properties {
    let mut shown = TableBuilder::new();
    for entry in headers
        .entries()
        .filter(|entry| entry.name != BCC.as_bytes())
    {
        shown.copy(entry);
    }
    let mut list = properties.to_list();
    list.headers = Some(shown.build());
    list.encode()
}

fn message_headers(
    properties: &Properties,
    headers: Option<&Table>,
) -> Option<Box<MessageHeaders>> {
    let short = |value: Option<ShortStr>| value.map(ShortStr::into_bytes);
    let more = MessageHeaders {
        headers: headers
            .map(|headers| detached(headers).collect())
            .unwrap_or_default(),
        correlation_id: short(properties.correlation_id()),
        message_id: short(properties.message_id()),
        timestamp: properties.timestamp(),
    };
    (more != MessageHeaders::default()).then(|| Box::new(more))
}

/// A message as it is delivered.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stored {
    pub(super) exchange: ShortStr,
    pub(super) routing_key: ShortStr,
    pub(super) properties: Properties,
}

impl Stored {
    /// What a consumer is told of it.
    pub(super) fn delivery<'a>(
        &'a self,
        consumer_tag: &'a ShortStr,
        delivery_tag: u64,
        redelivered: bool,
        body: &'a [u8],
    ) -> Delivery<'a> {
        Delivery {
            consumer_tag,
            delivery_tag,
            redelivered,
            exchange: &self.exchange,
            routing_key: &self.routing_key,
            properties: &self.properties,
            body,
        }
    }
}

/// What is delivered, with its body, of a message that was [published](publication) and is in no log.
pub(super) fn published_alone(batch: &Bytes) -> Option<(Stored, Bytes)> {
    let only = Batch::only(batch).ok()?;
    let source = batch.slice_ref(only.payload());
    let record = Records::new(&source, 1).next()?.ok()?;
    let body = source.slice_ref(record.value.unwrap_or_default());
    Some((stored(&record, &source, &Bytes::new()), body))
}

/// What is delivered of a record, which is in `source`. One that came by another protocol has no exchange,
/// and the queue's name as its key.
pub(super) fn stored(record: &Record<'_>, source: &Bytes, queue: &Bytes) -> Stored {
    let short = |value: &[u8]| ShortStr::try_from(source.slice_ref(value)).unwrap_or_default();
    let (mut exchange, mut routing_key) = (ShortStr::default(), ShortStr::default());
    let (mut properties, mut deaths) = (None, None);
    for found in record.headers.flatten() {
        let value = found.value.unwrap_or_default();
        match found.key {
            key if key == header::EXCHANGE.as_bytes() => exchange = short(value),
            key if key == header::ROUTING_KEY.as_bytes() => routing_key = short(value),
            key if key == header::AMQP_PROPERTIES.as_bytes() => {
                // Producers of other protocols write what they like.
                properties = Properties::parse(source.slice_ref(value)).ok();
            }
            key if key == header::DEATHS.as_bytes() => deaths = Deaths::decode(value).ok(),
            _ => {}
        }
    }
    let properties = properties.unwrap_or_else(|| {
        routing_key = ShortStr::try_from(queue.clone()).unwrap_or_default();
        interop::foreign(record)
    });
    Stored {
        exchange,
        routing_key,
        properties: match deaths {
            Some(deaths) => deaths::shown(&properties, &deaths),
            None => properties,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::amqp091::properties::PropertyList;
    use crate::amqp091::routing::arguments;
    use crate::amqp091::table::ArrayBuilder;
    use forebay_broker::routing::{
        self, Binding, Destinations, HashOn, HashProperty, Message, Router, RouterKind,
    };

    fn published(list: PropertyList) -> Result<Publication, Refusal> {
        let publish = basic::Publish {
            exchange: "events".try_into().unwrap(),
            routing_key: "a.b".try_into().unwrap(),
            ..basic::Publish::default()
        };
        let content = Content {
            properties: list.encode(),
            body: Bytes::from_static(b"hello"),
        };
        publication(&publish, &content, Some("guest"), 1_700_000_000_000)
    }

    fn refused(list: PropertyList) -> String {
        published(list).unwrap_err().text.to_string()
    }

    fn short(text: &str) -> Option<ShortStr> {
        Some(text.try_into().unwrap())
    }

    fn table(entries: &[(&'static str, Value<'_>)]) -> Table {
        let mut table = TableBuilder::new();
        for (name, value) in entries {
            table.put(name, *value);
        }
        table.build()
    }

    fn envelope(headers: &[(&'static str, Value<'_>)]) -> Envelope {
        let list = PropertyList {
            headers: Some(table(headers)),
            ..PropertyList::default()
        };
        published(list).unwrap().envelope
    }

    fn copies(name: &'static str) -> PropertyList {
        let mut keys = ArrayBuilder::new();
        keys.push(Value::LongStr(b"other"));
        let mut headers = TableBuilder::new();
        headers
            .put("n", Value::I32(1))
            .put(name, Value::Array(keys.view()));
        PropertyList {
            headers: Some(headers.build()),
            ..PropertyList::default()
        }
    }

    #[test]
    fn what_was_published_is_what_is_delivered() {
        let sent = PropertyList {
            content_type: short("text/plain"),
            priority: Some(3),
            expiration: short("60000"),
            ..PropertyList::default()
        };
        let publication = published(sent.clone()).unwrap();
        assert_eq!(
            (publication.priority, publication.ttl_ms),
            (3, Some(60_000))
        );
        let batch = publication.batch.freeze();
        let first = Batch::only(&batch).unwrap();
        let records = first.records(0).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        assert_eq!(record.value, Some(&b"hello"[..]));
        let stored = stored(&record, &batch, &Bytes::from_static(b"q"));
        assert_eq!(stored.exchange, "events");
        assert_eq!(stored.routing_key, "a.b");
        assert_eq!(stored.properties, sent.encode());
    }

    #[test]
    fn a_record_of_another_protocol_has_its_headers_and_the_queues_name() {
        let mut builder = BatchBuilder::new();
        let headers = [
            RecordHeader::new("trace", b"abc"),
            RecordHeader::new("raw", b"\xff"),
        ];
        builder.add(0, Some(b"k"), Some(b"v"), &headers).unwrap();
        let batch = builder.build().unwrap();
        let records = Batch::only(&batch).unwrap();
        let records = records.records(0).unwrap();
        let record = records.iter().next().unwrap().unwrap();
        let stored = stored(&record, &batch, &Bytes::from_static(b"q"));
        assert_eq!(stored.exchange, "");
        assert_eq!(stored.routing_key, "q");
        let headers = stored.properties.headers().unwrap();
        assert_eq!(headers.get("trace"), Some(Value::LongStr(b"abc")));
        assert_eq!(headers.get("raw"), Some(Value::Binary(b"\xff")));
    }

    #[test]
    fn blind_copies_are_routed_and_not_shown() {
        for (name, is_shown) in [("CC", true), ("BCC", false)] {
            let publication = published(copies(name)).unwrap();
            assert_eq!(publication.envelope.routing_keys, ["a.b", "other"]);
            let found = publication.batch.windows(5).any(|bytes| bytes == b"other");
            assert_eq!(found, is_shown, "{name}");
        }
    }

    #[test]
    fn routing_keys_are_the_publishers_and_those_beside() {
        let mut more = ArrayBuilder::new();
        more.push(Value::LongStr(b"b")).push(Value::LongStr(b"c"));
        let mut hidden = ArrayBuilder::new();
        hidden.push(Value::LongStr(b"d")).push(Value::Void);
        let envelope = envelope(&[
            (CC, Value::Array(more.view())),
            (BCC, Value::Array(hidden.view())),
        ]);
        assert_eq!(envelope.routing_keys, ["a.b", "b", "c", "d"]);
    }

    #[test]
    fn headers_match_numbers_whatever_their_width_and_strings_by_their_bytes() {
        let mut router = Router::new(RouterKind::Headers);
        let wanted = [
            ("n", Value::I32(5)),
            ("f", Value::F32(1.5)),
            ("s", Value::LongStr(b"text")),
            ("t", Value::Timestamp(9)),
            ("v", Value::Void),
        ];
        let binding = Binding {
            arguments: arguments(&table(&wanted)),
            ..Binding::new("", 1)
        };
        router.bind(binding).unwrap();
        let sent = [
            ("v", Value::Bool(false)),
            ("t", Value::I64(9)),
            ("s", Value::Binary(b"text")),
            ("f", Value::F64(1.5)),
            ("n", Value::U8(5)),
        ];
        let goes = |headers: &[_]| {
            let mut to = Destinations::new();
            router.route(&envelope(headers), &mut to);
            !to.is_empty()
        };
        assert!(goes(&sent));
        assert!(!goes(&sent[..4]));
        assert!(!goes(&[]));
    }

    #[test]
    fn properties_can_be_hashed() {
        let list = PropertyList {
            correlation_id: short("c"),
            timestamp: Some(7),
            ..PropertyList::default()
        };
        let envelope = published(list).unwrap().envelope;
        let text = |text: &'static str| Some(routing::Value::Bytes(Bytes::from(text)));
        assert_eq!(envelope.property(HashProperty::CorrelationId), text("c"));
        assert_eq!(envelope.property(HashProperty::MessageId), None);
        let seconds = Some(routing::Value::<Bytes>::Integer(7));
        assert_eq!(envelope.property(HashProperty::Timestamp), seconds);
        let on = HashOn::Property(HashProperty::CorrelationId);
        let mut router = Router::new(RouterKind::ConsistentHash(on));
        router.bind(Binding::new("1", 1)).unwrap();
        let mut to = Destinations::new();
        router.route(&envelope, &mut to);
        assert_eq!(to.len(), 1);
    }

    #[test]
    fn what_rabbitmq_refuses_is_refused_in_its_words() {
        let expiring = |text| PropertyList {
            expiration: short(text),
            ..PropertyList::default()
        };
        let expected = [
            ("abc", "no_integer"),
            ("", "no_integer"),
            ("12x", "{leftover_string,\"x\"}"),
            ("-1", "{value_negative,-1}"),
            ("315360000001", "{value_too_large,315360000001}"),
        ];
        for (text, why) in expected {
            let said = format!("PRECONDITION_FAILED - invalid expiration '{text}': {why}");
            assert_eq!(refused(expiring(text)), said);
        }
        let bob = PropertyList {
            user_id: short("bob"),
            ..PropertyList::default()
        };
        let said = "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'";
        assert_eq!(refused(bob), said);
        let mut headers = TableBuilder::new();
        headers.put("CC", Value::LongStr(b"x"));
        let list = PropertyList {
            headers: Some(headers.build()),
            ..PropertyList::default()
        };
        let said =
            "PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,\"CC\",longstr}";
        assert_eq!(refused(list), said);
    }
}
