//! Messages that are taken for a time, by nobody who stays.

use std::future::{pending, ready};
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::host::{
    HostError, Lease, LeaseError, LeaseOutcome, Leased, Position, Publication, Published,
    QueueDefinition, Queueing, Receive, Received, header,
};
use forebay_broker::queue::{Causes, Credit, Order, QueueSettings};
use tokio::time::timeout;

use crate::harness::{ME, Running, mortal, publication, queue};

const DELETE: LeaseOutcome = LeaseOutcome::Delete {
    even_if_stale: false,
};
const DELETE_ANYHOW: LeaseOutcome = LeaseOutcome::Delete {
    even_if_stale: true,
};
const BACK: LeaseOutcome = LeaseOutcome::Extend { lock_ms: 0 };

fn leased_for(lock_ms: u64) -> QueueDefinition {
    QueueDefinition {
        settings: QueueSettings {
            lock_ms: Some(lock_ms),
            counted: Causes::ALL,
            ..QueueSettings::default()
        },
        ..queue("q")
    }
}

fn receive(messages_max: u32) -> Receive {
    Receive {
        queue: Bytes::from_static(b"q"),
        messages_max,
        lock_ms: None,
        default_lock_ms: 30_000,
        in_flight_max: None,
    }
}

fn with(body: &str, queueing: Queueing) -> Publication {
    Publication {
        queueing,
        ..publication("", "q", body)
    }
}

async fn send(running: &Running, publication: Publication) -> Published {
    let sent = running.host.send(vec![publication]).await.remove(0);
    sent.unwrap()
}

fn bodies_of(received: &Received) -> Vec<(String, Leased)> {
    let read = received.read().into_iter();
    let text = |body: &Bytes| String::from_utf8(body.to_vec()).unwrap();
    read.map(|(leased, message)| (text(&message.body), leased))
        .collect()
}

async fn take(running: &Running, messages_max: u32) -> Vec<(String, Leased)> {
    let taken = running.host.take(receive(messages_max)).await.unwrap();
    taken.map(|taken| bodies_of(&taken)).unwrap_or_default()
}

async fn settle(running: &Running, lease: Lease, outcome: LeaseOutcome) -> Result<(), LeaseError> {
    let leases = vec![(lease, outcome)];
    let settled = running.host.settle_leases(Bytes::from_static(b"q"), leases);
    settled.await.unwrap().remove(0)
}

async fn filled(definition: QueueDefinition, bodies: &[&str]) -> Running {
    let running = Running::new();
    running.declare_as(definition).await.unwrap();
    for body in bodies {
        running.publish("", "q", body).await;
    }
    running
}

#[tokio::test]
async fn what_is_taken_comes_back_when_its_lock_ends_and_tells_how_often_it_did() {
    let running = filled(leased_for(1_000), &["a", "b"]).await;
    let first = take(&running, 10).await;
    let bodies: Vec<_> = first.iter().map(|(body, _)| &body[..]).collect();
    assert_eq!(bodies, ["a", "b"]);
    assert_eq!(first[0].1.deliveries, 0);
    assert_eq!(take(&running, 10).await, []);
    assert_eq!(settle(&running, first[1].1.lease, DELETE).await, Ok(()));
    running.pass(1_000).await;
    assert_eq!(take(&running, 10).await, []);
    running.pass(1).await;
    let again = take(&running, 10).await;
    assert_eq!((&again[0].0[..], again.len()), ("a", 1));
    assert_eq!(again[0].1.deliveries, 1);
    assert_eq!(again[0].1.first_ms, first[0].1.first_ms);
    let stale = settle(&running, first[0].1.lease, DELETE).await;
    assert_eq!(stale, Err(LeaseError::Stale), "somebody else has it");
    assert_eq!(settle(&running, again[0].1.lease, BACK).await, Ok(()));
    assert_eq!(take(&running, 10).await[0].1.deliveries, 2);
}

