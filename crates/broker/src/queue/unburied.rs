//! Messages that died, are wanted, and have not been moved to where the dead go. Their queue has settled
//! them; until the move is in the journal, they are moved again after a restart.

use std::collections::BTreeMap;
use std::ops::Range;

use super::counters::DeathReason;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Unburied {
    /// By the first of each run: its end, and how it died.
    runs: BTreeMap<u64, (u64, DeathReason)>,
}

impl Unburied {
    /// Messages in a row died.
    pub(super) fn insert(&mut self, run: Range<u64>, reason: DeathReason) {
        if let Some((_, (end, last))) = self.runs.range_mut(..run.start).next_back()
            && *end == run.start
            && *last == reason
        {
            *end = run.end;
            return;
        }
        self.runs.insert(run.start, (run.end, reason));
    }

    /// They were moved.
    pub(super) fn remove(&mut self, moved: Range<u64>) {
        let before = self.runs.range(..moved.start).next_back();
        let reaching = before.filter(|(_, (end, _))| *end > moved.start);
        let first = reaching.map_or(moved.start, |(start, _)| *start);
        let met: Vec<_> = self.runs.range(first..moved.end).collect();
        let met: Vec<_> = met.into_iter().map(|(start, run)| (*start, *run)).collect();
        for (start, (end, reason)) in met {
            self.runs.remove(&start);
            if start < moved.start {
                self.runs.insert(start, (moved.start, reason));
            }
            if end > moved.end {
                self.runs.insert(moved.end, (end, reason));
            }
        }
    }

    /// Whether some of these are among them.
    pub(super) fn meets(&self, run: &Range<u64>) -> bool {
        let before = self.runs.range(..run.end).next_back();
        before.is_some_and(|(_, (end, _))| *end > run.start)
    }

    /// The first of them.
    pub(super) fn first(&self) -> Option<u64> {
        self.runs.keys().next().copied()
    }

    pub(super) fn runs(&self) -> impl ExactSizeIterator<Item = (Range<u64>, DeathReason)> {
        let runs = self.runs.iter();
        runs.map(|(start, (end, reason))| (*start..*end, *reason))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_moved_is_taken_out_of_the_middle_of_runs() {
        let mut unburied = Unburied::default();
        unburied.insert(2..4, DeathReason::Expired);
        unburied.insert(4..8, DeathReason::Expired);
        unburied.insert(8..10, DeathReason::Rejected);
        assert_eq!(unburied.runs().len(), 2);
        unburied.remove(3..9);
        let left: Vec<_> = unburied.runs().collect();
        let (expired, rejected) = (DeathReason::Expired, DeathReason::Rejected);
        assert_eq!(left, [(2..3, expired), (9..10, rejected)]);
        unburied.remove(0..3);
        assert_eq!(unburied.first(), Some(9));
        unburied.remove(0..u64::MAX);
        assert_eq!(unburied, Unburied::default());
    }
}
