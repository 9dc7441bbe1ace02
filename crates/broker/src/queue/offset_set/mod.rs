//! A set of offsets that costs by its fragmentation, not by its size.
//!
//! Offsets fall into blocks of 512. A full block is part of an interval of full blocks; a block that
//! has some of its offsets is a bitmap; an empty block is nothing. So ten million consecutive offsets
//! are one interval and two bitmaps at its ends, and the worst set there is costs about two bits an
//! offset. A set that goes empty and fills again takes no memory anew.
//!
//! Bitmaps wait on disk when there are many of them ([`OffsetSet::page_out`]), a page of 64 blocks at a time,
//! for as long as the process lives: a restart has them of the snapshot. Such a page costs about as much
//! memory as two bitmaps. It is read by who looks into it, and comes back when it changes.
//!
//! | module | what it is |
//! |---|---|
//! | `blocks` | bitmaps, and runs as pieces of blocks |
//! | `on_disk` | the pages that wait on disk |
//! | `snapshot` | a set at one point of the journal |

mod blocks;
mod on_disk;
mod snapshot;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use forebay_storage::Scratch;

use blocks::{
    BLOCK, Bits, Piece, WORDS, count, first_clear, first_set, for_pieces, for_words, has,
};
use on_disk::{OnDisk, PAGE};

pub(super) use snapshot::{put_runs, take_runs};

/// Bitmaps of a page below which it stays in memory: it would take as much there if it were on disk.
const BLOCKS_OUT_MIN: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct OffsetSet {
    /// Intervals of full blocks, first block to end, none touching another.
    full: BTreeMap<u64, u64>,
    /// Blocks that are neither full nor empty, and not on disk.
    partial: BTreeMap<u64, Bits>,
    /// The others. Of the blocks of a page none is in memory when one is on disk. In a box, because there are
    /// few sets that have some.
    on_disk: Option<Box<OnDisk>>,
    len: u64,
}

impl PartialEq for OffsetSet {
    fn eq(&self, other: &Self) -> bool {
        self.len == other.len && self.runs().eq(other.runs())
    }
}

impl Eq for OffsetSet {}

impl OffsetSet {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    pub(super) fn contains(&self, offset: u64) -> bool {
        let block = offset / BLOCK;
        match self.partial.get(&block) {
            Some(bits) => has(bits, offset),
            None => {
                self.full_to(block).is_some()
                    || self.read(block).is_some_and(|bits| has(&bits, offset))
            }
        }
    }

    pub(super) fn insert(&mut self, run: Range<u64>) {
        for_pieces(run, |piece| match piece {
            Piece::Blocks(blocks) => {
                self.remove_blocks(blocks.clone());
                self.len += (blocks.end - blocks.start) * BLOCK;
                self.join_full(blocks);
            }
            Piece::Part(block, run) => self.insert_part(block, run),
        });
    }

    pub(super) fn remove(&mut self, run: Range<u64>) {
        if self.is_empty() {
            return;
        }
        for_pieces(run, |piece| match piece {
            Piece::Blocks(blocks) => self.remove_blocks(blocks),
            Piece::Part(block, run) => self.remove_part(block, run),
        });
    }

    pub(super) fn first(&self) -> Option<u64> {
        self.first_of(
            self.full.first_key_value(),
            self.partial.first_key_value(),
            0,
        )
    }

    /// The first offset at or after `offset`.
    pub(super) fn first_from(&self, offset: u64) -> Option<u64> {
        let block = offset / BLOCK;
        if self.full_to(block).is_some() {
            return Some(offset);
        }
        let here = match self.partial.get(&block) {
            Some(bits) => first_set(bits, offset % BLOCK),
            None => self
                .read(block)
                .and_then(|bits| first_set(&bits, offset % BLOCK)),
        };
        match here {
            Some(bit) => Some(block * BLOCK + bit),
            None => self.first_of_blocks_from(block + 1),
        }
    }

    /// The first offset of a block and those that follow it. No interval of full blocks goes on into it.
    fn first_of_blocks_from(&self, block: u64) -> Option<u64> {
        let full = self.full.range(block..).next();
        self.first_of(full, self.partial.range(block..).next(), block)
    }

