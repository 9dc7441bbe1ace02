//! One flipped bit, anywhere: it is reported, or it does no harm. Wrong bytes are never handed out.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;

use bytes::Bytes;
use forebay_record::{BatchBuilder, ProducerStamp, crc32c};
use forebay_storage::media::{BlobKey, BlobKind, Medium, SimulatedDisk};
use forebay_storage::{Durability, FileId, LogId, Report, check};
use support::{LOG, World, all_values, at, noise, read_all, small, timed, values};

const SMALL: LogId = LogId(2);

/// A disk with segments, a snapshot, full files that wait for a sort, and a clean, marked end.
fn disk() -> (SimulatedDisk, Vec<(LogId, Vec<Bytes>)>) {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.create(SMALL, Durability::Fsync);
    world.commit();
    world.settle();
    for n in 0..27 {
        world.append(LOG, timed(n, &[&noise(n as u64, 100_000)]));
        world.append(SMALL, values(&[&noise(n as u64, 300)]));
        world.event(b"event");
        world.pass(100);
        world.commit();
        world.settle();
    }
    assert!(world.segments() > 0 && world.reader(SMALL).sections() > 0);
    for n in 0..5 {
        world.append(SMALL, values(&[&noise(n, 200)]));
        world.commit();
    }
    let mut world = world.killed();
    world.append(SMALL, values(&[&noise(77, 200)]));
    world.commit();
    world.pass(1000);
    world.jobs();
    let logs = [LOG, SMALL].map(|log| (log, read_all(&world.reader(log), 0).unwrap()));
    (world.disk.after_power_cut(|| false), logs.into())
}

fn verify(disk: &SimulatedDisk) -> Report {
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    check(&medium, |_, _| {}).unwrap()
}

/// Holds a damaged disk to the promise. True when the damage was reported.
fn hold(disk: &SimulatedDisk, logs: &[(LogId, Vec<Bytes>)], place: &str) -> bool {
    let report = verify(disk);
    let clean = report.damages.is_empty();
    let opened = World::open(disk.clone(), small(), at(0));
    if let Err(error) = &opened {
        assert!(!clean, "{place}: not found offline: {error}");
        assert!(
            matches!(error, forebay_storage::StorageError::Corrupt { .. }),
            "{place}: {error}"
        );
        return true;
    }
    let world = opened.unwrap();
    for (log, expected) in logs {
        let reader = world.reader(*log);
        match read_all(&reader, 0) {
            Ok(found) => assert!(
                found == *expected,
                "{place}: wrong or missing bytes in log {log}"
            ),
            Err(error) => assert!(!clean, "{place}: not found offline: {error}"),
        }
    }
    !clean
}

#[test]
fn an_undamaged_disk_has_nothing_to_report() {
    let (disk, _) = disk();
    let mut last = (0, 0);
    let medium: Arc<dyn Medium> = Arc::new(disk.clone());
    let report = check(&medium, |done, total| {
        assert!(done >= last.0 && done <= total);
        last = (done, total);
    })
    .unwrap();
    assert_eq!(report.damages, []);
    assert_eq!(report.logs, Some(2));
    assert!(!report.torn);
    assert!(report.batches >= 60, "{report:?}");
    assert_eq!(last, (report.bytes, report.bytes));
}

#[test]
fn a_flipped_bit_in_the_journal_is_reported_or_harmless() {
    let (disk, logs) = disk();
    let mut reported = 0;
    for (id, bytes) in disk.journal_files().unwrap() {
        let mut content = vec![0; bytes as usize];
        disk.open_journal_file(id)
            .unwrap()
            .read_at(0, &mut content)
            .unwrap();
        // Large payloads and empty space are sampled; what has structure is flipped bit by bit.
        let mut position = 0;
        while position < content.len() {
            let empty = content[position..].iter().take(600).all(|byte| *byte == 0);
            let disk = disk.after_kill();
            disk.flip_journal_bit(id, position, (position % 8) as u8);
            reported += usize::from(hold(&disk, &logs, &format!("journal {id} at {position}")));
            position += if empty || position > 5400 && position < 100_000 {
                9973
            } else if position > 5400 {
                4999
            } else {
                13
            };
        }
    }
    assert!(reported > 100);
}

#[test]
fn a_flipped_bit_in_a_small_journal_is_reported_or_harmless_at_every_byte() {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.create(SMALL, Durability::Os);
    world.commit();
    for n in 0..4 {
        world.append(LOG, values(&[&noise(n, 90)]));
        world.append(SMALL, values(&[&noise(n, 40)]));
        world.event(b"event");
        world.commit();
    }
    world.engine.advance_start(SMALL, 2);
    world.commit();
    world.jobs();
    world.pass(1000);
    world.jobs();
    let logs = [(LOG, read_all(&world.reader(LOG), 0).unwrap())];
    let disk = world.disk.after_power_cut(|| false);
    let mut reported = 0;
    // Both copies of the head are zeros for the most part.
    let heads = [0, 2048].map(|at| (at..at + 64).chain((at + 64..at + 2048).step_by(61)));
    for position in heads.into_iter().flatten().chain(4096..6400) {
        let disk = disk.after_kill();
        disk.flip_journal_bit(FileId(1), position, (position % 8) as u8);
        reported += usize::from(hold(&disk, &logs, &format!("byte {position}")));
    }
    assert!(reported > 1500, "{reported}");
}

