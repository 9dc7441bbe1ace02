//! A message as it is published, and as it lies in a queue's log.
//!
//! In the log it is a record: the value is the body, and what else there is to a message stands in
//! reserved [`header`]s, verbatim, so that a client of the protocol that it came by gets back what was
//! sent.

use bytes::{Bytes, BytesMut};

use super::BodySizes;
use crate::routing::{HashProperty, Message, Value, ValueRef};

/// Names of the reserved headers.
pub mod header {
    /// What their names begin with.
    pub const RESERVED: &str = "forebay.";
    /// The exchange that it was published to.
    pub const EXCHANGE: &str = "forebay.exchange";
    /// The routing key that it was published with.
    pub const ROUTING_KEY: &str = "forebay.routing-key";
    /// The properties of AMQP 0-9-1, as they went over the wire.
    pub const AMQP_PROPERTIES: &str = "forebay.amqp091.properties";
    /// What it is routed by when it is due, while it waits in an exchange.
    pub const WAITING: &str = "forebay.waiting";
    /// It has waited in an exchange; without a value.
    pub const DELAYED: &str = "forebay.delayed";
    /// The group that it is of.
    pub const GROUP: &str = "forebay.group";
    /// Where it was stored first, if it was moved from there: the queue's id and the offset, u64 each,
    /// little-endian.
    pub const ORIGIN: &str = "forebay.origin";
    /// How often it was delivered in the queues that it died in, if it was: u32, little-endian. Who redrives it
    /// begins anew.
    pub const DELIVERIES: &str = "forebay.deliveries";
    /// The topic that it comes from, if it does by a subscription: its name.
    pub const TOPIC: &str = "forebay.topic";
    /// The partition of that topic, as text.
    pub const PARTITION: &str = "forebay.partition";
    /// Its offset there, as text.
    pub const OFFSET: &str = "forebay.offset";
    /// Its timestamp there in milliseconds since the Unix epoch, as text.
    pub const TIMESTAMP: &str = "forebay.timestamp";
    /// The queues that it died in, see [`Deaths`](super::super::Deaths).
    pub const DEATHS: &str = "forebay.deaths";
}

/// A message on its way in, or several that differ in nothing but what is in their records: they are routed as one,
/// and each has a result and an offset of its own.
#[derive(Debug)]
pub struct Publication {
    /// What it is routed by.
    pub envelope: Envelope,
    /// The messages, a record each ([`Run`](super::Run)).
    pub batch: BytesMut,
    /// The sizes of their bodies.
    pub bodies: BodySizes,
    /// Their priority.
    pub priority: u8,
    /// For how many milliseconds they live.
    pub ttl_ms: Option<u64>,
    /// Makes of the batch the one that a topic is given.
    pub for_topics: ForTopics,
    /// What else queues look at, if they are asked to. A deduplication id is of one message only.
    pub queueing: Queueing,
}

/// What few messages bring for the queues that they go to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Queueing {
    /// The group that it is of ([`group_id`]), where a queue knows groups.
    pub group: Option<u64>,
    /// Under which id it is known, where a queue wants every message once.
    pub deduplication: Option<u128>,
    /// For how many milliseconds it waits in the queue, if not as long as the queue's settings say.
    pub delay_ms: Option<u64>,
}

/// The id of a group by its name ([`header::GROUP`]). Two groups with one id wait for one another, which is
/// all that follows.
pub fn group_id(name: &[u8]) -> u64 {
    // FNV-1a: the same for ever, on every machine.
    name.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}

impl Publication {
    /// The batch that a topic is given.
    pub(crate) fn for_topic(&self) -> BytesMut {
        let shown = (self.for_topics)(&self.batch);
        shown.unwrap_or_else(|| BytesMut::from(&self.batch[..]))
    }
}

/// Makes of a message's batch one in which what clients of other protocols understand stands where they look
/// for it, beside what only its own protocol does. None leaves it as it is.
pub type ForTopics = fn(&[u8]) -> Option<BytesMut>;

/// Leaves a batch as it is.
pub fn unchanged(_: &[u8]) -> Option<BytesMut> {
    None
}

/// What routing looks at.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Envelope {
    /// The exchange that it is published to.
    pub exchange: Bytes,
    /// The routing key, and those that it asks for beside (`CC`, `BCC`).
    pub routing_keys: Vec<Bytes>,
    /// The rest, if it has any.
    pub headers: Option<Box<MessageHeaders>>,
}

/// What routing looks at in the few messages that have it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct MessageHeaders {
    /// Its headers.
    pub headers: Vec<(Bytes, Value)>,
    /// `correlation_id`
    pub correlation_id: Option<Bytes>,
    /// `message_id`
    pub message_id: Option<Bytes>,
    /// `timestamp`
    pub timestamp: Option<u64>,
    /// For how many milliseconds it waits in exchanges that keep messages.
    pub delay_ms: Option<u64>,
    /// The topic that it goes to and nowhere else, whether queues' clients see that as a stream or not.
    pub topic: Option<TopicAddress>,
}

/// A place in a topic.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicAddress {
    /// The topic's name.
    pub name: Bytes,
    /// The key by which its partition is found; without one they are taken in turn.
    pub key: Option<Bytes>,
}

/// What a message was published with, as the gateway of its protocol reads it out of its record.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Recalled {
    /// The routing keys that it asked for beside its own, for everybody to see (`CC`).
    pub copies: Vec<Bytes>,
    /// What else routing looks at.
    pub headers: MessageHeaders,
    /// Its priority.
    pub priority: u8,
    /// For how many milliseconds it lives.
    pub ttl_ms: Option<u64>,
}

/// Reads the value of [`header::AMQP_PROPERTIES`]. The same for the same bytes: the broker's state depends on it.
pub type Recall = fn(&Bytes) -> Recalled;

impl Envelope {
    /// For how long it waits in exchanges that keep messages, if it does.
    pub(crate) fn delay_ms(&self) -> Option<u64> {
        self.headers.as_ref()?.delay_ms
    }
}

impl Envelope {
    /// The topic that it goes to and nowhere else.
    pub(crate) fn topic(&self) -> Option<&TopicAddress> {
        self.headers.as_ref()?.topic.as_ref()
    }

    /// The key that it has in a topic. What went to the topic by its name has none.
    pub fn topic_key(&self) -> Option<&Bytes> {
        if let Some(topic) = self.topic() {
            return topic.key.as_ref();
        }
        let key = self.routing_keys.first().filter(|key| !key.is_empty());
        key.filter(|_| !self.exchange.is_empty())
    }
}

impl Message for Envelope {
    fn routing_keys(&self) -> impl Iterator<Item = &[u8]> {
        self.routing_keys.iter().map(|key| &key[..])
    }

    fn headers(&self) -> impl Iterator<Item = (&[u8], ValueRef<'_>)> {
        let headers = self.headers.iter().flat_map(|more| &more.headers);
        headers.map(|(name, value)| (&name[..], value.view()))
    }

    fn property(&self, name: HashProperty) -> Option<Value> {
        let more = self.headers.as_ref()?;
        match name {
            HashProperty::CorrelationId => more.correlation_id.clone().map(Value::Bytes),
            HashProperty::MessageId => more.message_id.clone().map(Value::Bytes),
            HashProperty::Timestamp => more.timestamp.map(|time| Value::Integer(time.into())),
        }
    }
}
