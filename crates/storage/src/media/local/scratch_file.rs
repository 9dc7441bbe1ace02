//! The scratch file of a process.

use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::Path;

use crate::error::{Result, StorageError};
use crate::media::{SCRATCH_NAME, ScratchFile};

#[derive(Debug)]
pub(super) struct LocalScratchFile(File);

impl LocalScratchFile {
    pub(super) fn create(folder: &Path) -> Result<Self> {
        let path = folder.join(SCRATCH_NAME);
        // One that is there was left by a process that died at this point.
        let file = OpenOptions::new()
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .open(&path)
            .map_err(StorageError::io("create", SCRATCH_NAME))?;
        fs::remove_file(&path).map_err(StorageError::io("remove", SCRATCH_NAME))?;
        Ok(Self(file))
    }
}

impl ScratchFile for LocalScratchFile {
    fn write_at(&self, position: u64, bytes: &[u8]) -> Result<()> {
        self.0
            .write_all_at(bytes, position)
            .map_err(StorageError::io("write", SCRATCH_NAME))
    }

    fn read_at(&self, position: u64, buffer: &mut [u8]) -> Result<()> {
        self.0
            .read_exact_at(buffer, position)
            .map_err(StorageError::io("read", SCRATCH_NAME))
    }
}
