//! Why bytes are not a message, and why a message cannot be bytes.

/// The bytes are not the message they claim to be. The connection they came from is to be closed,
/// except after [`DecodeError::UnsupportedVersion`], which has an answer of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DecodeError {
    /// A field reaches beyond the end of the bytes.
    #[error("the message ends in the middle of a field")]
    Truncated,
    /// A length or count is negative where not even null is allowed.
    #[error("negative length {0}")]
    NegativeLength(i32),
    /// A field that must have a value is null.
    #[error("null in a field that is not nullable")]
    UnexpectedNull,
    /// An array claims more elements than the remaining bytes could hold.
    #[error("array of {count} elements in {remaining} bytes")]
    ArrayTooLong {
        /// How many elements the array claims.
        count: usize,
        /// How many bytes were left for them.
        remaining: usize,
    },
    /// The arrays of the message have more elements than any honest message.
    #[error("more array elements than a message may have")]
    TooManyElements,
    /// A string is longer than Kafka allows.
    #[error("string of {0} bytes")]
    StringTooLong(usize),
    /// A varint is longer than 32 bits.
    #[error("varint longer than 32 bits")]
    VarintTooLong,
    /// A string is not UTF-8.
    #[error("string is not UTF-8")]
    InvalidUtf8,
    /// Bytes are left after the last field.
    #[error("{0} bytes after the end of the message")]
    TrailingBytes(usize),
    /// The API key is none that this module knows.
    #[error("unknown API key {0}")]
    UnknownApiKey(i16),
    /// The message has no such version here.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// Name of the message.
        message: &'static str,
        /// The version that was asked for.
        version: i16,
    },
}

/// A message cannot be said at the version it was to be encoded for. This is a defect of the code
/// that built the message, not of the peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EncodeError {
    /// The field has a value, the version has no place for it, and it must not be dropped.
    #[error("{field} cannot be sent at version {version}")]
    UnsupportedField {
        /// Struct and field, as the schema names them.
        field: &'static str,
        /// The version that lacks the field.
        version: i16,
    },
    /// The field is null and the version cannot say so.
    #[error("{field} cannot be null at version {version}")]
    UnexpectedNull {
        /// Struct and field, as the schema names them.
        field: &'static str,
        /// The version in which the field is not nullable.
        version: i16,
    },
    /// A string, array or frame is longer than its length field can say.
    #[error("{0} bytes or elements are more than the length field can say")]
    TooLong(usize),
    /// The message has no such version here.
    #[error("{message} has no version {version}")]
    UnsupportedVersion {
        /// Name of the message.
        message: &'static str,
        /// The version that was asked for.
        version: i16,
    },
}
