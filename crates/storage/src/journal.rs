//! The journal: the one chain of files that every durable change of a shard goes through first.
//!
//! A commit is one *entry*: everything that gathered while the previous commit was on its way to the
//! disk. An entry is written with one write and made durable with one sync, however many producers
//! and logs it holds. [`entry`] has the layout, [`scan`] reads a file back after a crash.

pub(crate) mod entry;
pub(crate) mod record;
pub(crate) mod scan;

use hashbrown::HashMap;
use parking_lot::RwLock;
use std::sync::Arc;

use crate::ids::FileId;
use crate::media::JournalFile;

/// The journal files that readers may still need, by number. A reader keeps its handle while it
/// reads, so a file that dies under it stays readable until it lets go.
#[derive(Default)]
pub(crate) struct JournalFiles {
    open: RwLock<HashMap<FileId, Arc<dyn JournalFile>>>,
}

impl JournalFiles {
    pub(crate) fn insert(&self, file: Arc<dyn JournalFile>) {
        self.open.write().insert(file.id(), file);
    }

    pub(crate) fn get(&self, id: FileId) -> Option<Arc<dyn JournalFile>> {
        self.open.read().get(&id).cloned()
    }

    /// Forgets a file. True when nobody else holds it, so that its space may be written over.
    pub(crate) fn release(&self, id: FileId) -> bool {
        let removed = self.open.write().remove(&id);
        removed.is_none_or(|file| Arc::strong_count(&file) == 1)
    }
}
