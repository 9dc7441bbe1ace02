//! Where a message goes.

use indexmap::IndexSet;

use super::Destination;
use super::targets::HashBuilder;
use super::topic::Cursors;

/// Destinations of one message, each once, in the order in which they were found. Kept from one message to
/// the next, it costs no allocation.
#[derive(Clone, Debug)]
pub struct Destinations<D> {
    found: IndexSet<D, HashBuilder>,
    /// Room to match topics in.
    pub(super) cursors: Cursors,
}

impl<D: Destination> Destinations<D> {
    /// None yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds one; answers whether it is new.
    pub fn add(&mut self, destination: D) -> bool {
        self.found.insert(destination)
    }

    /// All of them.
    pub fn iter(&self) -> impl ExactSizeIterator<Item = D> {
        self.found.iter().copied()
    }

    /// Whether the message goes nowhere.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Forgets them, for the next message.
    pub fn clear(&mut self) {
        self.found.clear();
    }
}

impl<D> Default for Destinations<D> {
    fn default() -> Self {
        Self {
            found: IndexSet::default(),
            cursors: Cursors::default(),
        }
    }
}
