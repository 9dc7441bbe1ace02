//! The binary form of everything persisted that is not a record batch: little-endian integers,
//! length-prefixed bytes, no self-description. Each persisted kind documents its layout beside its
//! encoder and carries its own version.

use std::sync::Arc;

use bytes::BufMut;

use crate::error::Result as StorageResult;
use crate::limits::NUMBER_MAX;
use crate::scratch::ScratchPage;

/// Persisted bytes that do not parse. With a valid checksum around them this means a newer format
/// or a bug, never bad luck on the disk.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// The bytes end inside a value.
    #[error("truncated: {wanted} bytes wanted, {left} left")]
    Truncated {
        /// Bytes the next value needs.
        wanted: usize,
        /// Bytes that are left.
        left: usize,
    },
    /// A value that no version of this format writes.
    #[error("invalid {what}")]
    Invalid {
        /// The name of the value.
        what: &'static str,
    },
}

/// Appends values to a byte vector.
#[derive(Debug, Default)]
pub struct Encoder {
    bytes: Vec<u8>,
    /// Pages that belong before this one of the bytes, in order.
    pages: Vec<(usize, Arc<ScratchPage>)>,
}

/// What was encoded, with pages that are on disk still.
#[derive(Debug)]
pub struct Encoded {
    bytes: Vec<u8>,
    pages: Vec<(usize, Arc<ScratchPage>)>,
}

impl Encoder {
    /// An empty encoder.
    pub fn new() -> Self {
        Self::default()
    }

    /// One byte.
    pub fn u8(&mut self, value: u8) -> &mut Self {
        self.bytes.put_u8(value);
        self
    }

    /// A boolean as one byte, 0 or 1.
    pub fn bool(&mut self, value: bool) -> &mut Self {
        self.u8(value.into())
    }

    /// Two bytes, signed.
    pub fn i16(&mut self, value: i16) -> &mut Self {
        self.bytes.put_i16_le(value);
        self
    }

    /// Four bytes.
    pub fn u32(&mut self, value: u32) -> &mut Self {
        self.bytes.put_u32_le(value);
        self
    }

    /// Four bytes, signed.
    pub fn i32(&mut self, value: i32) -> &mut Self {
        self.bytes.put_i32_le(value);
        self
    }

    /// Eight bytes.
    pub fn u64(&mut self, value: u64) -> &mut Self {
        self.bytes.put_u64_le(value);
        self
    }

    /// Eight bytes, signed.
    pub fn i64(&mut self, value: i64) -> &mut Self {
        self.bytes.put_i64_le(value);
        self
    }

    /// An unsigned varint: seven bits a byte, the lowest first, the top bit set on all but the last.
    pub fn varint(&mut self, mut value: u64) -> &mut Self {
        while value >= 0x80 {
            self.bytes.put_u8((value & 0x7f) as u8 | 0x80);
            value >>= 7;
        }
        self.bytes.put_u8(value as u8);
        self
    }

    /// A signed varint, zigzag: small distances are short in either direction.
    pub fn zigzag(&mut self, value: i64) -> &mut Self {
        self.varint((value << 1 ^ value >> 63).cast_unsigned())
    }

    /// Sixteen bytes as they are, for example a UUID.
    pub fn bytes16(&mut self, value: &[u8; 16]) -> &mut Self {
        self.bytes.put_slice(value);
        self
    }

