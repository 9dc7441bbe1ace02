//! Taking in what is to be stored: batches, events, and changes of logs.

use std::ops::Range;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_record::{BatchHeader, patch_base_offset};

use super::commit::Pending;
use super::{Engine, Log, LogPolicy, Spare};
use crate::clock::Now;
use crate::ids::LogId;
use crate::journal::entry::{FILE_HEADER_BYTES, FILE_TAIL_BYTES, aligned};
use crate::journal::record::RecordKind;
use crate::limits::{COMMIT_BYTES, EVENT_RESERVE_SHARE, JOURNAL_FILE_BYTES_MAX};
use crate::log::{Durability, LogShared, LogState, TailBatch};

/// Bytes that one command may add to an entry beside the batches it brings: its events and heads.
const COMMAND_OVERHEAD_BYTES: u64 = 64 << 10;

/// Whether the journal has room for a command.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Room {
    /// Yes.
    Now,
    /// When what has gathered is committed.
    AfterCommit,
    /// When the spare file that is being made is ready.
    AfterSpare,
    /// Not until the medium has space again.
    Full,
}

/// Why an append was refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// There is no such log.
    #[error("log {0} does not exist")]
    UnknownLog(LogId),
    /// The batch is larger than a journal file can take.
    #[error("the batch has {bytes} bytes, the journal takes at most {limit}")]
    TooLarge {
        /// Size of the batch.
        bytes: usize,
        /// The most that is taken.
        limit: usize,
    },
    /// The bytes are not exactly one batch.
    #[error("not a record batch: {0}")]
    Malformed(String),
}

impl Engine {
    /// Whether a command that brings `bytes` of batches may be handled now. With `essential` it may
    /// use the part of the journal that is kept for acknowledgements and commits on a full medium.
    pub fn room(&mut self, bytes: usize, essential: bool) -> Room {
        if !self.entry.is_empty() && self.entry.len() + bytes > COMMIT_BYTES {
            return Room::AfterCommit;
        }
        let wanted = aligned(self.entry.len() as u64 + bytes as u64 + COMMAND_OVERHEAD_BYTES);
        let fits = self.current.takes(wanted);
        let needed = FILE_HEADER_BYTES + wanted + FILE_TAIL_BYTES;
        match &self.spare {
            Spare::Ready(spare) if fits || needed <= spare.capacity() => Room::Now,
            // Producers are refused at once, so that the rest of the file lasts for what keeps
            // consumers going.
            Spare::Missing { full: true, .. } if !essential => Room::Full,
            Spare::Missing { full: true, .. } if fits => Room::Now,
            Spare::Preparing | Spare::Missing { full: false, .. }
                if self.current.takes(wanted + self.kept_bytes(essential)) =>
            {
                Room::Now
            }
            _ if !self.entry.is_empty() => Room::AfterCommit,
            Spare::Missing { full: true, .. } => Room::Full,
            _ if needed > JOURNAL_FILE_BYTES_MAX => Room::Full,
            _ => {
                self.want_larger_spare(needed);
                Room::AfterSpare
            }
        }
    }

    /// Whether there was no space for the journal's next file when it was last looked for: producers are
    /// refused until there is.
    pub fn is_full(&self) -> bool {
        self.was_full
    }

    /// The part of the current file that is left alone while nobody knows whether another follows.
    fn kept_bytes(&self, essential: bool) -> u64 {
        if essential {
            0
        } else {
            self.current.file.capacity() / EVENT_RESERVE_SHARE
        }
    }

    /// Has the next spare file made large enough for a command that is larger than usual.
    fn want_larger_spare(&mut self, needed: u64) {
        self.larger_file_bytes = self.larger_file_bytes.max(needed);
        if let Spare::Ready(small) = &self.spare {
            if let Err(error) = self.medium.remove_journal_file(small.id()) {
                tracing::warn!(%error, "an unused journal file stays");
            }
            self.spare = Spare::Missing {
                retry_at: Duration::ZERO,
                full: false,
            };
        }
    }

    /// Brings a log into being. Its id must be new.
    pub fn create_log(&mut self, id: LogId, durability: Durability, now: Now) {
        debug_assert!(!self.logs.contains_key(&id), "log ids are never reused");
        self.entry
            .push(RecordKind::LogCreated, id, 0, &[durability as u8]);
        self.wants_sync = true;
        self.logs.insert(id, Log::new(id, durability, now.wall_ms));
    }

