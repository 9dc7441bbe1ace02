//! Messages that are published as one batch fare as if each had come alone.

use bytes::Bytes;
use forebay_broker::host::{
    BodySizes, Position, Publication, PublishError, Published, QueueDefinition, Receive,
};
use forebay_broker::queue::{Bounds, Credit, DeathReason, Outcome, Overflow, QueueSettings};
use forebay_broker::routing::RouterKind;

use crate::harness::{Running, mortal, queue, run};

fn bounded(name: &str, messages: u64, overflow: Overflow) -> QueueDefinition {
    let settings = QueueSettings {
        bounds: Bounds {
            messages: Some(messages),
            bytes: None,
            overflow,
        },
        ..QueueSettings::default()
    };
    QueueDefinition {
        settings,
        ..queue(name)
    }
}

async fn published(running: &Running, what: Publication) -> Vec<Result<Published, PublishError>> {
    running.host.publish(vec![what]).await
}

#[tokio::test]
async fn each_has_a_result_an_offset_and_a_place_in_line() {
    let running = Running::new();
    running.declare("q").await;
    running.publish("", "q", "before").await;
    let sent = vec![run("", "q", &["a", "bb", "cc"]), run("", "q", &["d"])];
    let sent = running.host.send(sent).await;
    let at = |result: &Result<Published, PublishError>| match result {
        Ok(Published::Stored(Position { offset, .. })) => *offset,
        other => panic!("{other:?}"),
    };
    let offsets: Vec<_> = sent.iter().map(at).collect();
    let first = offsets[0];
    assert_eq!(offsets, [first, first + 1, first + 2, first + 3]);
    assert_eq!(running.ready("q").await, 5);
    let bodies = running.bodies("q").await;
    assert_eq!(bodies, ["before", "a", "bb", "cc", "d"]);
}

#[tokio::test]
async fn what_goes_nowhere_is_told_of_each() {
    let running = Running::new();
    let nowhere = published(&running, run("", "nobody", &["a", "b"])).await;
    assert_eq!(nowhere, vec![Ok(Published::Unroutable); 2]);
    let refused = published(&running, run("none", "k", &["a", "b", "c"])).await;
    assert_eq!(refused.len(), 3);
    assert!(
        refused
            .iter()
            .all(|result| matches!(result, Err(PublishError::NoExchange(_))))
    );
}

#[tokio::test]
async fn they_are_settled_one_by_one_and_come_back_one_by_one_over_a_kill() {
    let running = Running::new();
    running.declare("q").await;
    published(&running, run("", "q", &["a", "b", "c", "d"])).await;
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    let (delivery, seen) = consumer.delivery().await;
    assert_eq!(seen.len(), 4);
    let number = delivery.number.unwrap();
    running
        .settle(consumer.holder, number + 1..number + 3, Outcome::Ack)
        .await;
    let running = running.killed();
    assert_eq!(running.bodies("q").await, ["a", "d"]);
}

#[tokio::test]
async fn a_queue_that_refuses_takes_as_many_as_it_has_room_for() {
    let running = Running::new();
    running
        .declare_as(bounded("q", 2, Overflow::RejectPublish))
        .await
        .unwrap();
    let results = published(&running, run("", "q", &["a", "b", "c"])).await;
    let (routed, refused) = (Ok(Published::Routed), Ok(Published::Refused));
    assert_eq!(results, [routed.clone(), routed, refused]);
    assert_eq!(running.bodies("q").await, ["a", "b"]);
}

#[tokio::test]
async fn a_queue_that_drops_keeps_the_last() {
    let running = Running::new();
    running
        .declare_as(bounded("q", 2, Overflow::DropHead))
        .await
        .unwrap();
    published(&running, run("", "q", &["a", "b", "c"])).await;
    assert_eq!(running.bodies("q").await, ["b", "c"]);
}

#[tokio::test]
async fn by_lot_each_goes_its_own_way() {
    let running = Running::new();
    running.exchange("x", RouterKind::Random).await;
    for name in ["q", "r"] {
        running.declare(name).await;
        running.bind("x", name, "k").await;
    }
    let bodies = [""; 60];
    published(&running, run("x", "k", &bodies)).await;
    let (q, r) = (running.ready("q").await, running.ready("r").await);
    assert_eq!(q + r, 60);
    assert!(q > 5 && r > 5, "{q} and {r}");
}

#[tokio::test]
async fn one_that_dies_leaves_the_others() {
    let running = Running::new();
    running.exchange("dlx", RouterKind::Fanout).await;
    running.declare("dead").await;
    running.bind("dlx", "dead", "").await;
    running
        .declare_as(mortal("q", "dlx", QueueSettings::default()))
        .await
        .unwrap();
    published(&running, run("", "q", &["a", "b", "c"])).await;
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    let (delivery, _) = consumer.delivery().await;
    let second = delivery.number.unwrap() + 1;
    running
        .settle(consumer.holder, second..second + 1, Outcome::Reject)
        .await;
    let dead = running.drain("dead").await;
    assert_eq!(dead.len(), 1);
    assert_eq!(dead[0].body, "b");
    assert_eq!(dead[0].deaths.last().unwrap().reason, DeathReason::Rejected);
    let running = running.killed();
    assert_eq!(running.bodies("q").await, ["a", "c"]);
}

#[tokio::test]
async fn leases_read_those_of_a_batch_that_are_theirs() {
    let running = Running::new();
    running.declare("q").await;
    let bodies: Vec<String> = (0..60).map(|n| format!("{n}")).collect();
    let bodies: Vec<&str> = bodies.iter().map(String::as_str).collect();
    published(&running, run("", "q", &bodies)).await;
    let receive = |messages_max| Receive {
        queue: Bytes::from_static(b"q"),
        messages_max,
        lock_ms: Some(1_000),
        default_lock_ms: 1_000,
        in_flight_max: None,
    };
    let mut seen = Vec::new();
    for messages_max in [1, 3, 10, 40, 10] {
        let received = running.host.take(receive(messages_max)).await.unwrap();
        let read = received.unwrap().read_at_hand().unwrap();
        seen.extend(read.into_iter().map(|(_, message)| message.body));
    }
    let seen: Vec<_> = seen
        .iter()
        .map(|body| std::str::from_utf8(body).unwrap())
        .collect();
    assert_eq!(seen, bodies);
}

#[tokio::test]
async fn a_queue_keeps_count_of_their_bytes() {
    let sizes = BodySizes::of(b"abc");
    assert_eq!((sizes.count(), sizes.total()), (1, 3));
    let running = Running::new();
    let settings = QueueSettings {
        bounds: Bounds {
            messages: None,
            bytes: Some(5),
            overflow: Overflow::DropHead,
        },
        ..QueueSettings::default()
    };
    let definition = QueueDefinition {
        settings,
        ..queue("q")
    };
    running.declare_as(definition).await.unwrap();
    published(&running, run("", "q", &["aaaa", "b", "cc", "dd"])).await;
    assert_eq!(running.bodies("q").await, ["b", "cc", "dd"]);
    published(&running, run("", "q", &["eee", "f"])).await;
    let running = running.killed();
    assert_eq!(running.bodies("q").await, ["eee", "f"]);
}
