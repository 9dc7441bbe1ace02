//! One of all destinations: by lot, or the same for the same keys as long as the destinations stay.

use super::consistent_hash::hash_bytes;
use super::{BindError, Binding, Destination, Destinations, Message};

/// How one is chosen.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Choice {
    /// By lot.
    Lot {
        /// Only bindings without a key are taken.
        without_key: bool,
    },
    /// By the remainder of a hash of the routing keys.
    Modulus,
}

/// Destinations in order, so that the same ones are chosen alike however they came to be bound.
#[derive(Clone, Debug)]
pub(super) struct OneOf<D> {
    choice: Choice,
    /// Each with how many bindings lead there.
    destinations: Vec<(D, usize)>,
}

impl<D: Destination> OneOf<D> {
    pub(super) fn new(choice: Choice) -> Self {
        Self {
            choice,
            destinations: Vec::new(),
        }
    }

    pub(super) fn is_by_lot(&self) -> bool {
        matches!(self.choice, Choice::Lot { .. })
    }

    pub(super) fn bind(&mut self, binding: &Binding<D>) -> Result<(), BindError> {
        if self.choice == (Choice::Lot { without_key: true }) && !binding.key.is_empty() {
            return Err(BindError::KeyNotEmpty(binding.key.clone()));
        }
        match self.place(binding.destination) {
            Ok(place) => self.destinations[place].1 += 1,
            Err(place) => self.destinations.insert(place, (binding.destination, 1)),
        }
        Ok(())
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        let Ok(place) = self.place(binding.destination) else {
            return;
        };
        self.destinations[place].1 -= 1;
        if self.destinations[place].1 == 0 {
            self.destinations.remove(place);
        }
    }

    pub(super) fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        let count = self.destinations.len() as u64;
        if count == 0 {
            return;
        }
        let number = match self.choice {
            Choice::Lot { .. } => to.draw(),
            Choice::Modulus => {
                let keys = message.routing_keys();
                let hash = keys.fold(0, |hash: u64, key| hash.rotate_left(1) ^ hash_bytes(key));
                // The low bits alone are no better than those of the keys.
                hash ^ (hash >> 32)
            }
        };
        // A remainder is below the count, which is a length.
        let (destination, _) = self.destinations[(number % count) as usize];
        to.add(destination);
    }

    fn place(&self, destination: D) -> Result<usize, usize> {
        let find = |(found, _): &(D, usize)| found.cmp(&destination);
        self.destinations.binary_search_by(find)
    }
}
