//! Rewriting a log's older data: compaction by key, and merging many small sections into one.
//!
//! Compaction is Kafka's: of every key only the newest record stays, a null value (tombstone) stays
//! for `delete.retention.ms` after the pass that first kept it, the newest part of the log is left
//! alone, and offsets never change.

use forebay_record::{Batch, BatchHeader, Retained};
use hashbrown::HashMap;

use super::install::Installed;
use super::{Engine, Log};
use crate::clock::Now;
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, LogId};
use crate::limits::{OWN_SEGMENT_BYTES, SMALL_SECTIONS_MAX};
use crate::log::section::SegmentWriter;
use crate::log::{LogReader, LogState, ReadError};
use crate::media::Medium;

/// Bytes read at a time.
const READ_BYTES: usize = 1 << 20;
/// The most that one batch may decompress to.
const DECOMPRESSED_BYTES: usize = 128 << 20;
/// What a key costs in the map beside its bytes.
const KEY_OVERHEAD_BYTES: usize = 48;

/// A rewrite that is ready to run.
pub(super) struct Rewrite {
    reader: LogReader,
    base: u64,
    next: u64,
    blob: BlobId,
    pass: Option<Pass>,
    key_bytes_max: usize,
}

/// What compaction needs to know.
struct Pass {
    /// Everything below was compacted before.
    dirty_from: u64,
    tombstone_ms: i64,
    now: Now,
}

/// What came of a rewrite.
pub(super) struct Rewritten {
    pub(super) sections: Vec<Installed>,
}

impl Engine {
    /// The rewrite that is most worth its cost, if any is due.
    pub(super) fn next_rewrite(&mut self, now: Now) -> Option<Rewrite> {
        if self.jobs.rewrite || self.jobs.sort {
            return None;
        }
        let (id, base, next, pass) = self.worst_dirty(now).or_else(|| self.most_scattered())?;
        let reader = self.reader(id)?;
        let blob = self.next_blob;
        self.next_blob = blob.next();
        self.jobs.rewrite = true;
        self.logs.get_mut(&id)?.rewriting = true;
        Some(Rewrite {
            reader,
            base,
            next,
            blob,
            pass,
            key_bytes_max: self.options.compaction_key_bytes,
        })
    }

    fn worst_dirty(&self, now: Now) -> Option<(LogId, u64, u64, Option<Pass>)> {
        let due = self.logs.iter().filter_map(|(id, log)| {
            let (ratio, base, next, pass) = dirtiness(log, now)?;
            Some((ratio, *id, base, next, pass))
        });
        let worst = due.max_by(|a, b| a.0.total_cmp(&b.0))?;
        Some((worst.1, worst.2, worst.3, Some(worst.4)))
    }

    fn most_scattered(&self) -> Option<(LogId, u64, u64, Option<Pass>)> {
        let runs = self.logs.iter().filter_map(|(id, log)| {
            let (count, base, next) = longest_small_run(&log.shared.state.read());
            (count > SMALL_SECTIONS_MAX).then_some((count, *id, base, next))
        });
        runs.max_by_key(|run| run.0)
            .map(|(_, id, base, next)| (id, base, next, None))
    }
}

