//! `basic.publish`.

use super::Done;
use crate::amqp091::assembler::Content;
use crate::amqp091::method::basic::Publish;
use crate::amqp091::session::Session;
use crate::amqp091::session::channel::Mode;
use crate::amqp091::session::errors::Refusal;
use crate::amqp091::session::message;
use crate::amqp091::session::publishing::{Returned, Slot};
use crate::limits;

impl Session<'_> {
    pub(in crate::amqp091::session) fn publish(
        &mut self,
        number: u16,
        publish: Publish,
        content: Content,
    ) -> Done {
        if publish.immediate {
            return Err(Refusal::not_implemented("immediate=true"));
        }
        let now_ms = self.shared.broker.now().wall_ms;
        let publication = message::publication(&publish, &content, &self.agreed.user, now_ms)?;
        self.shared.metrics.published.add(1);
        let bytes = publication.batch.len();
        let channel = self.channel(number)?;
        channel.entry.counts.published.add(1);
        let mut slot = Slot {
            channel: number,
            incarnation: channel.incarnation,
            confirm: None,
            returned: publish.mandatory.then(|| {
                Box::new(Returned {
                    exchange: publish.exchange,
                    routing_key: publish.routing_key,
                    properties: content.properties,
                    body: content.body,
                })
            }),
            bytes,
        };
        match &mut channel.mode {
            Mode::Plain => {}
            Mode::Confirm { published } => {
                *published += 1;
                slot.confirm = Some(*published);
            }
            Mode::Transaction(transaction) => {
                if transaction.bytes + bytes > limits::TRANSACTION_BYTES_MAX {
                    return Err(Refusal::precondition("the transaction is too large"));
                }
                transaction.bytes += bytes;
                transaction.publications.push(publication);
                transaction.slots.push(slot);
                return Ok(());
            }
        }
        self.publishing.add(publication, slot);
        if self.publishing.is_batch() {
            self.publishing.hand_over(&self.host);
        }
        Ok(())
    }
}
