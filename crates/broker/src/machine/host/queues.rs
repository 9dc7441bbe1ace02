//! Queues come and go.

use std::time::Duration;

use bytes::Bytes;
use forebay_storage::Durability;

use super::exchanges::differing_argument;
use super::topics::{not_a_stream, status_of_topic};
use super::{Cx, Host, QueueState, Target};
use crate::access::LimitKind;
use crate::event::HostEvent;
use crate::host::{
    ConnectionId, Difference, HostError, HostReply, Notice, QueueDefinition, QueueId, QueueStatus,
    VirtualHostId,
};
use crate::limits::{QUEUE_TRIM_BYTES, QUEUES_MAX};
use crate::machine::command::{Answer, HostResult};
use crate::queue::{Effect, Effects, Queue, Turn};

impl Host {
    /// The queue of this name, if it is not another connection's.
    pub(super) fn queue_for(
        &self,
        vhost: VirtualHostId,
        name: &Bytes,
        connection: ConnectionId,
    ) -> Result<QueueId, HostError> {
        let id = self.names(vhost)?.queues.get(name).copied();
        let id = id.ok_or_else(|| HostError::NoQueue(name.clone()))?;
        let owner = self
            .queues
            .get(&id)
            .and_then(|state| state.definition.exclusive);
        if owner.is_some_and(|owner| owner != connection) {
            return Err(HostError::ExclusiveToOther(name.clone()));
        }
        Ok(id)
    }

    fn status(&self, id: QueueId) -> HostResult {
        let state = self.queues.get(&id).ok_or(HostError::Stopped)?;
        let counters = state.queue.counters();
        Ok(HostReply::Queue(QueueStatus {
            name: state.definition.name.clone(),
            ready: counters.ready,
            consumers: counters.consumers,
        }))
    }

    pub(super) fn check_queue(
        &mut self,
        vhost: VirtualHostId,
        name: &Bytes,
        connection: ConnectionId,
        cx: &Cx<'_>,
    ) -> HostResult {
        if let Some(topic) = cx.catalog.stream(vhost, name) {
            return Ok(HostReply::Queue(status_of_topic(&topic, cx.engine)));
        }
        let id = self.queue_for(vhost, name, connection)?;
        self.touch(id);
        self.status(id)
    }

    fn touch(&mut self, id: QueueId) {
        self.turn(id, |queue, turn| queue.touch(turn.now_ms));
    }

    pub(super) fn declare_queue(
        &mut self,
        vhost: VirtualHostId,
        definition: QueueDefinition,
        connection: ConnectionId,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        if cx.catalog.stream(vhost, &definition.name).is_some() {
            let error = HostError::Inequivalent(not_a_stream(&definition).into());
            return (Durability::Memory, Err(error));
        }
        match self.queue_for(vhost, &definition.name, connection) {
            Ok(id) => (Durability::Memory, self.declare_again(id, &definition)),
            Err(HostError::NoQueue(_)) => self.create_queue(vhost, definition, cx),
            Err(error) => (Durability::Memory, Err(error)),
        }
    }

    fn declare_again(&mut self, id: QueueId, definition: &QueueDefinition) -> HostResult {
        let known = self.queues.get(&id);
        let differs = known.and_then(|known| known.definition.differs_from(definition));
        if let Some(how) = differs {
            return Err(HostError::Inequivalent(how.into()));
        }
        self.touch(id);
        self.status(id)
    }

    fn create_queue(
        &mut self,
        vhost: VirtualHostId,
        definition: QueueDefinition,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        if self.queues.len() >= QUEUES_MAX {
            return (Durability::Memory, Err(HostError::TooMany("queues")));
        }
        if let Err(error) = self.check_queue_limit(vhost, cx) {
            return (Durability::Memory, Err(error));
        }
        let (id, durability) = self.make_queue(vhost, definition, cx);
        (durability, self.status(id))
    }

