//! A set of offsets that costs by its fragmentation, not by its size.
//!
//! Offsets fall into blocks of 512. A full block is part of an interval of full blocks; a block that
//! has some of its offsets is a bitmap; an empty block is nothing. So ten million consecutive offsets
//! are one interval and two bitmaps at its ends, and the worst set there is costs about two bits an
//! offset. A set that goes empty and fills again takes no memory anew.

use std::collections::BTreeMap;
use std::ops::Range;

const BLOCK: u64 = 512;
const WORD: u64 = 64;
const WORDS: usize = (BLOCK / WORD) as usize;

type Bits = [u64; WORDS];

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct OffsetSet {
    /// Intervals of full blocks, first block to end, none touching another.
    full: BTreeMap<u64, u64>,
    /// Blocks that are neither full nor empty.
    partial: BTreeMap<u64, Bits>,
    len: u64,
}

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
            Some(bits) => bits[word(offset)] >> (offset % WORD) & 1 == 1,
            None => self.full_to(block).is_some(),
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
        let full = self.full.first_key_value().map(|(block, _)| block * BLOCK);
        let partial = self.partial.first_key_value();
        let partial = partial.and_then(|(block, bits)| Some(block * BLOCK + first_set(bits, 0)?));
        match (full, partial) {
            (Some(full), Some(partial)) => Some(full.min(partial)),
            (full, partial) => full.or(partial),
        }
    }

    /// The first offset at or after `offset`.
    pub(super) fn first_from(&self, offset: u64) -> Option<u64> {
        let block = offset / BLOCK;
        if self.full_to(block).is_some() {
            return Some(offset);
        }
        let here = self.partial.get(&block);
        if let Some(bit) = here.and_then(|bits| first_set(bits, offset % BLOCK)) {
            return Some(block * BLOCK + bit);
        }
        let full = self.full.range(block + 1..).next();
        let full = full.map(|(block, _)| block * BLOCK);
        let partial = self.partial.range(block + 1..).next();
        let partial = partial.and_then(|(block, bits)| Some(block * BLOCK + first_set(bits, 0)?));
        match (full, partial) {
            (Some(full), Some(partial)) => Some(full.min(partial)),
            (full, partial) => full.or(partial),
        }
    }

    /// The end of the run of consecutive offsets that begins at `offset`, but not beyond `limit`.
    pub(super) fn run_end(&self, offset: u64, limit: u64) -> u64 {
        let mut end = offset;
        while end < limit {
            let block = end / BLOCK;
            if let Some(bits) = self.partial.get(&block) {
                let clear = first_set(&bits.map(|word| !word), end % BLOCK);
                end = block * BLOCK + clear.unwrap_or(BLOCK);
                if clear.is_some() {
                    break;
                }
            } else if let Some(full_to) = self.full_to(block) {
                end = full_to * BLOCK;
            } else {
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

    /// About what it takes of memory beyond itself.
    pub(super) fn memory_bytes(&self) -> usize {
        // Nodes of a B-tree are a little more than half full in the worst case.
        2 * (self.full.len() * 2 * size_of::<u64>()
            + self.partial.len() * (size_of::<u64>() + size_of::<Bits>()))
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
        while let Some((block, bits)) = self.partial.range(blocks.clone()).next() {
            let set: u32 = bits.iter().map(|word| word.count_ones()).sum();
            let block = *block;
            self.partial.remove(&block);
            self.len -= u64::from(set);
        }
    }
}

/// What a run of offsets is made of.
enum Piece {
    /// Whole blocks.
    Blocks(Range<u64>),
    /// A block's number, and the offsets within it.
    Part(u64, Range<u64>),
}

fn for_pieces(run: Range<u64>, mut each: impl FnMut(Piece)) {
    let mut at = run.start;
    while at < run.end {
        let block = at / BLOCK;
        let end = run.end.min(block.saturating_add(1).saturating_mul(BLOCK));
        if end - at == BLOCK {
            let blocks = block..run.end / BLOCK;
            at = blocks.end * BLOCK;
            each(Piece::Blocks(blocks));
        } else {
            each(Piece::Part(block, at - block * BLOCK..end - block * BLOCK));
            at = end;
        }
    }
}

/// The words that a run inside of a block touches, and which of their bits.
fn for_words(run: Range<u64>, mut each: impl FnMut(usize, u64)) {
    let mut at = run.start;
    while at < run.end {
        let end = run.end.min((at / WORD + 1) * WORD);
        let mask = u64::MAX >> (WORD - (end - at)) << (at % WORD);
        each(word(at), mask);
        at = end;
    }
}

fn word(offset: u64) -> usize {
    (offset % BLOCK / WORD) as usize
}

/// The first bit that is set at or after `from`.
fn first_set(bits: &Bits, from: u64) -> Option<u64> {
    let mut mask = u64::MAX << (from % WORD);
    for (index, bits) in (0..).zip(bits).skip(word(from)) {
        let masked = bits & mask;
        if masked != 0 {
            return Some(index * WORD + u64::from(masked.trailing_zeros()));
        }
        mask = u64::MAX;
    }
    None
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;

    /// Runs around the borders of words and blocks.
    fn run() -> impl Strategy<Value = Range<u64>> {
        let length = prop_oneof![1..4u64, 60..70u64, 500..530u64, 1000..1600u64];
        (0..2_100u64, length).prop_map(|(start, length)| start..start + length)
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1_000))]

        #[test]
        fn it_holds_what_a_set_of_every_offset_holds(
            steps in prop::collection::vec((any::<bool>(), run()), 1..24),
            probe in run(),
        ) {
            let mut set = OffsetSet::default();
            let mut model = BTreeSet::new();
            for (inserts, run) in steps {
                if inserts {
                    set.insert(run.clone());
                    model.extend(run);
                } else {
                    set.remove(run.clone());
                    model.retain(|offset| !run.contains(offset));
                }
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(set.first(), model.first().copied());
            prop_assert!(set.runs().flatten().eq(model.iter().copied()));
            let within = model.range(probe.clone()).copied();
            prop_assert!(set.runs_within(probe.clone()).flatten().eq(within));
            let next = model.range(probe.start..).next().copied();
            prop_assert_eq!(set.first_from(probe.start), next);
            prop_assert_eq!(set.contains(probe.start), model.contains(&probe.start));
            // The same offsets are the same set, however they came in.
            let mut rebuilt = OffsetSet::default();
            model.iter().rev().for_each(|offset| rebuilt.insert(*offset..offset + 1));
            prop_assert_eq!(set, rebuilt);
        }
    }

    #[test]
    fn ten_million_in_a_row_cost_what_ten_thousand_cost() {
        let bytes = |run: Range<u64>| {
            let mut set = OffsetSet::default();
            run.for_each(|offset| set.insert(offset..offset + 1));
            set.memory_bytes()
        };
        assert_eq!(bytes(100..10_000_100), bytes(100..10_100));
    }

    #[test]
    fn the_worst_set_costs_a_few_bits_an_offset() {
        let mut set = OffsetSet::default();
        (0..100_000).for_each(|n| set.insert(2 * n..2 * n + 1));
        assert!(
            set.memory_bytes() <= 100_000 * 2 * 5 / 16,
            "{}",
            set.memory_bytes()
        );
    }
}
