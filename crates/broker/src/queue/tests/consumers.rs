//! Consumers come, change and go.

use super::harness::*;
use crate::queue::*;

fn pooled() -> Subscription {
    Subscription {
        pool: Some(POOL),
        ..Subscription::default()
    }
}

#[test]
fn an_exclusive_consumer_has_the_queue_for_itself() {
    let mut bench = Bench::new(QueueSettings::default());
    let exclusive = Subscription {
        exclusive: true,
        ..Subscription::default()
    };
    bench.subscribe(ANNA, 1);
    let refused = bench.subscribe_with(BERT, exclusive);
    assert_eq!(refused, Err(SubscribeError::InUse));
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    bench.subscribe_with(BERT, exclusive).unwrap();
    let refused = bench.subscribe_with(CARL, Subscription::default());
    assert_eq!(refused, Err(SubscribeError::Exclusive));
    bench.turn(|queue, turn| queue.release_all(BERT, turn));
    bench.subscribe_with(CARL, Subscription::default()).unwrap();
    let refused = bench.subscribe_with(CARL, Subscription::default());
    assert_eq!(refused, Err(SubscribeError::Known));
}

#[test]
fn a_cancelled_consumer_is_given_nothing_and_keeps_what_it_has() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 2);
    bench.enqueue(3);
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    bench.take_effects();
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.offsets(), []);
    bench.nack(ANNA, 1..2);
    assert_eq!(bench.ready(), 2);
    let again = bench.turn(|queue, turn| queue.cancel(ANNA, turn));
    assert_eq!(again, Err(UnknownConsumer));
}

#[test]
fn a_paused_consumer_waits() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 10);
    bench
        .turn(|queue, turn| queue.set_paused(ANNA, true, turn))
        .unwrap();
    bench.enqueue(2);
    assert_eq!(bench.offsets(), []);
    bench
        .turn(|queue, turn| queue.set_paused(ANNA, false, turn))
        .unwrap();
    assert_eq!(bench.offsets(), [0, 1]);
}

#[test]
fn a_window_that_shrinks_waits_and_one_that_grows_is_filled() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 2);
    bench.enqueue(9);
    let set =
        |credit| move |queue: &mut Queue, turn: &mut Turn<'_>| queue.set_credit(ANNA, credit, turn);
    bench.turn(set(Credit::Window(1))).unwrap();
    bench.ack(ANNA, 0..1);
    assert_eq!(bench.offsets(), [0, 1]);
    bench.turn(set(Credit::Window(3))).unwrap();
    assert_eq!(bench.offsets(), [2, 3]);
    bench.turn(set(Credit::Unlimited)).unwrap();
    assert_eq!(bench.offsets(), [4, 5, 6, 7, 8]);
}

#[test]
fn consumers_share_a_pool_that_changes_at_run_time() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.pools.set(POOL, Some(3));
    bench.subscribe_with(ANNA, pooled()).unwrap();
    bench.subscribe_with(BERT, pooled()).unwrap();
    bench.enqueue(9);
    assert_eq!(bench.offsets(), [0, 1, 2]);
    bench.pools.set(POOL, Some(5));
    bench.turn(|queue, turn| queue.pool_changed(POOL, turn));
    assert_eq!(bench.offsets(), [3, 4]);
    bench.pools.set(POOL, Some(1));
    let held = bench.queue.held_by(ANNA);
    bench.ack(ANNA, 0..held);
    assert_eq!(bench.offsets(), [], "the others hold more than one");
    bench.turn(|queue, turn| queue.release_all(BERT, turn));
    assert_eq!(bench.offsets().len(), 1);
    assert_eq!(bench.pools.used(POOL), 1);
}

#[test]
fn a_pool_is_shared_by_queues() {
    let mut first = Bench::new(QueueSettings::default());
    let mut second = Bench::new(QueueSettings::default());
    first.pools.set(POOL, Some(1));
    first.subscribe_with(ANNA, pooled()).unwrap();
    first.enqueue(1);
    std::mem::swap(&mut first.pools, &mut second.pools);
    second.subscribe_with(ANNA, pooled()).unwrap();
    second.enqueue(1);
    assert_eq!(second.offsets(), []);
    std::mem::swap(&mut first.pools, &mut second.pools);
    first.take_effects();
    first.ack(ANNA, 0..1);
    assert_eq!(first.take_effects(), [Effect::PoolFreed { pool: POOL }]);
    std::mem::swap(&mut first.pools, &mut second.pools);
    second.turn(|queue, turn| queue.pool_changed(POOL, turn));
    assert_eq!(second.offsets(), [0]);
}

#[test]
fn one_consumer_at_a_time_is_active() {
    let settings = QueueSettings {
        single_active: true,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    let preferred = Subscription {
        priority: 1,
        ..Subscription::default()
    };
    bench.subscribe(ANNA, 1);
    bench.subscribe(BERT, 1);
    bench.subscribe_with(CARL, preferred).unwrap();
    assert_eq!(bench.take_effects(), [Effect::Activated { consumer: ANNA }]);
    bench.enqueue(3);
    assert_eq!(bench.taken(), [(ANNA, 0)]);
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    assert_eq!(bench.queue.active_consumer(), Some(CARL));
    assert_eq!(bench.taken(), [(CARL, 1), (CARL, 2)]);
    bench.turn(|queue, turn| queue.release_all(CARL, turn));
    assert_eq!(bench.taken(), [(BERT, 1)]);
}

#[test]
fn a_policy_makes_one_consumer_active_and_all_of_them_again() {
    let mut bench = Bench::new(QueueSettings::default());
    bench.subscribe(ANNA, 1);
    bench.subscribe(BERT, 1);
    let single = |single_active| QueueSettings {
        single_active,
        ..QueueSettings::default()
    };
    bench.turn(|queue, turn| queue.reconfigure(single(true), turn));
    bench.enqueue(2);
    assert_eq!(bench.taken(), [(ANNA, 0)]);
    bench.turn(|queue, turn| queue.reconfigure(single(false), turn));
    assert_eq!(bench.taken(), [(BERT, 1)]);
}

#[test]
fn auto_delete_is_after_the_last_consumer_and_never_without_one() {
    let settings = QueueSettings {
        auto_delete: true,
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    bench.enqueue(1);
    bench.get(CARL, 1);
    bench.turn(|queue, turn| queue.release_all(CARL, turn));
    bench.subscribe(ANNA, 1);
    bench.subscribe(BERT, 1);
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    let gone = Effect::Gone {
        reason: GoneReason::AutoDelete,
    };
    assert!(!bench.take_effects().contains(&gone));
    bench.turn(|queue, turn| queue.release_all(BERT, turn));
    assert!(bench.take_effects().contains(&gone));
}

#[test]
fn a_queue_that_nobody_uses_is_gone() {
    let settings = QueueSettings {
        expires_ms: Some(100),
        ..QueueSettings::default()
    };
    let mut bench = Bench::new(settings);
    let gone = Effect::Gone {
        reason: GoneReason::Idle,
    };
    bench.pass(99);
    bench.get(ANNA, 1);
    bench.pass(99);
    bench.queue.touch(bench.now_ms);
    bench.pass(99);
    bench.subscribe(ANNA, 1);
    bench.pass(1_000);
    bench.turn(|queue, turn| queue.cancel(ANNA, turn)).unwrap();
    bench.pass(99);
    assert_eq!(bench.take_effects(), []);
    bench.pass(1);
    assert_eq!(bench.take_effects(), [gone]);
}
