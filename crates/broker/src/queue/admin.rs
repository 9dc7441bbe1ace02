//! What operators do to a queue.

use super::Queue;
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
