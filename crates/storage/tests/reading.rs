//! Looking into a log: by offset, by time, from memory and from disk; being told that it grew.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use forebay_storage::{Durability, LogId, Observer, Options, Read, ReadError, Watch};
use parking_lot::Mutex;
use support::{LOG, World, noise, read, read_all, small, timed, values};

fn world() -> World {
    let mut world = World::with(Options {
        tail_cache_bytes: 4000,
        ..small()
    });
    world.create(LOG, Durability::Fsync);
    world.commit();
    world.settle();
    world
}

#[test]
fn a_read_gives_whole_batches_within_its_budget_and_at_least_one_if_asked() {
    let mut world = world();
    for n in 0..20 {
        world.append(LOG, values(&[&noise(n, 900), &noise(n, 50)]));
        world.commit();
    }
    let reader = world.reader(LOG);
    for from in [0, 1, 7, 33, 39] {
        let got = read(&reader, from, 2500).unwrap();
        assert_eq!(got.len(), 2.min((41 - from as usize) / 2), "from {from}");
        let first = forebay_record::BatchHeader::parse(&got[0]).unwrap();
        assert_eq!(first.base_offset as u64, from / 2 * 2);
        assert_eq!(read(&reader, from, 10).unwrap().len(), 1);
    }
    let nothing = match reader.read(0, 10, false).unwrap() {
        Read::Cold(cold) => cold.run().unwrap(),
        Read::Ready(_) => panic!("old batches are not in memory"),
    };
    assert!(nothing.parts.is_empty());
    assert_eq!(nothing.next, 0);
    let end = reader.read(40, 1000, true).unwrap();
    assert!(matches!(end, Read::Ready(batches) if batches.parts.is_empty() && batches.next == 40));
    assert!(matches!(
        reader.read(41, 1000, true),
        Err(ReadError::OutOfRange {
            start: 0,
            end: 40,
            offset: 41
        })
    ));
}

#[test]
fn offsets_below_the_start_are_out_of_range_and_a_deleted_log_says_so() {
    let mut world = world();
    for n in 0..5 {
        world.append(LOG, values(&[&noise(n, 10), &noise(n, 10)]));
    }
    world.commit();
    let reader = world.reader(LOG);
    world.engine.advance_start(LOG, 5);
    assert!(matches!(
        reader.read(4, 1000, true),
        Err(ReadError::OutOfRange { start: 5, .. })
    ));
    // The batch that holds the offset comes whole.
    let got = read(&reader, 5, 1 << 20).unwrap();
    assert_eq!(got.len(), 3);
    world.commit();
    let again = world.cut();
    assert_eq!(again.reader(LOG).start_offset(), 5);
    assert_eq!(read_all(&again.reader(LOG), 5).unwrap(), got);
    world.engine.delete_log(LOG);
    assert!(matches!(
        reader.read(5, 1000, true),
        Err(ReadError::Deleted)
    ));
    assert!(reader.is_deleted());
}

#[test]
fn the_memory_of_recent_batches_stays_within_its_budget() {
    let mut world = world();
    world.create(LogId(2), Durability::Fsync);
    for n in 0..50 {
        world.append(LOG, values(&[&noise(n, 500)]));
        world.append(LogId(2), values(&[&noise(n, 500)]));
        world.commit();
    }
    let reader = world.reader(LOG);
    let in_memory =
        (0..50).filter(|from| matches!(reader.read(*from, 1 << 20, true).unwrap(), Read::Ready(_)));
    let count = in_memory.count();
    assert!(
        (2..=4).contains(&count),
        "{count} batches of 600 bytes of two logs in 4000 bytes"
    );
    // One that is larger than the budget still reaches those who wait for it.
    world.append(LOG, values(&[&noise(1, 9000)]));
    world.commit();
    assert!(matches!(
        reader.read(50, 1 << 20, true).unwrap(),
        Read::Ready(_)
    ));
}

