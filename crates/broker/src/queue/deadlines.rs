//! When locks end. Entries of locks that ended otherwise, or were extended, stay until their time has
//! come or until they are the most; so a deadline may prove early, never late.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use super::ids::HolderId;
use super::limits::STALE_DEADLINES_MAX;

/// Consecutive deliveries to one holder whose locks end together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Deadline {
    pub(super) until_ms: i64,
    pub(super) holder: HolderId,
    pub(super) number: u64,
    pub(super) count: u64,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Deadlines {
    heap: BinaryHeap<Reverse<Deadline>>,
}

impl Deadlines {
    pub(super) fn push(&mut self, deadline: Deadline) {
        self.heap.push(Reverse(deadline));
    }

    pub(super) fn next(&self) -> Option<i64> {
        self.heap.peek().map(|Reverse(deadline)| deadline.until_ms)
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.heap.len()
    }

    pub(super) fn pop_due(&mut self, now_ms: i64) -> Option<Deadline> {
        if self.next()? > now_ms {
            return None;
        }
        self.heap.pop().map(|Reverse(deadline)| deadline)
    }

    /// Throws out the entries of locks that are no more, if they are the most of all entries.
    pub(super) fn compact(&mut self, locked: u64, lives: impl Fn(&Deadline) -> bool) {
        if self.heap.len() as u64 > 2 * locked + STALE_DEADLINES_MAX as u64 {
            self.heap.retain(|Reverse(deadline)| lives(deadline));
        }
    }
}
