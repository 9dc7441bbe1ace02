//! Replaying the journal: every file from where the snapshot stands, every entry, every record.

use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;

use forebay_record::BatchHeader;

use super::{Engine, Log, install};
use crate::error::{Result, StorageError};
use crate::ids::{FileId, LogId, Lsn};
use crate::journal::entry::{
    ENTRY_ALIGNMENT, ENTRY_HEADER_BYTES, FILE_HEADER_BYTES, FileHeader, Link,
};
use crate::journal::record::{Record, RecordKind, RecordWalk};
use crate::journal::scan::{End, FileScan};
use crate::log::{Chunk, Durability, offsets_of};
use crate::media::{JournalFile, journal_name};

/// What lies on top of the engine and is rebuilt with it.
pub trait Replay {
    /// The state that the newest snapshot holds. Called at most once, before everything else.
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String>;
    /// A batch of `log`, in the order in which it was appended: its header, all its bytes, and when. The base
    /// offset is the one in the header; several logs may share the bytes.
    fn appended(
        &mut self,
        log: LogId,
        header: &BatchHeader,
        batch: &[u8],
        wall_ms: i64,
    ) -> Result<(), String>;
    /// An event, in order. `wall_ms` is when it was written.
    fn event(&mut self, payload: &[u8], wall_ms: i64) -> Result<(), String>;
    /// Everything has been replayed: says what does not fit to the logs that there are. Nothing on the
    /// medium has changed yet.
    fn complete(&mut self, _engine: &Engine) -> Result<(), String> {
        Ok(())
    }
}

/// What has no state of its own: for an engine whose logs are all that matters.
#[derive(Clone, Copy, Debug)]
pub struct Stateless;

impl Replay for Stateless {
    fn restore(&mut self, _: &[u8]) -> Result<(), String> {
        Ok(())
    }

    fn appended(&mut self, _: LogId, _: &BatchHeader, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }

    fn event(&mut self, _: &[u8], _: i64) -> Result<(), String> {
        Ok(())
    }
}

/// Where the journal ends.
pub(super) struct Tail {
    /// The file to go on in; None when there is no journal yet.
    pub(super) file: Option<Arc<dyn JournalFile>>,
    /// Where the last entry ends. Its padding may not have been written with it.
    pub(super) entries_end: u64,
    /// Where the next entry goes.
    pub(super) end: u64,
    /// Where the first entry begins that no later one says was durable.
    pub(super) unsure_from: u64,
    /// A write that never became durable follows.
    pub(super) torn: bool,
    /// Files that were prepared and never written to.
    pub(super) unused: Vec<Arc<dyn JournalFile>>,
}

/// Files that were written to, with their heads, and files that were only prepared.
type Files = (
    Vec<(Arc<dyn JournalFile>, FileHeader)>,
    Vec<Arc<dyn JournalFile>>,
);

impl Engine {
    /// Replays every entry from `start` (file and position) on. Changes nothing on the medium.
    pub(super) fn replay_journal(
        &mut self,
        start: Option<(FileId, u64)>,
        replay: &mut dyn Replay,
    ) -> Result<Tail> {
        let (used, unused) = self.journal_files()?;
        let all = used.iter().map(|(file, _)| file).chain(&unused);
        self.next_file = all
            .map(|file| file.id())
            .max()
            .map_or(FileId(1), FileId::next);
        for (file, _) in &used {
            self.side.files.insert(Arc::clone(file));
        }
        let (first, position) = match start {
            Some(start) => start,
            None => match used.first() {
                Some((file, _)) => (file.id(), FILE_HEADER_BYTES),
                None => return self.nothing_yet(unused),
            },
        };
        let before = used.partition_point(|(file, _)| file.id() < first);
        let (old, used) = used.split_at(before);
        self.sealed
            .extend(old.iter().map(|(file, _)| Arc::clone(file)));
        let Some((file, _)) = used.first().filter(|(file, _)| file.id() == first) else {
            let what = "the file is missing, and the newest snapshot needs it";
            return Err(StorageError::corrupt(journal_name(first), 0, what));
        };
        let is_inside = (FILE_HEADER_BYTES..=file.capacity()).contains(&position);
        if !is_inside || !position.is_multiple_of(ENTRY_ALIGNMENT) {
            let what = "no entry can be here, where the newest snapshot goes on";
            return Err(StorageError::corrupt(journal_name(first), position, what));
        }
        let mut tail = Tail {
            file: None,
            entries_end: position,
            end: position,
            unsure_from: position,
            torn: false,
            unused,
        };
        let mut next_file = None;
        for (index, (file, header)) in used.iter().enumerate() {
            let position = if index == 0 {
                position
            } else {
                FILE_HEADER_BYTES
            };
            if index > 0 || start.is_none() {
                let before = match &tail.file {
                    Some(file) => Before::Entries(file, tail.end),
                    None => Before::Unused(tail.unused.iter().rfind(|old| old.id() < file.id())),
                };
                follows(before, next_file, file, header, self.link)?;
                self.link.epoch = self.link.epoch.max(header.after.epoch);
            }
            let mut scan = FileScan::new(Arc::clone(file), position, self.link);
            tail.unsure_from = self.replay_file(&mut scan, replay)?;
            tail.entries_end = scan.entries_end();
            tail.end = scan.position();
            tail.file = Some(Arc::clone(file));
            next_file = scan.next_file();
            if index + 1 < used.len() {
                self.sealed.push_back(Arc::clone(file));
            } else if next_file.is_none() && scan.end()? == End::Torn {
                tail.torn = true;
                tracing::warn!(file = %journal_name(file.id()), offset = tail.end, "cut a torn tail");
            }
        }
        match next_file {
            // Its head was durable before the trailer that names it.
            Some(file) => {
                let what =
                    "the file is missing or its head is damaged, and the journal goes on in it";
                Err(StorageError::corrupt(journal_name(file), 0, what))
            }
            None => Ok(tail),
        }
    }

