//! Putting sections in the place of what held their offsets before: after a sort, chunks of the
//! journal; after a merge or a compaction, older sections.
//!
//! Payload of a `SectionsInstalled` record: count u32, then for each section log u64, blob u64,
//! position u64, base u64, next u64, bytes u64, chunks u32, max timestamp i64, cleaned u64,
//! tombstones until i64 (-1: none).

use std::collections::VecDeque;
use std::sync::Arc;

use super::{Engine, Room};
use crate::codec::{DecodeError, Decoder, Encoder};
use crate::ids::{BlobId, LogId, Lsn};
use crate::journal::record::RecordKind;
use crate::limits::SECTIONS_IN_ONE_ENTRY;
use crate::log::Section;
use crate::media::{BlobKey, JournalFile};

/// Stands for the absence of a time.
pub(super) const NO_TOMBSTONES: i64 = -1;

/// A section and what it is the result of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Installed {
    pub(super) log: LogId,
    pub(super) section: Section,
    /// The log is compacted below this offset; 0 when this was no compaction.
    pub(super) cleaned: u64,
    /// When the first tombstone that compaction kept may go (wall clock).
    pub(super) tombstones_until_ms: Option<i64>,
}

/// What a job made, until all of it is in the journal.
pub(super) struct Installing {
    pub(super) sections: VecDeque<Installed>,
    /// The log that was rewritten; None when this is the result of a sort.
    pub(super) rewritten: Option<LogId>,
}

/// What nobody refers to any more.
pub(super) enum Dead {
    Blob(BlobKey),
    File(Arc<dyn JournalFile>),
}

impl Engine {
    /// Has sections installed whose segments are durable, as soon as the journal has room.
    pub(super) fn install(&mut self, sections: Vec<Installed>, rewritten: Option<LogId>) {
        for installed in &sections {
            // Until it is known whether a log still wants it, the section keeps its segment.
            *self.segments.entry(installed.section.blob).or_default() += 1;
        }
        self.installing.push_back(Installing {
            sections: sections.into(),
            rewritten,
        });
        self.install_waiting();
    }

    /// Goes on with what waits to be installed. The segments that are replaced go once it is durable.
    pub(super) fn install_waiting(&mut self) {
        while let Some(mut front) = self.installing.pop_front() {
            while !front.sections.is_empty() {
                if self.room(0, true) != Room::Now {
                    self.installing.push_front(front);
                    return;
                }
                let count = front.sections.len().min(SECTIONS_IN_ONE_ENTRY);
                let (live, dead): (Vec<_>, Vec<_>) = front
                    .sections
                    .drain(..count)
                    .partition(|installed| self.is_wanted(installed));
                if !live.is_empty() {
                    let payload = encode(&live);
                    self.entry
                        .push(RecordKind::SectionsInstalled, LogId(0), 0, &payload);
                    self.wants_sync = true;
                }
                for installed in &live {
                    self.apply_installed(installed);
                }
                for installed in &dead {
                    self.release_section(&installed.section);
                }
            }
            match front.rewritten {
                None => {
                    self.jobs.sort = false;
                    self.snapshot_wanted = true;
                }
                Some(log) => {
                    self.jobs.rewrite = false;
                    if let Some(log) = self.logs.get_mut(&log) {
                        log.rewriting = false;
                    }
                }
            }
            // What was not wanted is said to be dead by entries that may be durable already.
            self.remove_doomed();
        }
    }

    /// A log may have been deleted, or have moved on, while its section was being written.
    fn is_wanted(&self, installed: &Installed) -> bool {
        let Some(log) = self.logs.get(&installed.log) else {
            return false;
        };
        installed.section.next > log.shared.state.read().start
    }

    /// Puts a section in its place. Its reference to the segment has been counted.
    pub(super) fn apply_installed(&mut self, installed: &Installed) {
        let Some(log) = self.logs.get_mut(&installed.log) else {
            return;
        };
        let section = installed.section;
        log.cleaned = log.cleaned.max(installed.cleaned);
        if installed.cleaned > 0 {
            log.tombstones_until_ms = installed.tombstones_until_ms;
        }
        let mut replaced = Vec::new();
        {
            let mut state = log.shared.state.write();
            state.sections.retain(|old| {
                let gone = section.replaces(old);
                if gone {
                    replaced.push(*old);
                }
                !gone
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
            if installed.cleaned > 0 {
                // Memory still has the records that compaction removed.
                while state
                    .tail
                    .front()
                    .is_some_and(|batch| batch.next <= section.next)
                {
                    state.tail.pop_front();
                }
            }
        }
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

    /// Has a blob deleted once the entry that says why is durable.
    pub(super) fn doom(&mut self, key: BlobKey) {
        self.doomed.push((self.last_said(), Dead::Blob(key)));
    }

    /// As [`Engine::doom`], for a journal file.
    pub(super) fn doom_file(&mut self, file: Arc<dyn JournalFile>) {
        self.doomed.push((self.last_said(), Dead::File(file)));
    }

    /// The entry that holds everything decided so far.
    fn last_said(&self) -> Lsn {
        let gathers = !self.entry.is_empty();
        Lsn(self.link.lsn.0 - u64::from(!gathers))
    }

    pub(super) fn remove_doomed(&mut self) {
        let synced = self.synced;
        let (dead, kept): (Vec<_>, Vec<_>) =
            self.doomed.drain(..).partition(|(lsn, _)| *lsn <= synced);
        self.doomed = kept;
        for (_, dead) in dead {
            let removed = match dead {
                Dead::Blob(key) => self.medium.remove_blob(key),
                Dead::File(file) => self.free_file(file),
            };
            if let Err(error) = removed {
                // It only takes space, and the next start removes what nobody refers to.
                tracing::warn!(%error, "a dead file stays");
            }
        }
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
        blob: BlobId(decoder.number()?),
        position: decoder.number()?,
        base: decoder.number()?,
        next: decoder.number()?,
        bytes: decoder.number()?,
        chunks: decoder.u32()?,
        max_timestamp: decoder.i64()?,
    })
}

fn encode(sections: &[Installed]) -> Vec<u8> {
    let mut encoder = Encoder::new();
    encoder.list(sections, |encoder, installed| {
        encoder.u64(installed.log.0);
        put_section(encoder, &installed.section);
        encoder
            .u64(installed.cleaned)
            .i64(installed.tombstones_until_ms.unwrap_or(NO_TOMBSTONES));
    });
    encoder.finish()
}

pub(super) fn decode(payload: &[u8]) -> Result<Vec<Installed>, DecodeError> {
    let mut decoder = Decoder::new(payload);
    let sections = decoder.list(|decoder| {
        let log = LogId(decoder.number()?);
        let section = take_section(decoder)?;
        Ok(Installed {
            log,
            section,
            cleaned: decoder.number()?,
            tombstones_until_ms: Some(decoder.i64()?).filter(|until| *until != NO_TOMBSTONES),
        })
    })?;
    decoder.finish()?;
    Ok(sections)
}
