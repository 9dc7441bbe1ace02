//! Reading a decoder to its end, or to a limit: for codecs whose decoders are streams.

use std::io::Read;

use super::Failure;
use crate::limits::INITIAL_OUTPUT_BYTES;

/// Reads all of `decoder`, at most `limit` bytes. `input_bytes` guides the first allocation only.
pub(super) fn read_bounded(
    decoder: impl Read,
    input_bytes: usize,
    limit: usize,
) -> Result<Vec<u8>, Failure> {
    let guess = input_bytes
        .saturating_mul(4)
        .min(INITIAL_OUTPUT_BYTES)
        .min(limit);
    let mut output = Vec::with_capacity(guess);
    // One byte more than allowed is asked for, to tell "exactly the limit" from "more".
    let bound = u64::try_from(limit).unwrap_or(u64::MAX).saturating_add(1);
    decoder
        .take(bound)
        .read_to_end(&mut output)
        .map_err(Failure::invalid)?;
    if output.len() > limit {
        return Err(Failure::TooLarge);
    }
    Ok(output)
}
