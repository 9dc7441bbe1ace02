//! Work that takes longer than a commit may wait: made by the engine, run on another thread, and
//! handed back when done. At most one job of each kind is on its way.

use std::sync::Arc;
use std::time::Duration;

use hashbrown::{HashMap, HashSet};

use super::compact::{Rewrite, Rewritten};
use super::sort::{self, Sort, Sorted};
use super::{Engine, Spare, snapshot};
use crate::clock::Now;
use crate::codec::{Encoded, Encoder};
use crate::error::{Result, StorageError};
use crate::ids::{BlobId, FileId, LogId, Lsn};
use crate::limits::{
    FILES_IN_ONE_SORT, SEALED_FILES_BEFORE_SORT, SPACE_BACK_DELAY, WRITE_BACK_BYTES,
};
use crate::media::{BlobKey, JournalFile, Medium, Purpose};

/// How long a failed job waits before it is tried again.
pub(super) const RETRY: Duration = Duration::from_secs(1);

/// A piece of work to be run where blocking is allowed.
pub struct Job(Kind);

enum Kind {
    Spare {
        id: FileId,
        capacity: u64,
        recycle: Option<FileId>,
        purpose: Purpose,
        reserve_bytes: u64,
    },
    Sort(Sort),
    Rewrite(Rewrite),
    Snapshot {
        lsn: Lsn,
        file: FileId,
        /// None when nothing happened since the last one.
        body: Option<Encoded>,
    },
    WriteBack(FileId),
}

/// What came of a job.
pub struct JobDone(Done);

enum Done {
    Spare {
        id: FileId,
        recycle: Option<FileId>,
        result: Result<Arc<dyn JournalFile>>,
    },
    Sort(Result<Sorted>),
    Rewrite(LogId, Result<Rewritten>),
    Snapshot(Lsn, FileId, Result<()>),
    WriteBack,
}

/// Which kinds of jobs are on their way.
#[derive(Default)]
pub(super) struct JobsInFlight {
    pub(super) sort: bool,
    snapshot: bool,
    pub(super) rewrite: bool,
    write_back: bool,
    /// After a failure, not before this time.
    sort_retry_at: Duration,
    snapshot_retry_at: Duration,
}

impl std::fmt::Debug for Job {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.name())
    }
}

impl Job {
    /// What it does, for logs and metrics.
    pub fn name(&self) -> &'static str {
        match self.0 {
            Kind::Spare { .. } => "prepare a journal file",
            Kind::Sort(_) => "sort",
            Kind::Rewrite(_) => "rewrite",
            Kind::Snapshot { .. } => "snapshot",
            Kind::WriteBack(_) => "write back",
        }
    }

    /// Does the work.
    pub fn run(self, medium: &dyn Medium) -> JobDone {
        JobDone(match self.0 {
            Kind::Spare {
                id,
                capacity,
                recycle,
                purpose,
                reserve_bytes,
            } => Done::Spare {
                id,
                recycle,
                result: room_for(medium, capacity, recycle, reserve_bytes)
                    .and_then(|()| medium.prepare_journal_file(id, capacity, recycle, purpose)),
            },
            Kind::Sort(sort) => Done::Sort(sort.run(medium)),
            Kind::Rewrite(rewrite) => Done::Rewrite(rewrite.log(), rewrite.run(medium)),
            Kind::Snapshot { lsn, file, body } => {
                let written = body.map(|body| snapshot::write(medium, lsn, &body));
                Done::Snapshot(lsn, file, written.unwrap_or(Ok(())))
            }
            Kind::WriteBack(file) => {
                medium.write_back_journal_file(file);
                Done::WriteBack
            }
        })
    }
}

