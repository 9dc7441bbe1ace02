//! What a log's policy keeps, and what it lets go.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use std::collections::BTreeMap;

use forebay_storage::{CompactionPolicy, Durability, LogId, LogPolicy, Options};
use support::{LOG, Random, World, all_values, keyed, noise, records, small, timed, values};

const OTHER: LogId = LogId(2);

fn world_with(policy: LogPolicy) -> World {
    world_of(policy, small())
}

fn world_of(policy: LogPolicy, options: Options) -> World {
    let mut world = World::with(options);
    world.create(LOG, Durability::Fsync);
    world.create(OTHER, Durability::Fsync);
    world.engine.set_policy(LOG, policy);
    world.commit();
    world.settle();
    world
}

/// Fills journal files with another log's data, so that a sort moves everything so far.
fn sort(world: &mut World) {
    for n in 0..35 {
        world.pass(100);
        world.append(OTHER, values(&[&noise(n, 100_000)]));
        world.commit();
        world.settle();
    }
    assert!(world.reader(LOG).sections() > 0);
}

fn compaction() -> LogPolicy {
    LogPolicy {
        delete: false,
        compaction: Some(CompactionPolicy {
            dirty_ratio: 0.01,
            tombstone_ms: 60_000,
            lag_ms: 0,
        }),
        segment_ms: 1000,
        ..LogPolicy::default()
    }
}

/// Lets a compaction come due and run.
fn compact(world: &mut World) {
    world.pass(20_000);
    world.settle();
}

/// Offset, key and value of what is left.
fn left(world: &World) -> Vec<(u64, String, Option<String>)> {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let reader = world.reader(LOG);
    let found = records(&reader, reader.start_offset()).into_iter();
    found
        .map(|(offset, key, value)| (offset, text(key.unwrap()), value.map(text)))
        .collect()
}

#[test]
fn retention_by_time_lets_old_data_go_and_never_young() {
    let mut world = world_with(LogPolicy {
        retention_ms: Some(3_600_000),
        ..LogPolicy::default()
    });
    let wall = world.now.wall_ms;
    for minute in 0..120i64 {
        world.append(
            LOG,
            timed(wall + minute * 60_000, &[&noise(minute as u64, 140 << 10)]),
        );
        world.commit();
        world.settle();
        world.pass(60_000);
        let reader = world.reader(LOG);
        let oldest_due = minute - 60;
        assert!(
            reader.start_offset() as i64 <= oldest_due.max(0),
            "minute {minute}"
        );
    }
    world.settle();
    // Two journal files and what a sort puts together are let go of as a whole.
    assert!(world.reader(LOG).start_offset() > 30);
    let start = world.reader(LOG).start_offset();
    assert_eq!(world.cut().reader(LOG).start_offset(), start);
}

#[test]
fn a_policy_that_is_looked_at_now_does_not_wait_for_its_turn() {
    let mut world = world_with(LogPolicy::default());
    for n in 0..10 {
        world.append(LOG, values(&[&noise(n, 40_000)]));
        world.commit();
    }
    world.settle();
    let short = LogPolicy {
        retention_bytes: Some(100_000),
        ..LogPolicy::default()
    };
    world.engine.set_policy(LOG, short);
    world.settle();
    assert_eq!(world.reader(LOG).start_offset(), 0);
    world.engine.check_retention();
    world.settle();
    world.commit();
    assert_eq!(world.reader(LOG).start_offset(), 7);
}

#[test]
fn retention_by_size_keeps_at_least_what_it_says() {
    let kept = 3 << 20;
    let mut world = world_with(LogPolicy {
        retention_bytes: Some(kept),
        ..LogPolicy::default()
    });
    for n in 0..150 {
        world.append(LOG, values(&[&noise(n, 100 << 10)]));
        world.commit();
        world.pass(31_000);
        world.settle();
    }
    let bytes = world.reader(LOG).bytes();
    assert!(bytes >= kept && bytes < kept + (8 << 20), "{bytes}");
    assert!(world.segments() < 6, "{}", world.segments());
    let start = world.reader(LOG).start_offset();
    let world = world.cut();
    assert_eq!(world.reader(LOG).start_offset(), start);
    assert_eq!(all_values(&world.reader(LOG)).len() as u64, 150 - start);
}

#[test]
fn of_every_key_the_newest_stays_at_its_offset() {
    let mut world = world_with(compaction());
    for round in 0..5 {
        let value = format!("v{round}");
        world.append(LOG, keyed(1, &[("a", Some(&value)), ("b", Some(&value))]));
        world.commit();
    }
    world.append(LOG, keyed(1, &[("c", Some("only"))]));
    world.commit();
    compact(&mut world);
    let expected = [
        (8, "a".to_owned(), Some("v4".to_owned())),
        (9, "b".to_owned(), Some("v4".to_owned())),
        (10, "c".to_owned(), Some("only".to_owned())),
    ];
    assert_eq!(left(&world.cut()), expected);
    assert_eq!(world.reader(LOG).end_offset(), 11);
    // Also from segments, with more on top.
    sort(&mut world);
    world.append(LOG, keyed(1, &[("c", Some("newer"))]));
    world.commit();
    compact(&mut world);
    sort(&mut world);
    compact(&mut world);
    let world = world.cut();
    assert_eq!(left(&world).last().unwrap().2.as_deref(), Some("newer"));
    assert_eq!(left(&world).len(), 3);
    assert_eq!(world.engine.next_offset(LOG), Some(12));
}

