//! Groups that take turns.

use super::harness::*;
use crate::queue::*;

const NOISY: u64 = 1;
const QUIET: u64 = 2;

fn fair() -> QueueSettings {
    QueueSettings {
        order: Order::FairGroups,
        lock_ms: Some(1_000),
        ..QueueSettings::default()
    }
}

#[test]
fn who_has_much_in_flight_does_not_keep_others_waiting() {
    let mut bench = Bench::new(fair());
    bench.enqueue_with(100, of_group(NOISY));
    assert_eq!(bench.get(ANNA, 5), [0, 1, 2, 3, 4]);
    bench.enqueue_with(2, of_group(QUIET));
    assert_eq!(bench.get(BERT, 1), [100]);
    assert_eq!(
        bench.get(BERT, 3),
        [101, 5, 6],
        "there is nothing else of the quiet one"
    );
    // Who has nothing in flight any more is as quiet as others, and came first.
    bench.ack(ANNA, 0..5);
    bench.ack(BERT, 0..4);
    bench.enqueue_with(1, of_group(QUIET));
    assert_eq!(bench.get(ANNA, 3), [7, 102, 8]);
}

#[test]
fn what_is_in_no_group_is_a_group_by_itself() {
    let mut bench = Bench::new(fair());
    bench.enqueue_with(3, of_group(NOISY));
    bench.enqueue(2);
    bench.enqueue_with(2, of_group(QUIET));
    assert_eq!(bench.get(ANNA, 9), [0, 3, 4, 5, 1, 6, 2]);
}

#[test]
fn what_comes_back_counts_no_longer_and_keeps_its_place() {
    let mut bench = Bench::new(fair());
    bench.enqueue_with(3, of_group(NOISY));
    bench.enqueue_with(3, of_group(QUIET));
    assert_eq!(bench.get(ANNA, 4), [0, 3, 1, 4]);
    bench.nack(ANNA, 0..1);
    bench.nack(ANNA, 2..3);
    assert_eq!(bench.get(BERT, 2), [0, 1]);
    assert_eq!(bench.get(BERT, 9), [2, 5]);
}

#[test]
fn turns_outlive_a_restart() {
    let mut bench = Bench::new(fair());
    bench.enqueue_with(4, of_group(NOISY));
    bench.enqueue_with(2, of_group(QUIET));
    assert_eq!(bench.get(ANNA, 1), [0]);
    assert_eq!(bench.get(ANNA, 1), [4]);
    bench.ack(ANNA, 1..2);
    bench.restart(fair());
    assert_eq!(bench.get(BERT, 2), [5, 1]);
}

#[test]
fn a_large_backlog_of_one_group_costs_little() {
    let bytes = |count| {
        let mut bench = Bench::new(fair());
        bench.enqueue_with(count, of_group(NOISY));
        bench.queue.memory_bytes()
    };
    let (few, many) = (bytes(10_000), bytes(1_000_000));
    assert!(many < few + 4_096, "{few} and {many} bytes");
}

#[test]
fn a_queue_that_becomes_another_forgets_groups() {
    let mut bench = Bench::new(fair());
    bench.enqueue_with(3, of_group(NOISY));
    assert_eq!(bench.get(ANNA, 1), [0]);
    let plain = QueueSettings {
        order: Order::None,
        ..fair()
    };
    bench.turn(|queue, turn| queue.reconfigure(plain, turn));
    bench.enqueue_with(1, of_group(QUIET));
    assert_eq!(bench.get(BERT, 9), [1, 2, 3]);
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.get(BERT, 9), [0]);
}
