//! Queues that are subscribed to topics: which, how far each has come, and what comes in.
//!
//! The messages of a [`Forward`] and the word of how far the subscription is then are in one entry of the
//! journal. A question that begins elsewhere than the subscription is changes nothing, so whoever forwards
//! may ask twice, or begin anew.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::{Durability, Engine, IdMap, LogId};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use super::encoding::{put_positions, take_positions};
use super::{Cx, Host};
use crate::event::{BrokerEvent, HostEvent, take_uuid};
use crate::host::{
    ConnectionId, FollowedTopic, FollowedTopics, Forward, Forwarded, ForwardedMessage, HostError,
    HostReply, PublishError, QueueId, SubscribeTopic, TopicStart, TopicSubscriptionDescription,
    TopicSubscriptionId, VirtualHostId,
};
use crate::limits::TOPIC_SUBSCRIPTIONS_MAX;
use crate::machine::command::HostResult;
use crate::queue::{Admission, Attributes};
use crate::topic::{Catalog, Topic};

/// All subscriptions of queues to topics.
#[derive(Default)]
pub(super) struct TopicSubscriptions {
    all: BTreeMap<(QueueId, Uuid), TopicSubscription>,
    ids: IdMap<TopicSubscriptionId, (QueueId, Uuid)>,
    next_id: u64,
    /// Who waits for room in a queue.
    rooms: IdMap<QueueId, Vec<oneshot::Sender<()>>>,
    /// Something is different from what is shown.
    changed: bool,
    /// Where whoever forwards looks them up.
    shown: watch::Sender<FollowedTopics>,
}

struct TopicSubscription {
    id: TopicSubscriptionId,
    /// By partition, the next record that it takes. Partitions beyond them begin at their first.
    positions: Vec<u64>,
}

impl TopicSubscription {
    fn position(&self, partition: usize) -> u64 {
        self.positions.get(partition).copied().unwrap_or(0)
    }

    fn advance(&mut self, partition: usize, next: u64) {
        if self.positions.len() <= partition {
            self.positions.resize(partition + 1, 0);
        }
        self.positions[partition] = next;
    }
}

impl TopicSubscriptions {
    fn put(&mut self, queue: QueueId, topic: Uuid, positions: Vec<u64>) {
        let id = TopicSubscriptionId(self.next_id);
        self.next_id += 1;
        self.ids.insert(id, (queue, topic));
        let new = TopicSubscription { id, positions };
        if let Some(old) = self.all.insert((queue, topic), new) {
            self.ids.remove(&old.id);
        }
        self.changed = true;
    }

    fn remove(&mut self, queue: QueueId, topic: Uuid) -> bool {
        let Some(gone) = self.all.remove(&(queue, topic)) else {
            return false;
        };
        self.ids.remove(&gone.id);
        // Whoever waits finds out by asking.
        self.rooms.remove(&queue);
        self.changed = true;
        true
    }

    /// A queue is gone.
    pub(super) fn queue_gone(&mut self, queue: QueueId) {
        let of_queue = self.all.range((queue, Uuid::nil())..=(queue, Uuid::max()));
        let topics: Vec<_> = of_queue.map(|((_, topic), _)| *topic).collect();
        for topic in topics {
            self.remove(queue, topic);
        }
    }

    /// A topic is gone.
    pub(super) fn topic_gone(&mut self, topic: Uuid) {
        let of_topic = self.all.keys().filter(|(_, of)| *of == topic);
        let queues: Vec<_> = of_topic.map(|(queue, _)| *queue).collect();
        for queue in queues {
            self.remove(queue, topic);
        }
    }
}

impl Host {
    /// What queues are subscribed to, and when that changes.
    pub(in crate::machine) fn watch_followed_topics(&self) -> watch::Receiver<FollowedTopics> {
        self.topic_subscriptions.shown.subscribe()
    }

