//! Taking fields out of bytes that a stranger sent.
//!
//! Nothing here trusts a length: a slice is cut only out of bytes that are there, and memory for an
//! array is taken only if the bytes that are there could hold all of its elements.

use std::fmt;

use uuid::Uuid;

use super::limits::{MAX_ELEMENTS, MAX_STRING_BYTES};
use super::{Blob, DecodeError, Form, Records, Str};

/// A tagged field is at least a tag and a size, a byte each.
const MIN_TAGGED_FIELD_BYTES: usize = 2;

/// Walks over the bytes of one message.
#[derive(Clone)]
pub struct Reader<'a> {
    rest: &'a [u8],
    /// How many more array elements the message may have.
    elements_left: usize,
}

impl<'a> Reader<'a> {
    /// Starts at the first of `bytes`.
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self {
            rest: bytes,
            elements_left: MAX_ELEMENTS,
        }
    }

    /// How many bytes are left.
    pub const fn remaining(&self) -> usize {
        self.rest.len()
    }

    /// Succeeds if every byte has been read. To be asked after a request's last field: bytes
    /// beyond it mean that the two sides do not speak of the same message.
    pub const fn expect_end(&self) -> Result<(), DecodeError> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::TrailingBytes(self.rest.len()))
        }
    }

    fn take(&mut self, len: usize) -> Result<&'a [u8], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }

    fn take_array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        let (taken, rest) = self
            .rest
            .split_first_chunk()
            .ok_or(DecodeError::Truncated)?;
        self.rest = rest;
        Ok(*taken)
    }

    /// A byte; anything but 0 is true, as Kafka has it.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.i8()? != 0)
    }

    /// One byte.
    pub fn i8(&mut self) -> Result<i8, DecodeError> {
        Ok(i8::from_be_bytes(self.take_array()?))
    }

    /// Two bytes, big-endian.
    pub fn i16(&mut self) -> Result<i16, DecodeError> {
        Ok(i16::from_be_bytes(self.take_array()?))
    }

    /// Four bytes, big-endian.
    pub fn i32(&mut self) -> Result<i32, DecodeError> {
        Ok(i32::from_be_bytes(self.take_array()?))
    }

    /// Eight bytes, big-endian.
    pub fn i64(&mut self) -> Result<i64, DecodeError> {
        Ok(i64::from_be_bytes(self.take_array()?))
    }

    /// Eight bytes, an IEEE 754 double, big-endian.
    pub fn f64(&mut self) -> Result<f64, DecodeError> {
        Ok(f64::from_be_bytes(self.take_array()?))
    }

    /// Sixteen bytes; all zero stands for "none".
    pub fn uuid(&mut self) -> Result<Uuid, DecodeError> {
        Ok(Uuid::from_bytes(self.take_array()?))
    }

    /// One to five bytes of seven bits each, the lowest first.
    pub fn unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        let mut value = 0;
        for shift in (0..u32::BITS).step_by(7) {
            let [byte] = self.take_array()?;
            let bits = u32::from(byte & 0x7f);
            // The fifth byte has room for four bits.
            if shift == 28 && byte > 0x0f {
                return Err(DecodeError::VarintTooLong);
            }
            value |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError::VarintTooLong)
    }

    /// A flexible length: one more than it counts, and 0 is null.
    fn compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        Ok(self
            .unsigned_varint()?
            .checked_sub(1)
            .map(|length| length as usize))
    }

    /// A classic length: -1 is null.
    fn classic_length(length: i32) -> Result<Option<usize>, DecodeError> {
        match length {
            -1 => Ok(None),
            _ => match usize::try_from(length) {
                Ok(length) => Ok(Some(length)),
                Err(_) => Err(DecodeError::NegativeLength(length)),
            },
        }
    }

    /// A string's length is two bytes in the classic form.
    fn string_length(&mut self, form: Form) -> Result<Option<usize>, DecodeError> {
        match form {
            Form::Classic => Self::classic_length(self.i16()?.into()),
            Form::Flexible => self.compact_length(),
        }
    }

    /// Everything else has a length of four bytes in the classic form.
    fn length(&mut self, form: Form) -> Result<Option<usize>, DecodeError> {
        match form {
            Form::Classic => Self::classic_length(self.i32()?),
            Form::Flexible => self.compact_length(),
        }
    }

    /// A string that may be null.
    pub fn nullable_string(&mut self, form: Form) -> Result<Option<Str<'a>>, DecodeError> {
        let Some(length) = self.string_length(form)? else {
            return Ok(None);
        };
        if length > MAX_STRING_BYTES {
            return Err(DecodeError::StringTooLong(length));
        }
        let text = str::from_utf8(self.take(length)?).map_err(|_| DecodeError::InvalidUtf8)?;
        Ok(Some(Str::Borrowed(text)))
    }

    /// A string.
    pub fn string(&mut self, form: Form) -> Result<Str<'a>, DecodeError> {
        self.nullable_string(form)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    fn nullable_slice(&mut self, form: Form) -> Result<Option<&'a [u8]>, DecodeError> {
        match self.length(form)? {
            Some(length) => self.take(length).map(Some),
            None => Ok(None),
        }
    }

    /// Opaque bytes that may be null.
    pub fn nullable_bytes(&mut self, form: Form) -> Result<Option<Blob<'a>>, DecodeError> {
        Ok(self.nullable_slice(form)?.map(Blob::Borrowed))
    }

    /// Opaque bytes.
    pub fn bytes(&mut self, form: Form) -> Result<Blob<'a>, DecodeError> {
        self.nullable_bytes(form)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// Record batches that may be null.
    pub fn nullable_records(&mut self, form: Form) -> Result<Option<Records<'a>>, DecodeError> {
        Ok(self.nullable_slice(form)?.map(Records::Borrowed))
    }

    /// Record batches.
    pub fn records(&mut self, form: Form) -> Result<Records<'a>, DecodeError> {
        self.nullable_records(form)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// An array that may be null. No element is shorter than `min_element_bytes` on the wire, so a
    /// count that cannot fit into the remaining bytes is an error before memory is taken for it.
    pub fn nullable_array<T>(
        &mut self,
        form: Form,
        min_element_bytes: usize,
        mut element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.length(form)? else {
            return Ok(None);
        };
        let remaining = self.remaining();
        if count > remaining / min_element_bytes.max(1) {
            return Err(DecodeError::ArrayTooLong { count, remaining });
        }
        let left = self.elements_left.checked_sub(count);
        self.elements_left = left.ok_or(DecodeError::TooManyElements)?;
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(element(self)?);
        }
        Ok(Some(elements))
    }

    /// An array. See [`Reader::nullable_array`].
    pub fn array<T>(
        &mut self,
        form: Form,
        min_element_bytes: usize,
        element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        self.nullable_array(form, min_element_bytes, element)?
            .ok_or(DecodeError::UnexpectedNull)
    }

    /// A struct that may be null, which a byte before it tells.
    pub fn nullable_struct<T>(
        &mut self,
        fields: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.i8()? < 0 {
            Ok(None)
        } else {
            fields(self).map(Some)
        }
    }

    /// The tagged fields at the end of a flexible struct. `field` is called with every tag and a
    /// reader over that field alone; it answers whether it knows the tag, and is then to have read
    /// the field to its end.
    pub fn tagged_fields(
        &mut self,
        mut field: impl FnMut(u32, &mut Self) -> Result<bool, DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.unsigned_varint()? as usize;
        let remaining = self.remaining();
        if count > remaining / MIN_TAGGED_FIELD_BYTES {
            return Err(DecodeError::ArrayTooLong { count, remaining });
        }
        for _ in 0..count {
            let tag = self.unsigned_varint()?;
            let size = self.unsigned_varint()? as usize;
            let rest = self.take(size)?;
            let mut content = Reader {
                rest,
                elements_left: self.elements_left,
            };
            if field(tag, &mut content)? {
                content.expect_end()?;
            }
            self.elements_left = content.elements_left;
        }
        Ok(())
    }

    /// Tagged fields of a struct for which none is defined.
    pub fn skip_tagged_fields(&mut self) -> Result<(), DecodeError> {
        self.tagged_fields(|_, _| Ok(false))
    }
}

