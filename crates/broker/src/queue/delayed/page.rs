//! Some hundred messages and their times, packed.
//!
//! Every entry of a page has the same width: how much later it is than the page begins, and how far its offset is above
//! the lowest one, each in as few bytes as the greatest of them takes. So an entry is found by halving, and put in its
//! place without unpacking what is there.

use super::At;
use crate::queue::limits::DELAYED_PAGE_MAX;

/// Entries by which a page grows when it is full, so that it has little room that it does not use.
const GROWTH: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Page {
    /// In order; the time before the offset, the low byte first.
    packed: Vec<u8>,
    first_ms: i64,
    lowest: u64,
    time_width: u8,
    offset_width: u8,
}

impl Page {
    /// Packs entries that are in order. There is at least one, and no more than a page takes.
    pub(super) fn pack(entries: &[At]) -> Self {
        let first_ms = entries.first().map_or(0, |at| at.until_ms);
        let last_ms = entries.last().map_or(0, |at| at.until_ms);
        let offsets = || entries.iter().map(|at| at.offset);
        let lowest = offsets().min().unwrap_or(0);
        let highest = offsets().max().unwrap_or(0);
        let mut page = Self {
            packed: Vec::new(),
            first_ms,
            lowest,
            time_width: width_of(since(first_ms, last_ms)),
            offset_width: width_of(highest - lowest),
        };
        page.packed.reserve_exact(entries.len() * page.width());
        for at in entries {
            page.push(*at);
        }
        page
    }

    /// Adds an entry that is not before the first. False if it does not fit, and the page is to be packed anew or
    /// divided.
    pub(super) fn insert(&mut self, at: At) -> bool {
        if self.is_full()
            || at.offset < self.lowest
            || width_of(at.offset - self.lowest) > self.offset_width
            || width_of(since(self.first_ms, at.until_ms)) > self.time_width
        {
            return false;
        }
        let width = self.width();
        if self.packed.len() + width > self.packed.capacity() {
            self.packed.reserve_exact(GROWTH * width);
        }
        let place = self.place_of(at) * width;
        self.push(at);
        self.packed[place..].rotate_right(width);
        true
    }

    pub(super) fn is_full(&self) -> bool {
        self.len() >= DELAYED_PAGE_MAX
    }

    /// Gives back the room for more.
    pub(super) fn close(&mut self) {
        self.packed.shrink_to_fit();
    }

    pub(super) fn shift(&mut self, by_ms: i64) {
        self.first_ms = self.first_ms.saturating_add(by_ms);
    }

    pub(super) fn last(&self) -> Option<At> {
        self.entries().next_back()
    }

    pub(super) fn entries(&self) -> impl DoubleEndedIterator<Item = At> {
        let packed = self.packed.chunks_exact(self.width());
        packed.map(|entry| self.unpack(entry))
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.packed.capacity()
    }

    fn len(&self) -> usize {
        self.packed.len() / self.width()
    }

    fn width(&self) -> usize {
        usize::from(self.time_width + self.offset_width)
    }

    fn push(&mut self, at: At) {
        let time = since(self.first_ms, at.until_ms).to_le_bytes();
        let offset = (at.offset - self.lowest).to_le_bytes();
        self.packed
            .extend_from_slice(&time[..usize::from(self.time_width)]);
        self.packed
            .extend_from_slice(&offset[..usize::from(self.offset_width)]);
    }

    fn unpack(&self, entry: &[u8]) -> At {
        let (time, offset) = entry.split_at(usize::from(self.time_width));
        At {
            until_ms: self.first_ms.wrapping_add_unsigned(number(time)),
            offset: self.lowest + number(offset),
        }
    }

    /// How many entries are before `at`.
    fn place_of(&self, at: At) -> usize {
        let width = self.width();
        let (mut low, mut high) = (0, self.len());
        // Times that count up come last.
        if self.last().is_some_and(|last| last < at) {
            low = high;
        }
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.unpack(&self.packed[middle * width..][..width]) < at {
                true => low = middle + 1,
                false => high = middle,
            }
        }
        low
    }
}

fn number(bytes: &[u8]) -> u64 {
    let bytes = bytes.iter().rev();
    bytes.fold(0, |number, byte| number << 8 | u64::from(*byte))
}

/// From one time to a later one, however far they are apart.
fn since(first_ms: i64, until_ms: i64) -> u64 {
    until_ms.wrapping_sub(first_ms).cast_unsigned()
}

/// The bytes that a number takes.
fn width_of(number: u64) -> u8 {
    let bits = u64::BITS - number.leading_zeros();
    bits.div_ceil(8).max(1) as u8
}
