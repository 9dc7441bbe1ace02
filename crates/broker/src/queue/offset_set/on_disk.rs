//! Pages of a set that wait on disk.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use forebay_storage::{Scratch, ScratchPage};

use super::blocks::{BLOCK, Bits, WORDS, count, first_set, ones, ones_of, word};

/// Blocks of a page: what a page of the scratch file has room for.
pub(super) const PAGE: u64 = (Scratch::PAGE_BYTES_MAX / size_of::<Bits>()) as u64;

/// Which blocks a page has, the first by the lowest bit.
type Mask = u64;

const _: () = assert!(PAGE == Mask::BITS as u64);

/// A place in a page, in bytes.
const PLACE_BYTES: usize = size_of::<u16>();

const _: () = assert!(PAGE * BLOCK <= 1 << u16::BITS);

#[derive(Clone, Debug, Default)]
pub(super) struct OnDisk {
    pages: BTreeMap<u64, Page>,
    /// The page that was read last: who goes through a set asks for one run after another.
    read_last: RefCell<Option<(u64, Vec<Bits>)>>,
    /// The page that came back last.
    pub(super) last_back: Option<u64>,
    /// The page whose turn it is to wait here.
    pub(super) next_out: u64,
    /// Bytes of bitmaps in memory below which there is no use in another try.
    pub(super) next_at: usize,
}

#[derive(Clone, Debug)]
struct Page {
    blocks: Mask,
    /// Offsets in it.
    len: u64,
    packed: Arc<ScratchPage>,
}

impl Page {
    /// The bitmaps of its blocks. Empty ones if they are lost with the disk.
    fn read(&self) -> Vec<Bits> {
        let bytes = self.packed.read().unwrap_or_default();
        unpacked(self.blocks, &bytes).unwrap_or_default()
    }
}

impl OnDisk {
    /// Writes a page out, of which nothing is here. False if the disk does not take it.
    pub(super) fn put(
        &mut self,
        page: u64,
        blocks: &[(u64, Bits)],
        scratch: &Arc<Scratch>,
    ) -> bool {
        let Some(packed) = scratch.put(&packed(blocks)) else {
            return false;
        };
        let written = Page {
            blocks: mask(blocks),
            len: blocks.iter().map(|(_, bits)| count(bits)).sum(),
            packed,
        };
        self.pages.insert(page, written);
        true
    }

    /// Takes a page out: its blocks in order, empty ones if they are lost with the disk.
    pub(super) fn take(&mut self, page: u64) -> impl Iterator<Item = (u64, Bits)> + use<> {
        let taken = self.pages.remove(&page).map(|taken| {
            self.last_back = Some(page);
            let bitmaps = match self.read_last.take() {
                Some((last, bitmaps)) if last == page => bitmaps,
                _ => taken.read(),
            };
            ones(taken.blocks)
                .map(move |block| page * PAGE + block)
                .zip(bitmaps)
        });
        taken.into_iter().flatten()
    }

    /// The bitmap of a block that is here.
    #[cold]
    pub(super) fn read(&self, block: u64) -> Option<Bits> {
        let number = block / PAGE;
        let page = self.pages.get(&number)?;
        let bit = 1 << (block % PAGE);
        if page.blocks & bit == 0 {
            return None;
        }
        let mut last = self.read_last.borrow_mut();
        if last.as_ref().is_none_or(|(last, _)| *last != number) {
            *last = Some((number, page.read()));
        }
        let (_, bitmaps) = last.as_ref()?;
        let index = (page.blocks & (bit - 1)).count_ones() as usize;
        bitmaps.get(index).copied()
    }

    /// The first offset in a range of blocks.
    #[cold]
    pub(super) fn first_within(&self, blocks: Range<u64>) -> Option<u64> {
        let pages = self.pages.range(blocks.start / PAGE..);
        let here = pages
            .take_while(|(page, _)| **page * PAGE < blocks.end)
            .flat_map(|(page, found)| ones(found.blocks).map(move |at| page * PAGE + at));
        here.filter(|block| blocks.contains(block))
            .find_map(|block| Some(block * BLOCK + first_set(&self.read(block)?, 0)?))
    }

