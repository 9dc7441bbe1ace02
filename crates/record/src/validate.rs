//! The two strictnesses of a batch: what a client's produce must be, and what a stored batch still
//! must be after compaction and markers. Neither allocates nor decompresses.

use crate::attributes::TimestampType;
use crate::batch::Batch;
use crate::crc32c::crc32c;
use crate::error::{Error, Result};
use crate::header::{NO_PRODUCER_ID, NO_TIMESTAMP, position};

impl Batch<'_> {
    /// Checks the checksum.
    ///
    /// # Errors
    /// [`Error::Checksum`].
    pub fn verify_checksum(&self) -> Result<()> {
        let stored = self.header().crc;
        let computed = crc32c(&self.bytes()[position::ATTRIBUTES..]);
        if stored != computed {
            return Err(Error::Checksum { stored, computed });
        }
        Ok(())
    }

    /// Checks a batch that comes from a log: the checksum, and that offsets and count can be. Fewer
    /// records than offsets, none at all, control records and delete horizons are all in order.
    ///
    /// # Errors
    /// [`Error::Checksum`], [`Error::Batch`], [`Error::Codec`].
    pub fn verify_stored(&self) -> Result<()> {
        self.verify_checksum()?;
        let header = self.header();
        if header.base_offset < 0 {
            return Err(Error::Batch {
                what: "the base offset is negative",
            });
        }
        if header
            .base_offset
            .checked_add(header.last_offset_delta.into())
            .is_none()
        {
            return Err(Error::Batch {
                what: "the last offset is beyond all offsets",
            });
        }
        if header.last_offset_delta < 0 || header.record_count < 0 {
            return Err(Error::Batch {
                what: "the offset range or the record count is negative",
            });
        }
        if i64::from(header.record_count) > i64::from(header.last_offset_delta) + 1 {
            return Err(Error::Batch {
                what: "more records than offsets",
            });
        }
        header.compression()?;
        Ok(())
    }

    /// Checks all that a broker can require of a client's batch without opening it, the checks of
    /// Kafka's `LogValidator`. The base offset is not looked at: the broker assigns it. Nor is
    /// `max_timestamp` compared with `base_timestamp`: some clients never fill it in
    /// (see [`patch_max_timestamp`](crate::patch_max_timestamp)).
    ///
    /// # Errors
    /// [`Error::Checksum`] (damaged on the way), [`Error::Codec`], [`Error::Timestamp`], and
    /// [`Error::Batch`] for all else that a client may not claim.
    pub fn validate_produced(&self) -> Result<()> {
        self.verify_checksum()?;
        let header = self.header();
        header.compression()?;
        if header.record_count < 1 {
            return Err(Error::Batch { what: "no records" });
        }
        if i64::from(header.record_count) != i64::from(header.last_offset_delta) + 1 {
            return Err(Error::Batch {
                what: "the record count is not that of the offsets",
            });
        }
        if header.is_control() {
            return Err(Error::Batch {
                what: "clients may not write control records",
            });
        }
        if header.has_delete_horizon() {
            return Err(Error::Batch {
                what: "clients may not set a delete horizon",
            });
        }
        if header.timestamp_type() == TimestampType::LogAppendTime {
            return Err(Error::Timestamp {
                what: "clients may not claim log append time",
            });
        }
        if header.base_timestamp < NO_TIMESTAMP || header.max_timestamp < NO_TIMESTAMP {
            return Err(Error::Timestamp { what: "negative" });
        }
        self.validate_producer()
    }

    /// Without a producer id the epoch and sequence mean nothing and are not looked at: sarama sends
    /// a base sequence of 0 then, others -1.
    fn validate_producer(&self) -> Result<()> {
        let header = self.header();
        if header.has_producer_id() {
            if header.producer_epoch < 0 {
                return Err(Error::Batch {
                    what: "a producer id with a negative epoch",
                });
            }
            if header.base_sequence < 0 {
                return Err(Error::Batch {
                    what: "a producer id with a negative sequence",
                });
            }
        } else if header.producer_id < NO_PRODUCER_ID {
            return Err(Error::Batch {
                what: "a negative producer id",
            });
        } else if header.is_transactional() {
            return Err(Error::Batch {
                what: "transactional without a producer id",
            });
        }
        Ok(())
    }
}
