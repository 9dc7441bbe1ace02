//! Making batches: for protocols that send one message at a time, for the CLI, and for the broker's
//! own records. Records are encoded straight behind the gap for the header, so an uncompressed batch
//! is one buffer, written once.

use bytes::Bytes;

use crate::attributes::Attributes;
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::header::{
    BatchHeader, MAGIC_V2, NO_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    NO_TIMESTAMP,
};
use crate::limits::{BATCH_BYTES_MAX, HEADER_BYTES, RECORD_OVERHEAD_BYTES_MAX};
use crate::record::{RecordHeader, put_record};
use crate::seal::{seal, unsealed};
use crate::varint;

/// Who sent a batch, as an idempotent producer says it (KIP-98).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerStamp {
    /// The producer id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
    /// Sequence number of the first record, [`NO_SEQUENCE`] in a control batch.
    pub base_sequence: i32,
}

impl ProducerStamp {
    /// No idempotent producer.
    pub const NONE: Self = Self {
        id: NO_PRODUCER_ID,
        epoch: NO_PRODUCER_EPOCH,
        base_sequence: NO_SEQUENCE,
    };
}

/// A batch in the making.
#[derive(Clone, Debug)]
pub struct BatchBuilder {
    bytes: Vec<u8>,
    base_offset: i64,
    leader_epoch: i32,
    attributes: Attributes,
    compression: Compression,
    producer: ProducerStamp,
    base_timestamp: i64,
    max_timestamp: i64,
    record_count: i32,
}

impl BatchBuilder {
    /// An empty batch at offset 0, uncompressed, of no producer.
    pub fn new() -> Self {
        Self::with_capacity(0)
    }

    /// As [`new`](Self::new), with room for `record_bytes` of encoded records.
    pub fn with_capacity(record_bytes: usize) -> Self {
        Self {
            bytes: unsealed(record_bytes),
            base_offset: 0,
            leader_epoch: NO_LEADER_EPOCH,
            attributes: Attributes::default(),
            compression: Compression::None,
            producer: ProducerStamp::NONE,
            base_timestamp: NO_TIMESTAMP,
            max_timestamp: NO_TIMESTAMP,
            record_count: 0,
        }
    }

    /// Sets the offset of the first record.
    #[must_use]
    pub fn base_offset(self, base_offset: i64) -> Self {
        Self {
            base_offset,
            ..self
        }
    }

    /// Sets the epoch of the leader that appends the batch.
    #[must_use]
    pub fn leader_epoch(self, leader_epoch: i32) -> Self {
        Self {
            leader_epoch,
            ..self
        }
    }

    /// Sets the codec to compress with.
    #[must_use]
    pub fn compression(self, compression: Compression) -> Self {
        Self {
            compression,
            ..self
        }
    }

    /// Sets the idempotent producer.
    #[must_use]
    pub fn producer(self, producer: ProducerStamp) -> Self {
        Self { producer, ..self }
    }

    /// Marks the batch as part of its producer's transaction.
    #[must_use]
    pub fn transactional(self) -> Self {
        Self {
            attributes: self.attributes.with_transactional(true),
            ..self
        }
    }

    /// Marks the batch as one of control records.
    #[must_use]
    pub fn control(self) -> Self {
        Self {
            attributes: self.attributes.with_control(true),
            ..self
        }
    }

