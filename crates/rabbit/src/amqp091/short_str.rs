//! Short strings: names, keys, tags.

use std::borrow::Borrow;
use std::fmt;
use std::ops::Deref;
use std::str::Utf8Error;

use bytes::Bytes;

/// A string of at most 255 bytes (AMQP 0-9-1 §4.2.5.3). In what publishers send it need not be UTF-8, as
/// RabbitMQ does not look either; methods that carry no message are refused if it is not.
#[derive(Clone, Default, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ShortStr(Bytes);

/// What has no room in a short string.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} bytes are too long for a short string")]
pub struct TooLong(pub usize);

impl ShortStr {
    /// The longest one: its length is an octet.
    pub const BYTES_MAX: usize = 255;

    /// One that is known when this is compiled.
    ///
    /// # Panics
    /// If it is too long, which a constant shows at compile time.
    pub const fn from_static(text: &'static str) -> Self {
        assert!(text.len() <= Self::BYTES_MAX);
        Self(Bytes::from_static(text.as_bytes()))
    }

    /// As much of the text as there is room for, and a sign that it goes on, as RabbitMQ does it.
    pub fn truncated(mut text: String) -> Self {
        const ELLIPSIS: &str = "...";
        if text.len() > Self::BYTES_MAX {
            text.truncate(text.floor_char_boundary(Self::BYTES_MAX - ELLIPSIS.len()));
            text.push_str(ELLIPSIS);
        }
        Self(text.into())
    }

    /// What a length of one octet stood in front of.
    pub(super) fn from_wire(bytes: Bytes) -> Self {
        debug_assert!(bytes.len() <= Self::BYTES_MAX);
        Self(bytes)
    }

    /// Its bytes.
    pub fn as_bytes(&self) -> &Bytes {
        &self.0
    }

    /// Its bytes.
    pub fn into_bytes(self) -> Bytes {
        self.0
    }

    /// As text, if it is.
    pub fn to_str(&self) -> Result<&str, Utf8Error> {
        std::str::from_utf8(&self.0)
    }

    /// A copy that does not keep the buffer which this one arrived in.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self(Bytes::copy_from_slice(&self.0))
    }
}

impl Deref for ShortStr {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}

impl Borrow<[u8]> for ShortStr {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<Bytes> for ShortStr {
    type Error = TooLong;

    fn try_from(bytes: Bytes) -> Result<Self, TooLong> {
        if bytes.len() <= Self::BYTES_MAX {
            Ok(Self(bytes))
        } else {
            Err(TooLong(bytes.len()))
        }
    }
}

impl TryFrom<String> for ShortStr {
    type Error = TooLong;

    fn try_from(text: String) -> Result<Self, TooLong> {
        Bytes::from(text).try_into()
    }
}

impl TryFrom<&str> for ShortStr {
    type Error = TooLong;

    fn try_from(text: &str) -> Result<Self, TooLong> {
        Bytes::copy_from_slice(text.as_bytes()).try_into()
    }
}

impl PartialEq<str> for ShortStr {
    fn eq(&self, other: &str) -> bool {
        self.0 == other.as_bytes()
    }
}

impl PartialEq<&str> for ShortStr {
    fn eq(&self, other: &&str) -> bool {
        self == *other
    }
}

impl fmt::Debug for ShortStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// What is not UTF-8 is replaced.
impl fmt::Display for ShortStr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        String::from_utf8_lossy(&self.0).fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longest_one_has_255_bytes() {
        assert!(ShortStr::try_from("a".repeat(255)).is_ok());
        assert_eq!(ShortStr::try_from("a".repeat(256)), Err(TooLong(256)));
    }

    #[test]
    fn a_text_that_is_cut_says_so() {
        let whole = ShortStr::truncated("a".repeat(255));
        assert_eq!(whole.to_string(), "a".repeat(255));
        let cut = ShortStr::truncated("a".repeat(256));
        assert_eq!(cut.to_string(), "a".repeat(252) + "...");
        let in_a_letter = ShortStr::truncated("a".repeat(251) + "\u{e4}\u{e4}\u{e4}");
        assert_eq!(in_a_letter.to_string(), "a".repeat(251) + "...");
    }

    #[test]
    fn what_is_not_text_can_be_shown() {
        let text = ShortStr::try_from(Bytes::from_static(b"a\xffb")).unwrap();
        assert_eq!(text.to_string(), "a\u{fffd}b");
        assert!(text.to_str().is_err());
    }
}
