//! Messages come to queues: appended to their logs, once for all of them where that can be, and told to them.

use bytes::BytesMut;
use forebay_storage::{AppendError as EngineError, Durability};

use super::{Cx, Host, QueueState, Target};
use crate::host::{BodySizes, Position, Publication, PublishError, Published, QueueId, Queueing};
use crate::queue::{Admission, Arrival, Attributes};

/// What a message takes in the journal beside its bytes: the head of its record, and what the queue says
/// of it.
const MESSAGE_OVERHEAD_BYTES: usize = 192;
/// Queues that one record of the journal gives a message to. With more its bytes are stored again: whoever reads
/// one queue's messages reads past the names of the others.
pub(super) const PLACES_MAX: usize = 1024;

impl Host {
    /// What a message takes in the journal, at most. In a topic much of it may stand there twice.
    pub(super) fn stored_bytes(&self, target: Target, publication: &Publication) -> usize {
        let bytes = publication.batch.len();
        MESSAGE_OVERHEAD_BYTES
            + match target {
                Target::Queue(id) => bytes + self.waiting_bytes(id, publication),
                Target::Topic(_) | Target::Exchange(_) => 2 * bytes,
            }
    }

    /// The queues from `first` on, which the last of `others` follows and those before it, that can be given a
    /// message at once, so that its bytes are stored once; none if that is only one.
    pub(super) fn together(&self, first: Target, others: &[Target]) -> Vec<QueueId> {
        let shares = |target: Target| match target {
            Target::Queue(id) => self.shares(id).then_some(id),
            Target::Topic(_) | Target::Exchange(_) => None,
        };
        // Most messages go to one queue.
        let Some(second) = others.last() else {
            return Vec::new();
        };
        let (Some(first), Some(_)) = (shares(first), shares(*second)) else {
            return Vec::new();
        };
        let rest = others.iter().rev().map_while(|target| shares(*target));
        let all = std::iter::once(first).chain(rest);
        all.take(PLACES_MAX).collect()
    }

    /// Whether a queue takes whatever message it is given, as it is. One that may refuse is asked when it is its turn:
    /// consumers share credit, so its answer depends on what the queues before it were given.
    pub(super) fn shares(&self, id: QueueId) -> bool {
        self.queues.get(&id).is_some_and(|state| {
            state.definition.delayed_for().is_none() && !state.queue.settings().bounds.refuse()
        })
    }

    /// Gives a message to queues that can be given it at once. Returns when it is as durable as all of them; nobody is told
    /// where it is in several.
    pub(super) fn enqueue_together(
        &mut self,
        ids: &[QueueId],
        publication: &Publication,
        batch: BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Durability, PublishError> {
        let mut durability = Durability::Memory;
        let mut taking = Vec::with_capacity(ids.len());
        for id in ids {
            let Some(state) = self.queues.get(id) else {
                continue;
            };
            durability = durability.max(state.durability);
            match self.admission(state, publication) {
                Admission::Duplicate { .. } => {}
                // None of them refuses.
                Admission::Accepted | Admission::Refused { .. } => taking.push(*id),
            }
        }
        let attributes = self.attributes_of(publication);
        self.take_in_all(&taking, batch, &publication.bodies, attributes, cx)?;
        Ok(durability)
    }

    /// Gives a message to one queue. Returns when it is as durable as the queue, and where it is; None if the
    /// queue refuses it.
    pub(super) fn enqueue(
        &mut self,
        id: QueueId,
        publication: &Publication,
        batch: BytesMut,
        cx: &mut Cx<'_>,
    ) -> Result<Option<(Durability, Published)>, PublishError> {
        let Some(state) = self.queues.get(&id) else {
            // It was deleted while the message waited.
            return Ok(Some((Durability::Memory, Published::Unroutable)));
        };
        let durability = state.durability;
        if state.definition.delayed_for().is_some() {
            self.delay(id, publication, batch, cx)?;
            return Ok(Some((durability, Published::Routed)));
        }
        match self.admission(state, publication) {
            Admission::Accepted => {}
            Admission::Duplicate { offset } => {
                let position = Position { queue: id, offset };
                return Ok(Some((durability, Published::Duplicate(position))));
            }
            Admission::Refused { dead_letter } => {
                if dead_letter {
                    self.bury_refused(id, &batch, cx);
                }
                return Ok(None);
            }
        }
        let attributes = self.attributes_of(publication);
        let offset = self.take_in(id, batch, &publication.bodies, attributes, cx)?;
        let position = Position { queue: id, offset };
        Ok(Some((durability, Published::Stored(position))))
    }

    fn admission(&self, state: &QueueState, publication: &Publication) -> Admission {
        let (count, bytes) = (publication.count() as u64, publication.bodies.total());
        let id = publication.queueing.deduplication;
        let now_ms = self.now.aging_ms;
        state.queue.admit(count, bytes, id, now_ms, &self.pools)
    }

    fn attributes_of(&self, publication: &Publication) -> Attributes {
        let Queueing {
            group,
            deduplication,
            delay_ms,
        } = publication.queueing;
        let now_ms = self.now.aging_ms;
        Attributes {
            priority: publication.priority,
            ttl_ms: publication.ttl_ms,
            not_before_ms: delay_ms.map(|delay_ms| now_ms.saturating_add_unsigned(delay_ms)),
            group,
            key: None,
            born_ms: None,
            deduplication,
        }
    }

    /// Appends a message, or several, to a queue's log, and tells the queue. Returns the first one's offset.
    pub(super) fn take_in(
        &mut self,
        id: QueueId,
        batch: BytesMut,
        bodies: &BodySizes,
        attributes: Attributes,
        cx: &mut Cx<'_>,
    ) -> Result<u64, PublishError> {
        let appended = cx.engine.append(id, batch, self.now);
        let first = appended.map_err(refusal)?;
        self.arrived(id, first, bodies, attributes);
        Ok(first)
    }

    /// The same for several queues, which share the bytes.
    pub(super) fn take_in_all(
        &mut self,
        ids: &[QueueId],
        batch: BytesMut,
        bodies: &BodySizes,
        attributes: Attributes,
        cx: &mut Cx<'_>,
    ) -> Result<(), PublishError> {
        if ids.is_empty() {
            return Ok(());
        }
        let appended = cx.engine.append_to_many(ids, batch, self.now);
        let firsts = appended.map_err(refusal)?;
        for (id, first) in ids.iter().zip(firsts) {
            self.arrived(*id, first, bodies, attributes);
        }
        Ok(())
    }

    /// Tells a queue of messages that its log was given.
    fn arrived(&mut self, id: QueueId, first: u64, bodies: &BodySizes, attributes: Attributes) {
        let mut next = first;
        for (count, bytes_each) in bodies.runs() {
            let arrival = Arrival {
                first: next,
                count,
                bytes_each,
                attributes,
            };
            self.turn(id, |queue, turn| queue.enqueue(&arrival, turn));
            next += count;
        }
    }
}

/// What a message takes in the journal where queues share its bytes, at most.
pub(super) fn shared_bytes(queues: usize, publication: &Publication) -> usize {
    let records = queues.div_ceil(PLACES_MAX);
    records * publication.batch.len() + queues * MESSAGE_OVERHEAD_BYTES
}

pub(super) fn refusal(error: EngineError) -> PublishError {
    match error {
        EngineError::TooLarge { bytes, limit } => PublishError::TooLarge { bytes, limit },
        EngineError::UnknownLog(_) | EngineError::Malformed(_) => PublishError::Stopped,
    }
}
