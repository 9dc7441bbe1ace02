//! A message as a record of its queue's log: the value is its body, and what else there is to it stands in reserved
//! headers.

use bytes::Bytes;
use forebay_broker::Broker;
use forebay_broker::host::{
    Envelope, Position, Publication, QueueId, Queueing, Run, StoredMessage, group_id, header,
    unchanged,
};
use forebay_broker::routing::Value;
use forebay_record::{Error as RecordError, RecordHeader};
use sha2::{Digest, Sha256};

use super::attributes::{ATTRIBUTES_MAX, MessageAttributes, TRACE_HEADER};

/// [Types of attributes](MessageAttributes::encode). Their values are headers of their names, which clients of other
/// protocols see.
const ATTRIBUTES: &str = "forebay.sqs.attributes";
/// System attributes that the client sent, in the same form.
const SYSTEM: &str = "forebay.sqs.system";
/// Who sent it.
const SENDER: &str = "forebay.sqs.sender";
/// The deduplication id.
const DEDUPLICATION: &str = "forebay.sqs.deduplication-id";
/// The attribute that stands for the key of a record of a topic.
const KEY: &str = "forebay.key";
/// Of a record: reserved ones and attributes.
const HEADERS_MAX: usize = 5 + ATTRIBUTES_MAX;
/// What a record takes beside what is in it, about.
const RECORD_OVERHEAD_BYTES: usize = 192;

/// A message on its way to a queue.
#[derive(Debug, Default)]
pub(crate) struct Outgoing<'a> {
    /// The queue's name.
    pub(crate) queue: Bytes,
    pub(crate) body: &'a str,
    pub(crate) attributes: MessageAttributes,
    pub(crate) system: MessageAttributes,
    /// The id of the access key.
    pub(crate) sender: Option<&'a str>,
    pub(crate) group: Option<&'a str>,
    /// Of a FIFO queue, where every message has one.
    pub(crate) deduplication: Option<Deduplication<'a>>,
    /// If not as long as its queue's messages wait.
    pub(crate) delay_ms: Option<u64>,
}

/// By what a FIFO queue knows a message again.
#[derive(Debug)]
pub(crate) struct Deduplication<'a> {
    pub(crate) id: std::borrow::Cow<'a, str>,
    /// Messages of other groups may have the same.
    pub(crate) is_of_group: bool,
}

