//! Messages that are moved from one queue to others by hand: the dead, sent on their way again.

use bytes::Bytes;

use super::handle::Answer;
use super::stored::StoredMessage;
use super::{HostCommand, HostError, HostReply, VirtualHost};

/// Messages that are to be moved. Each is in exactly one place at any time, whatever happens.
#[derive(Clone, Debug)]
pub struct Redrive {
    /// The queue that they are in.
    pub queue: Bytes,
    /// As they were [read](super::Peeked::read) from it. Those that are not ready any more stay.
    pub messages: Vec<StoredMessage>,
    /// Where they go.
    pub to: RedriveTarget,
}

/// Where messages go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RedriveTarget {
    /// Each to the queue that it died in first, as it had been published.
    Source,
    /// To a queue.
    Queue(Bytes),
    /// To an exchange.
    Exchange {
        /// Its name.
        exchange: Bytes,
        /// The key, if not that of the message when it was published.
        routing_key: Option<Bytes>,
    },
}

/// What became of messages that were to be moved.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Redriven {
    /// Those that are where they were to go.
    pub moved: u64,
    /// Those that stay because somebody has them, they wait for a time of their own, or they are gone.
    pub not_ready: u64,
    /// Those that stay because there is no queue to take them: they never died, the queue that they died
    /// in is gone, or the exchange has no binding for them.
    pub unroutable: u64,
    /// Those that stay because a queue is full.
    pub refused: u64,
    /// Those that stay because with what they remember they are more than the journal takes at once.
    pub too_large: u64,
    /// The first that was not looked at because the journal had no room. To be tried again.
    pub stopped_at: Option<u64>,
}

impl VirtualHost {
    /// Moves messages. Answered when that is as durable as the queues are.
    pub async fn redrive(&self, redrive: Redrive) -> Answer<Redriven> {
        match self.host(HostCommand::Redrive(redrive)).await? {
            HostReply::Redriven(redriven) => Ok(redriven),
            _ => Err(HostError::Stopped),
        }
    }
}