/// Shows the length alone: what is left may hold a password.
impl fmt::Debug for Reader<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Reader({} bytes)", self.remaining())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_end_at_32_bits() {
        let read = |bytes: &[u8]| Reader::new(bytes).unsigned_varint();
        assert_eq!(read(&[0x00]), Ok(0));
        assert_eq!(read(&[0xac, 0x02]), Ok(300));
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff, 0x0f]), Ok(u32::MAX));
        assert_eq!(
            read(&[0xff, 0xff, 0xff, 0xff, 0x1f]),
            Err(DecodeError::VarintTooLong)
        );
        assert_eq!(
            read(&[0x80, 0x80, 0x80, 0x80, 0x80]),
            Err(DecodeError::VarintTooLong)
        );
        assert_eq!(read(&[0x80]), Err(DecodeError::Truncated));
    }

    #[test]
    fn lengths_are_null_or_positive() {
        fn read(bytes: &[u8]) -> Result<Option<Blob<'_>>, DecodeError> {
            Reader::new(bytes).nullable_bytes(Form::Classic)
        }
        assert_eq!(read(&[0xff, 0xff, 0xff, 0xff]), Ok(None));
        assert_eq!(
            read(&[0xff, 0xff, 0xff, 0xfe]),
            Err(DecodeError::NegativeLength(-2))
        );
        assert_eq!(read(&[0x7f, 0xff, 0xff, 0xff]), Err(DecodeError::Truncated));
        assert_eq!(read(&[0, 0, 0, 1, 7]), Ok(Some(Blob::Borrowed(&[7]))));
    }

    #[test]
    fn an_array_that_cannot_fit_is_refused_before_its_first_element() {
        let mut reader = Reader::new(&[0, 0, 0, 3, 1, 2, 3, 4, 5]);
        let refused = reader.array(Form::Classic, 2, |_| -> Result<(), _> { unreachable!() });
        assert_eq!(
            refused,
            Err(DecodeError::ArrayTooLong {
                count: 3,
                remaining: 5
            })
        );
    }

    #[test]
    fn the_elements_of_a_message_are_counted_together() {
        let inner = vec![0; 1024];
        let mut bytes = Vec::new();
        for _ in 0..MAX_ELEMENTS / 1024 {
            bytes.extend_from_slice(&1024_i32.to_be_bytes());
            bytes.extend_from_slice(&inner);
        }
        let mut reader = Reader::new(&bytes);
        for _ in 0..MAX_ELEMENTS / 1024 {
            reader
                .array(Form::Classic, 1, Reader::i8)
                .expect("within the limit");
        }
        let mut reader = Reader {
            rest: &[0, 0, 0, 1, 0],
            ..reader
        };
        let refused = reader.array(Form::Classic, 1, Reader::i8);
        assert_eq!(refused, Err(DecodeError::TooManyElements));
    }

    #[test]
    fn unknown_tagged_fields_are_stepped_over() {
        let mut reader = Reader::new(&[2, 9, 2, 0xaa, 0xbb, 10, 0, 0x55]);
        assert_eq!(reader.skip_tagged_fields(), Ok(()));
        assert_eq!(reader.i8(), Ok(0x55));
        assert_eq!(reader.expect_end(), Ok(()));
    }

    #[test]
    fn a_known_tagged_field_must_fill_its_size() {
        let mut reader = Reader::new(&[1, 0, 2, 0xaa, 0xbb]);
        let outcome = reader.tagged_fields(|_, field| field.i8().map(|_| true));
        assert_eq!(outcome, Err(DecodeError::TrailingBytes(1)));
    }

    #[test]
    fn bytes_after_the_last_field_are_noticed() {
        assert_eq!(
            Reader::new(&[1]).expect_end(),
            Err(DecodeError::TrailingBytes(1))
        );
    }
}
