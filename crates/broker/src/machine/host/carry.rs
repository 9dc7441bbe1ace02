//! Messages that go from one queue to others, because they died or because an operator says so.

use bytes::BytesMut;
use forebay_storage::Room;

use super::publish::MESSAGE_OVERHEAD_BYTES;
use super::{Cx, Host};
use crate::host::{PublishError, QueueId, StoredMessage};
use crate::queue::{Admission, Attributes};

/// Whether a message has arrived in the queues that it was carried to.
pub(super) enum Carried {
    /// In all of them, unless one is gone.
    Done,
    /// In none: the journal has no room now, for this reason.
    NoRoom(Room),
    /// In none, and it never will be.
    TooLarge,
}

impl Host {
    /// Whether a queue has a place for a message.
    pub(super) fn takes(&self, queue: QueueId, message: &StoredMessage) -> bool {
        let bytes = u64::from(message.body_bytes());
        let now_ms = self.now.aging_ms;
        self.queues.get(&queue).is_some_and(|state| {
            state.queue.admit(1, bytes, None, now_ms, &self.pools) == Admission::Accepted
        })
    }

    /// Appends a message to queues that take it, if there is room for all of them at once: then it is in
    /// one entry of the journal with whatever else this command does.
    pub(super) fn carry(
        &mut self,
        message: &StoredMessage,
        queues: &[QueueId],
        attributes: Attributes,
        essential: bool,
        cx: &mut Cx<'_>,
    ) -> Carried {
        let Ok(batch) = message.batch() else {
            return Carried::TooLarge;
        };
        let needed = queues.len() * (batch.len() + MESSAGE_OVERHEAD_BYTES);
        match cx.engine.room(needed, essential) {
            Room::Now => {}
            room => return Carried::NoRoom(room),
        }
        let mut carried = Carried::Done;
        for to in queues {
            let batch = BytesMut::from(&batch[..]);
            match self.take_in(*to, batch, message.body_bytes(), attributes, cx) {
                Ok(()) => {}
                // The same bytes are too large for all of them.
                Err(PublishError::TooLarge { .. }) => carried = Carried::TooLarge,
                Err(error) => tracing::error!(queue = %to, %error, "a message is lost on its way"),
            }
        }
        carried
    }
}
