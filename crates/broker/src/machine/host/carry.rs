//! Messages that go from one queue to others, because they died, were due, or an operator says so.

use bytes::BytesMut;
use forebay_storage::Room;

use super::enqueue::{PLACES_MAX, shared_bytes};
use super::{Cx, Host, Target};
use crate::host::{
    BodySizes, Envelope, Publication, PublishError, QueueId, Queueing, StoredMessage, unchanged,
};
use crate::queue::{Admission, Attributes};

/// Whether a message has arrived where it was carried to.
pub(super) enum Carried {
    /// With everybody who takes such a message at all.
    Done,
    /// With nobody: the journal has no room now, for this reason.
    NoRoom(Room),
    /// With nobody, and it never will: it is too large, or not what a topic takes.
    Impossible,
}

impl Host {
    /// Whether there is a place for a message.
    pub(super) fn takes(&self, target: Target, message: &StoredMessage) -> bool {
        let queue = match target {
            Target::Queue(queue) => queue,
            Target::Topic(_) => return true,
            // Routing ends at those.
            Target::Exchange(_) => return false,
        };
        self.admits(queue, message.body.len() as u64)
    }

    /// Whether a queue takes a message that left another. Where it waits for its time there is always a place.
    fn admits(&self, id: QueueId, bytes: u64) -> bool {
        let now_ms = self.now.aging_ms;
        self.queues.get(&id).is_some_and(|state| {
            state.definition.delayed_for().is_some()
                || state.queue.admit(1, bytes, None, now_ms, &self.pools) == Admission::Accepted
        })
    }

    /// Appends a message to what takes it, if there is room for all of it at once: then it is in one entry
    /// of the journal with whatever else this command does.
    pub(super) fn carry(
        &mut self,
        message: &StoredMessage,
        envelope: Envelope,
        attributes: Attributes,
        targets: &[Target],
        essential: bool,
        cx: &mut Cx<'_>,
    ) -> Carried {
        let Ok(batch) = message.batch() else {
            return Carried::Impossible;
        };
        let publication = Publication {
            envelope,
            batch: BytesMut::from(&batch[..]),
            bodies: BodySizes::of(&message.body),
            priority: attributes.priority,
            ttl_ms: attributes.ttl_ms,
            for_topics: unchanged,
            queueing: Queueing::default(),
        };
        let (mut together, mut apart) = (Vec::new(), Vec::new());
        for to in targets {
            match *to {
                Target::Queue(id) if self.shares(id) => together.push(id),
                to => apart.push(to),
            }
        }
        let each = apart.iter().map(|to| self.stored_bytes(*to, &publication));
        let needed = shared_bytes(together.len(), &publication) + each.sum::<usize>();
        match cx.engine.room(needed, essential) {
            Room::Now => {}
            room => return Carried::NoRoom(room),
        }
        let mut arrived = targets.is_empty();
        for ids in together.chunks(PLACES_MAX) {
            let batch = BytesMut::from(&publication.batch[..]);
            match self.take_in_all(ids, batch, &publication.bodies, attributes, cx) {
                Ok(()) => arrived = true,
                Err(error) => tracing::error!(?ids, %error, "a message was not taken"),
            }
        }
        for to in apart {
            let appended = match to {
                Target::Queue(to) => self.take_over(to, &publication, attributes, cx),
                Target::Topic(topic) => {
                    let key = publication.envelope.topic_key();
                    let appended = self.append_to_topic(topic, key, publication.for_topic(), cx);
                    appended.map(drop)
                }
                // Routing ends at those.
                Target::Exchange(_) => Ok(()),
            };
            match appended {
                Ok(()) => arrived = true,
                Err(error) => tracing::error!(?to, %error, "a message was not taken"),
            }
        }
        match arrived {
            true => Carried::Done,
            false => Carried::Impossible,
        }
    }

    /// Takes in a message that left another queue, if the queue takes any.
    fn take_over(
        &mut self,
        id: QueueId,
        publication: &Publication,
        attributes: Attributes,
        cx: &mut Cx<'_>,
    ) -> Result<(), PublishError> {
        if !self.admits(id, publication.bodies.total()) {
            return Ok(());
        }
        let batch = BytesMut::from(&publication.batch[..]);
        let state = self.queues.get(&id);
        if state.is_some_and(|state| state.definition.delayed_for().is_some()) {
            return self.delay(id, publication, batch, cx);
        }
        self.take_in(id, batch, &publication.bodies, attributes, cx)
            .map(drop)
    }
}
