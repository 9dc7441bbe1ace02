//! Writing a blob under a temporary name, so that it appears whole or not at all.

use std::fs::{self, File};
use std::io::{self, BufWriter, Write};
use std::path::PathBuf;

use super::{Unsynced, sync_folder};
use crate::error::{Result, StorageError};
use crate::media::{BlobKey, BlobWriter};

/// A blob of many small sections is written in pieces of this size.
const BUFFER_BYTES: usize = 256 << 10;

pub(super) struct LocalBlobWriter {
    key: BlobKey,
    path: PathBuf,
    unfinished: PathBuf,
    /// None once finished.
    file: Option<BufWriter<File>>,
    unsynced: Unsynced,
}

impl LocalBlobWriter {
    pub(super) fn create(key: BlobKey, path: PathBuf) -> Result<Self> {
        let unfinished = path.with_extension("unfinished");
        let file =
            File::create(&unfinished).map_err(StorageError::io("create", key.to_string()))?;
        Ok(Self {
            key,
            path,
            unfinished,
            file: Some(BufWriter::with_capacity(BUFFER_BYTES, file)),
            unsynced: Unsynced::default(),
        })
    }
}

impl BlobWriter for LocalBlobWriter {
    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let file = self.file.as_mut().expect("a finished writer is consumed");
        file.write_all(bytes)
            .and_then(|()| self.unsynced.wrote(bytes.len(), file.get_ref()))
            .map_err(StorageError::io("write", self.key.to_string()))
    }

    fn finish(mut self: Box<Self>) -> Result<()> {
        let file = self.file.take().expect("a finished writer is consumed");
        let folder = self
            .path
            .parent()
            .expect("a blob's path has a folder")
            .to_owned();
        file.into_inner()
            .map_err(io::IntoInnerError::into_error)
            .and_then(|file| file.sync_all())
            .and_then(|()| fs::rename(&self.unfinished, &self.path))
            .and_then(|()| sync_folder(&folder))
            .inspect_err(|_| self.discard())
            .map_err(StorageError::io("finish", self.key.to_string()))
    }
}

impl LocalBlobWriter {
    /// Removes it by whichever name it has got: nobody may come by a blob that is not known to be
    /// durable, and every attempt that failed would take its space.
    fn discard(&self) {
        let _ = fs::remove_file(&self.unfinished);
        let _ = fs::remove_file(&self.path);
    }
}

impl Drop for LocalBlobWriter {
    fn drop(&mut self) {
        if self.file.is_some() {
            self.discard();
        }
    }
}
