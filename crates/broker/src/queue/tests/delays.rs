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
fn what_is_ended_before_its_time_holds_up_nobody() {
    let mut bench = Bench::new(QueueSettings::default());
    let mut out = Effects::default();
    let mut turn = Turn {
        now_ms: bench.now_ms,
        pools: &mut bench.pools,
        out: &mut out,
    };
    let messages = 40_000;
    for first in 0..messages {
        let attributes = Attributes {
            not_before_ms: Some(turn.now_ms + 1 + first as i64),
            ..Attributes::default()
        };
        let arrival = Arrival {
            first,
            count: 1,
            attributes,
            ..Arrival::default()
        };
        bench.queue.enqueue(&arrival, &mut turn);
    }
    let ended = 400..4_800;
    for offset in ended.clone() {
        assert!(bench.queue.discard(offset, &mut turn));
    }
    // A tick looks at a few pages; the deadline says that there is more to do.
    turn.now_ms += 4_000;
    let mut ticks = 0;
    while bench.queue.next_deadline() <= Some(turn.now_ms) {
        bench.queue.tick(&mut turn);
        ticks += 1;
    }
    assert!(ticks > 1);
    assert_eq!(bench.queue.counters().ready, ended.start);
    turn.now_ms += 1_000;
    while bench.queue.next_deadline() <= Some(turn.now_ms) {
        bench.queue.tick(&mut turn);
    }
    assert_eq!(
        bench.queue.counters().ready,
        5_000 - (ended.end - ended.start)
    );
    bench.queue.check().unwrap();
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
fn another_delay_of_a_queue_is_for_what_its_groups_have() {
    let settings = |delay_ms| QueueSettings {
        delay_ms,
        order: Order::PerGroup,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings(50));
    let in_group = Attributes {
        group: Some(1),
        ..Attributes::default()
    };
    let reconfigure = |bench: &mut Bench, delay_ms| {
        bench.turn(|queue, turn| queue.reconfigure(settings(delay_ms), turn));
        assert_eq!(
            snapshot(&bench.replayed(settings(50))),
            snapshot(&bench.queue)
        );
    };
    bench.enqueue_with(1, in_group);
    bench.pass(20);
    bench.enqueue_with(1, in_group);
    reconfigure(&mut bench, 100);
    bench.pass(60);
    assert_eq!(bench.get(ANNA, 2), [], "80 of 100 have passed");
    reconfigure(&mut bench, 75);
    assert_eq!(bench.get(ANNA, 2), [0], "the other one came 20 later");
    reconfigure(&mut bench, 0);
    assert_eq!(bench.queue.counters().delayed, 0);
}

#[test]
fn another_delay_of_a_queue_without_groups_is_for_what_comes() {
    let settings = |delay_ms| QueueSettings {
        delay_ms,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings(50));
    bench.enqueue(1);
    bench.turn(|queue, turn| queue.reconfigure(settings(0), turn));
    bench.enqueue(1);
    bench.pass(49);
    assert_eq!(bench.get(ANNA, 2), [1]);
}

#[test]
fn what_died_elsewhere_goes_on_ageing_where_it_came() {
    let settings = QueueSettings {
        ttl_ms: Some(100),
        keeps_age: true,
        dead_letter: true,
        ..QueueSettings::default()
    };
    let born = |ago_ms: i64| Attributes {
        born_ms: Some(1_000_000 - ago_ms),
        ..Attributes::default()
    };
    let mut bench = Bench::new(settings.clone());
    bench.enqueue(1);
    bench.enqueue_with(1, born(60));
    bench.enqueue_with(1, born(90));
    bench.enqueue_with(1, born(100));
    assert_eq!(bench.dead(), [(3, DeathReason::Expired)]);
    bench.pass(10);
    assert_eq!(
        bench.dead(),
        [(2, DeathReason::Expired)],
        "though two are before it"
    );
    bench.restart(settings.clone());
    bench.queue = restored(&snapshot(&bench.queue));
    bench.turn(|queue, turn| queue.open(turn));
    bench.pass(30);
    assert_eq!(bench.dead(), [(1, DeathReason::Expired)]);
    assert_eq!(bench.get(ANNA, 1), [0]);
    let forgetful = QueueSettings {
        keeps_age: false,
        ..settings
    };
    let mut bench = Bench::new(forgetful);
    bench.enqueue_with(1, born(90));
    bench.pass(99);
    assert_eq!(bench.ready(), 1);
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
