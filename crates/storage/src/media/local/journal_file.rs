//! The files of the journal.

use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

use bytes::Bytes;
#[cfg(target_os = "linux")]
use rustix::fs::{FallocateFlags, fallocate};

use super::super::{JournalFile, Purpose, journal_name};
use super::{Unsynced, read_exact, read_resident};
use crate::error::{Result, StorageError};
use crate::ids::FileId;

/// Bytes written at once when a file is zero-filled.
static ZEROS: [u8; 64 << 10] = [0; 64 << 10];

#[derive(Debug)]
pub(super) struct LocalJournalFile {
    id: FileId,
    capacity: u64,
    file: File,
}

impl LocalJournalFile {
    pub(super) fn open(id: FileId, path: &Path, read_only: bool) -> Result<Self> {
        let name = journal_name(id);
        let file = OpenOptions::new()
            .read(true)
            .write(!read_only)
            .open(path)
            .map_err(StorageError::io("open", name.clone()))?;
        let capacity = file
            .metadata()
            .map_err(StorageError::io("inspect", name))?
            .len();
        Ok(Self { id, capacity, file })
    }

    /// Its name is made only when something is said of it.
    #[cold]
    fn failed(&self, operation: &'static str, error: io::Error) -> StorageError {
        StorageError::io(operation, journal_name(self.id))(error)
    }
}

impl JournalFile for LocalJournalFile {
    fn id(&self) -> FileId {
        self.id
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.file
            .write_all_at(bytes, position)
            .map_err(|error| self.failed("write", error))
    }

    fn sync(&self) -> Result<()> {
        self.file
            .sync_data()
            .map_err(|error| self.failed("sync", error))
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        self.file
            .read_exact_at(buffer, position)
            .map_err(|error| self.failed("read", error))
    }

    fn read(&self, position: u64, length: usize) -> Result<Bytes> {
        read_exact(&self.file, position, length).map_err(|error| self.failed("read", error))
    }

    fn read_resident(&self, position: u64, length: usize) -> Option<Bytes> {
        read_resident(&self.file, position, length)
    }
}

/// Makes a file that has all its bytes from the disk.
pub(super) fn make(path: &Path, capacity: u64, purpose: Purpose) -> io::Result<()> {
    let allocated = match purpose {
        Purpose::OftenSynced => None,
        Purpose::SeldomSynced => allocate(path, capacity),
    };
    allocated.unwrap_or_else(|| zero_fill(path, capacity))
}

/// Sets the bytes aside and writes nothing; None where the file system cannot do that.
#[cfg(target_os = "linux")]
fn allocate(path: &Path, capacity: u64) -> Option<io::Result<()>> {
    let allocate = || {
        let file = File::create(path)?;
        fallocate(&file, FallocateFlags::empty(), 0, capacity)?;
        file.sync_all()
    };
    let done = allocate();
    let unsupported = done
        .as_ref()
        .is_err_and(|error| error.kind() == io::ErrorKind::Unsupported);
    (!unsupported).then_some(done)
}

#[cfg(not(target_os = "linux"))]
fn allocate(_: &Path, _: u64) -> Option<io::Result<()>> {
    None
}

/// Writes real zeros: a file that is only allocated costs a journal commit of the file system at the
/// first sync of every extent, which doubles the time of a commit.
fn zero_fill(path: &Path, capacity: u64) -> io::Result<()> {
    let mut file = File::create(path)?;
    let mut left = capacity;
    let mut unsynced = Unsynced::default();
    while left > 0 {
        let part = left.min(ZEROS.len() as u64) as usize;
        file.write_all(&ZEROS[..part])?;
        left -= part as u64;
        unsynced.wrote(part, &file)?;
    }
    file.sync_all()
}
