//! What is called what: found by its name, and walked in the order of names.

use std::collections::BTreeSet;
use std::ops::Bound;

use bytes::Bytes;
use hashbrown::HashMap;

/// Ids by name. Looking one up is what publishers wait for; the order is for who looks at all of them, a
/// part at a time.
#[derive(Debug)]
pub(super) struct ByName<I> {
    ids: HashMap<Bytes, I>,
    ordered: BTreeSet<Bytes>,
}

impl<I> Default for ByName<I> {
    fn default() -> Self {
        Self {
            ids: HashMap::new(),
            ordered: BTreeSet::new(),
        }
    }
}

impl<I: Copy> ByName<I> {
    pub(super) fn get(&self, name: &Bytes) -> Option<&I> {
        self.ids.get(name)
    }

    pub(super) fn contains(&self, name: &[u8]) -> bool {
        self.ids.contains_key(name)
    }

    pub(super) fn len(&self) -> usize {
        self.ids.len()
    }

    pub(super) fn insert(&mut self, name: Bytes, id: I) {
        self.ordered.insert(name.clone());
        self.ids.insert(name, id);
    }

    pub(super) fn remove(&mut self, name: &Bytes) {
        self.ordered.remove(name);
        self.ids.remove(name);
    }

    /// What comes after a name, or from the first one on.
    pub(super) fn after(&self, name: Option<&Bytes>) -> impl Iterator<Item = I> {
        self.from(name.map_or(Bound::Unbounded, Bound::Excluded))
            .map(|(_, id)| id)
    }

    /// What comes from a bound on, with its name.
    pub(super) fn from(&self, bound: Bound<&Bytes>) -> impl Iterator<Item = (&Bytes, I)> {
        let names = self.ordered.range::<Bytes, _>((bound, Bound::Unbounded));
        names.filter_map(|name| Some((name, *self.ids.get(name)?)))
    }
}
