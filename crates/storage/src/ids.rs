//! Identifiers that reach the disk. Each is a number that is handed out once and never reused.

use std::fmt;

/// A map whose keys are numbers that we gave out ourselves. Its order is the same in every run, so that
/// a run is a function of its inputs, and nobody outside can choose keys that collide.
pub type IdMap<K, V> = hashbrown::HashMap<K, V, foldhash::fast::FixedState>;

macro_rules! id {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Default)]
        pub struct $name(pub u64);

        impl $name {
            /// The identifier after this one.
            pub fn next(self) -> Self {
                Self(self.0 + 1)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(f)
            }
        }
    };
}

id! {
    /// A log: one partition of a topic, or one queue's own log.
    LogId
}
id! {
    /// The position of one commit in the journal. Consecutive commits have consecutive numbers.
    Lsn
}
id! {
    /// One opening of the data. Entries left behind by a torn tail carry an older epoch than the
    /// entries written over them, which is how recovery tells them apart.
    Epoch
}
id! {
    /// A journal file. Numbers follow the order in which the files are filled.
    FileId
}
id! {
    /// An immutable object: a segment or a snapshot.
    BlobId
}
