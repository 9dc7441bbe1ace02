//! What methods ask of the broker: one file a class, or a part of a large one.

mod basic;
mod channel;
mod confirm;
mod connection;
mod consume;
pub(crate) mod exchange;
mod get;
mod publish;
pub(crate) mod queue;
mod settle;
mod stream;
pub(crate) mod stream_topic;
pub(crate) mod subscription;
mod tx;

use super::Session;
use super::channel::Channel;
use super::errors::Refusal;
use crate::amqp091::frame::write_method;
use crate::amqp091::method::basic::Method as Basic;
use crate::amqp091::method::queue::Method as Queue;
use crate::amqp091::method::tx::Method as Tx;
use crate::amqp091::method::{Encode, Method, access};

/// What a method comes to.
pub(super) type Done = Result<(), Refusal>;

impl Session<'_> {
    /// Carries out a method for which the broker may have to be waited for.
    pub(super) async fn command(&mut self, channel: u16, method: Method) -> Done {
        // An answer tells the client that everything before it was done.
        if !asks_broker(&method) {
            let settled = self.settled().await;
            settled.map_err(|error| self.named_queue(b"").refusal(error))?;
        }
        match method {
            Method::Connection(method) => self.connection(method).await,
            Method::Channel(method) => self.channel_method(channel, method).await,
            Method::Access(access::Method::Request(_)) => {
                let answer = access::RequestOk { ticket: 1 };
                self.answer(channel, false, &answer);
                Ok(())
            }
            Method::Exchange(method) => self.exchange(channel, method).await,
            Method::Queue(method) => self.queue(channel, method).await,
            Method::Basic(method) => self.basic(channel, method).await,
            Method::Confirm(method) => self.confirm_method(channel, &method),
            Method::Tx(method) => self.tx(channel, &method).await,
            Method::Access(method) => Err(not_for_us(&method)),
        }
    }

    /// Answers a method, if it waits for an answer.
    fn answer(&mut self, channel: u16, nowait: bool, method: &impl Encode) {
        if !nowait {
            write_method(&mut self.output, channel, method);
        }
    }

    /// The channel that a method came by.
    fn channel(&mut self, number: u16) -> Result<&mut Channel, Refusal> {
        let channel = self.channels.get_mut(&number);
        channel.ok_or_else(|| Refusal::command_invalid("the channel is not open"))
    }
}

/// Whether the broker is always asked before a method is answered, and waits by itself. What a queue's name
/// stands for decides of the others: of streams and direct reply-to the session answers alone.
fn asks_broker(method: &Method) -> bool {
    matches!(
        method,
        Method::Exchange(_)
            | Method::Queue(Queue::Bind(_) | Queue::Unbind(_) | Queue::Purge(_) | Queue::Delete(_))
            | Method::Basic(Basic::Get(_))
            | Method::Tx(Tx::Commit(_))
    )
}

/// A method that only brokers say.
fn not_for_us(method: &impl Encode) -> Refusal {
    Refusal::command_invalid(format_args!("unimplemented method {}", method.id()))
}
