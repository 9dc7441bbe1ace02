//! A disk in memory that can lose what was not synced, tear writes, fill up and fail: the medium of
//! simulations and of crash tests. It keeps for every journal file what is durable and which writes
//! are not yet, so that a power cut can keep any subset of them.

mod pages;

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use pages::Pages;

use super::{
    BlobKey, BlobKind, BlobWriter, JournalFile, Medium, Purpose, SCRATCH_NAME, ScratchFile, Space,
    journal_name,
};
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, FileId};

/// What a disk persists as one piece; a torn write is torn between two of them.
const SECTOR_BYTES: usize = 512;

/// Something that goes wrong at the next operation of its kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The next write of a journal file fails, having written nothing.
    Write,
    /// The next write of a journal file fails after its first half.
    ShortWrite,
    /// The next sync fails; what it should have kept may be gone.
    Sync,
    /// The next blob cannot be finished.
    Blob,
    /// The next write of a scratch file fails.
    ScratchWrite,
    /// The next read of a scratch file fails.
    ScratchRead,
}

/// The disk. Clones share it, so a test keeps one while the engine owns another.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    begun: bool,
    files: BTreeMap<FileId, Arc<Mutex<FileState>>>,
    /// What journal files were to be good at that were made and not recycled, in order.
    purposes: Vec<Purpose>,
    blobs: BTreeMap<BlobKey, Bytes>,
    /// Removed, but the folder was not synced since: a power cut may bring them back.
    removed_files: Vec<(FileId, Arc<Mutex<FileState>>)>,
    removed_blobs: Vec<(BlobKey, Bytes)>,
    faults: Vec<Fault>,
    capacity: u64,
    writes: u64,
}

/// Shared between the disk and the handles: as on a real one, a handle outlives the name.
#[derive(Clone, Debug)]
struct FileState {
    /// What a reader sees: every write so far.
    current: Pages,
    /// What survives a power cut for certain.
    durable: Pages,
    /// Writes since the last sync, as ranges of `current`, in order.
    unsynced: Vec<(usize, Bytes)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            begun: false,
            files: BTreeMap::new(),
            purposes: Vec::new(),
            blobs: BTreeMap::new(),
            removed_files: Vec::new(),
            removed_blobs: Vec::new(),
            faults: Vec::new(),
            capacity: 1 << 40,
            writes: 0,
        }
    }
}

impl State {
    fn take_fault(&mut self, wanted: &[Fault]) -> Option<Fault> {
        let at = self
            .faults
            .iter()
            .position(|fault| wanted.contains(fault))?;
        Some(self.faults.remove(at))
    }

    fn used(&self) -> u64 {
        let files = self
            .files
            .values()
            .map(|file| file.lock().current.len() as u64);
        let blobs = self.blobs.values().map(|blob| blob.len() as u64);
        files.sum::<u64>() + blobs.sum::<u64>()
    }

    fn file(&self, id: FileId) -> Result<Arc<Mutex<FileState>>> {
        self.files.get(&id).cloned().ok_or_else(|| {
            StorageError::io("open", journal_name(id))(io::ErrorKind::NotFound.into())
        })
    }
}

impl SimulatedDisk {
    /// An empty disk of 1 TiB.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes the size of the disk; what is there stays.
    pub fn set_capacity(&self, bytes: u64) {
        self.state.lock().capacity = bytes;
    }

    /// Arms a fault.
    pub fn inject(&self, fault: Fault) {
        self.state.lock().faults.push(fault);
    }

    /// Journal writes so far, for tests that stop at each of them.
    pub fn writes(&self) -> u64 {
        self.state.lock().writes
    }

    /// What the journal files were to be good at that were made and not recycled, in order.
    pub fn purposes(&self) -> Vec<Purpose> {
        self.state.lock().purposes.clone()
    }

    /// What the disk holds after the process is killed: everything that was written.
    pub fn after_kill(&self) -> Self {
        let state = self.state.lock();
        let files = state
            .files
            .iter()
            .map(|(id, file)| (*id, file.lock().clone()));
        Self::with(
            state.begun,
            files.collect(),
            state.blobs.clone(),
            state.capacity,
        )
    }

    /// What the disk holds after a power cut. Of each unsynced write, `keep` decides sector by sector
    /// whether it reached the disk, and of each file whose removal was not made durable, whether it
    /// is there again.
    pub fn after_power_cut(&self, mut keep: impl FnMut() -> bool) -> Self {
        let state = self.state.lock();
        let mut files = BTreeMap::new();
        let mut blobs = BTreeMap::new();
        for (id, file) in &state.removed_files {
            if keep() {
                files.insert(*id, file.lock().after_power_cut(&mut keep));
            }
        }
        for (key, blob) in &state.removed_blobs {
            if keep() {
                blobs.insert(*key, blob.clone());
            }
        }
        for (id, file) in &state.files {
            files.insert(*id, file.lock().after_power_cut(&mut keep));
        }
        blobs.extend(state.blobs.clone());
        Self::with(state.begun, files, blobs, state.capacity)
    }

