//! Everything that is in all queues at a time, held against what ought to be.

use std::collections::BTreeSet;

use super::{AWAY, Certainty, Key, QueuesLedger};
use crate::queues::Kind;

/// What somebody found who looked into all queues while nobody used them.
#[derive(Debug, Default)]
pub struct Look {
    /// Every copy that was there.
    pub found: BTreeSet<Key>,
}

impl QueuesLedger {
    /// The queues there may be.
    pub fn queues(&self) -> Vec<Kind> {
        self.queues.keys().copied().collect()
    }

    /// A queue is there, or is not.
    pub fn found(&mut self, kind: Kind, is_there: bool) {
        let Some(queue) = self.queues.get_mut(&kind) else {
            return;
        };
        let name = kind.name();
        match queue.presence {
            Certainty::Yes => assert!(is_there, "queue {name} is lost"),
            Certainty::No => assert!(!is_there, "queue {name} came back"),
            Certainty::Maybe if is_there => {
                queue.presence = Certainty::Yes;
            }
            Certainty::Maybe => {
                queue.presence = Certainty::No;
                queue.bound = Certainty::No;
            }
        }
    }

    /// How many messages of a queue are bound to be ready at most.
    pub fn most(&self, kind: Kind) -> Option<u64> {
        let queue = self.queues.get(&kind)?;
        let mosts = queue.rules.iter().map(|rules| rules.most);
        mosts.collect::<Option<Vec<_>>>()?.into_iter().max()
    }

    /// The first message that ought to be somewhere and is not.
    pub fn missing(&mut self, look: &Look, now_ms: i64) -> Option<String> {
        self.age(now_ms);
        let answered = self.answered;
        for (origin, queue) in &mut self.queues {
            for (number, copy) in &mut queue.copies {
                if let Some(end) = copy.end
                    && end.asked < answered
                {
                    copy.at = copy.at & !end.from | end.to;
                }
                if copy.at & AWAY == 0 && !look.has(*origin, *number) {
                    let message = self.messages.get(number);
                    return Some(format!(
                        "message {number} of {} is lost: {copy:?}, {message:?}",
                        origin.name()
                    ));
                }
            }
        }
        None
    }

    /// The look is over: what was not found is nowhere.
    pub fn looked(&mut self, look: &Look) {
        for (origin, queue) in &mut self.queues {
            for (number, copy) in &mut queue.copies {
                if !look.has(*origin, *number) {
                    copy.at = AWAY;
                    copy.end = None;
                }
            }
        }
    }
}

impl Look {
    /// Notes a copy; each is found once.
    pub fn add(&mut self, key: Key) {
        let elsewhere = Key {
            dead: !key.dead,
            ..key
        };
        assert!(
            !self.found.contains(&elsewhere),
            "message {} of {} is in two places",
            key.number,
            key.origin.name()
        );
        let new = self.found.insert(key);
        assert!(
            new,
            "message {} of {} is there twice",
            key.number,
            key.origin.name()
        );
    }

    fn has(&self, origin: Kind, number: u64) -> bool {
        let dead = [false, true].into_iter();
        let mut keys = dead.map(|dead| Key {
            origin,
            number,
            dead,
        });
        keys.any(|key| self.found.contains(&key))
    }
}
