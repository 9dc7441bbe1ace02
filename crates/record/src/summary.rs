//! Deep validation: every record of a batch, one after another. For compacted topics, where every
//! record needs a key, for topics that recompress, and for whoever does not trust a header.

use crate::attributes::TimestampType;
use crate::error::{Error, Result};
use crate::header::NO_TIMESTAMP;
use crate::record::Record;
use crate::record_set::RecordSet;

/// What a walk over all records of a batch found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Summary {
    /// Records in the batch.
    pub records: usize,
    /// Bytes of the records without compression.
    pub body_bytes: usize,
    /// Position in the batch of the first record with a null key, which a compacted topic refuses.
    pub first_without_key: Option<usize>,
    /// Records with a null value.
    pub tombstones: usize,
    /// The largest timestamp, in milliseconds; [`NO_TIMESTAMP`] without records.
    pub max_timestamp: i64,
    /// Offset, relative to the batch, of the first record with that timestamp (`ListOffsets` -3).
    pub max_timestamp_offset_delta: i32,
}

impl RecordSet<'_> {
    /// Walks every record and every header: lengths are exact, as many records as the header says,
    /// offsets rise within the range the header says (and so are dense if as many), timestamps can be.
    ///
    /// # Errors
    /// [`Error::Record`] with the position of the first bad record.
    pub fn validate(&self) -> Result<Summary> {
        let mut summary = Summary {
            records: 0,
            body_bytes: self.body().len(),
            first_without_key: None,
            tombstones: 0,
            max_timestamp: NO_TIMESTAMP,
            max_timestamp_offset_delta: 0,
        };
        let mut next_offset_delta = 0;
        for record in self {
            let record = record?;
            let index = summary.records;
            let bad = |what| Error::Record { index, what };
            if i64::from(record.offset_delta) < next_offset_delta {
                return Err(bad("the offset does not rise"));
            }
            if record.offset_delta > self.header().last_offset_delta {
                return Err(bad("the offset is beyond the last of the batch"));
            }
            next_offset_delta = i64::from(record.offset_delta) + 1;
            for header in record.headers {
                header?;
            }
            let timestamp = self.checked_timestamp(&record).map_err(bad)?;
            if index == 0 || timestamp > summary.max_timestamp {
                summary.max_timestamp = timestamp;
                summary.max_timestamp_offset_delta = record.offset_delta;
            }
            if record.key.is_none() && summary.first_without_key.is_none() {
                summary.first_without_key = Some(index);
            }
            summary.tombstones += usize::from(record.value.is_none());
            summary.records += 1;
        }
        Ok(summary)
    }

    fn checked_timestamp(&self, record: &Record<'_>) -> Result<i64, &'static str> {
        let header = self.header();
        if header.timestamp_type() == TimestampType::LogAppendTime {
            return Ok(header.max_timestamp);
        }
        match header.base_timestamp.checked_add(record.timestamp_delta) {
            Some(timestamp) if timestamp >= NO_TIMESTAMP => Ok(timestamp),
            Some(_) => Err("the timestamp is negative"),
            None => Err("the timestamp does not fit 64 bits"),
        }
    }
}
