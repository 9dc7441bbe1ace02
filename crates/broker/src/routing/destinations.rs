//! Where a message goes.

use indexmap::IndexSet;

use super::Destination;
use super::targets::HashBuilder;
use super::topic::Cursors;

/// Destinations of one message, each once, in the order in which they were found. Kept from one message to
/// the next, it costs no allocation.
#[derive(Clone, Debug)]
pub struct Destinations<D> {
    found: IndexSet<D, HashBuilder>,
    /// Room to match topics in.
    pub(super) cursors: Cursors,
    /// What lots are drawn with.
    lots: u64,
}

impl<D: Destination> Destinations<D> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Has other lots drawn from here on: the same `seed`, the same lots.
    pub fn reseed(&mut self, seed: u64) {
        self.lots = seed;
    }

    /// A lot (SplitMix64: G. Steele, D. Lea and C. Flood, "Fast Splittable Pseudorandom Number Generators",
    /// 2014).
    pub(super) fn draw(&mut self) -> u64 {
        self.lots = self.lots.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut lot = self.lots;
        lot = (lot ^ (lot >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        lot = (lot ^ (lot >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        lot ^ (lot >> 31)
    }

    /// Adds one; answers whether it is new.
    pub fn add(&mut self, destination: D) -> bool {
        self.found.insert(destination)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = D> {
        self.found.iter().copied()
    }

    /// Whether the message goes nowhere.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Forgets them, for the next message.
    pub fn clear(&mut self) {
        self.found.clear();
    }
}

impl<D> Default for Destinations<D> {
    fn default() -> Self {
        Self {
            found: IndexSet::default(),
            cursors: Cursors::default(),
            lots: 0,
        }
    }
}