/// The share of dirty bytes of a log whose policy asks for a pass now, and the pass.
fn dirtiness(log: &Log, now: Now) -> Option<(f64, u64, u64, Pass)> {
    let policy = log.policy.compaction.as_ref()?;
    let state = log.shared.state.read();
    let young_ms = now
        .aging_ms
        .saturating_sub(i64::try_from(policy.lag_ms).unwrap_or(i64::MAX));
    let age_ms = now.wall_ms.saturating_sub(log.segment_since_ms).max(0) as u64;
    // The newest part counts as closed once it is old enough, even if nothing follows it.
    let closed = if age_ms >= log.policy.segment_ms {
        state.end
    } else {
        log.segment_base
    };
    let mut base = None;
    let (mut next, mut clean, mut dirty) = (0, 0, 0);
    let sections = state
        .sections
        .iter()
        .map(|s| (s.base, s.next, s.bytes, s.max_timestamp));
    let chunks = state
        .chunks
        .iter()
        .map(|c| (c.base, c.next, u64::from(c.bytes), c.max_timestamp));
    for (from, below, bytes, max_timestamp) in sections.chain(chunks) {
        let young = policy.lag_ms > 0 && max_timestamp > young_ms;
        if below > closed || young {
            break;
        }
        base.get_or_insert(from);
        next = below;
        if below > log.cleaned {
            dirty += bytes
        } else {
            clean += bytes
        }
    }
    let base = base?;
    let ratio = dirty as f64 / (clean + dirty).max(1) as f64;
    let tombstones_due = log
        .tombstones_until_ms
        .is_some_and(|until| until <= now.aging_ms);
    let worth = (dirty > 0 && ratio >= policy.dirty_ratio) || tombstones_due;
    let tombstone_ms = i64::try_from(policy.tombstone_ms).unwrap_or(i64::MAX);
    let pass = Pass {
        dirty_from: log.cleaned,
        tombstone_ms,
        now,
    };
    worth.then_some((ratio, base, next, pass))
}

/// The longest run of neighbouring small sections: how many, from where, to where.
fn longest_small_run(state: &LogState) -> (usize, u64, u64) {
    let mut longest = (0, 0, 0);
    for run in state
        .sections
        .split(|section| section.bytes >= OWN_SEGMENT_BYTES)
    {
        if let (Some(first), Some(last)) = (run.first(), run.last())
            && run.len() > longest.0
        {
            longest = (run.len(), first.base, last.next);
        }
    }
    longest
}

impl Rewrite {
    pub(super) fn log(&self) -> LogId {
        self.reader.id()
    }

    pub(super) fn run(self, medium: &dyn Medium) -> Result<Rewritten> {
        let keys = match &self.pass {
            Some(pass) => self.newest_of_keys(pass)?,
            None => Keys::default(),
        };
        let mut writer = SegmentWriter::create(medium, self.blob)?;
        writer.begin(self.log(), self.base);
        let mut tombstones_until_ms: Option<i64> = None;
        self.each_batch(self.base, |header, bytes| {
            let base = header.base_offset as u64;
            let kept = match &self.pass {
                Some(pass) if base < keys.complete_below => compact(pass, &keys, bytes)?,
                _ => Retained::KeptAll,
            };
            let rewritten;
            let bytes = match kept {
                Retained::Empty => return Ok(true),
                Retained::KeptAll => bytes,
                Retained::Rewritten(bytes) => {
                    rewritten = bytes;
                    &rewritten[..]
                }
            };
            let header = parse(bytes)?;
            // The horizon stays on a batch when its tombstones are gone: this pass saw to those.
            let seen_to = self
                .pass
                .as_ref()
                .map_or(i64::MIN, |pass| pass.now.aging_ms);
            if let Some(until) = header.delete_horizon_ms().filter(|until| *until > seen_to) {
                tombstones_until_ms = Some(tombstones_until_ms.map_or(until, |t| t.min(until)));
            }
            writer.push(base, header.max_timestamp, bytes)?;
            Ok(true)
        })?;
        writer.end(self.next)?;
        let cleaned = keys.complete_below;
        let sections = writer.finish()?;
        let installed = sections.into_iter();
        Ok(Rewritten {
            sections: installed
                .map(|(log, section)| Installed {
                    log,
                    section,
                    cleaned,
                    tombstones_until_ms,
                })
                .collect(),
        })
    }

