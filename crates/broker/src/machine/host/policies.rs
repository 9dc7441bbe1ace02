//! What policies change about exchanges and queues.

use super::{ExchangeId, Host};
use crate::access::Directory;
use crate::host::QueueId;
use crate::policy::{EffectiveQueue, alternate_of};

impl Host {
    /// Has everything work as policies say now.
    pub(in crate::machine) fn follow_policies(&mut self, directory: &Directory) {
        let mut queues: Vec<_> = self.queues.keys().copied().collect();
        queues.sort_unstable();
        for id in queues {
            self.follow_policy_of_queue(id, directory);
        }
        let exchanges: Vec<_> = self.exchanges.keys().copied().collect();
        for id in exchanges {
            self.follow_policy_of_exchange(id, directory);
        }
    }

    pub(super) fn follow_policy_of_queue(&mut self, id: QueueId, directory: &Directory) {
        let Some(state) = self.queues.get_mut(&id) else {
            return;
        };
        // What waits in an exchange is in no queue of anybody's.
        if state.definition.delayed_for().is_some() {
            return;
        }
        let effective = EffectiveQueue::of(&state.definition, state.virtual_host, directory);
        state.dead_letter = effective.dead_letter;
        if *state.queue.settings() != effective.settings {
            self.turn(id, |queue, turn| {
                queue.reconfigure(effective.settings, turn)
            });
        }
    }

    pub(super) fn follow_policy_of_exchange(&mut self, id: ExchangeId, directory: &Directory) {
        if let Some(exchange) = self.exchanges.get_mut(&id) {
            exchange.alternate =
                alternate_of(&exchange.definition, exchange.virtual_host, directory);
        }
    }
}
