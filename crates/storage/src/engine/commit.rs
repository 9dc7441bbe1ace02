//! Writing what has gathered and telling readers what has thereby become durable.

use bytes::Bytes;

use super::{Current, Engine, Spare};
use crate::clock::Now;
use crate::error::{Result, StorageError};
use crate::ids::{LogId, Lsn};
use crate::journal::entry::{EntryHeader, FILE_HEADER_BYTES, FileHeader, aligned};
use crate::log::{Chunk, Durability, TailBatch};

/// A batch on its way to its durability.
pub(super) struct Pending {
    pub(super) log: LogId,
    pub(super) base: u64,
    pub(super) next: u64,
    /// Where its record is: in the entry until the entry is written, then in the file.
    pub(super) start: u64,
    pub(super) end: u64,
    pub(super) max_timestamp: i64,
    /// It is the first of the part that compaction leaves alone.
    pub(super) opens: bool,
    pub(super) batch: Bytes,
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
        self.current
            .file
            .sync()
            .inspect_err(|_| self.poisoned = true)?;
        self.synced();
        let written = std::mem::take(&mut self.written);
        self.publish(written);
        Ok(true)
    }

    fn synced(&mut self) {
        self.current.unsynced = false;
        self.sync_due = false;
        self.synced = Lsn(self.lsn.0 - 1);
        self.remove_doomed();
    }

    fn write_entry(&mut self, now: Now) -> Result<()> {
        let length = aligned(self.entry.len() as u64);
        if self.current.position + length > self.current.file.capacity() {
            self.roll()?;
        }
        let position = self.current.position;
        let header = EntryHeader {
            file: self.current.file.id(),
            lsn: self.lsn,
            epoch: self.epoch,
            synced: self.synced,
            wall_ms: now.wall_ms,
        };
        self.current
            .file
            .write_at(position, self.entry.seal(&header))?;
        self.entry.clear();
        self.current.position += length;
        self.current.unsynced = true;
        self.lsn = self.lsn.next();
        self.sync_due |= std::mem::take(&mut self.wants_sync);

        let mut reached = Vec::new();
        for mut pending in self.pending.drain(..) {
            pending.start += position;
            pending.end += position;
            let Some(log) = self.logs.get(&pending.log) else {
                continue;
            };
            // A log whose durability was lowered while a batch waits keeps its order.
            let waits = self.written.iter().any(|before| before.log == pending.log);
            if log.durability == Durability::Fsync || waits {
                self.written.push(pending);
            } else {
                reached.push(pending);
            }
        }
        self.publish(reached);
        Ok(())
    }

    /// Goes on in the spare file. The full file is made durable first, so that a gap before a later
    /// file is always damage and never a torn tail.
    fn roll(&mut self) -> Result<()> {
        if self.current.unsynced {
            self.current.file.sync()?;
            self.synced();
            let written = std::mem::take(&mut self.written);
            self.publish(written);
        }
        let none = Spare::Missing {
            retry_at: std::time::Duration::ZERO,
            full: false,
        };
        let Spare::Ready(file) = std::mem::replace(&mut self.spare, none) else {
            unreachable!("`room` admits a command only when it fits the current or the spare file");
        };
        let header = FileHeader {
            file: file.id(),
            epoch: self.epoch,
            first_lsn: self.lsn,
            capacity: file.capacity(),
        };
        file.write_at(0, &header.encode())?;
        self.side.files.insert(std::sync::Arc::clone(&file));
        let next = Current {
            file,
            position: FILE_HEADER_BYTES,
            unsynced: true,
        };
        let full = std::mem::replace(&mut self.current, next);
        self.sealed.push_back(full.file);
        Ok(())
    }

    fn publish(&mut self, mut batches: Vec<Pending>) {
        let file = self.current.file.id();
        // Stable, so the batches of one log stay in order.
        batches.sort_by_key(|pending| pending.log);
        let mut rest = batches.as_slice();
        while let Some(first) = rest.first() {
            let count = rest.partition_point(|pending| pending.log == first.log);
            let (group, others) = rest.split_at(count);
            rest = others;
            let Some(log) = self.logs.get(&first.log) else {
                continue;
            };
            let end = group.last().map_or(0, |last| last.next);
            let position = |at: u64| u32::try_from(at).expect("a journal file is at most 1 GiB");
            log.shared.publish(
                end,
                group.iter().map(|pending| {
                    let chunk = Chunk {
                        base: pending.base,
                        next: pending.next,
                        file,
                        start: position(pending.start),
                        end: position(pending.end),
                        bytes: u32::try_from(pending.batch.len()).expect("a batch is below 4 GiB"),
                        max_timestamp: pending.max_timestamp,
                    };
                    let bytes = pending.batch.clone();
                    let opens = pending.opens;
                    (
                        chunk,
                        opens,
                        TailBatch {
                            base: pending.base,
                            next: pending.next,
                            bytes,
                        },
                    )
                }),
            );
            for pending in group {
                self.tail
                    .add(&log.shared, pending.base, pending.batch.len());
            }
        }
        self.tail.shrink();
    }
}
