//! The codecs of a batch, and one bounded way in and out. A decoder never returns, and never holds
//! much, more than the caller's limit: what a few kilobytes claim to become is not believed.

mod gzip;
mod lz4;
mod read_bounded;
mod snappy;
mod zstandard;

use std::borrow::Cow;
use std::fmt;

use crate::error::{Error, Result};
use crate::limits::DECOMPRESSED_BYTES_MAX;

/// A compression codec. The numbers are those of the attribute bits, and of Kafka.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Compression {
    /// None at all.
    #[default]
    None = 0,
    /// Gzip (RFC 1952).
    Gzip = 1,
    /// Snappy in xerial's framing, as Java writes it; raw Snappy is read too.
    Snappy = 2,
    /// LZ4 frames (KIP-57).
    Lz4 = 3,
    /// Zstandard (KIP-110).
    Zstd = 4,
}

impl Compression {
    /// All codecs, by number.
    pub const ALL: [Self; 5] = [Self::None, Self::Gzip, Self::Snappy, Self::Lz4, Self::Zstd];

    /// The codec with this number, if there is one.
    pub fn from_id(id: u8) -> Option<Self> {
        Self::ALL.get(usize::from(id)).copied()
    }

    /// The number of this codec.
    pub fn id(self) -> u8 {
        self as u8
    }

    /// The codec that configuration calls `name`. Kafka's producers say `none` and its topics
    /// `uncompressed`.
    pub fn from_name(name: &str) -> Option<Self> {
        if name == "uncompressed" {
            return Some(Self::None);
        }
        Self::ALL.into_iter().find(|codec| codec.name() == name)
    }

    /// The name in configuration.
    pub fn name(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Gzip => "gzip",
            Self::Snappy => "snappy",
            Self::Lz4 => "lz4",
            Self::Zstd => "zstd",
        }
    }

    /// Compresses `input` onto the end of `out`, with levels and framing that every Kafka client reads.
    pub(crate) fn compress_into(self, input: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::None => out.extend_from_slice(input),
            Self::Gzip => gzip::compress(input, out),
            Self::Snappy => snappy::compress(input, out),
            Self::Lz4 => lz4::compress(input, out),
            Self::Zstd => zstandard::compress(input, out),
        }
    }

    /// Decompresses `input` to at most `limit` bytes, and never to more than
    /// [`DECOMPRESSED_BYTES_MAX`]. Uncompressed input is lent as it is: it takes no memory.
    ///
    /// # Errors
    /// [`Error::TooLarge`] if there would be more, [`Error::Decompression`] if it is not this codec's
    /// data, whole and to its end.
    pub fn decompress(self, input: &[u8], limit: usize) -> Result<Cow<'_, [u8]>> {
        let limit = limit.min(DECOMPRESSED_BYTES_MAX);
        let output = match self {
            Self::None => return Ok(Cow::Borrowed(input)),
            Self::Gzip => gzip::decompress(input, limit),
            Self::Snappy => snappy::decompress(input, limit),
            Self::Lz4 => lz4::decompress(input, limit),
            Self::Zstd => zstandard::decompress(input, limit),
        };
        output.map(Cow::Owned).map_err(|failure| match failure {
            Failure::TooLarge => Error::TooLarge { limit },
            Failure::Invalid(reason) => Error::Decompression {
                codec: self,
                reason,
            },
        })
    }
}

impl fmt::Display for Compression {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// Why a decoder gave up.
#[derive(Debug)]
enum Failure {
    /// The output would pass the limit.
    TooLarge,
    /// The input is not what it should be.
    Invalid(String),
}

impl Failure {
    fn invalid(reason: impl fmt::Display) -> Self {
        Self::Invalid(reason.to_string())
    }
}

#[cfg(test)]
mod tests;
