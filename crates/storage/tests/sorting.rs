//! Moving data out of the journal: sort, shared segments, recycled files, merges, deletion.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use forebay_storage::limits::SPACE_BACK_DELAY;
use forebay_storage::media::{BlobKind, Fault, Medium};
use forebay_storage::{Durability, Job, LogId, Options};
use support::{LOG, World, all_values, noise, read_all, small, values};

const SPARE: &str = "prepare a journal file";

/// Fills journal files with batches of the given logs in turn until a sort is due; returns it and
/// the other jobs that came with it.
fn until_sort(world: &mut World, logs: &[LogId], bytes: usize) -> Job {
    for n in 0..2000u64 {
        world.pass(100);
        for log in logs {
            world.append(*log, values(&[&noise(n, bytes)]));
        }
        world.commit();
        for job in world.jobs() {
            match job.name() {
                "sort" => return job,
                _ => {
                    let done = job.run(&world.disk);
                    world.finish(done);
                }
            }
        }
    }
    panic!("no sort ever came");
}

fn world_of(logs: &[LogId]) -> World {
    let mut world = World::with(Options {
        tail_cache_bytes: 0,
        ..small()
    });
    for log in logs {
        world.create(*log, Durability::Fsync);
    }
    world.commit();
    world.settle();
    world
}

fn finish(world: &mut World, job: Job) {
    let done = job.run(&world.disk);
    world.finish(done);
    world.commit();
    world.settle();
}

#[test]
fn a_sort_moves_data_into_segments_and_gives_the_files_back() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    let before = read_all(&world.reader(LOG), 0).unwrap();
    let files = world.journal_files();
    finish(&mut world, sort);
    assert_eq!(world.segments(), 1);
    assert!(world.journal_files() < files + 1);
    assert_eq!(read_all(&world.reader(LOG), 0).unwrap(), before);
    let world = world.cut();
    assert_eq!(read_all(&world.reader(LOG), 0).unwrap(), before);
    assert!(world.recovered.snapshot.0 > 0);
}

#[test]
fn files_are_written_over_again_and_again() {
    let mut world = world_of(&[LOG]);
    for _ in 0..6 {
        let sort = until_sort(&mut world, &[LOG], 90_000);
        finish(&mut world, sort);
        assert!(world.journal_files() <= 6, "{}", world.journal_files());
    }
    let kept = read_all(&world.reader(LOG), 0).unwrap();
    assert_eq!(read_all(&world.cut().reader(LOG), 0).unwrap(), kept);
}

#[test]
fn small_logs_share_a_segment_and_keep_it_until_the_last_is_gone() {
    let logs: Vec<_> = (1..=40).map(LogId).collect();
    let mut world = world_of(&logs);
    let sort = until_sort(&mut world, &logs, 500);
    finish(&mut world, sort);
    assert_eq!(world.segments(), 1);
    for log in &logs[1..] {
        world.engine.delete_log(*log);
    }
    world.commit();
    assert_eq!(world.segments(), 1);
    assert!(!all_values(&world.reader(logs[0])).is_empty());
    // The last reference goes; the segment goes when that is durable, and not before.
    let end = world.reader(logs[0]).end_offset();
    world.engine.advance_start(logs[0], end);
    world.write();
    assert_eq!(world.segments(), 1);
    let lost = world.cut();
    assert_eq!(lost.reader(logs[0]).start_offset(), 0);
    assert!(!all_values(&lost.reader(logs[0])).is_empty());
    world.engine.sync().unwrap();
    // What is left is what came after the sort.
    assert_eq!(world.segments(), 0);
    assert_eq!(world.cut().reader(logs[0]).start_offset(), end);
}

