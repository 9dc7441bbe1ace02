//! What operators do to a queue.

use super::Queue;
use super::counters::Removal;
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

    /// Takes a message out that is moved to another queue, in one entry of the journal with its arrival
    /// there. Returns its priority; None if it is locked, delayed or gone, or waits for others of its
    /// group. Nothing else happens to the queue before it is [asked](Self::tick): what waited behind a
    /// message that is gone may be delivered then.
    pub fn take_out(&mut self, offset: u64, turn: &mut Turn<'_>) -> Option<u8> {
        let priority = self.messages.levels.priority_of(offset)?;
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

    /// Goes on under other settings, which hold for what the queue has, too. What is locked or
    /// delayed stays so for as long as it was going to.
    pub fn reconfigure(&mut self, settings: QueueSettings, turn: &mut Turn<'_>) {
        self.messages.reconfigure(settings.clone());
        turn.out.journal(QueueEvent::Reconfigured {
            settings: Box::new(settings),
        });
        self.elect(turn);
        self.expire_heads(turn.now_ms, turn);
        self.distribute(turn);
    }
}
