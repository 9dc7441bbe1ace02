//! What can go wrong in storage, grouped by what the caller can do about it.

use std::io;

/// A storage failure.
#[derive(Debug, thiserror::Error)]
pub enum StorageError {
    /// The medium refused an operation. After a failed write or sync of the journal the engine takes
    /// no more writes: what the page cache holds of that file is unknown (PostgreSQL's "fsyncgate").
    #[error("cannot {operation} `{file}`: {source}")]
    Io {
        /// What was tried, as a verb.
        operation: &'static str,
        /// The file or object.
        file: String,
        /// The operating system's answer.
        source: io::Error,
    },
    /// Bytes that were durable are not what was written. Never skipped and never deleted.
    #[error("`{file}` is corrupt at byte {offset}: {what}")]
    Corrupt {
        /// The file or object.
        file: String,
        /// Where in it the damage begins.
        offset: u64,
        /// What does not fit.
        what: String,
    },
    /// Another process has the data folder open.
    #[error("`{path}` is in use by another process")]
    Locked {
        /// The data folder.
        path: String,
    },
    /// The data was written by a version this one does not know.
    #[error("`{path}` has format {found}; this version reads format {supported}")]
    Format {
        /// The stamp file.
        path: String,
        /// What the stamp says.
        found: String,
        /// What this build reads and writes.
        supported: u32,
    },
    /// Less free space than the reserve. Heals by itself when space returns.
    #[error("the disk has {free_bytes} bytes free, less than the reserve of {reserve_bytes}")]
    NoSpace {
        /// What is free.
        free_bytes: u64,
        /// What must stay free.
        reserve_bytes: u64,
    },
    /// A write or sync of the journal failed earlier; the process must restart and recover.
    #[error("the journal failed earlier and takes no more writes")]
    Poisoned,
}

impl StorageError {
    /// Wraps an operating-system error with what was tried on which file.
    pub fn io(operation: &'static str, file: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let file = file.into();
        move |source| Self::Io {
            operation,
            file,
            source,
        }
    }

    /// Names damage by file and offset.
    pub fn corrupt(file: impl Into<String>, offset: u64, what: impl Into<String>) -> Self {
        Self::Corrupt {
            file: file.into(),
            offset,
            what: what.into(),
        }
    }

    /// What was to be read without waiting is not in memory.
    pub(crate) fn not_resident(file: impl Into<String>) -> Self {
        Self::io("read", file)(io::ErrorKind::WouldBlock.into())
    }

    /// True when nothing is wrong but that the read has to wait.
    pub(crate) fn is_not_resident(&self) -> bool {
        matches!(self, Self::Io { source, .. } if source.kind() == io::ErrorKind::WouldBlock)
    }

    /// True when the disk is full, whether by our reserve or by the operating system's word.
    pub fn is_no_space(&self) -> bool {
        match self {
            Self::NoSpace { .. } => true,
            Self::Io { source, .. } => source.kind() == io::ErrorKind::StorageFull,
            _ => false,
        }
    }
}

/// Result of a storage operation.
pub type Result<T, E = StorageError> = std::result::Result<T, E>;
