//! Reading a log from any thread: recent batches at once from memory, older ones by a read that
//! blocks and therefore runs where blocking is allowed.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use bytes::Bytes;

use super::cold;
use super::gather::Gathering;
use super::section::SectionReader;
use super::state::{LogShared, LogState};
use super::watch::{Observer, Watch};
use crate::error::StorageError;
use crate::ids::LogId;
use crate::journal::JournalFiles;
use crate::media::Patience;

/// What readers of a shard share.
pub(crate) struct ReadSide {
    pub(crate) files: JournalFiles,
    pub(crate) sections: SectionReader,
}

/// A handle for reading one log. Cheap to clone; valid until the log is deleted.
#[derive(Clone)]
pub struct LogReader {
    pub(super) shared: Arc<LogShared>,
    pub(super) side: Arc<ReadSide>,
}

/// Why a read has no data to give.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The offset is below the first or above the last that can be read.
    #[error("offset {offset} is not between {start} and {end}")]
    OutOfRange {
        /// The offset asked for.
        offset: u64,
        /// The first offset of the log.
        start: u64,
        /// The offset after the last.
        end: u64,
    },
    /// The log was deleted.
    #[error("the log was deleted")]
    Deleted,
    /// The medium failed, or the data is damaged.
    #[error(transparent)]
    Storage(#[from] StorageError),
}

/// Whole batches, in order. The first contains the offset asked for, or is the first after it.
#[derive(Clone, Debug, Default)]
pub struct Batches {
    /// Runs of whole batches.
    pub parts: Vec<Bytes>,
    /// Bytes in all parts.
    pub bytes: usize,
    /// The offset after the last batch; the offset asked for when there is none.
    pub next: u64,
}

/// The answer to a read.
#[derive(Debug)]
pub enum Read {
    /// The batches were in memory, or there is nothing at the offset yet.
    Ready(Batches),
    /// The batches are on the medium.
    Cold(ColdRead),
}

/// A read that has to block. Run it on a thread that may.
pub struct ColdRead {
    pub(super) reader: LogReader,
    pub(super) from: u64,
    pub(super) bytes_max: usize,
    pub(super) at_least_one: bool,
}

impl std::fmt::Debug for ColdRead {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "ColdRead(log {} from {})", self.reader.id(), self.from)
    }
}

impl std::fmt::Debug for LogReader {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "LogReader({})", self.id())
    }
}

impl Read {
    /// The batches, read from the medium if they have to be. Blocks.
    pub fn run(self) -> Result<Batches, ReadError> {
        match self {
            Self::Ready(batches) => Ok(batches),
            Self::Cold(cold) => cold.run(),
        }
    }

    /// The same from what the medium has in memory, as much as is there; still cold if the first batch is not. Waits for
    /// nothing but takes the time of the copy, so ask for little at a time.
    pub fn resident(self) -> Result<Self, ReadError> {
        match self {
            Self::Ready(_) => Ok(self),
            Self::Cold(cold) => cold.resident(),
        }
    }
}

impl ColdRead {
    /// Reads from the medium.
    pub fn run(self) -> Result<Batches, ReadError> {
        let Self {
            reader,
            from,
            bytes_max,
            at_least_one,
        } = self;
        cold::read(
            &reader,
            from,
            bytes_max,
            at_least_one,
            cold::Tail::Use,
            Patience::Waits,
        )
    }

    fn resident(self) -> Result<Read, ReadError> {
        let read = cold::read(
            &self.reader,
            self.from,
            self.bytes_max,
            self.at_least_one,
            cold::Tail::Use,
            Patience::None,
        );
        match read {
            Err(ReadError::Storage(error)) if error.is_not_resident() => Ok(Read::Cold(self)),
            read => read.map(Read::Ready),
        }
    }
}

impl LogReader {
    pub(crate) fn new(shared: Arc<LogShared>, side: Arc<ReadSide>) -> Self {
        Self { shared, side }
    }

    /// Which log this reads.
    pub fn id(&self) -> LogId {
        self.shared.id
    }

    /// The first offset that can be read.
    pub fn start_offset(&self) -> u64 {
        self.shared.state.read().start
    }

    /// The offset after the last record that has reached its durability (the high watermark).
    pub fn end_offset(&self) -> u64 {
        self.shared.end()
    }

