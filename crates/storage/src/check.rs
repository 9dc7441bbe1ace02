//! Offline verification: reads everything there is, compares every checksum, and goes on after
//! damage where that is possible. It changes nothing.

mod journal;
mod segments;
mod snapshots;

use std::fmt;
use std::sync::Arc;

use hashbrown::HashMap;

use crate::engine::Engine;
use crate::error::{Result, StorageError};
use crate::media::{BlobKind, Medium};

/// What a verification found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// Files and objects looked at.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Batches whose checksum was compared. What is in the journal and in a segment counts twice.
    pub batches: u64,
    /// Logs there are; unknown when damage keeps the data from being opened.
    pub logs: Option<u64>,
    /// The journal ends in a write that never became durable: a normal state, which the next
    /// opening cuts off.
    pub torn: bool,
    /// Everything that is not as it was written.
    pub damages: Vec<Damage>,
}

/// A place that is not as it was written.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Damage {
    /// The file or object.
    pub file: String,
    /// Where in it, in bytes.
    pub offset: u64,
    /// What does not fit.
    pub what: String,
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}: {}", self.file, self.offset, self.what)
    }
}

/// A verification under way.
struct Check<'a> {
    medium: &'a Arc<dyn Medium>,
    report: Report,
    bytes_done: u64,
    bytes_total: u64,
    progress: &'a mut dyn FnMut(u64, u64),
}

/// Verifies everything on `medium`, telling `progress` how many bytes of how many are done. An error
/// means that the medium could not even be listed; what cannot be read is among the damages.
pub fn check(medium: &Arc<dyn Medium>, mut progress: impl FnMut(u64, u64)) -> Result<Report> {
    let journal = medium.journal_files()?;
    let segments = medium.blobs(BlobKind::Segment)?;
    let snapshots = medium.blobs(BlobKind::Snapshot)?;
    let sizes = journal.iter().map(|(_, bytes)| bytes);
    let blobs = segments.iter().chain(&snapshots).map(|(_, bytes)| bytes);
    let bytes_total = sizes.chain(blobs).sum();
    let mut check = Check {
        medium,
        report: Report {
            files: (journal.len() + segments.len() + snapshots.len()) as u64,
            bytes: bytes_total,
            ..Report::default()
        },
        bytes_done: 0,
        bytes_total,
        progress: &mut progress,
    };
    for (id, bytes) in snapshots {
        check.snapshot(id, bytes);
    }
    check.journal(&journal);
    let mut verified = HashMap::new();
    for (id, bytes) in segments {
        check.segment(id, bytes, &mut verified);
    }
    match Engine::look(Arc::clone(medium)) {
        Ok(logs) => {
            check.report.logs = Some(logs.len() as u64);
            check.referred_sections(&logs, &verified);
        }
        Err(error) => check.note(error),
    }
    check.report.damages.sort();
    check
        .report
        .damages
        .dedup_by(|a, b| a.file == b.file && a.offset == b.offset);
    Ok(check.report)
}

impl Check<'_> {
    fn damaged(&mut self, file: impl Into<String>, offset: u64, what: impl Into<String>) {
        self.report.damages.push(Damage {
            file: file.into(),
            offset,
            what: what.into(),
        });
    }

    fn note(&mut self, error: StorageError) {
        match error {
            StorageError::Corrupt { file, offset, what } => self.damaged(file, offset, what),
            StorageError::Io { ref file, .. } => {
                let file = file.clone();
                self.damaged(file, 0, error.to_string());
            }
            other => self.damaged("the data", 0, other.to_string()),
        }
    }

    fn did(&mut self, bytes: u64) {
        self.bytes_done = (self.bytes_done + bytes).min(self.bytes_total);
        (self.progress)(self.bytes_done, self.bytes_total);
    }
}