    /// Ends a log; its space comes back.
    pub fn delete_log(&mut self, id: LogId) {
        if self.logs.contains_key(&id) {
            self.entry.push(RecordKind::LogDeleted, id, 0, &[]);
            self.wants_sync = true;
            self.drop_log(id);
        }
    }

    pub(super) fn drop_log(&mut self, id: LogId) {
        let Some(log) = self.logs.remove(&id) else {
            return;
        };
        let sections = {
            let mut state = log.shared.state.write();
            state.deleted = true;
            state.chunks.clear();
            state.tail.clear();
            std::mem::take(&mut state.sections)
        };
        for section in sections {
            self.release_section(&section);
        }
        log.shared.watchers.notify(0);
    }

    /// Changes when appends of `id` are acknowledged.
    pub fn set_durability(&mut self, id: LogId, durability: Durability) {
        let Some(log) = self.logs.get_mut(&id) else {
            return;
        };
        if log.durability != durability {
            log.durability = durability;
            self.entry
                .push(RecordKind::LogDurability, id, 0, &[durability as u8]);
            self.wants_sync = true;
        }
    }

    /// Changes how long and in what form `id` keeps its data.
    pub fn set_policy(&mut self, id: LogId, policy: LogPolicy) {
        if let Some(log) = self.logs.get_mut(&id) {
            log.policy = policy;
        }
    }

    /// Appends one batch, giving its records the next offsets of the log. Returns the first of them.
    /// The batch must have been validated; only its framing is checked again.
    pub fn append(&mut self, id: LogId, mut batch: BytesMut, now: Now) -> Result<u64, AppendError> {
        let (header, records) = self.framed(&batch)?;
        let log = self.logs.get_mut(&id).ok_or(AppendError::UnknownLog(id))?;
        let base = log.next;
        patch(&mut batch, base)?;
        let batch = batch.freeze();
        let at = self.entry.push(RecordKind::Append, id, base, &batch);
        self.wants_sync |= log.durability == Durability::Fsync;
        let place = u64::from(at)..self.entry.len() as u64;
        let pending = log.take_in(place, &header, records, batch, 1, now);
        self.pending.push(pending);
        Ok(base)
    }

    /// Appends one batch to several logs, each of them once: as [`Engine::append`] to each, but the journal and
    /// the memory of recent batches hold its bytes once. Returns the first offset in each, in their order.
    pub fn append_to_many(
        &mut self,
        ids: &[LogId],
        mut batch: BytesMut,
        now: Now,
    ) -> Result<Vec<u64>, AppendError> {
        if let [id] = ids {
            return self.append(*id, batch, now).map(|base| vec![base]);
        }
        let (header, records) = self.framed(&batch)?;
        let mut places = Vec::with_capacity(ids.len());
        for id in ids {
            let log = self.logs.get(id).ok_or(AppendError::UnknownLog(*id))?;
            places.push((*id, log.next));
        }
        patch(&mut batch, 0)?;
        let batch = batch.freeze();
        let at = self.entry.push_shared(&places, &batch);
        let place = u64::from(at)..self.entry.len() as u64;
        for (id, base) in &places {
            let Some(log) = self.logs.get_mut(id) else {
                continue;
            };
            debug_assert_eq!(log.next, *base, "a log is given a batch once");
            self.wants_sync |= log.durability == Durability::Fsync;
            let (place, batch) = (place.clone(), batch.clone());
            let pending = log.take_in(place, &header, records, batch, places.len(), now);
            self.pending.push(pending);
        }
        Ok(places.into_iter().map(|(_, base)| base).collect())
    }

    /// The header of what is to be appended, and how many offsets it takes.
    fn framed(&self, batch: &[u8]) -> Result<(BatchHeader, u64), AppendError> {
        let (bytes, limit) = (batch.len(), self.batch_bytes_max());
        if bytes > limit {
            return Err(AppendError::TooLarge { bytes, limit });
        }
        let header =
            BatchHeader::parse(batch).map_err(|error| AppendError::Malformed(error.to_string()))?;
        if header.total_bytes() != bytes {
            return Err(AppendError::Malformed(
                "its length does not match its bytes".to_owned(),
            ));
        }
        // The base offset of what a client sent is anything at all; only the delta counts.
        let delta = u64::try_from(header.last_offset_delta).map_err(|_| {
            AppendError::Malformed("its last offset is before its first".to_owned())
        })?;
        Ok((header, delta + 1))
    }

