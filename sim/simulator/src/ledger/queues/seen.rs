//! Messages that somebody saw, and settles.

use forebay_broker::host::{Death, Deaths};
use forebay_broker::queue::{DeathReason, Outcome};

use super::{AWAY, Certainty, DEAD, Ending, HERE, QueuesLedger, dead_of};
use crate::queues::{Kind, PRIORITY_MAX};

/// A message as a consumer sees it.
#[derive(Clone, Debug)]
pub struct Sighting {
    /// Its number.
    pub number: u64,
    /// Where it lies in the log.
    pub offset: u64,
    /// How often it had come back.
    pub returns: u32,
    /// How it died.
    pub deaths: Deaths,
}

/// A copy of a message in one place.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Key {
    /// The queue that it came to.
    pub origin: Kind,
    /// The message.
    pub number: u64,
    /// It is in the grave.
    pub dead: bool,
}

impl Key {
    pub(super) fn place(self) -> u8 {
        if self.dead { DEAD } else { HERE }
    }
}

impl QueuesLedger {
    /// The life of the queue that whoever subscribes now will see.
    pub fn incarnation(&self, queue: Kind) -> u64 {
        self.queues.get(&queue).map_or(0, |queue| queue.incarnation)
    }

    /// Whether the queue is there for sure.
    pub fn exists(&self, queue: Kind) -> bool {
        let queue = self.queues.get(&queue);
        queue.is_some_and(|queue| queue.presence == Certainty::Yes)
    }

    /// Somebody was given a message of a queue.
    pub fn see(&mut self, queue: Kind, sighting: &Sighting, now_ms: i64) -> Key {
        self.age(now_ms);
        let tick = self.tick();
        let Sighting {
            number,
            offset,
            returns,
            ..
        } = *sighting;
        let key = sighting.key(queue);
        let name = queue.name();
        let Some(message) = self.messages.get(&number).copied() else {
            panic!("{name} has message {number}, and nobody sent it");
        };
        let answered = self.answered;
        let origin = self.queues.get_mut(&key.origin);
        let copy = origin.and_then(|origin| {
            let ttl_least_ms = origin.ttl_least_ms;
            let copy = origin.copies.get_mut(&number)?;
            Some((ttl_least_ms, copy))
        });
        let Some((ttl_least_ms, copy)) = copy else {
            panic!("{name} has message {number}, and nobody sent it there");
        };
        if let Some(end) = copy.end.take()
            && end.asked < answered
        {
            copy.at = copy.at & !end.from | end.to;
        }
        let place = key.place();
        assert!(
            copy.at & place != 0,
            "{name} has message {number} at {offset}, which is {}: {copy:?}, {message:?}",
            if copy.at == AWAY { "away" } else { "elsewhere" },
        );
        copy.at = place;
        let known = &mut copy.offsets[usize::from(key.dead)];
        let at = *known.get_or_insert(offset);
        assert_eq!(at, offset, "{name}: {sighting:?} is there twice");
        let mut before = copy.returns.iter().filter(|(_, of, _)| *of == place);
        assert!(
            before.all(|(_, _, before)| *before < returns),
            "{name}: message {number} comes back for the {returns}th time: {copy:?}"
        );
        copy.returns.push((tick, place, returns));
        if let [death] = &sighting.deaths.deaths[..] {
            let own_ms = message.ttl_ms;
            let ttl_ms = [own_ms, ttl_least_ms].into_iter().flatten().min();
            let dies_ms = ttl_ms.map(|ttl_ms| message.asked_ms + ttl_ms as i64);
            let known = match death.reason {
                DeathReason::Expired => dies_ms.is_some_and(|dies_ms| death.time_ms >= dies_ms),
                DeathReason::Rejected => copy.rejected,
                DeathReason::MaxLength => {
                    matches!(key.origin, Kind::DropsHead | Kind::Buries | Kind::Ruled)
                }
                DeathReason::DeliveryLimit => key.origin == Kind::Limited,
            };
            assert!(known, "message {number} died for no reason: {death:?}");
            check_death(number, death);
        }
        if let Some(origin) = self.queues.get_mut(&key.origin) {
            origin.overflow(dead_of(key.origin));
        }
        if !key.dead {
            self.place(queue, message.publisher, number, offset);
        }
        key
    }

    /// The messages of a publisher lie in their order.
    fn place(&mut self, kind: Kind, publisher: u32, number: u64, offset: u64) {
        let Some(queue) = self.queues.get_mut(&kind) else {
            return;
        };
        let order = queue.order.entry(publisher).or_default();
        order.insert(offset, number);
        let before = order.range(..offset).next_back();
        let after = order.range(offset + 1..).next();
        let in_order = before.is_none_or(|(_, before)| *before < number)
            && after.is_none_or(|(_, after)| *after > number);
        assert!(
            in_order,
            "{}: message {number} of publisher {publisher} is not in order: {before:?}, {after:?}",
            kind.name()
        );
    }

    /// The order in which messages of a queue are delivered that nobody holds.
    pub fn rank(&self, queue: Kind, sighting: &Sighting) -> (u8, u64) {
        let priority = match queue {
            Kind::Ranked => self.messages.get(&sighting.number),
            _ => None,
        };
        let priority = priority.map_or(0, |message| message.priority.min(PRIORITY_MAX));
        (PRIORITY_MAX - priority, sighting.offset)
    }

    /// Somebody settles messages that it was given. Returns when.
    pub fn settle(&mut self, keys: &[Key], outcome: Outcome) -> u64 {
        let tick = self.tick();
        for key in keys {
            let to = match outcome {
                Outcome::Ack => AWAY,
                Outcome::Reject if key.dead => AWAY,
                Outcome::Reject => dead_of(key.origin),
                _ => continue,
            };
            let origin = self.queues.get_mut(&key.origin);
            let Some(copy) = origin.and_then(|origin| origin.copies.get_mut(&key.number)) else {
                continue;
            };
            copy.rejected |= outcome == Outcome::Reject;
            copy.at |= to;
            copy.asked = tick;
            copy.end = Some(Ending {
                asked: tick,
                to,
                from: key.place(),
            });
        }
        tick
    }
}

impl QueuesLedger {
    /// Whether nobody has asked to settle a message of a queue since.
    pub fn is_untouched(&self, queue: Kind, number: u64, since: u64) -> bool {
        let queue = self.queues.get(&queue);
        let copy = queue.and_then(|queue| queue.copies.get(&number));
        copy.is_none_or(|copy| copy.asked < since)
    }

    /// Who asked to settle a message did not have it any more.
    pub fn stays(&mut self, key: Key) {
        let origin = self.queues.get_mut(&key.origin);
        if let Some(copy) = origin.and_then(|origin| origin.copies.get_mut(&key.number)) {
            copy.end = None;
        }
    }
}

impl Sighting {
    /// Of which copy.
    pub fn key(&self, queue: Kind) -> Key {
        let number = self.number;
        match self.deaths.deaths.last() {
            None => Key {
                origin: queue,
                number,
                dead: false,
            },
            Some(death) => {
                assert_eq!(self.deaths.deaths.len(), 1, "message {number} died once");
                assert_eq!(queue, Kind::Grave, "message {number} is among the living");
                let origin = Kind::named(&death.queue);
                Key {
                    origin: origin.expect("a queue of this simulation"),
                    number,
                    dead: true,
                }
            }
        }
    }
}

fn check_death(number: u64, death: &Death) {
    assert_eq!(death.count, 1, "message {number} died once: {death:?}");
}
