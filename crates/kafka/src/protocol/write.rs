//! Putting fields into bytes.
//!
//! Small fields go into one buffer. Shared bytes are only noted together with the place they
//! belong to, and are put between the parts of that buffer at the end, so a fetch reply of
//! megabytes costs a few hundred bytes of copying.

use std::fmt;

use bytes::Bytes;
use uuid::Uuid;

use super::limits::{FIRST_BUFFER_BYTES, SPLICE_FROM_BYTES};
use super::{Blob, EncodeError, Form, Records, Rope};

/// A frame begins with its length in four bytes, themselves not counted.
const FRAME_LENGTH_BYTES: usize = 4;

/// Shared bytes, and how many bytes of the buffer go before them.
struct Splice {
    at: usize,
    bytes: Bytes,
}

/// Builds one message.
pub struct Writer {
    buffer: Vec<u8>,
    splices: Vec<Splice>,
    spliced_bytes: usize,
    framed: bool,
}

impl Default for Writer {
    fn default() -> Self {
        Self::new()
    }
}

impl Writer {
    /// Starts a bare message, such as one that travels in another message's bytes field.
    pub fn new() -> Self {
        Self {
            buffer: Vec::with_capacity(FIRST_BUFFER_BYTES),
            splices: Vec::new(),
            spliced_bytes: 0,
            framed: false,
        }
    }

    /// Starts a frame: the length in front is filled in by [`Writer::finish`].
    pub fn framed() -> Self {
        let mut writer = Self {
            framed: true,
            ..Self::new()
        };
        writer.buffer.extend_from_slice(&[0; FRAME_LENGTH_BYTES]);
        writer
    }

    fn len(&self) -> usize {
        self.buffer.len() + self.spliced_bytes
    }

    /// Ends the message.
    pub fn finish(mut self) -> Result<Rope, EncodeError> {
        if self.framed {
            let length = self.len() - FRAME_LENGTH_BYTES;
            let length = i32::try_from(length).map_err(|_| EncodeError::TooLong(length))?;
            self.buffer[..FRAME_LENGTH_BYTES].copy_from_slice(&length.to_be_bytes());
        }
        let mut rope = Rope::with_capacity(2 * self.splices.len() + 1);
        let mut buffer = Bytes::from(self.buffer);
        let mut taken = 0;
        for Splice { at, bytes } in self.splices {
            rope.push(buffer.split_to(at - taken));
            rope.push(bytes);
            taken = at;
        }
        rope.push(buffer);
        Ok(rope)
    }

    fn shared(&mut self, bytes: &Bytes) {
        if bytes.len() < SPLICE_FROM_BYTES {
            self.buffer.extend_from_slice(bytes);
        } else {
            self.spliced_bytes += bytes.len();
            self.splices.push(Splice {
                at: self.buffer.len(),
                bytes: bytes.clone(),
            });
        }
    }

    /// A byte, 1 for true.
    pub fn bool(&mut self, value: bool) {
        self.buffer.push(value.into());
    }

    /// One byte.
    pub fn i8(&mut self, value: i8) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Two bytes, big-endian.
    pub fn i16(&mut self, value: i16) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Four bytes, big-endian.
    pub fn i32(&mut self, value: i32) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Eight bytes, big-endian.
    pub fn i64(&mut self, value: i64) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Eight bytes, an IEEE 754 double, big-endian.
    pub fn f64(&mut self, value: f64) {
        self.buffer.extend_from_slice(&value.to_be_bytes());
    }

    /// Sixteen bytes; all zero stands for "none".
    pub fn uuid(&mut self, value: Uuid) {
        self.buffer.extend_from_slice(value.as_bytes());
    }

    /// One to five bytes of seven bits each, the lowest first.
    pub fn unsigned_varint(&mut self, value: u32) {
        let (bytes, length) = varint(value);
        self.buffer.extend_from_slice(&bytes[..length]);
    }

    /// A flexible length: one more than it counts, and 0 is null.
    fn compact_length(&mut self, length: Option<usize>) -> Result<(), EncodeError> {
        let raw = length.map_or(0, |length| length + 1);
        // Signed like everywhere else in Kafka, whose own readers take it as an int.
        let signed = i32::try_from(raw).map_err(|_| EncodeError::TooLong(raw))?;
        self.unsigned_varint(signed.cast_unsigned());
        Ok(())
    }

