//! The attribute bits of a batch: codec, kind of timestamp, and what kind of batch it is.

use crate::compression::Compression;
use crate::error::{Error, Result};

const CODEC_MASK: i16 = 0b0000_0111;
const LOG_APPEND_TIME: i16 = 0b0000_1000;
const TRANSACTIONAL: i16 = 0b0001_0000;
const CONTROL: i16 = 0b0010_0000;
const DELETE_HORIZON: i16 = 0b0100_0000;

/// Who gave the records their timestamps.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TimestampType {
    /// The producer did, each record its own (KIP-32).
    CreateTime,
    /// The broker did: `max_timestamp` of the batch stands for all of them.
    LogAppendTime,
}

/// The 16 attribute bits of a batch. Bits 7 to 15 are not defined yet; they are kept as they came.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Attributes(pub i16);

impl Attributes {
    /// The codec of the records (bits 0 to 2), or an error for 5, 6 and 7, which are not defined.
    pub fn compression(self) -> Result<Compression> {
        let id = (self.0 & CODEC_MASK) as u8;
        Compression::from_id(id).ok_or(Error::Codec { id })
    }

    /// Bit 3 (KIP-32).
    pub fn timestamp_type(self) -> TimestampType {
        if self.has(LOG_APPEND_TIME) {
            TimestampType::LogAppendTime
        } else {
            TimestampType::CreateTime
        }
    }

    /// Bit 4: part of a transaction (KIP-98).
    pub fn is_transactional(self) -> bool {
        self.has(TRANSACTIONAL)
    }

    /// Bit 5: holds control records, which no application sees (KIP-98).
    pub fn is_control(self) -> bool {
        self.has(CONTROL)
    }

    /// Bit 6: `base_timestamp` is the delete horizon of the batch (KIP-534).
    pub fn has_delete_horizon(self) -> bool {
        self.has(DELETE_HORIZON)
    }

    /// These bits with another codec.
    #[must_use]
    pub fn with_compression(self, compression: Compression) -> Self {
        Self(self.0 & !CODEC_MASK | i16::from(compression.id()))
    }

    /// These bits with another kind of timestamp.
    #[must_use]
    pub fn with_timestamp_type(self, timestamp_type: TimestampType) -> Self {
        self.with(
            LOG_APPEND_TIME,
            timestamp_type == TimestampType::LogAppendTime,
        )
    }

    /// These bits with the transactional bit as given.
    #[must_use]
    pub fn with_transactional(self, transactional: bool) -> Self {
        self.with(TRANSACTIONAL, transactional)
    }

    /// These bits with the control bit as given.
    #[must_use]
    pub fn with_control(self, control: bool) -> Self {
        self.with(CONTROL, control)
    }

    /// These bits with the delete horizon bit as given.
    #[must_use]
    pub fn with_delete_horizon(self, delete_horizon: bool) -> Self {
        self.with(DELETE_HORIZON, delete_horizon)
    }

    fn has(self, bit: i16) -> bool {
        self.0 & bit != 0
    }

    fn with(self, bit: i16, on: bool) -> Self {
        Self(if on { self.0 | bit } else { self.0 & !bit })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_bit_stands_for_itself() {
        let all = Attributes::default()
            .with_compression(Compression::Zstd)
            .with_timestamp_type(TimestampType::LogAppendTime)
            .with_transactional(true)
            .with_control(true)
            .with_delete_horizon(true);
        assert_eq!(all, Attributes(0b0111_1100));
        assert_eq!(all.with_control(false), Attributes(0b0101_1100));
        assert_eq!(
            all.with_compression(Compression::None).compression(),
            Ok(Compression::None)
        );
        assert_eq!(all.timestamp_type(), TimestampType::LogAppendTime);
    }

    #[test]
    fn undefined_bits_survive_and_undefined_codecs_are_named() {
        assert_eq!(
            Attributes(0x7f80).with_transactional(true),
            Attributes(0x7f90)
        );
        assert_eq!(Attributes(5).compression(), Err(Error::Codec { id: 5 }));
    }
}
