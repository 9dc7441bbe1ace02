//! Messages that operators move to other queues. That a message arrived there and that it left its old
//! queue is in one entry of the journal.

use bytes::Bytes;
use forebay_storage::{Durability, Room};

use super::carry::Carried;
use super::{Cx, Host, Target};
use crate::host::{
    ConnectionId, Envelope, HostError, HostReply, QueueId, Redrive, RedriveTarget, Redriven,
    StoredMessage, VirtualHostId, header,
};
use crate::limits::REDRIVEN_MESSAGES_MAX;
use crate::machine::command::HostResult;
use crate::queue::{Attributes, Queue};

impl Host {
    pub(super) fn redrive(
        &mut self,
        vhost: VirtualHostId,
        redrive: Redrive,
        cx: &mut Cx<'_>,
    ) -> (Durability, HostResult) {
        let at_once = |error| (Durability::Memory, Err(error));
        let id = match self.queue_for(vhost, &redrive.queue, ConnectionId::NOBODY) {
            Ok(id) => id,
            Err(error) => return at_once(error),
        };
        if let Err(error) = self.check_target(vhost, &redrive.to) {
            return at_once(error);
        }
        let mut done = Redriven::default();
        let mut durability = self
            .queues
            .get(&id)
            .map_or(Durability::Memory, |state| state.durability);
        for (index, message) in redrive.messages.into_iter().enumerate() {
            if index == REDRIVEN_MESSAGES_MAX {
                done.stopped_at = Some(message.offset);
                break;
            }
            let offset = message.offset;
            let Some(priority) = self.priority_of_ready(id, offset) else {
                done.not_ready += 1;
                continue;
            };
            let way = self.on_its_way(vhost, message, &redrive.to, cx);
            let (mut message, envelope, mut targets) = way;
            message.leaves(id);
            // It would leave for the place that it is in.
            targets.retain(|to| *to != Target::Queue(id));
            if targets.is_empty() {
                done.unroutable += 1;
                continue;
            }
            if !targets.iter().all(|to| self.takes(*to, &message)) {
                done.refused += 1;
                continue;
            }
            let attributes = Attributes {
                priority: priority.max(message.recall(self.recall).priority),
                group: message.group(),
                key: message.key_group(),
                ..Attributes::default()
            };
            match self.carry(&message, envelope, attributes, &targets, false, cx) {
                Carried::Done => {}
                Carried::NoRoom(Room::Full) if cx.engine.is_full() && done.moved == 0 => {
                    return at_once(HostError::StorageFull);
                }
                Carried::NoRoom(Room::Full) if !cx.engine.is_full() => {
                    done.too_large += 1;
                    continue;
                }
                Carried::NoRoom(_) => {
                    done.stopped_at = Some(offset);
                    break;
                }
                Carried::Impossible => {
                    done.too_large += 1;
                    continue;
                }
            }
            self.turn(id, |queue, turn| queue.take_out(offset, turn));
            done.moved += 1;
            for to in targets {
                durability = durability.max(self.durability_in(to, cx));
            }
        }
        self.turn(id, Queue::tick);
        (durability, Ok(HostReply::Redriven(done)))
    }

    fn check_target(&self, vhost: VirtualHostId, to: &RedriveTarget) -> Result<(), HostError> {
        match to {
            RedriveTarget::Source => Ok(()),
            RedriveTarget::Queue(name) => {
                self.queue_for(vhost, name, ConnectionId::NOBODY).map(drop)
            }
            RedriveTarget::Exchange { exchange, .. } => self.exchange(vhost, exchange).map(drop),
        }
    }

    /// The priority of a message that is ready.
    fn priority_of_ready(&self, id: QueueId, offset: u64) -> Option<u8> {
        let queue = &self.queues.get(&id)?.queue;
        queue.priority_of_ready(offset)
    }

    /// When what was appended is as durable as is promised there.
    fn durability_in(&self, target: Target, cx: &Cx<'_>) -> Durability {
        let promised = match target {
            Target::Queue(id) => self.queues.get(&id).map(|state| state.durability),
            Target::Topic(id) => {
                let topic = cx.catalog.get_by_id(id);
                topic.map(|topic| topic.config.durability)
            }
            Target::Exchange(_) => None,
        };
        promised.unwrap_or(Durability::Memory)
    }

    /// A message as it leaves, what it is routed by, and where it goes.
    fn on_its_way(
        &mut self,
        vhost: VirtualHostId,
        mut message: StoredMessage,
        to: &RedriveTarget,
        cx: &Cx<'_>,
    ) -> (StoredMessage, Envelope, Vec<Target>) {
        let first = message.deaths.first();
        let published_with = first.map_or_else(
            || vec![message.routing_key.clone()],
            |death| death.routing_keys.clone(),
        );
        let (exchange, routing_keys) = match to {
            RedriveTarget::Source => {
                let exchange = first.map(|death| death.exchange.clone());
                (exchange.unwrap_or_default(), published_with)
            }
            RedriveTarget::Queue(name) => (Bytes::new(), vec![name.clone()]),
            RedriveTarget::Exchange {
                exchange,
                routing_key,
            } => {
                let keys = routing_key.clone().map_or(published_with, |key| vec![key]);
                (exchange.clone(), keys)
            }
        };
        let envelope = Envelope {
            exchange,
            routing_keys,
            headers: Some(Box::new(message.recall(self.recall).headers)),
        };
        let mut targets = Vec::new();
        let queue = match to {
            RedriveTarget::Source => first.map(|death| &death.queue),
            RedriveTarget::Queue(name) => Some(name),
            RedriveTarget::Exchange { .. } => {
                let routed = self.route(vhost, &envelope, &mut targets, cx.catalog);
                if routed.is_err() {
                    targets.clear();
                }
                None
            }
        };
        let queue = queue.and_then(|name| self.queue_for(vhost, name, ConnectionId::NOBODY).ok());
        targets.extend(queue.map(Target::Queue));
        message.exchange = envelope.exchange.clone();
        message.routing_key = envelope.routing_keys.first().cloned().unwrap_or_default();
        message.deaths.redrive();
        // It is as if it had been sent now, also if it dies again.
        message.timestamp_ms = self.now.wall_ms;
        message.take_header(header::DELIVERIES);
        (message, envelope, targets)
    }
}
