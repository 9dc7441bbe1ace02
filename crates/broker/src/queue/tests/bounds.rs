//! Time to live, and how much may be ready.

use super::harness::*;
use crate::queue::*;

fn bounded(messages: Option<u64>, bytes: Option<u64>, overflow: Overflow) -> QueueSettings {
    QueueSettings {
        bounds: Bounds {
            messages,
            bytes,
            overflow,
        },
        dead_letter: true,
        ..QueueSettings::default()
    }
}

fn living(ttl_ms: u64) -> QueueSettings {
    QueueSettings {
        ttl_ms: Some(ttl_ms),
        dead_letter: true,
        ..QueueSettings::default()
    }
}

fn ttl(ttl_ms: u64) -> Attributes {
    Attributes {
        ttl_ms: Some(ttl_ms),
        ..Attributes::default()
    }
}

#[test]
fn the_head_makes_way_when_there_are_too_many() {
    let mut bench = Bench::new(bounded(Some(3), None, Overflow::DropHead));
    bench.enqueue(5);
    let max_length = DeathReason::MaxLength;
    assert_eq!(bench.dead(), [(0, max_length), (1, max_length)]);
    assert_eq!(bench.get(ANNA, 1), [2]);
    bench.enqueue(1);
    assert_eq!(bench.dead(), [], "what is locked does not count");
    bench.nack(ANNA, 0..1);
    assert_eq!(bench.dead(), [(2, max_length)]);
}

#[test]
fn the_head_makes_way_when_there_are_too_many_bytes() {
    let mut bench = Bench::new(bounded(None, Some(25), Overflow::DropHead));
    bench.enqueue(4);
    assert_eq!(bench.dead().len(), 2);
    assert_eq!(bench.queue.counters().ready_bytes, 20);
}

#[test]
fn what_is_delivered_at_once_is_not_dropped() {
    let mut bench = Bench::new(bounded(Some(0), None, Overflow::DropHead));
    bench.subscribe(ANNA, 2);
    bench.enqueue(3);
    assert_eq!(bench.dead(), [(2, DeathReason::MaxLength)]);
    assert_eq!(bench.queue.held_by(ANNA), 2);
}

#[test]
fn publishers_are_refused_when_the_queue_is_full() {
    for (overflow, dead_letter) in [
        (Overflow::RejectPublish, false),
        (Overflow::RejectPublishDeadLetter, true),
    ] {
        let mut bench = Bench::new(bounded(Some(2), Some(100), overflow));
        let admit = |bench: &Bench, count, bytes| {
            bench
                .queue
                .admit(count, bytes, None, bench.now_ms, &bench.pools)
        };
        bench.enqueue(1);
        assert_eq!(admit(&bench, 1, 10), Admission::Accepted);
        let refused = Admission::Refused { dead_letter };
        assert_eq!(admit(&bench, 2, 20), refused);
        assert_eq!(admit(&bench, 1, 91), refused);
        bench.enqueue(1);
        assert_eq!(admit(&bench, 1, 10), refused);
        bench.subscribe(ANNA, 3);
        assert_eq!(
            admit(&bench, 5, 10),
            Admission::Accepted,
            "delivered at once"
        );
        bench.enqueue(3);
        assert_eq!(admit(&bench, 1, 10), refused, "nobody takes it now");
    }
}

#[test]
fn messages_expire_when_their_time_is_over_and_not_before() {
    let mut bench = Bench::new(living(100));
    bench.enqueue(2);
    bench.pass(50);
    bench.enqueue(1);
    bench.pass(49);
    assert_eq!(bench.dead(), []);
    bench.pass(1);
    let expired = DeathReason::Expired;
    assert_eq!(bench.dead(), [(0, expired), (1, expired)]);
    bench.pass(50);
    assert_eq!(bench.dead(), [(2, expired)]);
}

#[test]
fn what_expires_is_dropped_where_only_others_of_the_dead_are_wanted() {
    let mut bench = Bench::new(QueueSettings {
        drops_expired: true,
        ..living(100)
    });
    bench.enqueue(1);
    bench.pass(100);
    assert_eq!((bench.ready(), bench.dead()), (0, vec![]));
}

#[test]
fn the_shorter_time_to_live_counts_and_is_looked_at_at_the_head() {
    let mut bench = Bench::new(living(1_000));
    bench.enqueue_with(1, ttl(5_000));
    bench.enqueue_with(2, ttl(10));
    bench.pass(999);
    assert_eq!(bench.ready(), 3, "the first hides the others");
    bench.pass(1);
    assert_eq!(bench.ready(), 0);

    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue_with(1, ttl(10));
    bench.enqueue(1);
    bench.pass(10);
    assert_eq!(bench.get(ANNA, 2), [1]);
}

#[test]
fn what_has_expired_behind_the_head_is_never_delivered() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(1);
    bench.enqueue_with(1, ttl(10));
    bench.enqueue(1);
    bench.pass(100);
    assert_eq!(bench.get(ANNA, 3), [0, 2]);
    let expired = Effect::Dropped {
        offset: 1,
        count: 1,
        reason: DeathReason::Expired,
    };
    assert_eq!(
        bench.queue.counters().totals.dropped,
        [1, 0, 0, 0],
        "{expired:?}"
    );
}

#[test]
fn a_ttl_of_zero_is_at_once_or_never() {
    let mut bench = Bench::new(living(0));
    bench.enqueue(1);
    assert_eq!(bench.dead(), [(0, DeathReason::Expired)]);
    bench.subscribe(ANNA, 1);
    bench.enqueue(2);
    assert_eq!(bench.taken(), [(ANNA, 1)]);
    assert_eq!(bench.ready(), 0);
}

#[test]
fn locked_messages_do_not_expire_until_they_come_back() {
    let mut bench = Bench::new(living(100));
    bench.enqueue(1);
    bench.get(ANNA, 1);
    bench.pass(500);
    assert_eq!(bench.dead(), []);
    bench.nack(ANNA, 0..1);
    bench.turn(|queue, turn| queue.tick(turn));
    assert_eq!(bench.dead(), [(0, DeathReason::Expired)]);
}

#[test]
fn a_policy_holds_at_once_for_what_is_there() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.enqueue(5);
    bench.pass(10_000);
    let settings = bounded(Some(2), None, Overflow::DropHead);
    bench.turn(|queue, turn| queue.reconfigure(settings, turn));
    assert_eq!(bench.dead().len(), 3);
    bench.turn(|queue, turn| queue.reconfigure(living(9_000), turn));
    assert_eq!(bench.dead().len(), 2);
}
