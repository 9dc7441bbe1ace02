//! Zstandard (RFC 8878), in one frame or several.

use std::io::Write;

use zstd::stream::read::Decoder;
use zstd::stream::write::Encoder;

use super::Failure;
use super::read_bounded::read_bounded;
use crate::limits::{ZSTD_LEVEL, ZSTD_WINDOW_LOG_MAX};

pub(super) fn compress(input: &[u8], out: &mut Vec<u8>) {
    // With the size told up front the frame carries it, and a small batch gets a small window:
    // decoders then need no megabytes for it.
    let size = u64::try_from(input.len()).expect("a length in memory fits 64 bits");
    Encoder::new(out, ZSTD_LEVEL)
        .and_then(|mut encoder| {
            encoder.set_pledged_src_size(Some(size))?;
            encoder.write_all(input)?;
            encoder.finish()
        })
        .expect("zstd into memory with its default level has nothing to fail on");
}

pub(super) fn decompress(input: &[u8], limit: usize) -> Result<Vec<u8>, Failure> {
    let mut decoder = Decoder::with_buffer(input).map_err(Failure::invalid)?;
    decoder
        .window_log_max(ZSTD_WINDOW_LOG_MAX)
        .map_err(Failure::invalid)?;
    read_bounded(decoder, input.len(), limit)
}
