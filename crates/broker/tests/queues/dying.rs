//! Dead messages go to where their queue wants them, and say how they died.

use std::time::Duration;

use forebay_broker::queue::{Bounds, Credit, DeathReason, Outcome, QueueSettings};
use forebay_broker::routing::RouterKind;

use crate::harness::{Running, mortal};

async fn with_grave(settings: QueueSettings) -> Running {
    let running = Running::new();
    running.exchange("dlx", RouterKind::Fanout).await;
    running.declare("grave").await;
    running.bind("dlx", "grave", "").await;
    running
        .declare_as(mortal("q", "dlx", settings))
        .await
        .unwrap();
    running
}

async fn buried(running: &Running) -> Vec<(String, DeathReason)> {
    let dead = running.drain("grave").await;
    dead.into_iter()
        .map(|seen| {
            assert_eq!((seen.exchange.as_str(), seen.key.as_str()), ("dlx", "q"));
            let death = seen.deaths.last().unwrap();
            assert_eq!(&death.queue[..], b"q");
            assert_eq!(&death.routing_keys[0][..], b"q");
            (seen.body, death.reason)
        })
        .collect()
}

#[tokio::test]
async fn a_rejected_message_is_buried() {
    let running = with_grave(QueueSettings::default()).await;
    running.publish("", "q", "bad").await;
    let (got, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&got.delivery, Outcome::Reject)
        .await;
    let expected = [("bad".to_owned(), DeathReason::Rejected)];
    assert_eq!(buried(&running).await, expected);
    assert_eq!(running.ready("q").await, 0);
}

#[tokio::test]
async fn an_expired_message_is_buried_by_time_alone() {
    let settings = QueueSettings {
        ttl_ms: Some(1_000),
        ..QueueSettings::default()
    };
    let running = with_grave(settings).await;
    running.publish("", "q", "old").await;
    running.pass(2_000).await;
    let expected = [("old".to_owned(), DeathReason::Expired)];
    assert_eq!(buried(&running).await, expected);
}

#[tokio::test]
async fn what_is_too_much_is_buried_in_the_turn_that_brought_it() {
    let settings = QueueSettings {
        bounds: Bounds {
            messages: Some(1),
            ..Bounds::default()
        },
        ..QueueSettings::default()
    };
    let running = with_grave(settings).await;
    for body in ["a", "b", "c"] {
        running.publish("", "q", body).await;
    }
    let reason = DeathReason::MaxLength;
    let expected = [("a".to_owned(), reason), ("b".to_owned(), reason)];
    assert_eq!(buried(&running).await, expected);
    assert_eq!(running.bodies("q").await, ["c"]);
}

#[tokio::test]
async fn what_died_is_in_one_place_after_a_kill() {
    let running = with_grave(QueueSettings::default()).await;
    for body in ["a", "b"] {
        running.publish("", "q", body).await;
    }
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    let (delivery, _) = consumer.delivery().await;
    let number = delivery.number.unwrap();
    running
        .settle(consumer.holder, number..number + 1, Outcome::Reject)
        .await;
    let killed = running.killed();
    assert_eq!(killed.bodies("q").await, ["b"]);
    assert_eq!(
        buried(&killed).await,
        [("a".to_owned(), DeathReason::Rejected)]
    );
}

#[tokio::test]
async fn without_the_exchange_the_dead_are_gone() {
    let running = Running::new();
    let settings = QueueSettings::default();
    running
        .declare_as(mortal("q", "nowhere", settings))
        .await
        .unwrap();
    running.publish("", "q", "m").await;
    let (got, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&got.delivery, Outcome::Reject)
        .await;
    assert_eq!(running.ready("q").await, 0);
}

#[tokio::test]
async fn a_message_does_not_go_round_for_ever() {
    let running = Running::new();
    let settings = || QueueSettings {
        ttl_ms: Some(10),
        ..QueueSettings::default()
    };
    // Its own dead come back to it by the default exchange.
    running
        .declare_as(mortal("q", "", settings()))
        .await
        .unwrap();
    running.publish("", "q", "m").await;
    running.pass(100).await;
    assert_eq!(running.ready("q").await, 0);
    // Unless somebody rejects it in between.
    running.publish("", "q", "n").await;
    let (got, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&got.delivery, Outcome::Reject)
        .await;
    assert_eq!(running.ready("q").await, 1);
}

#[tokio::test]
async fn the_dead_wait_for_room_in_the_journal() {
    let running = with_grave(QueueSettings::default()).await;
    let graves: Vec<_> = (0..20).map(|number| format!("grave {number}")).collect();
    for name in &graves {
        running.declare(name).await;
        running.bind("dlx", name, "").await;
    }
    // Together they are larger than a file of the journal.
    let body = "x".repeat(100 << 10);
    running.publish("", "q", &body).await;
    let (got, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&got.delivery, Outcome::Reject)
        .await;
    for name in &graves {
        while running.ready(name).await == 0 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }
    let killed = running.killed();
    assert_eq!(killed.ready("q").await, 0);
    for name in &graves {
        assert_eq!(killed.bodies(name).await, [body.as_str()]);
    }
}
