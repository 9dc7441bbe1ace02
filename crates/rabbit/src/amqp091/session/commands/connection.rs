//! Class connection, once it is open.

use super::{Done, not_for_us};
use crate::amqp091::method::connection::{CloseOk, Method, UpdateSecretOk};
use crate::amqp091::session::{Phase, Session};

impl Session<'_> {
    pub(super) async fn connection(&mut self, method: Method) -> Done {
        match method {
            Method::Close(_) => {
                self.hand_over();
                let numbers: Vec<_> = self.channels.keys().copied().collect();
                for number in numbers {
                    self.let_go(number).await;
                }
                // Who connects next finds no queue that was this one's own.
                let _ = self.shared.broker.disconnected(self.id).await;
                self.answer(0, false, &CloseOk {});
                self.phase = Phase::Over;
                Ok(())
            }
            // Passwords do not expire.
            Method::UpdateSecret(_) => {
                self.answer(0, false, &UpdateSecretOk {});
                Ok(())
            }
            method => Err(not_for_us(&method)),
        }
    }
}
