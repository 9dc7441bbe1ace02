//! The 61 bytes before the records of a batch, format v2 (KIP-98). Most of the broker's work on a
//! batch needs nothing else.

use bytes::{Buf, BufMut};

use crate::attributes::{Attributes, TimestampType};
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::limits::{HEADER_BYTES, LENGTH_OVERHEAD_BYTES};
use crate::record::Record;

/// Where fields stand that are read or patched alone.
pub(crate) mod position {
    pub(crate) const BASE_OFFSET: usize = 0;
    pub(crate) const LEADER_EPOCH: usize = 12;
    pub(crate) const MAGIC: usize = 16;
    pub(crate) const CRC: usize = 17;
    /// The checksum covers everything from here to the end of the batch.
    pub(crate) const ATTRIBUTES: usize = 21;
    pub(crate) const MAX_TIMESTAMP: usize = 35;
}

/// Bytes in front of the magic byte: base offset, length, leader epoch. The checksum does not cover
/// them, and they are all that the broker assigns.
pub const PREFIX_BYTES: usize = position::MAGIC;

/// The only message format stored (KIP-98).
pub const MAGIC_V2: i8 = 2;
/// `producer_id` of a batch from a producer without one.
pub const NO_PRODUCER_ID: i64 = -1;
/// `producer_epoch` of a batch from a producer without an id.
pub const NO_PRODUCER_EPOCH: i16 = -1;
/// `base_sequence` of a batch that is not numbered: no producer id, or a control batch.
pub const NO_SEQUENCE: i32 = -1;
/// A timestamp that is not known.
pub const NO_TIMESTAMP: i64 = -1;
/// `partition_leader_epoch` of a batch that no leader has appended yet.
pub const NO_LEADER_EPOCH: i32 = -1;

/// The header of a batch, field by field as on the wire. Parsing checks the length and the format;
/// what the rest claims is checked by [`Batch`](crate::Batch).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BatchHeader {
    /// Offset of the first record. Outside the checksum: the broker assigns it.
    pub base_offset: i64,
    /// Bytes after this field.
    pub batch_length: i32,
    /// Epoch of the leader that appended the batch (KIP-101). Outside the checksum.
    pub partition_leader_epoch: i32,
    /// The format, always [`MAGIC_V2`].
    pub magic: i8,
    /// CRC-32C from the attributes to the end.
    pub crc: u32,
    /// Codec, kind of timestamp, transactional, control, delete horizon.
    pub attributes: Attributes,
    /// Offset of the last record, relative to the first. Compaction keeps it, also when it removes
    /// that record: the producer's last sequence hangs on it.
    pub last_offset_delta: i32,
    /// What the records' timestamps are relative to, in milliseconds: the first record's timestamp,
    /// or the delete horizon (KIP-534).
    pub base_timestamp: i64,
    /// The largest timestamp, in milliseconds; for `LogAppendTime` the timestamp of all records.
    pub max_timestamp: i64,
    /// The idempotent producer (KIP-98), or [`NO_PRODUCER_ID`].
    pub producer_id: i64,
    /// Its epoch, which fences its own older incarnations.
    pub producer_epoch: i16,
    /// Number of the first record among all its producer sent to this partition.
    pub base_sequence: i32,
    /// Records in the batch. After compaction fewer than `last_offset_delta + 1`, perhaps none.
    pub record_count: i32,
}

impl BatchHeader {
    /// Parses the header at the front of `bytes`.
    ///
    /// # Errors
    /// [`Error::Truncated`], [`Error::Magic`] for another format, [`Error::Length`].
    pub fn parse(bytes: &[u8]) -> Result<Self> {
        // The magic byte stands in the same place in all formats, and the older formats' messages
        // may be shorter than a v2 header: ask for it first.
        if let Some(&magic) = bytes.get(position::MAGIC)
            && magic.cast_signed() != MAGIC_V2
        {
            return Err(Error::Magic {
                magic: magic.cast_signed(),
            });
        }
        let mut fields: &[u8] = bytes
            .first_chunk::<HEADER_BYTES>()
            .ok_or(Error::Truncated {
                needed: HEADER_BYTES,
                available: bytes.len(),
            })?;
        // In wire order: the expressions run as they are written.
        let header = Self {
            base_offset: fields.get_i64(),
            batch_length: fields.get_i32(),
            partition_leader_epoch: fields.get_i32(),
            magic: fields.get_i8(),
            crc: fields.get_u32(),
            attributes: Attributes(fields.get_i16()),
            last_offset_delta: fields.get_i32(),
            base_timestamp: fields.get_i64(),
            max_timestamp: fields.get_i64(),
            producer_id: fields.get_i64(),
            producer_epoch: fields.get_i16(),
            base_sequence: fields.get_i32(),
            record_count: fields.get_i32(),
        };
        if header.total_bytes() < HEADER_BYTES {
            return Err(Error::Length {
                length: header.batch_length,
            });
        }
        Ok(header)
    }

