//! What a log knows about itself: shared between the shard, which changes it once a commit, and
//! readers, who take what they need under a short lock and read without it.

use std::collections::VecDeque;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use forebay_record::BatchHeader;
use forebay_record::limits::HEADER_BYTES as BATCH_HEADER_BYTES;
use parking_lot::RwLock;

use super::section::Section;
use super::watch::Watchers;
use crate::ids::{FileId, LogId};
use crate::limits::NUMBER_MAX;

/// A run of a log's batches in one journal file, interleaved with those of other logs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Chunk {
    /// Offset of the first record.
    pub(crate) base: u64,
    /// Offset after the last record.
    pub(crate) next: u64,
    pub(crate) file: FileId,
    /// Where the first batch's record begins in the file.
    pub(crate) start: u32,
    /// Where the last batch's record ends in the file.
    pub(crate) end: u32,
    /// Bytes of this log in the run.
    pub(crate) bytes: u32,
    /// The newest timestamp among its records, in milliseconds.
    pub(crate) max_timestamp: i64,
}

impl Chunk {
    /// Whether its batches fit between its positions.
    fn is_sound(&self) -> bool {
        let span = self.end.checked_sub(self.start);
        span.is_some_and(|span| self.bytes <= span)
    }

    /// The most batches that it can hold: each has a record, and a header.
    pub(crate) fn batches_max(&self) -> usize {
        let records = usize::try_from(self.next - self.base).unwrap_or(usize::MAX);
        records.min(self.bytes as usize / BATCH_HEADER_BYTES)
    }
}

/// Whether ranges of offsets follow one another, all of them below `end`.
fn ascend(mut ranges: impl Iterator<Item = (u64, u64)>, end: u64) -> bool {
    let mut next = 0;
    ranges.all(|(from, below)| {
        let follows = next <= from && from <= below;
        next = below;
        follows
    }) && next <= end
}

/// The offsets that a batch in a log stands for: from, below. None when no log has such offsets.
pub(crate) fn offsets_of(batch: &BatchHeader) -> Option<(u64, u64)> {
    let base = u64::try_from(batch.base_offset).ok()?;
    let delta = u64::try_from(batch.last_offset_delta).ok()?;
    let next = base.checked_add(delta)?.checked_add(1)?;
    (next <= NUMBER_MAX).then_some((base, next))
}

/// A batch that is still in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct TailBatch {
    pub(crate) base: u64,
    pub(crate) next: u64,
    pub(crate) bytes: Bytes,
    /// Other logs have the bytes too: the base offset in them is not the one here.
    pub(crate) is_shared: bool,
}

impl TailBatch {
    pub(crate) fn holds(&self, offset: u64) -> bool {
        (self.base..self.next).contains(&offset)
    }

    /// Its bytes as they are in this log.
    pub(crate) fn placed(&self) -> Bytes {
        match self.shared_header() {
            Some(header) => placed(&self.bytes, &header).into(),
            None => self.bytes.clone(),
        }
    }

    /// Its header as it is in this log, if its bytes say otherwise.
    pub(crate) fn shared_header(&self) -> Option<BatchHeader> {
        if !self.is_shared {
            return None;
        }
        let header = BatchHeader::parse(&self.bytes).ok()?;
        Some(BatchHeader {
            base_offset: self.base.cast_signed(),
            ..header
        })
    }
}

/// Everything readers see of a log. Offsets of sections, then chunks, ascend without overlap; the
/// tail repeats the end of them.
#[derive(Debug, Default)]
pub(crate) struct LogState {
    /// The first offset that can be read.
    pub(crate) start: u64,
    /// The offset after the last that has reached its durability: Kafka's high watermark.
    pub(crate) end: u64,
    pub(crate) sections: Vec<Section>,
    pub(crate) chunks: VecDeque<Chunk>,
    pub(crate) tail: VecDeque<TailBatch>,
    pub(crate) deleted: bool,
}

impl LogState {
    /// Bytes on disk between start and end, as far as whole sections and chunks tell.
    pub(crate) fn bytes(&self) -> u64 {
        let sections: u64 = self.sections.iter().map(|section| section.bytes).sum();
        let chunks: u64 = self.chunks.iter().map(|chunk| u64::from(chunk.bytes)).sum();
        sections + chunks
    }

    /// Whether this can be the state of a log: what it refers to lies in order, without overlap, and
    /// within its offsets. For states that were persisted.
    pub(crate) fn is_sound(&self) -> bool {
        let sections = self.sections.iter();
        let chunks = self.chunks.iter();
        self.start <= self.end
            && ascend(
                sections.map(|section| (section.base, section.next)),
                self.end,
            )
            && ascend(
                chunks.clone().map(|chunk| (chunk.base, chunk.next)),
                self.end,
            )
            && chunks.clone().all(Chunk::is_sound)
    }