#[test]
fn space_comes_back_in_a_while_though_nothing_else_is_synced() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    finish(&mut world, sort);
    world.engine.set_durability(LOG, Durability::Os);
    world.commit();
    let end = world.reader(LOG).end_offset();
    world.engine.advance_start(LOG, end);
    world.write();
    assert!(
        !world.engine.sync_due(),
        "who only gives back holds nobody up"
    );
    assert_eq!(world.segments(), 1);
    let due = world.engine.next_due();
    assert!(due <= world.now.monotonic + SPACE_BACK_DELAY);
    world.pass(SPACE_BACK_DELAY.as_millis() as u64);
    world.settle();
    assert_eq!(world.segments(), 0);
    assert_eq!(world.cut().reader(LOG).start_offset(), end);
}

#[test]
fn a_kill_after_a_deletion_and_a_power_cut_right_behind_it_lose_no_segment() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    finish(&mut world, sort);
    world.engine.delete_log(LOG);
    world.write();
    // The deletion is only in the page cache; opening acts on it and must have made it durable.
    let opened = world.killed();
    assert!(opened.engine.reader(LOG).is_none());
    let again = opened.cut();
    assert!(again.engine.reader(LOG).is_none());
}

#[test]
fn a_segment_that_a_power_cut_brings_back_is_removed_at_the_next_start() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    finish(&mut world, sort);
    world.engine.delete_log(LOG);
    world.commit();
    assert_eq!(world.segments(), 0);
    // That the log is deleted is durable, the removal of its file is not.
    let opened = world.cut_keeping(|| true);
    assert!(opened.engine.reader(LOG).is_none());
    assert_eq!(opened.segments(), 0);
}

#[test]
fn a_reader_goes_on_while_its_data_is_moved() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    let reader = world.reader(LOG);
    let expected = read_all(&reader, 0).unwrap();
    let cold = match reader.read(0, 10 << 20, true).unwrap() {
        forebay_storage::Read::Cold(cold) => cold,
        forebay_storage::Read::Ready(_) => panic!("nothing is kept in memory"),
    };
    finish(&mut world, sort);
    // Planned before the move, run after the files were written over.
    for _ in 0..3 {
        let sort = until_sort(&mut world, &[LOG], 90_000);
        finish(&mut world, sort);
    }
    let batches = cold.run().unwrap();
    let bytes: usize = expected.iter().map(|batch| batch.len()).sum();
    assert!(batches.bytes >= bytes);
    assert_eq!(batches.parts[0][..100], expected[0][..100]);
}

#[test]
fn a_log_deleted_or_cut_while_it_is_sorted_leaves_nothing_behind() {
    for whole in [true, false] {
        let mut world = world_of(&[LOG]);
        let sort = until_sort(&mut world, &[LOG], 50_000);
        let done = sort.run(&world.disk);
        assert_eq!(world.segments(), 1);
        if whole {
            world.engine.delete_log(LOG);
        } else {
            let end = world.reader(LOG).end_offset();
            world.engine.advance_start(LOG, end);
        }
        world.commit();
        world.finish(done);
        world.commit();
        assert_eq!(world.segments(), 0);
        world.settle();
        world.cut();
    }
}

#[test]
fn a_crash_at_any_moment_of_a_sort_loses_nothing() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    let expected = read_all(&world.reader(LOG), 0).unwrap();
    let check = |world: &World| {
        assert_eq!(read_all(&world.cut().reader(LOG), 0).unwrap(), expected);
        assert_eq!(read_all(&world.killed().reader(LOG), 0).unwrap(), expected);
    };
    let done = sort.run(&world.disk);
    check(&world);
    // Nobody refers to the segment: the opening removed it.
    assert_eq!(world.cut().segments(), 0);
    world.finish(done);
    check(&world);
    world.write();
    check(&world);
    world.engine.sync().unwrap();
    check(&world);
    for job in world.jobs() {
        let done = job.run(&world.disk);
        check(&world);
        world.finish(done);
        check(&world);
    }
    world.settle();
    check(&world);
}

