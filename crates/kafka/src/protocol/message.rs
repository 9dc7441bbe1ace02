//! What every message can do.

use std::ops::RangeInclusive;

use super::generated::ApiKey;
use super::{DecodeError, EncodeError, Reader, Writer};

/// A message of the protocol. `'a` is the frame that a decoded one borrows from.
pub trait Message<'a>: Sized {
    /// The schema's name, for errors and logs.
    const NAME: &'static str;
    /// The versions that can be decoded and encoded.
    const VERSIONS: RangeInclusive<i16>;
    /// The first version with varint lengths and tagged fields, if there is one.
    const FLEXIBLE_FROM: Option<i16>;

    /// Reads the message, and no byte beyond it. Fields that `version` lacks get their default;
    /// tagged fields that are not known are skipped.
    fn decode(reader: &mut Reader<'a>, version: i16) -> Result<Self, DecodeError>;

    /// Writes the message. A field that `version` lacks is left out if the schema calls it
    /// ignorable or if it has its default value; otherwise the message cannot be said at this
    /// version and an error tells which field is in the way.
    fn encode(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError>;
}

/// A message that a client sends.
pub trait Request<'a>: Message<'a> {
    /// The API that the request belongs to.
    const API_KEY: ApiKey;
    /// What the broker answers, at the same version.
    type Response<'r>: Response<'r>;
}

/// A message that the broker answers.
pub trait Response<'a>: Message<'a> {
    /// The API that the response belongs to.
    const API_KEY: ApiKey;
}

/// Fails if a message cannot be decoded at a version.
pub(super) fn check_decodable<'a, M: Message<'a>>(version: i16) -> Result<(), DecodeError> {
    if M::VERSIONS.contains(&version) {
        Ok(())
    } else {
        Err(DecodeError::UnsupportedVersion {
            message: M::NAME,
            version,
        })
    }
}

/// Fails if a message cannot be encoded at a version.
pub(super) fn check_encodable<'a, M: Message<'a>>(version: i16) -> Result<(), EncodeError> {
    if M::VERSIONS.contains(&version) {
        Ok(())
    } else {
        Err(EncodeError::UnsupportedVersion {
            message: M::NAME,
            version,
        })
    }
}
