//! Queues that come, change, are emptied and go.

use super::{AWAY, Certainty, HERE, Kind, QueueLedger, QueuesLedger, Rules, dead_of};

impl QueuesLedger {
    /// These queues there will be, some day.
    pub fn expect(&mut self, kinds: &[Kind], ttl_ms: u64) {
        for kind in kinds {
            self.queues.insert(*kind, QueueLedger::new(*kind, ttl_ms));
        }
    }

    /// Somebody declares a queue.
    pub fn declares(&mut self, kind: Kind) {
        if let Some(queue) = self.queues.get_mut(&kind)
            && queue.presence == Certainty::No
        {
            queue.presence = Certainty::Maybe;
        }
        self.reachable(kind);
    }

    /// It is there.
    pub fn declared(&mut self, kind: Kind) {
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.presence = Certainty::Yes;
        }
    }

    /// Somebody binds or unbinds a queue.
    pub fn rebinds(&mut self, kind: Kind) {
        self.tick();
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.bound = Certainty::Maybe;
            // What is on its way may miss it.
            queue.epoch += 1;
        }
        self.reachable(kind);
    }

    /// It is bound, or is not.
    pub fn rebound(&mut self, kind: Kind, bound: bool) {
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.bound = match bound {
                true => Certainty::Yes,
                false => Certainty::No,
            };
        }
    }

    /// Somebody deletes a queue. Returns when.
    pub fn deletes(&mut self, kind: Kind) -> u64 {
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.presence = Certainty::Maybe;
            queue.bound = Certainty::Maybe;
            queue.epoch += 1;
            queue.incarnation += 1;
            queue.order.clear();
            let here = queue.copies.values_mut().filter(|copy| copy.at & HERE != 0);
            here.for_each(|copy| copy.at |= AWAY);
        }
        self.tick()
    }

    /// It is gone.
    pub fn deleted(&mut self, kind: Kind, asked: u64) {
        let messages = &self.messages;
        let Some(queue) = self.queues.get_mut(&kind) else {
            return;
        };
        queue.presence = Certainty::No;
        queue.bound = Certainty::No;
        for (number, copy) in &mut queue.copies {
            let answered = messages.get(number).and_then(|message| message.answered);
            // What was on its way may be in the next queue of the name.
            if !self.pending.contains(number) && answered.is_none_or(|answered| answered < asked) {
                copy.at &= !HERE;
                copy.end = None;
                copy.offsets[0] = None;
            }
        }
    }

    /// Somebody purges a queue. Returns when.
    pub fn purges(&mut self, kind: Kind, now_ms: i64) -> u64 {
        self.age(now_ms);
        self.purging_grave |= kind == Kind::Grave;
        for (origin, queue) in &mut self.queues {
            let of_it = *origin == kind;
            if of_it {
                queue.epoch += 1;
            }
            let place = place_in(kind, *origin);
            let there = queue
                .copies
                .values_mut()
                .filter(|copy| copy.at & place != 0);
            there.for_each(|copy| copy.at |= AWAY);
        }
        let asked = self.tick();
        if kind == Kind::Grave {
            self.grave_purged = asked;
        }
        asked
    }

    /// It was purged.
    pub fn purged(&mut self, kind: Kind, asked: u64, now_ms: i64) {
        self.age(now_ms);
        if kind == Kind::Grave {
            self.purging_grave = false;
            self.grave_purged = self.tick();
        }
        self.answers(asked);
    }

    /// A queue that nobody used was purged, after everything in it was seen.
    pub fn purged_alone(&mut self, kind: Kind, asked: u64, now_ms: i64) {
        self.purged(kind, asked, now_ms);
        for (origin, queue) in &mut self.queues {
            let place = place_in(kind, *origin);
            for copy in queue.copies.values_mut() {
                // What may have died only now may be there still.
                if copy.at & place != 0 && (place == HERE || copy.at & HERE == 0) {
                    copy.at = copy.at & !place | AWAY;
                }
            }
        }
    }

    /// Somebody changes what a queue does by itself.
    pub fn rules(&mut self, kind: Kind, rules: Rules) {
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.rules.push(rules);
            let least_ms = [queue.ttl_least_ms, rules.ttl_ms];
            queue.ttl_least_ms = least_ms.into_iter().flatten().min();
            queue.overflow(dead_of(kind));
        }
    }

    /// It does so from now on.
    pub fn ruled(&mut self, kind: Kind, rules: Rules, now_ms: i64) {
        self.age(now_ms);
        if let Some(queue) = self.queues.get_mut(&kind) {
            queue.rules = vec![rules];
        }
    }
}

/// Where messages of `origin` are if they are in the queue `kind`.
fn place_in(kind: Kind, origin: Kind) -> u8 {
    match (origin == kind, kind == Kind::Grave) {
        (true, _) => HERE,
        (false, true) => dead_of(origin) & !AWAY,
        (false, false) => 0,
    }
}
