//! Consumers come and go.

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{Notice, Settlement, Subscribe};
use forebay_broker::queue::{Credit, HolderId, Outcome, Subscription};

use super::Done;
use crate::amqp091::ShortStr;
use crate::amqp091::method::basic::{Cancel, CancelOk, Consume, ConsumeOk};
use crate::amqp091::session::Session;
use crate::amqp091::session::ahead::Ahead;
use crate::amqp091::session::channel::Channel;
use crate::amqp091::session::delivery::Consumer;
use crate::amqp091::session::errors::{Refusal, Subject};
use crate::amqp091::session::replies::{REPLY_NAME_PREFIX, REPLY_TO, ReplyConsumer};
use crate::amqp091::table::Table;
use crate::limits;
use crate::registry::ConsumerEntry;

/// What operators see of a consumer.
pub(super) fn shown(
    consume: &Consume,
    tag: &ShortStr,
    queue: &Bytes,
    prefetch: u16,
) -> ConsumerEntry {
    ConsumerEntry {
        tag: tag.as_bytes().clone(),
        queue: queue.clone(),
        no_ack: consume.no_ack,
        exclusive: consume.exclusive,
        prefetch,
        arguments: consume.arguments.detached(),
    }
}

impl Session<'_> {
    pub(super) async fn consume(&mut self, number: u16, consume: &Consume) -> Done {
        let queue = self.queue_name(number, &consume.queue)?;
        let tag = match consume.consumer_tag.is_empty() {
            true => ShortStr::try_from(self.made_up("amq.ctag-")).unwrap_or_default(),
            false => consume.consumer_tag.detached(),
        };
        if *queue == *REPLY_TO {
            return self.consume_replies(number, consume, tag);
        }
        if self.waits_for_replies(&queue) {
            return Err(Refusal::precondition(format_args!(
                "only creator channel may consume from {}",
                self.named_queue(&queue)
            )));
        }
        self.access.queue(Action::Read, &queue)?;
        self.channel(number)?.check_tag(&tag)?;
        if let Some(topic) = self.host.stream(&queue) {
            return self.consume_stream(number, consume, &topic, tag).await;
        }
        let priority = priority(self.named_queue(&queue), &consume.arguments)?;
        if self.consumers.len() >= limits::CONSUMERS_MAX {
            return Err(Refusal::precondition(
                "too many consumers on this connection",
            ));
        }
        let channel = self.channel(number)?;
        let prefetch = channel.prefetch;
        // The broker would settle deliveries by giving them to us; they are to be with the client first.
        let credit = match (consume.no_ack, channel.prefetch) {
            (true, _) => Credit::Window(limits::DELIVERIES_AHEAD),
            (false, 0) => Credit::Grant(limits::DELIVERIES_AHEAD),
            (false, prefetch) => Credit::Window(prefetch.into()),
        };
        let subscription = Subscription {
            credit,
            pool: (!consume.no_ack).then_some(channel.pool),
            no_ack: false,
            auto_ack: consume.no_ack,
            exclusive: consume.exclusive,
            priority,
        };
        let holder = HolderId(self.shared.broker.next_id());
        let subscribe = Subscribe {
            queue: queue.clone(),
            holder,
            subscription,
            notices: self.notices.clone(),
            connection: self.id,
        };
        let subscribed = self.host.subscribe(subscribe).await;
        let subscribed = subscribed.map_err(|error| self.named_queue(&queue).refusal(error))?;
        let shown = shown(consume, &tag, &queue, prefetch);
        let consumer = Consumer {
            channel: number,
            tag: tag.clone(),
            queue,
            log: subscribed.log,
            ahead: Ahead::default(),
            no_ack: consume.no_ack,
            tells_counts: subscribed.tells_counts,
            since_grant: matches!(credit, Credit::Grant(_)).then_some(0),
        };
        self.consumers.insert(holder, consumer);
        let channel = self.channel(number)?;
        channel.consumers.insert(tag.clone(), holder);
        channel.entry.subscribed(holder, shown);
        self.shared.metrics.consumers.more();
        self.answer(number, consume.nowait, &ConsumeOk { consumer_tag: tag });
        Ok(())
    }

    /// Has answers come to this channel.
    fn consume_replies(&mut self, number: u16, consume: &Consume, tag: ShortStr) -> Done {
        let channel = self.channel(number)?;
        channel.check_tag(&tag)?;
        if !consume.no_ack {
            return Err(Refusal::precondition("reply consumer cannot acknowledge"));
        }
        if channel.replies.is_some() {
            return Err(Refusal::precondition("reply consumer already set"));
        }
        let name = self.made_up(REPLY_NAME_PREFIX);
        let consumer = self.wait_for_replies(number, tag.clone(), name);
        self.channel(number)?.replies = Some(consumer);
        self.answer(number, consume.nowait, &ConsumeOk { consumer_tag: tag });
        Ok(())
    }

    pub(super) async fn cancel(&mut self, number: u16, cancel: &Cancel) -> Done {
        let channel = self.channel(number)?;
        let is_it = |replies: &mut ReplyConsumer| replies.tag == cancel.consumer_tag;
        if channel.replies.take_if(is_it).is_some() {
            // Its name is gone with it.
        } else if self.cancel_stream(number, &cancel.consumer_tag)? {
            // What it was given and has not acknowledged is in the stream still.
        } else if let Some(holder) = self.channel(number)?.consumers.remove(&cancel.consumer_tag) {
            self.channel(number)?.entry.unsubscribed(holder);
            self.consumers.remove(&holder);
            self.shared.metrics.consumers.fewer(1);
            let cancelled = self.shared.broker.cancel(holder).await;
            cancelled.map_err(|error| self.named_queue(b"").refusal(error))?;
            self.decline_unwritten(holder);
            self.hand_over();
            let channel = self.channel(number)?;
            if channel.unacked.holds(holder) {
                channel.former.push(holder);
            } else {
                drop(self.shared.broker.release(vec![holder], Vec::new()));
            }
        }
        let answer = CancelOk {
            consumer_tag: cancel.consumer_tag.clone(),
        };
        self.answer(number, cancel.nowait, &answer);
        Ok(())
    }

    /// Gives back what a cancelled consumer was given and the client has not been sent: it expects nothing
    /// more.
    fn decline_unwritten(&mut self, holder: HolderId) {
        while let Ok(notice) = self.incoming.try_recv() {
            self.backlog.push_back(notice);
        }
        let mut declined = Vec::new();
        self.backlog.retain(|notice| match notice {
            Notice::Delivered(delivered) if delivered.holder == holder => {
                declined.extend(
                    delivered
                        .number
                        .map(|number| number..number + delivered.count),
                );
                false
            }
            _ => true,
        });
        for numbers in declined {
            self.settle(Settlement {
                holder,
                numbers,
                outcome: Outcome::Nack { delay_ms: None },
            });
        }
    }
}

impl Channel {
    fn check_tag(&self, tag: &ShortStr) -> Done {
        let is_taken = |replies: &ReplyConsumer| replies.tag == *tag;
        let is_used = self.consumers.contains_key(tag) || self.streams.contains_key(tag);
        if is_used || self.replies.as_ref().is_some_and(is_taken) {
            return Err(Refusal::not_allowed(format_args!(
                "attempt to reuse consumer tag '{tag}'"
            )));
        }
        Ok(())
    }
}

fn priority(queue: Subject<'_>, arguments: &Table) -> Result<i32, Refusal> {
    let Some(value) = arguments.get("x-priority") else {
        return Ok(0);
    };
    let priority = value.as_i64().ok_or_else(|| {
        Refusal::precondition(format_args!(
            "invalid arg 'x-priority' for {queue}: \"expected integer, got {}\"",
            value.type_name()
        ))
    })?;
    Ok(i32::try_from(priority).unwrap_or(if priority < 0 { i32::MIN } else { i32::MAX }))
}
