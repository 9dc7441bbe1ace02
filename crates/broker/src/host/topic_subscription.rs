//! Queues that are given what a topic gets: from the moment of the subscription on, or from an earlier place.
//!
//! Every record becomes one message, in the order of each partition. That messages arrived and how far the
//! subscription has come is in one entry of the journal, so none comes twice and none is left out, whatever
//! happens to the broker ([`Broker::forward`](crate::Broker::forward) has how they get there).

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::definition::ConnectionId;
use super::handle::Answer;
use super::{BodySizes, HostCommand, HostError, HostReply, VirtualHost};

/// Names a subscription for as long as the process lives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TopicSubscriptionId(pub(crate) u64);

/// Where a subscription begins.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicStart {
    /// With the first record that is kept.
    Earliest,
    /// With the next record that is produced.
    Latest,
    /// With these offsets, by partition; partitions beyond them with the first that is kept.
    Offsets(Vec<u64>),
}

/// Subscribes a queue to a topic.
#[derive(Clone, Debug)]
pub struct SubscribeTopic {
    /// The queue's name.
    pub queue: Bytes,
    /// The topic's name.
    pub topic: Bytes,
    /// Where to begin.
    pub start: TopicStart,
    /// How many partitions the topic has, as far as whoever asks can see.
    pub(crate) partitions: usize,
    /// Who asks.
    pub connection: ConnectionId,
}

/// A queue's subscription to a topic, as it is now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicSubscriptionDescription {
    /// The topic's name.
    pub topic: Bytes,
    /// By partition, the next record that it takes, and the offset after the last that there is.
    pub partitions: Vec<(u64, u64)>,
}

/// A subscription, as whoever forwards records needs to know it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FollowedTopic {
    pub(crate) id: TopicSubscriptionId,
    pub(crate) queue: Bytes,
    pub(crate) topic: Uuid,
    /// Changes whenever the topic grows.
    pub(crate) partitions: usize,
}

/// All of them.
pub(crate) type FollowedTopics = Arc<Vec<FollowedTopic>>;

/// Gives a queue the next records of a partition.
#[derive(Debug)]
pub struct Forward {
    pub(crate) subscription: TopicSubscriptionId,
    pub(crate) partition: u32,
    /// Where the subscription is. If it is elsewhere nothing happens.
    pub(crate) from: u64,
    /// Where it is afterwards.
    pub(crate) next: u64,
    pub(crate) messages: Vec<ForwardedMessage>,
    /// Told when the queue has room again that it does not have for all of the messages.
    pub(crate) room: oneshot::Sender<()>,
}

/// A record as a message of a queue.
#[derive(Debug)]
pub(crate) struct ForwardedMessage {
    /// The record's offset.
    pub(crate) offset: u64,
    /// The message: a batch of one record.
    pub(crate) batch: BytesMut,
    pub(crate) bodies: BodySizes,
    pub(crate) priority: u8,
    pub(crate) ttl_ms: Option<u64>,
    pub(crate) group: Option<u64>,
    pub(crate) key: Option<u64>,
}

/// What became of records that were forwarded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Forwarded {
    /// The next record that the subscription takes.
    pub(crate) position: u64,
    /// The queue takes no more for now.
    pub(crate) is_full: bool,
}

impl Forward {
    /// What it may store: what the queue refuses may be dead, and stands in the journal as such.
    pub(crate) fn stored_bytes(&self) -> usize {
        let messages = self.messages.iter();
        messages.map(|message| message.batch.len() + 192).sum()
    }
}

impl VirtualHost {
    /// Subscribes a queue to a topic. Returns whether it was not before; where a subscription that is there
    /// has come to is left alone.
    pub async fn subscribe_topic(
        &self,
        queue: Bytes,
        topic: Bytes,
        start: TopicStart,
        connection: ConnectionId,
    ) -> Answer<bool> {
        let found = std::str::from_utf8(&topic).ok();
        let found = found.and_then(|name| self.broker().topic(name));
        let subscribe = SubscribeTopic {
            queue,
            topic,
            start,
            // Said here, so that the command's cost is known before the shard takes it.
            partitions: found.map_or(0, |topic| topic.partitions.len()),
            connection,
        };
        let asked = self.host(HostCommand::SubscribeTopic(subscribe));
        asked.await.and_then(HostReply::changed)
    }

    /// Ends a queue's subscription to a topic. Returns whether there was one.
    pub async fn unsubscribe_topic(
        &self,
        queue: Bytes,
        topic: Bytes,
        connection: ConnectionId,
    ) -> Answer<bool> {
        let asked = self.host(HostCommand::UnsubscribeTopic {
            queue,
            topic,
            connection,
        });
        asked.await.and_then(HostReply::changed)
    }
}

impl HostReply {
    fn changed(self) -> Answer<bool> {
        match self {
            Self::Changed(changed) => Ok(changed),
            _ => Err(HostError::Stopped),
        }
    }
}
