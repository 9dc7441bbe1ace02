//! The records of one batch, ready to be walked: borrowed when they were stored plainly, owned when
//! they had to be decompressed. Whatever needs a batch opened starts here, so that it is opened once.

use std::borrow::Cow;

use crate::batch::Batch;
use crate::compression::Compression;
use crate::error::{Error, Result};
use crate::header::BatchHeader;
use crate::record::Records;
use crate::seal::{seal, unsealed};

/// The uncompressed records of a batch, and the header they belong to.
#[derive(Clone, Debug)]
pub struct RecordSet<'a> {
    header: BatchHeader,
    body: Cow<'a, [u8]>,
}

impl<'a> Batch<'a> {
    /// Opens the batch. Compressed records take at most `limit` bytes of memory, and never more than
    /// [`DECOMPRESSED_BYTES_MAX`](crate::limits::DECOMPRESSED_BYTES_MAX); plain ones take none. The
    /// checksum is not verified.
    ///
    /// # Errors
    /// [`Error::Codec`], [`Error::Decompression`], [`Error::TooLarge`], [`Error::Batch`] for a negative
    /// record count.
    pub fn records(&self, limit: usize) -> Result<RecordSet<'a>> {
        let header = *self.header();
        if header.record_count < 0 {
            return Err(Error::Batch {
                what: "the record count is negative",
            });
        }
        let payload = self.payload();
        // Compaction leaves headers without records, and no codec's data is empty.
        let codec = if payload.is_empty() {
            Compression::None
        } else {
            header.compression()?
        };
        Ok(RecordSet {
            header,
            body: codec.decompress(payload, limit)?,
        })
    }
}

impl RecordSet<'_> {
    /// The header of the batch.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// The uncompressed bytes of all records.
    pub fn body(&self) -> &[u8] {
        &self.body
    }

    /// Walks the records. Their framing is checked on the way; headers are checked when they are
    /// walked, and the order of offsets by [`validate`](RecordSet::validate).
    pub fn iter(&self) -> Records<'_> {
        let count = usize::try_from(self.header.record_count)
            .expect("a batch with a negative record count is not opened");
        Records::new(&self.body, count)
    }

    /// The same batch under another codec, for topics with a `compression.type` of their own. The
    /// records are not looked at: [`validate`](RecordSet::validate) first if a client sent them.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if the batch would not fit its length field.
    pub fn recompress(&self, codec: Compression) -> Result<bytes::Bytes> {
        // As Kafka does, a batch without records is always plain.
        let codec = if self.header.record_count == 0 {
            Compression::None
        } else {
            codec
        };
        let mut bytes = unsealed(if codec == Compression::None {
            self.body.len()
        } else {
            0
        });
        codec.compress_into(&self.body, &mut bytes);
        seal(
            bytes,
            BatchHeader {
                attributes: self.header.attributes.with_compression(codec),
                ..self.header
            },
        )
    }
}

impl<'a> IntoIterator for &'a RecordSet<'_> {
    type Item = Result<crate::record::Record<'a>>;
    type IntoIter = Records<'a>;

    fn into_iter(self) -> Records<'a> {
        self.iter()
    }
}
