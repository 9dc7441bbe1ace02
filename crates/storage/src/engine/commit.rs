//! Writing what has gathered and telling readers what has thereby become durable.

use std::sync::Arc;
use std::time::Duration;

use super::{Current, Engine, Spare};
use crate::clock::Now;
use crate::error::{Result, StorageError};
use crate::ids::{FileId, LogId, Lsn};
use crate::journal::entry::{
    ENTRY_HEADER_BYTES, EntryHeader, FILE_HEADER_BYTES, FILE_TAIL_BYTES, FileHeader, aligned,
    entry_crc, mark,
};
use crate::limits::{IDLE_BEFORE_MARK, SEEN_AS_SELDOM_SYNCED, SPACE_BACK_DELAY};
use crate::log::{Chunk, Durability, TailBatch};
use crate::media::{JournalFile, Purpose};

/// A batch on its way to its durability.
pub(super) struct Pending {
    pub(super) log: LogId,
    /// Where its record is: in the entry until the entry is written, then in the file.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) max_timestamp: i64,
    /// It is the first of the part that compaction leaves alone.
    pub(super) opens: bool,
    /// What it takes of memory: its part of the bytes, where several logs have them.
    pub(super) weight: usize,
    pub(super) batch: TailBatch,
}

impl Current {
    /// Whether an entry of `length` bytes fits before the part that is kept for marks.
    pub(super) fn takes(&self, length: u64) -> bool {
        self.position + length + FILE_TAIL_BYTES <= self.file.capacity()
    }

    /// Whether a mark fits, and the trailer behind it.
    fn takes_mark(&self) -> bool {
        self.position + 2 * aligned(ENTRY_HEADER_BYTES as u64) <= self.file.capacity()
    }
}

impl Engine {
    /// Whether anything waits to be written or synced.
    pub fn has_work(&self) -> bool {
        !self.entry.is_empty() || self.sync_due
    }

    /// Whether what was written waits for [`Engine::sync`].
    pub fn sync_due(&self) -> bool {
        self.sync_due
    }

    /// Has the next [`Engine::sync`] make durable what was written, even if none of it asked for
    /// that: for an answer that promises more than the log it is about.
    pub fn require_sync(&mut self) {
        if self.entry.is_empty() {
            self.sync_due |= self.current.unsynced;
        } else {
            self.wants_sync = true;
        }
    }

    /// Whether [`Engine::write`] would do no more than copy what gathered, and nothing waits for
    /// [`Engine::sync`].
    pub fn is_write_quick(&self) -> bool {
        let syncs = self.wants_sync || self.sync_due;
        !syncs && self.current.takes(aligned(self.entry.len() as u64))
    }

    /// Writes everything that gathered as one entry. When it returns, what was appended to logs of
    /// durability `os` or `memory` is published and may be acknowledged.
    ///
    /// A failure is final: the engine takes no more writes.
    pub fn write(&mut self, now: Now) -> Result<()> {
        if self.poisoned {
            return Err(StorageError::Poisoned);
        }
        if self.entry.is_empty() {
            return Ok(());
        }
        self.write_entry(now).inspect_err(|_| self.poisoned = true)
    }

    /// Makes everything written survive power loss, publishes it, and returns whether there was
    /// anything to do. A failure is final.
    pub fn sync(&mut self) -> Result<bool> {
        if self.poisoned {
            return Err(StorageError::Poisoned);
        }
        if !self.sync_due {
            return Ok(false);
        }
        self.syncs_of_file += 1;
        self.sync_current().map(|()| true)
    }

    /// Makes the current file durable and publishes what waited for that.
    pub(super) fn sync_current(&mut self) -> Result<()> {
        if self.current.unsynced {
            self.current
                .file
                .sync()
                .inspect_err(|_| self.poisoned = true)?;
            self.current.unsynced = false;
        }
        self.sync_due = false;
        self.space_due = None;
        self.unsynced_bytes = 0;
        self.synced = Lsn(self.link.lsn.0 - 1);
        self.remove_doomed();
        let mut written = std::mem::take(&mut self.written);
        self.publish(&mut written);
        written.clear();
        self.written = written;
        Ok(())
    }

    fn write_entry(&mut self, now: Now) -> Result<()> {
        let length = aligned(self.entry.len() as u64);
        if !self.current.takes(length) {
            self.roll(length)?;
        }
        let position = self.current.position;
        let header = self.entry_header(now.wall_ms);
        let bytes = self.entry.seal(&header);
        self.current.file.write_at(position, bytes)?;
        let crc = entry_crc(bytes);
        self.entry.clear();
        self.wrote(length, crc, now);
        self.unsynced_bytes += length;
        self.sync_due |= std::mem::take(&mut self.wants_sync);
        if std::mem::take(&mut self.gives_space_back) {
            let due = now.monotonic + SPACE_BACK_DELAY;
            self.space_due.get_or_insert(due);
        }

        let mut reached = Vec::new();
        for mut pending in self.pending.drain(..) {
            pending.start += position;
            pending.end += position;
            let Some(log) = self.logs.get_mut(&pending.log) else {
                continue;
            };
            // A log whose durability was lowered while a batch waits keeps its order.
            if log.durability == Durability::Fsync || log.waits_for_sync {
                log.waits_for_sync = true;
                self.written.push(pending);
            } else {
                reached.push(pending);
            }
        }
        self.publish(&mut reached);
        Ok(())
    }

    fn entry_header(&self, wall_ms: i64) -> EntryHeader {
        EntryHeader {
            file: self.current.file.id(),
            lsn: self.link.lsn,
            epoch: self.link.epoch,
            synced: self.synced,
            wall_ms,
            previous: self.link.crc,
        }
    }