#[tokio::test]
async fn a_stale_lease_ends_its_message_if_that_is_asked_for() {
    let running = filled(leased_for(1_000), &["a", "b", "c"]).await;
    let first = take(&running, 10).await;
    running.pass(1_001).await;
    // Ready again, with somebody else, and gone.
    let again = take(&running, 1).await;
    assert_eq!(
        settle(&running, first[0].1.lease, DELETE_ANYHOW).await,
        Ok(())
    );
    assert_eq!(
        settle(&running, first[1].1.lease, DELETE_ANYHOW).await,
        Ok(())
    );
    let gone = Err(LeaseError::Gone);
    assert_eq!(settle(&running, again[0].1.lease, DELETE).await, gone);
    assert_eq!(settle(&running, first[1].1.lease, BACK).await, gone);
    assert_eq!(take(&running, 10).await[0].0, "c");
}

#[tokio::test]
async fn locks_and_counts_survive_a_power_cut_and_deletions_do_too() {
    let running = filled(leased_for(10_000), &["a", "b"]).await;
    let taken = take(&running, 2).await;
    assert_eq!(settle(&running, taken[0].1.lease, BACK).await, Ok(()));
    let a = take(&running, 1).await.remove(0);
    assert_eq!(settle(&running, taken[1].1.lease, DELETE).await, Ok(()));
    let after = running.cut();
    assert_eq!(take(&after, 10).await, [], "a is locked, and b was deleted");
    let extended = LeaseOutcome::Extend { lock_ms: 20_000 };
    assert_eq!(settle(&after, a.1.lease, extended).await, Ok(()));
    after.pass(10_000).await;
    assert_eq!(take(&after, 10).await, []);
    after.pass(10_001).await;
    let again = after.killed();
    let taken = take(&again, 10).await;
    assert_eq!((&taken[0].0[..], taken[0].1.deliveries), ("a", 2));
}

#[tokio::test]
async fn who_waits_is_given_what_comes_in_the_order_of_waiting() {
    let running = filled(leased_for(1_000), &[]).await;
    let waits = || {
        let host = running.host.clone();
        tokio::spawn(async move { host.receive(receive(10), pending()).await })
    };
    let first = waits();
    tokio::task::yield_now().await;
    assert_eq!(running.ready("q").await, 0, "the first one waits now");
    let second = waits();
    tokio::task::yield_now().await;
    assert_eq!(running.ready("q").await, 0, "and the second one");
    running.publish("", "q", "a").await;
    let received = first.await.unwrap().unwrap().unwrap();
    assert_eq!(bodies_of(&received)[0].0, "a");
    running.pass(1_001).await;
    let received = second.await.unwrap().unwrap().unwrap();
    assert_eq!(received.messages[0].deliveries, 1, "a came back");
}

#[tokio::test]
async fn who_has_waited_long_enough_is_given_nothing() {
    let running = filled(leased_for(1_000), &[]).await;
    let waited = running.host.receive(receive(1), ready(())).await;
    assert!(waited.unwrap().is_none());
    let dropped = running.host.receive(receive(1), pending());
    let dropped = timeout(Duration::from_millis(20), dropped).await;
    assert!(dropped.is_err());
    assert_eq!(running.ready("q").await, 0, "both are forgotten now");
    running.publish("", "q", "a").await;
    assert_eq!(take(&running, 1).await[0].1.deliveries, 0, "nobody had it");
}

#[tokio::test]
async fn whoever_waits_for_a_queue_hears_of_its_end() {
    let running = filled(leased_for(1_000), &[]).await;
    let host = running.host.clone();
    let waits = tokio::spawn(async move { host.receive(receive(1), pending()).await });
    tokio::task::yield_now().await;
    assert_eq!(running.ready("q").await, 0);
    let deleted = running
        .host
        .delete_queue(Bytes::from_static(b"q"), false, false, ME);
    deleted.await.unwrap();
    let ended = waits.await.unwrap().map(drop);
    assert_eq!(ended, Err(HostError::NoQueue(Bytes::from_static(b"q"))));
}

