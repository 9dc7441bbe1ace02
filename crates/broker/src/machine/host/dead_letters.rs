//! What becomes of dead messages: published again to where their queue wants them, with a note of how
//! they died. The move and the word that it was made are in one entry of the journal: what died and was not
//! moved is moved after a restart.

use std::ops::Range;

use bytes::Bytes;
use forebay_record::Batches;
use forebay_storage::Read;

use super::carry::Carried;
use super::{Cx, Host, Target};
use crate::host::{Death, Envelope, QueueId, StoredMessage};
use crate::queue::{Attributes, DeathReason, Mark};

/// Bytes of batches that are read at once. What died lately is in memory.
const READ_BYTES: usize = 256 << 10;

impl Host {
    /// Moves dead messages, as far as the journal has room. Returns how many.
    pub(super) fn bury(
        &mut self,
        id: QueueId,
        first: u64,
        count: u64,
        (reason, mark): (DeathReason, Mark),
        cx: &mut Cx<'_>,
    ) -> u64 {
        // What came back too often, or was rejected, was delivered once more than it came back.
        let last = matches!(reason, DeathReason::DeliveryLimit | DeathReason::Rejected);
        let deliveries = mark.deliveries.saturating_add(last.into());
        let mut at = first;
        while at < first + count {
            let read = self.read_dead(id, at..first + count, cx);
            let Some((batches, next)) = read else {
                // What cannot be read cannot be moved; readers of the log learn why.
                tracing::error!(queue = %id, offset = at, "a dead message cannot be read and is lost");
                at += 1;
                continue;
            };
            for batch in batches {
                let wanted = at..first + count;
                let dead = StoredMessage::all_in(&batch, |offset| wanted.contains(&offset));
                for mut dead in dead {
                    let offset = dead.offset;
                    dead.was_delivered(deliveries);
                    if !self.bury_one(id, dead, reason, cx) {
                        return offset - first;
                    }
                    at = offset + 1;
                }
            }
            at = at.max(next.min(first + count));
        }
        count
    }

    /// Moves a message that the queue refused. Returns whether it is done; without room for that the message
    /// is only refused, as its publisher is told.
    pub(super) fn bury_refused(&mut self, id: QueueId, batch: &[u8], cx: &mut Cx<'_>) -> bool {
        let mut dead = StoredMessage::all_in(&Bytes::copy_from_slice(batch), |_| true).into_iter();
        dead.all(|dead| self.bury_one(id, dead, DeathReason::MaxLength, cx))
    }

    /// Batches from the one with the first of the offsets, and the offset after them.
    fn read_dead(
        &self,
        id: QueueId,
        offsets: Range<u64>,
        cx: &Cx<'_>,
    ) -> Option<(Vec<Bytes>, u64)> {
        let reader = self.queues.get(&id)?.reader.as_ref()?;
        if offsets.start >= reader.end_offset() {
            let batch = cx.engine.unpublished(id, offsets.start)?;
            return Some((vec![batch], offsets.start + 1));
        }
        // One message is in one batch, which is read however large it is.
        let bytes = if offsets.end - offsets.start == 1 {
            1
        } else {
            READ_BYTES
        };
        let read = reader.read(offsets.start, bytes, true).and_then(Read::run);
        let read = read.ok()?;
        let mut batches = Vec::new();
        for part in &read.parts {
            for batch in Batches::new(part) {
                batches.push(part.slice_ref(batch.ok()?.bytes()));
            }
        }
        (read.next > offsets.start).then_some((batches, read.next))
    }

    /// Returns whether it is done; not if the journal has no room for it now.
    fn bury_one(
        &mut self,
        id: QueueId,
        dead: StoredMessage,
        reason: DeathReason,
        cx: &mut Cx<'_>,
    ) -> bool {
        let Some(state) = self.queues.get(&id) else {
            return true;
        };
        if state.definition.delayed_for().is_some() {
            return self.release_delayed(id, dead, cx);
        }
        let Some(target) = state.dead_letter.clone() else {
            return true;
        };
        let (vhost, queue) = (state.virtual_host, state.definition.name.clone());
        let recalled = dead.recall(self.recall);
        let mut keys = vec![dead.routing_key.clone()];
        // A queue that gave it another key took those beside its own from it.
        let last = dead.deaths.last();
        if last.is_none_or(|last| last.routing_keys.first() == Some(&dead.routing_key)) {
            keys.extend(recalled.copies);
        }
        let mut deaths = dead.deaths.clone();
        deaths.note(Death {
            queue,
            reason,
            count: 1,
            time_ms: self.now.wall_ms,
            last_ms: self.now.wall_ms,
            exchange: dead.exchange.clone(),
            routing_keys: keys.clone(),
            original_expiration_ms: None,
        });
        let envelope = Envelope {
            exchange: target.exchange.clone(),
            routing_keys: target.routing_key.map_or(keys, |key| vec![key]),
            headers: Some(Box::new(recalled.headers)),
        };
        let mut queues = Vec::new();
        // Without the exchange nobody wants the dead any more.
        if self
            .route(vhost, &envelope, &mut queues, cx.catalog)
            .is_err()
        {
            return true;
        }
        let is_cycle = |of: &Target| {
            let Target::Queue(of) = of else { return false };
            let name = self.queues.get(of).map(|state| &state.definition.name);
            name.is_some_and(|name| deaths.is_cycle(name))
        };
        queues.retain(|of| !is_cycle(of));
        let mut dead = StoredMessage {
            exchange: target.exchange,
            routing_key: envelope.routing_keys.first().cloned().unwrap_or_default(),
            deaths,
            ..dead
        };
        dead.leaves(id);
        let attributes = Attributes {
            priority: recalled.priority,
            group: dead.group(),
            key: dead.key_group(),
            // The clock that stamped it may be ahead of the one of ages.
            born_ms: Some(dead.timestamp_ms.min(self.now.aging_ms)),
            ..Attributes::default()
        };
        self.send_on(id, &dead, envelope, attributes, queues, cx)
    }

    /// Gives a message that left a queue to others. Returns whether it is done; not if the journal has no
    /// room for it now.
    pub(super) fn send_on(
        &mut self,
        from: QueueId,
        message: &StoredMessage,
        envelope: Envelope,
        attributes: Attributes,
        targets: Vec<Target>,
        cx: &mut Cx<'_>,
    ) -> bool {
        match self.carry(message, envelope, attributes, &targets, true, cx) {
            Carried::Done => true,
            Carried::Impossible => {
                tracing::error!(queue = %from, "a message that left cannot be moved and is lost");
                true
            }
            Carried::NoRoom(_) => false,
        }
    }
}
