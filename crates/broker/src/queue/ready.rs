//! What of a queue's messages is ready, and which of it is next: of those in no group by their priorities and offsets, of
//! those in groups by the order or the turns of these.

use std::cmp::Reverse;
use std::ops::Range;

use super::fair::FairGroups;
use super::messages::Messages;

impl Messages {
    /// Whether no message is in a group.
    pub(super) fn is_ungrouped(&self) -> bool {
        self.groups.is_empty() && self.fair.is_empty()
    }

    /// How many of the next `length_max` messages may leave in one go: what becomes of one has a say in which of
    /// its group, or of another one, is the next.
    pub(super) fn stride(&self, length_max: u64) -> u64 {
        match self.is_ungrouped() {
            true => length_max,
            false => length_max.min(1),
        }
    }

    /// Whether there is nothing to deliver.
    pub(super) fn is_drained(&self) -> bool {
        self.levels.is_empty() && self.fair.ready().is_empty()
    }

    /// The next messages to deliver, of one priority and at most so many.
    pub(super) fn first_run(&self, length_max: u64) -> Option<(u8, Range<u64>)> {
        let run = self.levels.first_run(length_max);
        let Some((in_flight, first)) = self.fair.next() else {
            return run;
        };
        // What is in no group is a group by itself.
        let is_its_turn = |(priority, run): &(u8, Range<u64>)| {
            (0, Reverse(*priority), run.start) < (in_flight, Reverse(0), first)
        };
        run.filter(is_its_turn).or(Some((0, first..first + 1)))
    }

    /// Of which priority a message is that could be delivered; None if it could not.
    pub(super) fn priority_of(&self, offset: u64) -> Option<u8> {
        let in_group = self.fair.ready().contains(offset).then_some(0);
        in_group.or_else(|| self.levels.priority_of(offset))
    }

    /// What could be delivered in `within`, of one priority each.
    pub(super) fn deliverable_within(
        &self,
        within: Range<u64>,
    ) -> impl Iterator<Item = (u8, Range<u64>)> {
        let in_groups = self.fair.ready().runs_within(within.clone());
        let in_groups = in_groups.map(|run| (0, run));
        self.levels.runs_within(within).chain(in_groups)
    }

    /// What is ready in `within`, of one priority each: also what waits for others of its group.
    pub(super) fn ready_within(&self, within: Range<u64>) -> Vec<(u8, Range<u64>)> {
        let mut runs: Vec<_> = self.deliverable_within(within.clone()).collect();
        for offset in self.groups.parked().runs_within(within).flatten() {
            let priority = self.groups.priority_of_parked(offset);
            runs.extend(priority.map(|priority| (priority, offset..offset + 1)));
        }
        runs
    }

    pub(super) fn enter_ready(&mut self, run: Range<u64>, priority: u8) {
        self.count_ready(run.clone());
        if self.is_ungrouped() {
            self.line_up(run, priority);
            return;
        }
        for offset in run {
            if self.fair.admit(offset) {
                self.births.enter(offset..offset + 1);
            } else if self.groups.admit(offset) {
                self.line_up(offset..offset + 1, priority);
            }
        }
    }

    /// Messages that came in are ready, and delivered when it is their group's turn.
    pub(super) fn enter_group(&mut self, run: Range<u64>, group: u64) {
        self.count_ready(run.clone());
        self.births.enter(run.clone());
        self.fair.enter(run, group);
    }

    /// Messages may be delivered.
    pub(super) fn line_up(&mut self, run: Range<u64>, priority: u8) {
        self.births.enter(run.clone());
        self.levels.insert(priority, run);
    }

    /// Messages of one priority are ready no longer, with their groups or without. `withdraw` takes one out of those
    /// that take turns.
    pub(super) fn withdraw(
        &mut self,
        priority: u8,
        run: Range<u64>,
        withdraw: fn(&mut FairGroups, u64) -> bool,
    ) {
        if self.is_ungrouped() {
            self.leave_ready(priority, run);
            return;
        }
        for offset in run {
            let one = offset..offset + 1;
            match self.groups.unpark(offset) || withdraw(&mut self.fair, offset) {
                true => self.leave_group(one),
                false => self.leave_ready(priority, one),
            }
        }
    }

    pub(super) fn leave_ready(&mut self, priority: u8, run: Range<u64>) {
        self.births.leave(run.clone());
        self.levels.remove(priority, run.clone());
        self.uncount_ready(run);
    }

    /// The same of what stands with its group.
    pub(super) fn leave_group(&mut self, run: Range<u64>) {
        self.births.leave(run.clone());
        self.uncount_ready(run);
    }

    fn count_ready(&mut self, run: Range<u64>) {
        self.counters.ready += run.end - run.start;
        self.counters.ready_bytes += self.sizes.bytes(run);
    }

    fn uncount_ready(&mut self, run: Range<u64>) {
        self.counters.ready -= run.end - run.start;
        self.counters.ready_bytes -= self.sizes.bytes(run);
    }
}
