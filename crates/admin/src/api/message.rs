//! A message of a queue as JSON.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use forebay_broker::host::{Death, StoredMessage};
use forebay_broker::queue::{Place, Standing};
use serde::Serialize;

use super::queue::text;

/// A message.
#[derive(Serialize)]
pub(super) struct MessageDetail {
    offset: u64,
    state: &'static str,
    /// How often it was delivered and came back.
    deliveries: u32,
    /// How often of that it failed.
    failures: u32,
    exchange: String,
    routing_key: String,
    /// When it was published, in milliseconds since the Unix epoch.
    timestamp_ms: i64,
    body_bytes: usize,
    #[serde(flatten)]
    body: Shown,
    /// Whether the body goes on.
    truncated: bool,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    headers: Vec<Header>,
    /// The last one first.
    deaths: Vec<DeathDetail>,
}

/// Bytes, as text where they are text.
#[derive(Serialize)]
#[serde(rename_all = "snake_case")]
enum Shown {
    Body(String),
    BodyBase64(String),
}

/// A header that the broker does not know, with its value in base64 where it is no text.
#[derive(Serialize)]
struct Header {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    value: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    value_base64: Option<String>,
}

/// A queue that it died in.
#[derive(Serialize)]
struct DeathDetail {
    queue: String,
    reason: &'static str,
    count: u64,
    first_ms: i64,
    last_ms: i64,
    exchange: String,
    routing_keys: Vec<String>,
}

impl MessageDetail {
    /// With so many bytes of its body.
    pub(super) fn new(standing: &Standing, message: &StoredMessage, body_max: usize) -> Self {
        let shown = &message.body[..message.body.len().min(body_max)];
        Self {
            offset: standing.offset,
            state: match standing.place {
                Place::Ready => "ready",
                Place::Locked => "locked",
                Place::Delayed => "delayed",
            },
            deliveries: standing.mark.deliveries,
            failures: standing.mark.failures,
            exchange: text(&message.exchange),
            routing_key: text(&message.routing_key),
            timestamp_ms: message.timestamp_ms,
            body_bytes: message.body.len(),
            body: Shown::of(shown, shown.len() < message.body.len()),
            truncated: shown.len() < message.body.len(),
            headers: message.headers.iter().map(Header::of).collect(),
            deaths: message.deaths.deaths.iter().map(DeathDetail::of).collect(),
        }
    }
}

impl Shown {
    fn of(bytes: &[u8], truncated: bool) -> Self {
        match std::str::from_utf8(bytes) {
            Ok(text) => Self::Body(text.to_owned()),
            // The cut went through a character.
            Err(error) if truncated && error.error_len().is_none() => {
                Self::Body(text(&bytes[..error.valid_up_to()]))
            }
            Err(_) => Self::BodyBase64(STANDARD.encode(bytes)),
        }
    }
}

impl Header {
    fn of((name, value): &(bytes::Bytes, Option<bytes::Bytes>)) -> Self {
        let bytes = value.as_deref();
        let as_text = bytes.and_then(|bytes| std::str::from_utf8(bytes).ok());
        Self {
            name: text(name),
            value: as_text.map(str::to_owned),
            value_base64: match as_text {
                Some(_) => None,
                None => bytes.map(|bytes| STANDARD.encode(bytes)),
            },
        }
    }
}

impl DeathDetail {
    fn of(death: &Death) -> Self {
        Self {
            queue: text(&death.queue),
            reason: death.reason.as_str(),
            count: death.count,
            first_ms: death.time_ms,
            last_ms: death.last_ms,
            exchange: text(&death.exchange),
            routing_keys: death.routing_keys.iter().map(|key| text(key)).collect(),
        }
    }
}
