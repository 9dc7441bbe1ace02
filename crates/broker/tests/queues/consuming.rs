//! Who is given messages, and what becomes of them.

use forebay_broker::host::{HostError, Notice, Published};
use forebay_broker::queue::{
    Bounds, Credit, Outcome, Overflow, PoolId, QueueSettings, Subscription,
};

use crate::harness::{ME, Running, publication, queue};

#[tokio::test]
async fn a_consumer_is_given_what_fits_its_window() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["a", "b", "c"] {
        running.publish("", "q", body).await;
    }
    let mut consumer = running.subscribe("q", Credit::Window(2)).await;
    let (delivery, seen) = consumer.delivery().await;
    let bodies: Vec<_> = seen.iter().map(|seen| seen.body.as_str()).collect();
    assert_eq!(bodies, ["a", "b"]);
    assert!(consumer.is_idle());
    running.settle_delivery(&delivery, Outcome::Ack).await;
    let (_, seen) = consumer.delivery().await;
    assert_eq!(seen[0].body, "c");
    assert_eq!(running.ready("q").await, 0);
}

#[tokio::test]
async fn what_is_published_later_is_delivered_when_it_is_durable() {
    let running = Running::new();
    running.declare("q").await;
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    // Nobody waits, so that deliveries are on their way while their messages are.
    let mut published = Vec::new();
    let mut bodies = Vec::new();
    for number in 0..1_000 {
        let message = publication("", "q", &number.to_string());
        published.push(running.host.publish(vec![message]));
        if number % 10 == 0 {
            let (_, seen) = consumer.delivery().await;
            bodies.extend(seen.into_iter().map(|seen| seen.body));
        }
    }
    while bodies.len() < 1_000 {
        let (_, seen) = consumer.delivery().await;
        bodies.extend(seen.into_iter().map(|seen| seen.body));
    }
    let expected: Vec<_> = (0..1_000).map(|number: i32| number.to_string()).collect();
    assert_eq!(bodies, expected);
    for published in published {
        assert_eq!(published.await, [Ok(Published::Routed)]);
    }
}

#[tokio::test]
async fn what_a_gone_consumer_held_comes_back_in_its_place() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["a", "b", "c"] {
        running.publish("", "q", body).await;
    }
    let mut consumer = running.subscribe("q", Credit::Window(2)).await;
    consumer.delivery().await;
    let released = running.broker.release(vec![consumer.holder], Vec::new());
    released.await.unwrap();
    let (got, seen) = running.get("q").await.unwrap();
    assert_eq!(seen.body, "a");
    assert!(got.delivery.redelivered());
    running
        .settle_delivery(&got.delivery, Outcome::Nack { delay_ms: None })
        .await;
    assert_eq!(running.bodies("q").await, ["a", "b", "c"]);
}

#[tokio::test]
async fn who_settles_what_it_does_not_hold_is_told() {
    let running = Running::new();
    running.declare("q").await;
    running.publish("", "q", "m").await;
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    let (delivery, _) = consumer.delivery().await;
    running.settle_delivery(&delivery, Outcome::Ack).await;
    let number = delivery.number.unwrap();
    let again = forebay_broker::host::Settlement {
        holder: consumer.holder,
        numbers: number..number + 1,
        outcome: Outcome::Ack,
    };
    let refused = running.broker.settle(vec![again]).await;
    assert_eq!(refused, Err(HostError::UnknownDelivery));
}

#[tokio::test]
async fn consumers_of_several_queues_share_a_pool() {
    let running = Running::new();
    let pool = PoolId(running.broker.next_id());
    running.broker.set_pool(pool, Some(1)).await.unwrap();
    let shared = Subscription {
        pool: Some(pool),
        ..Subscription::default()
    };
    for name in ["a", "b"] {
        running.declare(name).await;
        running.publish("", name, name).await;
    }
    let mut of_a = running.subscribe_as("a", shared).await.unwrap();
    let mut of_b = running.subscribe_as("b", shared).await.unwrap();
    let (delivery, _) = of_a.delivery().await;
    assert!(of_b.is_idle());
    running.settle_delivery(&delivery, Outcome::Ack).await;
    let (_, seen) = of_b.delivery().await;
    assert_eq!(seen[0].body, "b");
}

#[tokio::test]
async fn a_consumer_learns_that_its_queue_is_gone() {
    let running = Running::new();
    running.declare("q").await;
    let mut consumer = running.subscribe("q", Credit::Unlimited).await;
    let deleted = running.host.delete_queue("q".into(), false, false, ME);
    deleted.await.unwrap();
    assert_eq!(consumer.notice().await, Notice::Cancelled(consumer.holder));
}

#[tokio::test]
async fn a_queue_that_deletes_itself_is_gone_with_its_last_consumer() {
    let running = Running::new();
    let mut passing = queue("q");
    passing.settings.auto_delete = true;
    running.declare_as(passing).await.unwrap();
    let consumer = running.subscribe("q", Credit::Unlimited).await;
    running.broker.cancel(consumer.holder).await.unwrap();
    assert!(running.host.check_queue("q".into(), ME).await.is_err());
}

#[tokio::test]
async fn a_full_queue_refuses_its_publishers() {
    let running = Running::new();
    let mut small = queue("q");
    small.settings = QueueSettings {
        bounds: Bounds {
            messages: Some(1),
            bytes: None,
            overflow: Overflow::RejectPublish,
        },
        ..QueueSettings::default()
    };
    running.declare_as(small).await.unwrap();
    assert_eq!(running.publish("", "q", "one").await, Published::Routed);
    assert_eq!(running.publish("", "q", "two").await, Published::Refused);
    assert_eq!(running.bodies("q").await, ["one"]);
}

#[tokio::test]
async fn a_purge_drops_what_is_ready() {
    let running = Running::new();
    running.declare("q").await;
    for body in ["a", "b", "c"] {
        running.publish("", "q", body).await;
    }
    let (got, _) = running.get("q").await.unwrap();
    assert_eq!(running.host.purge_queue("q".into(), ME).await, Ok(2));
    running
        .settle_delivery(&got.delivery, Outcome::Nack { delay_ms: None })
        .await;
    assert_eq!(running.bodies("q").await, ["a"]);
}
