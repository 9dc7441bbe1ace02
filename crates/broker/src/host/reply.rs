//! What a virtual host answers, and what it says by itself.

use bytes::Bytes;
use forebay_storage::LogReader;
use tokio::sync::mpsc::UnboundedSender;

use super::definition::QueueId;
use super::inspect::Inspected;
use super::leases::{LeaseError, Received};
use super::peek::Peeked;
use super::redrive::Redriven;
use super::topic_subscription::Forwarded;
use crate::queue::{Delivery, HolderId};

/// An answer.
#[derive(Debug)]
pub enum HostReply {
    /// It is done.
    Done,
    /// A queue.
    Queue(QueueStatus),
    /// How many messages were lost.
    Messages(u64),
    /// A subscription began.
    Subscribed(Subscribed),
    /// A message, if there was one.
    Got(Option<Got>),
    /// What somebody looked for.
    Inspected(Inspected),
    /// What somebody looked at.
    Peeked(Peeked),
    /// What became of messages that were to be moved.
    Redriven(Redriven),
    /// Messages that were taken for a time.
    Received(Received),
    /// There are none now. Whoever waits is told under this number.
    Waiting(u64),
    /// What became of leases.
    Leases(Vec<Result<(), LeaseError>>),
    /// Whether anything is different now.
    Changed(bool),
    /// What became of records of a topic.
    Forwarded(Forwarded),
}

/// What there is of a queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueStatus {
    /// Its name.
    pub name: Bytes,
    /// Messages that are ready.
    pub ready: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A subscription that began.
#[derive(Clone, Debug)]
pub struct Subscribed {
    /// Reads the messages that are delivered.
    pub log: LogReader,
    /// Whether consumers are told how often a message came back.
    pub tells_counts: bool,
}

/// A message that was taken without a subscription.
#[derive(Clone, Debug)]
pub struct Got {
    /// Reads it.
    pub log: LogReader,
    /// What was delivered.
    pub delivery: Delivered,
    /// Whether it is told how often the message came back.
    pub tells_counts: bool,
    /// How many messages are ready still.
    pub ready: u64,
}

/// Messages in a row that were delivered.
pub type Delivered = Delivery;

/// Something that a consumer is told by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notice {
    /// It was given messages, which its log reader can read.
    Delivered(Delivered),
    /// Its subscription ended, because the queue did.
    Cancelled(HolderId),
}

/// Where notices go. There are never more deliveries on their way than the consumers' credit allows.
pub type NoticeSender = UnboundedSender<Notice>;

/// What became of a message that was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Published {
    /// Every queue that it was routed to has it.
    Routed,
    /// It was routed to no queue.
    Unroutable,
    /// A queue was full and refused it.
    Refused,
    /// The queue that it was [sent](super::VirtualHost::send) to has it, there.
    Stored(Position),
    /// That queue took a message of the same deduplication id lately, and not this one.
    Duplicate(Position),
}

/// Where a message is, or was, for as long as the broker's data lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Position {
    /// The queue that it was stored in first.
    pub queue: QueueId,
    /// Its offset there.
    pub offset: u64,
}
