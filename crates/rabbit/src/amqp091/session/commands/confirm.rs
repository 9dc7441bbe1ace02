//! Class confirm.

use super::{Done, not_for_us};
use crate::amqp091::method::confirm::{Method, SelectOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::channel::Mode;
use crate::amqp091::session::errors::Refusal;
use crate::registry::ChannelMode;

impl Session<'_> {
    pub(super) fn confirm_method(&mut self, number: u16, method: &Method) -> Done {
        let Method::Select(select) = method else {
            return Err(not_for_us(method));
        };
        let channel = self.channel(number)?;
        match channel.mode {
            Mode::Plain => {
                channel.mode = Mode::Confirm { published: 0 };
                channel.entry.set_mode(ChannelMode::Confirm);
            }
            Mode::Confirm { .. } => {}
            Mode::Transaction(_) => {
                return Err(Refusal::precondition(
                    "cannot switch from tx to confirm mode",
                ));
            }
        }
        self.answer(number, select.nowait, &SelectOk {});
        Ok(())
    }
}