    /// Bytes behind a four-byte length.
    pub fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let length = u32::try_from(value.len()).expect("persisted values are bounded below 4 GiB");
        self.u32(length);
        self.bytes.put_slice(value);
        self
    }

    /// UTF-8 behind a four-byte length.
    pub fn str(&mut self, value: &str) -> &mut Self {
        self.bytes(value.as_bytes())
    }

    /// A presence byte, then the value if there is one.
    pub fn option<T>(&mut self, value: Option<T>, put: impl FnOnce(&mut Self, T)) -> &mut Self {
        self.bool(value.is_some());
        if let Some(value) = value {
            put(self, value);
        }
        self
    }

    /// A four-byte count, then each item.
    pub fn list<I>(&mut self, items: I, mut put: impl FnMut(&mut Self, I::Item)) -> &mut Self
    where
        I: IntoIterator,
        I::IntoIter: ExactSizeIterator,
    {
        let items = items.into_iter();
        let count = u32::try_from(items.len()).expect("persisted lists are bounded below 2^32");
        self.u32(count);
        for item in items {
            put(self, item);
        }
        self
    }

    /// A page as [`Encoder::bytes`] has bytes, without reading it: it stays where it is until somebody asks for what was
    /// encoded.
    pub fn page(&mut self, page: &Arc<ScratchPage>) -> &mut Self {
        self.u32(page.length() as u32);
        self.pages.push((self.bytes.len(), Arc::clone(page)));
        self
    }

    /// What `put` encodes, as [`Encoder::bytes`] has bytes.
    pub fn nested(&mut self, put: impl FnOnce(&mut Self)) -> &mut Self {
        let (place, pages) = (self.bytes.len(), self.pages.len());
        let start = self.u32(0).bytes.len();
        put(self);
        let on_disk = self.pages[pages..].iter();
        let on_disk: usize = on_disk.map(|(_, page)| page.length()).sum();
        let length = u32::try_from(self.bytes.len() - start + on_disk);
        let length = length.expect("persisted values are bounded below 4 GiB");
        self.bytes[place..start].copy_from_slice(&length.to_le_bytes());
        self
    }

    /// The bytes so far, of what has no pages.
    pub fn finish(self) -> Vec<u8> {
        debug_assert!(self.pages.is_empty(), "pages are for what goes to disk");
        self.bytes
    }

    /// The same of what may have pages.
    pub fn finish_with_pages(self) -> Encoded {
        Encoded {
            bytes: self.bytes,
            pages: self.pages,
        }
    }
}

impl Encoded {
    /// Hands everything to `put`, piece by piece. Reads a page at a time.
    pub fn for_each_piece(
        &self,
        mut put: impl FnMut(&[u8]) -> StorageResult<()>,
    ) -> StorageResult<()> {
        let mut from = 0;
        for (place, page) in &self.pages {
            put(&self.bytes[from..*place])?;
            put(&page.read().ok_or_else(|| page.lost())?)?;
            from = *place;
        }
        put(&self.bytes[from..])
    }
}

/// Takes values off the front of a byte slice, never reading past its end.
#[derive(Clone, Copy, Debug)]
pub struct Decoder<'a> {
    bytes: &'a [u8],
}

macro_rules! integer {
    ($name:ident, $type:ty, $doc:literal) => {
        #[doc = $doc]
        pub fn $name(&mut self) -> Result<$type, DecodeError> {
            let bytes = self.take(size_of::<$type>())?;
            Ok(<$type>::from_le_bytes(
                bytes.try_into().expect("take returns what was asked for"),
            ))
        }
    };
}