    /// A topic has more partitions.
    pub(in crate::machine) fn topic_grew(&mut self, catalog: &Catalog) {
        self.topic_subscriptions.changed = true;
        self.show_followed_topics(catalog);
    }

    /// Tells whoever forwards what has changed.
    pub(in crate::machine) fn show_followed_topics(&mut self, catalog: &Catalog) {
        if !std::mem::take(&mut self.topic_subscriptions.changed) {
            return;
        }
        let all = self.topic_subscriptions.all.iter();
        let shown = all.filter_map(|((queue, topic), subscription)| {
            Some(FollowedTopic {
                id: subscription.id,
                queue: self.queues.get(queue)?.definition.name.clone(),
                topic: *topic,
                partitions: catalog.get_by_id(*topic)?.partitions.len(),
            })
        });
        let shown: FollowedTopics = Arc::new(shown.collect());
        self.topic_subscriptions.shown.send_replace(shown);
    }

    pub(super) fn subscribe_topic(
        &mut self,
        vhost: VirtualHostId,
        asked: &SubscribeTopic,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let found = self.queue_for(vhost, &asked.queue, asked.connection);
        let found = found.and_then(|queue| Ok((queue, topic_named(&asked.topic, cx.catalog)?)));
        let (queue, topic) = match found {
            Ok(found) => found,
            Err(error) => return (Durability::Memory, Err(error)),
        };
        self.turn(queue, |queue, turn| queue.touch(turn.now_ms));
        let subscriptions = &mut self.topic_subscriptions;
        if subscriptions.all.contains_key(&(queue, topic.id)) {
            return (Durability::Memory, Ok(HostReply::Changed(false)));
        }
        if subscriptions.all.len() >= TOPIC_SUBSCRIPTIONS_MAX {
            let error = HostError::TooMany("subscriptions to topics");
            return (Durability::Memory, Err(error));
        }
        let positions = asked.start.positions(&topic, cx.engine);
        subscriptions.put(queue, topic.id, positions.clone());
        let subscribed = HostEvent::TopicSubscribed {
            queue,
            topic: topic.id,
            positions,
        };
        let durability = cx.store(self.is_durable(queue), subscribed);
        (durability, Ok(HostReply::Changed(true)))
    }

    pub(super) fn unsubscribe_topic(
        &mut self,
        vhost: VirtualHostId,
        queue: &Bytes,
        topic: &Bytes,
        connection: ConnectionId,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let found = self.queue_for(vhost, queue, connection);
        let found = found.and_then(|queue| Ok((queue, topic_named(topic, cx.catalog)?)));
        let (queue, topic) = match found {
            Ok((queue, topic)) => (queue, topic.id),
            Err(error) => return (Durability::Memory, Err(error)),
        };
        if !self.topic_subscriptions.remove(queue, topic) {
            return (Durability::Memory, Ok(HostReply::Changed(false)));
        }
        let unsubscribed = HostEvent::TopicUnsubscribed { queue, topic };
        let durability = cx.store(self.is_durable(queue), unsubscribed);
        (durability, Ok(HostReply::Changed(true)))
    }

    fn is_durable(&self, queue: QueueId) -> bool {
        let state = self.queues.get(&queue);
        state.is_some_and(|state| state.definition.durable)
    }

