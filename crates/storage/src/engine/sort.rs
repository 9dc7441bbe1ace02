//! Sorting: the batches of full journal files, interleaved as they came, become sections in which
//! each log's data is contiguous. One sequential read and one write, off the path of producers.

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_record::BatchHeader;

use super::install::Installed;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, Epoch, FileId, LogId};
use crate::journal::entry::{
    ENTRY_HEADER_BYTES, FILE_HEADER_BYTES, RECORD_HEADER_BYTES, RecordKind, RecordWalk,
};
use crate::journal::scan::FileScan;
use crate::limits::OWN_SEGMENT_BYTES;
use crate::log::section::SegmentWriter;
use crate::log::{LogShared, Section};
use crate::media::{JournalFile, Medium, journal_name};

/// A sort that is ready to run.
pub(super) struct Sort {
    files: Vec<Arc<dyn JournalFile>>,
    /// What is wanted of each log: offsets from, below.
    ranges: BTreeMap<LogId, (u64, u64)>,
    first_blob: BlobId,
}

/// Where a batch is.
struct Found {
    log: LogId,
    base: u64,
    next: u64,
    file: usize,
    position: u64,
    bytes: u32,
    max_timestamp: i64,
}

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

    pub(super) fn run(self, medium: &dyn Medium) -> Result<Vec<Installed>> {
        let mut found = Vec::new();
        for index in 0..self.files.len() {
            self.find(index, &mut found)?;
        }
        found.sort_unstable_by_key(|batch| (batch.log, batch.base));
        let mut groups = Vec::new();
        let mut rest = found.as_slice();
        while let Some(first) = rest.first() {
            let count = rest.partition_point(|batch| batch.log == first.log);
            let (group, others) = rest.split_at(count);
            groups.push(group);
            rest = others;
        }
        self.check_complete(&groups)?;

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
        Ok(installed)
    }

    /// Notes the wanted batches of one file.
    fn find(&self, index: usize, found: &mut Vec<Found>) -> Result<()> {
        let file = &self.files[index];
        let Some(header) = FileScan::header(file)? else {
            let what = "the head of a full file is damaged";
            return Err(StorageError::corrupt(journal_name(file.id()), 0, what));
        };
        let mut scan = FileScan::new(
            Arc::clone(file),
            FILE_HEADER_BYTES,
            header.first_lsn,
            Epoch(0),
        );
        while let Some(entry) = scan.next_entry()? {
            let base = entry.position + ENTRY_HEADER_BYTES as u64;
            for record in RecordWalk::new(&entry.bytes[ENTRY_HEADER_BYTES..], base).flatten() {
                if record.kind != RecordKind::Append {
                    continue;
                }
                let Some((from, below)) = self.ranges.get(&record.log) else {
                    continue;
                };
                let Ok(header) = BatchHeader::parse(record.payload) else {
                    continue;
                };
                let next = header.next_offset() as u64;
                if record.offset < *below && next > *from {
                    found.push(Found {
                        log: record.log,
                        base: record.offset,
                        next,
                        file: index,
                        position: base + (record.at + RECORD_HEADER_BYTES) as u64,
                        bytes: record.payload.len() as u32,
                        max_timestamp: header.max_timestamp,
                    });
                }
            }
        }
        Ok(())
    }

    /// What the logs expect in these files must all have been found: a scan that ended early on
    /// damage must not turn into a log with a hole.
    fn check_complete(&self, groups: &[&[Found]]) -> Result<()> {
        let mut found = groups
            .iter()
            .map(|group| (group[0].log, *group))
            .collect::<BTreeMap<_, _>>();
        for (log, (from, below)) in &self.ranges {
            let group = found.remove(log).unwrap_or_default();
            let whole = group.first().is_some_and(|first| first.base <= *from)
                && group.last().is_some_and(|last| last.next == *below)
                && group.windows(2).all(|pair| pair[0].next == pair[1].base);
            if !whole {
                let file = self.files.first().map_or(FileId(0), |file| file.id());
                let what =
                    format!("offsets {from} to {below} of log {log} are not all in the journal");
                return Err(StorageError::corrupt(journal_name(file), 0, what));
            }
        }
        Ok(())
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
                writer.push(batch.base, batch.max_timestamp, &buffer)?;
            }
            writer.end(below)?;
        }
        let sections: Vec<(LogId, Section)> = writer.finish()?;
        installed.extend(sections.into_iter().map(|(log, section)| Installed {
            log,
            section,
            cleaned: 0,
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
