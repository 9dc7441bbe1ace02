//! Class channel, once it is open.

use super::{Done, not_for_us};
use crate::amqp091::ReplyCode;
use crate::amqp091::method::channel::{CloseOk, FlowOk, Method};
use crate::amqp091::session::Session;
use crate::amqp091::session::errors::Refusal;

impl Session<'_> {
    pub(super) async fn channel_method(&mut self, number: u16, method: Method) -> Done {
        match method {
            Method::Open(_) => Err(Refusal::new(
                ReplyCode::ChannelError,
                "second 'channel.open' seen",
            )),
            Method::Close(_) => {
                self.let_go(number).await;
                self.channels.remove(&number);
                self.registration.closed(number);
                self.shared.metrics.channels.fewer(1);
                self.answer(number, false, &CloseOk {});
                Ok(())
            }
            Method::Flow(flow) if flow.active => {
                self.answer(number, false, &FlowOk { active: true });
                Ok(())
            }
            Method::Flow(_) => Err(Refusal::not_implemented("active=false")),
            Method::FlowOk(_) | Method::CloseOk(_) => Ok(()),
            method @ Method::OpenOk(_) => Err(not_for_us(&method)),
        }
    }
}