#[test]
fn a_flipped_bit_in_a_segment_or_snapshot_is_reported() {
    let (disk, logs) = disk();
    for kind in [BlobKind::Segment, BlobKind::Snapshot] {
        for (id, bytes) in disk.blobs(kind).unwrap() {
            let key = BlobKey { kind, id };
            let bytes = bytes as usize;
            let tail = bytes.saturating_sub(700)..bytes;
            let head = 0..bytes.min(40);
            let middle = (40..bytes).step_by(8111);
            for position in head.chain(middle).chain(tail) {
                let disk = disk.after_kill();
                disk.flip_blob_bit(key, position, (position % 8) as u8);
                let place = format!("{key} at {position}");
                assert!(hold(&disk, &logs, &place), "{place}: not reported");
            }
        }
    }
}

#[test]
fn a_verification_goes_on_after_damage() {
    let (disk, _) = disk();
    let (segment, bytes) = disk.blobs(BlobKind::Segment).unwrap()[0];
    disk.flip_blob_bit(BlobKey::segment(segment), 5000, 0);
    disk.flip_blob_bit(BlobKey::segment(segment), bytes as usize / 2, 0);
    let (newest, _) = *disk
        .journal_files()
        .unwrap()
        .iter()
        .rev()
        .find(|(id, _)| {
            let file = disk.open_journal_file(*id).unwrap();
            let mut first = [0; 8];
            file.read_at(0, &mut first).unwrap();
            first == *b"FBJRNL\r\n"
        })
        .unwrap();
    disk.flip_journal_bit(newest, 4096 + 20, 0);
    let report = verify(&disk);
    let in_segment = report
        .damages
        .iter()
        .filter(|damage| damage.file.starts_with("segments/"));
    assert_eq!(in_segment.count(), 2, "{:#?}", report.damages);
    let in_journal = report
        .damages
        .iter()
        .filter(|damage| damage.file.starts_with("journal/"));
    assert!(in_journal.count() >= 1, "{:#?}", report.damages);
}

#[test]
fn a_missing_segment_is_reported_by_name() {
    let (disk, _) = disk();
    let (segment, _) = disk.blobs(BlobKind::Segment).unwrap()[0];
    disk.remove_blob(BlobKey::segment(segment)).unwrap();
    let report = verify(&disk);
    assert_eq!(
        report.damages[0].file,
        BlobKey::segment(segment).to_string()
    );
    let error = World::open(disk, small(), at(0)).err().unwrap().to_string();
    assert!(error.contains("missing"), "{error}");
}

/// Exchanges what two files hold, as a careless restore does.
fn exchange(disk: &SimulatedDisk, one: BlobKey, other: BlobKey) {
    let contents = [other, one].map(|key| {
        let blobs = disk.blobs(key.kind).unwrap();
        let (_, bytes) = *blobs.iter().find(|(id, _)| *id == key.id).unwrap();
        disk.read_blob(key, 0, bytes as usize).unwrap()
    });
    for (key, content) in [one, other].into_iter().zip(contents) {
        disk.remove_blob(key).unwrap();
        let mut blob = disk.create_blob(key).unwrap();
        blob.write(&content).unwrap();
        blob.finish().unwrap();
    }
}

#[test]
fn segments_of_the_same_shape_that_changed_places_are_reported() {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.commit();
    for n in 0..60 {
        world.append(LOG, values(&[&noise(n, 90_000)]));
        world.pass(200);
        world.commit();
        world.settle();
    }
    let segments = world.disk.blobs(BlobKind::Segment).unwrap();
    let twins = segments
        .iter()
        .flat_map(|one| segments.iter().map(move |other| (one, other)));
    let mut twins = twins.filter(|(one, other)| one.0 < other.0 && one.1 == other.1);
    let ((one, _), (other, _)) = twins.next().expect("two sorts of as much data");
    let logs = [(LOG, read_all(&world.reader(LOG), 0).unwrap())];
    let disk = world.disk.after_power_cut(|| false);
    exchange(&disk, BlobKey::segment(*one), BlobKey::segment(*other));
    assert!(hold(&disk, &logs, "exchanged segments"), "not reported");
    let damaged: Vec<_> = verify(&disk)
        .damages
        .into_iter()
        .map(|damage| damage.file)
        .collect();
    for segment in [one, other] {
        assert!(
            damaged.contains(&BlobKey::segment(*segment).to_string()),
            "{damaged:?}"
        );
    }
}

