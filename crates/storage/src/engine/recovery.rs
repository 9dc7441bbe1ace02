//! Opening: the newest snapshot, then every entry of the journal after it. A half-written tail is a
//! normal state and is cut; damage anywhere else is an error that names file and offset.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_record::BatchHeader;
use hashbrown::HashMap;

use super::jobs::JobsInFlight;
use super::tail::TailCache;
use super::{Current, Engine, Log, Options, Spare, install, snapshot};
use crate::clock::Now;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, Epoch, FileId, LogId, Lsn};
use crate::journal::JournalFiles;
use crate::journal::entry::{
    ENTRY_HEADER_BYTES, EntryBuilder, FILE_HEADER_BYTES, FileHeader, Record, RecordKind, RecordWalk,
};
use crate::journal::scan::{End, FileScan};
use crate::limits;
use crate::log::section::SectionReader;
use crate::log::{Chunk, Durability, ReadSide};
use crate::media::{BlobKey, BlobKind, JournalFile, Medium, journal_name};

/// What lies on top of the engine and is rebuilt with it.
pub trait Replay {
    /// The state that the newest snapshot holds. Called at most once, before everything else.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String>;
    /// A batch of `log`, in the order in which it was appended.
    fn appended(&mut self, log: LogId, header: &BatchHeader, wall_ms: i64) -> Result<(), String>;
    /// An event, in order. `wall_ms` is when it was written.
    fn event(&mut self, payload: &[u8], wall_ms: i64) -> Result<(), String>;
}

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
        let snapshot = newest_snapshot(medium.as_ref())?;
        let mut engine = Self::blank(medium, options)?;
        let mut start = None;
        if let Some((key, bytes)) = &snapshot {
            let name = key.to_string();
            let found = snapshot::decode(bytes)
                .map_err(|what| StorageError::corrupt(name.clone(), 0, what))?;
            replay
                .restore(found.machine)
                .map_err(|what| StorageError::corrupt(name.clone(), 0, what))?;
            start = Some((found.file, found.position));
            engine.lsn = found.lsn.next();
            engine.epoch = found.epoch;
            engine.next_blob = found.next_blob;
            engine.snapshot = Some((found.lsn, found.file));
            engine.adopt(found.logs);
        }
        let covered = Lsn(engine.lsn.0 - 1);
        let torn = engine.replay_journal(start, replay)?;
        let replayed = engine.lsn.0 - 1 - covered.0;
        engine.check_blobs()?;
        engine.epoch = engine.epoch.next();
        // What survived a kill in the page cache is about to be read: make it survive power loss.
        engine.current.file.sync()?;
        engine.synced = Lsn(engine.lsn.0 - 1);
        engine.empty_memory_logs();
        engine.retention_due = now.monotonic + engine.options.retention_interval;
        engine.compaction_due = now.monotonic + engine.options.compaction_interval;
        Ok((
            engine,
            Recovered {
                snapshot: covered,
                replayed,
                torn,
            },
        ))
    }

    /// An engine with nothing in it and no file to write to.
    fn blank(medium: Arc<dyn Medium>, options: Options) -> Result<Self> {
        // On a small medium, eight files of journal should still leave room for data.
        let file_bytes = options
            .journal_file_bytes
            .min(medium.space()?.total_bytes / 32)
            .clamp(
                limits::JOURNAL_FILE_BYTES_MIN,
                limits::JOURNAL_FILE_BYTES_MAX,
            );
        let side = Arc::new(ReadSide {
            files: JournalFiles::default(),
            sections: SectionReader::new(Arc::clone(&medium)),
        });
        Ok(Self {
            side,
            logs: HashMap::new(),
            epoch: Epoch(0),
            lsn: Lsn(1),
            synced: Lsn(0),
            current: Current {
                file: Arc::new(NoFile),
                position: 0,
                unsynced: false,
            },
            sealed: VecDeque::new(),
            free: Vec::new(),
            spare: Spare::Missing {
                retry_at: Duration::ZERO,
                full: false,
            },
            file_bytes,
            next_file: FileId(1),
            next_blob: BlobId(1),
            entry: EntryBuilder::new(),
            pending: Vec::new(),
            wants_sync: false,
            written: Vec::new(),
            sync_due: false,
            tail: TailCache::new(options.tail_cache_bytes),
            segments: HashMap::new(),
            doomed: Vec::new(),
            jobs: JobsInFlight::default(),
            snapshot: None,
            snapshot_wanted: false,
            retention_due: Duration::ZERO,
            compaction_due: Duration::ZERO,
            poisoned: false,
            medium,
            options,
        })
    }

    fn adopt(&mut self, logs: Vec<(LogId, Log)>) {
        for (id, log) in logs {
            for section in &log.shared.state.read().sections {
                *self.segments.entry(section.blob).or_default() += 1;
            }
            self.logs.insert(id, log);
        }
    }

    /// Replays every entry from `start` (file and position) on; true when a torn tail was cut.
    fn replay_journal(
        &mut self,
        start: Option<(FileId, u64)>,
        replay: &mut dyn Replay,
    ) -> Result<bool> {
        let (used, unused) = self.journal_files()?;
        self.next_file = FileId(
            used.iter()
                .map(|(file, _)| file.id().0)
                .chain(unused.iter().map(|file| file.id().0))
                .max()
                .map_or(1, |newest| newest + 1),
        );
        let Some((last, _)) = used.last().cloned() else {
            if let Some((file, _)) = start {
                let what = "the file is missing, and the newest snapshot needs it";
                return Err(StorageError::corrupt(journal_name(file), 0, what));
            }
            return self.begin(unused).map(|()| false);
        };
        let (first_file, first_position) = start.unwrap_or((used[0].0.id(), FILE_HEADER_BYTES));
        let mut torn = false;
        let mut end = first_position;
        let mut expected_file = None;
        for (file, header) in &used {
            self.side.files.insert(Arc::clone(file));
            if file.id() < first_file {
                self.sealed.push_back(Arc::clone(file));
                continue;
            }
            if expected_file.is_none() && file.id() != first_file {
                let what = "the file is missing, and the newest snapshot needs it";
                return Err(StorageError::corrupt(journal_name(first_file), 0, what));
            }
            let position = if file.id() == first_file {
                first_position
            } else {
                FILE_HEADER_BYTES
            };
            let begins = if file.id() == first_file && start.is_some() {
                self.lsn
            } else {
                header.first_lsn
            };
            if begins != self.lsn {
                let what = format!(
                    "commit {} should follow here, but the file begins with commit {}",
                    self.lsn, header.first_lsn
                );
                return Err(StorageError::corrupt(journal_name(file.id()), 0, what));
            }
            expected_file = Some(file.id());
            let mut scan = FileScan::new(Arc::clone(file), position, self.lsn, self.epoch);
            self.replay_file(&mut scan, replay)?;
            end = scan.position();
            if file.id() == last.id() {
                torn = scan.end()? == End::Torn;
            } else {
                self.sealed.push_back(Arc::clone(file));
            }
        }
        if expected_file.is_none() {
            let what = "the file is missing, and the newest snapshot needs it";
            return Err(StorageError::corrupt(journal_name(first_file), 0, what));
        }
        if torn {
            tracing::warn!(file = %journal_name(last.id()), offset = end, "cut a torn tail");
        }
        self.current = Current {
            file: last,
            position: end,
            unsynced: false,
        };
        self.adopt_spare(unused)?;
        Ok(torn)
    }

    /// The journal files that were written to, with their heads, and those that were only prepared.
    #[expect(
        clippy::type_complexity,
        reason = "a pair of lists, taken apart at once"
    )]
    fn journal_files(
        &self,
    ) -> Result<(
        Vec<(Arc<dyn JournalFile>, FileHeader)>,
        Vec<Arc<dyn JournalFile>>,
    )> {
        let mut used = Vec::new();
        let mut unused = Vec::new();
        for (id, _) in self.medium.journal_files()? {
            let file = self.medium.open_journal_file(id)?;
            match FileScan::header(&file)? {
                Some(header) => used.push((file, header)),
                None => unused.push(file),
            }
        }
        for file in &unused {
            refuse_damaged_head(file)?;
        }
        Ok((used, unused))
    }

    /// Begins the journal of an empty medium.
    fn begin(&mut self, unused: Vec<Arc<dyn JournalFile>>) -> Result<()> {
        for file in unused {
            self.medium.remove_journal_file(file.id())?;
        }
        let id = self.next_file;
        self.next_file = id.next();
        let capacity = limits::JOURNAL_FIRST_FILE_BYTES.min(self.file_bytes);
        let file = self.medium.prepare_journal_file(id, capacity, None)?;
        let header = FileHeader {
            file: id,
            epoch: Epoch(1),
            first_lsn: self.lsn,
            capacity,
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
    fn adopt_spare(&mut self, unused: Vec<Arc<dyn JournalFile>>) -> Result<()> {
        for file in unused {
            let usable = file.id() > self.current.file.id() && file.capacity() == self.file_bytes;
            if usable && !matches!(self.spare, Spare::Ready(_)) {
                self.spare = Spare::Ready(file);
            } else {
                self.medium.remove_journal_file(file.id())?;
            }
        }
        Ok(())
    }

    fn replay_file(&mut self, scan: &mut FileScan, replay: &mut dyn Replay) -> Result<()> {
        loop {
            let Some(entry) = scan.next_entry()? else {
                break;
            };
            let (header, position) = (entry.header, entry.position);
            let base = position + ENTRY_HEADER_BYTES as u64;
            for record in RecordWalk::new(&entry.bytes[ENTRY_HEADER_BYTES..], base) {
                // The entry's checksum matched, so only a newer version writes what does not parse.
                let outcome = match record {
                    Ok(record) => {
                        self.replay_record(&record, header.file, base, header.wall_ms, replay)
                    }
                    Err(_) => Err("it has a record of an unknown kind".to_owned()),
                };
                outcome.map_err(|what| {
                    let what = format!("commit {}: {what}", header.lsn);
                    StorageError::corrupt(journal_name(header.file), position, what)
                })?;
            }
            self.epoch = header.epoch;
            self.lsn = header.lsn.next();
        }
        Ok(())
    }

    fn replay_record(
        &mut self,
        record: &Record<'_>,
        file: FileId,
        base: u64,
        wall_ms: i64,
        replay: &mut dyn Replay,
    ) -> Result<(), String> {
        match record.kind {
            RecordKind::Append => self.replay_append(record, file, base, wall_ms, replay),
            RecordKind::Event => replay.event(record.payload, wall_ms),
            RecordKind::LogCreated => {
                let durability = payload_durability(record)?;
                self.logs
                    .insert(record.log, Log::new(record.log, durability, wall_ms));
                Ok(())
            }
            RecordKind::LogDeleted => {
                self.drop_log(record.log);
                Ok(())
            }
            RecordKind::LogStart => {
                self.apply_start(record.log, record.offset);
                Ok(())
            }
            RecordKind::SectionsInstalled => {
                let sections =
                    install::decode(record.payload).map_err(|error| error.to_string())?;
                for installed in &sections {
                    self.apply_installed(installed);
                    let blob = installed.section.blob;
                    self.next_blob = self.next_blob.max(blob.next());
                }
                Ok(())
            }
            RecordKind::LogDurability => {
                let durability = payload_durability(record)?;
                if let Some(log) = self.logs.get_mut(&record.log) {
                    log.durability = durability;
                }
                Ok(())
            }
        }
    }

    fn replay_append(
        &mut self,
        record: &Record<'_>,
        file: FileId,
        base: u64,
        wall_ms: i64,
        replay: &mut dyn Replay,
    ) -> Result<(), String> {
        let header = BatchHeader::parse(record.payload).map_err(|error| error.to_string())?;
        // A batch whose log was deleted later in the same entry's order is simply gone.
        let Some(log) = self.logs.get_mut(&record.log) else {
            return Ok(());
        };
        if record.offset != log.next {
            return Err(format!(
                "log {} continues at offset {}, not at {}",
                record.log, log.next, record.offset
            ));
        }
        log.next = header.next_offset() as u64;
        log.segment_base = log.next;
        let position =
            |at: u64| u32::try_from(at).map_err(|_| "a position beyond 4 GiB".to_owned());
        let chunk = Chunk {
            base: record.offset,
            next: log.next,
            file,
            start: position(base + record.at as u64)?,
            end: position(base + record.end() as u64)?,
            bytes: position(record.payload.len() as u64)?,
            max_timestamp: header.max_timestamp,
        };
        log.shared.recovered(chunk);
        replay.appended(record.log, &header, wall_ms)
    }

    /// Every file and segment that logs refer to must be there whole; those that nobody refers to are what an
    /// interrupted job left behind.
    fn check_blobs(&mut self) -> Result<()> {
        let mut missing = self.segments.clone();
        let mut lengths = HashMap::new();
        for (blob, length) in self.medium.blobs(BlobKind::Segment)? {
            self.next_blob = self.next_blob.max(blob.next());
            if missing.remove(&blob).is_some() {
                lengths.insert(blob, length);
            } else {
                self.medium.remove_blob(BlobKey::segment(blob))?;
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
                if self.side.files.get(chunk.file).is_none() {
                    let what = format!(
                        "the file is missing, and log {} has data in it",
                        log.shared.id
                    );
                    return Err(StorageError::corrupt(journal_name(chunk.file), 0, what));
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
        let newest = self.snapshot.map(|(lsn, _)| BlobId(lsn.0));
        for (blob, _) in self.medium.blobs(BlobKind::Snapshot)? {
            if Some(blob) != newest {
                self.medium.remove_blob(BlobKey::snapshot(blob))?;
            }
        }
        self.doomed.clear();
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

/// A file whose head does not parse was either prepared and never written to, or has a damaged head
/// over entries that count. Entries that knew themselves to be durable tell.
fn refuse_damaged_head(file: &Arc<dyn JournalFile>) -> Result<()> {
    let mut scan = FileScan::anywhere(Arc::clone(file), FILE_HEADER_BYTES)?;
    let Some(first) = scan.next_entry()?.map(|entry| entry.header.lsn) else {
        return Ok(());
    };
    while let Some(entry) = scan.next_entry()? {
        if entry.header.synced >= first {
            let what = format!("the head is damaged, and commit {first} after it was durable");
            return Err(StorageError::corrupt(journal_name(file.id()), 0, what));
        }
    }
    Ok(())
}

fn newest_snapshot(medium: &dyn Medium) -> Result<Option<(BlobKey, Bytes)>> {
    let Some((id, length)) = medium.blobs(BlobKind::Snapshot)?.last().copied() else {
        return Ok(None);
    };
    let key = BlobKey::snapshot(id);
    if length > limits::SNAPSHOT_BYTES_MAX {
        let what = format!("{length} bytes are more than a snapshot ever has");
        return Err(StorageError::corrupt(key.to_string(), 0, what));
    }
    let length = usize::try_from(length).expect("snapshots are bounded below 4 GiB");
    Ok(Some((key, medium.read_blob(key, 0, length)?)))
}

fn payload_durability(record: &Record<'_>) -> Result<Durability, String> {
    let number = record.payload.first().copied();
    number
        .and_then(Durability::parse)
        .ok_or_else(|| "it has an unknown durability".to_owned())
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