    fn length(&mut self, form: Form, length: Option<usize>) -> Result<(), EncodeError> {
        match form {
            Form::Classic => {
                let length = length.map_or(Ok(-1), |length| {
                    i32::try_from(length).map_err(|_| EncodeError::TooLong(length))
                })?;
                self.i32(length);
                Ok(())
            }
            Form::Flexible => self.compact_length(length),
        }
    }

    /// A string that may be null.
    pub fn nullable_string(&mut self, form: Form, text: Option<&str>) -> Result<(), EncodeError> {
        let length = text.map(str::len);
        // Java refuses a longer string in either form, so it would reach nobody.
        let short = length.map_or(Ok(-1), |length| {
            i16::try_from(length).map_err(|_| EncodeError::TooLong(length))
        })?;
        match form {
            Form::Classic => self.i16(short),
            Form::Flexible => self.compact_length(length)?,
        }
        self.buffer
            .extend_from_slice(text.unwrap_or_default().as_bytes());
        Ok(())
    }

    /// A string.
    pub fn string(&mut self, form: Form, text: &str) -> Result<(), EncodeError> {
        self.nullable_string(form, Some(text))
    }

    /// Opaque bytes that may be null.
    pub fn nullable_bytes(
        &mut self,
        form: Form,
        bytes: Option<&Blob<'_>>,
    ) -> Result<(), EncodeError> {
        self.length(form, bytes.map(|bytes| bytes.len()))?;
        match bytes {
            Some(Blob::Borrowed(bytes)) => self.buffer.extend_from_slice(bytes),
            Some(Blob::Shared(bytes)) => self.shared(bytes),
            None => {}
        }
        Ok(())
    }

    /// Opaque bytes.
    pub fn bytes(&mut self, form: Form, bytes: &Blob<'_>) -> Result<(), EncodeError> {
        self.nullable_bytes(form, Some(bytes))
    }

    /// Record batches that may be null.
    pub fn nullable_records(
        &mut self,
        form: Form,
        records: Option<&Records<'_>>,
    ) -> Result<(), EncodeError> {
        self.length(form, records.map(Records::len))?;
        match records {
            Some(Records::Borrowed(bytes)) => self.buffer.extend_from_slice(bytes),
            Some(Records::Pieces(pieces)) => pieces.iter().for_each(|piece| self.shared(piece)),
            None => {}
        }
        Ok(())
    }

    /// Record batches.
    pub fn records(&mut self, form: Form, records: &Records<'_>) -> Result<(), EncodeError> {
        self.nullable_records(form, Some(records))
    }

    /// An array that may be null.
    pub fn nullable_array<T>(
        &mut self,
        form: Form,
        elements: Option<&[T]>,
        mut element: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.length(form, elements.map(<[T]>::len))?;
        elements
            .unwrap_or_default()
            .iter()
            .try_for_each(|value| element(self, value))
    }

    /// An array.
    pub fn array<T>(
        &mut self,
        form: Form,
        elements: &[T],
        element: impl FnMut(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.nullable_array(form, Some(elements), element)
    }

    /// A struct that may be null, which a byte before it tells.
    pub fn nullable_struct<T>(
        &mut self,
        value: Option<&T>,
        fields: impl FnOnce(&mut Self, &T) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.i8(if value.is_some() { 1 } else { -1 });
        value.map_or(Ok(()), |value| fields(self, value))
    }

    /// One tagged field: its tag, its size, and what `content` writes.
    pub fn tagged_field(
        &mut self,
        tag: u32,
        content: impl FnOnce(&mut Self) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        self.unsigned_varint(tag);
        // The size is known only afterwards. One byte is kept free for it, which does for nearly
        // all; for the others the content moves over.
        let size_at = self.buffer.len();
        self.buffer.push(0);
        let (content_at, content_from) = (self.buffer.len(), self.len());
        content(self)?;

        let size = self.len() - content_from;
        let (size_bytes, size_length) =
            varint(u32::try_from(size).map_err(|_| EncodeError::TooLong(size))?);
        let shift = size_length - 1;
        if shift > 0 {
            let content_to = self.buffer.len();
            self.buffer.resize(content_to + shift, 0);
            self.buffer
                .copy_within(content_at..content_to, content_at + shift);
            let inside = self
                .splices
                .iter_mut()
                .rev()
                .take_while(|splice| splice.at >= content_at);
            inside.for_each(|splice| splice.at += shift);
        }
        self.buffer[size_at..size_at + size_length].copy_from_slice(&size_bytes[..size_length]);
        Ok(())
    }
}

/// Shows the length alone: records are large and are the user's.
impl fmt::Debug for Writer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Writer({} bytes)", self.len())
    }
}

