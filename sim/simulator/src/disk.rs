//! The disk as the simulated process sees it: every operation takes time, in which others run and in
//! which the process may die, with what was on its way half done.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use forebay_storage::media::{
    BlobKey, BlobKind, BlobWriter, JournalFile, Medium, Purpose, ScratchFile,
};
use forebay_storage::{BlobId, FileId, Result, SimulatedDisk, Space, StorageError};
use parking_lot::Mutex;

use crate::random::Random;
use crate::schedule::{Down, Schedule};

/// Writes are torn between multiples of this.
const SECTOR_BYTES: u64 = 512;

/// A [`SimulatedDisk`] under a schedule. Clones are the same disk.
#[derive(Clone)]
pub struct ScheduledDisk {
    shared: Arc<Shared>,
}

struct Shared {
    disk: SimulatedDisk,
    schedule: Arc<Schedule>,
    random: Mutex<Random>,
    speed: Speed,
    changes: AtomicU64,
    /// The newest journal file that was written.
    newest: AtomicU64,
    /// The process dies at this change.
    down_at: Option<ChangePoint>,
    /// Syncs say they are done and are not: for the proof that this would be found.
    lies: AtomicBool,
}

/// A moment in a run, counted in changes of the disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ChangePoint {
    /// The number of the change.
    pub change: u64,
    /// In its middle, not before it.
    pub half: bool,
}

/// How long operations take.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Speed {
    /// As a good disk does.
    #[default]
    Usual,
    /// Now and then an operation takes seconds.
    Stalling,
}

impl ScheduledDisk {
    /// Puts `disk` under a schedule.
    pub fn new(
        disk: SimulatedDisk,
        schedule: Arc<Schedule>,
        random: Random,
        speed: Speed,
        down_at: Option<ChangePoint>,
    ) -> Self {
        let shared = Shared {
            disk,
            schedule,
            random: Mutex::new(random),
            speed,
            changes: AtomicU64::new(0),
            newest: AtomicU64::new(0),
            down_at,
            lies: AtomicBool::new(false),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// The disk without the schedule: for faults, and for its image after a crash.
    pub fn raw(&self) -> &SimulatedDisk {
        &self.shared.disk
    }

    /// How many changes were begun.
    pub fn changes(&self) -> u64 {
        self.shared.changes.load(Ordering::Relaxed)
    }

    /// The newest journal file that was written.
    pub fn newest_written(&self) -> FileId {
        FileId(self.shared.newest.load(Ordering::Relaxed))
    }

    /// From now on syncs do nothing.
    pub fn lie(&self) {
        self.shared.lies.store(true, Ordering::Relaxed);
    }

    fn file(&self, inner: Arc<dyn JournalFile>) -> Arc<dyn JournalFile> {
        Arc::new(ScheduledFile {
            inner,
            disk: self.clone(),
        })
    }

    /// Time that passes in an operation of usually `low` to `high` microseconds.
    fn pass(&self, what: &'static str, low: u64, high: u64) -> Result<()> {
        let micros = {
            let mut random = self.shared.random.lock();
            match self.shared.speed {
                Speed::Stalling if random.one_in(100) => random.between(high, 3_000_000),
                _ => random.between(low, high),
            }
        };
        let slept = self.shared.schedule.sleep(Duration::from_micros(micros));
        slept.map_err(|Down| gone(what))
    }

    /// The beginning of something that changes the disk; true if the process dies in its middle.
    fn change(&self, what: &'static str, values: &[u64]) -> Result<bool> {
        let schedule = &self.shared.schedule;
        schedule.pause().map_err(|Down| gone(what))?;
        schedule.note(what, values);
        let change = self.shared.changes.fetch_add(1, Ordering::Relaxed);
        match self.shared.down_at {
            Some(point) if point.change == change && !point.half => {
                schedule.go_down();
                Err(gone(what))
            }
            point => Ok(point.is_some_and(|point| point.change == change)),
        }
    }

    fn end(&self, what: &'static str) -> Result<()> {
        let paused = self.shared.schedule.pause();
        paused.map_err(|Down| gone(what))
    }
}

/// What a dead process is told.
fn gone(operation: &'static str) -> StorageError {
    StorageError::io(operation, "a dead process's disk")(io::Error::other("the process is dead"))
}

fn digest(bytes: &[u8]) -> u64 {
    crc_fast::checksum(crc_fast::CrcAlgorithm::Crc64Nvme, bytes)
}

impl Medium for ScheduledDisk {
    fn is_new(&self) -> bool {
        self.shared.disk.is_new()
    }

    fn mark_begun(&self) -> Result<()> {
        if !self.is_new() {
            return Ok(());
        }
        let half = self.change("begin", &[])?;
        self.pass("begin", 50, 5000)?;
        self.shared.disk.mark_begun()?;
        if half {
            self.shared.schedule.go_down();
        }
        self.end("begin")
    }

    fn journal_files(&self) -> Result<Vec<(FileId, u64)>> {
        self.pass("list", 10, 100)?;
        self.shared.disk.journal_files()
    }

    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
        purpose: Purpose,
    ) -> Result<Arc<dyn JournalFile>> {
        let recycled = recycle.map_or(u64::MAX, |id| id.0);
        let half = self.change("prepare", &[id.0, capacity, recycled])?;
        self.pass("prepare", 1000, 20_000)?;
        let file = self
            .shared
            .disk
            .prepare_journal_file(id, capacity, recycle, purpose)?;
        if half {
            self.shared.schedule.go_down();
        }
        self.end("prepare")?;
        Ok(self.file(file))
    }

    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>> {
        self.pass("open", 10, 100)?;
        Ok(self.file(self.shared.disk.open_journal_file(id)?))
    }

    fn remove_journal_file(&self, id: FileId) -> Result<()> {
        self.change("remove", &[id.0])?;
        self.shared.disk.remove_journal_file(id)?;
        self.pass("remove", 10, 500)
    }

    fn create_blob(&self, key: BlobKey) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(ScheduledBlob {
            inner: self.shared.disk.create_blob(key)?,
            key,
            disk: self.clone(),
        }))
    }

    fn read_blob(&self, key: BlobKey, offset: u64, length: usize) -> Result<Bytes> {
        self.pass("read", 10, 300)?;
        self.shared.disk.read_blob(key, offset, length)
    }

    fn blobs(&self, kind: BlobKind) -> Result<Vec<(BlobId, u64)>> {
        self.pass("list", 10, 100)?;
        self.shared.disk.blobs(kind)
    }

    fn remove_blob(&self, key: BlobKey) -> Result<()> {
        self.change("remove a blob", &[key.kind as u64, key.id.0])?;
        self.shared.disk.remove_blob(key)?;
        self.pass("remove a blob", 10, 500)
    }

    fn space(&self) -> Result<Space> {
        self.shared.disk.space()
    }

    /// No point of the schedule: it goes with the process, and nothing in it is ever looked for.
    fn create_scratch_file(&self) -> Result<Arc<dyn ScratchFile>> {
        self.shared.disk.create_scratch_file()
    }
}

