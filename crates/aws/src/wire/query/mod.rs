//! The query protocol's parameters: `Action=SendMessage&MessageAttribute.1.Name=...`, as a tree that serde reads.
//!
//! | module | what it is |
//! |---|---|
//! | `form` | pairs of names and values, decoded |
//! | `tree` | names taken apart at their dots |
//! | `deserialize` | serde's view of the tree |

mod deserialize;
mod form;
mod tree;

use serde::Deserialize;

use super::fault::{Fault, faults};
pub use form::{NotAForm, Pairs, pairs};
use tree::Node;
pub use tree::TooMuch;

/// Parameters of one request.
#[derive(Debug)]
pub struct Parameters<'a> {
    root: Node<'a>,
}

impl<'a> Parameters<'a> {
    /// Of pairs that come one after the other, for example those of the query string and those of the body.
    ///
    /// # Errors
    /// If they cannot be decoded, or are more than any request has.
    pub fn of(parts: impl IntoIterator<Item = &'a str>) -> Result<Self, Fault> {
        let mut root = Node::default();
        let mut count = 0;
        for part in parts {
            for pair in pairs(part) {
                let (name, value) =
                    pair.map_err(|error| faults::malformed_query(error.to_string()))?;
                count += 1;
                root.put(name, value, count)
                    .map_err(|error| faults::malformed_query(error.to_string()))?;
            }
        }
        Ok(Self { root })
    }

    /// The value of a plain parameter.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.root.child(name)?.value.as_deref()
    }

    /// All of them as what an operation takes.
    pub(super) fn read<'de, T: Deserialize<'de>>(&'de self) -> Result<T, Fault> {
        T::deserialize(&self.root).map_err(|error| faults::malformed(error.to_string()))
    }
}
