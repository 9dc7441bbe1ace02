//! Forging a disk: the input is a program whose steps append records, close entries, begin files, write
//! segments and snapshots, each with fields that may be bent and all with the checksums that make
//! them believed. What such a disk says may be nonsense; only a bug or an attacker writes it.
//!
//! A step is a byte that says what, and what the step wants to know; see [`Forge::step`].

use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::Arc;

use forebay_record::{Attributes, BatchHeader, MAGIC_V2, crc32c};
use forebay_storage::media::{BlobKey, Purpose, SimulatedDisk};
use forebay_storage::{BlobId, FileId, Medium};

use super::blobs::{self, Chunk, SEGMENT_HEAD, SavedLog, Section};
use super::input::Input;
use super::journal::{self, EntryHead, FileHead, HEADER_BYTES, Link};

/// Size of a forged file, unless more was written into it.
const FILE_BYTES: usize = 32 << 10;
/// Size of the file of a broker's journal: a command finds room in it, and reading its empty part is
/// not most of the work.
const BROKER_FILE_BYTES: usize = 256 << 10;
/// Steps of one program; more say nothing new.
const STEPS_MAX: usize = 200;
const LOGS: u8 = 6;
const DURABILITY_FSYNC: u8 = 2;

/// Kinds of records.
mod kind {
    pub(super) const APPEND: u8 = 1;
    pub(super) const APPEND_TO_MANY: u8 = 8;
    pub(super) const EVENT: u8 = 2;
    pub(super) const LOG_CREATED: u8 = 3;
    pub(super) const LOG_DELETED: u8 = 4;
    pub(super) const LOG_START: u8 = 5;
    pub(super) const SECTIONS_INSTALLED: u8 = 6;
    pub(super) const LOG_DURABILITY: u8 = 7;
}

/// A batch where it was appended: offset, and the bytes.
type Batch = (u64, Vec<u8>);

#[derive(Default)]
struct Forge {
    file_bytes: usize,
    files: Vec<(u64, Vec<u8>)>,
    segments: Vec<Vec<u8>>,
    snapshots: BTreeMap<u64, Vec<u8>>,
    link: Link,
    synced: u64,
    /// Records of the entry that gathers.
    records: Vec<u8>,
    logs: BTreeMap<u64, SavedLog>,
    /// What was appended to each log and is in no section yet.
    batches: BTreeMap<u64, Vec<Batch>>,
    sections: Vec<Section>,
    /// Chunks of the entry that gathers: their log, and their place in the records.
    gathering: Vec<(u64, Chunk)>,
}

/// The disk that a program makes.
pub(crate) fn forge(program: &[u8]) -> SimulatedDisk {
    let mut input = Input(program);
    let mut forge = Forge::new(FILE_BYTES);
    forge.begin_file(&mut input, 1);
    for _ in 0..STEPS_MAX {
        if input.is_empty() {
            break;
        }
        forge.step(&mut input);
    }
    if !forge.records.is_empty() {
        forge.close_entry(&mut input, *b"FBen");
    }
    forge.disk()
}

/// A disk with a few logs, on which a state machine left its `events` behind the state `machine`.
pub(crate) fn journal_of(machine: Option<&[u8]>, events: &[&[u8]]) -> SimulatedDisk {
    // Nothing is bent.
    let input = &mut Input(&[]);
    let mut forge = Forge::new(BROKER_FILE_BYTES);
    forge.begin_file(input, 1);
    for id in 1..=u64::from(LOGS) {
        forge.log_created(input, id, DURABILITY_FSYNC);
    }
    if machine.is_some() {
        forge.snapshot(input, machine);
    }
    for event in events {
        forge.record(input, kind::EVENT, 0, 0, event);
        forge.close_entry(input, *b"FBen");
    }
    forge.close_entry(input, *b"FBen");
    forge.disk()
}

impl Forge {
    fn new(file_bytes: usize) -> Self {
        Self {
            file_bytes,
            link: Link {
                lsn: 1,
                ..Link::default()
            },
            ..Self::default()
        }
    }

