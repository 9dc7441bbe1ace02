//! The medium of a single machine: a folder on a local file system.
//!
//! ```text
//! LOCK                 held exclusively while a process has the folder open
//! FORMAT               the format version of everything in the folder; here once the journal has begun
//! FORMAT.unfinished    stands for it before
//! journal/N.journal    files of fixed size, made ahead of use and recycled when their content is dead
//! segments/N.segment   immutable
//! snapshots/N.snapshot immutable
//! SCRATCH              what memory is not spent on; removed as soon as it is made, and goes with the process
//! ```

mod blob_writer;
mod journal_file;
mod scratch_file;

use std::collections::VecDeque;
use std::fs::{self, File, OpenOptions};
use std::io::{self, IoSliceMut, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use bytes::Bytes;
use parking_lot::Mutex;
use rustix::buffer::spare_capacity;
use rustix::fs::{FlockOperation, flock, fstatvfs};
use rustix::io::{Errno, ReadWriteFlags, pread, preadv2};

use blob_writer::LocalBlobWriter;
use journal_file::LocalJournalFile;
use scratch_file::LocalScratchFile;

use super::{
    BlobKey, BlobKind, BlobWriter, JournalFile, Medium, Purpose, SCRATCH_NAME, ScratchFile, Space,
    journal_name,
};
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, FileId};
use crate::limits::{BACKGROUND_SYNC_BYTES, NUMBER_MAX, OPEN_SEGMENTS_MAX};

/// The version of everything below the data folder. Older versions stay readable; see
/// docs/storage-format.md.
const FORMAT: u32 = 1;

const FOLDERS: [&str; 3] = ["journal", "segments", "snapshots"];

/// A data folder, locked for this process.
#[derive(Debug)]
pub struct LocalDisk {
    root: PathBuf,
    /// Nothing may be changed.
    read_only: bool,
    /// No journal was ever begun in it.
    is_new: AtomicBool,
    /// Holds the exclusive lock; the operating system lets go of it when the process ends.
    lock: File,
    open_blobs: Mutex<VecDeque<(BlobKey, Arc<File>)>>,
    open_blobs_max: usize,
}

impl LocalDisk {
    /// Opens `root`, creating it if it is not there.
    pub fn open(root: &Path) -> Result<Self> {
        create_folder(root)?;
        let lock_path = root.join("LOCK");
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .open(&lock_path)
            .map_err(StorageError::io("open", name(&lock_path)))?;
        let disk = Self::locked(root, lock, false)?;
        disk.stamp()?;
        for folder in FOLDERS {
            create_folder(&root.join(folder))?;
        }
        disk.remove_unfinished()?;
        // What an earlier process renamed may be known to nobody but the page cache, and from here on
        // it counts as durable.
        for folder in FOLDERS {
            sync_folder(&root.join(folder)).map_err(StorageError::io("sync folder", folder))?;
        }
        Ok(disk)
    }

    /// Opens a folder for offline verification: it must exist, and nothing in it is changed.
    pub fn open_existing(root: &Path) -> Result<Self> {
        let stamp = root.join("FORMAT");
        if !is_there(&stamp)? {
            let missing = io::Error::new(io::ErrorKind::NotFound, "not a Forebay data folder");
            return Err(StorageError::io("read", name(&stamp))(missing));
        }
        let lock_path = root.join("LOCK");
        // A copy of a folder may have come without its lock; then nobody else uses it as a folder.
        let lock = match File::open(&lock_path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => File::open(root),
            opened => opened,
        };
        let lock = lock.map_err(StorageError::io("open", name(&lock_path)))?;
        let disk = Self::locked(root, lock, true)?;
        disk.check_stamp()?;
        Ok(disk)
    }

    fn locked(root: &Path, lock: File, read_only: bool) -> Result<Self> {
        match flock(&lock, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => {
                return Err(StorageError::Locked { path: name(root) });
            }
            Err(errno) => return Err(StorageError::io("lock", name(root))(errno.into())),
        }
        Ok(Self {
            root: root.to_owned(),
            read_only,
            is_new: AtomicBool::new(false),
            lock,
            open_blobs: Mutex::default(),
            open_blobs_max: OPEN_SEGMENTS_MAX,
        })
    }

