//! Every binding.

use super::targets::Targets;
use super::{Binding, Destination, Destinations};

/// All destinations.
#[derive(Clone, Debug)]
pub(super) struct Fanout<D>(Targets<D>);

impl<D: Destination> Fanout<D> {
    pub(super) fn bind(&mut self, binding: &Binding<D>) {
        self.0.add(binding.destination);
    }

    pub(super) fn unbind(&mut self, binding: &Binding<D>) {
        self.0.remove(binding.destination);
    }

    pub(super) fn route(&self, to: &mut Destinations<D>) {
        self.0.add_to(to);
    }
}

impl<D> Default for Fanout<D> {
    fn default() -> Self {
        Self(Targets::default())
    }
}