    /// An empty journal is the beginning of one, or all of one is gone.
    fn nothing_yet(&self, unused: Vec<Arc<dyn JournalFile>>) -> Result<Tail> {
        if !self.medium.is_new() {
            let what = "the journal is missing or its head is damaged, and there is no snapshot";
            return Err(StorageError::corrupt(journal_name(FileId(1)), 0, what));
        }
        Ok(Tail {
            file: None,
            entries_end: 0,
            end: 0,
            unsure_from: 0,
            torn: false,
            unused,
        })
    }

    fn journal_files(&self) -> Result<Files> {
        let mut used = Vec::new();
        let mut unused = Vec::new();
        for (id, _) in self.medium.journal_files()? {
            let file = self.medium.open_journal_file(id)?;
            match FileScan::header(&file)? {
                Some(header) => used.push((file, header)),
                None => {
                    refuse_damaged_head(&file)?;
                    unused.push(file);
                }
            }
        }
        Ok((used, unused))
    }

    /// Replays the entries of one file. Returns where the first begins that no later one says was
    /// durable.
    fn replay_file(&mut self, scan: &mut FileScan, replay: &mut dyn Replay) -> Result<u64> {
        let mut unsure: VecDeque<(Lsn, u64)> = VecDeque::new();
        while let Some(entry) = scan.next_entry()? {
            let (header, position) = (entry.header, entry.position);
            let base = position + ENTRY_HEADER_BYTES as u64;
            for record in RecordWalk::new(&entry.bytes[ENTRY_HEADER_BYTES..], base) {
                // The entry's checksum matched, so only a newer version writes what does not parse.
                let outcome = match record {
                    Ok(record) => {
                        self.replay_record(&record, header.file, base, header.wall_ms, replay)
                    }
                    Err(_) => Err("it has a record of an unknown kind".to_owned()),
                };
                outcome.map_err(|what| {
                    let what = format!("commit {}: {what}", header.lsn);
                    StorageError::corrupt(journal_name(header.file), position, what)
                })?;
            }
            unsure.push_back((header.lsn, position));
            while unsure.front().is_some_and(|(lsn, _)| *lsn <= header.synced) {
                unsure.pop_front();
            }
        }
        self.link = scan.link();
        Ok(unsure
            .front()
            .map_or(scan.position(), |(_, position)| *position))
    }

    fn replay_record(
        &mut self,
        record: &Record<'_>,
        file: FileId,
        base: u64,
        wall_ms: i64,
        replay: &mut dyn Replay,
    ) -> Result<(), String> {
        match record.kind {
            RecordKind::Append | RecordKind::AppendToMany => {
                let batch = record.batch().ok_or("it has a batch that is not there")?;
                let header = BatchHeader::parse(batch.bytes);
                let header = header.map_err(|error| error.to_string())?;
                let mut places = record.places();
                places.try_for_each(|(log, at)| {
                    let header = batch.placed(header, at);
                    let header = header.ok_or("it has no batch of the offset that it names")?;
                    let span = base + record.at as u64..base + record.end() as u64;
                    self.replay_append(log, &header, batch.bytes, file, span, wall_ms, replay)
                })
            }
            RecordKind::Event => replay.event(record.payload, wall_ms),
            RecordKind::LogCreated => {
                let durability = payload_durability(record)?;
                let log = Log::new(record.log, durability, wall_ms);
                match self.logs.insert(record.log, log) {
                    Some(_) => Err(format!("it creates log {} again", record.log)),
                    None => Ok(()),
                }
            }
            RecordKind::LogDeleted => {
                self.drop_log(record.log);
                Ok(())
            }
            RecordKind::LogStart => {
                let next = self.logs.get(&record.log).map(|log| log.next);
                if next.is_some_and(|next| record.offset > next) {
                    return Err(format!("log {} starts behind its end", record.log));
                }
                self.apply_start(record.log, record.offset);
                Ok(())
            }
            RecordKind::SectionsInstalled => {
                let sections =
                    install::decode(record.payload).map_err(|error| error.to_string())?;
                for installed in &sections {
                    let blob = installed.section.blob;
                    // A log that is gone by now does not refer to it.
                    if let Some(log) = self.logs.get(&installed.log) {
                        if !log.shared.state.read().has_place_for(&installed.section) {
                            return Err(format!(
                                "log {} has no place for a section",
                                installed.log
                            ));
                        }
                        *self.segments.entry(blob).or_default() += 1;
                    }
                    self.apply_installed(installed);
                    self.next_blob = self.next_blob.max(blob.next());
                }
                Ok(())
            }
            RecordKind::LogDurability => {
                let durability = payload_durability(record)?;
                if let Some(log) = self.logs.get_mut(&record.log) {
                    log.durability = durability;
                }
                Ok(())
            }
        }
    }

