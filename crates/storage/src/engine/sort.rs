//! Sorting: the batches of full journal files, interleaved as they came, become sections in which
//! each log's data is contiguous. One sequential read and one write, off the path of producers.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_record::{BatchHeader, patch_base_offset};

use super::install::Installed;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, FileId, LogId};
use crate::journal::entry::{ENTRY_HEADER_BYTES, FILE_HEADER_BYTES};
use crate::journal::record::{RecordWalk, StoredBatch};
use crate::journal::scan::FileScan;
use crate::limits::OWN_SEGMENT_BYTES;
use crate::log::section::SegmentWriter;
use crate::log::{LogShared, Section, offsets_of, stored_header};
use crate::media::{JournalFile, Medium, journal_name};

/// A sort that is ready to run.
pub(super) struct Sort {
    files: Vec<Arc<dyn JournalFile>>,
    /// What is wanted of each log: offsets from, below.
    ranges: BTreeMap<LogId, (u64, u64)>,
    first_blob: BlobId,
}

/// What came of a sort.
pub(super) struct Sorted {
    /// The newest file that it went through.
    pub(super) last: FileId,
    pub(super) sections: Vec<Installed>,
    /// Logs that were left out because not all of their data is there.
    pub(super) damaged: Vec<(LogId, StorageError)>,
}

/// Where a batch is.
struct Found {
    log: LogId,
    base: u64,
    next: u64,
    file: usize,
    position: u64,
    bytes: u32,
    is_shared: bool,
    max_timestamp: i64,
}

/// What a sort remembers of each batch.
pub(super) const INDEX_ENTRY_BYTES: usize = size_of::<Found>();