    /// Adds a record at the next offset. `timestamp_ms` counts from the Unix epoch, or is
    /// [`NO_TIMESTAMP`].
    ///
    /// # Errors
    /// [`Error::Timestamp`] if it is otherwise negative, or 2^63 away from the first record's;
    /// [`Error::TooLarge`] if the batch would pass [`BATCH_BYTES_MAX`]. The batch is as before then.
    pub fn add(
        &mut self,
        timestamp_ms: i64,
        key: Option<&[u8]>,
        value: Option<&[u8]>,
        headers: &[RecordHeader<'_>],
    ) -> Result<()> {
        if timestamp_ms < NO_TIMESTAMP {
            return Err(Error::Timestamp { what: "negative" });
        }
        let too_large = Error::TooLarge {
            limit: BATCH_BYTES_MAX,
        };
        let body_bytes = body_size(key, value, headers);
        // With all lengths inside this bound none is lost when it is written as an `i32`.
        let room = body_bytes.saturating_add(RECORD_OVERHEAD_BYTES_MAX);
        if self.bytes.len().saturating_add(room) > BATCH_BYTES_MAX {
            return Err(too_large);
        }
        let base_timestamp = if self.is_empty() {
            timestamp_ms
        } else {
            self.base_timestamp
        };
        let timestamp_delta = timestamp_ms
            .checked_sub(base_timestamp)
            .ok_or(Error::Timestamp {
                what: "too far from the first record's",
            })?;
        self.bytes.reserve(room);
        put_record(
            &mut self.bytes,
            0,
            timestamp_delta,
            self.record_count,
            body_bytes,
            |out| put_body(out, key, value, headers),
        )
        .map_err(|_| too_large)?;
        self.base_timestamp = base_timestamp;
        self.max_timestamp = self.max_timestamp.max(timestamp_ms);
        self.record_count += 1;
        Ok(())
    }

    /// Records so far.
    pub fn record_count(&self) -> usize {
        usize::try_from(self.record_count).expect("records are counted up from 0")
    }

    /// Whether there is no record yet.
    pub fn is_empty(&self) -> bool {
        self.record_count == 0
    }

    /// Bytes of the batch so far: exact without compression, what it starts from with it.
    pub fn estimated_bytes(&self) -> usize {
        self.bytes.len()
    }

    /// Finishes the batch.
    ///
    /// # Errors
    /// [`Error::Batch`] without records, or transactional without a producer; [`Error::TooLarge`] if
    /// compression made it outgrow its length field.
    pub fn build(self) -> Result<Bytes> {
        if self.is_empty() {
            return Err(Error::Batch { what: "no records" });
        }
        if self.attributes.is_transactional() && self.producer.id < 0 {
            return Err(Error::Batch {
                what: "transactional without a producer id",
            });
        }
        let header = BatchHeader {
            base_offset: self.base_offset,
            batch_length: 0,
            partition_leader_epoch: self.leader_epoch,
            magic: MAGIC_V2,
            crc: 0,
            attributes: self.attributes.with_compression(self.compression),
            last_offset_delta: self.record_count - 1,
            base_timestamp: self.base_timestamp,
            max_timestamp: self.max_timestamp,
            producer_id: self.producer.id,
            producer_epoch: self.producer.epoch,
            base_sequence: self.producer.base_sequence,
            record_count: self.record_count,
        };
        if self.compression == Compression::None {
            return seal(self.bytes, header);
        }
        let mut compressed = unsealed(0);
        self.compression
            .compress_into(&self.bytes[HEADER_BYTES..], &mut compressed);
        seal(compressed, header)
    }
}

impl Default for BatchBuilder {
    fn default() -> Self {
        Self::new()
    }
}

/// Bytes of a record from its key on.
fn body_size(key: Option<&[u8]>, value: Option<&[u8]>, headers: &[RecordHeader<'_>]) -> usize {
    let headers_size: usize = headers
        .iter()
        .map(|header| sized_size(Some(header.key)) + sized_size(header.value))
        .fold(0, usize::saturating_add);
    sized_size(key)
        .saturating_add(sized_size(value))
        .saturating_add(varint::size(length_of(headers)))
        .saturating_add(headers_size)
}

fn sized_size(bytes: Option<&[u8]>) -> usize {
    bytes.map_or(1, |bytes| varint::size(length_of(bytes)) + bytes.len())
}

fn put_body(
    out: &mut Vec<u8>,
    key: Option<&[u8]>,
    value: Option<&[u8]>,
    headers: &[RecordHeader<'_>],
) {
    put_sized(out, key);
    put_sized(out, value);
    varint::put_i64(out, length_of(headers));
    for header in headers {
        put_sized(out, Some(header.key));
        put_sized(out, header.value);
    }
}

fn put_sized(out: &mut Vec<u8>, bytes: Option<&[u8]>) {
    let Some(bytes) = bytes else {
        return varint::put_i32(out, -1);
    };
    varint::put_i64(out, length_of(bytes));
    out.extend_from_slice(bytes);
}

fn length_of<T>(items: &[T]) -> i64 {
    i64::try_from(items.len()).expect("a length in memory fits 63 bits")
}
