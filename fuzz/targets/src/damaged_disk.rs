//! Disks that a real engine wrote, damaged where no checksum is put right again: bytes changed, lost,
//! written to the wrong place, files cut or gone. Whatever opening, reading and verification make of
//! it, no wrong byte comes out; and a single small damage is noticed, or does no harm at all.
//!
//! The input is which disk (u8), then edits; see [`Edit`].

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::LazyLock;

use bytes::{Bytes, BytesMut};
use forebay_record::BatchBuilder;
use forebay_storage::media::{BlobKey, BlobKind, SimulatedDisk};
use forebay_storage::{Durability, Engine, FileId, LogId, Medium, Now, StorageError};

use crate::disk::hold::{at, commit, open, read_all, verify};
use crate::disk::{Input, put_blob};

/// Edits of one disk; more say nothing new.
const EDITS_MAX: usize = 8;
/// The longest edit that a checksum is certain to catch, and what entries of the journal are aligned to: one
/// that reaches over the end of the last batch into the mark behind it is a torn tail like any other.
const SMALL_BYTES: usize = 8;
/// As much of a journal file's empty part is damaged as of what is written; the rest is the same.
const EMPTY_BYTES: usize = 256;

const LOGS: [LogId; 2] = [LogId(1), LogId(2)];

/// A disk in good order, and what is on it.
struct Original {
    disk: SimulatedDisk,
    files: Vec<File>,
    logs: BTreeMap<LogId, Vec<Bytes>>,
}

/// Something to damage.
struct File {
    name: Name,
    /// Its bytes, of a journal file as far as they are interesting.
    bytes: Vec<u8>,
}

#[derive(Clone, Copy)]
enum Name {
    Journal(FileId),
    Blob(BlobKey),
}

static ORIGINALS: LazyLock<[Original; 2]> = LazyLock::new(|| [young(), grown()]);

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((which, edits)) = input.split_first() else {
        return;
    };
    let original = &ORIGINALS[usize::from(*which) % ORIGINALS.len()];
    let edits = Edit::parse(edits, &original.files);
    let disk = original.disk.after_kill();
    for (index, file) in original.files.iter().enumerate() {
        let mut content = Cow::Borrowed(&file.bytes);
        for edit in edits.iter().filter(|edit| edit.file() == index) {
            edit.apply(content.to_mut());
        }
        if *content != file.bytes {
            file.replace(&disk, &content);
        }
    }
    let is_small = matches!(&edits[..], [edit] if edit.is_small());
    hold(original, &disk, is_small);
}

fn hold(original: &Original, disk: &SimulatedDisk, is_small: bool) {
    let report = verify(disk);
    let is_clean = report.damages.is_empty();
    let engine = match open(&disk.after_kill()) {
        Ok(engine) => engine,
        Err(error) => {
            assert!(matches!(error, StorageError::Corrupt { .. }), "{error}");
            assert!(!is_clean, "not found by verification: {error}");
            return;
        }
    };
    for (log, expected) in &original.logs {
        let Some(reader) = engine.reader(*log) else {
            assert!(
                !is_small || !is_clean,
                "log {log} is gone, and nobody noticed"
            );
            continue;
        };
        match read_all(disk, &reader) {
            Ok(found) => {
                let is_known = |batch: &Bytes| expected.contains(batch);
                assert!(found.iter().all(is_known), "wrong bytes in log {log}");
                let is_same = found == *expected;
                assert!(
                    is_same || !is_small || !is_clean,
                    "log {log} lost bytes unnoticed"
                );
            }
            Err(error) => assert!(!is_clean, "not found by verification: {error}"),
        }
    }
}

/// One damage: `how u8 | file u8 | position u24 | ...`.
enum Edit {
    /// ... `length u8 | bytes`: other bytes in their place.
    Change {
        file: usize,
        position: usize,
        bytes: Vec<u8>,
    },
    /// ... `length u16`: zeros, as from a write that was lost.
    Lose {
        file: usize,
        position: usize,
        length: usize,
    },
    /// ... `from u24 | length u16`: bytes from elsewhere in the file, as from a write gone astray.
    Misplace {
        file: usize,
        position: usize,
        from: usize,
        length: usize,
    },
    /// The file ends here; at its beginning: it is gone.
    Cut { file: usize, position: usize },
}

