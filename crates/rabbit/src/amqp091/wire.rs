//! Fields of methods and properties (AMQP 0-9-1 §4.2.5): how each type is read and written.

use bytes::{BufMut, Bytes, BytesMut};

use super::table::{self, Table};
use super::{DecodeError, ShortStr};

/// Something that a method or a property list has as a field.
pub(super) trait Field: Sized {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError>;
    fn write(&self, writer: &mut Writer<'_>);
}

/// Reads fields off a payload, as slices of it.
pub(super) struct Reader<'a> {
    payload: &'a Bytes,
    at: usize,
    bits: Bits,
    /// Whether short strings must be UTF-8.
    pub(super) wants_text: bool,
    /// Whether the bytes were read before, so that tables need no second look.
    pub(super) is_validated: bool,
}

/// Consecutive bits share octets, the first in the lowest place.
#[derive(Default)]
struct Bits {
    octet: u8,
    /// Where the next one is; zero if it begins an octet.
    next: u8,
}

impl<'a> Reader<'a> {
    pub(super) fn new(payload: &'a Bytes) -> Self {
        Self {
            payload,
            at: 0,
            bits: Bits::default(),
            wants_text: false,
            is_validated: false,
        }
    }

    /// Goes to a place of the payload; one beyond its end has nothing.
    pub(super) fn seek(&mut self, at: usize) {
        self.at = at;
    }

    /// What was not read yet.
    pub(super) fn rest(&self) -> &'a [u8] {
        self.payload.get(self.at..).unwrap_or_default()
    }

    pub(super) fn remaining(&self) -> usize {
        self.rest().len()
    }

    /// That all was read.
    pub(super) fn finish(self) -> Result<(), DecodeError> {
        match self.remaining() {
            0 => Ok(()),
            left => Err(DecodeError::TrailingBytes(left)),
        }
    }

    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], DecodeError> {
        self.bits = Bits::default();
        let bytes = *self.rest().first_chunk().ok_or(DecodeError::Truncated)?;
        self.at += N;
        Ok(bytes)
    }

    pub(super) fn bytes(&mut self, length: usize) -> Result<Bytes, DecodeError> {
        self.bits = Bits::default();
        if length > self.remaining() {
            return Err(DecodeError::Truncated);
        }
        let bytes = self.payload.slice(self.at..self.at + length);
        self.at += length;
        Ok(bytes)
    }

    fn bit(&mut self) -> Result<bool, DecodeError> {
        if self.bits.next == 0 {
            let [octet] = self.array()?;
            self.bits = Bits { octet, next: 1 };
        }
        let bit = self.bits.octet & self.bits.next != 0;
        // After the eighth nothing is left, and the next one begins an octet.
        self.bits.next <<= 1;
        Ok(bit)
    }
}

/// Appends fields to a buffer.
pub struct Writer<'a> {
    out: &'a mut BytesMut,
    /// Where the next bit goes in the last octet; zero if it begins one.
    next_bit: u8,
}

impl<'a> Writer<'a> {
    pub(super) fn new(out: &'a mut BytesMut) -> Self {
        Self { out, next_bit: 0 }
    }

    /// The buffer, for anything but bits.
    pub(super) fn out(&mut self) -> &mut BytesMut {
        self.next_bit = 0;
        self.out
    }

    fn bit(&mut self, bit: bool) {
        if self.next_bit == 0 {
            self.out.put_u8(0);
            self.next_bit = 1;
        }
        if bit && let Some(octet) = self.out.last_mut() {
            *octet |= self.next_bit;
        }
        self.next_bit <<= 1;
    }
}

/// The length in front of a long string or a table.
pub(super) fn put_long(out: &mut BytesMut, bytes: &[u8]) {
    let length = u32::try_from(bytes.len()).expect("nothing that is sent is as large as 4 GiB");
    out.put_u32(length);
    out.put_slice(bytes);
}

/// The octet in front of a short string.
pub(super) fn short_length(string: &[u8]) -> u8 {
    u8::try_from(string.len()).expect("a short string is short")
}

macro_rules! integer {
    ($($type:ty)*) => {
        $(impl Field for $type {
            fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
                reader.array().map(Self::from_be_bytes)
            }

            fn write(&self, writer: &mut Writer<'_>) {
                writer.out().put_slice(&self.to_be_bytes());
            }
        })*
    };
}

integer! { u8 u16 u32 u64 }

impl Field for bool {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        reader.bit()
    }

    fn write(&self, writer: &mut Writer<'_>) {
        writer.bit(*self);
    }
}

impl Field for ShortStr {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let [length] = reader.array()?;
        let bytes = reader.bytes(length.into())?;
        if reader.wants_text && std::str::from_utf8(&bytes).is_err() {
            return Err(DecodeError::MalformedUtf8);
        }
        Ok(Self::from_wire(bytes))
    }

    fn write(&self, writer: &mut Writer<'_>) {
        let out = writer.out();
        out.put_u8(short_length(self));
        out.put_slice(self);
    }
}

/// A long string, which may be anything.
impl Field for Bytes {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let length = u32::from_be_bytes(reader.array()?);
        reader.bytes(usize::try_from(length).map_err(|_| DecodeError::Truncated)?)
    }

    fn write(&self, writer: &mut Writer<'_>) {
        put_long(writer.out(), self);
    }
}

impl Field for Table {
    fn read(reader: &mut Reader<'_>) -> Result<Self, DecodeError> {
        let bytes = Bytes::read(reader)?;
        if !reader.is_validated {
            table::validate(&bytes)?;
        }
        Ok(Self::from_validated(bytes))
    }

    fn write(&self, writer: &mut Writer<'_>) {
        put_long(writer.out(), self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bits_share_octets_until_something_else_comes() {
        let mut out = BytesMut::new();
        let mut writer = Writer::new(&mut out);
        let bits = [true, false, true, false, false, false, false, true, true];
        for bit in bits {
            bit.write(&mut writer);
        }
        7u8.write(&mut writer);
        true.write(&mut writer);
        let payload = out.freeze();
        assert_eq!(&payload[..], [0b1000_0101, 1, 7, 1]);

        let mut reader = Reader::new(&payload);
        let read: Vec<_> = bits
            .iter()
            .map(|_| bool::read(&mut reader).unwrap())
            .collect();
        assert_eq!(read, bits);
        assert_eq!(u8::read(&mut reader), Ok(7));
        assert_eq!(bool::read(&mut reader), Ok(true));
        assert_eq!(reader.finish(), Ok(()));
    }
}