    /// Bytes of batches that are kept.
    pub fn bytes(&self) -> u64 {
        self.shared.state.read().bytes()
    }

    /// How many sections the log is in: what sorts made and merges have not joined yet.
    pub fn sections(&self) -> usize {
        self.shared.state.read().sections.len()
    }

    /// Bytes appended since the process started.
    pub fn appended_bytes(&self) -> u64 {
        self.shared.appended_bytes.load(Ordering::Relaxed)
    }

    /// Counts what a gateway hands to a consumer.
    pub fn count_fetched(&self, records: u64, bytes: u64) {
        self.shared
            .fetched_records
            .fetch_add(records, Ordering::Relaxed);
        self.shared
            .fetched_bytes
            .fetch_add(bytes, Ordering::Relaxed);
    }

    /// Bytes handed to consumers since the process started.
    pub fn fetched_bytes(&self) -> u64 {
        self.shared.fetched_bytes.load(Ordering::Relaxed)
    }

    /// Records handed to consumers since the process started.
    pub fn fetched_records(&self) -> u64 {
        self.shared.fetched_records.load(Ordering::Relaxed)
    }

    /// Whether the log was deleted.
    pub fn is_deleted(&self) -> bool {
        self.shared.state.read().deleted
    }

    /// Has `observer` told, under `key`, whenever the log grows or goes away. Watch first and look
    /// second: what came before is not told.
    pub fn watch(&self, key: u64, observer: &Arc<dyn Observer>) -> Watch {
        Watch::new(Arc::clone(&self.shared), key, observer)
    }

    /// Reads batches from the one that holds `from`, at most `bytes_max` bytes of them. With
    /// `at_least_one` the first batch is returned even if it is larger, so that a reader with a small
    /// budget still makes progress.
    pub fn read(&self, from: u64, bytes_max: usize, at_least_one: bool) -> Result<Read, ReadError> {
        let state = self.shared.state.read();
        check_range(&state, from)?;
        if from == state.end {
            return Ok(Read::Ready(Batches {
                next: from,
                ..Batches::default()
            }));
        }
        if state.tail.front().is_none_or(|first| first.base > from) {
            let reader = self.clone();
            return Ok(Read::Cold(ColdRead {
                reader,
                from,
                bytes_max,
                at_least_one,
            }));
        }
        let mut batches = Gathering::from(from);
        take_tail(&state, bytes_max, at_least_one, &mut batches);
        Ok(Read::Ready(batches.finish()))
    }

    /// As [`LogReader::read`], from the medium only: the batches as they are stored. Blocks.
    pub(crate) fn read_stored(&self, from: u64, bytes_max: usize) -> Result<Batches, ReadError> {
        let tail = cold::Tail::Ignore;
        cold::read(self, from, bytes_max, true, tail, Patience::Waits)
    }

    /// The first record at or after `timestamp_ms`: its offset and timestamp. Blocks.
    pub fn find_timestamp(&self, timestamp_ms: i64) -> Result<Option<(u64, i64)>, ReadError> {
        cold::find_timestamp(self, timestamp_ms)
    }

    /// The first of the records with the newest timestamp: its offset and timestamp. Blocks.
    pub fn newest_timestamp(&self) -> Result<Option<(u64, i64)>, ReadError> {
        cold::newest_timestamp(self)
    }
}

pub(super) fn check_range(state: &LogState, from: u64) -> Result<(), ReadError> {
    if state.deleted {
        return Err(ReadError::Deleted);
    }
    if from < state.start || from > state.end {
        return Err(ReadError::OutOfRange {
            offset: from,
            start: state.start,
            end: state.end,
        });
    }
    Ok(())
}

/// Adds batches of the tail from `batches.next` on, as far as the budget goes.
pub(super) fn take_tail(
    state: &LogState,
    bytes_max: usize,
    at_least_one: bool,
    batches: &mut Gathering,
) {
    let first = state
        .tail
        .partition_point(|batch| batch.next <= batches.next);
    for batch in state.tail.range(first..) {
        let fits = batches.bytes + batch.bytes.len() <= bytes_max;
        let needed = at_least_one && batches.is_empty();
        if !fits && !needed {
            break;
        }
        match batch.shared_header() {
            Some(header) => batches.push_placed(&batch.bytes, &header, batch.next),
            None => batches.push(&batch.bytes, batch.next),
        }
    }
}
