//! Reads a journal file back, entry by entry, and decides what its end means.

use std::sync::Arc;

use super::entry::{
    ClaimedEntry, ENTRY_ALIGNMENT, ENTRY_HEADER_BYTES, ENTRY_MAGIC, EntryHeader, FILE_HEADER_BYTES,
    FileHeader, Link, aligned, entry_crc,
};
use crate::error::{Result, StorageError};
use crate::ids::FileId;
use crate::media::{JournalFile, journal_name};

/// Bytes read ahead of the entry at hand.
const WINDOW_BYTES: u64 = 1 << 20;

/// Entries of one file in order, up to the first that is not there.
pub(crate) struct FileScan {
    window: Window,
    position: u64,
    /// Where the bytes of the last entry end, in front of its padding.
    entries_end: u64,
    link: Link,
    next_file: Option<FileId>,
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
        let Some(header) = FileHeader::parse(&bytes).filter(|header| header.file == file.id())
        else {
            return Ok(None);
        };
        if header.capacity > file.capacity() {
            let what = format!("the file ends here, of {} bytes", header.capacity);
            return Err(StorageError::corrupt(
                journal_name(file.id()),
                file.capacity(),
                what,
            ));
        }
        Ok(Some(header))
    }

    /// Starts at `position`, where what continues `link` should be.
    pub(crate) fn new(file: Arc<dyn JournalFile>, position: u64, link: Link) -> Self {
        Self {
            window: Window::new(file),
            position,
            entries_end: position,
            link,
            next_file: None,
        }
    }

    /// Starts at whatever entry of this file is at `position`; None when there is none.
    pub(crate) fn anywhere(file: Arc<dyn JournalFile>, position: u64) -> Result<Option<Self>> {
        let link = Link::default();
        let mut scan = Self::new(file, position, link);
        let Some(claimed) = scan.claimed(position)? else {
            return Ok(None);
        };
        scan.link = Link {
            lsn: claimed.header.lsn,
            epoch: claimed.header.epoch,
            crc: claimed.header.previous,
        };
        Ok(Some(scan))
    }

    /// Where the next entry is or would be.
    pub(crate) fn position(&self) -> u64 {
        self.position
    }

    /// Where the last entry ends. From there to the next is padding.
    pub(crate) fn entries_end(&self) -> u64 {
        self.entries_end
    }

    /// What the next entry has to continue.
    pub(crate) fn link(&self) -> Link {
        self.link
    }

    /// Where the journal goes on, once the scan has come to the trailer.
    pub(crate) fn next_file(&self) -> Option<FileId> {
        self.next_file
    }

    /// The next entry; None where the file's entries end.
    pub(crate) fn next_entry(&mut self) -> Result<Option<Entry<'_>>> {
        let position = self.position;
        let Some(claimed) = self.claimed(position)? else {
            return Ok(None);
        };
        let header = claimed.header;
        let continues = header.lsn == self.link.lsn
            && header.epoch >= self.link.epoch
            && header.previous == self.link.crc;
        if !continues || !self.is_whole(position, &claimed)? {
            return Ok(None);
        }
        if claimed.next_file.is_some() {
            self.next_file = claimed.next_file;
            return Ok(None);
        }
        self.entries_end = position + claimed.length as u64;
        self.position = aligned(self.entries_end);
        let bytes = self.window.bytes(position, claimed.length);
        self.link = Link {
            lsn: header.lsn.next(),
            epoch: header.epoch,
            crc: entry_crc(bytes),
        };
        Ok(Some(Entry {
            header,
            position,
            bytes,
        }))
    }

    /// Judges what follows the last entry. A later entry of the same or a newer incarnation that
    /// knew the missing one to be durable proves that durable bytes were damaged.
    pub(crate) fn end(&mut self) -> Result<End> {
        let missing_at = self.position;
        let mut end = End::Unwritten;
        let mut at = missing_at;
        while let Some(found) = self.window.find_entry(at)? {
            at = found + ENTRY_ALIGNMENT;
            let claimed = self
                .claimed(found)?
                .filter(|claimed| claimed.header.epoch >= self.link.epoch);
            let Some(claimed) = claimed else { continue };
            end = End::Torn;
            let header = claimed.header;
            let proves = header.lsn > self.link.lsn && header.synced >= self.link.lsn;
            if proves && self.is_whole(found, &claimed)? {
                let what = format!(
                    "commit {} is damaged or missing, and commit {} after it proves it was durable",
                    self.link.lsn, header.lsn
                );
                let name = journal_name(self.window.file.id());
                return Err(StorageError::corrupt(name, missing_at, what));
            }
        }
        Ok(end)
    }

    /// Steps over damage to the next whole entry that can follow; false when there is none.
    pub(crate) fn skip_damage(&mut self) -> Result<bool> {
        let mut at = self.position;
        while let Some(found) = self.window.find_entry(at)? {
            at = found + ENTRY_ALIGNMENT;
            let Some(claimed) = self.claimed(found)? else {
                continue;
            };
            let header = claimed.header;
            let later = header.lsn > self.link.lsn && header.epoch >= self.link.epoch;
            if later && self.is_whole(found, &claimed)? {
                self.position = found;
                self.link = Link {
                    lsn: header.lsn,
                    epoch: header.epoch,
                    crc: header.previous,
                };
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An entry head of this file at `position`, not yet verified.
    fn claimed(&mut self, position: u64) -> Result<Option<ClaimedEntry>> {
        if !self.window.holds(position, ENTRY_HEADER_BYTES)? {
            return Ok(None);
        }
        let claimed = ClaimedEntry::parse(self.window.bytes(position, ENTRY_HEADER_BYTES));
        Ok(claimed.filter(|claimed| claimed.header.file == self.window.file.id()))
    }

    fn is_whole(&mut self, position: u64, claimed: &ClaimedEntry) -> Result<bool> {
        Ok(self.window.holds(position, claimed.length)?
            && claimed.verify(self.window.bytes(position, claimed.length)))
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
            if self.bytes.len() < wanted as usize {
                self.bytes = vec![0; wanted as usize];
            }
            self.bytes.truncate(wanted as usize);
            self.file.read_at(position, &mut self.bytes)?;
            self.start = position;
        }
        Ok(true)
    }

    fn bytes(&self, position: u64, length: usize) -> &[u8] {
        let at = (position - self.start) as usize;
        &self.bytes[at..at + length]
    }

    /// The first place from `at` on where an entry may begin.
    fn find_entry(&mut self, mut at: u64) -> Result<Option<u64>> {
        let magic = ENTRY_MAGIC.to_le_bytes();
        while self.holds(at, ENTRY_HEADER_BYTES)? {
            let rest = &self.bytes[(at - self.start) as usize..];
            let mut places = rest.chunks_exact(ENTRY_ALIGNMENT as usize);
            if let Some(index) = places.position(|place| place.starts_with(&magic)) {
                return Ok(Some(at + index as u64 * ENTRY_ALIGNMENT));
            }
            at += (rest.len() as u64 / ENTRY_ALIGNMENT) * ENTRY_ALIGNMENT;
        }
        Ok(None)
    }
}