    fn replay_append(
        &mut self,
        id: LogId,
        header: &BatchHeader,
        batch: &[u8],
        file: FileId,
        span: Range<u64>,
        wall_ms: i64,
        replay: &mut dyn Replay,
    ) -> Result<(), String> {
        // A batch whose log was deleted later in the same entry's order is simply gone.
        let Some(log) = self.logs.get_mut(&id) else {
            return Ok(());
        };
        let (at, next) = offsets_of(header).ok_or("it has a batch of impossible offsets")?;
        if at != log.next {
            return Err(format!(
                "log {id} continues at offset {}, not at {at}",
                log.next
            ));
        }
        log.next = next;
        log.segment_base = log.next;
        let position =
            |at: u64| u32::try_from(at).map_err(|_| "a position beyond 4 GiB".to_owned());
        let chunk = Chunk {
            base: at,
            next: log.next,
            file,
            start: position(span.start)?,
            end: position(span.end)?,
            bytes: position(batch.len() as u64)?,
            max_timestamp: header.max_timestamp,
        };
        log.shared.recovered(chunk);
        replay.appended(id, header, batch, wall_ms)
    }
}

/// What is in front of a journal file.
enum Before<'a> {
    /// A file whose entries end here.
    Entries(&'a Arc<dyn JournalFile>, u64),
    /// Nothing, or a file without a head.
    Unused(Option<&'a Arc<dyn JournalFile>>),
}

/// Checks that a file goes on where the one before it ends, which may name the `next` file.
fn follows(
    before: Before<'_>,
    next: Option<FileId>,
    file: &Arc<dyn JournalFile>,
    header: &FileHeader,
    link: Link,
) -> Result<()> {
    let name = journal_name(file.id());
    if let Some(next) = next.filter(|next| *next != file.id()) {
        let what = format!(
            "the file is missing, the journal goes on in it before `{name}`, and no snapshot covers it"
        );
        return Err(StorageError::corrupt(journal_name(next), 0, what));
    }
    if header.after.lsn == link.lsn && header.after.crc == link.crc {
        return Ok(());
    }
    let first = header.after.lsn;
    let (before, end) = match before {
        Before::Entries(before, end) => (before, end),
        Before::Unused(Some(blank)) => {
            let what = format!(
                "the head is damaged, `{name}` goes on with commit {first}, and no snapshot covers it"
            );
            return Err(StorageError::corrupt(journal_name(blank.id()), 0, what));
        }
        Before::Unused(None) => {
            let what = format!(
                "the journal begins with commit {first}; what was before it is missing, and no snapshot covers it"
            );
            return Err(StorageError::corrupt(name, 0, what));
        }
    };
    let what = format!(
        "commit {} is damaged or missing, and `{name}` goes on with commit {first}",
        link.lsn
    );
    Err(StorageError::corrupt(journal_name(before.id()), end, what))
}

/// A file whose head does not parse was either prepared and never written to, or has a damaged head
/// over entries that count. Entries that knew themselves to be durable tell.
pub(crate) fn refuse_damaged_head(file: &Arc<dyn JournalFile>) -> Result<()> {
    let Some(mut scan) = FileScan::anywhere(Arc::clone(file), FILE_HEADER_BYTES)? else {
        return Ok(());
    };
    let Some(first) = scan.next_entry()?.map(|entry| entry.header.lsn) else {
        return Ok(());
    };
    while let Some(entry) = scan.next_entry()? {
        if entry.header.synced >= first {
            let what = format!("the head is damaged, and commit {first} after it was durable");
            return Err(StorageError::corrupt(journal_name(file.id()), 0, what));
        }
    }
    Ok(())
}

fn payload_durability(record: &Record<'_>) -> Result<Durability, String> {
    let number = record.payload.first().copied();
    number
        .and_then(Durability::parse)
        .ok_or_else(|| "it has an unknown durability".to_owned())
}
