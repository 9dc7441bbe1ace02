//! The memory of answers that clients have not taken yet.
//!
//! An answer to a fetch may be large, and a client may be slow to take it. The more is waiting on all
//! connections together, the less the next fetch is given: many slow readers so cost about the
//! budget, not the largest answer each.

use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts bytes of answers on their way out.
#[derive(Debug)]
pub(crate) struct AnswerMemory {
    budget: usize,
    least: usize,
    used: AtomicUsize,
}

/// Bytes of one answer; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held<'a> {
    memory: &'a AnswerMemory,
    bytes: usize,
}

impl AnswerMemory {
    /// A budget of `budget` bytes, of which every fetch gets at least `least`.
    pub(crate) fn new(budget: usize, least: usize) -> Self {
        Self {
            budget,
            least,
            used: AtomicUsize::new(0),
        }
    }

    /// What the next fetch may gather.
    pub(crate) fn allowance(&self) -> usize {
        let free = self
            .budget
            .saturating_sub(self.used.load(Ordering::Relaxed));
        (free / 2).max(self.least)
    }

    /// Counts an answer of `bytes` until what is returned is dropped.
    pub(crate) fn hold(&self, bytes: usize) -> Held<'_> {
        self.used.fetch_add(bytes, Ordering::Relaxed);
        Held {
            memory: self,
            bytes,
        }
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.memory.used.fetch_sub(self.bytes, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_more_waits_the_less_the_next_is_given_and_it_comes_back() {
        let memory = AnswerMemory::new(1000, 10);
        assert_eq!(memory.allowance(), 500);
        let first = memory.hold(500);
        assert_eq!(memory.allowance(), 250);
        let second = memory.hold(600);
        assert_eq!(memory.allowance(), 10, "nobody is starved");
        drop(first);
        drop(second);
        assert_eq!(memory.allowance(), 500);
    }
}
