//! What publishers, consumers and administrators of queues were promised.
//!
//! A copy of a message is in one of three places: in the queue that it came to ([`HERE`]), in the grave
//! ([`DEAD`]), or nowhere ([`AWAY`]): never taken in, acknowledged, purged, or expired where nobody wants
//! the dead. The ledger knows of each copy where it may be. What is asked for adds places, what is
//! answered takes some away, and whoever sees a message says where it is. So a message that is nowhere
//! and may not be, or somewhere where it may not be, is a broken promise.

mod administration;
mod look;
mod seen;

use std::collections::{BTreeMap, BTreeSet};

use forebay_broker::host::{PublishError, Published};

use crate::queues::{Kind, Rules};

pub use look::Look;
pub use seen::{Key, Sighting};

/// In the queue that it came to.
const HERE: u8 = 1;
/// In the grave.
const DEAD: u8 = 2;
/// Nowhere.
const AWAY: u8 = 4;

/// Whether something is so.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Certainty {
    /// It is not.
    #[default]
    No,
    /// Something was asked for and not answered.
    Maybe,
    /// It is.
    Yes,
}

/// All queues.
#[derive(Debug, Default)]
pub struct QueuesLedger {
    queues: BTreeMap<Kind, QueueLedger>,
    messages: BTreeMap<u64, Message>,
    /// Messages whose publishers wait.
    pending: BTreeSet<u64>,
    /// Counts questions and answers.
    tick: u64,
    /// What was settled before this is answered for.
    answered: u64,
    /// What was stored before this survives.
    stored: u64,
    /// The grave is being purged: what dies now may be there or not.
    purging_grave: bool,
    /// When a purge of the grave was last asked for or answered.
    grave_purged: u64,
    /// What consumers left locked in this life.
    pub(crate) stragglers: Vec<forebay_broker::queue::HolderId>,
}

/// One queue.
#[derive(Debug)]
struct QueueLedger {
    rules: Vec<Rules>,
    /// The shortest that messages ever lived by rule.
    ttl_least_ms: Option<u64>,
    presence: Certainty,
    bound: Certainty,
    /// Counts deletions and purges that were asked for.
    epoch: u64,
    /// Counts deletions that were asked for.
    incarnation: u64,
    copies: BTreeMap<u64, Copy>,
    /// By publisher, the numbers at offsets of this incarnation.
    order: BTreeMap<u32, BTreeMap<u64, u64>>,
}

/// What was published.
#[derive(Clone, Copy, Debug)]
struct Message {
    publisher: u32,
    asked_ms: i64,
    ttl_ms: Option<u64>,
    priority: u8,
    /// When its publisher was answered.
    answered: Option<u64>,
}

/// A message on its way to, in or from a queue.
#[derive(Clone, Debug)]
struct Copy {
    /// Where it may be.
    at: u8,
    /// The queue's epoch when it was asked for, if it was sure to be routed there then.
    epoch: Option<u64>,
    /// Its offset in its queue and in the grave.
    offsets: [Option<u64>; 2],
    /// Somebody asked to settle it.
    end: Option<Ending>,
    /// When somebody last asked for that.
    asked: u64,
    rejected: bool,
    /// How often it had come back, by whoever saw it: when, where.
    returns: Vec<(u64, u8, u32)>,
}

/// A settlement.
#[derive(Clone, Copy, Debug)]
struct Ending {
    asked: u64,
    /// Where it puts the message, and where that was.
    to: u8,
    from: u8,
}

/// How a message is published.
#[derive(Clone, Copy, Debug)]
pub enum Route {
    /// To a queue.
    Queue(Kind),
    /// To all that are bound.
    Fan,
}

impl QueueLedger {
    fn new(kind: Kind, ttl_ms: u64) -> Self {
        let rules = kind.rules(ttl_ms);
        Self {
            ttl_least_ms: rules.ttl_ms,
            rules: vec![rules],
            presence: Certainty::No,
            bound: Certainty::No,
            epoch: 0,
            incarnation: 0,
            copies: BTreeMap::new(),
            order: BTreeMap::new(),
        }
    }

    fn ttl_ms(&self) -> Option<u64> {
        self.rules.iter().filter_map(|rules| rules.ttl_ms).min()
    }

    fn most(&self) -> Option<u64> {
        self.rules.iter().filter_map(|rules| rules.most).min()
    }

    /// Messages that may be here are too many: the first may be dead.
    fn overflow(&mut self, dead: u8) {
        let here = self.copies.values().filter(|copy| copy.at & HERE != 0);
        let count = here.count() as u64;
        if self.most().is_some_and(|most| count > most) {
            let here = self.copies.values_mut().filter(|copy| copy.at & HERE != 0);
            here.for_each(|copy| copy.at |= dead);
        }
    }
}

/// Where a queue's dead are.
fn dead_of(kind: Kind) -> u8 {
    if kind.has_grave() { DEAD } else { AWAY }
}

impl QueuesLedger {
    fn tick(&mut self) -> u64 {
        self.tick += 1;
        self.tick
    }