impl Engine {
    /// Does what is due and returns the jobs to run. `machine` encodes the state above the engine,
    /// if a snapshot is to be taken. Call when nothing is between [`Engine::write`] and
    /// [`Engine::sync`].
    pub fn maintain(&mut self, now: Now, machine: impl FnOnce(&mut Encoder)) -> Result<Vec<Job>> {
        let mut jobs = Vec::new();
        if self.poisoned {
            return Ok(jobs);
        }
        self.install_waiting();
        if self.space_due.is_some_and(|due| now.monotonic >= due) {
            self.sync_current()?;
        }
        // What was sorted, or is in a snapshot, waits for a sync, too.
        if !self.doomed.is_empty() && self.current.unsynced {
            let due = now.monotonic + SPACE_BACK_DELAY;
            self.space_due.get_or_insert(due);
        }
        if self.mark_due().is_some_and(|due| now.monotonic >= due) {
            self.write_mark(now)?;
        }
        if let Spare::Missing { retry_at, .. } = self.spare
            && now.monotonic >= retry_at
        {
            jobs.push(self.prepare_spare());
        }
        if now.monotonic >= self.retention_due {
            self.retention_due = now.monotonic + self.options.retention_interval;
            self.enforce_retention(now);
        }
        if now.monotonic >= self.compaction_due {
            self.compaction_due = now.monotonic + self.options.compaction_interval;
            jobs.extend(
                self.next_rewrite(now)
                    .map(|rewrite| Job(Kind::Rewrite(rewrite))),
            );
        }
        if !self.jobs.sort && self.is_sort_wanted() && now.monotonic >= self.jobs.sort_retry_at {
            jobs.extend(self.next_sort(now));
        }
        if self.is_write_back_wanted() {
            self.jobs.write_back = true;
            self.unsynced_bytes = 0;
            jobs.push(Job(Kind::WriteBack(self.current.file.id())));
        }
        let snapshot = self.snapshot_wanted
            && !self.jobs.snapshot
            && !self.has_work()
            && now.monotonic >= self.jobs.snapshot_retry_at;
        if snapshot {
            jobs.push(self.snapshot_job(machine)?);
        }
        Ok(jobs)
    }

    /// Whether [`Engine::maintain`] has something to do.
    pub fn wants_maintenance(&self, now: Now) -> bool {
        !self.installing.is_empty() || now.monotonic >= self.next_due()
    }

    /// When [`Engine::maintain`] has something to do without being prompted by a commit.
    pub fn next_due(&self) -> Duration {
        let mut due = self.retention_due.min(self.compaction_due);
        if let Spare::Missing { retry_at, .. } = self.spare {
            due = due.min(retry_at);
        }
        if self.is_sort_wanted() && !self.jobs.sort {
            due = due.min(self.jobs.sort_retry_at);
        }
        if self.snapshot_wanted && !self.jobs.snapshot {
            due = due.min(self.jobs.snapshot_retry_at);
        }
        if self.is_write_back_wanted() {
            due = Duration::ZERO;
        }
        let others = self.mark_due().into_iter().chain(self.space_due);
        others.fold(due, Duration::min)
    }

    /// A full file is synced before the next one is begun: with all of it still to be written, whoever has something
    /// to store would wait for the disk to write a whole file.
    fn is_write_back_wanted(&self) -> bool {
        self.unsynced_bytes >= WRITE_BACK_BYTES && !self.jobs.write_back
    }

    /// Takes a finished job back.
    pub fn finish_job(&mut self, done: JobDone, now: Now) {
        match done.0 {
            Done::Spare {
                id,
                recycle,
                result,
            } => self.spare_done(id, recycle, result, now),
            Done::Sort(result) => self.sort_done(result, now),
            Done::Rewrite(log, result) => match result {
                Ok(rewritten) => {
                    self.install(rewritten.sections, Some(log));
                    // There may be more to do of the kind.
                    self.compaction_due = now.monotonic;
                }
                Err(error) => {
                    self.jobs.rewrite = false;
                    if let Some(log) = self.logs.get_mut(&log) {
                        log.rewriting = false;
                    }
                    report("rewrite", &error);
                }
            },
            Done::WriteBack => self.jobs.write_back = false,
            Done::Snapshot(lsn, file, result) => {
                self.jobs.snapshot = false;
                match result {
                    Ok(()) => self.snapshot_done(lsn, file),
                    Err(error) => {
                        self.snapshot_wanted = true;
                        self.jobs.snapshot_retry_at = now.monotonic + RETRY;
                        report("snapshot", &error);
                    }
                }
            }
        }
    }

