//! What a queue asks of its caller.

use super::counters::{DeathReason, Removal};
use super::credit::CreditPools;
use super::event::QueueEvent;
use super::ids::{HolderId, PoolId};
use super::messages::Mark;

/// What every change of a queue is given and where it puts what follows from it.
#[derive(Debug)]
pub struct Turn<'a> {
    /// The time in milliseconds since the Unix epoch, as far as it can be believed
    /// ([`Now::aging_ms`](forebay_storage::clock::Now)).
    pub now_ms: i64,
    /// The credit that consumers share, of all queues of the shard.
    pub pools: &'a mut CreditPools,
    /// Where effects and events are appended. The caller keeps it from turn to turn.
    pub out: &'a mut Effects,
}

/// What followed from changes, in order. To be [cleared](Self::clear) when it was dealt with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Effects {
    /// What is to be done.
    pub effects: Vec<Effect>,
    /// What is to be journaled. Already applied.
    pub events: Vec<QueueEvent>,
}

/// Something that is to be done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Messages in a row go to one holder.
    Deliver(Delivery),
    /// Messages died. The caller moves them to where the dead are wanted, and says so
    /// ([`Queue::buried`](super::Queue::buried)); until then they are said again by every start.
    DeadLettered {
        /// The first.
        offset: u64,
        /// How many, one after the other.
        count: u64,
        /// Why.
        reason: DeathReason,
        /// How often each came back.
        mark: Mark,
    },
    /// Messages died that nobody wants.
    Dropped {
        /// The first.
        offset: u64,
        /// How many, one after the other.
        count: u64,
        /// Why.
        reason: DeathReason,
    },
    /// A consumer lost its subscription, because the queue was deleted.
    Cancelled {
        /// Which.
        consumer: HolderId,
    },
    /// A consumer is the single active one from now on.
    Activated {
        /// Which.
        consumer: HolderId,
    },
    /// A pool that was exhausted has credit again: other queues whose consumers share it
    /// [want to know](super::Queue::pool_changed).
    PoolFreed {
        /// Which.
        pool: PoolId,
    },
    /// Nobody needs the queue any more: the caller deletes it.
    Gone {
        /// Why.
        reason: GoneReason,
    },
}

/// Why a queue is to be deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GoneReason {
    /// It was not used for as long as its settings say.
    Idle,
    /// The last of its consumers left.
    AutoDelete,
}

/// Messages in a row that go to one holder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// To whom.
    pub holder: HolderId,
    /// The first message; the others follow.
    pub offset: u64,
    /// How many.
    pub count: u64,
    /// The number of the first one's token; those of the others follow. None if the messages are
    /// settled by being delivered.
    pub number: Option<u64>,
    /// How often each came back before.
    pub mark: Mark,
}

impl Delivery {
    /// Whether the messages were delivered before.
    pub fn redelivered(&self) -> bool {
        self.mark.deliveries > 0
    }
}

impl Effects {
    /// Forgets what was dealt with, and keeps the memory.
    pub fn clear(&mut self) {
        self.effects.clear();
        self.events.clear();
    }

    pub(super) fn deliver(&mut self, next: Delivery) {
        if let Some(Effect::Deliver(last)) = self.effects.last_mut()
            && last.holder == next.holder
            && last.offset + last.count == next.offset
            && last.number.map(|number| number + last.count) == next.number
            && last.mark == next.mark
        {
            last.count += next.count;
            return;
        }
        self.effects.push(Effect::Deliver(next));
    }

    /// Says that ready or locked messages in a row died.
    pub(super) fn died(&mut self, first: u64, count: u64, removal: Removal, mark: Mark) {
        let effect = match removal {
            Removal::Dead(reason) => Effect::DeadLettered {
                offset: first,
                count,
                reason,
                mark,
            },
            Removal::Dropped(reason) => Effect::Dropped {
                offset: first,
                count,
                reason,
            },
            Removal::Acked | Removal::Purged | Removal::Moved => return,
        };
        self.effects.push(effect);
    }

    /// Appends an event, or lets the last one speak for it.
    pub(super) fn journal(&mut self, event: QueueEvent) {
        if !self
            .events
            .last_mut()
            .is_some_and(|last| last.extend(&event))
        {
            self.events.push(event);
        }
    }

    /// The same for a lock or a settlement where neither waits for the other (as they do within
    /// groups): deliveries and acknowledgements alternate, and their order does not matter where they
    /// are of different messages.
    pub(super) fn journal_unordered(&mut self, event: QueueEvent) {
        if let [.., before, last] = self.events.as_mut_slice()
            && last.is_apart_from(&event)
            && before.extend(&event)
        {
            return;
        }
        self.journal(event);
    }
}

impl QueueEvent {
    /// Takes in what `next` says, if it goes on where this event ends.
    fn extend(&mut self, next: &Self) -> bool {
        match (self, next) {
            (
                Self::Locked {
                    holder,
                    number,
                    offset,
                    count,
                    until_ms,
                    at_ms,
                },
                Self::Locked {
                    holder: to,
                    number: from,
                    offset: at,
                    count: more,
                    until_ms: until,
                    at_ms: when,
                },
            ) if holder == to
                && until_ms == until
                && at_ms == when
                && *number + *count == *from
                && *offset + *count == *at =>
            {
                *count += more;
                true
            }
            (
                Self::Settled {
                    holder,
                    number,
                    count,
                    removal,
                },
                Self::Settled {
                    holder: by,
                    number: from,
                    count: more,
                    removal: how,
                },
            ) if holder == by && removal == how && *number + *count == *from => {
                *count += more;
                true
            }
            (
                Self::Returned {
                    holder,
                    number,
                    count,
                    counted,
                    until_ms,
                },
                Self::Returned {
                    holder: by,
                    number: from,
                    count: more,
                    counted: counts,
                    until_ms: until,
                },
            ) if holder == by
                && counted == counts
                && until_ms == until
                && *number + *count == *from =>
            {
                *count += more;
                true
            }
            (
                Self::Removed {
                    offset,
                    count,
                    removal,
                },
                Self::Removed {
                    offset: from,
                    count: more,
                    removal: how,
                },
            ) if removal == how && *offset + *count == *from => {
                *count += more;
                true
            }
            (
                Self::Woken { offset, count },
                Self::Woken {
                    offset: from,
                    count: more,
                },
            )
            | (
                Self::Buried { offset, count },
                Self::Buried {
                    offset: from,
                    count: more,
                },
            ) if *offset + *count == *from => {
                *count += more;
                true
            }
            _ => false,
        }
    }

    /// Whether `next` might as well have come before: one is a lock, the other settles other locks.
    fn is_apart_from(&self, next: &Self) -> bool {
        match (self, next) {
            (
                Self::Locked {
                    holder,
                    number,
                    count,
                    ..
                },
                Self::Settled {
                    holder: by,
                    number: from,
                    count: more,
                    ..
                },
            )
            | (
                Self::Settled {
                    holder: by,
                    number: from,
                    count: more,
                    ..
                },
                Self::Locked {
                    holder,
                    number,
                    count,
                    ..
                },
            ) => holder != by || number + count <= *from || from + more <= *number,
            _ => false,
        }
    }
}
