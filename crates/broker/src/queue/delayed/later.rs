//! What is not due first: pages in order of time, and the set of what is in them.
//!
//! A page is found by time. Who takes a message out before its time knows its offset alone, and looking for it in all
//! pages would take time by what there is: its entry stays behind, dead, until its page is unpacked or swept. So an
//! entry counts if the set has its offset.
//!
//! Most pages are far from being due. When there are many they go to disk, the farthest first but the last one, which
//! grows where times count up.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;
use std::sync::Arc;

use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::{Scratch, ScratchPage};

use super::page::Page;
use super::{At, Waiting};
use crate::queue::levels::Levels;
use crate::queue::limits::{DELAYED_DEAD_SHARE, DELAYED_PAGE_MAX};
use crate::queue::offset_set::OffsetSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Later {
    /// By their first entries.
    pages: BTreeMap<At, Page>,
    /// Those of them that are in memory, and the bytes that they take there.
    in_memory: BTreeSet<At>,
    in_memory_bytes: usize,
    /// What is in pages and is delayed, by priority.
    members: Levels,
    len: u64,
    /// What is in pages and was taken out.
    dead: OffsetSet,
    /// The page that is swept next, or where it was. None begins with the first.
    next_swept: Option<At>,
}

impl Later {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn len(&self) -> u64 {
        self.len
    }

    /// What is here, by priority.
    pub(super) fn members(&self) -> &Levels {
        &self.members
    }

    /// Where the pages begin.
    pub(super) fn first(&self) -> Option<At> {
        self.pages.first_key_value().map(|(first, _)| *first)
    }

    /// Where the pages end.
    pub(super) fn last(&self) -> Option<At> {
        Some(self.pages.last_key_value()?.1.last())
    }

    /// Of which priority a message is; None if it is not here.
    pub(super) fn priority_of(&self, offset: u64) -> Option<u8> {
        self.members.priority_of(offset)
    }

    /// Takes in a message that is due after the first.
    pub(super) fn insert(&mut self, at: At, priority: u8) {
        self.join(at.offset, priority);
        let Some((first, page)) = self.pages.range_mut(..=at).next_back() else {
            self.put(&[at]);
            return;
        };
        let before = page.memory_bytes();
        let is_in = page.insert(at);
        let is_next = !is_in && page.is_full() && page.last() < at;
        if is_next {
            page.close();
        }
        self.in_memory_bytes = self.in_memory_bytes - before + page.memory_bytes();
        if is_in {
            return;
        }
        let first = *first;
        if is_next && self.pages.range(at..).next().is_none() {
            // Times that count up fill page after page, instead of leaving them half full.
            self.put(&[at]);
            return;
        }
        let mut entries = self.unpack(first);
        let place = entries.partition_point(|entry| *entry < at);
        entries.insert(place, at);
        self.put(&entries);
    }

    /// Takes in messages that are due before the first.
    pub(super) fn prepend(&mut self, rest: VecDeque<Waiting>) {
        for waiting in &rest {
            self.join(waiting.at.offset, waiting.priority);
        }
        let entries: Vec<At> = rest.into_iter().map(|waiting| waiting.at).collect();
        self.put(&entries);
    }

    /// Takes a message out before its time, with its priority.
    pub(super) fn remove(&mut self, offset: u64) -> Option<u8> {
        let priority = self.leave(offset)?;
        self.dead.insert(offset..offset + 1);
        if self.dead.len() > self.len / DELAYED_DEAD_SHARE {
            self.sweep();
        }
        Some(priority)
    }

    /// Takes out what the first page has, which may be nothing that counts.
    pub(super) fn take_first(&mut self) -> VecDeque<Waiting> {
        let first = self.first();
        let entries = first.map(|first| self.unpack(first)).unwrap_or_default();
        let mut taken = VecDeque::with_capacity(entries.len());
        for at in entries {
            match self.leave(at.offset) {
                Some(priority) => taken.push_back(Waiting { at, priority }),
                None => self.dead.remove(at.offset..at.offset + 1),
            }
        }
        taken
    }

    pub(super) fn shift(&mut self, by_ms: i64) {
        let pages = std::mem::take(&mut self.pages).into_iter();
        let shifted = pages.map(|(mut first, mut page)| {
            first.until_ms = first.until_ms.saturating_add(by_ms);
            page.shift(by_ms);
            (first, page)
        });
        self.pages = shifted.collect();
        let in_memory = self
            .pages
            .iter()
            .filter(|(_, page)| page.memory_bytes() > 0);
        self.in_memory = in_memory.map(|(first, _)| *first).collect();
        self.next_swept = None;
    }

