//! What a policy wants of a value.

use super::number::{Number, NumberRange};
use crate::cidr::Cidr;

/// A value of a message: of an attribute, or at the end of a path in its body.
#[derive(Clone, Copy, Debug)]
pub(super) enum Leaf<'a> {
    Null,
    Bool(bool),
    Number(Number),
    Text(&'a str),
}

/// The same in a policy.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Scalar {
    Null,
    Bool(bool),
    Number(Number),
    Text(Box<str>),
}

/// One of those a value may match.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Pattern {
    Exact(Scalar),
    Text(TextPattern),
    Numeric(NumberRange),
    Cidr(Cidr),
    /// Whether there is a value at all.
    Exists(bool),
    AnythingBut(Vec<Scalar>),
    AnythingButText(Vec<TextPattern>),
}

/// What only strings match.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum TextPattern {
    Prefix(Box<str>),
    Suffix(Box<str>),
    EqualsIgnoreCase(Box<str>),
    Wildcard(Wildcard),
}

/// A text with stars, each of which stands for any characters: what is between them.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Wildcard(Vec<Box<str>>);

impl Scalar {
    fn equals(&self, leaf: Leaf<'_>) -> bool {
        match (self, leaf) {
            (Self::Null, Leaf::Null) => true,
            (Self::Bool(wanted), Leaf::Bool(found)) => *wanted == found,
            (Self::Number(wanted), Leaf::Number(found)) => *wanted == found,
            (Self::Text(wanted), Leaf::Text(found)) => **wanted == *found,
            _ => false,
        }
    }
}

impl Pattern {
    /// Whether a value that is there matches.
    pub(super) fn matches(&self, leaf: Leaf<'_>) -> bool {
        match self {
            Self::Exact(scalar) => scalar.equals(leaf),
            Self::Text(pattern) => pattern.matches(leaf),
            Self::Numeric(range) => matches!(leaf, Leaf::Number(found) if range.contains(found)),
            Self::Cidr(cidr) => matches!(leaf, Leaf::Text(found) if cidr.contains(found)),
            Self::Exists(wanted) => *wanted,
            Self::AnythingBut(values) => !values.iter().any(|value| value.equals(leaf)),
            Self::AnythingButText(patterns) => {
                !patterns.iter().any(|pattern| pattern.matches(leaf))
            }
        }
    }
}

impl TextPattern {
    fn matches(&self, leaf: Leaf<'_>) -> bool {
        let Leaf::Text(found) = leaf else {
            return false;
        };
        match self {
            Self::Prefix(prefix) => found.starts_with(&**prefix),
            Self::Suffix(suffix) => found.ends_with(&**suffix),
            Self::EqualsIgnoreCase(wanted) => {
                let lower = |text: &str| -> Vec<char> {
                    text.chars().flat_map(char::to_lowercase).collect()
                };
                if wanted.is_ascii() && found.is_ascii() {
                    wanted.eq_ignore_ascii_case(found)
                } else {
                    lower(wanted) == lower(found)
                }
            }
            Self::Wildcard(wildcard) => wildcard.matches(found),
        }
    }
}

impl Wildcard {
    /// Reads a pattern; a backslash before a star or a backslash stands for just that.
    ///
    /// # Errors
    /// What AWS says of one that is none.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        let mut parts = Vec::new();
        let mut part = String::new();
        let mut characters = text.char_indices().peekable();
        while let Some((at, character)) = characters.next() {
            match character {
                '*' => {
                    if let Some((next, '*')) = characters.peek() {
                        return Err(format!("Consecutive wildcard characters at pos {next}"));
                    }
                    parts.push(std::mem::take(&mut part).into_boxed_str());
                }
                '\\' => match characters.next() {
                    Some((_, escaped @ ('*' | '\\'))) => part.push(escaped),
                    _ => return Err(format!("Invalid escape character at pos {at}")),
                },
                other => part.push(other),
            }
        }
        parts.push(part.into_boxed_str());
        Ok(Self(parts))
    }

    /// Takes each part at the first place where it is: that leaves the most for the next.
    fn matches(&self, text: &str) -> bool {
        let Some((first, rest)) = self.0.split_first() else {
            return false;
        };
        let Some((last, middle)) = rest.split_last() else {
            return **first == *text;
        };
        let Some(mut text) = text.strip_prefix(&**first) else {
            return false;
        };
        for part in middle {
            match text.find(&**part) {
                Some(at) => text = &text[at + part.len()..],
                None => return false,
            }
        }
        text.ends_with(&**last)
    }
}
