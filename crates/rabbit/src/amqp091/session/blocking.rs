//! Publishers wait while the disk is full, and are told so if they can be (RabbitMQ's `connection.blocked`).
//! Who does not publish is not held up: acknowledging makes room.

use super::{Phase, Session};
use crate::amqp091::ShortStr;
use crate::amqp091::frame::write_method;
use crate::amqp091::method::connection::{Blocked, Unblocked};

impl Session<'_> {
    /// Whether it is to wait for space before more of it is heard. Whoever ends the connection is heard.
    pub(super) fn is_blocked(&self) -> bool {
        self.blocked && matches!(self.phase, Phase::Open)
    }

    /// It has published something.
    pub(super) fn note_publish(&mut self) {
        if !self.is_full || self.blocked {
            return;
        }
        self.blocked = true;
        if self.agreed.blocked_notify {
            let reason = ShortStr::from_static("low on disk");
            write_method(&mut self.output, 0, &Blocked { reason });
        }
    }

    /// The disk is full, or is not any more.
    pub(super) fn space_changed(&mut self) {
        self.is_full = *self.full.borrow_and_update();
        if self.is_full || !std::mem::take(&mut self.blocked) {
            return;
        }
        if self.agreed.blocked_notify && matches!(self.phase, Phase::Open) {
            write_method(&mut self.output, 0, &Unblocked {});
        }
    }
}
