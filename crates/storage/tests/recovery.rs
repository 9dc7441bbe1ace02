//! What opening makes of a torn, stale, damaged or missing journal.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use forebay_storage::media::{BlobKey, BlobKind, Medium, SimulatedDisk};
use forebay_storage::{BlobId, Durability, FileId, StorageError};
use support::{LOG, Random, World, all_values, at, noise, small, values};

const HEAD: usize = 4096;
const ENTRY_HEAD: usize = 64;

fn corrupt(outcome: Result<World, StorageError>) -> (String, u64, String) {
    match outcome {
        Err(StorageError::Corrupt { file, offset, what }) => (file, offset, what),
        Err(other) => panic!("not corruption: {other}"),
        Ok(_) => panic!("the damage went unnoticed"),
    }
}

fn reopen(disk: &SimulatedDisk) -> Result<World, StorageError> {
    World::open(disk.clone(), small(), at(0))
}

fn log_with(count: u8) -> World {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.commit();
    for n in 0..count {
        world.append(LOG, values(&[&[n; 300]]));
        world.commit();
    }
    world
}

fn expected(count: u8) -> Vec<Vec<u8>> {
    (0..count).map(|n| vec![n; 300]).collect()
}

#[test]
fn a_torn_tail_is_cut_and_reported() {
    let mut world = log_with(3);
    world.append(LOG, values(&[&[9; 5000]]));
    world.write();
    world.append(LOG, values(&[&[9; 5000]]));
    world.write();
    let mut sectors = 0;
    // The first write is torn, the second whole.
    let disk = world.disk.after_power_cut(|| {
        sectors += 1;
        sectors != 3
    });
    let world = reopen(&disk).unwrap();
    assert!(world.recovered.torn);
    assert_eq!(all_values(&world.reader(LOG)), expected(3));
}

#[test]
fn entries_behind_a_cut_are_never_replayed() {
    let entry =
        |value: usize| (ENTRY_HEAD + 32 + values(&[&vec![0; value]]).len()).next_multiple_of(8);
    // The mark of the next opening and one entry fill exactly the place of two that are lost, so that
    // the third, which has the right number, follows them.
    let lost = 448;
    let filling = (0..2000)
        .find(|value| entry(*value) + ENTRY_HEAD == 2 * entry(lost))
        .unwrap();
    let mut world = log_with(2);
    let mut wanted = expected(2);
    for round in 0..4u8 {
        for n in 0..4 {
            world.append(LOG, values(&[&vec![100 + 10 * round + n; lost]]));
            world.write();
        }
        let mut sectors = 0;
        let disk = world.disk.after_power_cut(|| {
            sectors += 1;
            sectors > 2
        });
        world = reopen(&disk).unwrap();
        assert!(world.recovered.torn, "round {round}");
        assert_eq!(all_values(&world.reader(LOG)), wanted, "round {round}");
        world.append(LOG, values(&[&vec![round; filling]]));
        world.commit();
        wanted.push(vec![round; filling]);
        world = world.killed();
        assert_eq!(all_values(&world.reader(LOG)), wanted, "round {round}");
    }
}

#[test]
fn bytes_that_a_producer_made_look_like_an_entry_are_not_one() {
    let mut donor = log_with(0);
    donor.event(b"forged");
    donor.commit();
    let mut forged = vec![0; 4096];
    let file = donor.disk.open_journal_file(FileId(1)).unwrap();
    file.read_at(HEAD as u64, &mut forged).unwrap();
    // A tail of copies of real entries at every alignment, unsynced and torn at its head.
    let mut world = log_with(0);
    for shift in 0..8 {
        let mut value = vec![0; shift];
        value.extend_from_slice(&forged);
        world.append(LOG, values(&[&value]));
        world.write();
    }
    for lost in 1..8 {
        let mut sectors = 0;
        let disk = world.disk.after_power_cut(|| {
            sectors += 1;
            sectors > lost
        });
        assert!(reopen(&disk).unwrap().machine.events.is_empty());
    }
}

