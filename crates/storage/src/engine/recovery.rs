//! Opening: the newest snapshot, then every entry of the journal after it (see [`super::replay`]). A
//! half-written tail is a normal state and is cut; damage anywhere else is an error that names file
//! and offset, and changes nothing on the medium.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use hashbrown::{HashMap, HashSet};

use super::jobs::JobsInFlight;
use super::replay::{Replay, Stateless, Tail};
use super::tail::TailCache;
use super::{Current, Engine, Log, Options, Spare, snapshot};
use crate::clock::Now;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, FileId, IdMap, LogId, Lsn};
use crate::journal::JournalFiles;
use crate::journal::entry::{EntryBuilder, FILE_HEADER_BYTES, FileHeader, Link};
use crate::limits::{
    FILES_IN_ONE_SORT, FREE_FILES_LEAST, FREE_FILES_MAX, FREE_FILES_SHARE_OF_MEDIUM,
    JOURNAL_FILE_BYTES_MAX, JOURNAL_FILE_BYTES_MIN, JOURNAL_FIRST_FILE_BYTES, SNAPSHOT_BYTES_MAX,
};
use crate::log::section::SectionReader;
use crate::log::{Durability, ReadSide, Section};
use crate::media::{BlobKey, BlobKind, JournalFile, Medium, Purpose, journal_name};

/// Bytes that are copied at a time when a tail is written again.
const COPY_BYTES: u64 = 1 << 20;

/// What opening found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Recovered {
    /// The entry up to which the snapshot reaches.
    pub snapshot: Lsn,
    /// Entries replayed after it.
    pub replayed: u64,
    /// A write that never became durable was cut off the end.
    pub torn: bool,
}

impl Engine {
    /// Opens what `medium` holds, handing everything above the engine to `replay`.
    pub fn open(
        medium: Arc<dyn Medium>,
        options: Options,
        replay: &mut dyn Replay,
        now: Now,
    ) -> Result<(Self, Recovered)> {
        let (mut engine, start) = Self::restore(medium, options, replay)?;
        let covered = Lsn(engine.link.lsn.0 - 1);
        let tail = engine.replay_journal(start, replay)?;
        let recovered = Recovered {
            snapshot: covered,
            replayed: engine.link.lsn.0 - 1 - covered.0,
            torn: tail.torn,
        };
        let unreferenced = engine.check_references()?;
        let end = tail.file.as_ref().map_or(FileId(1), |file| file.id());
        replay
            .complete(&engine)
            .map_err(|what| StorageError::corrupt(journal_name(end), tail.end, what))?;
        // What the replay found to be dead is among what nobody refers to, unless it is gone already.
        engine.doomed.clear();
        // From here on the medium changes.
        engine.settle(tail, now)?;
        engine.medium.mark_begun()?;
        engine.remove_dead(unreferenced)?;
        engine.empty_memory_logs();
        engine.retention_due = now.monotonic + engine.options.retention_interval;
        engine.compaction_due = now.monotonic + engine.options.compaction_interval;
        Ok((engine, recovered))
    }

    /// The sections of every log, found as an opening finds them, but nothing on the medium changes.
    pub(crate) fn look(medium: Arc<dyn Medium>) -> Result<Vec<(LogId, Vec<Section>)>> {
        let (mut engine, start) = Self::restore(medium, Options::default(), &mut Stateless)?;
        engine.replay_journal(start, &mut Stateless)?;
        engine.check_references()?;
        let logs = engine.logs.iter();
        Ok(logs
            .map(|(id, log)| (*id, log.shared.state.read().sections.clone()))
            .collect())
    }

    /// What the newest snapshot holds, and where the journal goes on behind it.
    fn restore(
        medium: Arc<dyn Medium>,
        options: Options,
        replay: &mut dyn Replay,
    ) -> Result<(Self, Option<(FileId, u64)>)> {
        let snapshot = newest_snapshot(medium.as_ref())?;
        let mut engine = Self::blank(medium, options)?;
        let mut start = None;
        if let Some((key, bytes)) = &snapshot {
            let corrupt = |what| StorageError::corrupt(key.to_string(), 0, what);
            let found = snapshot::decode(key.id, bytes).map_err(corrupt)?;
            replay.restore(found.machine).map_err(corrupt)?;
            start = Some((found.file, found.position));
            engine.link = found.link;
            engine.next_blob = found.next_blob;
            engine.snapshot = Some((found.lsn, found.file));
            engine.adopt(found.logs);
        }
        Ok((engine, start))
    }

