//! What publishers are told of their messages.

use forebay_broker::host::{PublishError, Published};

use super::Session;
use super::errors;
use super::publishing::{Outcome, Returned, Slot};
use crate::amqp091::content::write_message;
use crate::amqp091::frame::write_method;
use crate::amqp091::method::basic;
use crate::amqp091::{ReplyCode, ShortStr};

/// Messages of one channel that are confirmed together: all up to a tag.
struct Run {
    channel: u16,
    tag: u64,
    count: u64,
}

impl Session<'_> {
    /// Tells publishers what became of their messages: of these, and of all that is known by now.
    pub(super) fn published(&mut self, outcomes: Vec<(Slot, Outcome)>) {
        let mut runs = Vec::new();
        self.tell(outcomes, &mut runs);
        while let Some(outcomes) = self.publishing.ready() {
            self.tell(outcomes, &mut runs);
        }
        for run in runs {
            self.confirm(&run);
        }
    }

    fn tell(&mut self, outcomes: Vec<(Slot, Outcome)>, runs: &mut Vec<Run>) {
        for (slot, outcome) in outcomes {
            let channel = self.channels.get(&slot.channel);
            let is_there = channel
                .is_some_and(|channel| channel.incarnation == slot.incarnation && !channel.closing);
            if !is_there {
                continue;
            }
            match outcome {
                Ok(published) => {
                    if published == Published::Unroutable {
                        match (&slot.returned, channel) {
                            (Some(returned), _) => self.give_back(slot.channel, returned),
                            (None, Some(channel)) => channel.entry.counts.dropped.add(1),
                            (None, None) => {}
                        }
                    }
                    match slot.confirm {
                        Some(tag) if published == Published::Refused => {
                            self.deny(slot.channel, tag, runs);
                        }
                        Some(tag) => add(runs, slot.channel, tag),
                        None => {}
                    }
                }
                // It may go better later, and the publisher knows what to do.
                Err(PublishError::StorageFull) if slot.confirm.is_some() => {
                    self.deny(slot.channel, slot.confirm.unwrap_or(0), runs);
                }
                Err(error) => {
                    self.confirm_channel(slot.channel, runs);
                    self.refuse(
                        slot.channel,
                        basic::Publish::ID,
                        errors::publish(&self.access.vhost, &error),
                    );
                }
            }
        }
    }

    /// Returns a message that nobody wanted.
    pub(super) fn give_back(&mut self, channel: u16, returned: &Returned) {
        let method = basic::Return {
            reply_code: ReplyCode::NoRoute.into(),
            reply_text: ShortStr::from_static("NO_ROUTE"),
            exchange: returned.exchange.clone(),
            routing_key: returned.routing_key.clone(),
        };
        let (properties, body) = (&returned.properties, &returned.body);
        let frame_max = self.agreed.frame_max;
        write_message(
            &mut self.output,
            channel,
            frame_max,
            &method,
            properties,
            body,
        );
        self.shared.metrics.returned.add(1);
        if let Some(channel) = self.channels.get(&channel) {
            channel.entry.counts.returned.add(1);
        }
    }

    fn deny(&mut self, channel: u16, tag: u64, runs: &mut Vec<Run>) {
        // In order: what is confirmed with others is all that came before.
        self.confirm_channel(channel, runs);
        let nack = basic::Nack {
            delivery_tag: tag,
            multiple: false,
            requeue: false,
        };
        write_method(&mut self.output, channel, &nack);
    }

    fn confirm_channel(&mut self, channel: u16, runs: &mut Vec<Run>) {
        if let Some(at) = runs.iter().position(|run| run.channel == channel) {
            let run = runs.swap_remove(at);
            self.confirm(&run);
        }
    }

    fn confirm(&mut self, run: &Run) {
        let open = self.channels.get(&run.channel);
        let Some(channel) = open.filter(|channel| !channel.closing) else {
            return;
        };
        channel.entry.counts.confirmed.add(run.count);
        let ack = basic::Ack {
            delivery_tag: run.tag,
            multiple: run.count > 1,
        };
        write_method(&mut self.output, run.channel, &ack);
        self.shared.metrics.confirmed.add(run.count);
    }
}

fn add(runs: &mut Vec<Run>, channel: u16, tag: u64) {
    match runs.iter_mut().rfind(|run| run.channel == channel) {
        Some(run) => {
            run.tag = tag;
            run.count += 1;
        }
        None => runs.push(Run {
            channel,
            tag,
            count: 1,
        }),
    }
}
