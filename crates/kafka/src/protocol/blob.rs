//! Opaque bytes in messages.

use std::fmt;
use std::ops::Deref;

use bytes::Bytes;

/// A bytes field whose content the protocol does not look into: a group member's metadata, its
/// assignment, a SASL token.
#[derive(Clone)]
pub enum Blob<'a> {
    /// Bytes that live elsewhere, for one in the frame that they were decoded from.
    Borrowed(&'a [u8]),
    /// Bytes that others hold too.
    Shared(Bytes),
}

impl Blob<'_> {
    /// The bytes.
    pub fn as_slice(&self) -> &[u8] {
        match self {
            Self::Borrowed(bytes) => bytes,
            Self::Shared(bytes) => bytes,
        }
    }

    /// The bytes, free of the frame. Copies what is borrowed, on purpose: a slice of the frame
    /// would keep all of it alive for as long as a group remembers a few bytes.
    pub fn into_bytes(self) -> Bytes {
        match self {
            Self::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
            Self::Shared(bytes) => bytes,
        }
    }
}

impl Default for Blob<'_> {
    fn default() -> Self {
        Self::Borrowed(&[])
    }
}

impl Deref for Blob<'_> {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        self.as_slice()
    }
}

impl AsRef<[u8]> for Blob<'_> {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl<'a> From<&'a [u8]> for Blob<'a> {
    fn from(bytes: &'a [u8]) -> Self {
        Self::Borrowed(bytes)
    }
}

impl From<Bytes> for Blob<'_> {
    fn from(bytes: Bytes) -> Self {
        Self::Shared(bytes)
    }
}

impl From<Vec<u8>> for Blob<'_> {
    fn from(bytes: Vec<u8>) -> Self {
        Self::Shared(Bytes::from(bytes))
    }
}

impl PartialEq for Blob<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_slice() == other.as_slice()
    }
}

impl Eq for Blob<'_> {}

/// Shows the length alone: a SASL token is a password, and messages get logged.
impl fmt::Debug for Blob<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Blob({} bytes)", self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_output_does_not_show_the_bytes() {
        let token = Blob::from(&b"\0user\0secret"[..]);
        assert_eq!(format!("{token:?}"), "Blob(12 bytes)");
    }
}
