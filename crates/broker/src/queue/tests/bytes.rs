//! How many bytes are where.

use super::harness::*;
use crate::queue::limits::{EXACT_SIZE_RUNS_MAX, SIZES_FOLDED};
use crate::queue::*;

fn of_sizes(settings: QueueSettings, sizes: impl Iterator<Item = u32>) -> Bench {
    let mut bench = Bench::new(settings);
    for (first, bytes_each) in (0..).zip(sizes) {
        bench.arrive(Arrival {
            first,
            count: 1,
            bytes_each,
            ..Arrival::default()
        });
    }
    bench
}

/// Bytes that are ready, locked, delayed.
fn bytes(queue: &Queue) -> (u64, u64, u64) {
    let counters = queue.counters();
    let locked = counters.locked_bytes();
    (counters.ready_bytes, locked, counters.delayed_bytes)
}

#[test]
fn the_bytes_of_a_message_are_counted_where_it_stands() {
    let settings = QueueSettings {
        dead_letter: true,
        ..QueueSettings::default()
    };
    let mut bench = of_sizes(settings, [1, 20, 300, 4_000, 50_000].into_iter());
    assert_eq!(bytes(&bench.queue), (54_321, 0, 0));
    bench.get(ANNA, 4);
    assert_eq!(bytes(&bench.queue), (50_000, 4_321, 0));
    bench.ack(ANNA, 1..2);
    assert_eq!(bytes(&bench.queue), (50_000, 4_301, 0));
    bench.settle(ANNA, 2..3, Outcome::Reject).unwrap();
    assert_eq!(bytes(&bench.queue), (50_000, 4_001, 0));
    let later = Outcome::Nack { delay_ms: Some(10) };
    bench.settle(ANNA, 3..4, later).unwrap();
    assert_eq!(bytes(&bench.queue), (50_000, 1, 4_000));
    bench.nack(ANNA, 0..1);
    assert_eq!(bytes(&bench.queue), (50_001, 0, 4_000));
    bench.pass(10);
    assert_eq!(bytes(&bench.queue), (54_001, 0, 0));
    bench.turn(|queue, turn| queue.purge(turn));
    assert_eq!(bytes(&bench.queue), (0, 0, 0));
}

#[test]
fn what_is_in_flight_has_the_same_bytes_after_a_restart() {
    let settings = QueueSettings {
        lock_ms: Some(1_000),
        ..QueueSettings::default()
    };
    let mut bench = of_sizes(settings.clone(), [1, 20, 300, 4_000].into_iter());
    bench.get(ANNA, 3);
    bench.ack(ANNA, 1..2);
    let later = Outcome::Nack { delay_ms: Some(10) };
    bench.settle(ANNA, 2..3, later).unwrap();
    assert_eq!(bytes(&bench.queue), (4_000, 1, 300));
    assert_eq!(bytes(&restored(&snapshot(&bench.queue))), (4_000, 1, 300));
    bench.restart(settings);
    assert_eq!(bytes(&bench.queue), (4_000, 1, 300));
}

#[test]
fn sums_stay_exact_when_sizes_are_known_only_by_sums() {
    let count = (EXACT_SIZE_RUNS_MAX + 10 * SIZES_FOLDED) as u64;
    let size = |offset: u64| (offset * 7_919 % 1_009) as u32;
    let mut bench = of_sizes(QueueSettings::default(), (0..200).map(size));
    bench.get(ANNA, 150);
    for number in (0..150).step_by(3) {
        bench.ack(ANNA, number..number + 1);
        let later = Outcome::Nack { delay_ms: Some(10) };
        bench.settle(ANNA, number + 1..number + 2, later).unwrap();
    }
    for first in 200..count {
        let arrival = Arrival {
            first,
            count: 1,
            bytes_each: size(first),
            ..Arrival::default()
        };
        bench.unseen_turn(bench.now_ms, |queue, turn| queue.enqueue(&arrival, turn));
    }
    let all: u64 = (0..count).map(|offset| u64::from(size(offset))).sum();
    let acked: u64 = (0..150)
        .step_by(3)
        .map(|offset| u64::from(size(offset)))
        .sum();
    bench.queue.check().unwrap();
    // What was settled is known as a share of the sums that it was folded into.
    assert!(bench.queue.counters().held_bytes.abs_diff(all - acked) < 64 * 1_009);
    let counted = *bench.queue.counters();
    let again = restored(&snapshot(&bench.queue));
    assert_eq!(bytes(&again), bytes(&bench.queue));
    assert_eq!(again.counters().held_bytes, counted.held_bytes);
    bench.pass(10);
    bench.turn(|queue, turn| queue.release_all(ANNA, turn));
    bench.get(BERT, count);
    assert_eq!(bench.queue.counters().ready_bytes, 0);
    assert_eq!(bench.queue.counters().locked_bytes(), counted.held_bytes);
    // Their numbers go on behind hers.
    bench.ack(BERT, 150..150 + bench.queue.counters().locked);
    assert_eq!(bytes(&bench.queue), (0, 0, 0));
}