#[test]
fn a_failed_sort_is_tried_again() {
    let mut world = world_of(&[LOG]);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    world.disk.inject(Fault::Blob);
    let done = sort.run(&world.disk);
    world.finish(done);
    assert!(world.jobs().iter().all(|job| job.name() != "sort"));
    world.pass(2000);
    let jobs = world.jobs();
    let again = jobs.into_iter().find(|job| job.name() == "sort").unwrap();
    finish(&mut world, again);
    assert!(world.segments() >= 1);
}

#[test]
fn damage_in_a_full_file_holds_up_only_the_logs_it_hit() {
    let other = LogId(2);
    let mut world = world_of(&[LOG, other]);
    let batch = values(&[&noise(1, 50_000)]);
    world.append(other, batch.clone());
    world.commit();
    let sort = until_sort(&mut world, &[LOG], 50_000);
    let (first, _) = world.disk.journal_files().unwrap()[0];
    let second = forebay_storage::FileId(first.0 + 1);
    world.disk.flip_journal_bit(second, 500_000, 1);
    finish(&mut world, sort);
    assert_eq!(read_all(&world.reader(other), 0).unwrap().len(), 1);
    assert_eq!(world.segments(), 1, "the other log was sorted");
    // The damage is named when it is met, and nothing of it is handed out.
    let error = read_all(&world.reader(LOG), 0).unwrap_err().to_string();
    assert!(error.contains(&format!("{second}.journal")), "{error}");
    assert!(!all_values(&world.reader(other)).is_empty());
    // The engine goes on.
    for _ in 0..3 {
        let sort = until_sort(&mut world, &[other], 50_000);
        finish(&mut world, sort);
    }
}

#[test]
fn many_small_sections_are_merged() {
    let busy = LogId(2);
    let mut world = world_of(&[LOG, busy]);
    let mut appended = Vec::new();
    for n in 0..20 {
        let value = noise(n, 700);
        world.append(LOG, values(&[&value]));
        appended.push(value);
        let sort = until_sort(&mut world, &[busy], 120_000);
        finish(&mut world, sort);
        world.pass(20_000);
    }
    world.settle();
    assert_eq!(all_values(&world.reader(LOG)), appended);
    let sections = world.reader(LOG).sections();
    assert!(sections <= 17, "{sections} sections are left");
    assert_eq!(all_values(&world.cut().reader(LOG)), appended);
}

#[test]
fn thousands_of_logs_are_installed_without_outgrowing_the_journal() {
    let logs: Vec<_> = (1..=6000).map(LogId).collect();
    let mut world = World::with(Options {
        tail_cache_bytes: 0,
        ..small()
    });
    for log in &logs {
        world.create(*log, Durability::Fsync);
        if world.engine.gathered_bytes() > 100_000 {
            world.commit();
        }
    }
    world.commit();
    world.settle();
    let mut sorted = false;
    for round in 0..4u64 {
        for log in &logs {
            world.append(*log, values(&[&noise(round, 60)]));
            if world.engine.gathered_bytes() > 100_000 {
                world.commit();
                for job in world.jobs() {
                    sorted |= job.name() == "sort";
                    let done = job.run(&world.disk);
                    world.finish(done);
                }
            }
        }
    }
    world.commit();
    world.settle();
    assert!(sorted);
    let world = world.cut();
    for log in logs.iter().step_by(500) {
        assert_eq!(all_values(&world.reader(*log)).len(), 4);
    }
}

