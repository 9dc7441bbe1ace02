//! A publish becomes a record of a queue's log, and a record a delivery.

mod stored;

use std::borrow::Cow;

use bytes::Bytes;
use forebay_broker::host::{
    Envelope, MessageHeaders, Publication, Queueing, Recalled, Run, header,
};
use forebay_record::RecordHeader;

use super::errors::{Refusal, lossy};
use super::{delays, interop};
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Content;
use crate::amqp091::method::basic;
use crate::amqp091::properties::Properties;
use crate::amqp091::routing::{BCC, CC, detached};
use crate::amqp091::table::{Table, Value};
use crate::amqp091::whole_publish::WholePublish;

pub(crate) use stored::stored;
pub(super) use stored::{StoredFields, published_alone};

/// What a record takes beside what is in it, about.
const RECORD_OVERHEAD_BYTES: usize = 128;

/// A publish, as far as the broker looks at it.
#[derive(Debug)]
pub(crate) struct Outgoing<'a> {
    exchange: &'a [u8],
    routing_key: &'a [u8],
    /// Routing keys that it asks for beside its own.
    copies: Vec<Bytes>,
    headers: Option<Box<MessageHeaders>>,
    properties: Cow<'a, [u8]>,
    body: &'a [u8],
    priority: u8,
    ttl_ms: Option<u64>,
    now_ms: i64,
}

impl<'a> Outgoing<'a> {
    /// `user` is who is logged in, if it may name nobody else.
    pub(crate) fn new(
        publish: &'a basic::Publish,
        content: &'a Content,
        user: Option<&str>,
        now_ms: i64,
    ) -> Result<Self, Refusal> {
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
        let mut keys = Vec::new();
        let mut is_blind = false;
        for name in [CC, BCC] {
            let copies = headers.as_ref().and_then(|headers| headers.get(name));
            if let Some(copies) = copies {
                add_copies(name, copies, &mut keys)?;
                is_blind |= name == BCC;
            }
        }
        let properties = match &headers {
            Some(_) if is_blind => Cow::Owned(properties.with_headers(&[BCC], |_| ())),
            _ => Cow::Borrowed(properties),
        };
        let exchange = publish.exchange.as_bytes();
        Ok(Self {
            exchange,
            routing_key: publish.routing_key.as_bytes(),
            copies: keys,
            // The default exchange looks at nothing but the key.
            headers: match exchange.is_empty() {
                true => None,
                false => message_headers(&properties, headers.as_ref()),
            },
            priority: properties.priority().unwrap_or(0),
            properties: match properties {
                Cow::Borrowed(properties) => Cow::Borrowed(properties.as_bytes()),
                Cow::Owned(properties) => Cow::Owned(properties.as_bytes().to_vec()),
            },
            body,
            ttl_ms,
            now_ms,
        })
    }

    /// The same of one that was read where it lies.
    pub(super) fn plain(publish: &WholePublish<'a>, now_ms: i64) -> Self {
        Self {
            exchange: publish.exchange,
            routing_key: publish.routing_key,
            copies: Vec::new(),
            headers: None,
            properties: Cow::Borrowed(publish.properties),
            body: publish.body,
            priority: publish.priority,
            ttl_ms: None,
            now_ms,
        }
    }

    /// What the broker is given of it alone.
    pub(crate) fn publication(self) -> Result<Publication, Refusal> {
        Ok(Alike::begin(self, 0)?.publication())
    }

