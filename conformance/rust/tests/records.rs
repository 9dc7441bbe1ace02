//! What goes in comes out.

use forebay_conformance::{fresh, produce, producer, read, text};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;

fn round_trip(codec: &str) {
    let topic = fresh("topic");
    let values: Vec<String> = (0..500).map(|n| format!("{n} ").repeat(n % 50)).collect();
    produce(
        &producer(&[("compression.type", codec)]),
        values
            .iter()
            .map(|value| BaseRecord::to(&topic).payload(value.as_bytes())),
    );
    let got: Vec<String> = read(&topic, 1, 500).iter().map(text).collect();
    assert_eq!(got, values);
}

#[test]
fn produce_and_consume_none() {
    round_trip("none");
}

#[test]
fn produce_and_consume_gzip() {
    round_trip("gzip");
}

#[test]
fn produce_and_consume_snappy() {
    round_trip("snappy");
}

#[test]
fn produce_and_consume_lz4() {
    round_trip("lz4");
}

#[test]
fn produce_and_consume_zstd() {
    round_trip("zstd");
}

#[test]
fn keys_and_headers() {
    let topic = fresh("topic");
    let headers = OwnedHeaders::new()
        .insert(Header {
            key: "a",
            value: Some("1"),
        })
        .insert(Header {
            key: "null",
            value: None::<&str>,
        });
    let record = BaseRecord::to(&topic)
        .key(&b"key"[..])
        .payload(&b"v"[..])
        .headers(headers);
    produce(&producer(&[]), [record]);
    let message = &read(&topic, 1, 1)[0];
    assert_eq!(message.key(), Some(&b"key"[..]));
    let headers = message.headers().expect("headers come back");
    assert_eq!(
        (headers.get(0).key, headers.get(0).value),
        ("a", Some(&b"1"[..]))
    );
    assert_eq!((headers.get(1).key, headers.get(1).value), ("null", None));
}

#[test]
fn null_keys_and_null_values() {
    let topic = fresh("topic");
    produce(
        &producer(&[]),
        [BaseRecord::to(&topic), BaseRecord::to(&topic).key(&b""[..])],
    );
    let got = read(&topic, 1, 2);
    assert_eq!((got[0].key(), got[0].payload()), (None, None));
    assert_eq!((got[1].key(), got[1].payload()), (Some(&b""[..]), None));
}

#[test]
fn order_within_a_partition() {
    let topic = fresh("topic");
    let values: Vec<String> = (0..5000).map(|n| n.to_string()).collect();
    produce(
        &producer(&[]),
        values.iter().map(|value| {
            BaseRecord::to(&topic)
                .partition(0)
                .payload(value.as_bytes())
        }),
    );
    for (number, message) in read(&topic, 1, 5000).iter().enumerate() {
        assert_eq!(
            (message.offset(), text(message)),
            (number as i64, number.to_string())
        );
    }
}