    /// The header as on the wire.
    pub fn encode(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        let mut fields = &mut bytes[..];
        fields.put_i64(self.base_offset);
        fields.put_i32(self.batch_length);
        fields.put_i32(self.partition_leader_epoch);
        fields.put_i8(self.magic);
        fields.put_u32(self.crc);
        fields.put_i16(self.attributes.0);
        fields.put_i32(self.last_offset_delta);
        fields.put_i64(self.base_timestamp);
        fields.put_i64(self.max_timestamp);
        fields.put_i64(self.producer_id);
        fields.put_i16(self.producer_epoch);
        fields.put_i32(self.base_sequence);
        fields.put_i32(self.record_count);
        bytes
    }

    /// Bytes of the whole batch, header included. A negative length counts as none.
    pub fn total_bytes(&self) -> usize {
        usize::try_from(self.batch_length).map_or(0, |length| length + LENGTH_OVERHEAD_BYTES)
    }

    /// Offset of the last record, or of the place where it stood before compaction.
    pub fn last_offset(&self) -> i64 {
        self.base_offset
            .saturating_add(self.last_offset_delta.into())
    }

    /// The offset after this batch.
    pub fn next_offset(&self) -> i64 {
        self.last_offset().saturating_add(1)
    }

    /// Sequence number of the last record, or [`NO_SEQUENCE`]. Numbers wrap from `i32::MAX` to 0.
    pub fn last_sequence(&self) -> i32 {
        if self.base_sequence < 0 {
            return NO_SEQUENCE;
        }
        let last = i64::from(self.base_sequence) + i64::from(self.last_offset_delta);
        (last & i64::from(i32::MAX)) as i32
    }

    /// The codec of the records.
    ///
    /// # Errors
    /// [`Error::Codec`] if nobody has defined it.
    pub fn compression(&self) -> Result<Compression> {
        self.attributes.compression()
    }

    /// Who gave the records their timestamps.
    pub fn timestamp_type(&self) -> TimestampType {
        self.attributes.timestamp_type()
    }

    /// Whether the batch is part of a transaction.
    pub fn is_transactional(&self) -> bool {
        self.attributes.is_transactional()
    }

    /// Whether the batch holds control records.
    pub fn is_control(&self) -> bool {
        self.attributes.is_control()
    }

    /// Whether the batch carries a delete horizon.
    pub fn has_delete_horizon(&self) -> bool {
        self.attributes.has_delete_horizon()
    }

    /// When the tombstones, or the transaction marker, in this batch may go, in milliseconds (KIP-534).
    pub fn delete_horizon_ms(&self) -> Option<i64> {
        self.has_delete_horizon().then_some(self.base_timestamp)
    }

    /// Whether an idempotent or transactional producer sent the batch.
    pub fn has_producer_id(&self) -> bool {
        self.producer_id > NO_PRODUCER_ID
    }

    /// The offset of `record`, one of this batch.
    pub fn offset_of(&self, record: &Record<'_>) -> i64 {
        self.base_offset.saturating_add(record.offset_delta.into())
    }

    /// The timestamp of `record`, one of this batch, in milliseconds.
    pub fn timestamp_of(&self, record: &Record<'_>) -> i64 {
        match self.timestamp_type() {
            TimestampType::CreateTime => self.base_timestamp.saturating_add(record.timestamp_delta),
            TimestampType::LogAppendTime => self.max_timestamp,
        }
    }