    /// Takes records in, as many as the queue takes.
    pub(super) fn forward(&mut self, forward: Forward, cx: &mut Cx<'_>) -> HostResult {
        let Forward {
            subscription,
            partition,
            from,
            next,
            messages,
            room,
        } = forward;
        let gone = HostError::NoSubscription;
        let key = self.topic_subscriptions.ids.get(&subscription).copied();
        let key @ (queue, topic) = key.ok_or(gone)?;
        let index = usize::try_from(partition).unwrap_or(usize::MAX);
        let state = self.topic_subscriptions.all.get(&key);
        let position = state.map_or(0, |state| state.position(index));
        let at = |position, is_full| Ok(HostReply::Forwarded(Forwarded { position, is_full }));
        if position != from {
            return at(position, false);
        }
        let mut reached = from;
        let mut stopped = None;
        for message in messages {
            let after = message.offset + 1;
            stopped = self.take_forwarded(queue, message, cx);
            if stopped.is_some() {
                break;
            }
            reached = after;
        }
        if stopped.is_none() {
            reached = next;
        }
        if reached > from {
            if let Some(state) = self.topic_subscriptions.all.get_mut(&key) {
                state.advance(index, reached);
            }
            let forwarded = HostEvent::Forwarded {
                queue,
                topic,
                partition,
                next: reached,
            };
            cx.engine.note(&BrokerEvent::Host(forwarded).encode());
        }
        let is_full = stopped == Some(Stopped::QueueFull);
        if is_full {
            let rooms = &mut self.topic_subscriptions.rooms;
            rooms.entry(queue).or_default().push(room);
        }
        at(reached, is_full)
    }

    /// Gives a queue a record of a topic. Returns why it does not take it now.
    fn take_forwarded(
        &mut self,
        id: QueueId,
        message: ForwardedMessage,
        cx: &mut Cx<'_>,
    ) -> Option<Stopped> {
        let state = self.queues.get(&id)?;
        let (bytes, now_ms) = (message.bodies.total(), self.now.aging_ms);
        match state.queue.admit(1, bytes, None, now_ms, &self.pools) {
            Admission::Refused { dead_letter: false } => return Some(Stopped::QueueFull),
            Admission::Refused { dead_letter: true } => {
                let buried = self.bury_refused(id, &message.batch, cx);
                return (!buried).then_some(Stopped::NoRoom);
            }
            Admission::Accepted | Admission::Duplicate { .. } => {}
        }
        let attributes = Attributes {
            priority: message.priority,
            ttl_ms: message.ttl_ms,
            group: message.group,
            key: message.key,
            ..Attributes::default()
        };
        match self.take_in(id, message.batch, &message.bodies, attributes, cx) {
            Ok(_) => {}
            Err(PublishError::TooLarge { bytes, limit }) => {
                let offset = message.offset;
                tracing::error!(queue = %id, offset, bytes, limit, "a record is too large for a queue, and left out");
            }
            Err(error) => tracing::error!(queue = %id, %error, "a record was not taken"),
        }
        None
    }

    /// Tells those who wait for room in a queue that something has happened to.
    pub(super) fn tell_room(&mut self) {
        if self.topic_subscriptions.rooms.is_empty() {
            return;
        }
        for id in &self.touched {
            let admits = self.queues.get(id).is_none_or(|state| {
                let admitted = state
                    .queue
                    .admit(1, 0, None, self.now.aging_ms, &self.pools);
                admitted == Admission::Accepted
            });
            if admits && let Some(waiting) = self.topic_subscriptions.rooms.remove(id) {
                for room in waiting {
                    // Who does not wait any more needs no room.
                    let _ = room.send(());
                }
            }
        }
    }

    /// What operators are shown of a queue's subscriptions.
    pub(super) fn describe_topics(
        &self,
        queue: QueueId,
        catalog: &Catalog,
    ) -> Vec<TopicSubscriptionDescription> {
        let all = &self.topic_subscriptions.all;
        let of_queue = all.range((queue, Uuid::nil())..=(queue, Uuid::max()));
        let shown = of_queue.filter_map(|((_, topic), subscription)| {
            let topic = catalog.get_by_id(*topic)?;
            let partitions = topic.partitions.iter().enumerate();
            let partitions = partitions
                .map(|(index, log)| (subscription.position(index), log.end_offset()))
                .collect();
            Some(TopicSubscriptionDescription {
                topic: Bytes::copy_from_slice(topic.name.as_str().as_bytes()),
                partitions,
            })
        });
        shown.collect()
    }