    /// An engine with nothing in it and no file to write to.
    fn blank(medium: Arc<dyn Medium>, options: Options) -> Result<Self> {
        // On a small medium, eight files of journal should still leave room for data.
        let total_bytes = medium.space()?.total_bytes;
        let file_bytes = options
            .journal_file_bytes
            .min(total_bytes / 32)
            .clamp(JOURNAL_FILE_BYTES_MIN, JOURNAL_FILE_BYTES_MAX);
        let all_free_bytes = FREE_FILES_MAX as u64 * file_bytes;
        let is_small = all_free_bytes > total_bytes / FREE_FILES_SHARE_OF_MEDIUM;
        let side = Arc::new(ReadSide {
            files: JournalFiles::default(),
            sections: SectionReader::new(Arc::clone(&medium)),
        });
        Ok(Self {
            side,
            logs: IdMap::default(),
            link: Link {
                lsn: Lsn(1),
                ..Link::default()
            },
            synced: Lsn(0),
            marked: Lsn(0),
            last_write: Duration::ZERO,
            current: Current {
                file: Arc::new(NoFile),
                position: 0,
                unsynced: false,
            },
            sealed: VecDeque::new(),
            sorted_to: FileId(0),
            free: Vec::new(),
            free_files_max: if is_small {
                FREE_FILES_LEAST
            } else {
                FREE_FILES_MAX
            },
            spare: Spare::Missing {
                retry_at: Duration::ZERO,
                full: false,
            },
            file_bytes,
            larger_file_bytes: 0,
            next_file: FileId(1),
            next_blob: BlobId(1),
            entry: EntryBuilder::new(),
            journaled_bytes: 0,
            pending: Vec::new(),
            wants_sync: false,
            unsynced_bytes: 0,
            gives_space_back: false,
            space_due: None,
            journal_purpose: Purpose::OftenSynced,
            syncs_of_file: 0,
            written: Vec::new(),
            sync_due: false,
            tail: TailCache::new(options.tail_cache_bytes),
            segments: IdMap::default(),
            doomed: Vec::new(),
            installing: VecDeque::new(),
            unsortable: HashSet::new(),
            jobs: JobsInFlight::default(),
            files_in_sort: FILES_IN_ONE_SORT,
            was_full: false,
            snapshot: None,
            snapshot_wanted: false,
            retention_due: Duration::ZERO,
            compaction_due: Duration::ZERO,
            poisoned: false,
            medium,
            options,
        })
    }

    /// Makes what was read survive power loss, and begins a new epoch behind it.
    fn settle(&mut self, tail: Tail, now: Now) -> Result<()> {
        match tail.file {
            Some(file) => {
                self.current = Current {
                    file,
                    position: tail.end,
                    unsynced: true,
                };
                self.write_again(tail.unsure_from, tail.entries_end, tail.end)?;
            }
            None => self.first_file()?,
        }
        for file in tail.unused {
            self.adopt_spare(file)?;
        }
        self.begin_epoch(now)
    }

    /// Entries that no later one says were durable may be in the page cache only, and clean there
    /// because a sync failed: then only writing them again brings them to the disk. A write that failed
    /// may have brought all of an entry and not its padding, which readers want to be zeros.
    fn write_again(&self, mut from: u64, entries_end: u64, end: u64) -> Result<()> {
        let file = &self.current.file;
        if from == FILE_HEADER_BYTES {
            // Without an entry that was surely durable, its head may not be either.
            from = 0;
        }
        while from < end {
            let mut bytes = vec![0; COPY_BYTES.min(end - from) as usize];
            file.read_at(from, &mut bytes)?;
            let entries = entries_end.saturating_sub(from).min(bytes.len() as u64);
            bytes[entries as usize..].fill(0);
            file.write_at(from, &bytes)?;
            from += bytes.len() as u64;
        }
        Ok(())
    }

    /// Begins the journal of an empty medium.
    fn first_file(&mut self) -> Result<()> {
        let id = self.next_file;
        self.next_file = id.next();
        let capacity = JOURNAL_FIRST_FILE_BYTES.min(self.file_bytes);
        let purpose = self.journal_purpose;
        let file = self
            .medium
            .prepare_journal_file(id, capacity, None, purpose)?;
        let header = FileHeader {
            file: id,
            capacity,
            after: self.link,
        };
        file.write_at(0, &header.encode())?;
        self.side.files.insert(Arc::clone(&file));
        self.current = Current {
            file,
            position: FILE_HEADER_BYTES,
            unsynced: true,
        };
        Ok(())
    }

    /// Takes a file that was prepared before the last stop; more than one is never needed.
    fn adopt_spare(&mut self, file: Arc<dyn JournalFile>) -> Result<()> {
        let usable = file.id() > self.current.file.id() && file.capacity() == self.file_bytes;
        if usable && !matches!(self.spare, Spare::Ready(_)) {
            self.spare = Spare::Ready(file);
            return Ok(());
        }
        self.medium.remove_journal_file(file.id())
    }

