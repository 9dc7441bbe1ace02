//! What is done with a disk, whatever it holds: it is verified, opened, read, worked on, and opened
//! again. Nothing of that may panic, take memory that is not there on the disk, or go on for ever; and
//! whatever an opening accepts, it can work with.

use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use forebay_record::{BatchBuilder, Batches as Walk};
use forebay_storage::media::{BlobKind, SimulatedDisk};
use forebay_storage::{
    Batches, CompactionPolicy, Durability, Engine, LogId, LogPolicy, LogReader, Medium, Now,
    Options, ReadError, Report, Stateless, StorageError, check,
};

use crate::memory::{Bound, bounded};

/// What opening, verifying and reading a disk may take.
const WORK: Bound = Bound {
    // Buffers of the engine, and the first file of a journal of its own.
    base: 1 << 20,
    // Windows into a file; a log's description in memory against that on the disk.
    per_byte: 8,
};
/// Bytes of one read.
const READ_BYTES: usize = 64 << 10;
/// More reads than any log on such a disk has batches.
const READS_MAX: usize = 10_000;
/// Rounds of work after an opening.
const ROUNDS: u64 = 3;
/// The job that prepares a journal file.
const SPARE: &str = "prepare a journal file";

/// Small files, no reserve.
pub(crate) fn options() -> Options {
    Options {
        journal_file_bytes: 1 << 20,
        tail_cache_bytes: 64 << 10,
        reserve_bytes: 0,
        sealed_files_left: 0,
        ..Options::default()
    }
}

pub(crate) fn at(seconds: u64) -> Now {
    Now::new(
        Duration::from_secs(seconds),
        1_000_000 + seconds as i64 * 1000,
    )
}

/// Bytes on a disk.
pub(crate) fn size(disk: &SimulatedDisk) -> usize {
    let files = disk.journal_files().expect("no fault is armed");
    let segments = disk.blobs(BlobKind::Segment).expect("no fault is armed");
    let snapshots = disk.blobs(BlobKind::Snapshot).expect("no fault is armed");
    let files = files.iter().map(|(_, bytes)| bytes);
    let blobs = segments.iter().chain(&snapshots).map(|(_, bytes)| bytes);
    files.chain(blobs).sum::<u64>() as usize
}

/// Verifies a disk.
pub(crate) fn verify(disk: &SimulatedDisk) -> Report {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let mut last = 0;
    let report = bounded("verification", size(disk), WORK, || {
        check(&medium, |done, total| {
            assert!(
                done >= last && done <= total,
                "{done} of {total} bytes after {last}"
            );
            last = done;
        })
    });
    report.expect("a simulated disk can be listed")
}

/// Opens a disk.
pub(crate) fn open(disk: &SimulatedDisk) -> Result<Engine, StorageError> {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let opened = bounded("opening", size(disk), WORK, || {
        Engine::open(medium, options(), &mut Stateless, at(0))
    });
    opened.map(|(engine, _)| engine)
}

/// Every batch of a log, as far as it can be read.
pub(crate) fn read_all(disk: &SimulatedDisk, reader: &LogReader) -> Result<Vec<Bytes>, ReadError> {
    let mut all = Vec::new();
    let mut from = reader.start_offset();
    for _ in 0..READS_MAX {
        if from >= reader.end_offset() {
            return Ok(all);
        }
        let batches = bounded("a read", size(disk), WORK, || read(reader, from))?;
        assert!(batches.next >= from, "a read goes forward");
        let found: usize = batches.parts.iter().map(Bytes::len).sum();
        assert_eq!(found, batches.bytes, "a read says how much it found");
        for part in &batches.parts {
            for batch in Walk::new(part) {
                let batch = batch.expect("what is read are whole batches");
                all.push(part.slice_ref(batch.bytes()));
            }
        }
        if batches.next == from {
            return Ok(all);
        }
        from = batches.next;
    }
    panic!("log {} never comes to its end", reader.id());
}

fn read(reader: &LogReader, from: u64) -> Result<Batches, ReadError> {
    reader.read(from, READ_BYTES, true)?.run()
}

/// Verifies, opens, reads, works on and opens again.
pub(crate) fn everything(disk: &SimulatedDisk) {
    verify(disk);
    let disk = disk.after_kill();
    let Ok(mut engine) = open(&disk) else { return };
    let mut logs: Vec<_> = engine.log_ids().collect();
    logs.sort_unstable();
    for log in &logs {
        look(&disk, &engine.reader(*log).expect("the log is there"));
    }
    work(&disk, &mut engine, &logs);
    let ranges = |engine: &Engine| {
        let range = |log| {
            let reader = engine.reader(log)?;
            // What such a log holds is gone with the process; its offsets are not.
            let lasts = engine.durability(log)? != Durability::Memory;
            Some((lasts.then(|| reader.start_offset()), reader.end_offset()))
        };
        logs.iter().map(|log| range(*log)).collect::<Vec<_>>()
    };
    let before = ranges(&engine);
    drop(engine);
    let disk = disk.after_kill();
    verify(&disk);
    let engine = open(&disk).expect("what was opened and worked on opens again");
    assert_eq!(before, ranges(&engine), "a restart changes nothing");
}

fn look(disk: &SimulatedDisk, reader: &LogReader) {
    let _ = read_all(disk, reader);
    let _ = (reader.bytes(), reader.sections());
    bounded("a search", size(disk), WORK, || {
        for timestamp in [i64::MIN, 0, 1_000_000, i64::MAX] {
            let _ = reader.find_timestamp(timestamp);
        }
        let _ = reader.newest_timestamp();
    });
}

/// Appends, retention, sorts, compaction, snapshots.
fn work(disk: &SimulatedDisk, engine: &mut Engine, logs: &[LogId]) {
    for (log, index) in logs.iter().zip(0..) {
        engine.set_policy(*log, policy(index));
    }
    for round in 1..=ROUNDS {
        let now = at(round * 60);
        for log in logs {
            // A log may be at the end of all offsets.
            let _ = engine.append(*log, a_batch(), now);
        }
        engine.event(b"event");
        commit(engine, now);
        let jobs = engine.maintain(now, |_| ()).expect("no fault is armed");
        // Without a spare file the engine makes one when it needs one. It is larger than the whole
        // disk, and reading its zeros would be most of the work.
        let jobs = jobs.into_iter().filter(|job| job.name() != SPARE);
        for job in jobs {
            let done = bounded("a job", size(disk), WORK, || job.run(disk));
            engine.finish_job(done, now);
        }
        commit(engine, now);
    }
}

pub(crate) fn commit(engine: &mut Engine, now: Now) {
    engine.write(now).expect("no fault is armed");
    engine.sync().expect("no fault is armed");
}

fn policy(index: usize) -> LogPolicy {
    let compaction = CompactionPolicy {
        dirty_ratio: 0.0,
        tombstone_ms: 0,
        lag_ms: 0,
    };
    LogPolicy {
        retention_bytes: (index % 3 == 2).then_some(100),
        delete: index % 3 == 2,
        compaction: (index % 3 < 2).then_some(compaction),
        segment_bytes: 100,
        segment_ms: 1000,
        ..LogPolicy::default()
    }
}

fn a_batch() -> BytesMut {
    let mut builder = BatchBuilder::new();
    let added = builder.add(1_000_000, Some(b"key"), Some(b"value"), &[]);
    added.expect("a record fits");
    BytesMut::from(&builder.build().expect("a record fits")[..])
}
