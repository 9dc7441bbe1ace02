//! Committed offsets: what comes back is the newest that was answered, or one that was asked for later.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

/// A group's offset in a partition of a topic of this id.
pub type CommitKey = (String, Uuid, i32);

/// Everything that groups committed.
#[derive(Debug, Default)]
pub struct Commits {
    entries: BTreeMap<CommitKey, Entry>,
}

#[derive(Debug, Default)]
struct Entry {
    /// None before the first answer.
    answered: Option<i64>,
    /// Asked for since, and not answered.
    maybe: BTreeSet<i64>,
}

impl Commits {
    /// A commit is on its way.
    pub fn asked(&mut self, key: &CommitKey, offset: i64) {
        self.entries
            .entry(key.clone())
            .or_default()
            .maybe
            .insert(offset);
    }

    /// A commit was answered. Those asked for before it are superseded.
    pub fn answered(&mut self, key: &CommitKey, offset: i64) {
        let entry = self.entries.entry(key.clone()).or_default();
        entry.answered = Some(offset);
        entry.maybe.clear();
    }

    /// A commit was refused.
    pub fn refused(&mut self, key: &CommitKey, offset: i64) {
        if let Some(entry) = self.entries.get_mut(key) {
            entry.maybe.remove(&offset);
        }
    }

    /// What there is to check of a group and topic.
    pub fn keys(&self) -> Vec<CommitKey> {
        self.entries.keys().cloned().collect()
    }

    /// Whether the group certainly has an offset.
    pub fn any_answered(&self, group: &str) -> bool {
        let mut entries = self.entries.iter();
        entries.any(|((name, _, _), entry)| name == group && entry.answered.is_some())
    }

    /// Holds what the broker says against what was committed; it counts as answered from now on.
    pub fn check(&mut self, key: &CommitKey, found: Option<i64>) {
        let Some(entry) = self.entries.get_mut(key) else {
            return;
        };
        let allowed = found == entry.answered || found.is_some_and(|it| entry.maybe.contains(&it));
        assert!(
            allowed,
            "{key:?}: committed is {found:?}; answered was {:?}, on their way were {:?}",
            entry.answered, entry.maybe
        );
        entry.answered = found;
        entry.maybe.clear();
    }

    /// The topic is gone, and with it what was committed in it.
    pub fn forget(&mut self, topic: Uuid) {
        self.entries.retain(|(_, id, _), _| *id != topic);
    }
}