#[test]
fn damage_before_the_end_is_an_error_that_names_file_and_offset() {
    let world = log_with(5);
    // Opening, creation, then the appends; the third append is damaged.
    let first = ENTRY_HEAD;
    let creation = ENTRY_HEAD + 40;
    let append = (ENTRY_HEAD + 32 + values(&[&[0; 300]]).len()).next_multiple_of(8);
    let third = HEAD + first + creation + 2 * append;
    for position in [third, third + 5, third + 70, third + append - 20] {
        let disk = world.disk.after_kill();
        disk.flip_journal_bit(FileId(1), position, 3);
        let (file, offset, _) = corrupt(reopen(&disk));
        assert_eq!(file, "journal/00000000000000000001.journal");
        assert_eq!(offset, third as u64, "flipped at {position}");
        // The report changes nothing: a second look says the same.
        corrupt(reopen(&disk));
    }
}

#[test]
fn damage_of_the_last_entry_is_known_as_such_once_the_engine_was_idle_or_opened_again() {
    let flipped = |world: &World| {
        let disk = world.disk.after_kill();
        let mut bytes = vec![0; 1 << 20];
        let file = disk.open_journal_file(FileId(1)).unwrap();
        file.read_at(0, &mut bytes).unwrap();
        let last = bytes
            .windows(300)
            .rposition(|window| window == [4; 300])
            .unwrap();
        disk.flip_journal_bit(FileId(1), last + 7, 1);
        reopen(&disk)
    };
    let mut world = log_with(5);
    // Nothing says yet that it was durable.
    assert_eq!(
        all_values(&flipped(&world).unwrap().reader(LOG)),
        expected(4)
    );
    world.jobs();
    world.pass(10_000);
    assert!(world.engine.next_due() <= world.now.monotonic);
    world.jobs();
    corrupt(flipped(&world));
    assert!(
        world.engine.next_due() > world.now.monotonic,
        "one mark is enough"
    );

    let world = log_with(5).killed();
    corrupt(flipped(&world));
}

/// A world whose journal spans several files, none of them sorted yet.
fn several_files() -> World {
    let mut world = World::new();
    world.create(LOG, Durability::Fsync);
    world.commit();
    world.jobs().into_iter().for_each(drop);
    let mut world = world.killed();
    for n in 0..25u64 {
        world.append(LOG, values(&[&noise(n, 100 << 10)]));
        for job in world.jobs() {
            if job.name() == "prepare a journal file" {
                let done = job.run(&world.disk);
                world.finish(done);
            }
        }
        world.commit();
    }
    assert!(world.journal_files() >= 3);
    world
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let world = several_files();
    let files = world.disk.journal_files().unwrap();
    let used: Vec<_> = files.iter().map(|(id, _)| *id).collect();
    for id in used.iter().take(3) {
        let disk = world.disk.after_kill();
        disk.remove_journal_file(*id).unwrap();
        let (file, _, _) = corrupt(reopen(&disk));
        let named = FileId(id.0.max(2));
        assert!(
            file.ends_with(&format!("{named}.journal")) || id.0 == 1,
            "{id}: {file}"
        );
    }
}

#[test]
fn a_shortened_file_is_an_error_that_names_it() {
    let world = several_files();
    for id in [FileId(1), FileId(2)] {
        for length in [0, 100, HEAD, 500_000] {
            let disk = world.disk.after_kill();
            disk.truncate_journal_file(id, length);
            let (file, _, _) = corrupt(reopen(&disk));
            assert!(
                file.ends_with(&format!("{id}.journal")) || length < HEAD,
                "{file} {length}"
            );
        }
    }
}

#[test]
fn one_damaged_copy_of_a_files_head_is_harmless_and_two_are_an_error() {
    let world = several_files();
    for id in [FileId(1), FileId(2), FileId(3)] {
        let disk = world.disk.after_kill();
        disk.flip_journal_bit(id, 9, 0);
        assert_eq!(all_values(&reopen(&disk).unwrap().reader(LOG)).len(), 25);
        let disk = world.disk.after_kill();
        disk.flip_journal_bit(id, 9, 0);
        disk.flip_journal_bit(id, HEAD / 2 + 9, 0);
        corrupt(reopen(&disk));
    }
}

