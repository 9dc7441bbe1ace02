//! The destinations of bindings that a message cannot tell apart.

use indexmap::IndexMap;

use super::{Destination, Destinations};

/// Never asked for an order, so it may be seeded at random: names come from strangers.
pub(super) type HashBuilder = hashbrown::DefaultHashBuilder;

/// Destinations, each with how many bindings lead there.
#[derive(Clone, Debug)]
pub(super) struct Targets<D>(IndexMap<D, usize, HashBuilder>);

impl<D: Destination> Targets<D> {
    pub(super) fn add(&mut self, destination: D) {
        *self.0.entry(destination).or_default() += 1;
    }

    pub(super) fn remove(&mut self, destination: D) {
        let Some(count) = self.0.get_mut(&destination) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.0.swap_remove(&destination);
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn add_to(&self, to: &mut Destinations<D>) {
        for destination in self.0.keys() {
            to.add(*destination);
        }
    }
}

impl<D> Default for Targets<D> {
    fn default() -> Self {
        Self(IndexMap::default())
    }
}