    /// Drops the pages that lie in a range of blocks as a whole. Returns how many offsets they had.
    pub(super) fn remove_within(&mut self, blocks: Range<u64>) -> u64 {
        let pages = blocks.start.div_ceil(PAGE)..blocks.end / PAGE;
        let mut removed = 0;
        while !pages.is_empty()
            && let Some((page, found)) = self.pages.range(pages.clone()).next()
        {
            let page = *page;
            removed += found.len;
            self.pages.remove(&page);
            self.read_last.take();
        }
        removed
    }

    /// The numbers of the pages, in order.
    pub(super) fn numbers(&self) -> impl Iterator<Item = u64> {
        self.pages.keys().copied()
    }

    /// Which blocks a page has, and what [`packed`] made of them.
    pub(super) fn page(&self, number: u64) -> Option<(Mask, &Arc<ScratchPage>)> {
        let page = self.pages.get(&number)?;
        Some((page.blocks, &page.packed))
    }

    /// About what it takes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let read_last = self.read_last.borrow();
        let read_last = read_last
            .as_ref()
            .map_or(0, |(_, bitmaps)| size_of_val(&bitmaps[..]));
        let per_page = 2 * size_of::<(u64, Page)>() + size_of::<ScratchPage>();
        size_of::<Self>() + read_last + self.pages.len() * per_page
    }
}

/// Which blocks of a page these are.
pub(super) fn mask(blocks: &[(u64, Bits)]) -> Mask {
    let bits = blocks.iter().map(|(block, _)| 1 << (block % PAGE));
    bits.fold(0, |mask, bit: Mask| mask | bit)
}

/// The bitmaps of a page one after the other, each word of them with the low byte first, or where these are fewer bytes
/// the places in the page of the offsets that it has.
pub(super) fn packed(blocks: &[(u64, Bits)]) -> Vec<u8> {
    let places = blocks.iter().flat_map(|(block, bits)| {
        let start = block % PAGE * BLOCK;
        ones_of(bits).map(move |place| (start + place) as u16)
    });
    let offsets: u64 = blocks.iter().map(|(_, bits)| count(bits)).sum();
    if (offsets as usize) * PLACE_BYTES < blocks.len() * size_of::<Bits>() {
        return places.flat_map(u16::to_le_bytes).collect();
    }
    let words = blocks.iter().flat_map(|(_, bits)| bits);
    words.flat_map(|word| word.to_le_bytes()).collect()
}

/// The bitmaps of the blocks in `mask`, of what [`packed`] made of them. None if it did not.
pub(super) fn unpacked(mask: Mask, bytes: &[u8]) -> Option<Vec<Bits>> {
    let blocks = mask.count_ones() as usize;
    if bytes.len() == blocks * size_of::<Bits>() {
        let (bitmaps, _) = bytes.as_chunks();
        return Some(bitmaps.iter().map(unpack).collect());
    }
    let (places, []) = bytes.as_chunks::<PLACE_BYTES>() else {
        return None;
    };
    let mut bitmaps = vec![[0; WORDS]; blocks];
    for place in places {
        let place = u64::from(u16::from_le_bytes(*place));
        let bit: Mask = 1_u64.checked_shl((place / BLOCK) as u32)?;
        if mask & bit == 0 {
            return None;
        }
        let index = (mask & (bit - 1)).count_ones() as usize;
        bitmaps[index][word(place)] |= 1 << (place % u64::from(u64::BITS));
    }
    Some(bitmaps)
}

fn unpack(bytes: &[u8; size_of::<Bits>()]) -> Bits {
    let (words, _) = bytes.as_chunks();
    std::array::from_fn::<u64, WORDS, _>(|word| u64::from_le_bytes(words[word]))
}
