//! What is left of queues after the process was killed, the power was cut, or all was well.

use forebay_broker::host::{Published, Settlement};
use forebay_broker::queue::{Credit, Outcome};
use forebay_broker::routing::RouterKind;

use crate::harness::{ME, Running, queue};

async fn with_messages(count: u64) -> Running {
    let running = Running::new();
    running.exchange("x", RouterKind::Topic).await;
    running.declare("q").await;
    running.bind("x", "q", "k.#").await;
    for number in 0..count {
        let published = running.publish("x", "k.1", &number.to_string()).await;
        assert_eq!(published, Published::Routed);
    }
    running
}

fn numbers(range: std::ops::Range<u64>) -> Vec<String> {
    range.map(|number| number.to_string()).collect()
}

#[tokio::test]
async fn what_was_confirmed_survives_a_kill_and_a_power_cut() {
    let running = with_messages(100).await;
    for after in [running.killed(), running.cut()] {
        assert_eq!(after.publish("x", "k.2", "100").await, Published::Routed);
        assert_eq!(after.bodies("q").await, numbers(0..101));
    }
}

#[tokio::test]
async fn what_was_settled_durably_stays_settled() {
    let running = with_messages(10).await;
    let mut consumer = running.subscribe("q", Credit::Window(5)).await;
    let (delivery, _) = consumer.delivery().await;
    let number = delivery.number.unwrap();
    running
        .settle(consumer.holder, number + 1..number + 4, Outcome::Ack)
        .await;
    for after in [running.killed(), running.cut()] {
        let (got, seen) = after.get("q").await.unwrap();
        assert_eq!(seen.body, "0");
        assert!(got.delivery.redelivered());
        after.settle_delivery(&got.delivery, Outcome::Ack).await;
        assert_eq!(after.bodies("q").await, numbers(4..10));
    }
}

#[tokio::test]
async fn an_answer_says_that_what_was_settled_before_stays_settled() {
    let running = with_messages(2).await;
    let (got, _) = running.get("q").await.unwrap();
    let number = got.delivery.number.unwrap();
    let settlement = Settlement {
        holder: got.delivery.holder,
        numbers: number..number + 1,
        outcome: Outcome::Ack,
    };
    // Nobody waits for that, as nobody does for `basic.ack`.
    drop(running.broker.settle(vec![settlement]));
    assert_eq!(running.ready("q").await, 1);
    for after in [running.killed(), running.cut()] {
        assert_eq!(after.bodies("q").await, ["1"]);
    }
}

#[tokio::test]
async fn a_snapshot_knows_what_the_journal_knew() {
    let running = with_messages(10).await;
    let (got, _) = running.get("q").await.unwrap();
    running.settle_delivery(&got.delivery, Outcome::Ack).await;
    let (_held, _) = running.get("q").await.unwrap();
    // A stop in order takes a snapshot, and the second start reads nothing else.
    let running = running.restarted().restarted();
    assert_eq!(running.bodies("q").await, numbers(1..10));
    assert_eq!(running.publish("x", "k", "m").await, Published::Routed);
    assert_eq!(
        running.publish("x", "other", "m").await,
        Published::Unroutable
    );
}

#[tokio::test]
async fn what_is_not_durable_is_gone_after_a_start() {
    let running = Running::new();
    let mut transient = queue("q");
    transient.durable = false;
    running.declare_as(transient).await.unwrap();
    running.publish("", "q", "m").await;
    let after = running.killed();
    assert!(after.host.check_queue("q".into(), ME).await.is_err());
    // And its name is free.
    after.declare("q").await;
    assert_eq!(after.ready("q").await, 0);
}

#[tokio::test]
async fn a_deleted_queue_stays_deleted() {
    let running = with_messages(3).await;
    let deleted = running.host.delete_queue("q".into(), false, false, ME);
    assert_eq!(deleted.await, Ok(3));
    for after in [running.killed(), running.cut()] {
        assert!(after.host.check_queue("q".into(), ME).await.is_err());
        assert_eq!(after.publish("x", "k", "m").await, Published::Unroutable);
    }
}