#[test]
fn a_full_medium_refuses_producers_lets_consumers_go_on_and_heals() {
    use forebay_storage::Room;
    let mut world = world_of(&[LOG]);
    let space = world.disk.space().unwrap();
    world
        .disk
        .set_capacity(space.total_bytes - space.free_bytes);
    let mut appended = 0;
    let full = loop {
        match world.engine.room(10_000, false) {
            Room::Now => {
                world.append(LOG, values(&[&noise(appended, 9_000)]));
                appended += 1;
                world.commit();
            }
            Room::Full => break true,
            Room::AfterCommit => world.commit(),
            Room::AfterSpare => {
                let jobs = world.jobs();
                if jobs.is_empty() {
                    world.pass(1500);
                }
                for job in jobs {
                    assert_eq!(job.name(), SPARE);
                    let done = job.run(&world.disk);
                    world.finish(done);
                }
            }
        }
        assert!(appended < 1000);
    };
    assert!(full);
    // What keeps consumers going still has room.
    for _ in 0..20 {
        assert_eq!(world.engine.room(0, true), Room::Now);
        world.event(b"acknowledged");
        world.commit();
    }
    assert_eq!(all_values(&world.reader(LOG)).len() as u64, appended);
    // It also starts while it is full.
    let disk = world.disk.after_kill();
    let capacity = world.disk.space().unwrap().total_bytes;
    disk.set_capacity(capacity);
    let again = World::open(disk, world.options.clone(), world.now).unwrap();
    assert_eq!(again.machine.events.len(), 20);
    // And heals by itself.
    world.disk.set_capacity(1 << 40);
    world.pass(2000);
    world.settle();
    assert_eq!(world.engine.room(10_000, false), Room::Now);
    let snapshots = world.disk.blobs(BlobKind::Snapshot).unwrap();
    assert!(snapshots.len() <= 1);
}

#[test]
fn a_command_larger_than_a_journal_file_gets_one_that_is_large_enough() {
    use forebay_storage::Room;
    let mut world = world_of(&[LOG]);
    let batches: Vec<_> = (0..12).map(|n| values(&[&noise(n, 200_000)])).collect();
    let bytes = batches.iter().map(|batch| batch.len()).sum();
    assert_eq!(world.engine.room(bytes, false), Room::AfterSpare);
    world.settle();
    assert_eq!(world.engine.room(bytes, false), Room::Now);
    for batch in &batches {
        world.append(LOG, batch.clone());
    }
    world.commit();
    world.settle();
    assert_eq!(all_values(&world.cut().reader(LOG)).len(), 12);
}

#[test]
fn what_a_machine_stores_beyond_its_room_still_finds_a_file() {
    let mut world = world_of(&[LOG]);
    for n in 0..40u8 {
        world.event(&vec![n; 100_000]);
    }
    world.commit();
    for n in 0..40u8 {
        world.event(&vec![n; 100_000]);
    }
    world.commit();
    world.settle();
    assert_eq!(world.cut().machine.events.len(), 80);
}

fn world_that_leaves(sealed_files_left: usize) -> World {
    let mut world = World::with(Options {
        sealed_files_left,
        ..small()
    });
    world.create(LOG, Durability::Fsync);
    world.commit();
    world
}

#[test]
fn what_was_written_lately_is_left_for_the_next_sort() {
    let mut world = world_that_leaves(2);
    let sort = until_sort(&mut world, &[LOG], 50_000);
    let full_before = 4;
    assert!(world.journal_files() > full_before);
    let before = read_all(&world.reader(LOG), 0).unwrap();
    finish(&mut world, sort);
    assert_eq!(world.segments(), 1);
    assert_eq!(read_all(&world.reader(LOG), 0).unwrap(), before);
    let stored: u64 = world.stored_segment_bytes();
    let all: usize = before.iter().map(|batch| batch.len()).sum();
    assert!(stored < all as u64 * 2 / 3, "{stored} of {all}");
}

#[test]
fn what_is_read_and_gone_by_then_is_never_sorted() {
    let mut world = world_that_leaves(2);
    for n in 0..200 {
        world.pass(100);
        let end = world.append(LOG, values(&[&noise(n, 100_000)]));
        world.commit();
        // The consumer is a file behind.
        world.engine.advance_start(LOG, end.saturating_sub(10));
        world.settle();
    }
    assert_eq!(world.segments(), 0);
    assert!(world.journal_files() < 16, "and their space comes back");
}
