//! Records, borrowed from the uncompressed bytes of a batch. Walking them copies nothing and
//! allocates nothing.

use crate::error::{Error, Result};
use crate::varint;

/// One record of a batch, format v2:
///
/// ```text
/// length varint | attributes i8 | timestamp delta varlong | offset delta varint
/// | key: length varint (-1: null), bytes | value: the same
/// | header count varint | headers: key (never null), value (-1: null)
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// No bit is defined yet; kept as it came.
    pub attributes: i8,
    /// Milliseconds relative to the batch's base timestamp. It has 64 bits: relative to a delete
    /// horizon, or to a first record without a timestamp, it is as large as a timestamp.
    pub timestamp_delta: i64,
    /// Offset relative to the batch's base offset.
    pub offset_delta: i32,
    /// The key, or null.
    pub key: Option<&'a [u8]>,
    /// The value; null in a compacted topic is a tombstone.
    pub value: Option<&'a [u8]>,
    /// The headers, not parsed yet.
    pub headers: Headers<'a>,
    /// The record as it stands in the batch, its length included.
    pub(crate) bytes: &'a [u8],
    /// From the key on: all that does not depend on the batch around it.
    pub(crate) body: &'a [u8],
}

impl<'a> Record<'a> {
    /// Takes the record at position `index` off the front of `rest`.
    fn take(rest: &mut &'a [u8], index: usize) -> Result<Self, &'static str> {
        let all = *rest;
        let mut fields = take_sized(rest, "the record runs past the end of the batch")?
            .ok_or("the record has a negative length")?;
        let bytes = &all[..all.len() - rest.len()];
        let (attributes, after) = fields.split_first().ok_or("the record is empty")?;
        fields = after;
        let timestamp_delta = varint::take_i64(&mut fields)?;
        let offset_delta = varint::take_i32(&mut fields)?;
        let body = fields;
        let key = take_sized(&mut fields, "the key runs past the end of the record")?;
        let value = take_sized(&mut fields, "the value runs past the end of the record")?;
        let headers = Headers::take(fields, index)?;
        let attributes = attributes.cast_signed();
        Ok(Self {
            attributes,
            timestamp_delta,
            offset_delta,
            key,
            value,
            headers,
            bytes,
            body,
        })
    }

    /// Appends this record to another batch, where its timestamp has another delta.
    pub(crate) fn put_again(
        &self,
        out: &mut Vec<u8>,
        timestamp_delta: i64,
    ) -> Result<(), &'static str> {
        if timestamp_delta == self.timestamp_delta {
            out.extend_from_slice(self.bytes);
            return Ok(());
        }
        let (attributes, offset_delta) = (self.attributes, self.offset_delta);
        let length = self.body.len();
        put_record(
            out,
            attributes,
            timestamp_delta,
            offset_delta,
            length,
            |out| {
                out.extend_from_slice(self.body);
            },
        )
    }
}

/// The records of a batch, in order. After an error the walk is over. Bytes behind the last record
/// are an error too: record count and bytes must agree.
#[derive(Clone, Debug)]
pub struct Records<'a> {
    rest: &'a [u8],
    index: usize,
    count: usize,
}

impl<'a> Records<'a> {
    /// Walks `count` records in `bytes`, which are not compressed.
    pub fn new(bytes: &'a [u8], count: usize) -> Self {
        Self {
            rest: bytes,
            index: 0,
            count,
        }
    }

    fn fail(&mut self, what: &'static str) -> Error {
        let index = self.index;
        (self.index, self.count, self.rest) = (0, 0, &[]);
        Error::Record { index, what }
    }
}

impl<'a> Iterator for Records<'a> {
    type Item = Result<Record<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.index == self.count {
            let surplus = !self.rest.is_empty();
            return surplus.then(|| Err(self.fail("bytes follow the last record")));
        }
        Some(match Record::take(&mut self.rest, self.index) {
            Ok(record) => {
                self.index += 1;
                Ok(record)
            }
            Err(what) => Err(self.fail(what)),
        })
    }
}

impl std::iter::FusedIterator for Records<'_> {}

/// A header of a record.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RecordHeader<'a> {
    /// The key: UTF-8 by the protocol, but no client is held to it, so kept as bytes.
    pub key: &'a [u8],
    /// The value, or null.
    pub value: Option<&'a [u8]>,
}

impl<'a> RecordHeader<'a> {
    /// A header with a value.
    pub fn new(key: &'a str, value: &'a [u8]) -> Self {
        Self {
            key: key.as_bytes(),
            value: Some(value),
        }
    }
}

/// The headers of a record, parsed as they are walked. After an error the walk is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Headers<'a> {
    rest: &'a [u8],
    count: usize,
    /// Position of the record in its batch, for errors.
    record_index: usize,
}

impl<'a> Headers<'a> {
    /// The last part of a record: a count, and as many headers.
    fn take(mut rest: &'a [u8], record_index: usize) -> Result<Self, &'static str> {
        let count = varint::take_i32(&mut rest)?;
        let count = usize::try_from(count).map_err(|_| "the header count is negative")?;
        // A header has at least two bytes; this also holds the count to what has arrived.
        if count > rest.len() / 2 {
            return Err("more headers than bytes for them");
        }
        if count == 0 && !rest.is_empty() {
            return Err(SURPLUS);
        }
        Ok(Self {
            rest,
            count,
            record_index,
        })
    }

    /// How many are still to come, by the record's own count.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    fn take_one(&mut self) -> Result<RecordHeader<'a>, &'static str> {
        let key = take_sized(
            &mut self.rest,
            "a header key runs past the end of the record",
        )?
        .ok_or("a header key is null")?;
        let value = take_sized(
            &mut self.rest,
            "a header value runs past the end of the record",
        )?;
        self.count -= 1;
        if self.count == 0 && !self.rest.is_empty() {
            return Err(SURPLUS);
        }
        Ok(RecordHeader { key, value })
    }
}

const SURPLUS: &str = "bytes follow the last header";

impl<'a> Iterator for Headers<'a> {
    type Item = Result<RecordHeader<'a>>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.count == 0 {
            return None;
        }
        Some(self.take_one().map_err(|what| {
            self.count = 0;
            Error::Record {
                index: self.record_index,
                what,
            }
        }))
    }
}

impl std::iter::FusedIterator for Headers<'_> {}

/// Takes bytes behind a varint length, `None` for the length -1.
fn take_sized<'a>(
    rest: &mut &'a [u8],
    past_the_end: &'static str,
) -> Result<Option<&'a [u8]>, &'static str> {
    let length = match varint::take_i32(rest)? {
        -1 => return Ok(None),
        length => usize::try_from(length).map_err(|_| "a length is negative")?,
    };
    let (taken, after) = rest.split_at_checked(length).ok_or(past_the_end)?;
    *rest = after;
    Ok(Some(taken))
}

/// Appends a record. `body` is everything from the key on.
pub(crate) fn put_record(
    out: &mut Vec<u8>,
    attributes: i8,
    timestamp_delta: i64,
    offset_delta: i32,
    body_bytes: usize,
    put_body: impl FnOnce(&mut Vec<u8>),
) -> Result<(), &'static str> {
    let length = 1 + varint::size(timestamp_delta) + varint::size(offset_delta.into()) + body_bytes;
    let length = i32::try_from(length).map_err(|_| "longer than 2 GiB")?;
    varint::put_i32(out, length);
    out.push(attributes.cast_unsigned());
    varint::put_i64(out, timestamp_delta);
    varint::put_i32(out, offset_delta);
    put_body(out);
    Ok(())
}
