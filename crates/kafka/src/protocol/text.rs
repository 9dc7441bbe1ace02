//! Strings in messages.

use std::fmt;
use std::ops::Deref;
use std::sync::Arc;

/// A string field. A decoded one borrows from its frame; one in a reply may also share a name that
/// the broker keeps, or own a text made for the occasion, so that building a reply copies neither.
#[derive(Clone)]
pub enum Str<'a> {
    /// A string that lives elsewhere, for one in the frame that it was decoded from.
    Borrowed(&'a str),
    /// A name that others hold too.
    Shared(Arc<str>),
    /// A text made for this message.
    Owned(String),
}

impl Str<'_> {
    /// The text.
    pub fn as_str(&self) -> &str {
        match self {
            Self::Borrowed(text) => text,
            Self::Shared(text) => text,
            Self::Owned(text) => text,
        }
    }

    /// The same text, free of the frame; copies it if it was borrowed.
    pub fn into_static(self) -> Str<'static> {
        match self {
            Self::Borrowed(text) => Str::Owned(text.to_owned()),
            Self::Shared(text) => Str::Shared(text),
            Self::Owned(text) => Str::Owned(text),
        }
    }
}

impl Default for Str<'_> {
    fn default() -> Self {
        Self::Borrowed("")
    }
}

impl Deref for Str<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        self.as_str()
    }
}

impl AsRef<str> for Str<'_> {
    fn as_ref(&self) -> &str {
        self
    }
}

impl<'a> From<&'a str> for Str<'a> {
    fn from(text: &'a str) -> Self {
        Self::Borrowed(text)
    }
}

impl<'a> From<&'a String> for Str<'a> {
    fn from(text: &'a String) -> Self {
        Self::Borrowed(text)
    }
}

impl From<String> for Str<'_> {
    fn from(text: String) -> Self {
        Self::Owned(text)
    }
}

impl From<Arc<str>> for Str<'_> {
    fn from(text: Arc<str>) -> Self {
        Self::Shared(text)
    }
}

impl From<&Arc<str>> for Str<'_> {
    fn from(text: &Arc<str>) -> Self {
        Self::Shared(Arc::clone(text))
    }
}

impl PartialEq for Str<'_> {
    fn eq(&self, other: &Self) -> bool {
        self.as_str() == other.as_str()
    }
}

impl Eq for Str<'_> {}

impl PartialEq<str> for Str<'_> {
    fn eq(&self, other: &str) -> bool {
        self.as_str() == other
    }
}

impl PartialEq<&str> for Str<'_> {
    fn eq(&self, other: &&str) -> bool {
        self.as_str() == *other
    }
}

impl fmt::Debug for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.as_str(), f)
    }
}

impl fmt::Display for Str<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self.as_str(), f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_is_equal_however_it_is_held() {
        let shared: Arc<str> = Arc::from("orders");
        assert_eq!(Str::from("orders"), Str::from(&shared));
        assert_eq!(Str::from(String::from("orders")), Str::from(shared));
        assert_ne!(Str::from("orders"), Str::default());
    }

    #[test]
    fn holding_a_string_three_ways_costs_no_more_than_owning_it() {
        assert_eq!(size_of::<Option<Str<'_>>>(), size_of::<String>());
    }
}
