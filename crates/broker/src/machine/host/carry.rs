//! Messages that go from one queue to others, because they died or because an operator says so.

use bytes::{Bytes, BytesMut};
use forebay_storage::Room;

use super::publish::MESSAGE_OVERHEAD_BYTES;
use super::{Cx, Host, Target};
use crate::host::StoredMessage;
use crate::queue::{Admission, Attributes};

/// Whether a message has arrived in the queues and topics that it was carried to.
pub(super) enum Carried {
    /// In those that take such a message at all.
    Done,
    /// In none: the journal has no room now, for this reason.
    NoRoom(Room),
    /// In none, and it never will be: it is too large, or not what a topic takes.
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
        let bytes = u64::from(message.body_bytes());
        let now_ms = self.now.aging_ms;
        self.queues.get(&queue).is_some_and(|state| {
            state.queue.admit(1, bytes, None, now_ms, &self.pools) == Admission::Accepted
        })
    }

    /// Appends a message to what takes it (to topics by a key), if there is room for all of them at once: then it is in
    /// one entry of the journal with whatever else this command does.
    pub(super) fn carry(
        &mut self,
        message: &StoredMessage,
        targets: &[Target],
        key: Option<&Bytes>,
        attributes: Attributes,
        essential: bool,
        cx: &mut Cx<'_>,
    ) -> Carried {
        let Ok(batch) = message.batch() else {
            return Carried::Impossible;
        };
        let needed = targets.len() * (batch.len() + MESSAGE_OVERHEAD_BYTES);
        match cx.engine.room(needed, essential) {
            Room::Now => {}
            room => return Carried::NoRoom(room),
        }
        let mut arrived = targets.is_empty();
        for to in targets {
            let batch = BytesMut::from(&batch[..]);
            let appended = match to {
                Target::Queue(to) => self.take_in(*to, batch, message.body_bytes(), attributes, cx),
                Target::Topic(to) => self.append_to_topic(*to, key, batch, cx).map(drop),
                Target::Exchange(_) => continue,
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
}