#[test]
fn damage_in_a_full_file_is_named_there_and_not_in_the_next() {
    let world = several_files();
    let disk = world.disk.after_kill();
    disk.flip_journal_bit(FileId(2), 300_000, 5);
    let (file, offset, what) = corrupt(reopen(&disk));
    assert!(file.ends_with("2.journal"), "{file}: {what}");
    assert!(offset > 0 && offset <= 300_000);
}

#[test]
fn a_damaged_snapshot_is_an_error() {
    let mut world = log_with(3);
    let job = world.engine.snapshot_job(|_| ()).unwrap();
    let done = job.run(&world.disk);
    world.finish(done);
    let (id, length) = world.disk.blobs(BlobKind::Snapshot).unwrap()[0];
    for position in 0..length as usize {
        let disk = world.disk.after_kill();
        disk.flip_blob_bit(BlobKey::snapshot(id), position, 2);
        let (file, _, _) = corrupt(reopen(&disk));
        assert!(file.starts_with("snapshots/"));
    }
}

/// Taken for one that a newer has replaced, it would be removed, and with it all that it stands for.
#[test]
fn a_snapshot_under_another_name_is_an_error_and_stays() {
    let mut world = log_with(3);
    world.settle();
    let job = world
        .engine
        .snapshot_job(|encoder| world.machine.snapshot(encoder));
    let done = job.unwrap().run(&world.disk);
    world.finish(done);
    let (id, length) = *world
        .disk
        .blobs(BlobKind::Snapshot)
        .unwrap()
        .last()
        .unwrap();
    let key = BlobKey::snapshot(id);
    let content = world.disk.read_blob(key, 0, length as usize).unwrap();
    let misnamed = BlobKey::snapshot(BlobId(id.0 + 1));
    for other in world.disk.blobs(BlobKind::Snapshot).unwrap() {
        world.disk.remove_blob(BlobKey::snapshot(other.0)).unwrap();
    }
    let mut blob = world.disk.create_blob(misnamed).unwrap();
    blob.write(&content).unwrap();
    blob.finish().unwrap();

    let disk = world.disk.after_kill();
    let (file, _, what) = corrupt(reopen(&disk));
    assert_eq!(file, misnamed.to_string());
    assert_eq!(what, format!("it is the snapshot of commit {id}"));
    assert_eq!(
        disk.blobs(BlobKind::Snapshot).unwrap(),
        [(misnamed.id, length)]
    );
}

#[test]
fn recovery_goes_on_from_a_snapshot() {
    let mut world = log_with(3);
    world.event(b"before");
    world.commit();
    let job = world
        .engine
        .snapshot_job(|encoder| world.machine.snapshot(encoder))
        .unwrap();
    let done = job.run(&world.disk);
    world.finish(done);
    world.append(LOG, values(&[&[3; 300]]));
    world.event(b"after");
    world.commit();
    let again = world.cut();
    assert_eq!(all_values(&again.reader(LOG)), expected(4));
    assert_eq!(
        again.machine.events,
        [b"before".to_vec(), b"after".to_vec()]
    );
    assert_eq!(again.recovered.replayed, 1);
    assert_eq!(again.machine.appended, [(LOG, 3)]);
}

#[test]
fn a_crash_while_opening_is_as_if_it_had_not_been_opened() {
    for seed in 0..50 {
        let mut random = Random::new(seed);
        let mut world = log_with(3);
        world.append(LOG, values(&[&[9; 5000]]));
        world.write();
        for _ in 0..4 {
            let disk = world.disk.after_power_cut(|| random.one_in(2));
            world = reopen(&disk).unwrap();
            let found = all_values(&world.reader(LOG));
            assert_eq!(found[..3], expected(3)[..]);
        }
    }
}

#[test]
fn many_openings_of_a_full_file_on_a_full_disk() {
    let mut world = several_files();
    let space = world.disk.space().unwrap();
    world
        .disk
        .set_capacity(space.total_bytes - space.free_bytes);
    for _ in 0..10 {
        world = world.killed();
        assert_eq!(all_values(&world.reader(LOG)).len(), 25);
    }
}