    /// The first offset of these, and of what is on disk from a block on.
    fn first_of(
        &self,
        full: Option<(&u64, &u64)>,
        partial: Option<(&u64, &Bits)>,
        block: u64,
    ) -> Option<u64> {
        let full = full.map(|(block, _)| block * BLOCK);
        let partial = partial.and_then(|(block, bits)| Some(block * BLOCK + first_set(bits, 0)?));
        let in_memory = match (full, partial) {
            (Some(full), Some(partial)) => Some(full.min(partial)),
            (full, partial) => full.or(partial),
        };
        let Some(on_disk) = &self.on_disk else {
            return in_memory;
        };
        let end = in_memory.map_or(u64::MAX, |offset| offset / BLOCK);
        on_disk.first_within(block..end).or(in_memory)
    }

    /// The end of the run of consecutive offsets that begins at `offset`, but not beyond `limit`.
    pub(super) fn run_end(&self, offset: u64, limit: u64) -> u64 {
        let mut end = offset;
        while end < limit {
            let block = end / BLOCK;
            let clear = if let Some(bits) = self.partial.get(&block) {
                first_clear(bits, end % BLOCK)
            } else if let Some(full_to) = self.full_to(block) {
                end = full_to * BLOCK;
                continue;
            } else if let Some(bits) = self.read(block) {
                first_clear(&bits, end % BLOCK)
            } else {
                break;
            };
            end = block * BLOCK + clear.unwrap_or(BLOCK);
            if clear.is_some() {
                break;
            }
        }
        end.min(limit)
    }

    /// The first run, cut at `length_max`.
    pub(super) fn first_run(&self, length_max: u64) -> Option<Range<u64>> {
        let first = self.first()?;
        Some(first..self.run_end(first, first.saturating_add(length_max)))
    }