    /// Flips one bit of a journal file, durably.
    pub fn flip_journal_bit(&self, id: FileId, position: usize, bit: u8) {
        if let Some(file) = self.state.lock().files.get(&id) {
            let mut file = file.lock();
            file.current.flip(position, bit);
            file.durable.flip(position, bit);
        }
    }

    /// Flips one bit of a blob.
    pub fn flip_blob_bit(&self, key: BlobKey, position: usize, bit: u8) {
        if let Some(blob) = self.state.lock().blobs.get_mut(&key) {
            let mut bytes = blob.to_vec();
            bytes[position] ^= 1 << bit;
            *blob = bytes.into();
        }
    }

    /// Shortens a journal file, durably.
    pub fn truncate_journal_file(&self, id: FileId, bytes: usize) {
        if let Some(file) = self.state.lock().files.get(&id) {
            let mut file = file.lock();
            file.current.truncate(bytes);
            file.durable.truncate(bytes);
        }
    }

    fn handle(&self, id: FileId, content: Arc<Mutex<FileState>>) -> Arc<dyn JournalFile> {
        let capacity = content.lock().current.len() as u64;
        Arc::new(SimulatedFile {
            id,
            capacity,
            content,
            disk: self.clone(),
        })
    }

    fn with(
        begun: bool,
        files: BTreeMap<FileId, FileState>,
        blobs: BTreeMap<BlobKey, Bytes>,
        capacity: u64,
    ) -> Self {
        let files = files.into_iter();
        let state = State {
            begun,
            files: files
                .map(|(id, file)| (id, Arc::new(Mutex::new(file))))
                .collect(),
            blobs,
            capacity,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl FileState {
    fn after_power_cut(&self, keep: &mut impl FnMut() -> bool) -> Self {
        let mut bytes = self.durable.clone();
        for (position, data) in &self.unsynced {
            // Sectors are the disk's, wherever in one the write began.
            let mut at = 0;
            while at < data.len() {
                let end = data
                    .len()
                    .min(at + SECTOR_BYTES - (position + at) % SECTOR_BYTES);
                if keep() {
                    bytes.write(position + at, &data[at..end]);
                }
                at = end;
            }
        }
        Self {
            current: bytes.clone(),
            durable: bytes,
            unsynced: Vec::new(),
        }
    }
}

impl Medium for SimulatedDisk {
    fn is_new(&self) -> bool {
        !self.state.lock().begun
    }

    fn mark_begun(&self) -> Result<()> {
        self.state.lock().begun = true;
        Ok(())
    }

    fn journal_files(&self) -> Result<Vec<(FileId, u64)>> {
        let state = self.state.lock();
        Ok(state
            .files
            .iter()
            .map(|(id, file)| (*id, file.lock().current.len() as u64))
            .collect())
    }

    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
        purpose: Purpose,
    ) -> Result<Arc<dyn JournalFile>> {
        let mut state = self.state.lock();
        let recycled = recycle.and_then(|old| state.files.remove(&old));
        let same_size = recycled.filter(|file| file.lock().current.len() as u64 == capacity);
        let file = match same_size {
            Some(file) => file,
            None => {
                if state.used() + capacity > state.capacity {
                    let full = io::ErrorKind::StorageFull.into();
                    return Err(StorageError::io("zero-fill", journal_name(id))(full));
                }
                state.purposes.push(purpose);
                let zeros = Pages::zeros(capacity as usize);
                Arc::new(Mutex::new(FileState {
                    current: zeros.clone(),
                    durable: zeros,
                    unsynced: Vec::new(),
                }))
            }
        };
        state.files.insert(id, Arc::clone(&file));
        state.removed_files.clear();
        Ok(self.handle(id, file))
    }

    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>> {
        let file = self.state.lock().file(id)?;
        Ok(self.handle(id, file))
    }

    fn remove_journal_file(&self, id: FileId) -> Result<()> {
        let mut state = self.state.lock();
        let removed = state.files.remove(&id).ok_or_else(|| {
            StorageError::io("remove", journal_name(id))(io::ErrorKind::NotFound.into())
        })?;
        state.removed_files.push((id, removed));
        Ok(())
    }

    fn create_blob(&self, key: BlobKey) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(SimulatedBlobWriter {
            key,
            bytes: Vec::new(),
            disk: self.clone(),
        }))
    }

    fn read_blob(&self, key: BlobKey, offset: u64, length: usize) -> Result<Bytes> {
        let state = self.state.lock();
        let blob = state.blobs.get(&key).ok_or_else(|| {
            StorageError::io("open", key.to_string())(io::ErrorKind::NotFound.into())
        })?;
        let start = offset as usize;
        if blob.len() < start + length {
            let what = format!("ends before {length} bytes");
            return Err(StorageError::corrupt(key.to_string(), offset, what));
        }
        Ok(blob.slice(start..start + length))
    }

