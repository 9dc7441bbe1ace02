//! Where made-up messages get their content from: a seed, and a liking for the edges.

use bytes::Bytes;
use forebay_kafka::protocol::{Blob, Records, Str};
use uuid::Uuid;

/// Lengths around which the form of a length changes: one or two bytes of varint, and copied or
/// spliced records.
const EDGE_LENGTHS: [usize; 7] = [0, 1, 126, 127, 128, 511, 512];

/// Something that can be made up.
pub(crate) trait Fill: Sized {
    /// Makes up one that `version` can express.
    fn fill(source: &mut Source, version: i16) -> Self;
}

/// A stream of made-up values (SplitMix64).
pub(crate) struct Source {
    state: u64,
}

impl Source {
    pub(crate) fn new(seed: u64) -> Self {
        Self { state: seed }
    }

    pub(crate) fn u64(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number less than `end`.
    pub(crate) fn below(&mut self, end: usize) -> usize {
        (self.u64() % end as u64) as usize
    }

    pub(crate) fn bytes(&mut self, length: usize) -> Vec<u8> {
        (0..length).map(|_| self.u64() as u8).collect()
    }

    pub(crate) fn bool(&mut self) -> bool {
        self.u64() & 1 == 1
    }

    pub(crate) fn i64(&mut self) -> i64 {
        match self.below(4) {
            0 => -1,
            1 => self.below(1000) as i64,
            2 => [i64::MIN, i64::MAX, 0][self.below(3)],
            _ => self.u64() as i64,
        }
    }

    // Truncation keeps -1 and 0, and makes the rest as random as it was.
    pub(crate) fn i8(&mut self) -> i8 {
        self.i64() as i8
    }

    pub(crate) fn i16(&mut self) -> i16 {
        self.i64() as i16
    }

    pub(crate) fn i32(&mut self) -> i32 {
        self.i64() as i32
    }

    pub(crate) fn uuid(&mut self) -> Uuid {
        if self.bool() {
            Uuid::nil()
        } else {
            Uuid::from_u64_pair(self.u64(), self.u64())
        }
    }

    fn length(&mut self) -> usize {
        if self.below(16) == 0 {
            EDGE_LENGTHS[self.below(EDGE_LENGTHS.len())]
        } else {
            self.below(12)
        }
    }

    pub(crate) fn string(&mut self) -> Str<'static> {
        let length = self.length();
        (0..length)
            .map(|_| ['a', 'Z', '.', '"', 'é', '水'][self.below(6)])
            .collect::<String>()
            .into()
    }

    pub(crate) fn blob(&mut self) -> Blob<'static> {
        let length = self.length();
        self.bytes(length).into()
    }

    pub(crate) fn records(&mut self) -> Records<'static> {
        let pieces = self.below(4);
        let piece = |source: &mut Self| {
            let length = source.length();
            Bytes::from(source.bytes(length))
        };
        (0..pieces).map(|_| piece(self)).collect::<Vec<_>>().into()
    }

    pub(crate) fn nullable<T>(&mut self, value: impl FnOnce(&mut Self) -> T) -> Option<T> {
        (self.below(4) > 0).then(|| value(self))
    }

    pub(crate) fn array<T>(&mut self, mut element: impl FnMut(&mut Self) -> T) -> Vec<T> {
        let length = self.below(4);
        (0..length).map(|_| element(self)).collect()
    }
}
