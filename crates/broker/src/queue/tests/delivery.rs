//! Who is given what, and in which order.

use super::harness::*;
use crate::queue::*;

#[test]
fn messages_are_delivered_in_order_as_one_run_with_numbers_that_count_up() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.subscribe(ANNA, 100);
    bench.enqueue(2);
    let expected = |offset, count, number| {
        Effect::Deliver(Delivery {
            holder: ANNA,
            offset,
            count,
            number: Some(number),
            mark: Mark::default(),
        })
    };
    assert_eq!(bench.take_effects(), [expected(0, 5, 0), expected(5, 2, 5)]);
}

#[test]
fn a_consumer_is_given_no_more_than_its_window() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 3);
    bench.enqueue(10);
    assert_eq!(bench.offsets(), [0, 1, 2]);
    bench.ack(ANNA, 1..2);
    assert_eq!(bench.offsets(), [3]);
    bench.ack(ANNA, 0..1);
    bench.ack(ANNA, 2..4);
    assert_eq!(bench.offsets(), [4, 5, 6]);
}

#[test]
fn a_grant_is_used_up_by_deliveries() {
    let mut bench = Bench::new(QueueSettings::default());
    let settings = Subscription {
        credit: Credit::Grant(2),
        ..Subscription::default()
    };
    bench.subscribe_with(ANNA, settings).unwrap();
    bench.enqueue(5);
    assert_eq!(bench.offsets(), [0, 1]);
    bench.ack(ANNA, 0..2);
    assert_eq!(bench.offsets(), []);
    bench
        .turn(|queue, turn| queue.set_credit(ANNA, Credit::Grant(1), turn))
        .unwrap();
    assert_eq!(bench.offsets(), [2]);
}

#[test]
fn no_ack_settles_by_delivering_whatever_the_window() {
    let mut bench = Bench::new(QueueSettings::default());
    let settings = Subscription {
        credit: Credit::Window(1),
        no_ack: true,
        ..Subscription::default()
    };
    bench.subscribe_with(ANNA, settings).unwrap();
    bench.enqueue(3);
    assert_eq!(bench.offsets(), [0, 1, 2]);
    let counters = bench.queue.counters();
    assert_eq!((counters.locked, counters.totals.acked), (0, 3));
    assert_eq!(bench.queue.log_start(), 3);
}

#[test]
fn equals_are_dealt_to_in_turn() {
    let mut bench = Bench::new(QueueSettings::default());
    for consumer in [ANNA, BERT, CARL] {
        bench.subscribe(consumer, 100);
    }
    bench.enqueue(3);
    (0..3).for_each(|_| bench.enqueue(1));
    let to = |taken: Vec<(HolderId, u64)>| -> Vec<HolderId> {
        taken.into_iter().map(|(holder, _)| holder).collect()
    };
    assert_eq!(to(bench.taken()), [ANNA, BERT, CARL, ANNA, BERT, CARL]);
}

#[test]
fn a_large_batch_is_shared_out_in_runs() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 10_000);
    bench.subscribe(BERT, 10_000);
    bench.enqueue(2_000);
    let effects = bench.take_effects();
    let count = |of| {
        deliveries(&effects)
            .filter(|(holder, _, _)| *holder == of)
            .count()
    };
    assert!(count(ANNA).abs_diff(count(BERT)) <= 64, "{}", count(ANNA));
    assert!(effects.len() < 200, "{} runs", effects.len());
}

#[test]
fn higher_priority_consumers_go_first_until_their_credit_is_used_up() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 10);
    let settings = Subscription {
        credit: Credit::Window(2),
        priority: 5,
        ..Subscription::default()
    };
    bench.subscribe_with(BERT, settings).unwrap();
    (0..3).for_each(|_| bench.enqueue(1));
    assert_eq!(bench.taken(), [(BERT, 0), (BERT, 1), (ANNA, 2)]);
    bench.ack(BERT, 0..1);
    bench.enqueue(1);
    assert_eq!(bench.taken(), [(BERT, 3)]);
}

