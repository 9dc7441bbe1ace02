//! Names as numbers: a history names the same few processes, logs and keys a million times.

use std::collections::HashMap;

/// The number of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct NameId(u32);

/// Names in the order in which they were first seen.
#[derive(Debug, Default)]
pub(crate) struct Names {
    ids: HashMap<Box<str>, NameId>,
    names: Vec<Box<str>>,
}

impl Names {
    pub(crate) fn id(&mut self, name: &str) -> NameId {
        if let Some(id) = self.ids.get(name) {
            return *id;
        }
        let number = u32::try_from(self.names.len()).expect("a history has fewer than 2^32 names");
        let id = NameId(number);
        self.names.push(name.into());
        self.ids.insert(name.into(), id);
        id
    }

    pub(crate) fn name(&self, id: NameId) -> &str {
        &self.names[id.0 as usize]
    }
}