#[test]
fn a_tombstone_goes_after_its_time_and_the_log_comes_to_rest() {
    for restart in [false, true] {
        let mut world = world_with(compaction());
        world.append(LOG, keyed(1, &[("a", Some("1")), ("b", Some("1"))]));
        world.append(LOG, keyed(1, &[("a", None)]));
        world.commit();
        compact(&mut world);
        let cold = |world: &World| left(&world.cut());
        assert_eq!(cold(&world).len(), 2);
        assert_eq!(cold(&world)[1], (2, "a".to_owned(), None));
        sort(&mut world);
        if restart {
            world = world.cut();
            world.engine.set_policy(LOG, compaction());
        }
        world.pass(120_000);
        world.settle();
        compact(&mut world);
        assert_eq!(cold(&world), [(1, "b".to_owned(), Some("1".to_owned()))]);
        // Nothing is left to do: no pass comes back for what is gone.
        for _ in 0..5 {
            world.pass(200_000);
            let jobs = world.jobs();
            assert!(jobs.iter().all(|job| job.name() != "rewrite"));
            for job in jobs {
                let done = job.run(&world.disk);
                world.finish(done);
            }
            world.commit();
        }
    }
}

#[test]
fn the_newest_part_and_young_records_are_left_alone() {
    let mut policy = compaction();
    policy.segment_ms = 1 << 40;
    policy.segment_bytes = 300;
    let mut world = world_with(policy);
    for n in 0..10 {
        world.append(LOG, keyed(1, &[("k", Some(&n.to_string()))]));
        world.commit();
    }
    compact(&mut world);
    let cold = left(&world.cut());
    // A part takes four such batches; two parts are closed, and the newest of each key stays.
    assert!(cold.len() > 1 && cold.len() < 10, "{cold:?}");
    assert_eq!(cold.last().unwrap().0, 9);

    let mut policy = compaction();
    policy.compaction.as_mut().unwrap().lag_ms = 3_600_000;
    let mut world = world_with(policy);
    let wall = world.now.wall_ms;
    for n in 0..5 {
        world.append(LOG, keyed(wall, &[("k", Some(&n.to_string()))]));
        world.commit();
    }
    compact(&mut world);
    assert_eq!(left(&world.cut()).len(), 5);
    world.pass(3_700_000);
    world.settle();
    assert_eq!(left(&world.cut()).len(), 1);
}

#[test]
fn keys_beyond_the_memory_of_a_pass_are_compacted_in_several() {
    let options = Options {
        compaction_key_bytes: 2000,
        ..small()
    };
    let mut world = world_of(compaction(), options);
    let mut newest = BTreeMap::new();
    let mut random = Random::new(3);
    for n in 0..600 {
        let key = format!("key-{}", random.below(150));
        let value = n.to_string();
        world.append(LOG, keyed(1, &[(&key, Some(&value))]));
        newest.insert(key, value);
        if n % 20 == 0 {
            world.commit();
        }
    }
    world.commit();
    for _ in 0..40 {
        compact(&mut world);
    }
    let found = left(&world.cut());
    assert_eq!(found.len(), newest.len());
    for (_, key, value) in found {
        assert_eq!(newest[&key], value.unwrap());
    }
}

#[test]
fn a_crash_at_any_moment_of_a_compaction_loses_no_newest_value() {
    let mut world = world_with(compaction());
    for n in 0..200 {
        let key = format!("k{}", n % 7);
        world.append(LOG, keyed(1, &[(&key, Some(&n.to_string()))]));
    }
    world.commit();
    world.pass(20_000);
    let newest = |world: &World| {
        let found = left(world).into_iter();
        found
            .map(|(_, key, value)| (key, value))
            .collect::<BTreeMap<_, _>>()
    };
    let expected = newest(&world);
    for job in world.jobs() {
        assert_eq!(newest(&world.cut()), expected);
        let done = job.run(&world.disk);
        assert_eq!(newest(&world.cut()), expected);
        world.finish(done);
        assert_eq!(newest(&world.cut()), expected);
        world.write();
        assert_eq!(newest(&world.killed()), expected);
        assert_eq!(newest(&world.cut()), expected);
        world.engine.sync().unwrap();
        assert_eq!(newest(&world.cut()), expected);
    }
    assert_eq!(left(&world.cut()).len(), 7);
}

#[test]
fn a_log_truncated_or_deleted_while_it_is_compacted() {
    for delete in [false, true] {
        let mut world = world_with(compaction());
        for n in 0..50 {
            world.append(LOG, keyed(1, &[("k", Some(&n.to_string()))]));
        }
        world.append(LOG, keyed(1, &[("last", Some("x"))]));
        world.commit();
        world.pass(20_000);
        let jobs = world.jobs();
        let rewrite = jobs
            .into_iter()
            .find(|job| job.name() == "rewrite")
            .unwrap();
        if delete {
            world.engine.delete_log(LOG);
        } else {
            world.engine.advance_start(LOG, 50);
        }
        world.commit();
        let done = rewrite.run(&world.disk);
        world.finish(done);
        world.commit();
        let world = world.cut();
        if delete {
            assert!(world.engine.reader(LOG).is_none());
            assert_eq!(world.segments(), 0);
        } else {
            assert_eq!(world.reader(LOG).start_offset(), 50);
            assert_eq!(left(&world).len(), 1);
        }
    }
}