    /// What is said of it in its record. What is empty is left out.
    fn with_headers<T>(&self, act: impl FnOnce(&[RecordHeader<'_>]) -> T) -> T {
        let mut headers = [RecordHeader::new("", b""); 3];
        let mut count = 0;
        let mut add = |key, value| {
            headers[count] = RecordHeader::new(key, value);
            count += 1;
        };
        if !self.exchange.is_empty() {
            add(header::EXCHANGE, self.exchange);
        }
        if !self.routing_key.is_empty() {
            add(header::ROUTING_KEY, self.routing_key);
        }
        // Without properties the header says that this is a message of AMQP.
        add(header::AMQP_PROPERTIES, &self.properties);
        act(&headers[..count])
    }

    fn bytes(&self) -> usize {
        let around = self.exchange.len() + self.routing_key.len();
        around + self.properties.len() + self.body.len() + RECORD_OVERHEAD_BYTES
    }
}

/// Publishes in a row that are routed alike, on their way to the broker.
#[derive(Debug)]
pub(crate) struct Alike {
    envelope: Envelope,
    priority: u8,
    ttl_ms: Option<u64>,
    run: Run,
}

impl Alike {
    /// Begins with a publish, with room for so many bytes of others. Keeps nothing of what was read from the
    /// socket, so that the next read may use that memory again.
    pub(crate) fn begin(first: Outgoing<'_>, room: usize) -> Result<Self, Refusal> {
        let bytes = first.bytes() + room;
        let run =
            first.with_headers(|headers| Run::begin(bytes, first.now_ms, first.body, headers));
        let mut routing_keys = first.copies;
        routing_keys.insert(0, Bytes::copy_from_slice(first.routing_key));
        Ok(Self {
            envelope: Envelope {
                exchange: Bytes::copy_from_slice(first.exchange),
                routing_keys,
                headers: first.headers,
            },
            priority: first.priority,
            ttl_ms: first.ttl_ms,
            run: run.map_err(Refusal::precondition)?,
        })
    }

    /// Whether another publish is routed like these, and there is room for it.
    pub(crate) fn takes(&self, next: &Outgoing<'_>) -> bool {
        let envelope = &self.envelope;
        next.headers.is_none()
            && envelope.headers.is_none()
            && next.copies.is_empty()
            && *envelope.exchange == *next.exchange
            && matches!(&envelope.routing_keys[..], [key] if *key == *next.routing_key)
            && (self.priority, self.ttl_ms) == (next.priority, next.ttl_ms)
            && self.run.has_room(next.body)
    }

    /// Adds it. Returns how many bytes that are.
    pub(crate) fn add(&mut self, next: &Outgoing<'_>) -> Result<usize, Refusal> {
        let added = next.with_headers(|headers| self.run.add(next.now_ms, next.body, headers));
        added.map_err(Refusal::precondition)
    }

    pub(crate) fn bytes(&self) -> usize {
        self.run.bytes()
    }

    pub(crate) fn envelope(&self) -> &Envelope {
        &self.envelope
    }

    pub(crate) fn publication(self) -> Publication {
        let (batch, bodies) = self.run.finish();
        Publication {
            envelope: self.envelope,
            batch,
            bodies,
            priority: self.priority,
            ttl_ms: self.ttl_ms,
            for_topics: interop::for_topics,
            queueing: Queueing::default(),
        }
    }
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

/// What a message was published with, by the properties that its record has.
pub(crate) fn recall(properties: &Bytes) -> Recalled {
    let properties = Properties::from_validated(properties.clone());
    let headers = properties.headers();
    let copies = headers.as_ref().and_then(|headers| headers.get(CC));
    let copies = copies.and_then(Value::as_array);
    let copies = copies.into_iter().flat_map(|keys| keys.values());
    let copies = copies.filter_map(Value::as_long_str);
    Recalled {
        copies: copies.map(Bytes::copy_from_slice).collect(),
        headers: message_headers(&properties, headers.as_ref())
            .map_or_else(Default::default, |more| *more),
        priority: properties.priority().unwrap_or(0),
        ttl_ms: properties
            .expiration()
            .and_then(|text| expiration(&text).ok()),
    }
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
        delay_ms: headers.and_then(delays::delay_ms),
        topic: None,
    };
    (more != MessageHeaders::default()).then(|| Box::new(more))
}

#[cfg(test)]
mod tests;