    /// Keeps at most `segments` open for reading instead of [`OPEN_SEGMENTS_MAX`].
    #[must_use]
    pub fn with_open_segments_max(self, segments: usize) -> Self {
        Self {
            open_blobs_max: segments.clamp(1, OPEN_SEGMENTS_MAX),
            ..self
        }
    }

    /// The folder.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Checks the stamp, or begins a folder, whose stamp gets its name when the journal has begun: a
    /// folder that has its stamp and no journal has lost it. Data without a stamp is of no known format.
    fn stamp(&self) -> Result<()> {
        let path = self.root.join("FORMAT");
        if is_there(&path)? {
            return self.check_stamp();
        }
        let unfinished = path.with_extension("unfinished");
        let has_data = FOLDERS.iter().any(|folder| {
            fs::read_dir(self.root.join(folder)).is_ok_and(|mut entries| entries.next().is_some())
        });
        if has_data && !is_there(&unfinished)? {
            return Err(StorageError::Format {
                path: name(&path),
                found: "none, with data beside it".to_owned(),
                supported: FORMAT,
            });
        }
        self.is_new.store(true, Ordering::Relaxed);
        write_synced(&unfinished, format!("{FORMAT}\n").as_bytes())
            .and_then(|()| sync_folder(&self.root))
            .map_err(StorageError::io("write", name(&unfinished)))
    }

    fn check_stamp(&self) -> Result<()> {
        let path = self.root.join("FORMAT");
        let bytes = fs::read(&path).map_err(StorageError::io("read", name(&path)))?;
        let text = String::from_utf8_lossy(&bytes);
        if text.trim() == FORMAT.to_string() {
            return Ok(());
        }
        Err(StorageError::Format {
            path: name(&path),
            found: text
                .trim()
                .chars()
                .take(32)
                .collect::<String>()
                .escape_debug()
                .to_string(),
            supported: FORMAT,
        })
    }

    fn check_writable(&self, file: impl FnOnce() -> String) -> Result<()> {
        if self.read_only {
            let refused = io::ErrorKind::ReadOnlyFilesystem.into();
            return Err(StorageError::io("change", file())(refused));
        }
        Ok(())
    }

    /// A blob under its temporary name was never finished, so nothing refers to it.
    fn remove_unfinished(&self) -> Result<()> {
        for folder in FOLDERS {
            let folder = self.root.join(folder);
            for entry in fs::read_dir(&folder).map_err(StorageError::io("list", name(&folder)))? {
                let path = entry
                    .map_err(StorageError::io("list", name(&folder)))?
                    .path();
                let unfinished = path.extension().is_some_and(|found| found == "unfinished");
                if unfinished {
                    fs::remove_file(&path).map_err(StorageError::io("remove", name(&path)))?;
                }
            }
        }
        Ok(())
    }

    fn journal_path(&self, id: FileId) -> PathBuf {
        self.root.join(journal_name(id))
    }

    fn blob_path(&self, key: BlobKey) -> PathBuf {
        self.root.join(key.to_string())
    }

    /// Numbered files of a folder. What has another name is somebody else's and is left alone.
    fn numbered(&self, folder: &str, extension: &str) -> Result<Vec<(u64, u64)>> {
        let folder = self.root.join(folder);
        let name = name(&folder);
        let mut found = Vec::new();
        let entries = match fs::read_dir(&folder) {
            // What should be in it is missed by name.
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(found),
            entries => entries.map_err(StorageError::io("list", name.clone()))?,
        };
        for entry in entries {
            let entry = entry.map_err(StorageError::io("list", name.clone()))?;
            let Some(number) = number_in(&entry.path(), extension) else {
                continue;
            };
            let metadata = entry
                .metadata()
                .map_err(StorageError::io("inspect", name.clone()))?;
            if metadata.is_file() {
                found.push((number, metadata.len()));
            }
        }
        found.sort_unstable();
        Ok(found)
    }

    fn open_blob(&self, key: BlobKey) -> Result<Arc<File>> {
        let mut open = self.open_blobs.lock();
        if let Some(file) = find_open(&mut open, key) {
            return Ok(file);
        }
        let path = self.blob_path(key);
        let file = File::open(&path).map_err(StorageError::io("open", key.to_string()))?;
        let file = Arc::new(file);
        if open.len() >= self.open_blobs_max {
            open.pop_front();
        }
        open.push_back((key, Arc::clone(&file)));
        Ok(file)
    }
}

