//! Validated names. A value of one of these types is a name the broker accepts.

use std::fmt;
use std::sync::Arc;

/// Longest topic name in bytes (Kafka `Topic.MAX_NAME_LENGTH`).
pub const TOPIC_NAME_BYTES_MAX: usize = 249;
/// Longest group id in bytes. Kafka's own bound is the two-byte length of its string type.
pub const GROUP_ID_BYTES_MAX: usize = 32_767;

/// Why a name is not accepted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// No characters at all.
    #[error("the name is empty")]
    Empty,
    /// `.` and `..` would be folder names elsewhere and are reserved (Kafka does the same).
    #[error("`{0}` is a reserved name")]
    Reserved(String),
    /// Longer than the limit.
    #[error("the name has {length} bytes, at most {limit} are allowed")]
    TooLong {
        /// Length of the name given.
        length: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// A character outside ASCII letters, digits, `.`, `_` and `-`.
    #[error("`{0}` has a character other than ASCII letters, digits, `.`, `_` and `-`")]
    Character(String),
}

/// The name of a topic: 1 to 249 of ASCII letters, digits, `.`, `_`, `-`, as in Kafka.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TopicName(Arc<str>);

impl TopicName {
    /// Validates `name`.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() {
            return Err(NameError::Empty);
        }
        if name == "." || name == ".." {
            return Err(NameError::Reserved(name.to_owned()));
        }
        if name.len() > TOPIC_NAME_BYTES_MAX {
            return Err(NameError::TooLong {
                length: name.len(),
                limit: TOPIC_NAME_BYTES_MAX,
            });
        }
        if !name.chars().all(Self::has) {
            return Err(NameError::Character(name.to_owned()));
        }
        Ok(Self(name.into()))
    }

    /// Whether names may have this character.
    pub(crate) fn has(c: char) -> bool {
        c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-')
    }

    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// The id of a consumer group: any non-empty UTF-8.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GroupId(Arc<str>);

impl GroupId {
    /// Validates `id`.
    pub fn new(id: &str) -> Result<Self, NameError> {
        if id.is_empty() {
            return Err(NameError::Empty);
        }
        if id.len() > GROUP_ID_BYTES_MAX {
            return Err(NameError::TooLong {
                length: id.len(),
                limit: GROUP_ID_BYTES_MAX,
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
        impl $name {
            /// The text as others may hold it too, without a copy.
            pub fn shared(&self) -> Arc<str> {
                Arc::clone(&self.0)
            }
        }
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
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                &self.0
            }
        }
        // `Arc<str>` hashes and compares as `str`, so maps keyed by names can be asked with text.
        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }
    };
}
text!(TopicName);
text!(GroupId);