    pub(in crate::machine) fn replay_subscribed(
        &mut self,
        queue: QueueId,
        topic: Uuid,
        positions: Vec<u64>,
    ) {
        if self.queues.contains_key(&queue) {
            self.topic_subscriptions.put(queue, topic, positions);
        }
    }

    pub(in crate::machine) fn replay_unsubscribed(&mut self, queue: QueueId, topic: Uuid) {
        self.topic_subscriptions.remove(queue, topic);
    }

    pub(in crate::machine) fn replay_forwarded(
        &mut self,
        queue: QueueId,
        topic: Uuid,
        partition: u32,
        next: u64,
    ) -> Result<(), String> {
        if let Some(state) = self.topic_subscriptions.all.get_mut(&(queue, topic)) {
            let index = usize::try_from(partition).unwrap_or(usize::MAX);
            if index >= crate::limits::TOPIC_PARTITIONS_MAX {
                return Err(format!(
                    "partition {partition} of topic {topic} is forwarded"
                ));
            }
            state.advance(index, next);
        }
        Ok(())
    }

    /// Holds what was replayed against the logs of topics.
    pub(in crate::machine) fn check_topic_subscriptions<'a>(
        &self,
        logs_of: impl Fn(Uuid) -> Option<&'a [LogId]>,
        engine: &Engine,
    ) -> Result<(), String> {
        for ((queue, topic), subscription) in &self.topic_subscriptions.all {
            let logs = logs_of(*topic);
            let logs = logs.ok_or_else(|| {
                format!("queue {queue} is subscribed to topic {topic}, which does not exist")
            })?;
            for (index, position) in subscription.positions.iter().enumerate() {
                let next = logs.get(index).and_then(|log| engine.next_offset(*log));
                if next.is_none_or(|next| *position > next) {
                    return Err(format!(
                        "queue {queue} knows of offset {position} in partition {index} of topic {topic}, \
                         which ends at {next:?}"
                    ));
                }
            }
        }
        Ok(())
    }

    pub(in crate::machine) fn snapshot_topic_subscriptions(&self, encoder: &mut Encoder) {
        let all = &self.topic_subscriptions.all;
        encoder.list(all, |encoder, ((queue, topic), subscription)| {
            encoder.u64(queue.0).bytes16(topic.as_bytes());
            put_positions(encoder, &subscription.positions);
        });
    }

    pub(in crate::machine) fn restore_topic_subscriptions(
        &mut self,
        decoder: &mut Decoder<'_>,
    ) -> Result<(), DecodeError> {
        decoder.each(|decoder| {
            let queue = LogId(decoder.number()?);
            let topic = take_uuid(decoder)?;
            self.replay_subscribed(queue, topic, take_positions(decoder)?);
            Ok(())
        })
    }
}

/// Why a record was not taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Stopped {
    /// The queue is full, and refuses what comes then.
    QueueFull,
    /// The journal has no room now for what is to become of it.
    NoRoom,
}

impl TopicStart {
    /// By partition, the first offset that is wanted: one that there is, or that is next.
    fn positions(&self, topic: &Topic, engine: &Engine) -> Vec<u64> {
        let partitions = topic.partitions.iter().enumerate();
        let positions = partitions.map(|(index, log)| {
            let start = log.start_offset();
            let next = engine.next_offset(log.id()).unwrap_or(start);
            match self {
                Self::Earliest => start,
                Self::Latest => next,
                Self::Offsets(offsets) => {
                    let wanted = offsets.get(index).copied().unwrap_or(start);
                    wanted.clamp(start, next.max(start))
                }
            }
        });
        positions.collect()
    }
}

fn topic_named(name: &Bytes, catalog: &Catalog) -> Result<Arc<Topic>, HostError> {
    let text = std::str::from_utf8(name).ok();
    let topic = text.and_then(|name| catalog.get(name));
    topic.ok_or_else(|| HostError::NoTopic(name.clone()))
}
