//! What a restart finds again.

use forebay_storage::codec::Encoder;

use super::harness::*;
use crate::queue::*;

fn settings() -> QueueSettings {
    QueueSettings {
        dead_letter: true,
        delivery_limit: Some(20),
        ..QueueSettings::default()
    }
}

#[test]
fn what_dead_connections_held_comes_back_in_its_place_with_its_counts() {
    let mut bench = Bench::new(settings());
    bench.enqueue(4);
    bench.get(ANNA, 3);
    bench.ack(ANNA, 1..2);
    bench.fail(ANNA, 0..1);
    bench.get(ANNA, 1);
    bench.restart(settings());
    bench.subscribe(BERT, 10);
    let effects = bench.take_effects();
    let seen: Vec<_> = deliveries(&effects)
        .map(|(_, offset, delivery)| (offset, delivery.mark.deliveries, delivery.mark.failures))
        .collect();
    assert_eq!(seen, [(0, 2, 2), (2, 1, 1), (3, 0, 0)]);
    let counters = bench.queue.counters();
    assert_eq!(counters.totals.acked, 1);
    assert_eq!(counters.totals.enqueued, 4);
}

#[test]
fn locks_that_end_by_themselves_outlive_a_restart() {
    let settings = QueueSettings {
        lock_ms: Some(1_000),
        ..settings()
    };
    let mut bench = Bench::new(settings.clone());
    bench.enqueue(2);
    bench.get(ANNA, 2);
    bench.restart(settings.clone());
    assert_eq!(bench.ready(), 0);
    bench.ack(ANNA, 0..1);
    bench.queue = restored(&snapshot(&bench.queue));
    bench.turn(|queue, turn| queue.open(turn));
    bench.pass(1_001);
    assert_eq!(bench.get(BERT, 2), [1]);
}

#[test]
fn numbers_are_not_given_out_again_after_a_restart() {
    let mut bench = Bench::new(settings());
    bench.enqueue(2);
    bench.get(ANNA, 2);
    bench.restart(settings());
    bench.queue = restored(&snapshot(&bench.queue));
    bench.turn(|queue, turn| queue.open(turn));
    bench.get(ANNA, 2);
    assert!(bench.settle(ANNA, 0..1, Outcome::Ack).is_err());
}

#[test]
fn a_plain_enqueue_and_an_empty_turn_journal_nothing() {
    let mut bench = Bench::new(settings());
    bench.enqueue(100);
    bench.turn(|queue, turn| queue.tick(turn));
    assert_eq!(bench.journal.len(), 1, "the append itself");
}

#[test]
fn deliveries_and_acknowledgements_in_turn_are_few_events() {
    let mut bench = Bench::new(settings());
    bench.subscribe(ANNA, 10);
    bench.enqueue(1_010);
    bench.journal.clear();
    bench.turn(|queue, turn| {
        for number in 0..1_000 {
            queue
                .settle(ANNA, number..number + 1, Outcome::Ack, turn)
                .unwrap();
        }
    });
    // What was locked before the turn, what it locked, and what it settled of that.
    assert_eq!(bench.journal.len(), 3);
}

#[test]
fn a_snapshot_from_before_messages_were_moved_is_read() {
    let mut bench = Bench::new(settings());
    bench.enqueue(3);
    let in_a_minute = Attributes {
        not_before_ms: Some(bench.now_ms + 60_000),
        ..Attributes::default()
    };
    bench.enqueue_with(2, in_a_minute);
    let now = snapshot(&bench.queue);
    // Version 7 does not say that sets are runs: neither of none that is settled nor of what is ready.
    let messages = &bench.queue.messages;
    let mut head = Encoder::new();
    messages.settings.encode(head.u8(8));
    head.u64(bench.queue.seed).varint(messages.next);
    head.varint(messages.next_number)
        .varint(messages.frontier.floor());
    let settled = head.finish().len();
    let ready = settled + 4 + 4 + 1;
    let mut old = now.clone();
    for place in [settled, ready] {
        assert_eq!(old.remove(place), 0);
    }
    old[0] = 7;
    assert_eq!(snapshot(&restored(&old)), now);
    // Version 6 has all that is delayed in a list, which begins where nothing delayed makes the first difference; version 7
    // has those that are not due first behind it: none.
    let mut not_delayed = restored(&now);
    let delayed = not_delayed.messages.delayed.take_within(0..u64::MAX);
    assert_eq!(delayed, [(0, 3..4), (0, 4..5)]);
    let without = as_is(&not_delayed);
    let same = now
        .iter()
        .zip(&without)
        .position(|(one, other)| one != other);
    let (kinds, list) = (2, 4 + 2 * 10);
    let rest = old.split_off(same.unwrap() - kinds + list);
    assert_eq!(rest[..8], [0; 8]);
    old.extend_from_slice(&rest[8..]);
    old[0] = 6;
    assert_eq!(snapshot(&restored(&old)), now);
    // Version 6 ends with two lists of groups that take turns, version 5 with a list of those that were born elsewhere,
    // version 3 with how many were moved: none.
    for (version, bytes) in [(5, 8), (4, 4), (2, 1)] {
        old[0] = version;
        assert!(
            old.split_off(old.len() - bytes)
                .iter()
                .all(|byte| *byte == 0)
        );
        assert_eq!(snapshot(&restored(&old)), now);
    }
    bench.turn(|queue, turn| queue.take_out(0, turn));
    assert_eq!(restored(&snapshot(&bench.queue)).counters().totals.moved, 1);
}

#[test]
fn any_bytes_are_an_error_or_a_queue() {
    let fair = QueueSettings {
        order: Order::FairGroups,
        ..settings()
    };
    for settings in [settings(), fair] {
        try_all_bytes(settings);
    }
}

fn try_all_bytes(settings: QueueSettings) {
    let mut bench = Bench::new(settings);
    bench.enqueue(100);
    for group in [1, 2] {
        bench.enqueue_with(5, of_group(group));
    }
    bench.get(ANNA, 10);
    bench.fail(ANNA, 2..4);
    let bytes = snapshot(&bench.queue);
    assert_eq!(snapshot(&restored(&bytes)), bytes);
    for index in 0..bytes.len() {
        for change in [1, 0x80, 0xff] {
            let mut damaged = bytes.clone();
            damaged[index] ^= change;
            let mut decoder = forebay_storage::codec::Decoder::new(&damaged);
            if let Ok(queue) = Queue::restore(&mut decoder, &scratch()) {
                queue.check().unwrap();
            }
        }
        let mut decoder = forebay_storage::codec::Decoder::new(&bytes[..index]);
        assert!(Queue::restore(&mut decoder, &scratch()).is_err());
    }
}
