//! A disk in memory that can lose what was not synced, tear writes, fill up and fail: the medium of
//! simulations and of crash tests. It keeps for every journal file what is durable and which writes
//! are not yet, so that a power cut can keep any subset of them.

use std::collections::BTreeMap;
use std::io;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;

use super::{BlobKey, BlobKind, BlobWriter, JournalFile, Medium, Space, journal_name};
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
}

/// The disk. Clones share it, so a test keeps one while the engine owns another.
#[derive(Clone, Debug, Default)]
pub struct SimulatedDisk {
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    files: BTreeMap<FileId, FileState>,
    blobs: BTreeMap<BlobKey, Bytes>,
    faults: Vec<Fault>,
    capacity: u64,
    writes: u64,
}

#[derive(Debug, Default)]
struct FileState {
    /// What a reader sees: every write so far.
    current: Vec<u8>,
    /// What survives a power cut for certain.
    durable: Vec<u8>,
    /// Writes since the last sync, as ranges of `current`, in order.
    unsynced: Vec<(usize, Vec<u8>)>,
}

impl Default for State {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            blobs: BTreeMap::new(),
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
        let files: u64 = self
            .files
            .values()
            .map(|file| file.current.len() as u64)
            .sum();
        files
            + self
                .blobs
                .values()
                .map(|blob| blob.len() as u64)
                .sum::<u64>()
    }

    fn file(&mut self, id: FileId) -> Result<&mut FileState> {
        self.files.get_mut(&id).ok_or_else(|| {
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

    /// What the disk holds after the process is killed: everything that was written.
    pub fn after_kill(&self) -> Self {
        let state = self.state.lock();
        let files = state.files.iter().map(|(id, file)| {
            let file = FileState {
                current: file.current.clone(),
                durable: file.durable.clone(),
                unsynced: file.unsynced.clone(),
            };
            (*id, file)
        });
        Self::with(files.collect(), state.blobs.clone(), state.capacity)
    }

    /// What the disk holds after a power cut. Of each unsynced write, `keep` decides sector by sector
    /// whether it reached the disk.
    pub fn after_power_cut(&self, mut keep: impl FnMut() -> bool) -> Self {
        let state = self.state.lock();
        let files = state.files.iter().map(|(id, file)| {
            let mut bytes = file.durable.clone();
            for (position, data) in &file.unsynced {
                for (index, sector) in data.chunks(SECTOR_BYTES).enumerate() {
                    if keep() {
                        let at = position + index * SECTOR_BYTES;
                        bytes[at..at + sector.len()].copy_from_slice(sector);
                    }
                }
            }
            (
                *id,
                FileState {
                    current: bytes.clone(),
                    durable: bytes,
                    unsynced: Vec::new(),
                },
            )
        });
        Self::with(files.collect(), state.blobs.clone(), state.capacity)
    }

    /// Flips one bit of a journal file, durably.
    pub fn flip_journal_bit(&self, id: FileId, position: usize, bit: u8) {
        if let Some(file) = self.state.lock().files.get_mut(&id) {
            file.current[position] ^= 1 << bit;
            file.durable[position] ^= 1 << bit;
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

    fn with(
        files: BTreeMap<FileId, FileState>,
        blobs: BTreeMap<BlobKey, Bytes>,
        capacity: u64,
    ) -> Self {
        let state = State {
            files,
            blobs,
            capacity,
            ..State::default()
        };
        Self {
            state: Arc::new(Mutex::new(state)),
        }
    }
}

impl Medium for SimulatedDisk {
    fn journal_files(&self) -> Result<Vec<(FileId, u64)>> {
        let state = self.state.lock();
        Ok(state
            .files
            .iter()
            .map(|(id, file)| (*id, file.current.len() as u64))
            .collect())
    }

    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
    ) -> Result<Arc<dyn JournalFile>> {
        let mut state = self.state.lock();
        let recycled = recycle.and_then(|old| state.files.remove(&old));
        let file = match recycled {
            Some(file) if file.current.len() as u64 == capacity => file,
            _ => {
                if state.used() + capacity > state.capacity {
                    let full = io::ErrorKind::StorageFull.into();
                    return Err(StorageError::io("zero-fill", journal_name(id))(full));
                }
                let zeros = vec![0; capacity as usize];
                FileState {
                    current: zeros.clone(),
                    durable: zeros,
                    unsynced: Vec::new(),
                }
            }
        };
        state.files.insert(id, file);
        Ok(Arc::new(SimulatedFile {
            id,
            capacity,
            disk: self.clone(),
        }))
    }

    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>> {
        let capacity = self.state.lock().file(id)?.current.len() as u64;
        Ok(Arc::new(SimulatedFile {
            id,
            capacity,
            disk: self.clone(),
        }))
    }

    fn remove_journal_file(&self, id: FileId) -> Result<()> {
        self.state.lock().files.remove(&id);
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
        self.state.lock().blobs.remove(&key);
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
}

#[derive(Debug)]
struct SimulatedFile {
    id: FileId,
    capacity: u64,
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
        let mut state = self.disk.state.lock();
        state.writes += 1;
        let fault = state.take_fault(&[Fault::Write, Fault::ShortWrite]);
        let written = match fault {
            Some(Fault::ShortWrite) => &bytes[..bytes.len() / 2],
            Some(_) => &[],
            None => bytes,
        };
        let file = state.file(self.id)?;
        let start = position as usize;
        file.current[start..start + written.len()].copy_from_slice(written);
        file.unsynced.push((start, written.to_vec()));
        match fault {
            None => Ok(()),
            Some(_) => {
                let failed = io::Error::other("injected write failure");
                Err(StorageError::io("write", journal_name(self.id))(failed))
            }
        }
    }

    fn sync(&self) -> Result<()> {
        let mut state = self.disk.state.lock();
        if state.take_fault(&[Fault::Sync]).is_some() {
            // As on Linux: the dirty pages are marked clean and a second sync would succeed.
            let failed = io::Error::other("injected sync failure");
            return Err(StorageError::io("sync", journal_name(self.id))(failed));
        }
        let file = state.file(self.id)?;
        for (position, data) in file.unsynced.drain(..) {
            file.durable[position..position + data.len()].copy_from_slice(&data);
        }
        Ok(())
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        let mut state = self.disk.state.lock();
        let file = state.file(self.id)?;
        let start = position as usize;
        match file.current.get(start..start + buffer.len()) {
            Some(bytes) => buffer.copy_from_slice(bytes),
            None => {
                let short = io::ErrorKind::UnexpectedEof.into();
                return Err(StorageError::io("read", journal_name(self.id))(short));
            }
        }
        Ok(())
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
        state.blobs.insert(self.key, self.bytes.into());
        Ok(())
    }
}
