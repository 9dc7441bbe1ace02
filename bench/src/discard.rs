//! A disk that takes everything at once and keeps nothing: what is left of an append is Forebay's own.

use std::sync::Arc;

use bytes::Bytes;
use forebay_storage::media::{BlobKey, BlobKind, BlobWriter, JournalFile, Purpose, ScratchFile};
use forebay_storage::{BlobId, FileId, Medium, Result, Space, StorageError};

/// The disk. Nothing that was written can be read: what is read back in a hot path comes from memory.
#[derive(Clone, Copy, Debug, Default)]
pub struct DiscardingDisk;

impl Medium for DiscardingDisk {
    fn is_new(&self) -> bool {
        true
    }

    fn mark_begun(&self) -> Result<()> {
        Ok(())
    }

    fn journal_files(&self) -> Result<Vec<(FileId, u64)>> {
        Ok(Vec::new())
    }

    fn prepare_journal_file(
        &self,
        id: FileId,
        capacity: u64,
        _recycle: Option<FileId>,
        _purpose: Purpose,
    ) -> Result<Arc<dyn JournalFile>> {
        Ok(Arc::new(File { id, capacity }))
    }

    fn open_journal_file(&self, id: FileId) -> Result<Arc<dyn JournalFile>> {
        Err(gone(format!("journal file {id}")))
    }

    fn remove_journal_file(&self, _id: FileId) -> Result<()> {
        Ok(())
    }

    fn create_blob(&self, _key: BlobKey) -> Result<Box<dyn BlobWriter>> {
        Ok(Box::new(Blob))
    }

    fn read_blob(&self, key: BlobKey, _offset: u64, _length: usize) -> Result<Bytes> {
        Err(gone(key.to_string()))
    }

    fn blobs(&self, _kind: BlobKind) -> Result<Vec<(BlobId, u64)>> {
        Ok(Vec::new())
    }

    fn remove_blob(&self, _key: BlobKey) -> Result<()> {
        Ok(())
    }

    fn space(&self) -> Result<Space> {
        Ok(Space {
            free_bytes: 1 << 40,
            total_bytes: 1 << 40,
        })
    }

    fn create_scratch_file(&self) -> Result<Arc<dyn ScratchFile>> {
        Err(gone("scratch file".to_owned()))
    }
}

fn gone(what: String) -> StorageError {
    StorageError::io("read", what)(std::io::ErrorKind::NotFound.into())
}

struct File {
    id: FileId,
    capacity: u64,
}

impl JournalFile for File {
    fn id(&self) -> FileId {
        self.id
    }

    fn capacity(&self) -> u64 {
        self.capacity
    }

    fn write_at(&self, _position: u64, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn sync(&self) -> Result<()> {
        Ok(())
    }

    fn read_at(&self, _position: u64, buffer: &mut [u8]) -> Result<()> {
        buffer.fill(0);
        Ok(())
    }
}

struct Blob;

impl BlobWriter for Blob {
    fn write(&mut self, _bytes: &[u8]) -> Result<()> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<()> {
        Ok(())
    }
}
