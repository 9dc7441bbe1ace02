//! Why a history cannot be judged at all. An anomaly is no error: it is a verdict.

use std::io;

/// What is wrong with a history as a document. Every variant that can names the line.
#[derive(Debug, thiserror::Error)]
pub enum HistoryError {
    /// The file cannot be read.
    #[error("line {line}: {source}")]
    Io {
        /// The line that was being read, from 1.
        line: u64,
        /// What the system said.
        source: io::Error,
    },
    /// The first line is not the header of a history.
    #[error("line 1: not the header of a history: {reason}")]
    Header {
        /// What was found instead.
        reason: String,
    },
    /// A version of the format that this build does not read.
    #[error("line 1: history format version {found}, this reads version {known}")]
    Version {
        /// The version in the header.
        found: u32,
        /// The version that is read here.
        known: u32,
    },
    /// A line beyond [`MAX_LINE_BYTES`](crate::limits::MAX_LINE_BYTES).
    #[error("line {line}: longer than {limit} bytes")]
    LineTooLong {
        /// The line, from 1.
        line: u64,
        /// The limit.
        limit: usize,
    },
    /// The file ends within a line: its writer was ended, and what it had seen last is unknown.
    #[error("line {line}: the file ends within the line")]
    Torn {
        /// The line, from 1.
        line: u64,
    },
    /// A line that is not an operation.
    #[error("line {line}: {reason}")]
    Malformed {
        /// The line, from 1.
        line: u64,
        /// What the JSON parser said.
        reason: String,
    },
    /// An operation that contradicts what the history said before.
    #[error("line {line}: {reason}")]
    Contradiction {
        /// The line, from 1. In a history that never was a file: one more than the operation's number.
        line: u64,
        /// What contradicts what.
        reason: String,
    },
}

/// A result with this crate's [`HistoryError`].
pub type Result<T, E = HistoryError> = std::result::Result<T, E>;
