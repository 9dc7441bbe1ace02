//! A set at one point of the journal: as runs where there are few, and else as it is, with what waits on disk
//! unread.

use std::collections::BTreeSet;
use std::ops::Range;
use std::sync::Arc;

use forebay_storage::Scratch;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::limits::NUMBER_MAX;

use super::OffsetSet;
use super::blocks::{BLOCK, WORDS, count, ones};
use super::on_disk::{OnDisk, PAGE, mask, packed, unpacked};

/// Runs up to which a set is written as these: so many take less than the bitmaps that they are in.
const RUNS_MAX: usize = 16;

const AS_RUNS: u8 = 0;
const AS_BITMAPS: u8 = 1;

impl OffsetSet {
    /// Layout: `0 u8, RUNS` of up to 16 runs, and otherwise `1 u8, full blocks RUNS, pages list<gap varint, blocks u64,
    /// offsets bytes>`: how far each page of 64 blocks is from the end of the one before it, which of its blocks have some
    /// of their 512 offsets, the first by the lowest bit, and for each of these which, 64 bytes, the first by the lowest
    /// bit of the first; or where these are fewer bytes, a u16 for each offset, how far it is from the start of its page.
    /// RUNS is `list<gap varint, length varint>`: how far each run is from the end of the one before it, and how long it
    /// is.
    pub(in crate::queue) fn snapshot(&self, encoder: &mut Encoder) {
        if self.runs().nth(RUNS_MAX).is_none() {
            put_runs(encoder.u8(AS_RUNS), || self.runs());
            return;
        }
        let full = || self.full.iter().map(|(start, end)| *start..*end);
        put_runs(encoder.u8(AS_BITMAPS), full);
        let nothing = OnDisk::default();
        let on_disk = self.on_disk.as_deref().unwrap_or(&nothing);
        let in_memory = self.partial.keys().map(|block| block / PAGE);
        let pages: BTreeSet<u64> = in_memory.chain(on_disk.numbers()).collect();
        let mut end = 0;
        encoder.list(pages, |encoder, page| {
            encoder.varint(page - end);
            end = page + 1;
            if let Some((blocks, packed)) = on_disk.page(page) {
                encoder.u64(blocks).page(packed);
                return;
            }
            let blocks = self.partial.range(page * PAGE..(page + 1) * PAGE);
            let blocks: Vec<_> = blocks.map(|(block, bits)| (*block, *bits)).collect();
            encoder.u64(mask(&blocks)).bytes(&packed(&blocks));
        });
    }

    /// Takes what [`Self::snapshot`] wrote, `bytes_max` of its bitmaps in memory.
    pub(in crate::queue) fn restore(
        decoder: &mut Decoder<'_>,
        bytes_max: usize,
        scratch: &Arc<Scratch>,
    ) -> Result<Self, DecodeError> {
        let mut set = Self::default();
        match decoder.u8()? {
            AS_RUNS => take_runs(decoder, NUMBER_MAX, |run| set.insert(run))?,
            AS_BITMAPS => set.restore_bitmaps(decoder, bytes_max, scratch)?,
            _ => return Err(INVALID),
        }
        Ok(set)
    }

    fn restore_bitmaps(
        &mut self,
        decoder: &mut Decoder<'_>,
        bytes_max: usize,
        scratch: &Arc<Scratch>,
    ) -> Result<(), DecodeError> {
        take_runs(decoder, NUMBER_MAX / BLOCK, |blocks| {
            self.len += (blocks.end - blocks.start) * BLOCK;
            self.join_full(blocks);
        })?;
        let mut end = 0u64;
        decoder.each(|decoder| {
            let page = end.saturating_add(decoder.varint()?);
            let blocks = decoder.u64()?;
            let bitmaps = unpacked(blocks, decoder.bytes()?).ok_or(INVALID)?;
            if page >= NUMBER_MAX / BLOCK / PAGE || blocks == 0 {
                return Err(INVALID);
            }
            end = page + 1;
            for (block, bits) in ones(blocks).zip(bitmaps) {
                let block = page * PAGE + block;
                let is_partial = bits != [0; WORDS] && bits != [u64::MAX; WORDS];
                if !is_partial || self.full_to(block).is_some() {
                    return Err(INVALID);
                }
                self.len += count(&bits);
                self.partial.insert(block, bits);
            }
            self.page_out(bytes_max, scratch);
            Ok(())
        })
    }
}

const INVALID: DecodeError = DecodeError::Invalid {
    what: "set of offsets",
};

/// Appends runs that are in order, and are gone through twice.
pub(in crate::queue) fn put_runs<I>(encoder: &mut Encoder, runs: impl Fn() -> I)
where
    I: Iterator<Item = Range<u64>>,
{
    let count = u32::try_from(runs().count()).expect("persisted lists are bounded below 2^32");
    encoder.u32(count);
    let mut end = 0;
    for run in runs() {
        encoder.varint(run.start - end).varint(run.end - run.start);
        end = run.end;
    }
}

/// Takes what [`put_runs`] wrote, which ends at `end_max` at the latest.
pub(in crate::queue) fn take_runs(
    decoder: &mut Decoder<'_>,
    end_max: u64,
    mut take: impl FnMut(Range<u64>),
) -> Result<(), DecodeError> {
    let mut end = 0u64;
    decoder.each(|decoder| {
        let start = end.saturating_add(decoder.varint()?);
        end = start.saturating_add(decoder.varint()?);
        if end > end_max || start == end {
            return Err(INVALID);
        }
        take(start..end);
        Ok(())
    })
}
