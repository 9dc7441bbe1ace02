//! Snappy. Java's clients frame it their own way (xerial's `SnappyOutputStream`, not the Snappy
//! frame format): a header, then blocks of raw Snappy behind their lengths. Some other clients send
//! one raw block without any framing, so both are read.

use snap::raw::{Decoder, Encoder, decompress_len, max_compress_len};

use super::Failure;
use crate::limits::{SNAPPY_BLOCK_BYTES, SNAPPY_EXPANSION_MAX};

/// How xerial's framing begins. As raw Snappy it would declare 10,626 bytes of output and go on with
/// an impossible copy, so the two cannot be taken for each other.
const MAGIC: [u8; 8] = *b"\x82SNAPPY\0";
/// Version and lowest compatible version, both 1, as every writer of it says.
const VERSIONS: [u8; 8] = [0, 0, 0, 1, 0, 0, 0, 1];

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) {
    out.extend_from_slice(&MAGIC);
    out.extend_from_slice(&VERSIONS);
    let mut encoder = Encoder::new();
    for block in input.chunks(SNAPPY_BLOCK_BYTES) {
        let start = out.len();
        out.resize(start + 4 + max_compress_len(block.len()), 0);
        let length = encoder
            .compress(block, &mut out[start + 4..])
            .expect("the room is the encoder's own upper bound");
        let prefix = u32::try_from(length).expect("a block is far below 4 GiB");
        out[start..start + 4].copy_from_slice(&prefix.to_be_bytes());
        out.truncate(start + 4 + length);
    }
}

pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut output = Vec::new();
    let Some(framed) = input.strip_prefix(&MAGIC) else {
        decompress_block(input, &mut output, limit)?;
        return Ok(output);
    };
    // The versions are not compared: xerial itself only asks that the second is not above its own,
    // and there has never been another.
    let mut rest = framed
        .get(VERSIONS.len()..)
        .ok_or_else(|| Failure::invalid("the framing ends in its header"))?;
    while let Some((length, after)) = rest.split_first_chunk::<4>() {
        let length = usize::try_from(u32::from_be_bytes(*length)).unwrap_or(usize::MAX);
        let (block, after) = after
            .split_at_checked(length)
            .ok_or_else(|| Failure::invalid("a block runs past the end"))?;
        decompress_block(block, &mut output, limit)?;
        rest = after;
    }
    if !rest.is_empty() {
        return Err(Failure::invalid("the framing ends in a block length"));
    }
    Ok(output)
}

/// Appends one raw block to `output`. Its decoder wants all the room in advance, so the declared
/// length is first held against what the block could possibly hold.
fn decompress_block(block: &[u8], output: &mut Vec<u8>, limit: usize) -> Result<(), Failure> {
    let declared = decompress_len(block).map_err(Failure::invalid)?;
    if declared > block.len().saturating_mul(SNAPPY_EXPANSION_MAX) {
        return Err(Failure::invalid("a block declares more than it can hold"));
    }
    let start = output.len();
    if declared > limit - start {
        return Err(Failure::TooLarge);
    }
    output.resize(start + declared, 0);
    Decoder::new()
        .decompress(block, &mut output[start..])
        .map_err(Failure::invalid)?;
    Ok(())
}