impl Outgoing<'_> {
    /// What the broker is given of messages, in their order. Those that queues need not look at one by one go
    /// together.
    pub(crate) fn publications(all: &[Self], now_ms: i64) -> Result<Vec<Publication>, RecordError> {
        let mut publications = Vec::new();
        let mut left = all;
        while let Some((first, mut others)) = left.split_first() {
            let mut run = first.begin(now_ms)?;
            while let Some((next, behind)) = others.split_first()
                && next.is_like(first)
                && run.has_room(next.body.as_bytes())
            {
                let body = next.body.as_bytes();
                next.with_headers(|_, headers| run.add(now_ms, body, headers))?;
                others = behind;
            }
            publications.push(first.published_as(run));
            left = others;
        }
        Ok(publications)
    }

    /// Whether queues see no difference but in what they store.
    fn is_like(&self, first: &Self) -> bool {
        self.deduplication.is_none()
            && first.deduplication.is_none()
            && (self.group, self.delay_ms) == (first.group, first.delay_ms)
    }

    /// What is said of it in its record, and about how many bytes that takes.
    fn with_headers<T>(&self, act: impl FnOnce(usize, &[RecordHeader<'_>]) -> T) -> T {
        let attributes = (!self.attributes.is_empty()).then(|| self.attributes.encode());
        let system = (!self.system.is_empty()).then(|| self.system.encode());
        let deduplication = self.deduplication.as_ref().map(|known| known.id.as_bytes());
        let reserved = [
            (ATTRIBUTES, attributes.as_deref()),
            (SYSTEM, system.as_deref()),
            (SENDER, self.sender.map(str::as_bytes)),
            (header::GROUP, self.group.map(str::as_bytes)),
            (DEDUPLICATION, deduplication),
        ];
        let mut given = [RecordHeader::new("", b""); HEADERS_MAX];
        let mut count = 0;
        let mut bytes = self.body.len() + RECORD_OVERHEAD_BYTES;
        let reserved = reserved
            .iter()
            .filter_map(|(name, value)| Some((*name, (*value)?)));
        for (name, value) in reserved.chain(self.attributes.shown()) {
            given[count] = RecordHeader::new(name, value);
            count += 1;
            bytes += name.len() + value.len();
        }
        act(bytes, &given[..count])
    }

    /// What the broker is given of one alone.
    pub(crate) fn publication(&self, now_ms: i64) -> Result<Publication, RecordError> {
        Ok(self.published_as(self.begin(now_ms)?))
    }

    fn begin(&self, now_ms: i64) -> Result<Run, RecordError> {
        let body = self.body.as_bytes();
        self.with_headers(|bytes, headers| Run::begin(bytes, now_ms, body, headers))
    }

    fn published_as(&self, run: Run) -> Publication {
        let (batch, bodies) = run.finish();
        Publication {
            envelope: Envelope {
                exchange: Bytes::new(),
                routing_keys: vec![self.queue.clone()],
                headers: None,
            },
            batch,
            bodies,
            priority: 0,
            ttl_ms: None,
            for_topics: unchanged,
            queueing: Queueing {
                group: self.group.map(|group| group_id(group.as_bytes())),
                deduplication: self.deduplication_key(),
                delay_ms: self.delay_ms,
            },
        }
    }

    fn deduplication_key(&self) -> Option<u128> {
        let known = self.deduplication.as_ref()?;
        let mut digest = Sha256::new();
        if known.is_of_group {
            // No id has a zero in it.
            digest.update(self.group.unwrap_or_default().as_bytes());
            digest.update([0]);
        }
        digest.update(known.id.as_bytes());
        let digest: [u8; 32] = digest.finalize().into();
        let half = digest.first_chunk::<16>()?;
        Some(u128::from_le_bytes(*half))
    }
}

/// A message that was read from a queue, by whatever protocol it came there.
#[derive(Debug)]
pub(crate) struct Stored(StoredMessage);

impl Stored {
    pub(crate) fn new(message: StoredMessage) -> Self {
        Self(message)
    }

    /// As text. What is none, which another protocol sent, is shown as far as it is.
    pub(crate) fn body(&self) -> std::borrow::Cow<'_, str> {
        String::from_utf8_lossy(&self.0.body)
    }

    /// Those that it was sent with. Of a message that came by another protocol, what other protocols see of it. What
    /// nobody can read is as if it had none.
    pub(crate) fn attributes(&self, broker: &Broker) -> MessageAttributes {
        if self.0.header(ATTRIBUTES).is_some() {
            return self.decoded(ATTRIBUTES);
        }
        let plain = self.0.headers.iter();
        let plain = plain.filter(|(name, _)| !name.starts_with(header::RESERVED.as_bytes()));
        let plain = plain.map(|(name, value)| {
            let value = value.clone().map_or(Value::Void, Value::Bytes);
            (name.clone(), value)
        });
        let recalled = broker.recall(&self.0).headers.headers;
        // Of a record of a topic; what AMQP published says it in its properties.
        let is_amqp = self.0.header(header::AMQP_PROPERTIES).is_some();
        let key = self.0.key.clone().filter(|_| !is_amqp);
        let key = key.map(|key| (Bytes::from_static(KEY.as_bytes()), Value::Bytes(key)));
        MessageAttributes::foreign(key.into_iter().chain(plain).chain(recalled))
    }

    pub(crate) fn trace_header(&self) -> Option<String> {
        let system = self.decoded(SYSTEM);
        let header = system.get(TRACE_HEADER)?;
        String::from_utf8(header.value.clone()).ok()
    }

    fn decoded(&self, name: &str) -> MessageAttributes {
        let stored = self.0.header(name);
        let value_of = |name: &str| self.0.header(name).map(|value| value.to_vec());
        let stored = stored.map(|stored| MessageAttributes::decode(stored, value_of));
        stored.and_then(Result::ok).unwrap_or_default()
    }

    pub(crate) fn sender(&self) -> Option<&str> {
        self.text(SENDER)
    }

    pub(crate) fn group(&self) -> Option<&str> {
        self.text(header::GROUP)
    }

    pub(crate) fn deduplication_id(&self) -> Option<&str> {
        self.text(DEDUPLICATION)
    }

    fn text(&self, name: &str) -> Option<&str> {
        std::str::from_utf8(self.0.header(name)?).ok()
    }

    /// When it was sent, in milliseconds since the Unix epoch.
    pub(crate) fn sent_ms(&self) -> i64 {
        self.0.timestamp_ms
    }

    /// Where it was stored first.
    pub(crate) fn origin(&self, read_from: QueueId) -> Position {
        self.0.origin(read_from)
    }

    /// Its offset in the queue that it was read from.
    pub(crate) fn offset(&self) -> u64 {
        self.0.offset
    }

    /// How often it was received in the queues that it died in.
    pub(crate) fn earlier_deliveries(&self) -> u64 {
        self.0.earlier_deliveries().into()
    }

    /// The queue that it died in last.
    pub(crate) fn died_in(&self) -> Option<&str> {
        let death = self.0.deaths.last()?;
        std::str::from_utf8(&death.queue).ok()
    }
}