#[test]
fn a_journal_that_is_gone_is_not_taken_for_a_new_one() {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.append(LOG, values(&[b"acknowledged"]));
    world.commit();
    world.settle();
    let disk = world.disk.after_power_cut(|| false);
    // With the file that was prepared to be next, and without.
    for keep in [1, 0] {
        let disk = disk.after_kill();
        for (id, _) in disk.journal_files().unwrap().into_iter().rev().skip(keep) {
            disk.remove_journal_file(id).unwrap();
        }
        assert!(hold(&disk, &[], "no journal"), "taken for an empty disk");
        assert_eq!(
            verify(&disk).damages[0].file,
            "journal/00000000000000000001.journal"
        );
    }
}

/// A batch whose record in the journal, once its kind is zero, is padding wherever padding is looked
/// at; and the log for which that is so. Records may begin anywhere: this one does at 5 modulo 8.
fn batch_like_padding(base: i64) -> (LogId, Bytes) {
    let mut found = (0..).map(|n| {
        let producer = ProducerStamp {
            id: 1,
            epoch: 0,
            base_sequence: 0,
        };
        let mut builder = BatchBuilder::new()
            .base_offset(base)
            .leader_epoch(0)
            .producer(producer);
        builder.add(n, Some(&[0; 4]), Some(&[0; 450]), &[]).unwrap();
        builder.build().unwrap()
    });
    let batch = found
        .find(|batch| batch.len() % 256 == 12 && batch[19] == 0)
        .unwrap();
    let with_crc = |log: u64| {
        let mut head = [0; 32];
        head[0] = 1;
        head[4..8].copy_from_slice(&(batch.len() as u32).to_le_bytes());
        head[8..16].copy_from_slice(&log.to_le_bytes());
        head[16..24].copy_from_slice(&base.to_le_bytes());
        crc32c(&[&head[..], &batch[..21]].concat())
    };
    let log = (1..1 << 20).find(|log| with_crc(*log) < 1 << 24).unwrap();
    (LogId(log), batch)
}

#[test]
fn a_batch_that_damage_turns_into_padding_is_missed() {
    let (log, hidden) = batch_like_padding(1);
    let mut world = World::with(forebay_storage::Options {
        tail_cache_bytes: 1,
        ..small()
    });
    world.create(log, Durability::Fsync);
    world.commit();
    let first = (0..)
        .map(|n| values(&[&vec![b'x'; n]]))
        .find(|batch| batch.len() % 8 == 5);
    world.append(log, first.unwrap());
    world.append(log, hidden.clone());
    world.commit();
    world.append(log, values(&[b"after it"]));
    world.append(log, values(&[b"what stays in memory"]));
    world.commit();
    assert!(read_all(&world.reader(log), 0).unwrap()[1] == hidden);

    let (file, bytes) = world.disk.journal_files().unwrap()[0];
    let mut content = vec![0; bytes as usize];
    world
        .disk
        .open_journal_file(file)
        .unwrap()
        .read_at(0, &mut content)
        .unwrap();
    let at = content
        .windows(hidden.len())
        .position(|window| window == hidden)
        .unwrap()
        - 32;
    assert_eq!((content[at], at % 8), (1, 5));
    world.disk.flip_journal_bit(file, at, 0);
    let error = read_all(&world.reader(log), 0).expect_err("a batch was passed over");
    assert!(error.to_string().contains("is corrupt at byte"), "{error}");
}

#[test]
fn padding_that_a_failed_write_left_out_is_written_by_the_next_start() {
    let mut padded = 0;
    for length in 0..8 {
        let mut world = World::new();
        world.create(LOG, Durability::Fsync);
        world.commit();
        let batch = values(&[&vec![b'x'; length]]);
        world.append(LOG, batch.clone());
        world.commit();
        let (file, bytes) = world.disk.journal_files().unwrap()[0];
        let handle = world.disk.open_journal_file(file).unwrap();
        let content = handle.read(0, bytes as usize).unwrap();
        // Behind what the log puts into its head.
        let kept = &batch[21..];
        let found = content.windows(kept.len()).position(|at| at == kept);
        let end = found.unwrap() + kept.len();
        let padding = end.next_multiple_of(8) - end;
        handle.write_at(end as u64, &[7; 8][..padding]).unwrap();
        padded += padding;
        assert_eq!(verify(&world.disk).damages, [], "nobody is to see it yet");

        let mut world = world.killed();
        world.append(LOG, values(&[b"behind it"]));
        world.commit();
        assert_eq!(verify(&world.disk).damages, []);
        let world = world.killed();
        assert_eq!(all_values(&world.reader(LOG)).len(), 2);
    }
    assert!(padded > 0);
}