    fn adopt(&mut self, logs: IdMap<LogId, Log>) {
        for log in logs.values() {
            for section in &log.shared.state.read().sections {
                *self.segments.entry(section.blob).or_default() += 1;
            }
        }
        self.logs = logs;
    }

    /// Every file and segment that logs refer to must be there whole. Returns the segments that nobody
    /// refers to: what an interrupted job left behind.
    fn check_references(&mut self) -> Result<Vec<BlobKey>> {
        let mut unreferenced = Vec::new();
        let mut missing = self.segments.clone();
        let mut lengths = HashMap::new();
        for (blob, length) in self.medium.blobs(BlobKind::Segment)? {
            self.next_blob = self.next_blob.max(blob.next());
            if missing.remove(&blob).is_some() {
                lengths.insert(blob, length);
            } else {
                unreferenced.push(BlobKey::segment(blob));
            }
        }
        if let Some(blob) = missing.keys().min() {
            let what = "the segment is missing, and logs refer to it";
            return Err(StorageError::corrupt(
                BlobKey::segment(*blob).to_string(),
                0,
                what,
            ));
        }
        for log in self.logs.values() {
            for chunk in &log.shared.state.read().chunks {
                let id = log.shared.id;
                let Some(file) = self.side.files.get(chunk.file) else {
                    let what = format!("the file is missing, and log {id} has data in it");
                    return Err(StorageError::corrupt(journal_name(chunk.file), 0, what));
                };
                if u64::from(chunk.end) > file.capacity() {
                    let what = format!("the file ends here, and log {id} has data behind it");
                    let name = journal_name(chunk.file);
                    return Err(StorageError::corrupt(name, file.capacity(), what));
                }
            }
            for section in &log.shared.state.read().sections {
                let end = section.position + section.total_bytes();
                let length = lengths.get(&section.blob).copied().unwrap_or_default();
                if end > length {
                    let what = format!("the segment ends before byte {end}, where its data should");
                    let name = BlobKey::segment(section.blob).to_string();
                    return Err(StorageError::corrupt(name, length, what));
                }
            }
        }
        Ok(unreferenced)
    }

    /// Removes what a crash left behind. Only when the entries that say it is dead are durable.
    fn remove_dead(&mut self, mut dead: Vec<BlobKey>) -> Result<()> {
        let newest = self.snapshot.map(|(lsn, _)| BlobId(lsn.0));
        let snapshots = self.medium.blobs(BlobKind::Snapshot)?.into_iter();
        let old = snapshots.filter(|(blob, _)| Some(*blob) != newest);
        dead.extend(old.map(|(blob, _)| BlobKey::snapshot(blob)));
        for key in dead {
            self.medium.remove_blob(key)?;
        }
        Ok(())
    }

    /// What was appended to a log of durability `memory` does not outlive the process. Its offsets
    /// do, so that consumers do not mistake new records for ones they have seen.
    fn empty_memory_logs(&mut self) {
        let in_memory = |log: &&Log| log.durability == Durability::Memory;
        let ids: Vec<LogId> = self
            .logs
            .values()
            .filter(in_memory)
            .map(|log| log.shared.id)
            .collect();
        for id in ids {
            let end = self.logs[&id].shared.end();
            self.advance_start(id, end);
        }
    }
}

fn newest_snapshot(medium: &dyn Medium) -> Result<Option<(BlobKey, Bytes)>> {
    let Some((id, length)) = medium.blobs(BlobKind::Snapshot)?.last().copied() else {
        return Ok(None);
    };
    let key = BlobKey::snapshot(id);
    if length > SNAPSHOT_BYTES_MAX {
        let what = format!("{length} bytes are more than a snapshot ever has");
        return Err(StorageError::corrupt(key.to_string(), 0, what));
    }
    let length = usize::try_from(length).expect("snapshots are bounded below 4 GiB");
    Ok(Some((key, medium.read_blob(key, 0, length)?)))
}

/// Stands in for the current file while there is none yet.
struct NoFile;

impl JournalFile for NoFile {
    fn id(&self) -> FileId {
        FileId(0)
    }

    fn capacity(&self) -> u64 {
        0
    }

    fn write_at(&self, _: u64, _: &[u8]) -> Result<()> {
        Err(StorageError::Poisoned)
    }

    fn sync(&self) -> Result<()> {
        Err(StorageError::Poisoned)
    }

    fn read_at(&self, _: u64, _: &mut [u8]) -> Result<()> {
        Err(StorageError::Poisoned)
    }
}
