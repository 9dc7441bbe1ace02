//! A message as it lies in a queue's log, read and written again.

use bytes::Bytes;
use forebay_record::{Batch, BatchBuilder, Error as RecordError, Record, RecordHeader, Records};
use forebay_storage::LogId;

use super::deaths::Deaths;
use super::definition::QueueId;
use super::message::{Recall, Recalled, group_id, header};
use super::reply::Position;

/// A message that was read from a queue's log.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct StoredMessage {
    /// Where it is in its queue.
    pub offset: u64,
    /// The exchange that it was published to.
    pub exchange: Bytes,
    /// The routing key that it was published with.
    pub routing_key: Bytes,
    /// The queues that it died in.
    pub deaths: Deaths,
    /// Its body.
    pub body: Bytes,
    /// Its key.
    pub key: Option<Bytes>,
    /// Its other headers, [reserved](header) and not.
    pub headers: Vec<(Bytes, Option<Bytes>)>,
    /// When it was published, in milliseconds since the Unix epoch.
    pub timestamp_ms: i64,
}

impl StoredMessage {
    /// The messages of a batch whose offsets are wanted. What cannot be read is none of them.
    pub(crate) fn all_in(batch: &Bytes, wanted: impl Fn(u64) -> bool) -> Vec<Self> {
        let Ok(batch) = Batch::only(batch) else {
            return Vec::new();
        };
        let head = batch.header();
        let count = usize::try_from(head.record_count).unwrap_or_default();
        let mut messages = Vec::new();
        for record in Records::new(batch.payload(), count).flatten() {
            let offset = head.offset_of(&record).cast_unsigned();
            if wanted(offset) {
                messages.push(Self::of(offset, &record, head.timestamp_of(&record)));
            }
        }
        messages
    }

    /// A record as it was read.
    pub(crate) fn of(offset: u64, record: &Record<'_>, timestamp_ms: i64) -> Self {
        let mut message = Self {
            offset,
            body: Bytes::copy_from_slice(record.value.unwrap_or_default()),
            key: record.key.map(Bytes::copy_from_slice),
            timestamp_ms,
            ..Self::default()
        };
        for RecordHeader { key, value } in record.headers.flatten() {
            let value = value.map(Bytes::copy_from_slice);
            if *key == *header::EXCHANGE.as_bytes() {
                message.exchange = value.unwrap_or_default();
            } else if *key == *header::ROUTING_KEY.as_bytes() {
                message.routing_key = value.unwrap_or_default();
            } else if *key == *header::DEATHS.as_bytes() {
                // What nobody can read is as if it had not died before.
                message.deaths = Deaths::decode(&value.unwrap_or_default()).unwrap_or_default();
            } else {
                message.headers.push((Bytes::copy_from_slice(key), value));
            }
        }
        message
    }

    /// What it was published with.
    pub(crate) fn recall(&self, recall: Recall) -> Recalled {
        let find = |name: &str| {
            let mut headers = self.headers.iter();
            headers.find(|(found, _)| **found == *name.as_bytes())
        };
        let properties = find(header::AMQP_PROPERTIES).and_then(|(_, value)| value.as_ref());
        let mut recalled = properties.map(recall).unwrap_or_default();
        if find(header::DELAYED).is_some() {
            recalled.headers.delay_ms = None;
        }
        recalled
    }

    /// The message for the log of another queue: a batch of one record.
    pub(crate) fn batch(&self) -> Result<Bytes, RecordError> {
        let deaths = self.deaths.encode();
        let mut headers = vec![
            RecordHeader::new(header::EXCHANGE, &self.exchange),
            RecordHeader::new(header::ROUTING_KEY, &self.routing_key),
        ];
        if !self.deaths.deaths.is_empty() {
            headers.push(RecordHeader::new(header::DEATHS, &deaths));
        }
        headers.extend(self.headers.iter().map(|(key, value)| RecordHeader {
            key,
            value: value.as_deref(),
        }));
        let mut builder = BatchBuilder::new();
        let key = self.key.as_deref();
        builder.add(self.timestamp_ms, key, Some(&self.body), &headers)?;
        builder.build()
    }

    /// Notes where it was stored first, as it leaves a queue.
    pub(crate) fn leaves(&mut self, queue: QueueId) {
        if self.header(header::ORIGIN).is_none() {
            let mut origin = queue.0.to_le_bytes().to_vec();
            origin.extend(self.offset.to_le_bytes());
            let name = Bytes::from_static(header::ORIGIN.as_bytes());
            self.headers.push((name, Some(origin.into())));
        }
    }

    /// How often it was delivered in the queues that it died in.
    pub fn earlier_deliveries(&self) -> u32 {
        let said = self.header(header::DELIVERIES);
        let said = said.and_then(|value| value[..].try_into().ok());
        said.map_or(0, u32::from_le_bytes)
    }

    /// Notes that it was delivered so many times more in the queue that it leaves.
    pub(crate) fn was_delivered(&mut self, times: u32) {
        let deliveries = self.earlier_deliveries().saturating_add(times);
        self.take_header(header::DELIVERIES);
        if deliveries > 0 {
            let name = Bytes::from_static(header::DELIVERIES.as_bytes());
            let value = Bytes::copy_from_slice(&deliveries.to_le_bytes());
            self.headers.push((name, Some(value)));
        }
    }

    /// The group that it is of.
    pub(crate) fn group(&self) -> Option<u64> {
        self.header(header::GROUP).map(|name| group_id(name))
    }

    /// The key that it had in a topic, as a group's id.
    pub(crate) fn key_group(&self) -> Option<u64> {
        self.key.as_ref().map(|key| group_id(key))
    }

    /// The value of a header, if it has one.
    pub fn header(&self, name: &str) -> Option<&Bytes> {
        let mut headers = self.headers.iter();
        let (_, value) = headers.find(|(found, _)| **found == *name.as_bytes())?;
        value.as_ref()
    }

    /// Where a message was stored first that was read from a queue.
    pub fn origin(&self, read_from: QueueId) -> Position {
        let moved = self.header(header::ORIGIN).and_then(|value| {
            let (queue, offset) = value.split_first_chunk::<8>()?;
            Some(Position {
                queue: LogId(u64::from_le_bytes(*queue)),
                offset: u64::from_le_bytes(offset.try_into().ok()?),
            })
        });
        moved.unwrap_or(Position {
            queue: read_from,
            offset: self.offset,
        })
    }

    /// Takes a header out.
    pub(crate) fn take_header(&mut self, name: &str) -> Option<Bytes> {
        let mut headers = self.headers.iter();
        let at = headers.position(|(found, _)| **found == *name.as_bytes())?;
        self.headers.swap_remove(at).1
    }
}
