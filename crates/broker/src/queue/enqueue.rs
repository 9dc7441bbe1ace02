//! Messages come in.

use super::Queue;
use super::credit::CreditPools;
use super::effect::Turn;
use super::event::QueueEvent;
use super::settings::{Order, Overflow};

/// Messages that the queue's log was given, one after the other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Arrival {
    /// The offset of the first.
    pub first: u64,
    /// How many.
    pub count: u64,
    /// The size of each.
    pub bytes_each: u32,
    /// What each brought with it.
    pub attributes: Attributes,
}

/// What messages bring with them beside their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes {
    /// Its priority, if the queue knows any.
    pub priority: u8,
    /// Its own time to live. The shorter of it and the queue's counts.
    pub ttl_ms: Option<u64>,
    /// When it is ready, in milliseconds since the Unix epoch.
    pub not_before_ms: Option<i64>,
    /// The group that it is of, if the queue looks at groups.
    pub group: Option<u64>,
    /// The group of what is of none, where groups are kept in order: the key that it had in a topic. Of keys there may be
    /// as many as messages, so groups that take turns are none of them.
    pub key: Option<u64>,
    /// Since when it ages, in milliseconds since the Unix epoch, if that is longer than it has been here. Nothing to a
    /// queue that does not [keep the age](super::QueueSettings::keeps_age) of messages.
    pub born_ms: Option<i64>,
    /// Under which id it is known. Of the first message, if there are several.
    pub deduplication: Option<u128>,
}

/// Whether a queue takes messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// It does.
    Accepted,
    /// It has taken a message of the same id within its window: the publisher is told that it was
    /// taken, and nothing is appended.
    Duplicate {
        /// The message that was taken.
        offset: u64,
    },
    /// It is full: the publisher is refused, and nothing is appended.
    Refused {
        /// Whether what it published is dead (of [`DeathReason::MaxLength`](super::DeathReason)).
        dead_letter: bool,
    },
}

impl Queue {
    /// Whether the queue takes `count` messages. To be asked before they are appended to its log, in the
    /// same turn.
    pub fn admit(
        &self,
        count: u64,
        bytes: u64,
        deduplication: Option<u128>,
        now_ms: i64,
        pools: &CreditPools,
    ) -> Admission {
        let settings = &self.messages.settings;
        if let (Some(id), Some(window_ms)) = (deduplication, settings.deduplication_ms)
            && let Some(offset) = self.messages.dedup.find(id, now_ms, window_ms)
        {
            return Admission::Duplicate { offset };
        }
        let counters = &self.messages.counters;
        let over = |limit: Option<u64>, now: u64, more: u64| {
            limit.is_some_and(|limit| now.saturating_add(more) > limit)
        };
        let is_full = over(settings.bounds.messages, counters.ready, count)
            || over(settings.bounds.bytes, counters.ready_bytes, bytes);
        let dead_letter = match settings.bounds.overflow {
            Overflow::DropHead => return Admission::Accepted,
            Overflow::RejectPublish => false,
            Overflow::RejectPublishDeadLetter => true,
        };
        // What is delivered at once does not wait in the queue.
        if !is_full || (counters.ready == 0 && self.consumers.any_room(pools)) {
            return Admission::Accepted;
        }
        Admission::Refused { dead_letter }
    }

    /// Messages were appended to the queue's log. Offsets count up from call to call; those in between
    /// are not of this queue.
    pub fn enqueue(&mut self, arrival: &Arrival, turn: &mut Turn<'_>) {
        let run = arrival.first..arrival.first + arrival.count;
        if run.is_empty() {
            return;
        }
        self.messages
            .arrive(run.clone(), arrival.bytes_each, turn.now_ms);
        let attributes = self.effective(&arrival.attributes, turn.now_ms);
        if attributes != Attributes::default() {
            self.messages.attribute(run, turn.now_ms, &attributes);
            turn.out.journal(QueueEvent::Attributed {
                offset: arrival.first,
                count: arrival.count,
                at_ms: turn.now_ms,
                attributes,
            });
        }
        self.distribute(turn);
    }

    /// What of a message's attributes means anything to this queue now.
    fn effective(&self, attributes: &Attributes, now_ms: i64) -> Attributes {
        let settings = &self.messages.settings;
        let not_before_ms = match attributes.not_before_ms {
            None if settings.delay_ms > 0 => {
                Some(now_ms.saturating_add_unsigned(settings.delay_ms))
            }
            not_before_ms => not_before_ms,
        };
        let group = match settings.order {
            Order::PerGroup => attributes.group.or(attributes.key),
            Order::FairGroups => attributes.group,
            Order::None | Order::Fifo => None,
        };
        let priority_max = match settings.order {
            Order::FairGroups if group.is_some() => 0,
            _ => settings.max_priority,
        };
        Attributes {
            priority: attributes.priority.min(priority_max),
            ttl_ms: attributes.ttl_ms,
            not_before_ms: not_before_ms.filter(|not_before_ms| *not_before_ms > now_ms),
            group,
            key: None,
            born_ms: attributes
                .born_ms
                .filter(|born_ms| settings.keeps_age && *born_ms < now_ms),
            deduplication: attributes
                .deduplication
                .filter(|_| settings.deduplication_ms.is_some()),
        }
    }
}