    /// Whether there may be one more queue. Streams do not count.
    fn check_queue_limit(&self, vhost: VirtualHostId, cx: &Cx<'_>) -> Result<(), HostError> {
        let entry = cx.directory.known_as(vhost);
        let limit = entry.and_then(|(_, entry)| entry.limits.most(LimitKind::Queues));
        let there = self.names(vhost)?.queues.len() as u64;
        match limit {
            Some(limit) if there >= limit => Err(HostError::QueueLimit(limit)),
            _ => Ok(()),
        }
    }

    /// Makes a queue. Returns what an answer that says so waits for, too.
    pub(super) fn make_queue(
        &mut self,
        vhost: VirtualHostId,
        definition: QueueDefinition,
        cx: &mut Cx<'_>,
    ) -> (QueueId, Durability) {
        let id = *cx.next_log;
        *cx.next_log = id.next();
        let durability = self.durability_of(&definition);
        cx.engine.create_log(id, durability, self.now);
        let stored = HostEvent::QueueDeclared {
            virtual_host: vhost,
            queue: id,
            definition: definition.clone(),
        };
        let answered = cx.store(definition.durable, stored);
        self.put_queue(vhost, id, definition);
        if let Some(state) = self.queues.get_mut(&id) {
            state.reader = cx.engine.reader(id);
        }
        self.turn(id, |queue, turn| queue.open(turn));
        self.follow_policy_of_queue(id, cx.directory);
        (id, answered)
    }

    fn durability_of(&self, definition: &QueueDefinition) -> Durability {
        if definition.durable {
            self.durability
        } else {
            Durability::Memory
        }
    }

    /// Takes a queue in, that is to be opened.
    pub(super) fn put_queue(
        &mut self,
        vhost: VirtualHostId,
        id: QueueId,
        definition: QueueDefinition,
    ) {
        // Its own number will do for what only has to be different from queue to queue.
        let queue = Queue::new(definition.settings.clone(), 0, id.0);
        self.put_queue_as(vhost, id, definition, queue);
    }

    pub(super) fn put_queue_as(
        &mut self,
        vhost: VirtualHostId,
        id: QueueId,
        definition: QueueDefinition,
        queue: Queue,
    ) {
        let durability = self.durability_of(&definition);
        if let Some(exchange) = definition.delayed_for() {
            self.put_delayed(vhost, &exchange.clone(), id);
        } else if let Some(names) = self.names.get_mut(&vhost) {
            names.queues.insert(definition.name.clone(), id);
        }
        if let Some(owner) = definition.exclusive {
            self.exclusive.entry(owner).or_default().push(id);
        }
        let state = QueueState {
            virtual_host: vhost,
            dead_letter: definition.dead_letter.clone(),
            definition,
            queue,
            reader: None,
            durability,
            out: Effects::default(),
            touched: false,
            deadline: None,
            trimmed: 0,
            trim_due: Duration::ZERO,
            trim_due_bytes: QUEUE_TRIM_BYTES,
        };
        self.queues.insert(id, state);
    }

    pub(super) fn delete_queue(
        &mut self,
        vhost: VirtualHostId,
        name: &Bytes,
        if_unused: bool,
        if_empty: bool,
        connection: ConnectionId,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let id = match self.queue_for(vhost, name, connection) {
            Ok(id) => id,
            Err(HostError::NoQueue(_)) => {
                return (Durability::Memory, Ok(HostReply::Messages(0)));
            }
            Err(error) => return (Durability::Memory, Err(error)),
        };
        let counters = self.queues.get(&id).map(|state| *state.queue.counters());
        let counters = counters.unwrap_or_default();
        if if_unused && counters.consumers > 0 {
            return (Durability::Memory, Err(HostError::InUse));
        }
        if if_empty && counters.ready > 0 {
            return (Durability::Memory, Err(HostError::NotEmpty));
        }
        let durability = self.drop_queue(id, cx);
        (durability, Ok(HostReply::Messages(counters.ready)))
    }

