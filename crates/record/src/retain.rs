//! Rewriting a batch with fewer records, for compaction: what Kafka's `MemoryRecords.filterTo` does.
//! Offsets never change, and neither does what the producer's state is rebuilt from: base offset,
//! last offset, producer, base sequence.

use bytes::Bytes;

use crate::attributes::TimestampType;
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::header::{BatchHeader, NO_TIMESTAMP};
use crate::limits::HEADER_BYTES;
use crate::record::Record;
use crate::record_set::RecordSet;
use crate::seal::{seal, unsealed};

/// What is left of a batch.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Retained {
    /// Every record: the batch is good as it stands.
    KeptAll,
    /// No record. The batch may go, or an [`emptied`](BatchHeader::emptied) one stay for its
    /// producer's last sequence.
    Empty,
    /// This, in the batch's place.
    Rewritten(Bytes),
}

impl RecordSet<'_> {
    /// Keeps the records for which `keep` says so, given the absolute offset of each.
    ///
    /// `delete_horizon_ms` is when tombstones first met now may go (KIP-534). It is stamped on the
    /// batch if a null value is kept, or if this is a control batch (say `None` for one whose
    /// transaction still has records), unless the batch has a horizon already: the first one stays.
    ///
    /// As in Kafka the base timestamp becomes the horizon, or else the timestamp of the first record
    /// kept; the largest timestamp is that of the records kept, or stays with `LogAppendTime`; the
    /// codec stays.
    ///
    /// # Errors
    /// [`Error::Record`], and [`Error::TooLarge`] if the batch would outgrow its length field.
    pub fn retain(
        &self,
        delete_horizon_ms: Option<i64>,
        mut keep: impl FnMut(i64, &Record<'_>) -> bool,
    ) -> Result<Retained> {
        let header = self.header();
        let mut kept = Kept::default();
        for record in self {
            let record = record?;
            let timestamp = header.timestamp_of(&record);
            kept.note(keep(header.offset_of(&record), &record), timestamp, &record);
        }
        if kept.count == 0 {
            return Ok(Retained::Empty);
        }
        let new_horizon = delete_horizon_ms.filter(|&horizon| {
            let wanted = kept.has_tombstone || header.is_control();
            wanted && horizon >= 0 && !header.has_delete_horizon()
        });
        if kept.count == kept.flags.len() && new_horizon.is_none() {
            return Ok(Retained::KeptAll);
        }
        self.rewrite(&kept, new_horizon.or(header.delete_horizon_ms()))
            .map(Retained::Rewritten)
    }

    fn rewrite(&self, kept: &Kept, delete_horizon_ms: Option<i64>) -> Result<Bytes> {
        let header = self.header();
        let base_timestamp = delete_horizon_ms.unwrap_or(kept.first_timestamp);
        let mut bytes = unsealed(self.body().len());
        for (index, (record, &keep)) in self.iter().zip(&kept.flags).enumerate() {
            let record = record?;
            if !keep {
                continue;
            }
            let bad = |what| Error::Record { index, what };
            let timestamp_delta = header
                .timestamp_of(&record)
                .checked_sub(base_timestamp)
                .ok_or(bad("the timestamp is too far from the base timestamp"))?;
            record.put_again(&mut bytes, timestamp_delta).map_err(bad)?;
        }
        let codec = header.compression()?;
        if codec != Compression::None {
            let mut compressed = unsealed(0);
            codec.compress_into(&bytes[HEADER_BYTES..], &mut compressed);
            bytes = compressed;
        }
        let max_timestamp = match header.timestamp_type() {
            TimestampType::CreateTime => kept.max_timestamp,
            TimestampType::LogAppendTime => header.max_timestamp,
        };
        seal(
            bytes,
            BatchHeader {
                attributes: header
                    .attributes
                    .with_delete_horizon(delete_horizon_ms.is_some()),
                base_timestamp,
                max_timestamp,
                record_count: kept.count_i32(),
                ..*header
            },
        )
    }
}

impl BatchHeader {
    /// This batch without any record: 61 bytes that keep its offsets and its producer's last
    /// sequence. The largest timestamp stays; base timestamp, codec and delete horizon go, as in
    /// Kafka's `writeEmptyHeader`.
    pub fn emptied(&self) -> Bytes {
        let attributes = self
            .attributes
            .with_compression(Compression::None)
            .with_delete_horizon(false);
        let base_timestamp = NO_TIMESTAMP;
        seal(
            unsealed(0),
            Self {
                attributes,
                base_timestamp,
                record_count: 0,
                ..*self
            },
        )
        .expect("a batch without records fits its length field")
    }
}

/// What the first walk over the records decided: one byte a record, however large they are.
#[derive(Default)]
struct Kept {
    flags: Vec<bool>,
    count: usize,
    has_tombstone: bool,
    first_timestamp: i64,
    max_timestamp: i64,
}

impl Kept {
    fn note(&mut self, keep: bool, timestamp: i64, record: &Record<'_>) {
        self.flags.push(keep);
        if !keep {
            return;
        }
        if self.count == 0 {
            self.first_timestamp = timestamp;
            self.max_timestamp = timestamp;
        }
        self.count += 1;
        self.max_timestamp = self.max_timestamp.max(timestamp);
        self.has_tombstone |= record.value.is_none();
    }

    fn count_i32(&self) -> i32 {
        i32::try_from(self.count).expect("no more records than the batch had")
    }
}
