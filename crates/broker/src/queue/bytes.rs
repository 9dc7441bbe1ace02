//! How many bytes a queue holds, by where they stand.
//!
//! What is locked is what is held and neither ready nor delayed: so that a message that is delivered or comes back is not
//! weighed again, and one that is settled once, with those that were settled beside it.

use std::ops::Range;

use super::messages::Messages;

impl Messages {
    /// Knows only sums of the sizes of older messages, where there are too many. What is counted of them follows.
    pub(super) fn fold_sizes(&mut self) {
        while let Some(run) = self.sizes.foldable() {
            self.counters.held_bytes -= self.held_bytes_within(run.clone());
            self.counters.ready_bytes -= self.ready_bytes_within(run.clone());
            self.counters.delayed_bytes -= self.delayed_bytes_within(run.clone());
            self.sizes.fold(run.clone());
            self.counters.held_bytes += self.held_bytes_within(run.clone());
            self.counters.ready_bytes += self.ready_bytes_within(run.clone());
            self.counters.delayed_bytes += self.delayed_bytes_within(run);
        }
    }

    pub(super) fn held_bytes_within(&self, run: Range<u64>) -> u64 {
        let settled = self.frontier.settled_within(run.clone());
        let settled = settled.map(|run| self.sizes.bytes(run)).sum();
        // What was not written by a queue may say that more is settled than there was; the check that follows refuses it.
        self.sizes.bytes(run).saturating_sub(settled)
    }

    fn ready_bytes_within(&self, run: Range<u64>) -> u64 {
        let ready = self.deliverable_within(run.clone());
        let ready = ready.map(|(_, run)| run);
        self.bytes_of(ready.chain(self.groups.parked().runs_within(run)))
    }

    pub(super) fn delayed_bytes_within(&self, run: Range<u64>) -> u64 {
        let delayed = self.delayed.runs_within(run).into_iter();
        self.bytes_of(delayed.map(|(_, run)| run))
    }

    /// Saturates: what was not written by a queue may overlap.
    fn bytes_of(&self, runs: impl Iterator<Item = Range<u64>>) -> u64 {
        let sizes = runs.map(|run| self.sizes.bytes(run));
        sizes.fold(0, u64::saturating_add)
    }
}