/// A blob that is open already. It is the last one to be closed now.
fn find_open(open: &mut VecDeque<(BlobKey, Arc<File>)>, key: BlobKey) -> Option<Arc<File>> {
    let at = open.iter().position(|(held, _)| *held == key)?;
    let entry = open.remove(at)?;
    let file = Arc::clone(&entry.1);
    open.push_back(entry);
    Some(file)
}

impl Medium for LocalDisk {
    fn is_new(&self) -> bool {
        self.is_new.load(Ordering::Relaxed)
    }

    fn mark_begun(&self) -> Result<()> {
        if !self.is_new() {
            return Ok(());
        }
        let path = self.root.join("FORMAT");
        fs::rename(path.with_extension("unfinished"), &path)
            .and_then(|()| sync_folder(&self.root))
            .map_err(StorageError::io("write", name(&path)))?;
        self.is_new.store(false, Ordering::Relaxed);
        Ok(())
    }

    fn journal_files(&self) -> Result<Vec<(FileId, u64)>> {
        let found = self.numbered("journal", "journal")?;
        Ok(found
            .into_iter()
            .map(|(id, length)| (FileId(id), length))
            .collect())
    }

    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
        purpose: Purpose,
    ) -> Result<Arc<dyn JournalFile>> {
        self.check_writable(|| journal_name(id))?;
        let path = self.journal_path(id);
        let name = journal_name(id);
        let folder = self.root.join("journal");
        if let Some(old) = recycle {
            let old_path = self.journal_path(old);
            let same_size = fs::metadata(&old_path).is_ok_and(|found| found.len() == capacity);
            if same_size {
                fs::rename(&old_path, &path)
                    .map_err(StorageError::io("rename", journal_name(old)))?;
                let synced = sync_folder(&folder).map_err(StorageError::io("sync folder of", name));
                let opened = synced.and_then(|()| self.open_journal_file(id));
                if opened.is_err() {
                    // It is as dead under either name, and is asked for again by the old one.
                    let _ = fs::rename(&path, &old_path);
                }
                return opened;
            }
            if old_path.exists() {
                self.remove_journal_file(old)?;
            }
        }
        let unfinished = path.with_extension("unfinished");
        let filled = journal_file::make(&unfinished, capacity, purpose)
            .and_then(|()| fs::rename(&unfinished, &path))
            .and_then(|()| sync_folder(&folder));
        let filled = filled.map_err(StorageError::io("fill", name));
        let opened = filled.and_then(|()| self.open_journal_file(id));
        if opened.is_err() {
            // It only takes space that others wait for, by whichever name it has got.
            let _ = fs::remove_file(&unfinished);
            let _ = fs::remove_file(&path);
        }
        opened
    }

    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>> {
        let file = LocalJournalFile::open(id, &self.journal_path(id), self.read_only)?;
        Ok(Arc::new(file))
    }

    fn write_back_journal_file(&self, id: FileId) {
        // On a handle of its own: each hears once of a write that failed, and the journal's has to.
        if let Ok(file) = File::open(self.journal_path(id)) {
            let _ = file.sync_data();
        }
    }

    fn remove_journal_file(&self, id: FileId) -> Result<()> {
        self.check_writable(|| journal_name(id))?;
        fs::remove_file(self.journal_path(id)).map_err(StorageError::io("remove", journal_name(id)))
    }

    fn create_blob(&self, key: BlobKey) -> Result<Box<dyn BlobWriter>> {
        self.check_writable(|| key.to_string())?;
        let writer = LocalBlobWriter::create(key, self.blob_path(key))?;
        Ok(Box::new(writer))
    }

    fn read_blob(&self, key: BlobKey, offset: u64, length: usize) -> Result<Bytes> {
        let file = self.open_blob(key)?;
        read_exact(&file, offset, length).map_err(|error| match error.kind() {
            io::ErrorKind::UnexpectedEof => StorageError::corrupt(
                key.to_string(),
                offset,
                format!("ends before {length} bytes"),
            ),
            _ => StorageError::io("read", key.to_string())(error),
        })
    }

    fn read_resident_blob(&self, key: BlobKey, offset: u64, length: usize) -> Option<Bytes> {
        // Who opens one holds the lock meanwhile.
        let file = find_open(&mut *self.open_blobs.try_lock()?, key)?;
        read_resident(&file, offset, length)
    }

    fn blobs(&self, kind: BlobKind) -> Result<Vec<(BlobId, u64)>> {
        let found = match kind {
            BlobKind::Segment => self.numbered("segments", "segment")?,
            BlobKind::Snapshot => self.numbered("snapshots", "snapshot")?,
        };
        Ok(found
            .into_iter()
            .map(|(id, length)| (BlobId(id), length))
            .collect())
    }

    fn remove_blob(&self, key: BlobKey) -> Result<()> {
        self.check_writable(|| key.to_string())?;
        // Under the lock, so that no reader opens and keeps it between the two steps.
        let mut open = self.open_blobs.lock();
        open.retain(|(held, _)| *held != key);
        fs::remove_file(self.blob_path(key)).map_err(StorageError::io("remove", key.to_string()))
    }

    fn space(&self) -> Result<Space> {
        let stat = fstatvfs(&self.lock)
            .map_err(|errno| StorageError::io("inspect", "the data folder")(errno.into()))?;
        Ok(Space {
            free_bytes: stat.f_bavail.saturating_mul(stat.f_frsize),
            total_bytes: stat.f_blocks.saturating_mul(stat.f_frsize),
        })
    }

    fn create_scratch_file(&self) -> Result<Arc<dyn ScratchFile>> {
        self.check_writable(|| SCRATCH_NAME.to_owned())?;
        Ok(Arc::new(LocalScratchFile::create(&self.root)?))
    }
}

