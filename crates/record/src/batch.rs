//! Whole batches, borrowed from the bytes they arrived in, and the walk from one to the next.

use crate::error::{Error, Result};
use crate::header::BatchHeader;
use crate::limits::{HEADER_BYTES, LENGTH_OVERHEAD_BYTES};

/// One whole batch in borrowed bytes. Its length and format are right; nothing else is known until
/// [`validate_produced`](Batch::validate_produced) or [`verify_stored`](Batch::verify_stored) says so.
#[derive(Clone, Copy, Debug)]
pub struct Batch<'a> {
    header: BatchHeader,
    bytes: &'a [u8],
}

impl<'a> Batch<'a> {
    /// The batch at the front of `bytes`, which may go on behind it.
    ///
    /// # Errors
    /// [`Error::Truncated`] if the batch ends after `bytes` does, [`Error::Magic`], [`Error::Length`].
    pub fn first(bytes: &'a [u8]) -> Result<Self> {
        let header = BatchHeader::parse(bytes)?;
        let needed = header.total_bytes();
        let bytes = bytes.get(..needed).ok_or(Error::Truncated {
            needed,
            available: bytes.len(),
        })?;
        Ok(Self { header, bytes })
    }

    /// The batch that is all of `bytes`. Kafka accepts exactly one batch a partition in a produce
    /// request (since Produce v3).
    ///
    /// # Errors
    /// As [`Batch::first`], and [`Error::Batch`] if anything follows it.
    pub fn only(bytes: &'a [u8]) -> Result<Self> {
        let batch = Self::first(bytes)?;
        if batch.bytes.len() < bytes.len() {
            return Err(Error::Batch {
                what: "bytes follow the only batch allowed here",
            });
        }
        Ok(batch)
    }

    /// The header.
    pub fn header(&self) -> &BatchHeader {
        &self.header
    }

    /// All bytes of the batch.
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The records as stored, perhaps compressed.
    pub fn payload(&self) -> &'a [u8] {
        &self.bytes[HEADER_BYTES..]
    }
}

/// The batches of a byte string, one after another. A last batch that is not all there comes as
/// [`Error::Truncated`]; after any error the walk is over, for the next boundary is unknown.
#[derive(Clone, Debug)]
pub struct Batches<'a> {
    rest: &'a [u8],
    position: usize,
    failed: bool,
}

impl<'a> Batches<'a> {
    /// Walks the batches of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            position: 0,
            failed: false,
        }
    }

    /// Bytes of the whole batches yielded so far: where a torn tail is to be cut.
    pub fn position(&self) -> usize {
        self.position
    }
}

impl<'a> Iterator for Batches<'a> {
    type Item = Result<Batch<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() || self.failed {
            return None;
        }
        let batch = Batch::first(self.rest);
        match &batch {
            Ok(batch) => {
                let length = batch.bytes.len();
                self.position += length;
                self.rest = &self.rest[length..];
            }
            Err(_) => self.failed = true,
        }
        Some(batch)
    }
}

impl std::iter::FusedIterator for Batches<'_> {}

/// Bytes of the batch whose first bytes are `bytes`, as soon as its length field is there. For
/// readers that must know how much to fetch; the length is not checked against anything.
///
/// # Errors
/// [`Error::Truncated`] before the length field is there, [`Error::Length`] if it is negative.
pub fn batch_bytes(bytes: &[u8]) -> Result<usize> {
    let &[_, _, _, _, _, _, _, _, a, b, c, d] = bytes
        .first_chunk::<LENGTH_OVERHEAD_BYTES>()
        .ok_or(Error::Truncated {
            needed: LENGTH_OVERHEAD_BYTES,
            available: bytes.len(),
        })?;
    let length = i32::from_be_bytes([a, b, c, d]);
    usize::try_from(length)
        .map(|length| length + LENGTH_OVERHEAD_BYTES)
        .map_err(|_| Error::Length { length })
}
