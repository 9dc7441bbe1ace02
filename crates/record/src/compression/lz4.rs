//! LZ4 frames (KIP-57). The frame is walked here and only its blocks are given to the codec:
//! a frame decoder takes its declared block size in memory, up to 12 MiB for a frame of 15 bytes,
//! and Go clients declare the largest size on every batch.
//!
//! ```text
//! magic u32 | FLG | BD | content size u64? | dictionary id u32? | header checksum u8
//! | blocks: size u32 (top bit: stored), bytes, checksum u32? | 0 u32 | content checksum u32?
//! ```
//!
//! The frame's own checksums are skipped: the batch's CRC-32C already covers every byte, and old
//! Kafka clients are known to compute the header's wrongly.

use std::io::Write;

use lz4_flex::block::{DecompressError, decompress_into_with_dict};
use lz4_flex::frame::{BlockMode, BlockSize, FrameEncoder, FrameInfo};

use super::Failure;
use crate::limits::{INITIAL_OUTPUT_BYTES, LZ4_EXPANSION_MAX, LZ4_WINDOW_BYTES};

const MAGIC: u32 = 0x184d_2204;
const FLG_VERSION_MASK: u8 = 0b1100_0000;
const FLG_VERSION: u8 = 0b0100_0000;
const FLG_INDEPENDENT_BLOCKS: u8 = 0b0010_0000;
const FLG_BLOCK_CHECKSUMS: u8 = 0b0001_0000;
const FLG_CONTENT_SIZE: u8 = 0b0000_1000;
const FLG_CONTENT_CHECKSUM: u8 = 0b0000_0100;
const FLG_DICTIONARY: u8 = 0b0000_0001;
const BLOCK_IS_STORED: u32 = 1 << 31;

/// Independent blocks of 64 KiB without checksums, as Java writes them: its reader knows no linked
/// blocks, and some Go readers have failed on block checksums.
pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) {
    let frame = FrameInfo::new()
        .block_size(BlockSize::Max64KB)
        .block_mode(BlockMode::Independent);
    let mut encoder = FrameEncoder::with_frame_info(frame, out);
    encoder
        .write_all(input)
        .expect("lz4 into memory has nothing to fail on");
    encoder
        .finish()
        .expect("lz4 into memory has nothing to fail on");
}

pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut rest = input;
    let frame = Frame::take(&mut rest)?;
    let mut output = Vec::new();
    loop {
        let size = take_u32(&mut rest)?;
        if size == 0 {
            break;
        }
        let length = usize::try_from(size & !BLOCK_IS_STORED).unwrap_or(usize::MAX);
        let block = take(&mut rest, length)?;
        if size & BLOCK_IS_STORED != 0 {
            if block.len() > frame.block_bytes_max {
                return Err(Failure::invalid("a block is larger than the frame allows"));
            }
            if block.len() > limit - output.len() {
                return Err(Failure::TooLarge);
            }
            output.extend_from_slice(block);
        } else {
            frame.decompress_block(block, &mut output, limit)?;
        }
        if frame.block_checksums {
            take_u32(&mut rest)?;
        }
    }
    if frame.content_checksum {
        take_u32(&mut rest)?;
    }
    if !rest.is_empty() {
        return Err(Failure::invalid("bytes follow the frame"));
    }
    Ok(output)
}

/// What the head of a frame says about the rest.
struct Frame {
    linked_blocks: bool,
    block_checksums: bool,
    content_checksum: bool,
    block_bytes_max: usize,
}

impl Frame {
    fn take(rest: &mut &[u8]) -> Result<Self, Failure> {
        if take_u32(rest)? != MAGIC {
            return Err(Failure::invalid("no frame begins here"));
        }
        let &[flg, bd] = take_array(rest)?;
        if flg & FLG_VERSION_MASK != FLG_VERSION {
            return Err(Failure::invalid("an unknown frame version"));
        }
        if flg & FLG_DICTIONARY != 0 {
            return Err(Failure::invalid("the frame wants a dictionary"));
        }
        let block_bytes_max = match (bd >> 4) & 0b111 {
            4 => 64 * 1024,
            5 => 256 * 1024,
            6 => 1024 * 1024,
            7 => 4 * 1024 * 1024,
            _ => return Err(Failure::invalid("an unknown block size")),
        };
        if flg & FLG_CONTENT_SIZE != 0 {
            // A claim, and one that nothing here needs.
            take_array::<8>(rest)?;
        }
        take_array::<1>(rest)?;
        Ok(Self {
            linked_blocks: flg & FLG_INDEPENDENT_BLOCKS == 0,
            block_checksums: flg & FLG_BLOCK_CHECKSUMS != 0,
            content_checksum: flg & FLG_CONTENT_CHECKSUM != 0,
            block_bytes_max,
        })
    }

    /// Appends one block to `output`. A block does not say how large it becomes: the room for it
    /// starts small, or with what the blocks before it became, and grows while the codec asks for
    /// more.
    fn decompress_block(
        &self,
        block: &[u8],
        output: &mut Vec<u8>,
        limit: usize,
    ) -> Result<(), Failure> {
        let start = output.len();
        let allowed = limit - start;
        let possible = block
            .len()
            .saturating_mul(LZ4_EXPANSION_MAX)
            .min(self.block_bytes_max);
        let room_max = possible.min(allowed);
        let guess = block
            .len()
            .saturating_mul(4)
            .clamp(1024, INITIAL_OUTPUT_BYTES);
        let mut room = guess.max(start).min(room_max);
        loop {
            output.resize(start + room, 0);
            let (earlier, target) = output.split_at_mut(start);
            let window = if self.linked_blocks {
                &earlier[earlier.len().saturating_sub(LZ4_WINDOW_BYTES)..]
            } else {
                &[]
            };
            match decompress_into_with_dict(block, target, window) {
                Ok(length) => {
                    output.truncate(start + length);
                    return Ok(());
                }
                Err(DecompressError::OutputTooSmall { .. }) if room < room_max => {
                    room = room.saturating_mul(4).min(room_max);
                }
                Err(DecompressError::OutputTooSmall { .. }) if room_max == allowed => {
                    return Err(Failure::TooLarge);
                }
                Err(error) => return Err(Failure::invalid(error)),
            }
        }
    }
}

fn take<'a>(rest: &mut &'a [u8], length: usize) -> Result<&'a [u8], Failure> {
    let (taken, after) = rest
        .split_at_checked(length)
        .ok_or_else(|| Failure::invalid("the frame ends early"))?;
    *rest = after;
    Ok(taken)
}

fn take_array<'a, const N: usize>(rest: &mut &'a [u8]) -> Result<&'a [u8; N], Failure> {
    let (taken, after) = rest
        .split_first_chunk()
        .ok_or_else(|| Failure::invalid("the frame ends early"))?;
    *rest = after;
    Ok(taken)
}

fn take_u32(rest: &mut &[u8]) -> Result<u32, Failure> {
    take_array(rest).map(|bytes| u32::from_le_bytes(*bytes))
}