    /// Encodes a snapshot now, whatever has happened since the last: for a clean stop. Call when
    /// [`Engine::has_work`] says no.
    pub fn snapshot_job(&mut self, machine: impl FnOnce(&mut Encoder)) -> Result<Job> {
        // The snapshot refers to data in the journal, so that must be durable before it.
        self.sync_current()?;
        self.snapshot_wanted = false;
        self.jobs.snapshot = true;
        let is_written = self.snapshot.is_some_and(|(lsn, _)| lsn == self.synced);
        let body = (!is_written).then(|| self.encode_snapshot(machine));
        Ok(Job(Kind::Snapshot {
            lsn: self.synced,
            file: self.current.file.id(),
            body,
        }))
    }

    fn prepare_spare(&mut self) -> Job {
        let id = self.next_file;
        self.next_file = id.next();
        self.spare = Spare::Preparing;
        let reserve_bytes = self.options.reserve_bytes;
        let recycle = self.free.pop();
        let capacity = self.file_bytes.max(self.larger_file_bytes);
        self.larger_file_bytes = 0;
        Job(Kind::Spare {
            id,
            capacity,
            recycle,
            purpose: self.journal_purpose,
            reserve_bytes,
        })
    }

    fn spare_done(
        &mut self,
        id: FileId,
        recycle: Option<FileId>,
        result: Result<Arc<dyn JournalFile>>,
        now: Now,
    ) {
        let outdated = id <= self.current.file.id() || !matches!(self.spare, Spare::Preparing);
        match result {
            // The engine could not wait and made another: numbers in use ascend.
            Ok(_) if outdated => {
                if let Err(error) = self.medium.remove_journal_file(id) {
                    tracing::warn!(%error, "an unused journal file stays");
                }
            }
            Ok(file) => self.spare = Spare::Ready(file),
            Err(error) => {
                self.free.extend(recycle);
                if outdated {
                    return;
                }
                let full = error.is_no_space();
                if full {
                    if !std::mem::replace(&mut self.was_full, true) {
                        tracing::warn!(%error, "producers are refused until there is space");
                    }
                } else {
                    tracing::error!(file = id.0, %error, "no journal file to go on in");
                }
                self.spare = Spare::Missing {
                    retry_at: now.monotonic + RETRY,
                    full,
                };
                return;
            }
        }
        self.was_full = false;
    }

    fn sort_done(&mut self, result: Result<Sorted>, now: Now) {
        match result {
            Ok(sorted) => {
                self.files_in_sort = FILES_IN_ONE_SORT;
                self.sorted_to = sorted.last;
                for (log, error) in sorted.damaged {
                    report("sort", &error);
                    self.unsortable.insert(log);
                }
                self.install(sorted.sections, None);
            }
            Err(error) => {
                self.jobs.sort = false;
                self.jobs.sort_retry_at = now.monotonic + RETRY;
                // A smaller sort may fit what space there is.
                self.files_in_sort = 1;
                report("sort", &error);
            }
        }
    }

    /// Full files that no sort has been through.
    fn unsorted_files(&self) -> usize {
        let sorted_to = self.sorted_to;
        let sorted = self.sealed.partition_point(|file| file.id() <= sorted_to);
        self.sealed.len() - sorted
    }

    fn is_sort_wanted(&self) -> bool {
        self.unsorted_files() >= SEALED_FILES_BEFORE_SORT + self.files_left()
    }

    fn files_left(&self) -> usize {
        match self.was_full {
            true => 0,
            false => self.options.sealed_files_left,
        }
    }

    fn sealed_to_sort(&self) -> impl Iterator<Item = &Arc<dyn JournalFile>> {
        let count = self.sealed.len().saturating_sub(self.files_left());
        self.sealed.iter().take(count)
    }

