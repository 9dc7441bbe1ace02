//! Messages that wait for their time, and ids that are remembered for a time.

use super::harness::*;
use crate::queue::*;

#[test]
fn a_message_is_ready_when_its_time_has_come() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 10);
    let at = |ms: i64| Attributes {
        not_before_ms: Some(1_000_000 + ms),
        ..Attributes::default()
    };
    bench.enqueue_with(1, at(200));
    bench.enqueue_with(1, at(100));
    bench.enqueue_with(1, at(0));
    assert_eq!(bench.offsets(), [2]);
    assert_eq!(bench.queue.counters().delayed, 2);
    bench.pass(100);
    assert_eq!(bench.offsets(), [1]);
    bench.pass(100);
    assert_eq!(bench.offsets(), [0]);
}

#[test]
fn a_queue_delays_what_has_no_time_of_its_own() {
    let settings = QueueSettings {
        delay_ms: 50,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.enqueue(2);
    bench.pass(49);
    assert_eq!(bench.get(ANNA, 2), []);
    bench.pass(1);
    assert_eq!(bench.get(ANNA, 2), [0, 1]);
}

#[test]
fn what_failed_waits_as_the_retry_policy_says() {
    let settings = QueueSettings {
        retry: RetryPolicy {
            backoff: Backoff::Linear { base_ms: 100 },
            after: Causes::FAILURES,
            ..RetryPolicy::default()
        },
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.subscribe(ANNA, 1);
    bench.enqueue(1);
    bench.take_effects();
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.offsets(), [0], "no failure, no wait");
    bench.fail(ANNA, 1..2);
    bench.pass(99);
    assert_eq!(bench.offsets(), []);
    bench.pass(1);
    assert_eq!(bench.offsets(), [0]);
    bench.fail(ANNA, 2..3);
    bench.pass(199);
    assert_eq!(bench.offsets(), []);
    bench.pass(1);
    assert_eq!(bench.offsets(), [0]);
    let outcome = Outcome::Fail { delay_ms: Some(7) };
    bench.settle(ANNA, 3..4, outcome).unwrap();
    bench.pass(7);
    assert_eq!(bench.offsets(), [0], "its holder knows better");
}

#[test]
fn an_id_is_taken_once_within_the_window() {
    let settings = QueueSettings {
        deduplication_ms: Some(300),
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    let admit = |bench: &Bench, id| {
        bench
            .queue
            .admit(1, 10, Some(id), bench.now_ms, &bench.pools)
    };
    let with = |id| Attributes {
        deduplication: Some(id),
        ..Attributes::default()
    };
    assert_eq!(admit(&bench, 7), Admission::Accepted);
    bench.enqueue(3);
    bench.enqueue_with(1, with(7));
    assert_eq!(admit(&bench, 7), Admission::Duplicate { offset: 3 });
    assert_eq!(admit(&bench, 8), Admission::Accepted);
    bench.get(ANNA, 9);
    bench.ack(ANNA, 0..4);
    bench.pass(299);
    assert_eq!(admit(&bench, 7), Admission::Duplicate { offset: 3 });
    bench.pass(1);
    assert_eq!(admit(&bench, 7), Admission::Accepted);
    bench.enqueue_with(1, with(7));
    assert_eq!(admit(&bench, 7), Admission::Duplicate { offset: 4 });
}