impl Edit {
    fn parse(input: &[u8], files: &[File]) -> Vec<Self> {
        let mut input = Input(input);
        let mut edits = Vec::new();
        while !input.is_empty() && edits.len() < EDITS_MAX {
            let how = input.u8();
            let file = usize::from(input.u8()) % files.len();
            let end = files[file].bytes.len();
            let position = place(&mut input, end);
            edits.push(match how % 8 {
                0..=3 => {
                    let bytes = input.bytes();
                    let length = bytes.len().min(end - position);
                    let bytes = bytes[..length].to_vec();
                    Self::Change {
                        file,
                        position,
                        bytes,
                    }
                }
                4 | 5 => {
                    let length = length(&mut input).min(end - position);
                    Self::Lose {
                        file,
                        position,
                        length,
                    }
                }
                6 => {
                    let from = place(&mut input, end);
                    let length = length(&mut input).min(end - position.max(from));
                    Self::Misplace {
                        file,
                        position,
                        from,
                        length,
                    }
                }
                _ => Self::Cut { file, position },
            });
        }
        edits
    }

    fn file(&self) -> usize {
        let (Self::Change { file, .. }
        | Self::Lose { file, .. }
        | Self::Misplace { file, .. }
        | Self::Cut { file, .. }) = self;
        *file
    }

    /// Whether it changes bytes under one checksum only, and so few that the checksum must notice.
    fn is_small(&self) -> bool {
        match self {
            Self::Change {
                position, bytes, ..
            } => position % SMALL_BYTES + bytes.len() <= SMALL_BYTES,
            _ => false,
        }
    }

    /// Does it to the file's content.
    fn apply(&self, content: &mut Vec<u8>) {
        match self {
            Self::Change {
                position, bytes, ..
            } => put(content, *position, bytes),
            Self::Lose {
                position, length, ..
            } => put(content, *position, &vec![0; *length]),
            Self::Misplace {
                position,
                from,
                length,
                ..
            } => {
                let bytes = content.get(*from..from + length).map(<[u8]>::to_vec);
                put(content, *position, &bytes.unwrap_or_default());
            }
            Self::Cut { position, .. } => content.truncate(*position),
        }
    }
}

fn place(input: &mut Input<'_>, end: usize) -> usize {
    u32::from_be_bytes([0, input.u8(), input.u8(), input.u8()]) as usize % end.max(1)
}

fn length(input: &mut Input<'_>) -> usize {
    u16::from_be_bytes([input.u8(), input.u8()]).into()
}

/// An earlier edit may have cut the file.
fn put(content: &mut [u8], position: usize, bytes: &[u8]) {
    if let Some(place) = content.get_mut(position..position + bytes.len()) {
        place.copy_from_slice(bytes);
    }
}

impl File {
    /// Puts `content` in the place of this file's.
    fn replace(&self, disk: &SimulatedDisk, content: &[u8]) {
        match self.name {
            Name::Journal(id) if content.is_empty() => {
                disk.remove_journal_file(id).expect("no fault is armed");
            }
            Name::Journal(id) => {
                let file = disk.open_journal_file(id).expect("the file is there");
                file.write_at(0, content)
                    .expect("it is not longer than it was");
                file.sync().expect("no fault is armed");
                if content.len() < self.bytes.len() {
                    disk.truncate_journal_file(id, content.len());
                }
            }
            Name::Blob(key) => {
                disk.remove_blob(key).expect("no fault is armed");
                if !content.is_empty() {
                    put_blob(disk, key, content);
                }
            }
        }
    }
}

/// One file, a few commits, and the mark of a moment without work.
fn young() -> Original {
    let mut world = World::open(SimulatedDisk::new());
    world.create_logs();
    for n in 0..3 {
        world.append(n);
        world.event(20);
        world.commit();
    }
    world.end()
}

/// Segments, a snapshot, several files, two openings.
fn grown() -> Original {
    let mut world = World::open(SimulatedDisk::new());
    world.create_logs();
    // Events fill the files: they are large, and dead as soon as there is a snapshot.
    for n in 0..30 {
        world.append(n);
        world.event(100_000);
        world.commit();
        world.run_jobs();
    }
    let mut world = World::open(world.disk.after_kill());
    world.append(100);
    world.commit();
    world.end()
}

struct World {
    disk: SimulatedDisk,
    engine: Engine,
    seconds: u64,
}