    fn wrote(&mut self, length: u64, crc: u32, now: Now) {
        self.current.position += length;
        self.journaled_bytes += length;
        self.current.unsynced = true;
        self.link.lsn = self.link.lsn.next();
        self.link.crc = crc;
        self.last_write = now.monotonic;
    }

    /// Writes an entry that says only what is durable, and makes it durable.
    pub(super) fn write_mark(&mut self, now: Now) -> Result<()> {
        let bytes = mark(&self.entry_header(now.wall_ms), None);
        self.current
            .file
            .write_at(self.current.position, &bytes)
            .inspect_err(|_| self.poisoned = true)?;
        self.wrote(bytes.len() as u64, entry_crc(&bytes), now);
        self.sync_current()?;
        self.marked = self.synced;
        Ok(())
    }

    /// Begins the epoch of this opening with a mark. From then on nothing that an earlier epoch left
    /// behind the end of the journal continues it, and damage before the mark is known as such.
    pub(super) fn begin_epoch(&mut self, now: Now) -> Result<()> {
        self.link.epoch = self.link.epoch.next();
        // The mark says that everything before it is durable, so it has to be so first.
        self.current.unsynced = true;
        self.sync_current()?;
        if !self.current.takes_mark() {
            self.roll(0)?;
        }
        self.write_mark(now)
    }

    /// When a mark should be written if nothing else is: the last durable entry is the one whose
    /// damage could pass for a torn tail, because no later one says that it was durable.
    pub(super) fn mark_due(&self) -> Option<Duration> {
        let idle = self.entry.is_empty() && !self.sync_due && !self.current.unsynced;
        let wanted = idle && self.synced > self.marked && self.current.takes_mark();
        wanted.then_some(self.last_write + IDLE_BEFORE_MARK)
    }

    /// Goes on in another file. The full file is durable before the next one's head, and that before
    /// the trailer that names it: a gap between files is always damage, and never a torn tail.
    fn roll(&mut self, length: u64) -> Result<()> {
        self.sync_current()?;
        self.journal_purpose = match self.current.position / SEEN_AS_SELDOM_SYNCED {
            most if self.syncs_of_file > most => Purpose::OftenSynced,
            _ => Purpose::SeldomSynced,
        };
        self.syncs_of_file = 0;
        let file = self.file_to_go_on_in(length)?;
        let header = FileHeader {
            file: file.id(),
            capacity: file.capacity(),
            after: self.link,
        };
        file.write_at(0, &header.encode())?;
        file.sync()?;
        let full = &self.current;
        let trailer = mark(&self.entry_header(0), Some(file.id()));
        full.file.write_at(full.position, &trailer)?;
        full.file.sync()?;
        self.side.files.insert(Arc::clone(&file));
        let next = Current {
            file,
            position: FILE_HEADER_BYTES,
            unsynced: false,
        };
        let full = std::mem::replace(&mut self.current, next);
        self.sealed.push_back(full.file);
        Ok(())
    }

    /// The spare file, if `room` was asked and right. What a state machine stores on its own account
    /// may be more than was set aside for it; then a file is made here and now.
    fn file_to_go_on_in(&mut self, length: u64) -> Result<Arc<dyn JournalFile>> {
        let needed = FILE_HEADER_BYTES + length + FILE_TAIL_BYTES;
        let none = Spare::Missing {
            retry_at: Duration::ZERO,
            full: false,
        };
        match std::mem::replace(&mut self.spare, none) {
            Spare::Ready(file) if file.capacity() >= needed => return Ok(file),
            // The numbers of the files in use ascend, so it cannot be used after a newer one.
            Spare::Ready(file) => self.medium.remove_journal_file(file.id())?,
            Spare::Preparing | Spare::Missing { .. } => {}
        }
        let id: FileId = self.next_file;
        self.next_file = id.next();
        let capacity = needed.max(self.file_bytes);
        let purpose = self.journal_purpose;
        self.medium
            .prepare_journal_file(id, capacity, None, purpose)
    }

    /// Shows readers batches that have reached their durability, in the order they came.
    fn publish(&mut self, batches: &mut [Pending]) {
        let file = self.current.file.id();
        // Stable, so the batches of one log stay in order.
        batches.sort_by_key(|pending| pending.log);
        for group in batches.chunk_by_mut(|a, b| a.log == b.log) {
            let Some(log) = self.logs.get_mut(&group[0].log) else {
                continue;
            };
            log.waits_for_sync = false;
            for pending in &*group {
                self.tail
                    .add(&log.shared, pending.batch.base, pending.weight);
            }
            let end = group.last().map_or(0, |last| last.batch.next);
            let batches = group.iter_mut();
            log.shared.publish(
                end,
                batches.map(|pending| (pending.chunk(file), pending.opens, pending.take_tail())),
            );
        }
        self.tail.shrink();
    }
}

impl Pending {
    fn chunk(&self, file: FileId) -> Chunk {
        let position = |at: u64| u32::try_from(at).expect("a journal file is at most 1 GiB");
        Chunk {
            base: self.batch.base,
            next: self.batch.next,
            file,
            start: position(self.start),
            end: position(self.end),
            bytes: u32::try_from(self.batch.bytes.len()).expect("a batch is below 4 GiB"),
            max_timestamp: self.max_timestamp,
        }
    }

    /// Moves the batch out: a copy of the handle would cost an allocation.
    fn take_tail(&mut self) -> TailBatch {
        std::mem::take(&mut self.batch)
    }
}
