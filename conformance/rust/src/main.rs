//! JSON lines into a topic and out of it, for the suite in which every client reads every other.

use std::fs;
use std::io::Write;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_conformance::{produce, producer, read};
use rdkafka::message::{Header, Headers, Message, OwnedHeaders};
use rdkafka::producer::BaseRecord;
use serde_json::{Value, json};

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    match &arguments[1..] {
        [verb, topic, codec, file] if verb == "feed" => feed(topic, codec, file),
        [verb, topic, count, file] if verb == "dump" => {
            dump(topic, count.parse().expect("a count"), file);
        }
        _ => panic!("feed TOPIC CODEC FILE, or dump TOPIC COUNT FILE"),
    }
}

struct Record {
    partition: i32,
    timestamp: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: OwnedHeaders,
}

fn feed(topic: &str, codec: &str, file: &str) {
    let records: Vec<Record> = fs::read_to_string(file)
        .expect("the records")
        .lines()
        .map(parse)
        .collect();
    let producer = producer(&[("compression.type", codec), ("linger.ms", "100")]);
    produce(
        &producer,
        records.iter().map(|record| {
            let mut base: BaseRecord<'_, [u8], [u8]> = BaseRecord::to(topic)
                .partition(record.partition)
                .timestamp(record.timestamp)
                .headers(record.headers.clone());
            base.key = record.key.as_deref();
            base.payload = record.value.as_deref();
            base
        }),
    );
}

fn parse(line: &str) -> Record {
    let node: Value = serde_json::from_str(line).expect("a JSON object a line");
    let mut headers = OwnedHeaders::new();
    for pair in node["headers"].as_array().expect("headers") {
        let value = bytes(&pair[1]);
        headers = headers.insert(Header {
            key: pair[0].as_str().expect("a name"),
            value: value.as_deref(),
        });
    }
    Record {
        partition: node["partition"].as_i64().expect("a partition") as i32,
        timestamp: node["timestamp"].as_i64().expect("a timestamp"),
        key: bytes(&node["key"]),
        value: bytes(&node["value"]),
        headers,
    }
}

fn bytes(node: &Value) -> Option<Vec<u8>> {
    node.as_str()
        .map(|text| STANDARD.decode(text).expect("base64"))
}

fn dump(topic: &str, count: usize, file: &str) {
    let mut out = fs::File::create(file).expect("a file to write");
    for message in read(topic, 2, count) {
        let headers: Vec<_> = message
            .headers()
            .map(|all| {
                all.iter()
                    .map(|h| json!([h.key, h.value.map(|v| STANDARD.encode(v))]))
                    .collect()
            })
            .unwrap_or_default();
        let line = json!({
            "partition": message.partition(),
            "offset": message.offset(),
            "timestamp": message.timestamp().to_millis(),
            "key": message.key().map(|key| STANDARD.encode(key)),
            "value": message.payload().map(|value| STANDARD.encode(value)),
            "headers": headers,
        });
        writeln!(out, "{line}").expect("room for the line");
    }
}