#[tokio::test]
async fn a_queue_without_an_end_of_locks_is_received_from_too_beside_its_consumers() {
    let running = filled(queue("q"), &["a", "b"]).await;
    let mut consumer = running.subscribe("q", Credit::Window(1)).await;
    consumer.delivery().await;
    let taken = take(&running, 10).await;
    assert_eq!((&taken[0].0[..], taken.len()), ("b", 1));
    running.pass(30_000).await;
    assert_eq!(take(&running, 10).await, []);
    running.pass(1).await;
    assert_eq!(take(&running, 10).await[0].0, "b");
}

#[tokio::test]
async fn no_more_is_taken_than_may_be_in_flight() {
    let running = filled(leased_for(1_000), &["a", "b"]).await;
    let bounded = |in_flight_max| Receive {
        in_flight_max: Some(in_flight_max),
        ..receive(1)
    };
    assert!(running.host.take(bounded(1)).await.unwrap().is_some());
    let refused = running.host.take(bounded(1)).await.map(drop);
    assert_eq!(refused, Err(HostError::TooManyInFlight));
    assert!(running.host.take(bounded(2)).await.unwrap().is_some());
    let empty = running.host.take(bounded(2)).await.unwrap();
    assert!(empty.is_none(), "there is nothing to be refused");
}

#[tokio::test]
async fn senders_learn_where_their_message_is_and_that_it_was_there_before() {
    let definition = QueueDefinition {
        settings: QueueSettings {
            deduplication_ms: Some(300_000),
            ..leased_for(1_000).settings
        },
        ..queue("q")
    };
    let running = filled(definition, &["before"]).await;
    let known = Queueing {
        deduplication: Some(7),
        ..Queueing::default()
    };
    let Published::Stored(first) = send(&running, with("a", known)).await else {
        panic!("it was not stored")
    };
    assert_eq!(first.offset, 1);
    assert_eq!(
        send(&running, with("b", known)).await,
        Published::Duplicate(first)
    );
    for (_, leased) in take(&running, 10).await {
        assert_eq!(settle(&running, leased.lease, DELETE).await, Ok(()));
    }
    let after = running.cut();
    assert_eq!(
        send(&after, with("c", known)).await,
        Published::Duplicate(first),
        "also when it is gone, and after a restart"
    );
    after
        .host
        .purge_everything(Bytes::from_static(b"q"))
        .await
        .unwrap();
    let sent = send(&after, with("d", known)).await;
    let again = Position { offset: 2, ..first };
    assert_eq!(sent, Published::Stored(again), "a purge forgets the ids");
    let after = after.cut();
    assert_eq!(
        send(&after, with("e", known)).await,
        Published::Duplicate(again)
    );
    let nowhere = publication("", "nowhere", "m");
    assert_eq!(send(&after, nowhere).await, Published::Unroutable);
}

#[tokio::test]
async fn a_message_waits_as_long_as_it_says_or_as_its_queue_does() {
    let definition = QueueDefinition {
        settings: QueueSettings {
            delay_ms: 2_000,
            ..leased_for(60_000).settings
        },
        ..queue("q")
    };
    let running = filled(definition, &[]).await;
    for (body, delay_ms) in [("queue's", None), ("own", Some(1_000)), ("none", Some(0))] {
        let queueing = Queueing {
            delay_ms,
            ..Queueing::default()
        };
        send(&running, with(body, queueing)).await;
    }
    for expected in ["none", "own", "queue's"] {
        let taken = take(&running, 10).await;
        assert_eq!((&taken[0].0[..], taken.len()), (expected, 1));
        running.pass(1_000).await;
    }
}