    /// A message is on its way.
    pub fn publish(
        &mut self,
        number: u64,
        publisher: u32,
        route: Route,
        (ttl_ms, priority): (Option<u64>, u8),
        now_ms: i64,
    ) {
        self.tick();
        let message = Message {
            publisher,
            asked_ms: now_ms,
            ttl_ms,
            priority,
            answered: None,
        };
        self.messages.insert(number, message);
        self.pending.insert(number);
        for (kind, queue) in &mut self.queues {
            let sure = match route {
                Route::Queue(to) if to != *kind => continue,
                Route::Queue(_) => queue.presence,
                Route::Fan if !kind.is_fanned() => continue,
                Route::Fan => queue.bound,
            };
            let refused = if *kind == Kind::Buries { DEAD } else { 0 };
            // What is not there may be by the time the message is.
            let copy = Copy {
                at: AWAY | HERE | refused,
                epoch: (sure == Certainty::Yes).then_some(queue.epoch),
                offsets: [None; 2],
                end: None,
                asked: 0,
                rejected: false,
                returns: Vec::new(),
            };
            let copy = match sure {
                Certainty::No => Copy { at: AWAY, ..copy },
                Certainty::Maybe | Certainty::Yes => copy,
            };
            queue.copies.insert(number, copy);
            queue.overflow(dead_of(*kind));
        }
    }

    /// A queue may be reached from now on by what is on its way.
    fn reachable(&mut self, kind: Kind) {
        let pending = &self.pending;
        if let Some(queue) = self.queues.get_mut(&kind) {
            let copies = queue.copies.iter_mut();
            copies
                .filter(|(number, _)| pending.contains(number))
                .for_each(|(_, copy)| copy.at |= HERE);
            queue.overflow(dead_of(kind));
        }
    }

    /// The publisher is answered. `asked` is when it asked.
    pub fn published(
        &mut self,
        number: u64,
        asked: u64,
        route: Route,
        outcome: &Result<Published, PublishError>,
        now_ms: i64,
    ) {
        let tick = self.tick();
        self.pending.remove(&number);
        if let Some(message) = self.messages.get_mut(&number) {
            message.answered = Some(tick);
        }
        let mut stored = false;
        for (kind, queue) in &mut self.queues {
            let Some(copy) = queue.copies.get_mut(&number) else {
                continue;
            };
            let sure = copy.epoch == Some(queue.epoch);
            match outcome {
                Ok(Published::Routed) if sure => {
                    stored |= kind.is_durable();
                    // Who has settled it, or purged the grave that it was in, knew before its publisher.
                    let was_purged = copy.at & DEAD != 0 && self.grave_purged > asked;
                    if copy.end.is_none() && !was_purged {
                        copy.at &= !AWAY;
                    }
                }
                Ok(Published::Routed) | Err(PublishError::StorageFull | PublishError::Stopped) => {}
                Ok(Published::Stored(_) | Published::Duplicate(_)) => {
                    unreachable!("nobody asked where message {number} is")
                }
                Ok(Published::Unroutable) | Err(PublishError::NoExchange(_)) => {
                    assert!(!sure, "message {number} did not reach {}", kind.name());
                    copy.at = AWAY;
                }
                Ok(Published::Refused) => {
                    assert!(
                        matches!(route, Route::Queue(Kind::Refuses | Kind::Buries)),
                        "{} refused message {number}",
                        kind.name()
                    );
                    copy.at &= !HERE;
                }
                Err(error) => panic!("message {number} to {route:?}: {error}"),
            }
        }
        if stored {
            self.stored = self.stored.max(asked);
            self.answered = self.answered.max(asked);
        }
        self.age(now_ms);
    }

    /// When something is asked.
    pub fn asks(&mut self) -> u64 {
        self.tick()
    }

    /// A question was answered: what was settled before it stays settled.
    pub fn answers(&mut self, asked: u64) {
        self.answered = self.answered.max(asked);
    }

    /// Time has passed: messages may have died of it.
    fn age(&mut self, now_ms: i64) {
        let purging_grave = self.purging_grave;
        for (kind, queue) in &mut self.queues {
            let ttl_ms = queue.ttl_ms();
            let dead = dead_of(*kind);
            for (number, copy) in &mut queue.copies {
                if purging_grave && copy.at & DEAD != 0 {
                    copy.at |= AWAY;
                }
                if copy.at & HERE == 0 {
                    continue;
                }
                let message = self.messages.get(number);
                let own_ms = message.and_then(|message| message.ttl_ms);
                let ttl_ms = [own_ms, ttl_ms].into_iter().flatten().min();
                let born_ms = message.map_or(0, |message| message.asked_ms);
                let expired = ttl_ms.is_some_and(|ttl_ms| now_ms >= born_ms + ttl_ms as i64);
                if expired || *kind == Kind::Limited {
                    copy.at |= dead;
                    if purging_grave {
                        copy.at |= AWAY;
                    }
                }
            }
        }
    }

    /// A life ended, and with it what nobody waited for.
    pub fn ended(&mut self, in_order: bool, now_ms: i64) {
        self.age(now_ms);
        self.purging_grave = false;
        let (answered, stored) = (self.answered, self.stored);
        self.stragglers.clear();
        self.pending.clear();
        for (kind, queue) in &mut self.queues {
            for copy in queue.copies.values_mut() {
                if let Some(end) = copy.end.take() {
                    copy.at = if in_order || end.asked < answered {
                        copy.at & !end.from | end.to
                    } else {
                        copy.at | end.to | end.from
                    };
                }
                if !in_order {
                    copy.returns.retain(|(seen, _, _)| *seen < stored);
                }
                if !kind.is_durable() {
                    copy.at = AWAY;
                }
            }
            if !kind.is_durable() {
                queue.presence = Certainty::No;
                queue.bound = Certainty::No;
                queue.epoch += 1;
                queue.incarnation += 1;
                queue.order.clear();
            }
        }
    }
}
