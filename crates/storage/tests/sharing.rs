//! One batch in several logs: stored once, read from each as if it were its own.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use bytes::{Bytes, BytesMut};
use forebay_record::{Batch, patch_base_offset};
use forebay_storage::{AppendError, Durability, LogId, Options};
use support::{LOG, World, noise, read_all, small, values};

const LOGS: [LogId; 3] = [LogId(1), LogId(2), LogId(3)];

fn world(tail_cache_bytes: usize) -> World {
    let mut world = World::with(Options {
        tail_cache_bytes,
        ..small()
    });
    for log in LOGS {
        world.create(log, Durability::Fsync);
    }
    // The logs stand at different offsets.
    world.append(LOGS[1], values(&[b"before", b"that"]));
    world.append(LOGS[2], values(&[b"before"]));
    world.commit();
    world
}

fn at(batch: &Bytes, base: u64) -> Bytes {
    let mut batch = BytesMut::from(&batch[..]);
    patch_base_offset(&mut batch, base as i64, 0).unwrap();
    batch.freeze()
}

/// The last batch of each log.
fn last(world: &World) -> Vec<Bytes> {
    let read = |log| read_all(&world.reader(log), 0).unwrap().pop().unwrap();
    LOGS.iter().map(|log| read(*log)).collect()
}

fn expected(batch: &Bytes) -> Vec<Bytes> {
    [0, 2, 1].map(|base| at(batch, base)).to_vec()
}

#[test]
fn each_log_has_the_batch_at_its_own_offset_wherever_it_is_read_from() {
    // Small ones are gathered when they are read, large ones are not.
    for bytes in [100, 20_000] {
        let batch = values(&[&noise(1, bytes), b"two"]);
        let mut world = world(1 << 20);
        let bases = world.append_to_many(&LOGS, &batch);
        assert_eq!(bases, [0, 2, 1]);
        let own = world.engine.unpublished(LOGS[1], 3).unwrap();
        assert_eq!(own, at(&batch, 2), "before it can be read");
        world.commit();
        assert_eq!(last(&world), expected(&batch), "from memory");
        for log in LOGS {
            let next = world.append(log, values(&[b"after"]));
            assert_eq!(next, world.reader(log).end_offset());
        }
        let cold = world.killed();
        let held = cold.machine.appended.iter();
        let bases: Vec<_> = held.filter(|(log, _)| *log == LOGS[1]).collect();
        assert_eq!(bases, [&(LOGS[1], 0), &(LOGS[1], 2)], "replayed");
        assert_eq!(last(&cold), expected(&batch), "from the journal");
        let batches = last(&cold);
        let mut stored = batches.iter().map(|batch| Batch::only(batch).unwrap());
        assert!(stored.all(|batch| batch.verify_stored().is_ok()));
    }
}

#[test]
fn the_journal_holds_the_bytes_once() {
    let mut world = world(0);
    let before = world.engine.journaled_bytes();
    world.append_to_many(&LOGS, &values(&[&noise(1, 100_000)]));
    world.commit();
    let grown = world.engine.journaled_bytes() - before;
    assert!((100_000..101_000).contains(&grown), "{grown}");
}

#[test]
fn sorting_gives_each_log_its_own() {
    let mut world = world(0);
    let mut all = Vec::new();
    for n in 0..40 {
        let batch = values(&[&noise(n, 100_000)]);
        world.append_to_many(&LOGS, &batch);
        all.push(batch);
        world.commit();
        world.settle();
    }
    assert!(world.segments() > 0);
    world.engine.delete_log(LOGS[0]);
    world.commit();
    world.settle();
    for world in [&world, &world.killed()] {
        for (log, first) in [(LOGS[1], 2), (LOGS[2], 1)] {
            assert!(world.reader(log).sections() > 0);
            let expected = all.iter().zip(first..);
            let expected: Vec<_> = expected.map(|(batch, base)| at(batch, base)).collect();
            assert_eq!(read_all(&world.reader(log), first).unwrap(), expected);
        }
    }
}

#[test]
fn memory_is_taken_by_the_bytes_and_not_by_the_logs() {
    // Room for the bytes of eight batches, each of which is in three logs.
    let mut world = world(8 * 11_000 + 1_000);
    for n in 0..8 {
        world.append_to_many(&LOGS, &values(&[&noise(n, 10_000)]));
    }
    world.commit();
    for (log, first) in LOGS.into_iter().zip([0, 2, 1]) {
        let read = world.reader(log).read(first, 1 << 20, true).unwrap();
        assert!(matches!(read, forebay_storage::Read::Ready(_)), "{log}");
    }
}

#[test]
fn nothing_is_appended_if_one_of_the_logs_is_not_there() {
    let mut world = world(0);
    let batch = BytesMut::from(&values(&[b"one"])[..]);
    let logs = [LOG, LogId(99)];
    let refused = world.engine.append_to_many(&logs, batch, world.now);
    assert_eq!(refused, Err(AppendError::UnknownLog(LogId(99))));
    assert_eq!(world.engine.next_offset(LOG), Some(0));
}
