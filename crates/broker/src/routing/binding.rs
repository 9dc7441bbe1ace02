//! What binds a destination to an exchange.

use std::hash::Hash;
use std::sync::Arc;

use bytes::Bytes;

use super::{Destination, Value, ValueRef};
use crate::limits::CONSISTENT_HASH_WEIGHT_MAX;

/// A binding. Two that are equal are the same one.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Binding<D: Destination> {
    /// The key, pattern or weight.
    pub key: Bytes,
    /// Beside the key, what only some exchanges look at.
    pub arguments: Arguments,
    /// Where messages go.
    pub destination: D,
}

impl<D: Destination> Binding<D> {
    /// One without arguments.
    pub fn new(key: impl Into<Bytes>, destination: D) -> Self {
        Self {
            key: key.into(),
            arguments: Arguments::default(),
            destination,
        }
    }
}

/// The arguments of a binding: each name once, in order of their names, so that equal ones are equal however
/// they were written.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arguments(Arc<[(Bytes, Value)]>);

impl Arguments {
    /// Of several with the same name the first counts.
    pub fn new(arguments: impl IntoIterator<Item = (Bytes, Value)>) -> Self {
        let mut arguments: Vec<_> = arguments.into_iter().collect();
        arguments.sort_by(|(a, _), (b, _)| a.cmp(b));
        arguments.dedup_by(|(later, _), (first, _)| later == first);
        Self(arguments.into())
    }

    /// The value of this name.
    pub fn get(&self, name: &[u8]) -> Option<ValueRef<'_>> {
        let place = self.0.binary_search_by(|(found, _)| found[..].cmp(name));
        place.ok().map(|place| self.0[place].1.view())
    }

    /// What they take in the journal, at most.
    pub(crate) fn stored_bytes(&self) -> usize {
        let value = |value: &Value| match value {
            Value::Bytes(bytes) | Value::Nested(bytes) => bytes.len(),
            _ => 16,
        };
        let all = self.0.iter();
        all.map(|(name, found)| 16 + name.len() + value(found))
            .sum()
    }

    /// All of them.
    pub fn iter(&self) -> impl Iterator<Item = &(Bytes, Value)> {
        self.0.iter()
    }
}

impl Default for Arguments {
    fn default() -> Self {
        Self::new([])
    }
}

/// Why a binding makes no sense to its exchange. In RabbitMQ's words where it has some.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BindError {
    /// The argument `x-match` is none of the four.
    #[error(
        "Invalid x-match field value <<\"{}\">>; expected all, any, all-with-x, or any-with-x",
        String::from_utf8_lossy(.0)
    )]
    UnknownMatch(Bytes),
    /// The argument `x-match` is no string.
    #[error("Invalid x-match field type; expected longstr")]
    MatchNotText,
    /// A binding has a key, and its exchange knows none.
    #[error("Non empty binding '{}' key not permitted", String::from_utf8_lossy(.0))]
    KeyNotEmpty(Bytes),
    /// A weight is no number.
    #[error("The binding key must be an integer: <<\"{}\">>", String::from_utf8_lossy(.0))]
    WeightNotInteger(Bytes),
    /// A weight is zero or less.
    #[error("The binding key must be greater than 0")]
    WeightTooSmall,
    /// A weight is beyond reason.
    #[error("The binding key must not exceed {CONSISTENT_HASH_WEIGHT_MAX}")]
    WeightTooLarge,
}
