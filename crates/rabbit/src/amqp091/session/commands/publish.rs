//! `basic.publish`.

use bytes::Buf;

use super::Done;
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Content;
use crate::amqp091::method::basic::Publish;
use crate::amqp091::session::channel::Mode;
use crate::amqp091::session::errors::Refusal;
use crate::amqp091::session::message::{Alike, Outgoing};
use crate::amqp091::session::publishing::{Returned, Slot};
use crate::amqp091::session::replies::{REPLY_TO, is_reply};
use crate::amqp091::session::{Phase, Session};
use crate::amqp091::whole_publish::WholePublish;
use crate::limits;

impl Session<'_> {
    /// Handles the publishes which arrived whole and ask for nothing special, as far as these are next.
    pub(in crate::amqp091::session) fn publish_whole(&mut self) {
        let mut input = std::mem::take(&mut self.input);
        let mut at = 0;
        while self.may_handle()
            && matches!(self.phase, Phase::Open)
            && let Some(publish) = WholePublish::read(&self.frames, &input[at..])
            && let Some(channel) = self.channels.get(&publish.channel)
            && !channel.closing
            && channel.assembler.would_accept(publish.body.len())
        {
            at += publish.bytes;
            if let Err(refusal) = self.publish_plain(&publish, input.len() - at) {
                self.refuse(publish.channel, Publish::ID, refusal);
            }
        }
        input.advance(at);
        self.input = input;
    }

    fn publish_plain(&mut self, publish: &WholePublish<'_>, input_bytes: usize) -> Done {
        self.begin_publish(publish.exchange, publish.routing_key)?;
        let outgoing = Outgoing::plain(publish, self.now_ms);
        self.publish_as(publish.channel, outgoing, None, input_bytes)
    }

    pub(in crate::amqp091::session) fn publish(
        &mut self,
        number: u16,
        publish: Publish,
        mut content: Content,
    ) -> Done {
        if publish.immediate {
            return Err(Refusal::not_implemented("immediate=true"));
        }
        self.begin_publish(&publish.exchange, &publish.routing_key)?;
        self.name_reply_to(number, &mut content)?;
        let returned = publish.mandatory.then(|| {
            Box::new(Returned {
                exchange: publish.exchange.clone(),
                routing_key: publish.routing_key.clone(),
                properties: content.properties.clone(),
                body: content.body.clone(),
            })
        });
        let names_user = content.properties.user_id().is_some();
        let user = (names_user && !self.access.impersonates()).then_some(&self.access.user[..]);
        let outgoing = Outgoing::new(&publish, &content, user, self.now_ms)?;
        self.publish_as(number, outgoing, returned, self.input.len())
    }

    fn begin_publish(&mut self, exchange: &[u8], routing_key: &[u8]) -> Done {
        self.access.publish(exchange, routing_key)?;
        self.note_publish();
        Ok(())
    }

    /// Publishes a message, to be returned as `returned` if it goes nowhere. What could join it is in `input_bytes`
    /// that were read with it.
    fn publish_as(
        &mut self,
        number: u16,
        outgoing: Outgoing<'_>,
        returned: Option<Box<Returned>>,
        input_bytes: usize,
    ) -> Done {
        let is_later = matches!(self.channel(number)?.mode, Mode::Transaction(_));
        let joined = match is_later {
            true => None,
            false => self.publishing.alike(&outgoing),
        };
        let (bytes, begun) = match joined {
            Some(others) => (others.add(&outgoing)?, None),
            None => {
                let room = self.publishing.alike_bytes().min(input_bytes);
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
            returned,
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