    /// The front of this batch as it reads in another log, which holds it at another offset.
    /// Everything behind these bytes is shared unchanged.
    pub fn prefix_at(&self, base_offset: i64, leader_epoch: i32) -> [u8; PREFIX_BYTES] {
        let mut bytes = [0; PREFIX_BYTES];
        let mut fields = &mut bytes[..];
        fields.put_i64(base_offset);
        fields.put_i32(self.batch_length);
        fields.put_i32(leader_epoch);
        bytes
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> BatchHeader {
        BatchHeader {
            base_offset: 0x0102_0304_0506_0708,
            batch_length: 49,
            partition_leader_epoch: 0x1112_1314,
            magic: MAGIC_V2,
            crc: 0x2122_2324,
            attributes: Attributes(0x3132),
            last_offset_delta: 0x4142_4344,
            base_timestamp: 0x5152_5354_5556_5758,
            max_timestamp: 0x6162_6364_6566_6768,
            producer_id: 0x7172_7374_7576_7778,
            producer_epoch: 0x0182,
            base_sequence: 0x0192_9394,
            record_count: 0x01a2_a3a4,
        }
    }

    #[test]
    fn the_fields_stand_where_kip_98_puts_them() {
        let bytes = header().encode();
        assert_eq!(bytes[..8], [1, 2, 3, 4, 5, 6, 7, 8]);
        assert_eq!(bytes[8..12], [0, 0, 0, 49]);
        assert_eq!(bytes[position::LEADER_EPOCH], 0x11);
        assert_eq!(bytes[position::MAGIC], 2);
        assert_eq!(bytes[position::CRC], 0x21);
        assert_eq!(bytes[position::ATTRIBUTES..][..2], [0x31, 0x32]);
        assert_eq!(bytes[23], 0x41);
        assert_eq!(bytes[27], 0x51);
        assert_eq!(bytes[position::MAX_TIMESTAMP], 0x61);
        assert_eq!(bytes[43], 0x71);
        assert_eq!(bytes[51..57], [0x01, 0x82, 0x01, 0x92, 0x93, 0x94]);
        assert_eq!(bytes[57..], [0x01, 0xa2, 0xa3, 0xa4]);
        assert_eq!(BatchHeader::parse(&bytes), Ok(header()));
    }

    #[test]
    fn an_old_message_format_is_named_even_when_shorter_than_a_v2_header() {
        let mut message = [0; 26];
        message[position::MAGIC] = 1;
        assert_eq!(BatchHeader::parse(&message), Err(Error::Magic { magic: 1 }));
    }

    #[test]
    fn impossible_lengths_are_refused() {
        for batch_length in [i32::MIN, -1, 0, 48] {
            let bytes = BatchHeader {
                batch_length,
                ..header()
            }
            .encode();
            assert_eq!(
                BatchHeader::parse(&bytes),
                Err(Error::Length {
                    length: batch_length
                })
            );
        }
        assert_eq!(
            BatchHeader::parse(&[0; 7]),
            Err(Error::Truncated {
                needed: HEADER_BYTES,
                available: 7
            })
        );
    }

    #[test]
    fn the_last_sequence_wraps_to_zero() {
        let numbered = |base_sequence, last_offset_delta| BatchHeader {
            base_sequence,
            last_offset_delta,
            ..header()
        };
        assert_eq!(numbered(5, 4).last_sequence(), 9);
        assert_eq!(numbered(i32::MAX, 0).last_sequence(), i32::MAX);
        assert_eq!(numbered(i32::MAX - 1, 3).last_sequence(), 1);
        assert_eq!(numbered(NO_SEQUENCE, 3).last_sequence(), NO_SEQUENCE);
    }

    #[test]
    fn no_header_makes_arithmetic_overflow() {
        let extreme = BatchHeader {
            base_offset: i64::MAX,
            last_offset_delta: i32::MAX,
            base_sequence: i32::MAX,
            ..header()
        };
        assert_eq!(extreme.next_offset(), i64::MAX);
        assert_eq!(extreme.last_sequence(), i32::MAX - 1);
        assert_eq!(
            BatchHeader {
                last_offset_delta: i32::MIN,
                ..extreme
            }
            .last_sequence(),
            i32::MAX
        );
    }
}