#[test]
fn higher_priority_messages_go_first_and_are_clamped() {
    let settings = QueueSettings {
        max_priority: 5,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    for priority in [0, 3, 5, 3, 200, 0] {
        let attributes = Attributes {
            priority,
            ..Attributes::default()
        };
        bench.enqueue_with(1, attributes);
    }
    assert_eq!(bench.get(ANNA, 10), [2, 4, 1, 3, 0, 5]);
    bench.nack(ANNA, 0..6);
    assert_eq!(
        bench.get(ANNA, 3),
        [2, 4, 1],
        "they come back where they were"
    );
}

#[test]
fn what_comes_back_takes_its_old_place_and_is_redelivered() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    assert_eq!(bench.get(ANNA, 3), [0, 1, 2]);
    bench.nack(ANNA, 0..3);
    bench.subscribe(BERT, 10);
    let effects = bench.take_effects();
    let seen: Vec<_> = deliveries(&effects)
        .map(|(_, offset, delivery)| (offset, delivery.redelivered()))
        .collect();
    let expected = [(0, true), (1, true), (2, true), (3, false), (4, false)];
    assert_eq!(seen, expected);
    assert_eq!(bench.queue.counters().totals.redelivered, 3);
}

#[test]
fn a_get_takes_what_it_asks_for_beside_any_credit() {
    let mut bench = Bench::new(QueueSettings::default());
    assert_eq!(bench.get(ANNA, 1), []);
    bench.enqueue(3);
    assert_eq!(bench.get(ANNA, 2), [0, 1]);
    bench.subscribe(BERT, 1);
    assert_eq!(bench.offsets(), [2]);
    let get = Get {
        holder: ANNA,
        messages_max: 1,
        lock_ms: None,
        no_ack: true,
        auto_ack: false,
    };
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.turn(|queue, turn| queue.get(get, turn)), 1);
    assert_eq!(bench.queue.counters().locked, 2);
}

#[test]
fn what_is_given_out_is_counted_by_the_way_it_goes() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 2);
    bench.enqueue(2);
    bench.ack(ANNA, 0..1);
    bench.nack(ANNA, 1..2);
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    let settings = Subscription {
        credit: Credit::Window(9),
        auto_ack: true,
        ..Subscription::default()
    };
    bench.subscribe_with(BERT, settings).unwrap();
    bench.enqueue(3);
    let first = bench.queue.next_number(BERT) - 3;
    bench.settle(BERT, first..first + 3, Outcome::Sent).unwrap();
    let expected = Served {
        delivered: 3,
        delivered_no_ack: 3,
        acked: 1,
        ..Served::default()
    };
    assert_eq!(bench.queue.counters().served, expected);
    assert_eq!(bench.queue.counters().totals.acked, 4, "sent is consumed");
}

#[test]
fn fifo_is_one_after_the_other() {
    let settings = QueueSettings {
        order: Order::Fifo,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.subscribe(ANNA, 10);
    bench.subscribe(BERT, 10);
    bench.enqueue(3);
    assert_eq!(bench.taken(), [(ANNA, 0)]);
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.taken(), [(BERT, 0)]);
    bench.ack(
        BERT,
        bench.queue.next_number(BERT) - 1..bench.queue.next_number(BERT),
    );
    assert_eq!(bench.taken(), [(ANNA, 1)]);
}

#[test]
fn offsets_in_between_are_of_others() {
    let mut bench = Bench::new(QueueSettings::default());
    for first in [10, 20, 21] {
        let arrival = Arrival {
            first,
            count: 1,
            ..Arrival::default()
        };
        bench.arrive(arrival);
    }
    assert_eq!(bench.queue.log_start(), 10);
    assert_eq!(bench.get(ANNA, 9), [10, 20, 21]);
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.queue.log_start(), 20);
}
