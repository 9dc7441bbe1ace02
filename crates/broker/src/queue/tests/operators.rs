//! What operators do.

use super::harness::*;
use crate::queue::*;

#[test]
fn a_purge_drops_what_is_ready() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.get(ANNA, 2);
    let delayed = Attributes {
        not_before_ms: Some(bench.now_ms + 10),
        ..Attributes::default()
    };
    bench.enqueue_with(1, delayed);
    let lost = bench.turn(|queue, turn| queue.purge(turn));
    let expected = Lost {
        ready: 3,
        ..Lost::default()
    };
    assert_eq!(lost, expected);
    let counters = *bench.queue.counters();
    assert_eq!((counters.ready, counters.ready_bytes), (0, 0));
    assert_eq!((counters.locked, counters.delayed), (2, 1));
    assert_eq!(counters.totals.purged, 3);
    bench.ack(ANNA, 0..2);
    assert_eq!(bench.queue.log_start(), 5);
}

#[test]
fn a_message_is_taken_out_of_the_middle_if_nobody_has_it() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.get(ANNA, 1);
    let mut take = |offset| bench.turn(|queue, turn| queue.take_out(offset, turn));
    assert_eq!(take(2), Some(0));
    assert_eq!(take(2), None, "it is gone");
    assert_eq!(take(0), None, "somebody has it");
    assert_eq!(take(5), None, "it never came");
    let totals = bench.queue.counters().totals;
    assert_eq!((totals.moved, totals.acked, totals.delivered), (1, 0, 1));
    let before = snapshot(&bench.queue);
    assert_eq!(
        snapshot(&bench.replayed(QueueSettings::default())),
        before,
        "the journal knows it"
    );
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.get(BERT, 9), [1, 3, 4]);
}

#[test]
fn who_looks_sees_where_every_message_stands_and_changes_nothing() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(4);
    bench.get(ANNA, 2);
    bench.nack(ANNA, 0..1);
    let delayed = Attributes {
        not_before_ms: Some(bench.now_ms + 10),
        ..Attributes::default()
    };
    bench.enqueue_with(1, delayed);
    bench.turn(|queue, turn| queue.take_out(2, turn));
    let before = snapshot(&bench.queue);
    let look = |from, below, count| {
        let looked = bench.queue.look(from, below, count).into_iter();
        looked
            .map(|standing| (standing.offset, standing.place))
            .collect::<Vec<_>>()
    };
    let (ready, locked) = (Place::Ready, Place::Locked);
    let all = [(0, ready), (1, locked), (3, ready), (4, Place::Delayed)];
    assert_eq!(look(0, u64::MAX, 100), all);
    assert_eq!(look(1, 4, 100), all[1..3]);
    assert_eq!(look(2, u64::MAX, 1), all[2..3]);
    assert_eq!(look(5, u64::MAX, 100), []);
    assert_eq!(bench.queue.look(0, 1, 1)[0].mark.deliveries, 1);
    assert_eq!(snapshot(&bench.queue), before);
}

#[test]
fn the_heads_are_what_is_delivered_next_and_what_was_taken_first() {
    let mut bench = Bench::new(QueueSettings {
        max_priority: 9,
        ..QueueSettings::default()
    });
    let heads = |bench: &Bench| (bench.queue.first_ready(), bench.queue.first_locked());
    assert_eq!(heads(&bench), (None, None));
    bench.enqueue(1);
    let delayed = Attributes {
        not_before_ms: Some(bench.now_ms + 10),
        ..Attributes::default()
    };
    bench.enqueue_with(1, delayed);
    bench.enqueue(3);
    let urgent = Attributes {
        priority: 9,
        ..Attributes::default()
    };
    bench.enqueue_with(1, urgent);
    assert_eq!(heads(&bench), (Some(5), None));
    bench.get(ANNA, 3);
    assert_eq!(heads(&bench), (Some(3), Some(0)));
    bench.ack(ANNA, 0..1);
    bench.nack(ANNA, 1..2);
    assert_eq!(heads(&bench), (Some(0), Some(2)));
    bench.nack(ANNA, 2..3);
    assert_eq!(heads(&bench), (Some(0), None));
}

#[test]
fn what_is_locked_behind_a_long_run_is_found_and_behind_many_is_given_up() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(1_000);
    bench.get(ANNA, 1_000);
    bench.nack(ANNA, 0..900);
    assert_eq!(bench.queue.first_locked(), Some(900));
    bench.get(BERT, 900);
    for number in (0..900).step_by(2) {
        bench.nack(BERT, number..number + 1);
    }
    assert_eq!(bench.queue.first_locked(), Some(1));
    for number in (1..900).step_by(2) {
        bench.ack(BERT, number..number + 1);
    }
    assert_eq!(bench.queue.first_locked(), None);
}

#[test]
fn whoever_deletes_a_queue_is_told_what_it_held() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.get(ANNA, 2);
    bench.subscribe(BERT, 1);
    let Bench {
        queue, mut pools, ..
    } = bench;
    let mut out = Effects::default();
    let lost = queue.delete(&mut Turn {
        now_ms: 0,
        pools: &mut pools,
        out: &mut out,
    });
    let expected = Lost {
        ready: 2,
        locked: 3,
        delayed: 0,
    };
    assert_eq!(lost, expected);
    assert_eq!(out.effects, [Effect::Cancelled { consumer: BERT }]);
}
