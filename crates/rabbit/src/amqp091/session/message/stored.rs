//! What is delivered of a record.

use bytes::Bytes;
use forebay_broker::host::{Deaths, header};
use forebay_broker::queue::Mark;
use forebay_record::{Batch, Record, Records};

use super::super::{deaths, delays, interop};
use crate::amqp091::ShortStr;
use crate::amqp091::content::Delivery;
use crate::amqp091::properties::Properties;
use crate::amqp091::table::Value;

/// A message as it is delivered.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Stored {
    pub(crate) exchange: ShortStr,
    pub(crate) routing_key: ShortStr,
    pub(crate) properties: Properties,
}

impl Stored {
    /// Adds how often the message came back, as quorum queues say it.
    pub(in crate::amqp091::session) fn count(&mut self, mark: Mark) {
        const ACQUIRED: &str = "x-acquired-count";
        const DELIVERED: &str = "x-delivery-count";
        if mark.deliveries == 0 {
            return;
        }
        let without = match mark.failures {
            0 => &[ACQUIRED][..],
            _ => &[ACQUIRED, DELIVERED],
        };
        self.properties = self.properties.with_headers(without, |headers| {
            headers.put(ACQUIRED, Value::I64(mark.deliveries.into()));
            if mark.failures > 0 {
                headers.put(DELIVERED, Value::I64(mark.failures.into()));
            }
        });
    }

    /// Where it is.
    pub(in crate::amqp091::session) fn view(&self) -> StoredView<'_> {
        StoredView {
            exchange: &self.exchange,
            routing_key: &self.routing_key,
            properties: self.properties.as_bytes(),
        }
    }
}

/// A message as it is delivered, where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::amqp091::session) struct StoredView<'a> {
    exchange: &'a [u8],
    routing_key: &'a [u8],
    properties: &'a [u8],
}

impl<'a> StoredView<'a> {
    /// What a consumer is told of it.
    pub(in crate::amqp091::session) fn delivery(
        self,
        consumer_tag: &'a ShortStr,
        delivery_tag: u64,
        redelivered: bool,
        body: &'a [u8],
    ) -> Delivery<'a> {
        Delivery {
            consumer_tag,
            delivery_tag,
            redelivered,
            exchange: self.exchange,
            routing_key: self.routing_key,
            properties: self.properties,
            body,
        }
    }
}

/// What a record says of a message beside its body.
#[derive(Debug, Default)]
pub(in crate::amqp091::session) struct StoredFields<'a> {
    exchange: &'a [u8],
    routing_key: &'a [u8],
    /// None if it was not published over AMQP.
    properties: Option<&'a [u8]>,
    deaths: Option<&'a [u8]>,
    has_waited: bool,
    was_in_topic: bool,
}

impl<'a> StoredFields<'a> {
    pub(in crate::amqp091::session) fn of(record: &Record<'a>) -> Self {
        let mut fields = Self::default();
        for found in record.headers.flatten() {
            let value = found.value.unwrap_or_default();
            match found.key {
                key if key == header::EXCHANGE.as_bytes() => fields.exchange = short(value),
                key if key == header::ROUTING_KEY.as_bytes() => fields.routing_key = short(value),
                key if key == header::AMQP_PROPERTIES.as_bytes() => {
                    // Producers of other protocols write what they like.
                    fields.properties = Properties::check(value).ok().map(|()| value);
                }
                key if key == header::DELAYED.as_bytes() => fields.has_waited = true,
                key if key == header::TOPIC.as_bytes() => fields.was_in_topic = true,
                key if key == header::DEATHS.as_bytes() => fields.deaths = Some(value),
                _ => {}
            }
        }
        fields
    }

    /// The message as it was published, if that is how it is delivered: nearly all are.
    pub(in crate::amqp091::session) fn unchanged(&self) -> Option<StoredView<'a>> {
        if self.has_waited || self.deaths.is_some() {
            return None;
        }
        Some(StoredView {
            exchange: self.exchange,
            routing_key: self.routing_key,
            properties: self.properties?,
        })
    }

    /// The message of a record that is in `source`. One that came by another protocol has no exchange, and as its key
    /// the name of the topic that it was in, or else of the queue.
    pub(in crate::amqp091::session) fn stored(
        &self,
        record: &Record<'a>,
        source: &Bytes,
        queue: &Bytes,
    ) -> Stored {
        let short = |value| ShortStr::try_from(source.slice_ref(value)).unwrap_or_default();
        let routing_key = match self.properties {
            None if !self.was_in_topic => ShortStr::try_from(queue.clone()).unwrap_or_default(),
            _ => short(self.routing_key),
        };
        let properties = self.properties.map_or_else(
            || interop::foreign(record),
            |properties| Properties::from_validated(source.slice_ref(properties)),
        );
        let properties = match self.has_waited {
            true => delays::shown(&properties),
            false => properties,
        };
        let deaths = self.deaths.and_then(|deaths| Deaths::decode(deaths).ok());
        Stored {
            exchange: short(self.exchange),
            routing_key,
            properties: match deaths {
                Some(deaths) => deaths::shown(&properties, &deaths),
                None => properties,
            },
        }
    }
}

/// A name that another protocol made too long is none.
fn short(value: &[u8]) -> &[u8] {
    match value.len() {
        0..=ShortStr::BYTES_MAX => value,
        _ => &[],
    }
}

/// What is delivered of a record, which is in `source`, of a queue.
pub(crate) fn stored(record: &Record<'_>, source: &Bytes, queue: &Bytes) -> Stored {
    StoredFields::of(record).stored(record, source, queue)
}

/// What is delivered, with its body, of a message that was [published](super::Outgoing::publication) and is in no log.
pub(in crate::amqp091::session) fn published_alone(batch: &Bytes) -> Option<(Stored, Bytes)> {
    let only = Batch::only(batch).ok()?;
    let source = batch.slice_ref(only.payload());
    let record = Records::new(&source, 1).next()?.ok()?;
    let body = source.slice_ref(record.value.unwrap_or_default());
    Some((stored(&record, &source, &Bytes::new()), body))
}
