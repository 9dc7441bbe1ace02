//! Verifying the journal: heads, entries, records, batches, and that the chain has no gap.

use std::sync::Arc;

use super::Check;
use crate::engine::refuse_damaged_head;
use crate::error::Result;
use crate::ids::FileId;
use crate::journal::entry::{ENTRY_HEADER_BYTES, FILE_HEADER_BYTES, FileHeader, Link, aligned};
use crate::journal::record::RecordWalk;
use crate::journal::scan::{End, FileScan};
use crate::log::stored_header;
use crate::media::{JournalFile, journal_name};

impl Check<'_> {
    pub(super) fn journal(&mut self, files: &[(FileId, u64)]) {
        let mut newest = None;
        for (id, bytes) in files {
            let done = self.bytes_done;
            match self.journal_file(*id) {
                Ok(None) => {}
                Ok(Some(scan)) => newest = Some(scan),
                Err(error) => self.note(error),
            }
            self.did((done + bytes).saturating_sub(self.bytes_done));
        }
        // Only behind the newest entry may there be a write that never became durable.
        match newest.map(|mut scan| scan.end()) {
            Some(Ok(End::Torn)) => self.report.torn = true,
            Some(Ok(End::Unwritten)) | None => {}
            Some(Err(error)) => self.note(error),
        }
    }

    /// Verifies one file; the scan stands at its end. None when it was never written to.
    fn journal_file(&mut self, id: FileId) -> Result<Option<FileScan>> {
        let file = self.medium.open_journal_file(id)?;
        let Some(header) = FileScan::header(&file)? else {
            return refuse_damaged_head(&file).map(|()| None);
        };
        self.head_copies(&file, &header)?;
        let mut scan = FileScan::new(Arc::clone(&file), FILE_HEADER_BYTES, header.after);
        loop {
            self.entries(&mut scan, &file)?;
            let (position, link) = (scan.position(), scan.link());
            if scan.next_file().is_some() || !self.goes_on(&mut scan, link)? {
                return Ok(Some(scan));
            }
            let what = format!("commit {} is damaged or missing", link.lsn);
            self.damaged(journal_name(id), position, what);
        }
    }

    /// Whether what follows proves that there is damage here, rather than the end. Steps over it.
    fn goes_on(&mut self, scan: &mut FileScan, link: Link) -> Result<bool> {
        if scan.end().is_ok() {
            return Ok(false);
        }
        Ok(scan.skip_damage()? && scan.link() != link)
    }

    fn head_copies(&mut self, file: &Arc<dyn JournalFile>, header: &FileHeader) -> Result<()> {
        let mut bytes = vec![0; FILE_HEADER_BYTES as usize];
        file.read_at(0, &mut bytes)?;
        for (offset, copy) in FileHeader::copies(&bytes) {
            if copy.as_ref() != Some(header) {
                let what = "one of the two copies of the head is damaged";
                self.damaged(journal_name(file.id()), offset, what);
            }
        }
        Ok(())
    }

    fn entries(&mut self, scan: &mut FileScan, file: &Arc<dyn JournalFile>) -> Result<()> {
        let id = file.id();
        let mut padding = None;
        while let Some(entry) = scan.next_entry()? {
            // That of the last one may not have been written with it: the next start writes it.
            if let Some(from) = padding {
                self.padding(file, from)?;
            }
            let base = entry.position + ENTRY_HEADER_BYTES as u64;
            for record in RecordWalk::new(&entry.bytes[ENTRY_HEADER_BYTES..], base) {
                let record = match record {
                    Ok(record) => record,
                    Err(at) => {
                        let what = "a record's checksum does not match";
                        self.damaged(journal_name(id), base + at as u64, what);
                        continue;
                    }
                };
                let Some(batch) = record.batch() else {
                    continue;
                };
                self.report.batches += 1;
                if stored_header(batch.bytes).is_none() {
                    let what = "a batch does not match its checksum";
                    self.damaged(journal_name(id), base + record.at as u64, what);
                }
            }
            let end = entry.position + entry.bytes.len() as u64;
            self.did(entry.bytes.len() as u64);
            padding = Some(end);
        }
        match padding {
            Some(from) if scan.next_file().is_some() => self.padding(file, from),
            _ => Ok(()),
        }
    }

    /// Readers that come by would take anything but zeros for a damaged record.
    fn padding(&mut self, file: &Arc<dyn JournalFile>, from: u64) -> Result<()> {
        let mut bytes = vec![0; (aligned(from) - from) as usize];
        file.read_at(from, &mut bytes)?;
        if bytes.iter().any(|byte| *byte != 0) {
            let what = "the padding behind an entry is damaged";
            self.damaged(journal_name(file.id()), from, what);
        }
        Ok(())
    }
}
