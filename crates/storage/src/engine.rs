//! The storage engine of one shard: all its logs, the journal they share, and the jobs that keep both
//! tidy. It has no threads and reads no clock. Its owner feeds it appends and events, asks it to
//! commit, and runs the jobs it hands out; see [`crate::shard`] for the owner in production.
//!
//! The life of an append: [`Engine::append`] gives it offsets and adds it to the entry that gathers;
//! [`Engine::write`] writes the entry; [`Engine::sync`] makes it durable; each of the two publishes
//! to readers what has thereby reached its durability.

mod append;
mod commit;
mod compact;
mod install;
mod jobs;
mod recovery;
mod replay;
mod retention;
mod snapshot;
mod sort;
mod tail;

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use hashbrown::HashSet;

use crate::ids::{BlobId, FileId, IdMap, LogId, Lsn};
use crate::journal::entry::{EntryBuilder, Link};
use crate::limits;
use crate::log::{Durability, LogReader, LogShared};
use crate::media::{JournalFile, Medium, Purpose};

pub use append::{AppendError, Room};
pub use jobs::{Job, JobDone};
pub use recovery::Recovered;
pub(crate) use replay::refuse_damaged_head;
pub use replay::{Replay, Stateless};
pub(crate) use snapshot::decode as decode_snapshot;

use commit::Pending;
use install::{Dead, Installing};
use jobs::JobsInFlight;
use tail::TailCache;

/// What an engine may be told when it is opened.
#[derive(Clone, Debug)]
pub struct Options {
    /// Size of a journal file in bytes. Smaller on a medium that has little room.
    pub journal_file_bytes: u64,
    /// Bytes of recent batches that stay in memory.
    pub tail_cache_bytes: usize,
    /// Bytes of the medium that stay free; below it producers are refused.
    pub reserve_bytes: u64,
    /// How often retention is looked at.
    pub retention_interval: Duration,
    /// How often compaction is looked at.
    pub compaction_interval: Duration,
    /// Memory for the keys that one compaction pass remembers.
    pub compaction_key_bytes: usize,
    /// Memory for the batches that one sort remembers. A sort takes on fewer files to stay below it,
    /// but at least one.
    pub sort_index_bytes: usize,
    /// How many of the newest full journal files no sort goes through yet.
    pub sealed_files_left: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            journal_file_bytes: limits::JOURNAL_FILE_BYTES,
            tail_cache_bytes: limits::TAIL_CACHE_BYTES,
            reserve_bytes: 256 << 20,
            retention_interval: Duration::from_secs(30),
            compaction_interval: Duration::from_secs(15),
            compaction_key_bytes: limits::COMPACTION_KEY_BYTES,
            sort_index_bytes: limits::SORT_INDEX_BYTES,
            sealed_files_left: limits::SEALED_FILES_LEFT,
        }
    }
}

/// How long and in what form a log keeps its data. Owned by whoever owns the log's configuration and
/// handed in again after every start; not persisted here.
#[derive(Clone, Debug, PartialEq)]
pub struct LogPolicy {
    /// Records older than this go; None keeps them.
    pub retention_ms: Option<u64>,
    /// The oldest data goes while more than this is kept; None keeps it.
    pub retention_bytes: Option<u64>,
    /// Whether retention applies (`cleanup.policy` has `delete`).
    pub delete: bool,
    /// Compaction by key, if the log has it (`cleanup.policy` has `compact`).
    pub compaction: Option<CompactionPolicy>,
    /// The newest part of a log of up to this many bytes is never compacted (`segment.bytes`).
    pub segment_bytes: u64,
    /// ... nor a part younger than this (`segment.ms`).
    pub segment_ms: u64,
}

/// When and how a log is compacted.
#[derive(Clone, Debug, PartialEq)]
pub struct CompactionPolicy {
    /// Share of not yet compacted bytes from which a pass is worth it (`min.cleanable.dirty.ratio`).
    pub dirty_ratio: f64,
    /// How long a tombstone stays readable after the pass that kept it (`delete.retention.ms`).
    pub tombstone_ms: u64,
    /// Records younger than this are not compacted (`min.compaction.lag.ms`).
    pub lag_ms: u64,
}

impl Default for LogPolicy {
    fn default() -> Self {
        Self {
            retention_ms: None,
            retention_bytes: None,
            delete: true,
            compaction: None,
            segment_bytes: 1 << 30,
            segment_ms: 7 * 24 * 3_600_000,
        }
    }
}

/// A log as its writer knows it.
struct Log {
    shared: Arc<LogShared>,
    durability: Durability,
    policy: LogPolicy,
    /// The offset the next record gets; ahead of the shared end while a commit is on its way.
    next: u64,
    /// Everything below was compacted once.
    cleaned: u64,
    /// The part that compaction leaves alone begins here.
    segment_base: u64,
    segment_bytes: u64,
    /// Wall clock when the part began.
    segment_since_ms: i64,
    /// Batches of it are written and wait for the sync.
    waits_for_sync: bool,
    /// A rewrite of this log is on its way.
    rewriting: bool,
    /// When the first tombstone that compaction kept may go (wall clock).
    tombstones_until_ms: Option<i64>,
}