impl Sort {
    /// Plans the sort of `files`; None when no log has data in them.
    pub(super) fn plan<'a>(
        files: Vec<Arc<dyn JournalFile>>,
        logs: impl Iterator<Item = &'a LogShared>,
        first_blob: BlobId,
    ) -> Option<Self> {
        let last = files.last()?.id();
        let ranges: BTreeMap<_, _> = logs.filter_map(|log| wanted(log, last)).collect();
        (!ranges.is_empty()).then_some(Self {
            files,
            ranges,
            first_blob,
        })
    }

    /// Numbers of blobs that the sort may use, from the first it was given.
    pub(super) fn blobs_max(&self) -> u64 {
        self.ranges.len() as u64 + 1
    }

    pub(super) fn run(self, medium: &dyn Medium) -> Result<Sorted> {
        let mut found = Vec::new();
        let mut damage = None;
        for index in 0..self.files.len() {
            let damaged = self.find(index, &mut found)?;
            damage = damage.or(damaged);
        }
        found.sort_unstable_by_key(|batch| (batch.log, batch.base));
        let groups: Vec<_> = found.chunk_by(|a, b| a.log == b.log).collect();
        let (groups, damaged) = self.leave_out_incomplete(groups, damage);

        let mut installed = Vec::new();
        let mut blob = self.first_blob;
        let bytes = |group: &[Found]| {
            group
                .iter()
                .map(|batch| u64::from(batch.bytes))
                .sum::<u64>()
        };
        let (large, small): (Vec<_>, Vec<_>) = groups
            .into_iter()
            .partition(|group| bytes(group) >= OWN_SEGMENT_BYTES);
        for group in large {
            self.write_segment(medium, blob, &[group], &mut installed)?;
            blob = blob.next();
        }
        if !small.is_empty() {
            self.write_segment(medium, blob, &small, &mut installed)?;
        }
        Ok(Sorted {
            last: self.files.last().map_or(FileId(0), |file| file.id()),
            sections: installed,
            damaged,
        })
    }

    /// Notes the wanted batches of one file, and where they end too early.
    fn find(&self, index: usize, found: &mut Vec<Found>) -> Result<Option<(FileId, u64)>> {
        let file = &self.files[index];
        let Some(header) = FileScan::header(file)? else {
            return Ok(Some((file.id(), 0)));
        };
        let mut scan = FileScan::new(Arc::clone(file), FILE_HEADER_BYTES, header.after);
        while let Some(entry) = scan.next_entry()? {
            let base = entry.position + ENTRY_HEADER_BYTES as u64;
            for record in RecordWalk::new(&entry.bytes[ENTRY_HEADER_BYTES..], base).flatten() {
                let Some(batch) = record.batch() else {
                    continue;
                };
                let Ok(stored) = BatchHeader::parse(batch.bytes) else {
                    continue;
                };
                for (log, at) in record.places() {
                    let Some((from, below)) = self.ranges.get(&log) else {
                        continue;
                    };
                    let Some(header) = batch.placed(stored, at) else {
                        continue;
                    };
                    let Some((_, next)) = offsets_of(&header) else {
                        continue;
                    };
                    if at < *below && next > *from {
                        found.push(Found {
                            log,
                            base: at,
                            next,
                            file: index,
                            position: base + batch.at as u64,
                            bytes: batch.bytes.len() as u32,
                            is_shared: batch.is_shared,
                            max_timestamp: header.max_timestamp,
                        });
                    }
                }
            }
        }
        let ended = scan.next_file().is_none();
        Ok(ended.then_some((file.id(), scan.position())))
    }

    /// What the logs expect in these files must all have been found: a scan that ended early on
    /// damage must not turn into a log with a hole.
    fn leave_out_incomplete<'a>(
        &self,
        groups: Vec<&'a [Found]>,
        damage: Option<(FileId, u64)>,
    ) -> (Vec<&'a [Found]>, Vec<(LogId, StorageError)>) {
        let mut found: BTreeMap<_, _> = groups.iter().map(|group| (group[0].log, *group)).collect();
        let mut damaged = Vec::new();
        for (log, (from, below)) in &self.ranges {
            let whole = found.get(log).is_some_and(|group| {
                group[0].base <= *from
                    && group[group.len() - 1].next == *below
                    && group.windows(2).all(|pair| pair[0].next == pair[1].base)
            });
            if !whole {
                found.remove(log);
                let (file, offset) = damage.unwrap_or((self.files[0].id(), 0));
                let what =
                    format!("offsets {from} to {below} of log {log} cannot all be read in order");
                let error = StorageError::corrupt(journal_name(file), offset, what);
                damaged.push((*log, error));
            }
        }
        (found.into_values().collect(), damaged)
    }

    fn write_segment(
        &self,
        medium: &dyn Medium,
        blob: BlobId,
        groups: &[&[Found]],
        installed: &mut Vec<Installed>,
    ) -> Result<()> {
        let mut writer = SegmentWriter::create(medium, blob)?;
        let mut buffer = Vec::new();
        for group in groups {
            let log = group[0].log;
            let (from, below) = self.ranges[&log];
            writer.begin(log, from);
            for batch in *group {
                buffer.resize(batch.bytes as usize, 0);
                self.files[batch.file].read_at(batch.position, &mut buffer)?;
                let damaged = || {
                    let file = journal_name(self.files[batch.file].id());
                    let what = "a batch does not match its checksum";
                    StorageError::corrupt(file, batch.position, what)
                };
                // What goes wrong between the scan and here must not get a new, matching checksum.
                let stored = StoredBatch {
                    bytes: &buffer,
                    at: 0,
                    is_shared: batch.is_shared,
                };
                let header = stored_header(&buffer);
                let header = header.and_then(|header| stored.placed(header, batch.base));
                let header = header.ok_or_else(damaged)?;
                if batch.is_shared {
                    patch_base_offset(
                        &mut buffer,
                        header.base_offset,
                        header.partition_leader_epoch,
                    )
                    .map_err(|_| damaged())?;
                }
                writer.push(batch.base, batch.max_timestamp, &buffer)?;
            }
            writer.end(below)?;
        }
        let sections: Vec<(LogId, Section)> = writer.finish()?;
        installed.extend(sections.into_iter().map(|(log, section)| Installed {
            log,
            section,
            cleaned: 0,
            tombstones_until_ms: None,
        }));
        Ok(())
    }
}

/// The offsets of a log that are only in journal files up to `last`.
fn wanted(log: &LogShared, last: FileId) -> Option<(LogId, (u64, u64))> {
    let state = log.state.read();
    let in_files = state.chunks.iter().take_while(|chunk| chunk.file <= last);
    let below = in_files.last()?.next;
    // Where sections end, so that what stands for the log's offsets has no gap.
    let from = state.chunks.front()?.base.max(state.sorted_end());
    Some((log.id, (from, below)))
}
