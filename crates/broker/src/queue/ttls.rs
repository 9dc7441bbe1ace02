//! Times to live that messages brought with them. Equal ones in a row cost one run; messages without
//! one cost nothing.

use std::collections::VecDeque;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TtlRun {
    pub(super) first: u64,
    pub(super) end: u64,
    pub(super) ttl_ms: u64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Ttls {
    pub(super) runs: VecDeque<TtlRun>,
}

impl Ttls {
    pub(super) fn append(&mut self, first: u64, count: u64, ttl_ms: u64) {
        let end = first + count;
        match self.runs.back_mut() {
            Some(last) if last.end == first && last.ttl_ms == ttl_ms => last.end = end,
            _ => self.runs.push_back(TtlRun { first, end, ttl_ms }),
        }
    }

    /// The message's own time to live, and up to which offset that is the answer.
    pub(super) fn at(&self, offset: u64) -> (Option<u64>, u64) {
        let index = self.runs.partition_point(|run| run.end <= offset);
        match self.runs.get(index) {
            Some(run) if run.first <= offset => (Some(run.ttl_ms), run.end),
            Some(run) => (None, run.first),
            None => (None, u64::MAX),
        }
    }

    /// Forgets what lies wholly below `floor`.
    pub(super) fn trim(&mut self, floor: u64) {
        while self.runs.front().is_some_and(|run| run.end <= floor) {
            self.runs.pop_front();
        }
    }
}