    fn step(&mut self, input: &mut Input<'_>) {
        match input.u8() % 16 {
            0 => self.append(input),
            1..=2 => self.append_to_many(input),
            3 => {
                let payload = input.bytes();
                self.record(input, kind::EVENT, 0, 0, payload);
            }
            4 => self.create_log(input),
            5 => {
                let log = self.log(input);
                self.logs.remove(&log);
                self.record(input, kind::LOG_DELETED, log, 0, &[]);
            }
            6 => {
                let (log, offset) = (self.log(input), input.number());
                self.record(input, kind::LOG_START, log, offset, &[]);
            }
            7 => {
                let (log, durability) = (self.log(input), input.u8() % 4);
                self.record(input, kind::LOG_DURABILITY, log, 0, &[durability]);
            }
            8 => self.close_entry(input, *b"FBen"),
            9 => self.roll(input),
            10 => self.sort(input),
            11 => self.install_again(input),
            12 => self.snapshot(input, None),
            13 => {
                let (kind, log, offset) = (input.u8(), input.number(), input.number());
                let payload = input.bytes();
                self.record(input, kind, log, offset, payload);
            }
            14 => self.damage(input),
            _ => {
                // The end of an epoch: all is durable, and the next entry begins another.
                self.synced = self.link.lsn.wrapping_sub(1);
                self.link.epoch = self.link.epoch.wrapping_add(1);
                self.close_entry(input, *b"FBen");
            }
        }
    }

    fn log(&self, input: &mut Input<'_>) -> u64 {
        u64::from(input.u8() % LOGS)
    }

    fn record(&mut self, input: &mut Input<'_>, kind: u8, log: u64, offset: u64, payload: &[u8]) {
        let (mut log, mut offset) = (log, offset);
        input.bend([&mut offset, &mut log]);
        self.records
            .extend(journal::record(kind, log, offset, payload));
    }

    fn create_log(&mut self, input: &mut Input<'_>) {
        let (id, durability) = (self.log(input), input.u8() % 4);
        self.log_created(input, id, durability);
    }

    fn log_created(&mut self, input: &mut Input<'_>, id: u64, durability: u8) {
        let log = SavedLog {
            id,
            durability,
            ..SavedLog::default()
        };
        self.logs.insert(id, log);
        self.batches.remove(&id);
        self.record(input, kind::LOG_CREATED, id, 0, &[durability]);
    }

    fn append(&mut self, input: &mut Input<'_>) {
        let log = self.log(input);
        let base = self.logs.get(&log).map_or(0, |log| log.next);
        let (next, batch) = batch(input, base);
        let at = self.records.len() as u64;
        self.record(input, kind::APPEND, log, base, &batch);
        self.appended(log, base..next, at, batch);
    }

    fn append_to_many(&mut self, input: &mut Input<'_>) {
        let logs = [self.log(input), self.log(input)];
        let (count, batch) = batch(input, 0);
        let mut payload = Vec::new();
        let mut places = Vec::new();
        for log in logs {
            let mut base = self.logs.get(&log).map_or(0, |log| log.next);
            places.push((log, base..base.saturating_add(count)));
            input.bend([&mut base]);
            payload.extend([log.to_le_bytes(), base.to_le_bytes()].concat());
        }
        payload.extend_from_slice(&batch);
        let at = self.records.len() as u64;
        self.record(input, kind::APPEND_TO_MANY, 0, logs.len() as u64, &payload);
        for (log, offsets) in places {
            self.appended(log, offsets, at, batch.clone());
        }
    }

    /// Takes note of a batch whose record is the last one and begins at `at`.
    fn appended(&mut self, log: u64, offsets: Range<u64>, at: u64, batch: Vec<u8>) {
        let Range {
            start: base,
            end: next,
        } = offsets;
        let chunk = Chunk {
            base,
            next,
            file: self.files.last().map_or(0, |file| file.0),
            start: at,
            end: self.records.len() as u64,
            bytes: batch.len() as u64,
        };
        self.gathering.push((log, chunk));
        if let Some(log) = self.logs.get_mut(&log) {
            log.next = next;
        }
        self.batches.entry(log).or_default().push((base, batch));
    }

