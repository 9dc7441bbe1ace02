//! Ranges of versions, as the schemas write them: `3`, `2-5`, `4+`, `none`.

use std::fmt;

use anyhow::{Context, Result};
use serde::Deserialize;

/// A range of versions, both ends included; empty if `first > last`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Versions {
    /// The first version.
    pub first: i16,
    /// The last version.
    pub last: i16,
}

impl Versions {
    /// No version.
    pub(crate) const NONE: Self = Self { first: 0, last: -1 };

    /// Whether there is no version in it.
    pub(crate) fn is_empty(self) -> bool {
        self.first > self.last
    }

    /// Whether `version` is in it.
    pub(crate) fn contains(self, version: i16) -> bool {
        self.first <= version && version <= self.last
    }

    /// The versions in both.
    pub(crate) fn and(self, other: Self) -> Self {
        Self {
            first: self.first.max(other.first),
            last: self.last.min(other.last),
        }
    }

    /// The smallest range that has both in it.
    pub(crate) fn hull(self, other: Self) -> Self {
        match (self.is_empty(), other.is_empty()) {
            (true, _) => other,
            (_, true) => self,
            _ => Self {
                first: self.first.min(other.first),
                last: self.last.max(other.last),
            },
        }
    }

    /// Each of the versions.
    pub(crate) fn iter(self) -> impl Iterator<Item = i16> {
        self.first..=self.last
    }

    /// When a `version` out of `context` is in this range.
    pub(crate) fn condition_in(self, context: Self) -> Condition {
        let within = self.and(context);
        let (first, last) = (within.first, within.last);
        if within.is_empty() {
            Condition::Never
        } else if within == context {
            Condition::Always
        } else if last == context.last {
            Condition::when(format!("version >= {first}"), format!("version < {first}"))
        } else if first == context.first {
            Condition::when(format!("version <= {last}"), format!("version > {last}"))
        } else if first == last {
            Condition::when(format!("version == {first}"), format!("version != {first}"))
        } else {
            let contains = format!("({first}..={last}).contains(&version)");
            Condition::when(contains.clone(), format!("!{contains}"))
        }
    }
}

/// Whether something holds at a version that only the running program knows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Condition {
    /// At all of them.
    Always,
    /// At none of them.
    Never,
    /// At some.
    When {
        /// A Rust expression that is true at those.
        holds: String,
        /// A Rust expression that is true at the others.
        fails: String,
    },
}

impl Condition {
    fn when(holds: String, fails: String) -> Self {
        Self::When { holds, fails }
    }
}

impl TryFrom<String> for Versions {
    type Error = anyhow::Error;

    fn try_from(text: String) -> Result<Self> {
        let number = |text: &str| text.parse().with_context(|| format!("version {text:?}"));
        if text == "none" {
            Ok(Self::NONE)
        } else if let Some(first) = text.strip_suffix('+') {
            Ok(Self {
                first: number(first)?,
                last: i16::MAX,
            })
        } else if let Some((first, last)) = text.split_once('-') {
            Ok(Self {
                first: number(first)?,
                last: number(last)?,
            })
        } else {
            Ok(Self {
                first: number(&text)?,
                last: number(&text)?,
            })
        }
    }
}

impl fmt::Display for Versions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Self { first, last } if first == last => write!(f, "{first}"),
            Self {
                first,
                last: i16::MAX,
            } => write!(f, "{first}+"),
            Self { first, last } => write!(f, "{first}-{last}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn versions(text: &str) -> Versions {
        Versions::try_from(text.to_owned()).unwrap()
    }

    #[test]
    fn conditions_are_no_wider_than_they_must_be() {
        let when = |holds: &str, fails: &str| Condition::when(holds.into(), fails.into());
        let context = versions("3-9");
        assert_eq!(versions("0+").condition_in(context), Condition::Always);
        assert_eq!(versions("0-2").condition_in(context), Condition::Never);
        assert_eq!(versions("none").condition_in(context), Condition::Never);
        assert_eq!(
            versions("5+").condition_in(context),
            when("version >= 5", "version < 5")
        );
        assert_eq!(
            versions("0-5").condition_in(context),
            when("version <= 5", "version > 5")
        );
        assert_eq!(
            versions("4-8").condition_in(context),
            when("(4..=8).contains(&version)", "!(4..=8).contains(&version)")
        );
        assert_eq!(
            versions("4").condition_in(context),
            when("version == 4", "version != 4")
        );
    }
}