/// The bytes of a varint, and how many of them count.
fn varint(mut value: u32) -> ([u8; 5], usize) {
    let mut bytes = [0; 5];
    let mut length = 0;
    loop {
        let low = (value & 0x7f) as u8;
        value >>= 7;
        if value == 0 {
            bytes[length] = low;
            return (bytes, length + 1);
        }
        bytes[length] = low | 0x80;
        length += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::Reader;

    fn written(write: impl FnOnce(&mut Writer)) -> Rope {
        let mut writer = Writer::new();
        write(&mut writer);
        writer
            .finish()
            .expect("a bare message has no length to overflow")
    }

    #[test]
    fn varints_read_back() {
        for value in [
            0,
            1,
            127,
            128,
            300,
            16_383,
            16_384,
            0x0fff_ffff,
            0x1000_0000,
            u32::MAX,
        ] {
            let bytes = written(|writer| writer.unsigned_varint(value)).into_bytes();
            assert_eq!(Reader::new(&bytes).unsigned_varint(), Ok(value));
        }
    }

    #[test]
    fn large_records_are_passed_on_and_not_copied() {
        let batch = Bytes::from(vec![7; SPLICE_FROM_BYTES]);
        let records = Records::from(vec![
            batch.clone(),
            Bytes::from_static(b"small"),
            batch.clone(),
        ]);
        let rope = written(|writer| {
            writer.i16(1);
            writer
                .records(Form::Classic, &records)
                .expect("short enough");
            writer.i16(2);
        });
        let pieces: Vec<_> = rope.pieces().collect();
        assert_eq!(
            pieces.iter().map(|piece| piece.len()).collect::<Vec<_>>(),
            [6, 512, 5, 512, 2]
        );
        assert_eq!(pieces[1].as_ptr(), batch.as_ptr());
        assert_eq!(pieces[3].as_ptr(), batch.as_ptr());
        assert_eq!(rope.len(), rope.into_bytes().len());
    }

    #[test]
    fn a_frame_counts_what_was_spliced_in() {
        let mut writer = Writer::framed();
        let records = Records::from(Bytes::from(vec![7; 1000]));
        writer
            .records(Form::Classic, &records)
            .expect("short enough");
        let frame = writer.finish().expect("short enough").into_bytes();
        assert_eq!(frame[..4], 1004_i32.to_be_bytes());
        assert_eq!(frame.len(), 1008);
    }

    #[test]
    fn a_tagged_field_of_any_size_reads_back() {
        for size in [0, 1, 126, 127, 128, 129, 600, 20_000] {
            let blob = Blob::from(vec![9; size]);
            let bytes = written(|writer| {
                writer.unsigned_varint(1);
                let content = |writer: &mut Writer| writer.bytes(Form::Flexible, &blob);
                writer.tagged_field(3, content).expect("short enough");
                writer.i8(0x55);
            });
            let bytes = bytes.into_bytes();
            let mut reader = Reader::new(&bytes);
            let mut seen = None;
            reader
                .tagged_fields(|tag, field| {
                    seen = Some((tag, field.bytes(Form::Flexible)?.len()));
                    Ok(true)
                })
                .expect("it was written so");
            assert_eq!(seen, Some((3, size)));
            assert_eq!(reader.i8(), Ok(0x55));
        }
    }

    #[test]
    fn a_string_longer_than_its_length_field_is_refused() {
        let text = "x".repeat(40_000);
        assert_eq!(
            Writer::new().string(Form::Classic, &text),
            Err(EncodeError::TooLong(40_000))
        );
    }
}
