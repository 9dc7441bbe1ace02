//! Messages that become ready at a time of their own.
//!
//! What is due first is a short sorted list, and all there is in most queues: 24 bytes a message. The rest is packed into
//! pages (`later`), 3 to 6 bytes a message, and what is due next is unpacked a page at a time.
//!
//! What is in pages is also in a set of offsets for each priority, which costs by its fragmentation: next to nothing
//! where most of a stretch of the log is delayed, 4 bytes a message where every tenth is or where ten priorities are
//! mixed, 30 where every hundredth is, and up to 150 where it is one of many hundreds.
//!
//! Pages, and most of a large set, wait on disk when there are many of them (`Delayed::page_out`), for as long as the
//! process lives: a restart has them of snapshot and journal. What is on disk takes about a byte of memory a message, or
//! up to four where it is one of many hundreds. One of ten thousand stays in memory.

mod later;
mod page;
#[cfg(test)]
mod tests;

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use forebay_storage::Scratch;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::limits::{
    DELAYED_REFILL_PAGES_MAX, DELAYED_SOON_MAX, HOLES_IN_MEMORY_BYTES, RESTORED_HOLES_BYTES,
};
use super::snapshot::{number, put_levels, take_levels};
use later::Later;

/// A message and its time: what is delayed is in order of these.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
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

    /// What of `offsets` is delayed: runs in order, each with its priority.
    pub(super) fn runs_within(&self, offsets: Range<u64>) -> Vec<(u8, Range<u64>)> {
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
        runs
    }

    /// Takes that out. Takes time by what there is, and little if that is everything.
    pub(super) fn take_within(&mut self, offsets: Range<u64>) -> Vec<(u8, Range<u64>)> {
        let runs = self.runs_within(offsets);
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

    /// Moves what is due last to disk if what is in memory is more than `bytes_max`, and then half of that. Of the sets
    /// of offsets stays what [`OffsetSet::page_out`](super::offset_set::OffsetSet::page_out) leaves of `sets_max`.
    pub(super) fn page_out(&mut self, bytes_max: usize, sets_max: usize, scratch: &Arc<Scratch>) {
        let Some(later) = &mut self.later else {
            return;
        };
        if later.in_memory_bytes() > bytes_max {
            later.page_out(bytes_max / 2, scratch);
        }
        later.page_out_sets(sets_max, scratch);
    }

    /// Layout: `list<offset varint, time i64, priority u8>` of what is due first, in order of time, and of the others
    /// `priorities LEVELS, pages` (see [`Page::snapshot`](page::Page::snapshot)). What is on disk is not read.
    pub(super) fn snapshot(&self, encoder: &mut Encoder) {
        encoder.list(&self.soon, |encoder, waiting| {
            let At { until_ms, offset } = waiting.at;
            encoder.varint(offset).i64(until_ms).u8(waiting.priority);
        });
        let empty = Later::default();
        let later = self.later.as_deref().unwrap_or(&empty);
        put_levels(encoder, later.members());
        later.snapshot(encoder);
    }

    /// Takes what [`Self::snapshot`] wrote in a version of queues' snapshots, `bytes_max` of it in memory. What was not
    /// written by a queue is refused by the check that follows.
    pub(super) fn restore(
        version: u8,
        decoder: &mut Decoder<'_>,
        bytes_max: usize,
        scratch: &Arc<Scratch>,
    ) -> Result<Self, DecodeError> {
        let mut delayed = Self::default();
        decoder.each(|decoder| {
            let (offset, until_ms) = (number(decoder)?, decoder.i64()?);
            delayed.insert(offset, until_ms, decoder.u8()?);
            delayed.page_out(bytes_max, HOLES_IN_MEMORY_BYTES, scratch);
            Ok(())
        })?;
        if version < 7 {
            return Ok(delayed);
        }
        let mut members = take_levels(version, decoder, scratch)?;
        Later::restore(decoder, |at| {
            // Others were taken out before their time.
            if let Some(priority) = members.priority_of(at.offset) {
                members.remove(priority, at.offset..at.offset + 1);
                members.page_out(RESTORED_HOLES_BYTES, scratch);
                delayed.insert(at.offset, at.until_ms, priority);
                delayed.page_out(bytes_max, RESTORED_HOLES_BYTES, scratch);
            }
            Ok(())
        })?;
        delayed.page_out(bytes_max, HOLES_IN_MEMORY_BYTES, scratch);
        match members.is_empty() {
            true => Ok(delayed),
            false => Err(DecodeError::Invalid {
                what: "delayed message without a time",
            }),
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
