//! The names of those who belong to a group and of those who wait for it.

use std::fmt;
use std::sync::Arc;

use uuid::Uuid;

use super::limits::{CLIENT_TEXT_BYTES_MAX, INSTANCE_ID_BYTES_MAX};
use crate::names::NameError;

/// Names one request that waits for a reply. The caller chooses it, never uses it twice, and gets
/// exactly one reply for it unless it cancels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReplyToken(pub u64);

/// The id the coordinator gave a member: opaque to clients, never empty.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MemberId(Arc<str>);

impl MemberId {
    /// The id a request carries, or none for the empty text by which protocols say that the client
    /// has none yet.
    pub fn new(text: &str) -> Option<Self> {
        (!text.is_empty()).then(|| Self(text.into()))
    }

    /// Makes the id of a new member: its instance id if it has one (KIP-345), else its client id,
    /// then randomness that was handed in.
    pub(super) fn make(
        client_id: &str,
        instance: Option<&InstanceId>,
        randomness: [u8; 16],
    ) -> Self {
        let head = instance.map_or(client_id, InstanceId::as_str);
        Self(format!("{head}-{}", Uuid::from_bytes(randomness)).into())
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id an operator gave a static member, which outlives restarts of its process (KIP-345).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InstanceId(Arc<str>);

impl InstanceId {
    /// Validates `id`: not empty and of at most [`INSTANCE_ID_BYTES_MAX`] bytes.
    pub fn new(id: &str) -> Result<Self, NameError> {
        if id.is_empty() {
            return Err(NameError::Empty);
        }
        if id.len() > INSTANCE_ID_BYTES_MAX {
            return Err(NameError::TooLong {
                length: id.len(),
                limit: INSTANCE_ID_BYTES_MAX,
            });
        }
        Ok(Self(id.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! text {
    ($name:ident) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&self.0, f)
            }
        }
    };
}
text!(MemberId);
text!(InstanceId);

/// `text` cut to what is kept of a client's own words about itself.
pub(super) fn client_text(text: &str) -> Arc<str> {
    shortened(text, CLIENT_TEXT_BYTES_MAX).into()
}

/// The longest head of `text` that has at most `bytes` bytes and whole characters.
pub(super) fn shortened(text: &str, bytes: usize) -> &str {
    &text[..text.floor_char_boundary(bytes)]
}