    fn next_sort(&mut self, now: Now) -> Option<Job> {
        let files = self.files_to_sort();
        let last = self.sealed_to_sort().last();
        let last = last.map_or(FileId(0), |file| file.id());
        // What a rewrite is about to replace waits for the next sort.
        let logs = self
            .logs
            .iter()
            .filter(|(id, log)| !log.rewriting && !self.unsortable.contains(*id));
        let logs = logs.map(|(_, log)| log.shared.as_ref());
        let sort = Sort::plan(files, logs, self.next_blob);
        let Some(sort) = sort else {
            self.jobs.sort_retry_at = now.monotonic + RETRY;
            // Nothing in them is alive: once a snapshot is past them, they are free.
            match self.snapshot {
                Some((_, file)) if file > last => self.free_sealed(file),
                _ => self.snapshot_wanted = true,
            }
            return None;
        };
        self.next_blob = BlobId(self.next_blob.0 + sort.blobs_max());
        self.jobs.sort = true;
        Some(Job(Kind::Sort(sort)))
    }

    /// The oldest full files that hold data, as many as a sort can take on with its memory: at least one,
    /// if there are any. Those that an earlier sort has emptied only wait for a snapshot.
    fn files_to_sort(&self) -> Vec<Arc<dyn JournalFile>> {
        let mut batches: HashMap<FileId, usize> = HashMap::new();
        for log in self.logs.values() {
            for chunk in &log.shared.state.read().chunks {
                *batches.entry(chunk.file).or_default() += chunk.batches_max();
            }
        }
        let mut left = self.options.sort_index_bytes;
        let mut files = Vec::new();
        for file in self.sealed_to_sort() {
            let Some(batches) = batches.get(&file.id()) else {
                continue;
            };
            let bytes = batches.saturating_mul(sort::INDEX_ENTRY_BYTES);
            if !files.is_empty() && (bytes > left || files.len() == self.files_in_sort) {
                break;
            }
            left = left.saturating_sub(bytes);
            files.push(Arc::clone(file));
        }
        files
    }

    fn snapshot_done(&mut self, lsn: Lsn, file: FileId) {
        if let Some((old, _)) = self.snapshot.replace((lsn, file)) {
            let key = BlobKey::snapshot(BlobId(old.0));
            if old != lsn
                && let Err(error) = self.medium.remove_blob(key)
            {
                tracing::warn!(%error, "an old snapshot stays");
            }
        }
        self.free_sealed(file);
    }

    /// Gives back full files before `file` that hold no log's data.
    fn free_sealed(&mut self, file: FileId) {
        let mut in_use = HashSet::new();
        for log in self.logs.values() {
            in_use.extend(
                log.shared
                    .state
                    .read()
                    .chunks
                    .iter()
                    .map(|chunk| chunk.file),
            );
        }
        let (dead, kept): (Vec<_>, Vec<_>) = self
            .sealed
            .drain(..)
            .partition(|sealed| sealed.id() < file && !in_use.contains(&sealed.id()));
        self.sealed = kept.into();
        for file in dead {
            self.doom_file(file);
        }
        self.remove_doomed();
    }

    /// Gives the space of a full file back, to the next file if no reader holds it any more: a reader
    /// goes on in a file that is deleted, but not in one that is written over.
    pub(super) fn free_file(&mut self, dead: Arc<dyn JournalFile>) -> Result<()> {
        let id = dead.id();
        drop(dead);
        let unused = self.side.files.release(id);
        if unused && self.free.len() < self.free_files_max {
            self.free.push(id);
            return Ok(());
        }
        self.medium.remove_journal_file(id)
    }
}

/// Whether there is space for another journal file.
fn room_for(
    medium: &dyn Medium,
    capacity: u64,
    recycle: Option<FileId>,
    reserve_bytes: u64,
) -> Result<()> {
    let space = medium.space()?;
    let reserve_bytes = space.reserve(reserve_bytes);
    let free_bytes = space.free_bytes;
    // A recycled file takes no more space, but what is in it when it is full wants to be sorted.
    let taken = if recycle.is_some() { 0 } else { capacity };
    if free_bytes < reserve_bytes + taken {
        return Err(StorageError::NoSpace {
            free_bytes,
            reserve_bytes,
        });
    }
    Ok(())
}

fn report(job: &str, error: &StorageError) {
    tracing::error!(job, %error, "a background job failed");
}
