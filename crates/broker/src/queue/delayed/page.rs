//! Some hundred messages and their times, packed, in memory or on disk.
//!
//! Every entry of a page has the same width: how much later it is than the page begins, and how far its offset is above
//! the lowest one, each in as few bytes as the greatest of them takes. So an entry is found by halving, and put in its
//! place without unpacking what is there.

use std::sync::Arc;

use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::{Scratch, ScratchPage};

use super::At;
use crate::queue::limits::DELAYED_PAGE_MAX;

/// Entries by which a page grows when it is full, so that it has little room that it does not use.
const GROWTH: usize = 16;

#[derive(Clone, Debug)]
pub(super) struct Page {
    packed: Packed,
    shape: Shape,
    last: At,
}

/// Entries in order; the time before the offset, the low byte first.
#[derive(Clone, Debug)]
enum Packed {
    InMemory(Vec<u8>),
    OnDisk(Arc<ScratchPage>),
}

/// What is to be known of a page to pack its entries and to unpack them.
#[derive(Clone, Copy, Debug)]
struct Shape {
    first_ms: i64,
    lowest: u64,
    time_width: u8,
    offset_width: u8,
}

impl Page {
    /// Packs entries that are in order. There is at least one, and no more than a page takes.
    pub(super) fn pack(entries: &[At]) -> Self {
        let shape = Shape::of(entries);
        let mut packed = Vec::with_capacity(entries.len() * shape.width());
        for at in entries {
            shape.pack(*at, &mut packed);
        }
        Self {
            packed: Packed::InMemory(packed),
            shape,
            last: entries.last().copied().unwrap_or_default(),
        }
    }

    /// Adds an entry that is not before the first. False if it does not fit, and the page is to be packed anew or
    /// divided, or if it is on disk.
    pub(super) fn insert(&mut self, at: At) -> bool {
        if self.is_full() || !self.shape.takes(at) {
            return false;
        }
        let Packed::InMemory(packed) = &mut self.packed else {
            return false;
        };
        let width = self.shape.width();
        if packed.len() + width > packed.capacity() {
            packed.reserve_exact(GROWTH * width);
        }
        let place = match self.last < at {
            // Times that count up come last.
            true => packed.len(),
            false => self.shape.place_of(at, packed) * width,
        };
        self.shape.pack(at, packed);
        packed[place..].rotate_right(width);
        self.last = self.last.max(at);
        true
    }

    pub(super) fn is_full(&self) -> bool {
        let bytes = match &self.packed {
            Packed::InMemory(packed) => packed.len(),
            Packed::OnDisk(page) => page.length(),
        };
        bytes / self.shape.width() >= DELAYED_PAGE_MAX
    }

    /// Gives back the room for more.
    pub(super) fn close(&mut self) {
        if let Packed::InMemory(packed) = &mut self.packed {
            packed.shrink_to_fit();
        }
    }

    /// Goes to disk; false if it cannot.
    pub(super) fn page_out(&mut self, scratch: &Arc<Scratch>) -> bool {
        let Packed::InMemory(packed) = &self.packed else {
            return true;
        };
        let Some(page) = scratch.put(packed) else {
            return false;
        };
        self.packed = Packed::OnDisk(page);
        true
    }

    pub(super) fn shift(&mut self, by_ms: i64) {
        for time in [&mut self.shape.first_ms, &mut self.last.until_ms] {
            *time = time.saturating_add(by_ms);
        }
    }

    pub(super) fn last(&self) -> At {
        self.last
    }

    /// What it has, in order. Nothing if it was on disk and is lost.
    pub(super) fn entries(&self) -> Vec<At> {
        let unpacked = |packed: &[u8]| self.shape.entries(packed).collect();
        match &self.packed {
            Packed::InMemory(packed) => unpacked(packed),
            Packed::OnDisk(page) => page
                .read()
                .map_or_else(Vec::new, |packed| unpacked(&packed)),
        }
    }

    /// What it takes of memory beyond itself; 0 if it is on disk.
    pub(super) fn memory_bytes(&self) -> usize {
        match &self.packed {
            Packed::InMemory(packed) => packed.capacity(),
            Packed::OnDisk(_) => 0,
        }
    }

    /// Layout: `first time i64, lowest offset varint, width of times u8 and of offsets u8, entries bytes`.
    pub(super) fn snapshot(&self, encoder: &mut Encoder) {
        encoder
            .i64(self.shape.first_ms)
            .varint(self.shape.lowest)
            .u8(self.shape.time_width)
            .u8(self.shape.offset_width);
        match &self.packed {
            Packed::InMemory(packed) => encoder.bytes(packed),
            Packed::OnDisk(page) => encoder.page(page),
        };
    }

    /// The entries of what [`Self::snapshot`] wrote.
    pub(super) fn restore(
        decoder: &mut Decoder<'_>,
        take: impl FnMut(At) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let shape = Shape {
            first_ms: decoder.i64()?,
            lowest: decoder.varint()?,
            time_width: decoder.u8()?,
            offset_width: decoder.u8()?,
        };
        let widths = 1..=size_of::<u64>() as u8;
        let packed = decoder.bytes()?;
        if !widths.contains(&shape.time_width)
            || !widths.contains(&shape.offset_width)
            || !packed.len().is_multiple_of(shape.width())
        {
            let what = "page of delayed messages";
            return Err(DecodeError::Invalid { what });
        }
        shape.entries(packed).try_for_each(take)
    }
}

impl Shape {
    /// The smallest one for entries that are in order.
    fn of(entries: &[At]) -> Self {
        let first_ms = entries.first().map_or(0, |at| at.until_ms);
        let last_ms = entries.last().map_or(0, |at| at.until_ms);
        let offsets = || entries.iter().map(|at| at.offset);
        let lowest = offsets().min().unwrap_or(0);
        let highest = offsets().max().unwrap_or(0);
        Self {
            first_ms,
            lowest,
            time_width: width_of(since(first_ms, last_ms)),
            offset_width: width_of(highest - lowest),
        }
    }

    fn width(&self) -> usize {
        usize::from(self.time_width + self.offset_width)
    }

    /// Whether an entry that is not before the first fits.
    fn takes(&self, at: At) -> bool {
        at.offset >= self.lowest
            && width_of(at.offset - self.lowest) <= self.offset_width
            && width_of(since(self.first_ms, at.until_ms)) <= self.time_width
    }

    fn pack(&self, at: At, packed: &mut Vec<u8>) {
        let time = since(self.first_ms, at.until_ms).to_le_bytes();
        let offset = (at.offset - self.lowest).to_le_bytes();
        packed.extend_from_slice(&time[..usize::from(self.time_width)]);
        packed.extend_from_slice(&offset[..usize::from(self.offset_width)]);
    }

    fn entries(&self, packed: &[u8]) -> impl Iterator<Item = At> {
        let packed = packed.chunks_exact(self.width());
        packed.map(|entry| self.unpack(entry))
    }

    fn unpack(&self, entry: &[u8]) -> At {
        let (time, offset) = entry.split_at(usize::from(self.time_width));
        At {
            until_ms: self.first_ms.wrapping_add_unsigned(number(time)),
            offset: self.lowest.wrapping_add(number(offset)),
        }
    }

    /// How many entries are before `at`.
    fn place_of(&self, at: At, packed: &[u8]) -> usize {
        let width = self.width();
        let (mut low, mut high) = (0, packed.len() / width);
        while low < high {
            let middle = usize::midpoint(low, high);
            match self.unpack(&packed[middle * width..][..width]) < at {
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
