//! A record as one line of JSON. Bytes that are no UTF-8 appear in base64 under another name, so
//! that a reader never mistakes one for the other.

use serde_json::{Map, Value};

use super::format_string::show_time;
use super::record::Received;

/// Appends the record as one line.
pub(crate) fn write_line(record: &Received, out: &mut Vec<u8>) {
    let mut object = Map::new();
    object.insert("topic".to_owned(), record.topic.as_str().into());
    object.insert("partition".to_owned(), record.partition.into());
    object.insert("offset".to_owned(), record.offset.into());
    if record.timestamp_ms >= 0 {
        object.insert(
            "timestamp".to_owned(),
            show_time(record.timestamp_ms).into(),
        );
        object.insert("timestamp_ms".to_owned(), record.timestamp_ms.into());
    }
    insert_bytes(&mut object, "key", record.key.as_deref());
    insert_bytes(&mut object, "value", record.value.as_deref());
    if !record.headers.is_empty() {
        // A list, because a header may appear more than once.
        let header = |(name, value): &(String, Option<bytes::Bytes>)| {
            let mut header = Map::new();
            header.insert("name".to_owned(), name.as_str().into());
            insert_bytes(&mut header, "value", value.as_deref());
            Value::Object(header)
        };
        object.insert(
            "headers".to_owned(),
            record.headers.iter().map(header).collect(),
        );
    }
    out.extend_from_slice(Value::Object(object).to_string().as_bytes());
    out.push(b'\n');
}

fn insert_bytes(object: &mut Map<String, Value>, name: &str, bytes: Option<&[u8]>) {
    match bytes.map(|bytes| (bytes, std::str::from_utf8(bytes))) {
        None => object.insert(name.to_owned(), Value::Null),
        Some((_, Ok(text))) => object.insert(name.to_owned(), text.into()),
        Some((bytes, Err(_))) => object.insert(format!("{name}_base64"), base64(bytes).into()),
    };
}

/// Standard base64 with padding (RFC 4648 §4).
fn base64(bytes: &[u8]) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    let mut text = String::with_capacity(bytes.len().div_ceil(3) * 4);
    for chunk in bytes.chunks(3) {
        let byte = |at: usize| u32::from(chunk.get(at).copied().unwrap_or(0));
        let bits = byte(0) << 16 | byte(1) << 8 | byte(2);
        for at in 0..4 {
            let digit = bits >> (18 - 6 * at) & 63;
            text.push(if at <= chunk.len() {
                ALPHABET[digit as usize] as char
            } else {
                '='
            });
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;
    use serde_json::json;

    use super::*;

    fn line(record: &Received) -> Value {
        let mut out = Vec::new();
        write_line(record, &mut out);
        assert_eq!(out.iter().filter(|byte| **byte == b'\n').count(), 1);
        serde_json::from_slice(&out).unwrap()
    }

    #[test]
    fn a_record_is_one_object_on_one_line() {
        let mut record = Received::sample();
        record.value = Some(Bytes::from_static(b"two\nlines"));
        assert_eq!(
            line(&record),
            json!({
                "topic": "orders", "partition": 3, "offset": 42,
                "timestamp": "2023-11-14T22:13:20.123Z", "timestamp_ms": 1_700_000_000_123_i64,
                "key": "k1", "value": "two\nlines",
                "headers": [{ "name": "trace", "value": "abc" }, { "name": "empty", "value": null }],
            })
        );
    }

    #[test]
    fn bytes_that_are_no_text_are_base64_under_their_own_name() {
        let value = Some(Bytes::from_static(&[0xff, 0xfe, 0xfd, 0xfc]));
        let record = Received {
            key: None,
            value,
            headers: Vec::new(),
            ..Received::sample()
        };
        let object = line(&record);
        assert_eq!(object["key"], Value::Null);
        assert_eq!(object["value_base64"], "//79/A==");
        assert!(object.get("value").is_none() && object.get("headers").is_none());
    }

    #[test]
    fn base64_follows_the_test_vectors_of_rfc_4648() {
        for (bytes, text) in [
            ("", ""),
            ("f", "Zg=="),
            ("fo", "Zm8="),
            ("foo", "Zm9v"),
            ("foob", "Zm9vYg=="),
            ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ] {
            assert_eq!(base64(bytes.as_bytes()), text);
        }
    }
}