    /// Stores an event of the state machine above. It is handed back in order when the engine is
    /// opened again, unless a snapshot covers it.
    pub fn event(&mut self, payload: &[u8]) {
        self.entry.push(RecordKind::Event, LogId(0), 0, payload);
        self.wants_sync = true;
    }

    /// As [`Engine::event`], for an event that nobody waits for: it is durable when what comes after it
    /// is, and may be lost until then.
    pub fn note(&mut self, payload: &[u8]) {
        self.entry.push(RecordKind::Event, LogId(0), 0, payload);
    }

    /// Whether something was stored that a power cut would lose.
    pub fn has_unsynced(&self) -> bool {
        !self.entry.is_empty() || self.current.unsynced
    }

    /// The batch of `id` with the record at `offset`, if readers cannot read it yet.
    pub fn unpublished(&self, id: LogId, offset: u64) -> Option<Bytes> {
        let mut newest_first = self.pending.iter().rev().chain(self.written.iter().rev());
        newest_first
            .find(|pending| pending.log == id && pending.batch.holds(offset))
            .map(|pending| pending.batch.placed())
    }

    /// Drops every record of `id` below `offset`. Whole batches go when none of theirs is left. At a durability below
    /// `fsync` the space comes back with the next sync that something else wants, and after a second at the latest.
    pub fn advance_start(&mut self, id: LogId, offset: u64) {
        let Some(log) = self.logs.get(&id) else {
            return;
        };
        let offset = offset.min(log.shared.end());
        if offset <= log.shared.state.read().start {
            return;
        }
        self.entry.push(RecordKind::LogStart, id, offset, &[]);
        // The space that comes back waits for a sync, which the log's appends may never want.
        match log.durability {
            Durability::Fsync => self.wants_sync = true,
            Durability::Os | Durability::Memory => self.gives_space_back = true,
        }
        self.apply_start(id, offset);
    }

    pub(super) fn apply_start(&mut self, id: LogId, offset: u64) {
        let Some(log) = self.logs.get_mut(&id) else {
            return;
        };
        let gone: Vec<_> = {
            let mut state = log.shared.state.write();
            let gone = state
                .sections
                .iter()
                .filter(|section| section.next <= offset);
            let gone = gone.copied().collect();
            state.advance_start(offset);
            gone
        };
        for section in gone {
            self.release_section(&section);
        }
    }
}

impl Log {
    pub(super) fn new(id: LogId, durability: Durability, wall_ms: i64) -> Self {
        Self {
            shared: LogShared::new(id, LogState::default()),
            durability,
            policy: LogPolicy::default(),
            next: 0,
            cleaned: 0,
            segment_base: 0,
            segment_bytes: 0,
            segment_since_ms: wall_ms,
            waits_for_sync: false,
            rewriting: false,
            tombstones_until_ms: None,
        }
    }

    /// Takes in a batch whose record is at `place` of the entry that gathers, and which so many logs have.
    fn take_in(
        &mut self,
        place: Range<u64>,
        header: &BatchHeader,
        records: u64,
        bytes: Bytes,
        sharers: usize,
        now: Now,
    ) -> Pending {
        let base = self.next;
        self.next += records;
        self.roll_segment(bytes.len() as u64, base, now.wall_ms);
        Pending {
            log: self.shared.id,
            start: place.start,
            end: place.end,
            max_timestamp: header.max_timestamp,
            opens: base == self.segment_base,
            weight: bytes.len().div_ceil(sharers),
            batch: TailBatch {
                base,
                next: self.next,
                bytes,
                is_shared: sharers > 1,
            },
        }
    }

    /// Kafka never compacts the active segment, and clients choose its size to say what may be
    /// compacted. We have no segment files a log, so the boundary is kept as an offset.
    fn roll_segment(&mut self, bytes: u64, base: u64, wall_ms: i64) {
        let age_ms = wall_ms.saturating_sub(self.segment_since_ms).max(0) as u64;
        let full = self.segment_bytes + bytes > self.policy.segment_bytes;
        if self.segment_bytes > 0 && (full || age_ms >= self.policy.segment_ms) {
            self.segment_base = base;
            self.segment_bytes = 0;
        }
        if self.segment_bytes == 0 {
            self.segment_since_ms = wall_ms;
        }
        self.segment_bytes += bytes;
    }
}

fn patch(batch: &mut [u8], base: u64) -> Result<(), AppendError> {
    patch_base_offset(batch, base.cast_signed(), 0)
        .map_err(|error| AppendError::Malformed(error.to_string()))
}
