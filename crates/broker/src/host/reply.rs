//! What a virtual host answers, and what it says by itself.

use bytes::Bytes;
use forebay_storage::LogReader;
use tokio::sync::mpsc::UnboundedSender;

use super::inspect::Inspected;
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
}