    /// The newest offset of every key in the dirty part, as far as memory allows.
    fn newest_of_keys(&self, pass: &Pass) -> Result<Keys> {
        let mut keys = Keys {
            complete_below: self.next,
            ..Keys::default()
        };
        let mut bytes = 0;
        self.each_batch(pass.dirty_from.max(self.base), |header, batch| {
            if bytes > self.key_bytes_max {
                keys.complete_below = header.base_offset as u64;
                return Ok(false);
            }
            let records = open(batch)?;
            for record in &records {
                let record = record.map_err(damaged(header))?;
                let Some(key) = record.key else { continue };
                let offset = header.offset_of(&record) as u64;
                if let Some(newest) = keys.newest.get_mut(key) {
                    *newest = offset;
                } else {
                    bytes += key.len() + KEY_OVERHEAD_BYTES;
                    keys.newest.insert(key.into(), offset);
                }
            }
            Ok(true)
        })?;
        Ok(keys)
    }

    /// Visits every batch from `from` to the end of what is rewritten, until told to stop.
    fn each_batch(
        &self,
        mut from: u64,
        mut visit: impl FnMut(&BatchHeader, &[u8]) -> Result<bool>,
    ) -> Result<()> {
        while from < self.next {
            let batches = match self.reader.read_stored(from, READ_BYTES) {
                Ok(batches) => batches,
                Err(ReadError::OutOfRange { start, .. }) if start > from => {
                    from = start;
                    continue;
                }
                // Its segment will be dropped when the engine finds the log gone.
                Err(ReadError::Deleted | ReadError::OutOfRange { .. }) => return Ok(()),
                Err(ReadError::Storage(error)) => return Err(error),
            };
            for part in &batches.parts {
                let mut rest: &[u8] = part;
                while !rest.is_empty() {
                    let batch = Batch::first(rest).map_err(|error| {
                        StorageError::corrupt(self.name(), from, error.to_string())
                    })?;
                    rest = &rest[batch.bytes().len()..];
                    let beyond = batch.header().base_offset as u64 >= self.next;
                    if beyond || !visit(batch.header(), batch.bytes())? {
                        return Ok(());
                    }
                }
            }
            if batches.next <= from {
                break;
            }
            from = batches.next;
        }
        Ok(())
    }

    fn name(&self) -> String {
        format!("log {}", self.log())
    }
}

/// The newest offset of each key.
#[derive(Default)]
struct Keys {
    newest: HashMap<Box<[u8]>, u64>,
    /// Every record below was taken into account.
    complete_below: u64,
}

fn compact(pass: &Pass, keys: &Keys, batch: &[u8]) -> Result<Retained> {
    let records = open(batch)?;
    let header = *records.header();
    if header.is_control() {
        return Ok(Retained::KeptAll);
    }
    let horizon_passed = header
        .delete_horizon_ms()
        .is_some_and(|until| until <= pass.now.aging_ms);
    let horizon = pass.now.wall_ms.saturating_add(pass.tombstone_ms);
    let kept = records.retain(Some(horizon), |offset, record| {
        // A log that became compacted later may hold records without a key: they stand for nothing.
        let Some(key) = record.key else { return false };
        let superseded = keys
            .newest
            .get(key)
            .is_some_and(|newest| *newest > offset as u64);
        let expired = record.value.is_none() && horizon_passed;
        !superseded && !expired
    });
    kept.map_err(damaged(&header))
}

fn open(batch: &[u8]) -> Result<forebay_record::RecordSet<'_>> {
    let parsed = Batch::only(batch)
        .map_err(|error| StorageError::corrupt("a batch under compaction", 0, error.to_string()))?;
    parsed
        .records(DECOMPRESSED_BYTES)
        .map_err(damaged(parsed.header()))
}

fn parse(batch: &[u8]) -> Result<BatchHeader> {
    BatchHeader::parse(batch)
        .map_err(|error| StorageError::corrupt("a compacted batch", 0, error.to_string()))
}

fn damaged(header: &BatchHeader) -> impl FnOnce(forebay_record::Error) -> StorageError {
    let offset = header.base_offset as u64;
    move |error| StorageError::corrupt("a batch under compaction", offset, error.to_string())
}