/// What the page cache has of a file; None if not all of it is there, or the file system cannot tell.
fn read_resident(file: &File, offset: u64, length: usize) -> Option<Bytes> {
    let mut bytes = vec![0; length];
    let mut into = [IoSliceMut::new(&mut bytes)];
    let read = preadv2(file, &mut into, offset, ReadWriteFlags::NOWAIT);
    (read == Ok(length)).then(|| bytes.into())
}

/// Reads into memory that nobody has filled with zeros before, which would be a tenth of the work.
fn read_exact(file: &File, offset: u64, length: usize) -> io::Result<Bytes> {
    let mut bytes = Vec::with_capacity(length);
    while bytes.len() < length {
        let at = offset + bytes.len() as u64;
        match pread(file, spare_capacity(&mut bytes), at) {
            Ok(0) => return Err(io::ErrorKind::UnexpectedEof.into()),
            Ok(_) | Err(Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    bytes.truncate(length);
    Ok(bytes.into())
}

/// Bytes that were written in the background since they were last made durable.
#[derive(Default)]
struct Unsynced(usize);

impl Unsynced {
    /// Counts `bytes` more, and makes them all durable if that is due.
    fn wrote(&mut self, bytes: usize, file: &File) -> io::Result<()> {
        self.0 += bytes;
        if self.0 < BACKGROUND_SYNC_BYTES {
            return Ok(());
        }
        self.0 = 0;
        file.sync_data()
    }
}

/// The number in a name of ours: 20 digits and the extension. One that was never handed out makes it
/// somebody else's.
fn number_in(path: &Path, extension: &str) -> Option<u64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.strip_suffix(extension)?.strip_suffix('.')?;
    let is_ours = digits.len() == 20 && digits.bytes().all(|digit| digit.is_ascii_digit());
    let number = is_ours.then(|| digits.parse().ok()).flatten()?;
    (number <= NUMBER_MAX).then_some(number)
}

/// Whether there is such a file. That it cannot be told is an error, and not a no.
fn is_there(path: &Path) -> Result<bool> {
    path.try_exists()
        .map_err(StorageError::io("inspect", name(path)))
}

fn name(path: &Path) -> String {
    path.display().to_string()
}

/// Creates a folder, and makes its name durable: what is synced in it must not vanish with it.
fn create_folder(path: &Path) -> Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty())
    {
        create_folder(parent)?;
    }
    let created = fs::create_dir(path).or_else(|error| match error.kind() {
        io::ErrorKind::AlreadyExists if path.is_dir() => Ok(()),
        _ => Err(error),
    });
    let parent = path
        .parent()
        .filter(|parent| !parent.as_os_str().is_empty());
    created
        .and_then(|()| sync_folder(parent.unwrap_or(Path::new("."))))
        .map_err(StorageError::io("create folder", name(path)))
}

fn write_synced(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = File::create(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn sync_folder(folder: &Path) -> io::Result<()> {
    File::open(folder)?.sync_all()
}