impl<'a> Decoder<'a> {
    /// Decodes from the front of `bytes`.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes }
    }

    integer!(u8, u8, "One byte.");
    integer!(i16, i16, "Two bytes, signed.");
    integer!(u32, u32, "Four bytes.");
    integer!(i32, i32, "Four bytes, signed.");
    integer!(u64, u64, "Eight bytes.");
    integer!(i64, i64, "Eight bytes, signed.");

    /// Eight bytes that count something: an identifier, an offset, a position.
    pub fn number(&mut self) -> Result<u64, DecodeError> {
        match self.u64()? {
            number @ 0..=NUMBER_MAX => Ok(number),
            _ => Err(DecodeError::Invalid { what: "number" }),
        }
    }

    /// An unsigned varint of at most ten bytes.
    pub fn varint(&mut self) -> Result<u64, DecodeError> {
        let mut value = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.u8()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            value |= bits << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(DecodeError::Invalid { what: "varint" })
    }

    /// A signed varint, zigzag.
    pub fn zigzag(&mut self) -> Result<i64, DecodeError> {
        let raw = self.varint()?;
        Ok((raw >> 1).cast_signed() ^ -(raw & 1).cast_signed())
    }

    /// One byte that must be 0 or 1.
    pub fn bool(&mut self) -> Result<bool, DecodeError> {
        match self.u8()? {
            0 => Ok(false),
            1 => Ok(true),
            _ => Err(DecodeError::Invalid { what: "boolean" }),
        }
    }

    /// Sixteen bytes as they are.
    pub fn bytes16(&mut self) -> Result<[u8; 16], DecodeError> {
        Ok(self
            .take(16)?
            .try_into()
            .expect("take returns what was asked for"))
    }

    /// Bytes behind a four-byte length.
    pub fn bytes(&mut self) -> Result<&'a [u8], DecodeError> {
        let length = self.u32()? as usize;
        self.take(length)
    }

    /// UTF-8 behind a four-byte length.
    pub fn str(&mut self) -> Result<&'a str, DecodeError> {
        std::str::from_utf8(self.bytes()?).map_err(|_| DecodeError::Invalid { what: "UTF-8" })
    }

    /// A presence byte, then the value if there is one.
    pub fn option<T>(
        &mut self,
        get: impl FnOnce(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<T>, DecodeError> {
        if self.bool()? {
            get(self).map(Some)
        } else {
            Ok(None)
        }
    }

    /// A four-byte count, then each item. Memory is taken as items arrive, not by the count.
    pub fn list<T>(
        &mut self,
        mut get: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let mut items = Vec::new();
        self.each(|decoder| {
            items.push(get(decoder)?);
            Ok(())
        })?;
        Ok(items)
    }

    /// The same without a list in between, for items that go elsewhere.
    pub fn each(
        &mut self,
        mut take: impl FnMut(&mut Self) -> Result<(), DecodeError>,
    ) -> Result<(), DecodeError> {
        let count = self.u32()?;
        (0..count).try_for_each(|_| take(self))
    }

    /// How many items the list that comes next has, for whoever has a map filled with them: one that grows leaves behind as
    /// much as it takes. No more than there can be, if each takes so many bytes at least.
    pub fn items_ahead(&self, bytes_each: usize) -> usize {
        let mut ahead = *self;
        let said = ahead.u32().unwrap_or(0);
        usize::try_from(said).map_or(0, |said| said.min(self.bytes.len() / bytes_each))
    }

    /// True when every byte has been taken.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// Fails unless every byte has been taken.
    pub fn finish(self) -> Result<(), DecodeError> {
        if self.is_empty() {
            Ok(())
        } else {
            Err(DecodeError::Invalid {
                what: "trailing bytes",
            })
        }
    }

    fn take(&mut self, wanted: usize) -> Result<&'a [u8], DecodeError> {
        let Some((head, tail)) = self.bytes.split_at_checked(wanted) else {
            return Err(DecodeError::Truncated {
                wanted,
                left: self.bytes.len(),
            });
        };
        self.bytes = tail;
        Ok(head)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn varints_come_back_and_longer_ones_are_refused() {
        for value in [0, 1, 127, 128, 300, 1 << 35, u64::MAX - 1, u64::MAX] {
            let mut encoder = Encoder::new();
            let signed = value.cast_signed();
            encoder.varint(value).zigzag(signed).zigzag(!signed);
            let bytes = encoder.finish();
            let mut decoder = Decoder::new(&bytes);
            assert_eq!(decoder.varint(), Ok(value));
            assert_eq!(decoder.zigzag(), Ok(signed));
            assert_eq!(decoder.zigzag(), Ok(!signed));
            assert!(decoder.is_empty());
        }
        let invalid = Err(DecodeError::Invalid { what: "varint" });
        assert_eq!(Decoder::new(&[0xff; 20]).varint(), invalid);
        let mut overflowing = [0x80; 10];
        overflowing[9] = 2;
        assert_eq!(Decoder::new(&overflowing).varint(), invalid);
        let truncated = Decoder::new(&[0x80]).varint();
        assert!(matches!(truncated, Err(DecodeError::Truncated { .. })));
    }

    #[test]
    fn numbers_that_nobody_handed_out_are_refused() {
        for (number, is_one) in [(0, true), (NUMBER_MAX, true), (NUMBER_MAX + 1, false)] {
            let bytes = number.to_le_bytes();
            let decoded = Decoder::new(&bytes).number();
            assert_eq!(decoded.is_ok(), is_one, "{number}");
        }
    }
}