#[test]
fn a_time_is_found_in_segments_in_the_journal_and_in_memory() {
    let mut world = world();
    let mut expected = Vec::new();
    for n in 0..60i64 {
        let time = 1000 + 10 * n;
        world.append(LOG, timed(time, &[&noise(n as u64, 60_000), b"same time"]));
        expected.push((2 * n as u64, time));
        world.pass(100);
        world.commit();
        if n < 50 {
            world.settle();
        }
    }
    assert!(world.reader(LOG).sections() > 0);
    for world in [&world, &world.cut()] {
        let reader = world.reader(LOG);
        for (offset, time) in &expected {
            assert_eq!(
                reader.find_timestamp(*time).unwrap(),
                Some((*offset, *time))
            );
            assert_eq!(
                reader.find_timestamp(*time - 3).unwrap(),
                Some((*offset, *time))
            );
        }
        assert_eq!(reader.find_timestamp(0).unwrap(), Some((0, 1000)));
        assert_eq!(reader.find_timestamp(5000).unwrap(), None);
        assert_eq!(reader.newest_timestamp().unwrap(), Some((118, 1590)));
    }
    // Times need not ascend, and what is below the start is not found.
    world.append(LOG, timed(999_999, &[b"ahead"]));
    world.append(LOG, timed(5, &[b"behind"]));
    world.commit();
    world.engine.advance_start(LOG, 101);
    let reader = world.reader(LOG);
    assert_eq!(reader.newest_timestamp().unwrap(), Some((120, 999_999)));
    let found = reader.find_timestamp(1500).unwrap().unwrap();
    assert!(found.0 >= 101, "{found:?}");
}

#[test]
fn the_newest_time_is_found_when_what_had_a_newer_one_is_gone() {
    let mut world = world();
    world.append(LOG, timed(9000, &[b"newest"]));
    world.append(LOG, timed(10, &[b"older"]));
    world.append(LOG, timed(20, &[b"old"]));
    world.commit();
    world.engine.advance_start(LOG, 1);
    world.commit();
    let reader = world.reader(LOG);
    assert_eq!(reader.newest_timestamp().unwrap(), Some((2, 20)));
    let empty = LogId(3);
    world.create(empty, Durability::Fsync);
    world.commit();
    assert_eq!(world.reader(empty).newest_timestamp().unwrap(), None);
}

#[derive(Default)]
struct Told {
    calls: Mutex<Vec<(u64, u64)>>,
}

impl Observer for Told {
    fn log_changed(&self, key: u64, bytes: u64) {
        self.calls.lock().push((key, bytes));
    }
}

#[test]
fn watchers_are_told_when_their_log_grows_and_when_it_goes() {
    let mut world = world();
    world.create(LogId(2), Durability::Fsync);
    let told = Arc::new(Told::default());
    let observer: Arc<dyn Observer> = told.clone();
    let watch = world.reader(LOG).watch(7, &observer);
    let batch = values(&[b"x"]);
    world.append(LOG, batch.clone());
    world.append(LogId(2), batch.clone());
    world.write();
    assert!(told.calls.lock().is_empty(), "not before it is durable");
    world.engine.sync().unwrap();
    assert_eq!(*told.calls.lock(), [(7, batch.len() as u64)]);
    drop(watch);
    world.append(LOG, batch);
    world.commit();
    assert_eq!(told.calls.lock().len(), 1);
    let _watch = world.reader(LOG).watch(8, &observer);
    world.engine.delete_log(LOG);
    assert_eq!(*told.calls.lock().last().unwrap(), (8, 0));
}

/// Holds its own watch, and lets go of itself when it is told.
struct Fleeting {
    held: Mutex<Option<Arc<dyn Observer>>>,
    watch: Mutex<Option<Watch>>,
    told: Arc<AtomicU64>,
}

impl Observer for Fleeting {
    fn log_changed(&self, _: u64, _: u64) {
        self.told.fetch_add(1, Ordering::Relaxed);
        drop(self.held.lock().take());
    }
}

#[test]
fn an_observer_may_end_while_it_is_told() {
    let mut world = world();
    let told = Arc::new(AtomicU64::new(0));
    let fleeting = Arc::new(Fleeting {
        held: Mutex::new(None),
        watch: Mutex::new(None),
        told: told.clone(),
    });
    let observer: Arc<dyn Observer> = fleeting.clone();
    *fleeting.watch.lock() = Some(world.reader(LOG).watch(1, &observer));
    *fleeting.held.lock() = Some(observer);
    drop(fleeting);
    for _ in 0..3 {
        world.append(LOG, values(&[b"x"]));
        world.commit();
    }
    assert_eq!(told.load(Ordering::Relaxed), 1);
}
