//! What can be wrong with a batch. The variants are what a caller tells apart: a half-written tail,
//! damage, a format or codec that is not spoken here, a client's lie, and too much.

use crate::compression::Compression;

/// Why bytes are not the batch, or the record, that they should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// The bytes end before the batch does. At the end of a log or of a fetch answer this is a
    /// normal state; anywhere else it is damage.
    #[error("the batch needs {needed} bytes, {available} are there")]
    Truncated {
        /// Bytes the batch needs, as far as is known yet.
        needed: usize,
        /// Bytes there are.
        available: usize,
    },
    /// The length field cannot be that of a batch.
    #[error("a batch length of {length} is impossible")]
    Length {
        /// The length field as read.
        length: i32,
    },
    /// The CRC-32C does not match the bytes.
    #[error("the checksum is {stored:#010x}, the bytes have {computed:#010x}")]
    Checksum {
        /// The checksum in the header.
        stored: u32,
        /// The checksum of the bytes.
        computed: u32,
    },
    /// Not format v2. 0 and 1 are the message sets of clients older than Kafka 0.11.
    #[error("message format v{magic} is not supported, only v2")]
    Magic {
        /// The magic byte as read.
        magic: i8,
    },
    /// A compression codec that nobody has defined.
    #[error("compression codec {id} is unknown")]
    Codec {
        /// The codec bits of the attributes.
        id: u8,
    },
    /// The header contradicts itself, or claims what its sender may not claim.
    #[error("invalid batch: {what}")]
    Batch {
        /// What is wrong.
        what: &'static str,
    },
    /// A timestamp, or kind of timestamp, that its sender may not use.
    #[error("invalid timestamp: {what}")]
    Timestamp {
        /// What is wrong.
        what: &'static str,
    },
    /// A record inside the batch is malformed.
    #[error("invalid record {index}: {what}")]
    Record {
        /// Position of the record in its batch, from 0.
        index: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// The compressed records do not decompress.
    #[error("invalid {codec} data: {reason}")]
    Decompression {
        /// The codec that the attributes name.
        codec: Compression,
        /// The decoder's own words.
        reason: String,
    },
    /// More bytes than the limit allows.
    #[error("larger than the limit of {limit} bytes")]
    TooLarge {
        /// The limit that was met.
        limit: usize,
    },
}

/// A result with this crate's [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;
