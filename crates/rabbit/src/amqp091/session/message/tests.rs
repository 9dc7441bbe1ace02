use super::stored::Stored;
use super::*;
use crate::amqp091::properties::PropertyList;
use crate::amqp091::routing::arguments;
use crate::amqp091::table::{ArrayBuilder, TableBuilder};
use forebay_broker::queue::Mark;
use forebay_broker::routing::{
    self, Binding, Destinations, HashOn, HashProperty, Message, Router, RouterKind,
};
use forebay_record::{Batch, BatchBuilder};

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
    Outgoing::new(&publish, &content, Some("guest"), 1_700_000_000_000)?.publication()
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
fn how_often_a_message_came_back_is_said_once_it_has() {
    let counted = |deliveries, failures| {
        let forged = table(&[("a", Value::I8(1)), ("x-delivery-count", Value::I8(77))]);
        let list = PropertyList {
            headers: Some(forged),
            ..PropertyList::default()
        };
        let mut stored = Stored {
            exchange: ShortStr::default(),
            routing_key: ShortStr::default(),
            properties: list.encode(),
        };
        let mark = Mark {
            first_ms: None,
            deliveries,
            failures,
        };
        stored.count(mark);
        let headers = stored.properties.headers().unwrap();
        let get = |name| headers.get(name).and_then(|value| value.as_i64());
        (get("a"), get("x-acquired-count"), get("x-delivery-count"))
    };
    assert_eq!(counted(0, 0), (Some(1), None, Some(77)));
    assert_eq!(counted(2, 0), (Some(1), Some(2), Some(77)));
    assert_eq!(counted(3, 1), (Some(1), Some(3), Some(1)));
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
    let said =
        "PRECONDITION_FAILED - user_id property set to 'bob' but authenticated user was 'guest'";
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
