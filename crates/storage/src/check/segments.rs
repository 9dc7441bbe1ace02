//! Verifying segments. A section's foot stands behind it, so a segment is walked from its end; what
//! damage hides from that walk is verified by what the logs refer to.

use std::sync::Arc;

use forebay_record::Batches;
use hashbrown::HashMap;

use super::Check;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, LogId};
use crate::log::Section;
use crate::log::section::{
    FOOT_BYTES, SEGMENT_HEADER_BYTES, SectionReader, section_ending_at, segment_header_is_intact,
};
use crate::media::{BlobKey, Patience};

/// The sections that walks came by, by segment and position.
pub(super) type Verified = HashMap<(BlobId, u64), (LogId, Section)>;

impl Check<'_> {
    pub(super) fn segment(&mut self, blob: BlobId, bytes: u64, verified: &mut Verified) {
        let done = self.bytes_done;
        if let Err(error) = self.sections_of(blob, bytes, verified) {
            self.note(error);
        }
        self.did((done + bytes).saturating_sub(self.bytes_done));
    }

    fn sections_of(&mut self, blob: BlobId, bytes: u64, verified: &mut Verified) -> Result<()> {
        let key = BlobKey::segment(blob);
        let header = self
            .medium
            .read_blob(key, 0, SEGMENT_HEADER_BYTES as usize)?;
        if !segment_header_is_intact(&header) {
            self.damaged(key.to_string(), 0, "the segment's head is damaged");
        }
        let reader = SectionReader::new(Arc::clone(self.medium));
        let mut end = bytes;
        while end > SEGMENT_HEADER_BYTES {
            let foot_at = end.saturating_sub(FOOT_BYTES);
            let foot = self
                .medium
                .read_blob(key, foot_at, (end - foot_at) as usize)?;
            let Some((log, section)) = section_ending_at(blob, end, &foot) else {
                let what = "a section's foot is damaged";
                self.damaged(key.to_string(), foot_at, what);
                return Ok(());
            };
            verified.insert((blob, section.position), (log, section));
            self.section(&reader, log, &section);
            end = section.position;
        }
        Ok(())
    }

    /// Sections that logs refer to and that the walks did not come by, or not as the logs know them.
    pub(super) fn referred_sections(
        &mut self,
        logs: &[(LogId, Vec<Section>)],
        verified: &Verified,
    ) {
        let reader = SectionReader::new(Arc::clone(self.medium));
        for (log, sections) in logs {
            for section in sections {
                let found = verified.get(&(section.blob, section.position));
                if found != Some(&(*log, *section)) {
                    self.section(&reader, *log, section);
                }
            }
        }
    }

    fn section(&mut self, reader: &SectionReader, log: LogId, section: &Section) {
        let index = match reader.index(log, section, Patience::Waits) {
            Ok(index) => index,
            Err(error) => return self.note(error),
        };
        let mut next = section.base;
        for chunk in index.iter() {
            let checked = reader.chunks(section, std::slice::from_ref(chunk), Patience::Waits);
            let position = section.position + chunk.position;
            let checked =
                checked.and_then(|bytes| self.batches(section, position, &bytes, &mut next));
            if let Err(error) = checked {
                self.note(error);
            }
            self.did(chunk.bytes.into());
        }
    }

    fn batches(
        &mut self,
        section: &Section,
        position: u64,
        bytes: &[u8],
        next: &mut u64,
    ) -> Result<()> {
        let name = || BlobKey::segment(section.blob).to_string();
        let mut walk = Batches::new(bytes);
        loop {
            let at = position + walk.position() as u64;
            let corrupt = |what: &str| StorageError::corrupt(name(), at, what);
            let Some(batch) = walk.next() else {
                return Ok(());
            };
            let batch = batch.map_err(|error| corrupt(&error.to_string()))?;
            batch
                .verify_stored()
                .map_err(|error| corrupt(&error.to_string()))?;
            let base = batch.header().base_offset as u64;
            let after = batch.header().next_offset() as u64;
            // The first batch may begin below what its section stands for.
            let in_order =
                after > *next && after <= section.next && (base >= *next || *next == section.base);
            if !in_order {
                return Err(corrupt("a batch is not in the order of its offsets"));
            }
            *next = after;
            self.report.batches += 1;
        }
    }
}