    /// Closes the entry that gathers; without records it is a mark.
    fn close_entry(&mut self, input: &mut Input<'_>, magic: [u8; 4]) {
        let records = std::mem::take(&mut self.records);
        let count = self.gathering.len() as u64;
        let file = self.files.last().map_or(0, |file| file.0);
        let mut head = EntryHead {
            magic,
            length: journal::entry_length(&records),
            records: count,
            file,
            link: self.link,
            synced: self.synced,
            wall_ms: 1_000_000,
        };
        input.bend([
            &mut head.synced,
            &mut head.link.lsn,
            &mut head.link.epoch,
            &mut head.length,
            &mut head.link.crc,
            &mut head.wall_ms,
            &mut head.file,
            &mut head.records,
        ]);
        let (entry, crc) = journal::entry(&head, &records);
        let position = self.put(&entry) + journal::entry_length(&[]);
        for (log, mut chunk) in self.gathering.drain(..) {
            chunk.start += position;
            chunk.end += position;
            if let Some(log) = self.logs.get_mut(&log) {
                log.chunks.push(chunk);
            }
        }
        if magic == *b"FBen" {
            self.link = Link {
                lsn: head.link.lsn.wrapping_add(1),
                epoch: head.link.epoch,
                crc: crc.into(),
            };
        }
    }

    /// A trailer and the file that it names.
    fn roll(&mut self, input: &mut Input<'_>) {
        let next = self.files.last().map_or(0, |file| file.0).wrapping_add(1);
        let mut named = next;
        input.bend([&mut named]);
        let head = EntryHead {
            magic: *b"FBtr",
            length: journal::entry_length(&[]),
            records: 0,
            file: next.wrapping_sub(1),
            link: self.link,
            synced: self.synced,
            wall_ms: named,
        };
        let (trailer, _) = journal::entry(&head, &[]);
        self.put(&trailer);
        self.begin_file(input, next);
    }

    fn begin_file(&mut self, input: &mut Input<'_>, file: u64) {
        let mut head = FileHead {
            file,
            capacity: self.file_bytes as u64,
            after: self.link,
        };
        input.bend([
            &mut head.capacity,
            &mut head.after.lsn,
            &mut head.after.epoch,
            &mut head.after.crc,
            &mut head.file,
        ]);
        self.files.push((file, head.encode()));
    }

    /// Where in the current file the bytes are.
    fn put(&mut self, bytes: &[u8]) -> u64 {
        let Some((_, file)) = self.files.last_mut() else {
            return 0;
        };
        let position = file.len();
        file.extend_from_slice(bytes);
        position as u64
    }

    /// Sections of everything that is in none yet, in one segment, and the record that installs them.
    fn sort(&mut self, input: &mut Input<'_>) {
        let blob = self.segments.len() as u64 + 1;
        let mut segment = SEGMENT_HEAD.to_vec();
        let mut installed = Vec::new();
        for (log, batches) in std::mem::take(&mut self.batches) {
            let Some(saved) = self.logs.get_mut(&log) else {
                continue;
            };
            let mut section = Section {
                log,
                blob,
                base: batches.first().map_or(0, |(base, _)| *base),
                next: saved.next,
                max_timestamp: 1_000_000,
                ..Section::default()
            };
            blobs::section(input, &mut segment, &mut section, &batches);
            saved.sections.push(section);
            saved.chunks.clear();
            installed.push(section);
        }
        self.segments.push(segment);
        self.sections.extend_from_slice(&installed);
        for section in &mut installed {
            section.bend(input);
        }
        let payload = blobs::installed(input, &installed);
        self.record(input, kind::SECTIONS_INSTALLED, 0, 0, &payload);
    }

    fn install_again(&mut self, input: &mut Input<'_>) {
        let at = usize::from(input.u8()) % self.sections.len().max(1);
        let mut sections = self
            .sections
            .get(at)
            .copied()
            .into_iter()
            .collect::<Vec<_>>();
        for section in &mut sections {
            section.bend(input);
        }
        let payload = blobs::installed(input, &sections);
        self.record(input, kind::SECTIONS_INSTALLED, 0, 0, &payload);
    }

    /// A snapshot of what the closed entries say, with the state machine's part of it.
    fn snapshot(&mut self, input: &mut Input<'_>, machine: Option<&[u8]>) {
        self.close_entry(input, *b"FBen");
        let logs: Vec<_> = self.logs.values().cloned().collect();
        let place = self
            .files
            .last()
            .map_or((0, 0), |(id, bytes)| (*id, bytes.len() as u64));
        let machine = machine.unwrap_or_else(|| input.bytes());
        let snapshot = blobs::snapshot(input, self.link, place, &logs, machine);
        self.snapshots
            .insert(self.link.lsn.wrapping_sub(1), snapshot);
    }

