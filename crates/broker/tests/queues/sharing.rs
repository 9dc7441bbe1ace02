//! A message that goes to several queues: its bytes are stored once, and each queue has it for itself.

use forebay_broker::host::Published;
use forebay_broker::queue::{Bounds, DeathReason, Outcome, Overflow, QueueSettings};
use forebay_broker::routing::RouterKind;

use crate::harness::{Running, mortal, queue};

/// A body that is found wherever it was stored.
const BODY: &str = "a body that was published to every one of them";

async fn fanned_out(queues: &[&str]) -> Running {
    let running = Running::new();
    running.exchange("x", RouterKind::Fanout).await;
    for name in queues {
        running.declare(name).await;
        running.bind("x", name, "").await;
    }
    running
}

#[tokio::test]
async fn every_queue_has_the_message_and_the_journal_has_it_once() {
    let names = ["a", "b", "c"];
    let running = fanned_out(&names).await;
    // The queues stand at different offsets.
    running.publish("", "b", "before").await;
    assert_eq!(running.publish("x", "", BODY).await, Published::Routed);
    assert_eq!(running.stored_times(BODY), 1);
    running.publish("x", "", "after").await;
    for again in [running.killed(), running.cut(), running.restarted()] {
        assert_eq!(again.bodies("a").await, [BODY, "after"]);
        assert_eq!(again.bodies("b").await, ["before", BODY, "after"]);
        assert_eq!(again.ready("c").await, 2);
    }
}

#[tokio::test]
async fn what_becomes_of_it_in_one_queue_is_nothing_to_the_others() {
    let running = fanned_out(&["a", "b"]).await;
    running.publish("x", "", BODY).await;
    let (got, _) = running.get("a").await.unwrap();
    running.settle_delivery(&got.delivery, Outcome::Ack).await;
    let (got, seen) = running.get("b").await.unwrap();
    assert_eq!(seen.body, BODY);
    running
        .settle_delivery(&got.delivery, Outcome::Nack { delay_ms: None })
        .await;
    let again = running.restarted();
    assert_eq!(again.ready("a").await, 0);
    assert_eq!(again.bodies("b").await, [BODY]);
}

#[tokio::test]
async fn a_queue_that_is_full_refuses_it_and_the_others_have_it() {
    let running = fanned_out(&["a", "z"]).await;
    let mut full = queue("full");
    full.settings.bounds = Bounds {
        messages: Some(0),
        overflow: Overflow::RejectPublish,
        ..Bounds::default()
    };
    running.declare_as(full).await.unwrap();
    running.bind("x", "full", "").await;
    assert_eq!(running.publish("x", "", BODY).await, Published::Refused);
    for name in ["a", "z"] {
        assert_eq!(running.bodies(name).await, [BODY]);
    }
    assert_eq!(running.ready("full").await, 0);
}

#[tokio::test]
async fn the_dead_are_shared_like_the_living() {
    let running = fanned_out(&["a", "b", "c"]).await;
    let dying = mortal("q", "x", QueueSettings::default());
    running.declare_as(dying).await.unwrap();
    running.publish("", "q", BODY).await;
    let (got, _) = running.get("q").await.unwrap();
    running
        .settle_delivery(&got.delivery, Outcome::Reject)
        .await;
    assert_eq!(
        running.stored_times(BODY),
        2,
        "where it died, and once more"
    );
    let again = running.killed();
    for name in ["a", "b", "c"] {
        let dead = again.drain(name).await.remove(0);
        assert_eq!(dead.body, BODY);
        assert_eq!(dead.deaths.last().unwrap().reason, DeathReason::Rejected);
    }
}

#[tokio::test]
async fn more_queues_than_one_record_has_places_for_have_it_too() {
    let running = Running::new();
    running.exchange("x", RouterKind::Fanout).await;
    for n in 0..1_030 {
        let name = format!("q{n}");
        running.declare(&name).await;
        running.bind("x", &name, "").await;
    }
    running.publish("x", "", BODY).await;
    assert_eq!(running.stored_times(BODY), 2);
    let again = running.killed();
    for name in ["q0", "q1023", "q1024", "q1029"] {
        assert_eq!(again.bodies(name).await, [BODY]);
    }
}