    /// Whether a section may take its place: what it does not replace lies before or behind it.
    pub(crate) fn has_place_for(&self, section: &Section) -> bool {
        let apart = |other: &Section| other.next <= section.base || other.base >= section.next;
        section.base <= section.next
            && section.next <= self.end
            && self
                .sections
                .iter()
                .all(|other| section.replaces(other) || apart(other))
    }

    /// The first offset that is only in the journal.
    pub(crate) fn sorted_end(&self) -> u64 {
        self.sections.last().map_or(0, |section| section.next)
    }

    /// Forgets everything below `start`.
    pub(crate) fn advance_start(&mut self, start: u64) {
        self.start = start;
        self.sections.retain(|section| section.next > start);
        while self.chunks.front().is_some_and(|chunk| chunk.next <= start) {
            self.chunks.pop_front();
        }
        while self.tail.front().is_some_and(|batch| batch.next <= start) {
            self.tail.pop_front();
        }
    }
}

/// A batch with the base offset that is in `header`.
pub(super) fn placed(batch: &[u8], header: &BatchHeader) -> Vec<u8> {
    let mut own = Vec::with_capacity(batch.len());
    extend_placed(&mut own, batch, header);
    own
}

/// Adds a batch with the base offset that is in `header`.
pub(super) fn extend_placed(bytes: &mut Vec<u8>, batch: &[u8], header: &BatchHeader) {
    let prefix = header.prefix_at(header.base_offset, header.partition_leader_epoch);
    bytes.extend_from_slice(&prefix);
    bytes.extend_from_slice(&batch[prefix.len()..]);
}

/// A log as the shard and its readers share it.
pub(crate) struct LogShared {
    pub(crate) id: LogId,
    pub(crate) state: RwLock<LogState>,
    pub(crate) watchers: Watchers,
    /// Bytes appended since the process started, for metrics.
    pub(crate) appended_bytes: AtomicU64,
    /// Bytes and records handed to consumers since the process started, for metrics.
    pub(crate) fetched_bytes: AtomicU64,
    pub(crate) fetched_records: AtomicU64,
    /// Copy of the state's end, so that the common question costs no lock.
    end: AtomicU64,
}

impl LogShared {
    pub(crate) fn new(id: LogId, state: LogState) -> Arc<Self> {
        let end = AtomicU64::new(state.end);
        Arc::new(Self {
            id,
            state: RwLock::new(state),
            watchers: Watchers::default(),
            appended_bytes: AtomicU64::new(0),
            fetched_bytes: AtomicU64::new(0),
            fetched_records: AtomicU64::new(0),
            end,
        })
    }

    pub(crate) fn end(&self) -> u64 {
        self.end.load(Ordering::Acquire)
    }

    /// Takes note of a batch that recovery found in the journal.
    pub(crate) fn recovered(&self, chunk: Chunk) {
        let mut state = self.state.write();
        push_chunk(&mut state.chunks, chunk, false);
        state.end = chunk.next;
        self.end.store(chunk.next, Ordering::Release);
    }

    /// Makes everything below `end` visible and tells who waits for it. Each batch comes with
    /// whether a new chunk begins with it.
    pub(crate) fn publish(
        &self,
        end: u64,
        batches: impl Iterator<Item = (Chunk, bool, TailBatch)>,
    ) {
        let mut bytes = 0;
        {
            let mut state = self.state.write();
            for (chunk, opens, batch) in batches {
                bytes += batch.bytes.len() as u64;
                push_chunk(&mut state.chunks, chunk, opens);
                state.tail.push_back(batch);
            }
            state.end = end;
        }
        self.end.store(end, Ordering::Release);
        self.appended_bytes.fetch_add(bytes, Ordering::Relaxed);
        self.watchers.notify(bytes);
    }
}

/// Adds a batch to the last chunk, or begins a new one where the last ends or would grow too long,
/// or where `opens` asks for a boundary.
pub(crate) fn push_chunk(chunks: &mut VecDeque<Chunk>, batch: Chunk, opens: bool) {
    if let Some(last) = chunks.back_mut().filter(|_| !opens) {
        let span = u64::from(batch.end) - u64::from(last.start).min(u64::from(batch.end));
        let joins = last.file == batch.file
            && last.next == batch.base
            && span <= crate::limits::JOURNAL_CHUNK_BYTES;
        if joins {
            last.next = batch.next;
            last.end = batch.end;
            last.bytes += batch.bytes;
            last.max_timestamp = last.max_timestamp.max(batch.max_timestamp);
            return;
        }
    }
    chunks.push_back(batch);
}
