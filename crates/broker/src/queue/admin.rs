//! What operators do to a queue.

use super::Queue;
use super::counters::{DeathReason, Removal};
use super::effect::{Effect, Turn};
use super::event::QueueEvent;
use super::settings::QueueSettings;

/// What a queue lost.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Lost {
    /// Messages that were ready.
    pub ready: u64,
    /// Messages that were locked.
    pub locked: u64,
    /// Messages that were delayed.
    pub delayed: u64,
}

impl Queue {
    /// Drops what is ready.
    pub fn purge(&mut self, turn: &mut Turn<'_>) -> Lost {
        let ready = self.messages.counters.ready;
        if ready > 0 {
            let below = self.messages.next;
            self.messages.purge(below);
            turn.out.journal(QueueEvent::Purged { below });
        }
        Lost {
            ready,
            ..Lost::default()
        }
    }

    /// Drops everything, also what is locked or delayed, and forgets which messages were taken before.
    pub fn purge_everything(&mut self, turn: &mut Turn<'_>) -> Lost {
        let counters = &self.messages.counters;
        let lost = Lost {
            ready: counters.ready,
            locked: counters.locked,
            delayed: counters.delayed,
        };
        if lost == Lost::default() && self.messages.dedup.is_empty() {
            return lost;
        }
        let mut holders: Vec<_> = self.messages.tables.keys().copied().collect();
        holders.sort_unstable();
        for holder in holders {
            let table = self.messages.tables.get(&holder);
            let numbers = table.map(|table| table.numbers()).unwrap_or_default();
            let count = numbers.len() as u64;
            for number in numbers {
                self.finish(holder, number..number + 1, Removal::Purged, turn);
            }
            self.regain(holder, count, turn);
        }
        for run in self.messages.wake_within(0..self.messages.next) {
            let (offset, count) = (run.start, run.end - run.start);
            turn.out.journal(QueueEvent::Woken { offset, count });
        }
        self.purge(turn);
        self.messages.dedup.clear();
        turn.out.journal(QueueEvent::DeduplicationForgotten);
        lost
    }

    /// Takes a message out that is moved to another queue, in one entry of the journal with its arrival
    /// there. Returns its priority; None if it is locked, delayed or gone, or waits for others of its
    /// group. Nothing else happens to the queue before it is [asked](Self::tick): what waited behind a
    /// message that is gone may be delivered then.
    pub fn take_out(&mut self, offset: u64, turn: &mut Turn<'_>) -> Option<u8> {
        let priority = self.messages.priority_of(offset)?;
        let removal = Removal::Moved;
        turn.out.journal(QueueEvent::Removed {
            offset,
            count: 1,
            removal,
        });
        self.messages
            .remove_ready(priority, offset..offset + 1, removal);
        Some(priority)
    }

    /// Ends the queue: its consumers are cancelled, and what it held is lost. The caller journals that.
    pub fn delete(self, turn: &mut Turn<'_>) -> Lost {
        for consumer in self.consumers.subscribed_ids() {
            turn.out.effects.push(Effect::Cancelled { consumer });
        }
        let counters = &self.messages.counters;
        Lost {
            ready: counters.ready,
            locked: counters.locked,
            delayed: counters.delayed,
        }
    }

    /// Goes on under other settings, which hold for what the queue has, too. What is locked stays so for as
    /// long as it was going to, and so does what is delayed, unless the order is that of groups.
    pub fn reconfigure(&mut self, settings: QueueSettings, turn: &mut Turn<'_>) {
        self.messages.reconfigure(settings.clone());
        turn.out.journal(QueueEvent::Reconfigured {
            settings: Box::new(settings),
        });
        self.wake_due(turn);
        self.elect(turn);
        self.drop_failed(turn);
        self.expire_heads(turn.now_ms, turn);
        self.distribute(turn);
    }

    /// Drops what has failed too often already, and could be delivered again.
    fn drop_failed(&mut self, turn: &mut Turn<'_>) {
        let Some(limit) = self.messages.settings.delivery_limit else {
            return;
        };
        let marks = self.messages.marks.iter();
        let failed = marks.filter(|(_, mark)| mark.failures > limit);
        let mut failed: Vec<u64> = failed.map(|(offset, _)| *offset).collect();
        failed.sort_unstable();
        for offset in failed {
            // What is locked is looked at when it comes back.
            if let Some(priority) = self.messages.priority_of(offset) {
                let reason = DeathReason::DeliveryLimit;
                self.ready_died(priority, offset..offset + 1, reason, turn);
            }
        }
    }
}