    /// All runs in order.
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        self.runs_within(0..u64::MAX)
    }

    /// The runs in order of what lies in `within`.
    pub(super) fn runs_within(&self, within: Range<u64>) -> impl Iterator<Item = Range<u64>> {
        let mut from = within.start;
        std::iter::from_fn(move || {
            let first = self.first_from(from).filter(|first| *first < within.end)?;
            let run = first..self.run_end(first, within.end);
            from = run.end;
            Some(run)
        })
    }

    /// Has bitmaps wait on disk if those in memory take more than `bytes_max`, until they take an eighth less or
    /// the disk takes no more. Those go whose turn it is by their place, but not the page that came back last, where
    /// a set is emptied, nor the last one, where it grows. With no room in memory at all nothing is spared.
    pub(super) fn page_out(&mut self, bytes_max: usize, scratch: &Arc<Scratch>) {
        let bytes = self.bitmap_bytes();
        if bytes <= bytes_max {
            if let Some(on_disk) = &mut self.on_disk {
                on_disk.next_at = 0;
            }
            return;
        }
        if let Some(on_disk) = &self.on_disk
            && bytes <= on_disk.next_at
        {
            return;
        }
        let mut on_disk = self.on_disk.take().unwrap_or_default();
        let wanted = bytes_max - bytes_max / 8;
        self.page_out_to(wanted, &mut on_disk, scratch);
        // What is too scattered for pages, or refused by the disk, is not gone through every time.
        on_disk.next_at = match self.bitmap_bytes() {
            bytes if bytes > wanted => bytes + bytes_max / 8,
            _ => 0,
        };
        self.on_disk = Some(on_disk);
    }

    fn page_out_to(&mut self, bytes: usize, on_disk: &mut OnDisk, scratch: &Arc<Scratch>) {
        let last = self.partial.last_key_value().map(|(block, _)| block / PAGE);
        let (spared, blocks_min) = match bytes {
            0 => ([None, None], 1),
            _ => ([last, on_disk.last_back], BLOCKS_OUT_MIN),
        };
        let begin = on_disk.next_out;
        for pages in [begin..u64::MAX / PAGE, 0..begin] {
            on_disk.next_out = pages.start;
            while self.bitmap_bytes() > bytes {
                let blocks = on_disk.next_out * PAGE..pages.end * PAGE;
                let Some((block, _)) = self.partial.range(blocks).next() else {
                    break;
                };
                let page = block / PAGE;
                let blocks = self.partial.range(page * PAGE..(page + 1) * PAGE);
                let blocks: Vec<_> = blocks.map(|(block, bits)| (*block, *bits)).collect();
                on_disk.next_out = page + 1;
                if blocks.len() < blocks_min || spared.contains(&Some(page)) {
                    continue;
                }
                if !on_disk.put(page, &blocks, scratch) {
                    return;
                }
                for (block, _) in blocks {
                    self.partial.remove(&block);
                }
            }
            if self.bitmap_bytes() <= bytes {
                return;
            }
        }
    }

    /// About what it takes of memory beyond itself.
    pub(super) fn memory_bytes(&self) -> usize {
        // Nodes of a B-tree are a little more than half full in the worst case.
        2 * self.full.len() * 2 * size_of::<u64>()
            + self.bitmap_bytes()
            + self
                .on_disk
                .as_ref()
                .map_or(0, |on_disk| on_disk.memory_bytes())
    }

    /// The same of the bitmaps in memory.
    pub(super) fn bitmap_bytes(&self) -> usize {
        2 * self.partial.len() * (size_of::<u64>() + size_of::<Bits>())
    }

    /// Reads the bitmap of a block that is on disk.
    #[inline]
    fn read(&self, block: u64) -> Option<Bits> {
        self.on_disk.as_ref()?.read(block)
    }

    /// Brings back the page of a block that is about to change. Few sets have one.
    #[inline]
    fn bring_back(&mut self, block: u64) {
        if self.on_disk.is_some() {
            self.bring_page_back(block / PAGE);
        }
    }

    #[cold]
    fn bring_page_back(&mut self, page: u64) {
        if let Some(on_disk) = &mut self.on_disk {
            self.partial.extend(on_disk.take(page));
        }
    }

    /// The end of the interval of full blocks that holds `block`.
    fn full_to(&self, block: u64) -> Option<u64> {
        let (_, end) = self.full.range(..=block).next_back()?;
        (*end > block).then_some(*end)
    }

    fn insert_part(&mut self, block: u64, run: Range<u64>) {
        if self.full_to(block).is_some() {
            return;
        }
        self.bring_back(block);
        let bits = self.partial.entry(block).or_default();
        let mut added = 0;
        let mut filled = false;
        for_words(run, |word, mask| {
            added += (mask & !bits[word]).count_ones();
            bits[word] |= mask;
            filled = bits[word] == u64::MAX;
        });
        self.len += u64::from(added);
        if filled && bits.iter().all(|word| *word == u64::MAX) {
            self.partial.remove(&block);
            self.join_full(block..block + 1);
        }
    }

    fn remove_part(&mut self, block: u64, run: Range<u64>) {
        self.bring_back(block);
        if self.full_to(block).is_some() {
            self.remove_blocks(block..block + 1);
            self.len += BLOCK;
            self.partial.insert(block, [u64::MAX; WORDS]);
        }
        let Some(bits) = self.partial.get_mut(&block) else {
            return;
        };
        let mut removed = 0;
        let mut emptied = false;
        for_words(run, |word, mask| {
            removed += (mask & bits[word]).count_ones();
            bits[word] &= !mask;
            emptied = bits[word] == 0;
        });
        self.len -= u64::from(removed);
        if emptied && bits.iter().all(|word| *word == 0) {
            self.partial.remove(&block);
        }
    }

    #[cold]
    fn remove_blocks_on_disk(&mut self, blocks: Range<u64>) {
        if let Some(on_disk) = &mut self.on_disk {
            self.len -= on_disk.remove_within(blocks.clone());
        }
        // Pages of which something is left.
        for block in [blocks.start, blocks.end - 1] {
            self.bring_back(block);
        }
    }

    /// Adds full blocks, none of which has anything in the set, to the intervals.
    fn join_full(&mut self, blocks: Range<u64>) {
        let mut joined = blocks;
        if let Some((start, end)) = self.full.range(..=joined.start).next_back()
            && *end == joined.start
        {
            joined.start = *start;
        }
        if let Some(end) = self.full.remove(&joined.end) {
            joined.end = end;
        }
        self.full.insert(joined.start, joined.end);
    }

    fn remove_blocks(&mut self, blocks: Range<u64>) {
        while let Some((start, end)) = self.full.range(..blocks.end).next_back()
            && *end > blocks.start
        {
            let (start, end) = (*start, *end);
            self.full.remove(&start);
            if start < blocks.start {
                self.full.insert(start, blocks.start);
            }
            if end > blocks.end {
                self.full.insert(blocks.end, end);
            }
            self.len -= (end.min(blocks.end) - start.max(blocks.start)) * BLOCK;
        }
        if self.on_disk.is_some() {
            self.remove_blocks_on_disk(blocks.clone());
        }
        while let Some((block, bits)) = self.partial.range(blocks.clone()).next() {
            let (block, len) = (*block, count(bits));
            self.partial.remove(&block);
            self.len -= len;
        }
    }
}
