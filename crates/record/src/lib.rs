//! The canonical record and record batch: codecs, checksums, compression. No IO, no clock.
//!
//! At rest every log holds Kafka record batches, format v2 (magic 2, KIP-98). This crate reads,
//! checks, patches and writes them. Offsets and timestamps (milliseconds) are plain `i64` here.
//!
//! Closed, which is all that a produce or a fetch needs, and takes no memory:
//! - [`Batches`] walks the batches of a byte string, [`Batch`] is one of them in borrowed bytes,
//!   [`BatchHeader`] its 61-byte header.
//! - [`Batch::validate_produced`] holds a client's batch to the rules, [`Batch::verify_stored`] one
//!   from a log.
//! - [`patch_base_offset`], [`patch_log_append_time`] and [`patch_max_timestamp`] change a batch in
//!   place; [`BatchHeader::prefix_at`] gives the bytes that differ where it is shared between logs.
//!
//! Opened, with memory bounded by the caller's limit:
//! - [`Batch::records`] opens a batch as a [`RecordSet`], which lends [`Record`]s.
//! - [`RecordSet::validate`] checks every record, [`RecordSet::retain`] rewrites the batch for
//!   compaction, [`RecordSet::recompress`] under another codec.
//!
//! Written:
//! - [`BatchBuilder`] makes batches from messages, [`EndTransactionMarker`] ends transactions.
//!
//! ```
//! use forebay_record::{Batch, BatchBuilder, Compression, RecordHeader};
//!
//! let mut builder = BatchBuilder::new().compression(Compression::Zstd);
//! builder.add(1_700_000_000_000, Some(b"key"), Some(b"value"), &[RecordHeader::new("h", b"1")])?;
//! let bytes = builder.build()?;
//!
//! let batch = Batch::only(&bytes)?;
//! batch.validate_produced()?;
//! for record in &batch.records(1 << 20)? {
//!     assert_eq!(record?.value, Some(&b"value"[..]));
//! }
//! # Ok::<(), forebay_record::Error>(())
//! ```
//!
//! [`Error`] tells apart what a caller must: a torn tail, damage, formats and codecs not spoken, a
//! client's false claims, and too much. All bounds are in [`limits`].

mod attributes;
mod batch;
mod builder;
mod compression;
mod control;
mod crc32c;
mod error;
mod header;
pub mod limits;
mod partitioner;
mod patch;
mod record;
mod record_set;
mod retain;
mod seal;
mod summary;
mod validate;
mod varint;

pub use attributes::{Attributes, TimestampType};
pub use batch::{Batch, Batches, batch_bytes};
pub use builder::{BatchBuilder, ProducerStamp};
pub use compression::Compression;
pub use control::{EndTransactionMarker, TransactionResult};
pub use crc32c::{Crc32c, crc32c};
pub use error::{Error, Result};
pub use header::{
    BatchHeader, MAGIC_V2, NO_LEADER_EPOCH, NO_PRODUCER_EPOCH, NO_PRODUCER_ID, NO_SEQUENCE,
    NO_TIMESTAMP, PREFIX_BYTES,
};
pub use partitioner::partition_of_key;
pub use patch::{patch_base_offset, patch_log_append_time, patch_max_timestamp};
pub use record::{Headers, Record, RecordHeader, Records};
pub use record_set::RecordSet;
pub use retain::Retained;
pub use summary::Summary;