struct ScheduledFile {
    inner: Arc<dyn JournalFile>,
    disk: ScheduledDisk,
}

impl JournalFile for ScheduledFile {
    fn id(&self) -> FileId {
        self.inner.id()
    }

    fn capacity(&self) -> u64 {
        self.inner.capacity()
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()> {
        let length = bytes.len() as u64;
        let noted = [self.id().0, position, length, digest(bytes)];
        let half = self.disk.change("write", &noted)?;
        let newest = &self.disk.shared.newest;
        newest.fetch_max(self.id().0, Ordering::Relaxed);
        let sectors = length.div_ceil(SECTOR_BYTES);
        let cut = self.disk.shared.random.lock().below(sectors + 1) * SECTOR_BYTES;
        let (first, second) = bytes.split_at(cut.min(length) as usize);
        if !first.is_empty() {
            self.inner.write_at(position, first)?;
        }
        if half {
            self.disk.shared.schedule.go_down();
        }
        self.disk.pass("write", 5, 200)?;
        if !second.is_empty() {
            self.inner.write_at(position + cut, second)?;
        }
        self.disk.end("write")
    }

    fn sync(&self) -> Result<()> {
        let half = self.disk.change("sync", &[self.id().0])?;
        if half {
            self.disk.shared.schedule.go_down();
        }
        self.disk.pass("sync", 50, 5000)?;
        if !self.disk.shared.lies.load(Ordering::Relaxed) {
            self.inner.sync()?;
        }
        self.disk.end("sync")
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        self.disk.pass("read", 10, 300)?;
        self.inner.read_at(position, buffer)
    }
}

struct ScheduledBlob {
    inner: Box<dyn BlobWriter>,
    key: BlobKey,
    disk: ScheduledDisk,
}

impl BlobWriter for ScheduledBlob {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let noted = [self.key.id.0, bytes.len() as u64, digest(bytes)];
        self.disk.shared.schedule.note("write a blob", &noted);
        self.disk.pass("write a blob", 10, 300)?;
        self.inner.write(bytes)
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let half = self
            .disk
            .change("finish a blob", &[self.key.kind as u64, self.key.id.0])?;
        self.disk.pass("finish a blob", 100, 10_000)?;
        self.inner.finish()?;
        if half {
            self.disk.shared.schedule.go_down();
        }
        self.disk.end("finish a blob")
    }
}
