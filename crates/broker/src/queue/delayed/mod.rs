//! Messages that become ready at a time of their own.
//!
//! What is due first is a short sorted list, and all there is in most queues: 24 bytes a message. The rest is packed into
//! pages (`later`), 3 to 6 bytes a message, and what is due next is unpacked a page at a time.
//!
//! What is in pages is also in a set of offsets for each priority, which costs by its fragmentation: next to nothing
//! where most of a stretch of the log is delayed, 4 bytes a message where every tenth is or where ten priorities are
//! mixed, 30 where every hundredth is, and up to 150 where it is one of many hundreds. None of this leaves memory: a queue
//! does no I/O, and a restart has it of snapshot and journal.

mod later;
mod page;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;

use super::limits::{DELAYED_REFILL_PAGES_MAX, DELAYED_SOON_MAX};
use later::Later;

/// A message and its time: what is delayed is in order of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct At {
    until_ms: i64,
    offset: u64,
}

#[derive(Clone, Debug)]
struct Waiting {
    at: At,
    priority: u8,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Delayed {
    /// What is due first, in order.
    soon: VecDeque<Waiting>,
    /// What comes after all of it, if there is any. In a box, because most queues have none.
    later: Option<Box<Later>>,
}

impl Delayed {
    /// Takes in a message that is not there.
    pub(super) fn insert(&mut self, offset: u64, until_ms: i64, priority: u8) {
        let at = At { until_ms, offset };
        if let Some(later) = &mut self.later
            && later.first().is_some_and(|first| first < at)
        {
            later.insert(at, priority);
            return;
        }
        let index = self.soon.partition_point(|waiting| waiting.at < at);
        self.soon.insert(index, Waiting { at, priority });
        if self.soon.len() > DELAYED_SOON_MAX {
            let rest = self.soon.split_off(DELAYED_SOON_MAX / 2);
            self.later.get_or_insert_default().prepend(rest);
        }
    }

    /// Takes a message out, with its priority. Little work for what is due first; what is far off leaves an entry behind
    /// in its page.
    pub(super) fn remove(&mut self, offset: u64) -> Option<u8> {
        let mut soon = self.soon.iter();
        let priority = match soon.position(|waiting| waiting.at.offset == offset) {
            Some(index) => self.soon.remove(index)?.priority,
            None => self.later.as_mut()?.remove(offset)?,
        };
        self.refill();
        Some(priority)
    }

    /// Takes out what of `offsets` is delayed: runs in order, each with its priority. Takes time by what there is, and
    /// little if that is everything.
    pub(super) fn take_within(&mut self, offsets: Range<u64>) -> Vec<(u8, Range<u64>)> {
        let soon = self.soon.iter();
        let mut runs: Vec<_> = soon
            .map(|waiting| (waiting.priority, waiting.at.offset))
            .filter(|(_, offset)| offsets.contains(offset))
            .map(|(priority, offset)| (priority, offset..offset + 1))
            .collect();
        if let Some(later) = &self.later {
            runs.extend(later.within(offsets));
        }
        runs.sort_unstable_by_key(|(_, run)| run.start);
        let taken = runs.iter().map(|(_, run)| run.end - run.start);
        if taken.sum::<u64>() == self.len() {
            *self = Self::default();
            return runs;
        }
        for offset in runs.iter().flat_map(|(_, run)| run.clone()) {
            self.remove(offset);
        }
        runs
    }

    /// All become ready by so much later. Takes time by the pages, not by what is in them.
    pub(super) fn shift(&mut self, by_ms: i64) {
        let last = match &self.later {
            Some(later) => later.last(),
            None => self.soon.back().map(|waiting| waiting.at),
        };
        let ends = self.next_deadline().zip(last);
        let Some((first_ms, last)) = ends.filter(|_| by_ms != 0) else {
            return;
        };
        if first_ms.checked_add(by_ms).is_none() || last.until_ms.checked_add(by_ms).is_none() {
            // At the end of time all are due at once, in order of their offsets.
            let mut shifted = Self::default();
            for (offset, until_ms, priority) in self.iter() {
                shifted.insert(offset, until_ms.saturating_add(by_ms), priority);
            }
            *self = shifted;
            return;
        }
        for waiting in &mut self.soon {
            waiting.at.until_ms += by_ms;
        }
        if let Some(later) = &mut self.later {
            later.shift(by_ms);
        }
    }

    /// The next message that is due. None may mean that it is still to be found among what was taken out before its
    /// time: then [`Self::next_deadline`] has passed, and [`Self::refill`] goes on.
    pub(super) fn due(&self, now_ms: i64) -> Option<u64> {
        let first = self.soon.front()?;
        (first.at.until_ms <= now_ms).then_some(first.at.offset)
    }

    pub(super) fn contains(&self, offset: u64) -> bool {
        let mut soon = self.soon.iter();
        let later = self.later.as_ref();
        soon.any(|waiting| waiting.at.offset == offset)
            || later.is_some_and(|later| later.priority_of(offset).is_some())
    }

    /// When something is due. May be earlier than that, never later.
    pub(super) fn next_deadline(&self) -> Option<i64> {
        let soon = self.soon.front().map(|waiting| waiting.at);
        let later = || self.later.as_ref().and_then(|later| later.first());
        soon.or_else(later).map(|at| at.until_ms)
    }

    pub(super) fn len(&self) -> u64 {
        let later = self.later.as_ref().map_or(0, |later| later.len());
        self.soon.len() as u64 + later
    }

    /// Every message with its time and priority, in order of time.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, i64, u8)> {
        let soon = self.soon.iter().cloned();
        let later = self.later.iter().flat_map(|later| later.iter());
        let all = soon.chain(later);
        Counted {
            entries: all.map(|waiting| (waiting.at.offset, waiting.at.until_ms, waiting.priority)),
            left: self.len() as usize,
        }
    }

    /// About what it takes of memory beyond itself.
    pub(super) fn memory_bytes(&self) -> usize {
        let later = self.later.as_ref();
        self.soon.capacity() * size_of::<Waiting>() + later.map_or(0, |later| later.memory_bytes())
    }

    /// Unpacks what is due first, if that is not done. Looks at a few pages at most: where all that they had was taken
    /// out before its time, there is more to do.
    pub(super) fn refill(&mut self) {
        let mut pages = 0..DELAYED_REFILL_PAGES_MAX;
        while let Some(later) = &mut self.later
            && self.soon.is_empty()
            && !later.is_empty()
            && pages.next().is_some()
        {
            self.soon = later.take_first();
        }
        // What is empty takes no memory.
        self.later = self.later.take().filter(|later| !later.is_empty());
        if self.soon.is_empty() {
            self.soon = VecDeque::new();
        }
    }
}

/// Entries that are known by their number before they are unpacked.
struct Counted<I> {
    entries: I,
    left: usize,
}

impl<I: Iterator> Iterator for Counted<I> {
    type Item = I::Item;

    fn next(&mut self) -> Option<I::Item> {
        self.left = self.left.saturating_sub(1);
        self.entries.next()
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        (self.left, Some(self.left))
    }
}

impl<I: Iterator> ExactSizeIterator for Counted<I> {}
