//! Blocks of offsets, and runs as pieces of blocks.

use std::ops::Range;

/// Offsets in a block.
pub(super) const BLOCK: u64 = 512;
const WORD: u64 = 64;
pub(super) const WORDS: usize = (BLOCK / WORD) as usize;

/// Which offsets of a block are there.
pub(super) type Bits = [u64; WORDS];

/// What a run of offsets is made of.
pub(super) enum Piece {
    /// Whole blocks.
    Blocks(Range<u64>),
    /// A block's number, and the offsets within it.
    Part(u64, Range<u64>),
}

pub(super) fn for_pieces(run: Range<u64>, mut each: impl FnMut(Piece)) {
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
pub(super) fn for_words(run: Range<u64>, mut each: impl FnMut(usize, u64)) {
    let mut at = run.start;
    while at < run.end {
        let end = run.end.min((at / WORD + 1) * WORD);
        let mask = u64::MAX >> (WORD - (end - at)) << (at % WORD);
        each(word(at), mask);
        at = end;
    }
}

pub(super) fn word(offset: u64) -> usize {
    (offset % BLOCK / WORD) as usize
}

/// The first bit that is set at or after `from`.
pub(super) fn first_set(bits: &Bits, from: u64) -> Option<u64> {
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

/// Whether an offset is there, in its block.
pub(super) fn has(bits: &Bits, offset: u64) -> bool {
    bits[word(offset)] >> (offset % WORD) & 1 == 1
}

/// The first bit that is not set at or after `from`.
pub(super) fn first_clear(bits: &Bits, from: u64) -> Option<u64> {
    first_set(&bits.map(|word| !word), from)
}

pub(super) fn count(bits: &Bits) -> u64 {
    bits.iter().map(|word| u64::from(word.count_ones())).sum()
}

/// The offsets of a block that are there, by their place in it.
pub(super) fn ones_of(bits: &Bits) -> impl Iterator<Item = u64> {
    let words = (0..).zip(bits);
    words.flat_map(|(index, word)| ones(*word).map(move |bit| index * WORD + bit))
}

/// The bits of a word that are set.
pub(super) fn ones(mut word: u64) -> impl Iterator<Item = u64> {
    std::iter::from_fn(move || {
        let lowest = (word != 0).then(|| word.trailing_zeros())?;
        word &= word - 1;
        Some(u64::from(lowest))
    })
}