#[tokio::test]
async fn everything_goes_with_a_purge_of_everything() {
    let running = filled(leased_for(1_000), &["locked", "ready"]).await;
    let delayed = Queueing {
        delay_ms: Some(500),
        ..Queueing::default()
    };
    send(&running, with("delayed", delayed)).await;
    let taken = take(&running, 1).await.remove(0);
    let purged = running
        .host
        .purge_everything(Bytes::from_static(b"q"))
        .await;
    assert_eq!(purged, Ok(1), "one was ready");
    running.pass(5_000).await;
    assert_eq!(take(&running, 10).await, []);
    let gone = Err(LeaseError::Gone);
    assert_eq!(settle(&running, taken.1.lease, DELETE).await, gone);
    assert_eq!(take(&running.cut(), 10).await, []);
}

#[tokio::test]
async fn groups_and_origins_go_along_to_where_the_dead_go() {
    let running = Running::new();
    let ordered = QueueSettings {
        order: Order::PerGroup,
        delivery_limit: Some(0),
        ..leased_for(1_000).settings
    };
    let dead = QueueDefinition {
        settings: ordered.clone(),
        ..mortal("dead", "", QueueSettings::default())
    };
    running.declare_as(dead).await.unwrap();
    let mut dying = mortal("q", "", ordered);
    dying.dead_letter.as_mut().unwrap().routing_key = Some(Bytes::from_static(b"dead"));
    dying.settings.dead_letter = true;
    running.declare_as(dying).await.unwrap();
    let group = Queueing {
        group: Some(forebay_broker::host::group_id(b"g")),
        ..Queueing::default()
    };
    for body in ["a", "b"] {
        let sent = send(&running, with(body, group)).await;
        assert!(matches!(sent, Published::Stored(_)));
    }
    let taken = take(&running, 10).await;
    assert_eq!(taken.len(), 2, "one receiver gets more of a group");
    assert_eq!(settle(&running, taken[0].1.lease, BACK).await, Ok(()));
    let from_dead = Receive {
        queue: Bytes::from_static(b"dead"),
        ..receive(10)
    };
    let dead = running.host.take(from_dead).await.unwrap().unwrap();
    let (leased, stored) = dead.read().remove(0);
    let origin = taken[0].1.lease;
    let expected = Position {
        queue: origin.queue,
        offset: origin.offset,
    };
    assert_eq!(stored.origin(leased.lease.queue), expected);
    assert!(stored.header(header::ORIGIN).is_some());
    assert_eq!(stored.earlier_deliveries(), 1);
}

#[tokio::test]
async fn a_limit_that_comes_later_counts_what_failed_before() {
    let running = filled(leased_for(1_000), &["failed", "fresh"]).await;
    running.declare("dead").await;
    for _ in 0..2 {
        let taken = take(&running, 1).await.remove(0);
        assert_eq!(settle(&running, taken.1.lease, BACK).await, Ok(()));
    }
    let mut limited = mortal("q", "", leased_for(1_000).settings);
    limited.dead_letter.as_mut().unwrap().routing_key = Some(Bytes::from_static(b"dead"));
    limited.settings.delivery_limit = Some(1);
    running.host.alter_queue(limited).await.unwrap();
    assert_eq!(take(&running, 10).await[0].0, "fresh");
    assert_eq!(running.bodies("dead").await, ["failed"]);
}

#[tokio::test]
async fn a_queue_goes_on_under_another_definition_also_after_a_restart() {
    let running = filled(leased_for(1_000), &["a"]).await;
    running.host.alter_queue(leased_for(5_000)).await.unwrap();
    let after = running.cut();
    take(&after, 1).await;
    after.pass(5_000).await;
    assert_eq!(take(&after, 1).await, []);
    after.pass(1).await;
    assert_eq!(take(&after, 1).await[0].0, "a");
    let missing = QueueDefinition {
        name: Bytes::from_static(b"missing"),
        ..leased_for(1)
    };
    let refused = after.host.alter_queue(missing).await;
    assert_eq!(
        refused,
        Err(HostError::NoQueue(Bytes::from_static(b"missing")))
    );
}
