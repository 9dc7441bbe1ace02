//! Bindings with the message's key.

use bytes::Bytes;
use hashbrown::HashMap;

use super::targets::Targets;
use super::{Binding, Destination, Destinations, Message};

/// Destinations by key.
#[derive(Clone, Debug)]
pub(super) struct Direct<D>(HashMap<Bytes, Targets<D>>);

impl<D: Destination> Direct<D> {
    pub(super) fn bind(&mut self, binding: &Binding<D>) {
        let targets = self.0.entry_ref(&binding.key).or_default();
        targets.add(binding.destination);
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        if let Some(targets) = self.0.get_mut(&binding.key) {
            targets.remove(binding.destination);
            if targets.is_empty() {
                self.0.remove(&binding.key);
            }
        }
    }

    pub(super) fn route(&self, message: &impl Message, to: &mut Destinations<D>) {
        for key in message.routing_keys() {
            if let Some(targets) = self.0.get(key) {
                targets.add_to(to);
            }
        }
    }
}

impl<D> Default for Direct<D> {
    fn default() -> Self {
        Self(HashMap::default())
    }
}