    /// Moves pages to disk until so many bytes of them are in memory, as far as the disk takes them.
    pub(super) fn page_out(&mut self, bytes_max: usize, scratch: &Arc<Scratch>) {
        let Some(last) = self.pages.last_key_value().map(|(first, _)| *first) else {
            return;
        };
        while self.in_memory_bytes > bytes_max
            && let Some(first) = self.in_memory.range(..last).next_back().copied()
            && let Some(page) = self.pages.get_mut(&first)
        {
            let bytes = page.memory_bytes();
            if !page.page_out(scratch) {
                return;
            }
            self.in_memory.remove(&first);
            self.in_memory_bytes -= bytes;
        }
    }

    /// Has the sets of offsets wait on disk as far as they are large.
    pub(super) fn page_out_sets(&mut self, bytes_max: usize, scratch: &Arc<Scratch>) {
        self.members.page_out(bytes_max, scratch);
        self.dead.page_out(bytes_max, scratch);
    }

    /// What all pages in memory take.
    pub(super) fn in_memory_bytes(&self) -> usize {
        self.in_memory_bytes
    }

    /// Appends the pages, which may have entries that do not count.
    pub(super) fn snapshot(&self, encoder: &mut Encoder) {
        encoder.list(self.pages.values(), |encoder, page| page.snapshot(encoder));
    }

    /// The entries of what [`Self::snapshot`] wrote.
    pub(super) fn restore(
        decoder: &mut Decoder<'_>,
        mut take: impl FnMut(At) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        decoder.each(|decoder| Page::restore(decoder, &mut take))
    }

    /// The runs of what of `offsets` is here, of one priority after another.
    pub(super) fn within(&self, offsets: Range<u64>) -> impl Iterator<Item = (u8, Range<u64>)> {
        self.members.runs_within(offsets)
    }

    /// Everything in order of time.
    pub(super) fn iter(&self) -> impl Iterator<Item = Waiting> {
        let entries = self.pages.values().flat_map(Page::entries);
        entries.filter_map(|at| {
            let priority = self.priority_of(at.offset)?;
            Some(Waiting { at, priority })
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let on_disk = self.pages.len() - self.in_memory.len();
        // Nodes of a B-tree are a little more than half full in the worst case.
        size_of::<Self>()
            + 2 * self.pages.len() * size_of::<(At, Page)>()
            + 2 * self.in_memory.len() * size_of::<At>()
            + on_disk * size_of::<ScratchPage>()
            + self.in_memory_bytes
            + self.members.memory_bytes()
            + self.dead.memory_bytes()
    }

    fn join(&mut self, offset: u64, priority: u8) {
        if self.dead.contains(offset) {
            self.bury(offset);
        }
        self.members.insert(priority, offset..offset + 1);
        self.len += 1;
    }

    fn leave(&mut self, offset: u64) -> Option<u8> {
        let priority = self.priority_of(offset)?;
        self.members.remove(priority, offset..offset + 1);
        self.len -= 1;
        Some(priority)
    }

    /// Makes pages of entries that are in order, and in none.
    fn put(&mut self, entries: &[At]) {
        if entries.len() > DELAYED_PAGE_MAX {
            let (before, behind) = entries.split_at(entries.len() / 2);
            self.put(before);
            self.put(behind);
        } else if let Some(first) = entries.first() {
            let page = Page::pack(entries);
            self.in_memory_bytes += page.memory_bytes();
            self.in_memory.insert(*first);
            self.pages.insert(*first, page);
        }
    }

    fn unpack(&mut self, first: At) -> Vec<At> {
        let Some(page) = self.pages.remove(&first) else {
            return Vec::new();
        };
        self.in_memory.remove(&first);
        self.in_memory_bytes -= page.memory_bytes();
        page.entries()
    }

    /// Removes the entry of a message that was taken out and comes again. Takes time by what there is: queues do not do
    /// that, since what they take out before its time is settled.
    fn bury(&mut self, offset: u64) {
        let has_it = |page: &Page| page.entries().iter().any(|at| at.offset == offset);
        let mut pages = self.pages.iter();
        let found = pages.find_map(|(first, page)| has_it(page).then_some(*first));
        if let Some(first) = found {
            let mut entries = self.unpack(first);
            entries.retain(|at| at.offset != offset);
            self.put(&entries);
        }
        self.dead.remove(offset..offset + 1);
    }

    /// Throws out what is dead in two pages, the next two every time, and makes them one if that is enough.
    fn sweep(&mut self) {
        let from = self.next_swept.or(self.first());
        let Some(from) = from else {
            return;
        };
        let next = self.pages.range(from..).map(|(first, _)| *first);
        let swept: Vec<At> = next.take(2).collect();
        let mut entries = Vec::new();
        for first in swept {
            for at in self.unpack(first) {
                match self.priority_of(at.offset) {
                    Some(_) => entries.push(at),
                    None => self.dead.remove(at.offset..at.offset + 1),
                }
            }
        }
        let next = self.pages.range(from..).next();
        self.next_swept = next.map(|(first, _)| *first);
        self.put(&entries);
    }
}
