//! The last step of everything that writes a batch: the header goes into the gap left for it in
//! front of the records, with the length and the checksum that then are known.

use bytes::Bytes;

use crate::crc32c::crc32c;
use crate::error::{Error, Result};
use crate::header::{BatchHeader, position};
use crate::limits::{BATCH_BYTES_MAX, HEADER_BYTES, LENGTH_OVERHEAD_BYTES};

/// A buffer with the gap for a header, and room for `payload_bytes` more.
pub(crate) fn unsealed(payload_bytes: usize) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER_BYTES + payload_bytes);
    bytes.resize(HEADER_BYTES, 0);
    bytes
}

/// Turns `bytes`, a gap and a payload, into a batch. `header` gives all but length and checksum.
pub(crate) fn seal(mut bytes: Vec<u8>, header: BatchHeader) -> Result<Bytes> {
    let batch_length =
        i32::try_from(bytes.len() - LENGTH_OVERHEAD_BYTES).map_err(|_| Error::TooLarge {
            limit: BATCH_BYTES_MAX,
        })?;
    let header = BatchHeader {
        batch_length,
        ..header
    };
    bytes[..HEADER_BYTES].copy_from_slice(&header.encode());
    let crc = crc32c(&bytes[position::ATTRIBUTES..]);
    bytes[position::CRC..position::ATTRIBUTES].copy_from_slice(&crc.to_be_bytes());
    // Batches are kept in memory by their length: slack left by growing would be kept too, uncounted.
    if bytes.capacity() - bytes.len() > bytes.len() / 8 {
        bytes.shrink_to_fit();
    }
    Ok(bytes.into())
}
