//! Reads a journal file back, entry by entry, and decides what its end means.

use std::sync::Arc;

use super::entry::{
    ClaimedEntry, ENTRY_ALIGNMENT, ENTRY_HEADER_BYTES, EntryHeader, FILE_HEADER_BYTES, FileHeader,
    aligned,
};
use crate::error::{Result, StorageError};
use crate::ids::{Epoch, Lsn};
use crate::limits::COMMIT_BYTES;
use crate::media::{JournalFile, journal_name};

/// Bytes read ahead of the entry at hand.
const WINDOW_BYTES: u64 = 1 << 20;

/// Entries of one file in order, up to the first that is not there.
pub(crate) struct FileScan {
    window: Window,
    position: u64,
    expected: Lsn,
    epoch: Epoch,
}

/// A verified entry.
pub(crate) struct Entry<'a> {
    pub(crate) header: EntryHeader,
    /// Where the entry begins in its file.
    pub(crate) position: u64,
    /// The whole entry, head included.
    pub(crate) bytes: &'a [u8],
}

/// What the bytes at the end of a scan are.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum End {
    /// Nothing was written here, or only by an older incarnation.
    Unwritten,
    /// A write that never became durable; nothing at or after it was acknowledged.
    Torn,
}

impl FileScan {
    /// Reads the head of a file. None when the file was prepared but never written to.
    pub(crate) fn header(file: &Arc<dyn JournalFile>) -> Result<Option<FileHeader>> {
        if file.capacity() < FILE_HEADER_BYTES {
            return Ok(None);
        }
        let mut bytes = vec![0; FILE_HEADER_BYTES as usize];
        file.read_at(0, &mut bytes)?;
        Ok(FileHeader::parse(&bytes).filter(|header| header.file == file.id()))
    }

    /// Starts at `position`, where entry `expected` should be.
    pub(crate) fn new(
        file: Arc<dyn JournalFile>,
        position: u64,
        expected: Lsn,
        epoch: Epoch,
    ) -> Self {
        Self {
            window: Window::new(file),
            position,
            expected,
            epoch,
        }
    }

    /// Starts at whatever entry of this file is at `position`.
    pub(crate) fn anywhere(file: Arc<dyn JournalFile>, position: u64) -> Result<Self> {
        let mut scan = Self::new(file, position, Lsn(0), Epoch(0));
        if let Some(claimed) = scan.claimed(position)? {
            scan.expected = claimed.header.lsn;
        }
        Ok(scan)
    }

    /// Where the next entry is or would be.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// The next entry; None where the file's entries end.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry<'_>>> {
        let position = self.position;
        let Some(claimed) = self.claimed(position)? else {
            return Ok(None);
        };
        let header = claimed.header;
        if header.lsn != self.expected || header.epoch < self.epoch {
            return Ok(None);
        }
        if !self.window.holds(position, claimed.length)? {
            return Ok(None);
        }
        if !claimed.verify(self.window.bytes(position, claimed.length)) {
            return Ok(None);
        }
        self.position = position + aligned(claimed.length as u64);
        self.expected = self.expected.next();
        self.epoch = header.epoch;
        let bytes = self.window.bytes(position, claimed.length);
        Ok(Some(Entry {
            header,
            position,
            bytes,
        }))
    }

    /// Judges what follows the last entry. A later entry of the same or a newer incarnation that
    /// knew the missing one to be durable proves that durable bytes were damaged.
    pub(crate) fn end(&mut self) -> Result<End> {
        let file = Arc::clone(&self.window.file);
        let missing_at = self.position;
        // The entry that is missing spans at most one commit and one maximal record.
        let reach = file.capacity() / 4 + 2 * COMMIT_BYTES as u64;
        let limit = missing_at.saturating_add(reach).min(file.capacity());
        let mut end = End::Unwritten;
        let mut at = missing_at;
        while at + ENTRY_HEADER_BYTES as u64 <= limit {
            let claimed = self
                .claimed(at)?
                .filter(|claimed| claimed.header.epoch >= self.epoch);
            let Some(claimed) = claimed else {
                at += ENTRY_ALIGNMENT;
                continue;
            };
            end = End::Torn;
            let whole = self.window.holds(at, claimed.length)?
                && claimed.verify(self.window.bytes(at, claimed.length));
            if whole && claimed.header.lsn > self.expected && claimed.header.synced >= self.expected
            {
                let what = format!(
                    "commit {} is damaged or missing, and commit {} after it proves it was durable",
                    self.expected, claimed.header.lsn
                );
                return Err(StorageError::corrupt(
                    journal_name(file.id()),
                    missing_at,
                    what,
                ));
            }
            at += ENTRY_ALIGNMENT;
        }
        Ok(end)
    }

    /// An entry head of this file at `position`, not yet verified.
    fn claimed(&mut self, position: u64) -> Result<Option<ClaimedEntry>> {
        if !self.window.holds(position, ENTRY_HEADER_BYTES)? {
            return Ok(None);
        }
        let claimed = ClaimedEntry::parse(self.window.bytes(position, ENTRY_HEADER_BYTES));
        Ok(claimed.filter(|claimed| claimed.header.file == self.window.file.id()))
    }
}

/// A moving part of the file in memory.
struct Window {
    file: Arc<dyn JournalFile>,
    start: u64,
    bytes: Vec<u8>,
}

impl Window {
    fn new(file: Arc<dyn JournalFile>) -> Self {
        Self {
            file,
            start: 0,
            bytes: Vec::new(),
        }
    }

    /// Makes `length` bytes at `position` available; false when the file is shorter.
    fn holds(&mut self, position: u64, length: usize) -> Result<bool> {
        let end = position + length as u64;
        if end > self.file.capacity() {
            return Ok(false);
        }
        if position < self.start || end > self.start + self.bytes.len() as u64 {
            let wanted = WINDOW_BYTES
                .max(length as u64)
                .min(self.file.capacity() - position);
            self.bytes.resize(wanted as usize, 0);
            self.file.read_at(position, &mut self.bytes)?;
            self.start = position;
        }
        Ok(true)
    }

    fn bytes(&self, position: u64, length: usize) -> &[u8] {
        let at = (position - self.start) as usize;
        &self.bytes[at..at + length]
    }
}
