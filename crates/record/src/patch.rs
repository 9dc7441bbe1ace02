//! What a broker changes in a batch it was given: in place, without opening it.

use crate::attributes::TimestampType;
use crate::batch::Batch;
use crate::crc32c::crc32c;
use crate::error::{Error, Result};
use crate::header::position;
use crate::limits::HEADER_BYTES;

/// Gives the batch at the front of `batch` its place in a log. Both fields lie outside the
/// checksum, which stays as it is (KIP-98).
///
/// # Errors
/// [`Error::Truncated`] if there is not even a header.
pub fn patch_base_offset(batch: &mut [u8], base_offset: i64, leader_epoch: i32) -> Result<()> {
    if batch.len() < HEADER_BYTES {
        return Err(Error::Truncated {
            needed: HEADER_BYTES,
            available: batch.len(),
        });
    }
    put(batch, position::BASE_OFFSET, base_offset.to_be_bytes());
    put(batch, position::LEADER_EPOCH, leader_epoch.to_be_bytes());
    Ok(())
}

/// Stamps the batch at the front of `batch` for a topic with `message.timestamp.type=LogAppendTime`
/// (KIP-32): the records keep their own timestamps inside, and readers ignore those.
///
/// # Errors
/// As [`Batch::first`]; nothing has been changed then.
pub fn patch_log_append_time(batch: &mut [u8], timestamp_ms: i64) -> Result<()> {
    patch_max_timestamp(batch, TimestampType::LogAppendTime, timestamp_ms)
}

/// Sets the largest timestamp, and whose timestamps they are, of the batch at the front of `batch`,
/// with the checksum that then is right. The old checksum is not verified.
///
/// # Errors
/// As [`Batch::first`]; nothing has been changed then.
pub fn patch_max_timestamp(
    batch: &mut [u8],
    timestamp_type: TimestampType,
    max_timestamp_ms: i64,
) -> Result<()> {
    let header = *Batch::first(batch)?.header();
    if header.timestamp_type() == timestamp_type && header.max_timestamp == max_timestamp_ms {
        return Ok(());
    }
    let batch = &mut batch[..header.total_bytes()];
    let attributes = header.attributes.with_timestamp_type(timestamp_type);
    put(batch, position::ATTRIBUTES, attributes.0.to_be_bytes());
    put(
        batch,
        position::MAX_TIMESTAMP,
        max_timestamp_ms.to_be_bytes(),
    );
    let crc = crc32c(&batch[position::ATTRIBUTES..]);
    put(batch, position::CRC, crc.to_be_bytes());
    Ok(())
}

fn put<const N: usize>(batch: &mut [u8], position: usize, bytes: [u8; N]) {
    batch[position..position + N].copy_from_slice(&bytes);
}
