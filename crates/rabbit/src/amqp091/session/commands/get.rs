//! `basic.get`: one message without a consumer.

use forebay_broker::access::Action;
use forebay_broker::host::{GetMessage, Settlement};
use forebay_broker::queue::{HolderId, Outcome};

use super::Done;
use super::queue::clamped;
use crate::amqp091::content::write_message;
use crate::amqp091::method::basic::{Get, GetEmpty, GetOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::delivery::read_one;
use crate::amqp091::session::errors::Refusal;
use crate::amqp091::session::message;

impl Session<'_> {
    pub(super) async fn get(&mut self, number: u16, get: &Get) -> Done {
        let queue = self.queue_name(number, &get.queue)?;
        if self.waits_for_replies(&queue) {
            let name = self.named_queue(&queue);
            return Err(Refusal::not_implemented(format_args!(
                "basic.get not supported by volatile {name}"
            )));
        }
        self.access.queue(Action::Read, &queue)?;
        self.not_for_streams("basic.get", &queue)?;
        // One for each message: the queue may be another one of the same name next time.
        let holder = HolderId(self.shared.broker.next_id());
        let asked = GetMessage {
            queue: queue.clone(),
            holder,
            auto_ack: get.no_ack,
            connection: self.id,
        };
        let got = self.host.get_message(asked).await;
        let got = got.map_err(|error| self.named_queue(&queue).refusal(error))?;
        let Some(got) = got else {
            self.channel(number)?.entry.counts.got_nothing.add(1);
            self.answer(number, false, &GetEmpty::default());
            return Ok(());
        };
        let mut read = None;
        let is_there = read_one(
            self.shared,
            &got.log,
            got.delivery.offset,
            |record, source| {
                let body = source.slice_ref(record.value.unwrap_or_default());
                read = Some((message::stored(record, source, &queue), body));
            },
        );
        let (true, Some((mut stored, body))) = (is_there.await, read) else {
            // Its queue went in the meantime.
            self.answer(number, false, &GetEmpty::default());
            return Ok(());
        };
        if got.tells_counts {
            stored.count(got.delivery.mark);
        }
        let first = got.delivery.number.unwrap_or(0);
        let channel = self.channel(number)?;
        let counts = &channel.entry.counts;
        counts.redelivered.add(got.delivery.redelivered().into());
        let delivery_tag = if get.no_ack {
            counts.got_no_ack.add(1);
            let tag = channel.unacked.next_tag();
            self.auto_acks.add(Settlement {
                holder,
                numbers: first..first + 1,
                outcome: Outcome::Sent,
            });
            tag
        } else {
            counts.got.add(1);
            let tag = channel.unacked.add(holder, first);
            channel.count_unacked();
            tag
        };
        let answer = GetOk {
            delivery_tag,
            redelivered: got.delivery.redelivered(),
            exchange: stored.exchange,
            routing_key: stored.routing_key,
            message_count: clamped(got.ready),
        };
        let frame_max = self.agreed.frame_max;
        write_message(
            &mut self.output,
            number,
            frame_max,
            &answer,
            &stored.properties,
            &body,
        );
        self.shared.metrics.delivered.add(1);
        Ok(())
    }
}
