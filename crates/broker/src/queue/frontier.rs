//! Which messages are done with: everything below the floor, and what was settled out of order above it.

use std::ops::Range;
use std::sync::Arc;

use forebay_storage::Scratch;

use super::offset_set::OffsetSet;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Frontier {
    /// The lowest offset that is still needed.
    floor: u64,
    /// Done at or above the floor; never the floor itself.
    done: OffsetSet,
}

impl Frontier {
    pub(super) fn new(floor: u64) -> Self {
        Self {
            floor,
            done: OffsetSet::default(),
        }
    }

    /// With what was done above the floor; none if that goes on from the floor, or is below it.
    pub(super) fn restore(floor: u64, done: OffsetSet) -> Option<Self> {
        let is_above = done.first().is_none_or(|first| first > floor);
        is_above.then_some(Self { floor, done })
    }

    pub(super) fn page_out(&mut self, bytes_max: usize, scratch: &Arc<Scratch>) {
        self.done.page_out(bytes_max, scratch);
    }

    pub(super) fn floor(&self) -> u64 {
        self.floor
    }

    pub(super) fn done(&self) -> &OffsetSet {
        &self.done
    }

    pub(super) fn is_done(&self, offset: u64) -> bool {
        offset < self.floor || self.done.contains(offset)
    }

    /// The first message from `offset` on that is not done.
    pub(super) fn next_open(&self, offset: u64) -> u64 {
        let offset = offset.max(self.floor);
        self.done.run_end(offset, u64::MAX)
    }

    /// Whether all of these are done.
    pub(super) fn has_done(&self, run: Range<u64>) -> bool {
        let above = run.start.max(self.floor)..run.end;
        above.is_empty() || self.done.runs_within(above.clone()).next() == Some(above)
    }

    /// What of `run` is done, in order.
    pub(super) fn settled_within(&self, run: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let below = run.start..self.floor.clamp(run.start, run.end);
        let above = self.done.runs_within(below.end..run.end);
        Some(below)
            .filter(|run| !run.is_empty())
            .into_iter()
            .chain(above)
    }

    pub(super) fn finish(&mut self, run: Range<u64>) {
        if run.start > self.floor {
            self.done.insert(run);
            return;
        }
        self.floor = self.floor.max(run.end);
        while let Some(next) = self.done.first_run(u64::MAX)
            && next.start <= self.floor
        {
            self.floor = self.floor.max(next.end);
            self.done.remove(next);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_floor_follows_what_is_done_without_a_gap() {
        let mut frontier = Frontier::new(10);
        frontier.finish(12..14);
        frontier.finish(15..16);
        assert_eq!(frontier.floor(), 10);
        frontier.finish(10..12);
        assert_eq!(frontier.floor(), 14);
        assert!(frontier.is_done(13) && !frontier.is_done(14) && frontier.is_done(15));
        frontier.finish(14..15);
        assert_eq!((frontier.floor(), frontier.done().len()), (16, 0));
    }
}
