//! The seam to what holds the bytes. Two shapes are all the engine needs: a chain of numbered journal
//! files that are written in order, and immutable blobs that appear whole or not at all. A local
//! folder, an object store (a journal file is then a run of put-if-absent objects) and the simulator
//! all fit behind it, so nothing above assumes a file system.
//!
//! Calls block. They are made by threads whose job is to block: a shard's writer, its background
//! jobs, and readers of cold data. Those that read what is *resident* do not: they answer from what is in memory
//! already, such as the page cache, or not at all.

use std::fmt;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};

use crate::error::Result;
use crate::ids::{BlobId, FileId};
use crate::limits::RESERVE_SHARE_MAX;

mod local;
mod simulated;

pub use local::LocalDisk;
pub use simulated::{Fault, SimulatedDisk};

/// What a blob holds; part of its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum BlobKind {
    /// Sorted batches of one or more logs.
    Segment,
    /// The state of a shard at one position of its journal.
    Snapshot,
}

/// The name of a blob.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct BlobKey {
    /// What it holds.
    pub kind: BlobKind,
    /// Its number among its kind.
    pub id: BlobId,
}

impl BlobKey {
    /// A segment's name.
    pub fn segment(id: BlobId) -> Self {
        Self {
            kind: BlobKind::Segment,
            id,
        }
    }

    /// A snapshot's name.
    pub fn snapshot(id: BlobId) -> Self {
        Self {
            kind: BlobKind::Snapshot,
            id,
        }
    }
}

impl fmt::Display for BlobKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            BlobKind::Segment => write!(f, "segments/{:020}.segment", self.id),
            BlobKind::Snapshot => write!(f, "snapshots/{:020}.snapshot", self.id),
        }
    }
}

/// The name of a journal file, as it appears in messages and on the local disk.
pub fn journal_name(id: FileId) -> String {
    format!("journal/{id:020}.journal")
}

/// What the scratch file is called in messages, and on the local disk for the moment in which it has a name.
pub const SCRATCH_NAME: &str = "SCRATCH";

/// How much room a medium has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Space {
    /// Bytes that can still be written.
    pub free_bytes: u64,
    /// Bytes of the whole medium.
    pub total_bytes: u64,
}

impl Space {
    /// What stays free where `configured` bytes are asked for: on a small medium a share of it rather
    /// than all of it.
    pub fn reserve(&self, configured: u64) -> u64 {
        configured.min(self.total_bytes / RESERVE_SHARE_MAX)
    }
}

/// What a journal file is to be good at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// Somebody waits for each of many syncs: they change no metadata, whatever that takes now.
    OftenSynced,
    /// Hardly anybody waits for a sync: it is enough that the space is there.
    SeldomSynced,
}

/// Whether a read waits for the medium.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    Waits,
    /// What is not resident is an error ([`crate::StorageError::is_not_resident`]).
    None,
}

/// Where a shard's bytes live.
pub trait Medium: Send + Sync {
    /// Whether a journal was never begun here. From [`Medium::mark_begun`] on a missing one is damage,
    /// and not an empty medium.
    fn is_new(&self) -> bool;

    /// Says that the journal has begun. Survives power loss when it returns.
    fn mark_begun(&self) -> Result<()>;

    /// The journal files that exist, in ascending order, with their sizes in bytes.
    fn journal_files(&self) -> Result<Vec<(FileId, u64)>>;

    /// Makes a file of `capacity` bytes, all of which it has got from the medium, and its name durable.
    /// `recycle` is a file whose content is dead; its space may be reused. What the new file holds
    /// before it is written is unspecified (zeros, or the recycled content).
    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
        purpose: Purpose,
    ) -> Result<Arc<dyn JournalFile>>;

    /// Opens a file that exists.
    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>>;

    /// Has the disk begin with what was written to a journal file, so that there is less to wait for when it is synced.
    /// Promises nothing, and says nothing of what goes wrong: the sync does. Blocks while the disk is busy with it.
    fn write_back_journal_file(&self, _id: FileId) {}

    /// Deletes a journal file. Readers that still hold it may go on reading.
    fn remove_journal_file(&self, id: FileId) -> Result<()>;

    /// Begins a blob. It exists for nobody until [`BlobWriter::finish`] returns.
    fn create_blob(&self, key: BlobKey) -> Result<Box<dyn BlobWriter>>;

    /// Reads `length` bytes at `offset`; fewer than that in the blob is an error.
    fn read_blob(&self, key: BlobKey, offset: u64, length: usize) -> Result<Bytes>;

    /// The same, if the bytes are resident. Never blocks; whatever goes wrong is for [`Medium::read_blob`] to say.
    fn read_resident_blob(&self, _key: BlobKey, _offset: u64, _length: usize) -> Option<Bytes> {
        None
    }

    /// The blobs of one kind, in ascending order, with their sizes in bytes.
    fn blobs(&self, kind: BlobKind) -> Result<Vec<(BlobId, u64)>>;

    /// Deletes a blob.
    fn remove_blob(&self, key: BlobKey) -> Result<()>;

    /// How full the medium is, for the reserve that stops producers before the disk is full.
    fn space(&self) -> Result<Space>;

    /// Makes an empty file for this process alone.
    fn create_scratch_file(&self) -> Result<Arc<dyn ScratchFile>>;
}

/// A file that has no name and ends with its last handle, for what need not outlive the process.
pub trait ScratchFile: Send + Sync {
    /// Writes all of `bytes` at `position`, beyond the end too.
    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()>;
    /// Fills `buffer` from `position`.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()>;
}

/// One journal file. Only the shard's writer writes; any thread may read what was written.
pub trait JournalFile: Send + Sync {
    /// Its number.
    fn id(&self) -> FileId;
    /// Its fixed size in bytes.
    fn capacity(&self) -> u64;
    /// Writes all of `bytes` at `position`. Afterwards a killed process loses none of them.
    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()>;
    /// Makes every finished write of this file survive power loss.
    fn sync(&self) -> Result<()>;
    /// Fills `buffer` from `position`.
    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()>;
    /// `length` bytes from `position`.
    fn read(&self, position: u64, length: usize) -> Result<Bytes> {
        let mut buffer = BytesMut::zeroed(length);
        self.read_at(position, &mut buffer)?;
        Ok(buffer.freeze())
    }
    /// The same, if the bytes are resident. Never blocks; whatever goes wrong is for [`JournalFile::read`] to say.
    fn read_resident(&self, _position: u64, _length: usize) -> Option<Bytes> {
        None
    }
}

/// A blob that is being written.
pub trait BlobWriter: Send {
    /// Appends bytes.
    fn write(&mut self, bytes: &[u8]) -> Result<()>;
    /// Makes the blob durable and visible in one step.
    fn finish(self: Box<Self>) -> Result<()>;
}
