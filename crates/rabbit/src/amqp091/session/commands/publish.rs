//! `basic.publish`.

use super::Done;
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Content;
use crate::amqp091::method::basic::Publish;
use crate::amqp091::session::Session;
use crate::amqp091::session::channel::Mode;
use crate::amqp091::session::errors::Refusal;
use crate::amqp091::session::message::{Alike, Outgoing};
use crate::amqp091::session::publishing::{Returned, Slot};
use crate::amqp091::session::replies::{REPLY_TO, is_reply};
use crate::limits;

impl Session<'_> {
    pub(in crate::amqp091::session) fn publish(
        &mut self,
        number: u16,
        publish: Publish,
        mut content: Content,
    ) -> Done {
        if publish.immediate {
            return Err(Refusal::not_implemented("immediate=true"));
        }
        self.access
            .publish(&publish.exchange, &publish.routing_key)?;
        self.note_publish();
        self.name_reply_to(number, &mut content)?;
        let user = (!self.access.impersonates()).then_some(&self.access.user[..]);
        let outgoing = Outgoing::new(&publish, &content, user, self.now_ms)?;
        let is_later = matches!(self.channel(number)?.mode, Mode::Transaction(_));
        let joined = match is_later {
            true => None,
            false => self.publishing.alike(&outgoing),
        };
        let (bytes, begun) = match joined {
            Some(others) => (others.add(&outgoing)?, None),
            None => {
                // What could join it was read with it.
                let room = self.publishing.alike_bytes().min(self.input.len());
                let begun = Alike::begin(outgoing, if is_later { 0 } else { room })?;
                (begun.bytes(), Some(begun))
            }
        };
        self.shared.metrics.published.add(1);
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
                let publication = begun.map(Alike::publication);
                transaction.publications.extend(publication);
                transaction.slots.push(slot);
                return Ok(());
            }
        }
        match begun {
            None => self.publishing.count(slot),
            Some(begun) if !is_reply(begun.envelope()) => self.publishing.begin(begun, slot),
            Some(reply) => {
                let mut publication = reply.publication();
                if self.shared.replies.send(self.host.id(), &mut publication) {
                    slot.returned = None;
                }
                let goes_on = !publication.envelope.routing_keys.is_empty();
                if !goes_on && slot.confirm.is_none() && slot.returned.is_none() {
                    return Ok(());
                }
                self.publishing.add(publication, slot);
            }
        }
        if self.publishing.is_batch() {
            self.publishing.hand_over(&self.host);
        }
        Ok(())
    }

    /// Puts the name that answers to this channel go by in place of the pseudo-queue.
    fn name_reply_to(&mut self, number: u16, content: &mut Content) -> Done {
        let reply_to = content.properties.reply_to();
        if reply_to.is_none_or(|reply_to| *reply_to != *REPLY_TO) {
            return Ok(());
        }
        let replies = self.channel(number)?.replies.as_ref();
        let Some(replies) = replies else {
            return Err(Refusal::precondition("fast reply consumer does not exist"));
        };
        let mut list = content.properties.to_list();
        list.reply_to = ShortStr::try_from(replies.name.clone()).ok();
        content.properties = list.encode();
        Ok(())
    }
}