    /// Ends a queue. Returns what an answer that says so waits for.
    pub(super) fn drop_queue(&mut self, id: QueueId, cx: &mut Cx<'_>) -> Durability {
        self.forget_deadline(id);
        let Some(mut state) = self.remove_queue(id) else {
            return Durability::Memory;
        };
        let mut turn = Turn {
            now_ms: self.now.aging_ms,
            pools: &mut self.pools,
            out: &mut state.out,
        };
        state.queue.delete(&mut turn);
        for effect in state.out.effects {
            if let Effect::Cancelled { consumer } = effect
                && let Some(notices) = self.notices(consumer)
            {
                let answer = Answer::Notice(notices, Notice::Cancelled(consumer));
                cx.replies.at_once(answer);
            }
        }
        self.holders.retain(|_, holder| holder.queue != id);
        self.work.retain(|(of, _)| *of != id);
        cx.engine.delete_log(id);
        let durability = cx.store(
            state.definition.durable,
            HostEvent::QueueDeleted { queue: id },
        );
        self.delete_unbound(cx);
        durability
    }

    /// Removes a queue, and the bindings to it.
    pub(super) fn remove_queue(&mut self, id: QueueId) -> Option<QueueState> {
        let state = self.queues.remove(&id)?;
        if let Some(owner) = state.definition.exclusive
            && let Some(owned) = self.exclusive.get_mut(&owner)
        {
            owned.retain(|queue| *queue != id);
            if owned.is_empty() {
                self.exclusive.remove(&owner);
            }
        }
        if let Some(names) = self.names.get_mut(&state.virtual_host) {
            names.queues.remove(&state.definition.name);
        }
        self.waiters.remove(&id);
        self.topic_subscriptions.queue_gone(id);
        self.unbind_all(Target::Queue(id));
        for queues in self.pool_queues.values_mut() {
            queues.retain(|queue| *queue != id);
        }
        Some(state)
    }

    /// Gives a queue another definition.
    pub(super) fn alter_queue(
        &mut self,
        vhost: VirtualHostId,
        definition: QueueDefinition,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let id = match self.queue_for(vhost, &definition.name, ConnectionId::NOBODY) {
            Ok(id) => id,
            Err(error) => return (Durability::Memory, Err(error)),
        };
        let Some(state) = self.queues.get_mut(&id) else {
            return (Durability::Memory, Err(HostError::Stopped));
        };
        // Whether it survives, and whose it is, cannot change.
        let definition = QueueDefinition {
            durable: state.definition.durable,
            exclusive: state.definition.exclusive,
            ..definition
        };
        state.definition = definition.clone();
        let altered = HostEvent::QueueAltered {
            queue: id,
            definition,
        };
        let durability = cx.store(state.definition.durable, altered);
        self.follow_policy_of_queue(id, cx.directory);
        (durability, Ok(HostReply::Done))
    }

    pub(super) fn purge_queue(
        &mut self,
        vhost: VirtualHostId,
        name: &Bytes,
        everything: bool,
        connection: ConnectionId,
    ) -> (Durability, HostResult) {
        let lost = self.queue_for(vhost, name, connection).map(|id| {
            let durability = self.queues.get(&id).map(|state| state.durability);
            let lost = self.turn(id, |queue, turn| match everything {
                true => queue.purge_everything(turn),
                false => queue.purge(turn),
            });
            let lost = lost.unwrap_or_default().ready;
            (durability.unwrap_or(Durability::Memory), lost)
        });
        match lost {
            Ok((durability, lost)) => (durability, Ok(HostReply::Messages(lost))),
            Err(error) => (Durability::Memory, Err(error)),
        }
    }

    pub(super) fn disconnected(
        &mut self,
        connection: ConnectionId,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        for id in self.exclusive.remove(&connection).unwrap_or_default() {
            self.drop_queue(id, cx);
        }
        (Durability::Memory, Ok(HostReply::Done))
    }
}

impl QueueDefinition {
    /// In what another declaration of the same name differs, if it does.
    fn differs_from(&self, other: &Self) -> Option<Difference> {
        // First, because a queue that is exclusive is not kept as durable either.
        if self.exclusive.is_some() != other.exclusive.is_some() {
            return Some(Difference::Exclusive(other.exclusive.is_some()));
        }
        if self.durable != other.durable {
            return Some(Difference::Durable(other.durable));
        }
        if self.settings.auto_delete != other.settings.auto_delete {
            return Some(Difference::AutoDelete(other.settings.auto_delete));
        }
        differing_argument(&self.arguments, &other.arguments)
    }
}