impl World {
    fn open(disk: SimulatedDisk) -> Self {
        let engine = open(&disk).expect("the disk is in good order");
        Self {
            disk,
            engine,
            seconds: 0,
        }
    }

    fn now(&self) -> Now {
        at(self.seconds)
    }

    fn create_logs(&mut self) {
        for log in LOGS {
            self.engine.create_log(log, Durability::Fsync, self.now());
        }
    }

    fn append(&mut self, n: u64) {
        for log in LOGS {
            let mut builder = BatchBuilder::new();
            let value = format!("value {n} of log {log}");
            let added = builder.add(1_000_000, None, Some(value.as_bytes()), &[]);
            added.expect("a record fits");
            let batch = BytesMut::from(&builder.build().expect("a record fits")[..]);
            let appended = self.engine.append(log, batch, self.now());
            appended.expect("the log is there");
        }
    }

    fn event(&mut self, bytes: usize) {
        self.engine.event(&vec![b'e'; bytes]);
    }

    fn commit(&mut self) {
        commit(&mut self.engine, at(self.seconds));
    }

    fn run_jobs(&mut self) {
        self.seconds += 1;
        let jobs = self.engine.maintain(self.now(), |_| ());
        for job in jobs.expect("no fault is armed") {
            let done = job.run(&self.disk);
            self.engine.finish_job(done, self.now());
        }
        self.commit();
    }

    /// What is on the disk when nothing has happened for a while and then the power fails.
    fn end(mut self) -> Original {
        self.run_jobs();
        self.run_jobs();
        let disk = without_dead_files(self.disk.after_power_cut(|| false));
        Original {
            files: files(&disk),
            logs: contents(&disk).expect("the disk is in good order"),
            disk,
        }
    }
}

/// The disk without journal files that nobody misses: they are full, and reading them would be most of
/// the work.
fn without_dead_files(mut disk: SimulatedDisk) -> SimulatedDisk {
    for (id, _) in disk.journal_files().expect("no fault is armed") {
        let without = disk.after_kill();
        without.remove_journal_file(id).expect("no fault is armed");
        if verify(&without).damages.is_empty() && contents(&without) == contents(&disk) {
            disk = without;
        }
    }
    disk
}

/// Every batch on a disk; none if it cannot be opened.
fn contents(disk: &SimulatedDisk) -> Option<BTreeMap<LogId, Vec<Bytes>>> {
    let engine = open(&disk.after_kill()).ok()?;
    let content = |log| Some((log, read_all(disk, &engine.reader(log)?).ok()?));
    LOGS.into_iter().map(content).collect()
}

fn files(disk: &SimulatedDisk) -> Vec<File> {
    let mut files = Vec::new();
    for (id, length) in disk.journal_files().expect("no fault is armed") {
        let mut bytes = vec![0; length as usize];
        let file = disk.open_journal_file(id).expect("the file is there");
        file.read_at(0, &mut bytes).expect("no fault is armed");
        let written = bytes
            .iter()
            .rposition(|byte| *byte != 0)
            .map_or(0, |last| last + 1);
        bytes.truncate(written + EMPTY_BYTES);
        files.push(File {
            name: Name::Journal(id),
            bytes,
        });
    }
    for kind in [BlobKind::Segment, BlobKind::Snapshot] {
        for (id, length) in disk.blobs(kind).expect("no fault is armed") {
            let key = BlobKey { kind, id };
            let bytes = disk.read_blob(key, 0, length as usize);
            let bytes = bytes.expect("no fault is armed").to_vec();
            files.push(File {
                name: Name::Blob(key),
                bytes,
            });
        }
    }
    files
}

/// One edit of each kind in each file, near the beginning, in the middle and near the end.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = vec![vec![0], vec![1]];
    for (which, original) in (0..).zip(ORIGINALS.iter()) {
        for (file, content) in (0..).zip(&original.files) {
            let end = content.bytes.len() as u32;
            for position in [20, end / 2, end.saturating_sub(EMPTY_BYTES as u32 + 30)] {
                let [_, a, b, c] = position.to_be_bytes();
                let edit = |how: u8, rest: &[u8]| [&[which, how, file, a, b, c], rest].concat();
                seeds.push(edit(0, &[1, 0xff]));
                seeds.push(edit(4, &[1, 0]));
                seeds.push(edit(6, &[0, 16, 64, 0, 64]));
                seeds.push(edit(7, &[]));
            }
        }
    }
    seeds
}
