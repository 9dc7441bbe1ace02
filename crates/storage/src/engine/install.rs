//! Putting sections in the place of what held their offsets before: after a sort, chunks of the
//! journal; after a merge or a compaction, older sections.
//!
//! Payload of a `SectionsInstalled` record: count u32, then for each section log u64, blob u64,
//! position u64, base u64, next u64, bytes u64, chunks u32, max timestamp i64, cleaned u64.

use super::Engine;
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::ids::{BlobId, LogId, Lsn};
use crate::journal::entry::RecordKind;
use crate::log::Section;
use crate::media::BlobKey;

/// A section and what it is the result of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) log: LogId,
    pub(super) section: Section,
    /// The log is compacted below this offset; 0 when this was no compaction.
    pub(super) cleaned: u64,
}

impl Engine {
    /// Installs sections whose segments are durable. The segments they replace go once this is.
    pub(super) fn install(&mut self, sections: &[Installed]) {
        let live: Vec<Installed> = sections
            .iter()
            .filter(|installed| self.is_wanted(installed))
            .copied()
            .collect();
        if !live.is_empty() {
            let payload = encode(&live);
            self.entry
                .push(RecordKind::SectionsInstalled, LogId(0), 0, &payload);
            self.wants_sync = true;
            for installed in &live {
                self.apply_installed(installed);
            }
        }
        for installed in sections {
            let blob = installed.section.blob;
            if !self.segments.contains_key(&blob) {
                self.doom(BlobKey::segment(blob));
            }
        }
    }

    /// A log may have been deleted, or have moved on, while its section was being written.
    fn is_wanted(&self, installed: &Installed) -> bool {
        let Some(log) = self.logs.get(&installed.log) else {
            return false;
        };
        installed.section.next > log.shared.state.read().start
    }

    pub(super) fn apply_installed(&mut self, installed: &Installed) {
        let Some(log) = self.logs.get_mut(&installed.log) else {
            return;
        };
        let section = installed.section;
        log.cleaned = log.cleaned.max(installed.cleaned);
        let mut replaced = Vec::new();
        {
            let mut state = log.shared.state.write();
            state.sections.retain(|old| {
                let inside = old.base >= section.base && old.next <= section.next;
                if inside {
                    replaced.push(*old);
                }
                !inside
            });
            while state
                .chunks
                .front()
                .is_some_and(|chunk| chunk.next <= section.next)
            {
                state.chunks.pop_front();
            }
            let at = state
                .sections
                .partition_point(|other| other.base < section.base);
            state.sections.insert(at, section);
        }
        *self.segments.entry(section.blob).or_default() += 1;
        for old in replaced {
            self.release_section(&old);
        }
    }

    /// One reference to a segment less.
    pub(super) fn release_section(&mut self, section: &Section) {
        let Some(count) = self.segments.get_mut(&section.blob) else {
            return;
        };
        *count -= 1;
        if *count == 0 {
            self.segments.remove(&section.blob);
            self.doom(BlobKey::segment(section.blob));
        }
    }

    /// Has a blob deleted once the entry that gathers, which says why, is durable.
    pub(super) fn doom(&mut self, key: BlobKey) {
        if !self.doomed.iter().any(|(_, doomed)| *doomed == key) {
            self.doomed.push((self.lsn, key));
        }
    }

    pub(super) fn remove_doomed(&mut self) {
        let synced: Lsn = self.synced;
        let medium = &self.medium;
        self.doomed.retain(|(lsn, key)| {
            if *lsn > synced {
                return true;
            }
            if let Err(error) = medium.remove_blob(*key) {
                // It only takes space, and the next start removes what nobody refers to.
                tracing::warn!(%error, "a dead blob stays");
            }
            false
        });
    }
}

pub(super) fn put_section(encoder: &mut Encoder, section: &Section) {
    encoder
        .u64(section.blob.0)
        .u64(section.position)
        .u64(section.base)
        .u64(section.next)
        .u64(section.bytes)
        .u32(section.chunks)
        .i64(section.max_timestamp);
}

pub(super) fn take_section(decoder: &mut Decoder<'_>) -> Result<Section, DecodeError> {
    Ok(Section {
        blob: BlobId(decoder.u64()?),
        position: decoder.u64()?,
        base: decoder.u64()?,
        next: decoder.u64()?,
        bytes: decoder.u64()?,
        chunks: decoder.u32()?,
        max_timestamp: decoder.i64()?,
    })
}

fn encode(sections: &[Installed]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(sections, |encoder, installed| {
        encoder.u64(installed.log.0);
        put_section(encoder, &installed.section);
        encoder.u64(installed.cleaned);
    });
    encoder.finish()
}

pub(super) fn decode(payload: &[u8]) -> Result<Vec<Installed>, DecodeError> {
    let mut decoder = Decoder::new(payload);
    let sections = decoder.list(|decoder| {
        let log = LogId(decoder.u64()?);
        let section = take_section(decoder)?;
        Ok(Installed {
            log,
            section,
            cleaned: decoder.u64()?,
        })
    })?;
    decoder.finish()?;
    Ok(sections)
}