    fn blobs(&self, kind: BlobKind) -> Result<Vec<(BlobId, u64)>> {
        let state = self.state.lock();
        let of_kind = state.blobs.iter().filter(|(key, _)| key.kind == kind);
        Ok(of_kind
            .map(|(key, blob)| (key.id, blob.len() as u64))
            .collect())
    }

    fn remove_blob(&self, key: BlobKey) -> Result<()> {
        let mut state = self.state.lock();
        let removed = state.blobs.remove(&key).ok_or_else(|| {
            StorageError::io("remove", key.to_string())(io::ErrorKind::NotFound.into())
        })?;
        state.removed_blobs.push((key, removed));
        Ok(())
    }

    fn space(&self) -> Result<Space> {
        let state = self.state.lock();
        let free_bytes = state.capacity.saturating_sub(state.used());
        Ok(Space {
            free_bytes,
            total_bytes: state.capacity,
        })
    }

    fn create_scratch_file(&self) -> Result<Arc<dyn ScratchFile>> {
        Ok(Arc::new(SimulatedScratchFile {
            bytes: Mutex::default(),
            disk: self.clone(),
        }))
    }
}

#[derive(Debug)]
struct SimulatedScratchFile {
    bytes: Mutex<Vec<u8>>,
    disk: SimulatedDisk,
}

impl SimulatedScratchFile {
    fn fail(&self, fault: Fault, operation: &'static str) -> Result<()> {
        match self.disk.state.lock().take_fault(&[fault]) {
            None => Ok(()),
            Some(_) => {
                let failed = io::Error::other("injected failure");
                Err(StorageError::io(operation, SCRATCH_NAME)(failed))
            }
        }
    }
}

impl ScratchFile for SimulatedScratchFile {
    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.fail(Fault::ScratchWrite, "write")?;
        let mut file = self.bytes.lock();
        let (start, end) = (position as usize, position as usize + bytes.len());
        if file.len() < end {
            file.resize(end, 0);
        }
        file[start..end].copy_from_slice(bytes);
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        self.fail(Fault::ScratchRead, "read")?;
        let file = self.bytes.lock();
        let start = position as usize;
        let found = file.get(start..start + buffer.len()).ok_or_else(|| {
            StorageError::io("read", SCRATCH_NAME)(io::ErrorKind::UnexpectedEof.into())
        })?;
        buffer.copy_from_slice(found);
        Ok(())
    }
}

#[derive(Debug)]
struct SimulatedFile {
    id: FileId,
    capacity: u64,
    content: Arc<Mutex<FileState>>,
    disk: SimulatedDisk,
}

impl JournalFile for SimulatedFile {
    fn id(&self) -> FileId {
        self.id
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()> {
        let fault = {
            let mut state = self.disk.state.lock();
            state.writes += 1;
            state.take_fault(&[Fault::Write, Fault::ShortWrite])
        };
        let written = match fault {
            Some(Fault::ShortWrite) => &bytes[..bytes.len() / 2],
            Some(_) => &[],
            None => bytes,
        };
        let mut file = self.content.lock();
        let start = position as usize;
        file.current.write(start, written);
        file.unsynced.push((start, Bytes::copy_from_slice(written)));
        match fault {
            None => Ok(()),
            Some(_) => {
                let failed = io::Error::other("injected write failure");
                Err(StorageError::io("write", journal_name(self.id))(failed))
            }
        }
    }

    fn sync(&self) -> Result<()> {
        let failed = self.disk.state.lock().take_fault(&[Fault::Sync]).is_some();
        let mut file = self.content.lock();
        let file = &mut *file;
        if failed {
            // As on Linux: readers see the pages, but they count as clean, so that a second sync
            // succeeds without having written them (PostgreSQL's "fsyncgate").
            file.unsynced.clear();
            let failed = io::Error::other("injected sync failure");
            return Err(StorageError::io("sync", journal_name(self.id))(failed));
        }
        for (position, data) in file.unsynced.drain(..) {
            file.durable.write(position, &data);
        }
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        if self.content.lock().current.read(position as usize, buffer) {
            return Ok(());
        }
        let short = io::ErrorKind::UnexpectedEof.into();
        Err(StorageError::io("read", journal_name(self.id))(short))
    }
}

struct SimulatedBlobWriter {
    key: BlobKey,
    bytes: Vec<u8>,
    disk: SimulatedDisk,
}

impl BlobWriter for SimulatedBlobWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let state = self.disk.state.lock();
        if state.used() + (self.bytes.len() + bytes.len()) as u64 > state.capacity {
            let full = io::ErrorKind::StorageFull.into();
            return Err(StorageError::io("write", self.key.to_string())(full));
        }
        self.bytes.extend_from_slice(bytes);
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        let mut state = self.disk.state.lock();
        if state.take_fault(&[Fault::Blob]).is_some() {
            let failed = io::Error::other("injected blob failure");
            return Err(StorageError::io("finish", self.key.to_string())(failed));
        }
        let kind = self.key.kind;
        state.removed_blobs.retain(|(key, _)| key.kind != kind);
        state.blobs.insert(self.key, self.bytes.into());
        Ok(())
    }
}