/// The file that takes the next entry.
struct Current {
    file: Arc<dyn JournalFile>,
    position: u64,
    /// It has entries that a power cut would lose.
    unsynced: bool,
}

/// The file that takes over when the current one is full.
enum Spare {
    /// None, and nobody is making one.
    Missing {
        /// Not before this time, because the last attempt failed.
        retry_at: Duration,
        /// The last attempt found the medium full.
        full: bool,
    },
    /// A job is making one.
    Preparing,
    Ready(Arc<dyn JournalFile>),
}

/// The storage engine of one shard.
pub struct Engine {
    medium: Arc<dyn Medium>,
    options: Options,
    side: Arc<crate::log::ReadSide>,
    logs: IdMap<LogId, Log>,

    /// Number and epoch of the entry that gathers, and the checksum of the one before it.
    link: Link,
    /// The newest entry that a power cut does not lose.
    synced: Lsn,
    /// The newest entry whose damage cannot pass for a torn tail.
    marked: Lsn,
    /// When the last entry was written.
    last_write: Duration,
    current: Current,
    /// Full files, oldest first, whose data or events may still be needed.
    sealed: VecDeque<Arc<dyn JournalFile>>,
    /// Full files up to this one have been sorted; those that are still there wait for a snapshot.
    sorted_to: FileId,
    /// Files whose content is dead, to be written over.
    free: Vec<FileId>,
    free_files_max: usize,
    spare: Spare,
    /// Size of the journal files that are made.
    file_bytes: u64,
    /// A command waits for a larger file than usual.
    larger_file_bytes: u64,
    next_file: FileId,
    next_blob: BlobId,

    entry: EntryBuilder,
    /// Written since the engine was opened.
    journaled_bytes: u64,
    pending: Vec<Pending>,
    /// The entry that gathers has something that waits for a sync.
    wants_sync: bool,
    /// Written since the last sync, or since the disk was last told to begin.
    unsynced_bytes: u64,
    /// The entry that gathers gives space back.
    gives_space_back: bool,
    /// When that has to be durable, for the space to come back: with whatever else is synced, or now.
    space_due: Option<Duration>,
    /// Written, waiting for the sync.
    written: Vec<Pending>,
    sync_due: bool,
    /// What files are made for that are made now.
    journal_purpose: Purpose,
    /// Syncs of the current file that an answer or a reader waited for.
    syncs_of_file: u64,

    tail: TailCache,
    /// Sections in each segment that logs still refer to.
    segments: IdMap<BlobId, u32>,
    /// What nobody refers to any more, once the entry that says so is durable.
    doomed: Vec<(Lsn, Dead)>,
    /// Results of jobs on their way into the journal.
    installing: VecDeque<Installing>,
    /// Logs whose data in the journal is damaged: it stays where it is.
    unsortable: HashSet<LogId>,

    jobs: JobsInFlight,
    /// Sealed files that the next sort takes on.
    files_in_sort: usize,
    /// The last attempt to make a spare file found the medium full.
    was_full: bool,
    /// Where replay would begin: the newest durable snapshot.
    snapshot: Option<(Lsn, FileId)>,
    snapshot_wanted: bool,
    retention_due: Duration,
    compaction_due: Duration,
    poisoned: bool,
}

impl Engine {
    /// A handle for reading `log`; None when there is no such log.
    pub fn reader(&self, log: LogId) -> Option<LogReader> {
        let log = self.logs.get(&log)?;
        Some(LogReader::new(
            Arc::clone(&log.shared),
            Arc::clone(&self.side),
        ))
    }

    /// Bytes that were written to the journal since it was opened.
    pub fn journaled_bytes(&self) -> u64 {
        self.journaled_bytes
    }

    /// The offset the next record of `log` will get.
    pub fn next_offset(&self, log: LogId) -> Option<u64> {
        self.logs.get(&log).map(|log| log.next)
    }

    /// When appends of `log` are acknowledged.
    pub fn durability(&self, log: LogId) -> Option<Durability> {
        self.logs.get(&log).map(|log| log.durability)
    }

    /// The logs there are.
    pub fn log_ids(&self) -> impl Iterator<Item = LogId> + '_ {
        self.logs.keys().copied()
    }

    /// The largest batch that the journal can hold.
    pub fn batch_bytes_max(&self) -> usize {
        let share = self.file_bytes / limits::RECORD_SHARE_OF_FILE;
        usize::try_from(share).unwrap_or(usize::MAX)
    }

    /// Bytes that gather for the next commit.
    pub fn gathered_bytes(&self) -> usize {
        self.entry.len()
    }
}
