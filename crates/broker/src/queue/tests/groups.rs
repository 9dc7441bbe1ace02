//! Order within groups.

use super::harness::*;
use crate::queue::*;

fn grouped() -> QueueSettings {
    QueueSettings {
        order: Order::PerGroup,
        dead_letter: true,
        ..QueueSettings::default()
    }
}

fn bench() -> Bench {
    let mut bench = Bench::new(grouped());
    // 0 1 2 of group 1, 3 4 of group 2, 5 of none.
    bench.enqueue_with(3, of_group(1));
    bench.enqueue_with(2, of_group(2));
    bench.enqueue(1);
    bench
}

/// What there is for somebody who takes one message at a time.
fn one_by_one(bench: &mut Bench, holder: HolderId) -> Vec<u64> {
    let mut all = Vec::new();
    while let [one] = bench.get(holder, 1)[..] {
        all.push(one);
    }
    all
}

#[test]
fn a_group_waits_for_its_message_on_the_way() {
    let mut bench = bench();
    assert_eq!(bench.ready(), 6);
    assert_eq!(one_by_one(&mut bench, ANNA), [0, 3, 5]);
    assert_eq!(bench.get(BERT, 9), []);
    bench.ack(ANNA, 1..2);
    assert_eq!(bench.get(BERT, 9), [4]);
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.get(BERT, 1), [0]);
    bench.turn(|queue, turn| queue.release_all(BERT, turn));
    let number = bench.queue.next_number(CARL);
    assert_eq!(one_by_one(&mut bench, CARL), [0, 4]);
    bench
        .settle(CARL, number..number + 1, Outcome::Reject)
        .unwrap();
    assert_eq!(bench.get(CARL, 1), [1]);
}

#[test]
fn one_holder_may_take_more_of_a_group_at_once_and_nobody_else_gets_any_meanwhile() {
    let mut bench = bench();
    assert_eq!(bench.get(ANNA, 2), [0, 1]);
    assert_eq!(bench.get(BERT, 9), [3, 4, 5], "2 waits for 0 and 1");
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.get(CARL, 9), [], "2 waits for 1");
    bench.ack(ANNA, 1..2);
    assert_eq!(bench.get(CARL, 9), [2]);
}

#[test]
fn what_comes_back_of_a_group_keeps_its_place() {
    let mut bench = bench();
    assert_eq!(bench.get(ANNA, 3), [0, 1, 2]);
    bench.nack(ANNA, 2..3);
    assert_eq!(bench.get(BERT, 9), [3, 4, 5], "2 waits for 0 and 1");
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.get(BERT, 9), [0], "1 is on its way still");
    bench.turn(|queue, turn| queue.release_all(BERT, turn));
    bench.nack(ANNA, 1..2);
    assert_eq!(bench.get(CARL, 3), [0, 1, 2]);
    bench.restart(grouped());
    assert_eq!(bench.get(HolderId(9), 2), [0, 1]);
    bench.queue = restored(&snapshot(&bench.queue));
    bench.turn(|queue, turn| queue.open(turn));
    assert_eq!(bench.get(HolderId(9), 9), [0, 1, 2, 3, 4, 5]);
}

#[test]
fn a_message_that_waits_for_its_retry_holds_its_group() {
    let mut bench = bench();
    assert_eq!(bench.get(ANNA, 1), [0]);
    let later = Outcome::Nack {
        delay_ms: Some(100),
    };
    bench.settle(ANNA, 0..1, later).unwrap();
    assert_eq!(bench.get(ANNA, 9), [3, 4, 5]);
    bench.pass(100);
    assert_eq!(bench.get(ANNA, 9), [0, 1, 2]);
}

#[test]
fn what_has_expired_behind_its_lead_is_never_delivered() {
    let mut bench = Bench::new(QueueSettings {
        max_priority: 1,
        ..grouped()
    });
    for priority in [0, 1] {
        let attributes = Attributes {
            priority,
            ttl_ms: Some(5),
            ..of_group(1)
        };
        bench.enqueue_with(1, attributes);
    }
    bench.now_ms += 10;
    assert_eq!(bench.get(ANNA, 9), []);
    assert_eq!(bench.ready(), 0);
}

#[test]
fn a_purge_takes_what_waits_behind_others_too() {
    let mut bench = bench();
    bench.get(ANNA, 1);
    let lost = bench.turn(|queue, turn| queue.purge(turn));
    assert_eq!(lost.ready, 5);
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.get(ANNA, 9), []);
    bench.enqueue_with(1, of_group(1));
    assert_eq!(bench.get(ANNA, 9), [6]);
}

#[test]
fn a_policy_without_groups_frees_what_waited() {
    let mut bench = bench();
    bench.get(ANNA, 1);
    bench.turn(|queue, turn| queue.reconfigure(QueueSettings::default(), turn));
    assert_eq!(bench.get(ANNA, 9), [1, 2, 3, 4, 5]);
}

#[test]
fn groups_come_back_after_a_restart() {
    let mut bench = bench();
    one_by_one(&mut bench, ANNA);
    bench.ack(ANNA, 0..1);
    bench.restart(grouped());
    assert_eq!(one_by_one(&mut bench, BERT), [1, 3, 5]);
    bench.queue = restored(&snapshot(&bench.queue));
    bench.turn(|queue, turn| queue.open(turn));
    let numbers = bench.queue.next_number(CARL);
    assert_eq!(one_by_one(&mut bench, CARL), [1, 3, 5]);
    bench.ack(CARL, numbers..numbers + 3);
    assert_eq!(bench.get(CARL, 9), [2, 4]);
}
