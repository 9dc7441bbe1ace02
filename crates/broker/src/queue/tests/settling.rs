//! What becomes of messages that were delivered.

use super::harness::*;
use crate::queue::*;

fn limited(delivery_limit: u32) -> QueueSettings {
    QueueSettings {
        delivery_limit: Some(delivery_limit),
        dead_letter: true,
        ..QueueSettings::default()
    }
}

#[test]
fn a_token_is_good_once_and_only_for_its_holder() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(3);
    bench.get(ANNA, 3);
    bench.ack(ANNA, 1..2);
    for (holder, numbers) in [(ANNA, 1..2), (ANNA, 0..3), (BERT, 0..1), (ANNA, 3..4)] {
        let unknown = bench.settle(holder, numbers, Outcome::Ack);
        assert!(matches!(unknown, Err(SettleError::UnknownToken(_))));
    }
    assert_eq!(bench.queue.counters().locked, 2, "errors have no effect");
    bench.ack(ANNA, 0..1);
    bench.ack(ANNA, 2..3);
    assert_eq!(bench.queue.counters().totals.acked, 3);
}

#[test]
fn the_log_is_needed_from_the_first_message_that_is_not_settled() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(10);
    bench.get(ANNA, 6);
    bench.ack(ANNA, 1..4);
    assert_eq!(bench.queue.log_start(), 0);
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.queue.log_start(), 4);
    bench.ack(ANNA, 4..6);
    assert_eq!(bench.queue.log_start(), 6);
}

#[test]
fn rejected_messages_are_dead_where_the_dead_are_wanted() {
    let mut bench = Bench::new(limited(9));
    bench.enqueue(2);
    bench.get(ANNA, 2);
    bench.settle(ANNA, 0..2, Outcome::Reject).unwrap();
    let rejected = DeathReason::Rejected;
    assert_eq!(bench.dead(), [(0, rejected), (1, rejected)]);
    assert_eq!(bench.queue.counters().totals.dead, [0, 2, 0, 0]);

    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(1);
    bench.get(ANNA, 1);
    bench.settle(ANNA, 0..1, Outcome::Reject).unwrap();
    let dropped = Effect::Dropped {
        offset: 0,
        count: 1,
        reason: rejected,
    };
    assert_eq!(bench.take_effects(), [dropped]);
    assert_eq!(bench.queue.counters().totals.dropped, [0, 1, 0, 0]);
}

#[test]
fn a_message_that_fails_too_often_is_dead() {
    let mut bench = Bench::new(limited(2));
    bench.enqueue(1);
    for failures in 0..3 {
        bench.take_effects();
        bench.subscribe(HolderId(failures + 10), 1);
        let effects = bench.take_effects();
        let (holder, _, delivery) = deliveries(&effects).next().unwrap();
        assert_eq!(u64::from(delivery.mark.failures), failures);
        bench
            .turn(|queue, turn| queue.cancel(holder, turn))
            .unwrap();
        let number = delivery.number.unwrap();
        bench.fail(holder, number..number + 1);
    }
    assert_eq!(bench.dead(), [(0, DeathReason::DeliveryLimit)]);
    assert_eq!(bench.ready(), 0);
}

#[test]
fn a_nack_is_no_failure_and_a_vanished_consumer_is_one() {
    let mut bench = Bench::new(limited(1));
    bench.enqueue(1);
    for number in 0..10 {
        assert_eq!(bench.get(ANNA, 1), [0]);
        bench.nack(ANNA, number..number + 1);
    }
    for _ in 0..2 {
        bench.take_effects();
        bench.get(ANNA, 1);
        bench.turn(|queue, turn| queue.release_all(ANNA, turn));
    }
    assert_eq!(bench.dead(), [(0, DeathReason::DeliveryLimit)]);
}

#[test]
fn settings_say_who_counts() {
    let settings = QueueSettings {
        counted: Causes::ALL,
        ..limited(0)
    };
    let mut bench = Bench::new(settings);
    bench.enqueue(1);
    bench.get(ANNA, 1);
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.dead(), [(0, DeathReason::DeliveryLimit)]);
}

#[test]
fn what_a_vanished_holder_had_goes_to_others() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(4);
    bench.subscribe(ANNA, 3);
    bench.subscribe(BERT, 10);
    bench.take_effects();
    bench.turn(|queue, turn| queue.release_all(ANNA, turn));
    assert_eq!(bench.taken(), [(BERT, 0), (BERT, 1), (BERT, 2)]);
    assert_eq!(bench.queue.counters().consumers, 1);
    assert_eq!(bench.queue.held_by(ANNA), 0);
}

#[test]
fn numbers_are_not_given_out_again_after_a_holder_was_released() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(2);
    bench.get(ANNA, 2);
    bench.turn(|queue, turn| queue.release_all(ANNA, turn));
    bench.get(ANNA, 2);
    assert!(bench.settle(ANNA, 0..1, Outcome::Ack).is_err());
    bench.ack(ANNA, 2..4);
}

#[test]
fn a_lock_that_ends_makes_its_token_stale() {
    let settings = QueueSettings {
        lock_ms: Some(30_000),
        ..limited(5)
    };
    let mut bench = Bench::new(settings);
    bench.enqueue(2);
    bench.get(ANNA, 2);
    bench.pass(10_000);
    bench
        .settle(ANNA, 1..2, Outcome::Extend { lock_ms: 30_000 })
        .unwrap();
    // A millisecond more, of which the locks may have begun at the end.
    bench.pass(20_000);
    assert_eq!(bench.ready(), 0);
    bench.pass(1);
    assert_eq!(bench.ready(), 1);
    assert!(bench.settle(ANNA, 0..1, Outcome::Ack).is_err());
    assert_eq!(bench.get(BERT, 9), [0]);
    bench.ack(ANNA, 1..2);
    bench.pass(100_000);
    assert_eq!(bench.ready(), 1);
}

#[test]
fn a_lock_may_be_cut_short() {
    let settings = QueueSettings {
        lock_ms: Some(30_000),
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.enqueue(1);
    bench.get(ANNA, 1);
    bench
        .settle(ANNA, 0..1, Outcome::Extend { lock_ms: 5 })
        .unwrap();
    bench.pass(6);
    assert_eq!(bench.ready(), 1);
}

#[test]
fn a_lock_that_ends_makes_room_for_its_consumer() {
    let settings = QueueSettings {
        lock_ms: Some(100),
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.subscribe(ANNA, 1);
    bench.enqueue(2);
    assert_eq!(bench.offsets(), [0]);
    bench.pass(101);
    assert_eq!(bench.offsets(), [0], "first in line again");
    bench.ack(ANNA, 1..2);
    assert_eq!(bench.offsets(), [1]);
}

#[test]
fn locks_that_were_settled_leave_nothing_behind() {
    let settings = QueueSettings {
        lock_ms: Some(1_000_000),
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.subscribe(ANNA, 1);
    for number in 0..20_000 {
        bench.enqueue(1);
        bench.ack(ANNA, number..number + 1);
        bench.journal.clear();
        bench.take_effects();
    }
    assert!(bench.queue.memory_bytes() < 64 << 10);
    assert!(bench.queue.watched() < 3_000, "{}", bench.queue.watched());
}