    /// What no checksum covers: a byte of a file or a blob changed, or bytes cut off.
    fn damage(&mut self, input: &mut Input<'_>) {
        let (which, position, value) = (input.u8(), input.number() as usize, input.u8());
        let bytes = match which % 4 {
            0 => self.segments.last_mut(),
            1 => self.snapshots.values_mut().next_back(),
            _ => self.files.last_mut().map(|file| &mut file.1),
        };
        let Some(bytes) = bytes else { return };
        if which & 0x80 != 0 {
            bytes.truncate(position.max(HEADER_BYTES));
        } else if let Some(byte) = bytes.get_mut(position) {
            *byte = value;
        }
    }

    fn disk(self) -> SimulatedDisk {
        let disk = SimulatedDisk::new();
        for (id, bytes) in self.files {
            let capacity = bytes.len().next_multiple_of(8).max(self.file_bytes);
            let file =
                disk.prepare_journal_file(FileId(id), capacity as u64, None, Purpose::OftenSynced);
            let file = file.expect("the disk has room");
            file.write_at(0, &bytes).expect("the file has room");
            file.sync().expect("no fault is armed");
        }
        let segments = (1..).zip(self.segments);
        let segments = segments.map(|(id, bytes)| (BlobKey::segment(BlobId(id)), bytes));
        let snapshots = self.snapshots.into_iter();
        let snapshots = snapshots.map(|(id, bytes)| (BlobKey::snapshot(BlobId(id)), bytes));
        for (key, bytes) in segments.chain(snapshots) {
            put_blob(&disk, key, &bytes);
        }
        disk
    }
}

/// Puts a blob on a disk.
pub(crate) fn put_blob(disk: &SimulatedDisk, key: BlobKey, bytes: &[u8]) {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let mut blob = medium.create_blob(key).expect("no fault is armed");
    blob.write(bytes).expect("the disk has room");
    blob.finish().expect("no fault is armed");
}

/// A batch for `base`, and the offset after it.
fn batch(input: &mut Input<'_>, base: u64) -> (u64, Vec<u8>) {
    let records = u64::from(input.u8() % 8);
    let value = input.bytes();
    let mut payload = Vec::new();
    for index in 0..=records {
        // length, attributes, time delta, offset delta, key (one byte), value, no headers
        let key = value.first().copied().unwrap_or_default() % 4;
        let body = [&[0, 0, (index as u8) << 1, 2, key][..], &sized(value), &[0]].concat();
        payload.extend(sized(&body));
    }
    let (mut base_offset, mut delta, mut count) = (base, records, records + 1);
    let (mut attributes, mut base_timestamp, mut max_timestamp) = (0, 1_000_000, 1_000_000);
    let mut length = (payload.len() + 49) as u64;
    input.bend([
        &mut delta,
        &mut max_timestamp,
        &mut count,
        &mut base_offset,
        &mut attributes,
        &mut base_timestamp,
        &mut length,
    ]);
    let header = BatchHeader {
        base_offset: base_offset as i64,
        batch_length: length as i32,
        partition_leader_epoch: 0,
        magic: MAGIC_V2,
        crc: 0,
        attributes: Attributes(attributes as i16),
        last_offset_delta: delta as i32,
        base_timestamp: base_timestamp as i64,
        max_timestamp: max_timestamp as i64,
        producer_id: -1,
        producer_epoch: -1,
        base_sequence: -1,
        record_count: count as i32,
    };
    let mut bytes = [&header.encode()[..], &payload].concat();
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    (header.next_offset() as u64, bytes)
}

/// Bytes behind their length as a zigzag varint.
fn sized(bytes: &[u8]) -> Vec<u8> {
    let mut raw = bytes.len() << 1;
    let mut out = Vec::new();
    while raw > 0x7f {
        out.push(raw as u8 | 0x80);
        raw >>= 7;
    }
    out.push(raw as u8);
    out.extend_from_slice(bytes);
    out
}
