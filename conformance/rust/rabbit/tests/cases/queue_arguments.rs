//! Time to live, dead letters, priorities, lengths.

use forebay_conformance_rabbit::{
    Client, arguments, body, eventually, fresh, number, persistent, text,
};
use lapin::message::{BasicGetMessage, Delivery};
use lapin::options::{BasicNackOptions, BasicRejectOptions, ExchangeDeleteOptions};
use lapin::types::{AMQPValue, FieldTable};

const DROP: BasicRejectOptions = BasicRejectOptions { requeue: false };
const REQUEUE: BasicRejectOptions = BasicRejectOptions { requeue: true };

fn dead_lettered_to<const N: usize>(queue: &str, more: [(&str, AMQPValue); N]) -> FieldTable {
    let mut table = arguments(more);
    table.insert("x-dead-letter-exchange".into(), text(""));
    table.insert("x-dead-letter-routing-key".into(), text(queue));
    table
}

fn header<'a>(delivery: &'a Delivery, name: &str) -> Option<&'a AMQPValue> {
    let headers = delivery.properties.headers().as_ref()?;
    headers.inner().get(name)
}

/// What the header x-death says, the youngest first.
fn deaths(message: &BasicGetMessage) -> Vec<&FieldTable> {
    let Some(AMQPValue::FieldArray(list)) = header(&message.delivery, "x-death") else {
        panic!("no x-death in {:?}", message.properties);
    };
    let tables = list.as_slice().iter().map(|entry| match entry {
        AMQPValue::FieldTable(death) => death,
        other => panic!("{other:?} in x-death"),
    });
    tables.collect()
}

fn of<'a>(death: &'a FieldTable, name: &str) -> &'a AMQPValue {
    death.inner().get(name).unwrap_or(&AMQPValue::Void)
}

/// Why a message was dead lettered into `queue`.
async fn reason(client: &Client, queue: &str) -> AMQPValue {
    client.wait_ready(queue, 1).await;
    of(deaths(&client.get(queue).await)[0], "reason").clone()
}

#[tokio::test]
async fn messages_expire() {
    let client = Client::open().await;
    let plain = client.queue(FieldTable::default()).await;
    let brief = client
        .queue(arguments([("x-message-ttl", number(100))]))
        .await;
    client.fill(&brief, &["a"]).await;
    let expiring = persistent().with_expiration("100".into());
    client.send_with("", &plain, b"b", expiring).await;
    client.wait_ready(&brief, 0).await;
    client.wait_ready(&plain, 0).await;
}

#[tokio::test]
async fn queues_expire() {
    let client = Client::open().await;
    let queue = client.queue(arguments([("x-expires", number(100))])).await;
    let exchange = client.exchange("fanout", FieldTable::default()).await;
    client
        .bind(&queue, &exchange, "", FieldTable::default())
        .await;
    // Looking at the queue itself might renew it.
    eventually("its binding is gone with it", async || {
        let unused = ExchangeDeleteOptions {
            if_unused: true,
            ..Default::default()
        };
        let other = Client::open().await;
        let name = exchange.as_str().into();
        other.channel.exchange_delete(name, unused).await.is_ok()
    })
    .await;
}

#[tokio::test]
async fn expired_messages_are_dead_lettered() {
    let client = Client::open().await;
    let dead = client.queue(FieldTable::default()).await;
    let queue = client.queue(dead_lettered_to(&dead, [])).await;
    let late = persistent()
        .with_expiration("50".into())
        .with_headers(arguments([("mine", number(1))]));
    client.send_with("", &queue, b"late", late).await;
    client.wait_ready(&dead, 1).await;
    let found = client.get(&dead).await;
    assert_eq!(body(&found.delivery), "late");
    assert_eq!(found.properties.expiration(), &None);
    for (name, value) in [
        ("mine", number(1)),
        ("x-first-death-queue", text(&queue)),
        ("x-first-death-reason", text("expired")),
        ("x-first-death-exchange", text("")),
    ] {
        assert_eq!(header(&found.delivery, name), Some(&value), "{name}");
    }
    let deaths = deaths(&found);
    assert_eq!(deaths.len(), 1);
    for (name, value) in [
        ("queue", text(&queue)),
        ("reason", text("expired")),
        ("count", AMQPValue::LongLongInt(1)),
        ("exchange", text("")),
        ("original-expiration", text("50")),
        (
            "routing-keys",
            AMQPValue::FieldArray(vec![text(&queue)].into()),
        ),
    ] {
        assert_eq!(of(deaths[0], name), &value, "{name}");
    }
}

#[tokio::test]
async fn rejected_messages_are_dead_lettered_through_an_exchange() {
    let client = Client::open().await;
    let exchange = client.exchange("fanout", FieldTable::default()).await;
    let dead = client.queue(FieldTable::default()).await;
    client
        .bind(&dead, &exchange, "", FieldTable::default())
        .await;
    let to = arguments([("x-dead-letter-exchange", text(&exchange))]);
    let queue = client.queue(to).await;
    client.fill(&queue, &["poison"]).await;
    let message = client.get(&queue).await;
    let dropped = message.nack(BasicNackOptions::default());
    dropped.await.expect("rejected");
    client.wait_ready(&dead, 1).await;
    let found = client.get(&dead).await;
    assert_eq!(found.exchange, exchange.into());
    assert_eq!(found.routing_key, queue.into());
    assert_eq!(of(deaths(&found)[0], "reason"), &text("rejected"));
}

#[tokio::test]
async fn repeated_deaths_are_counted() {
    let client = Client::open().await;
    // Each is the other's place for the dead: what expires in the one waits in the other.
    let (parked, work) = (fresh("parked"), fresh("work"));
    let brief = [("x-message-ttl", number(20))];
    client
        .durable(&parked, dead_lettered_to(&work, brief))
        .await;
    client.durable(&work, dead_lettered_to(&parked, [])).await;
    client.fill(&work, &["again"]).await;
    for _ in 0..3 {
        client.wait_ready(&work, 1).await;
        let message = client.get(&work).await;
        message.reject(DROP).await.expect("rejected");
    }
    client.wait_ready(&work, 1).await;
    let message = client.get(&work).await;
    let expected = [(&parked, "expired"), (&work, "rejected")];
    let deaths = deaths(&message);
    assert_eq!(deaths.len(), expected.len());
    for (death, (queue, reason)) in deaths.iter().zip(expected) {
        assert_eq!(of(death, "queue"), &text(queue));
        assert_eq!(of(death, "reason"), &text(reason));
        assert_eq!(of(death, "count"), &AMQPValue::LongLongInt(3));
    }
}

#[tokio::test]
async fn longest_queue_drops_its_head() {
    let client = Client::open().await;
    let dead = client.queue(FieldTable::default()).await;
    let longest = [("x-max-length", number(2))];
    let queue = client.queue(dead_lettered_to(&dead, longest)).await;
    client.fill(&queue, &["a", "b", "c"]).await;
    assert_eq!(client.take(&queue).await, ["b", "c"]);
    assert_eq!(reason(&client, &dead).await, text("maxlen"));
}

#[tokio::test]
async fn largest_queue_drops_its_head() {
    let client = Client::open().await;
    let largest = arguments([("x-max-length-bytes", number(10))]);
    let queue = client.queue(largest).await;
    client.fill(&queue, &["12345", "6789", "0", "1"]).await;
    assert_eq!(client.take(&queue).await, ["6789", "0", "1"]);
}

#[tokio::test]
async fn full_queue_dead_letters_what_it_refuses() {
    let client = Client::confirming().await;
    let dead = client.queue(FieldTable::default()).await;
    let full = [
        ("x-max-length", number(1)),
        ("x-overflow", text("reject-publish-dlx")),
    ];
    let queue = client.queue(dead_lettered_to(&dead, full)).await;
    assert!(client.confirmed("", &queue, "fits").await);
    assert!(!client.confirmed("", &queue, "does not").await);
    assert_eq!(client.take(&queue).await, ["fits"]);
    assert_eq!(reason(&client, &dead).await, text("maxlen"));
}

#[tokio::test]
async fn priorities() {
    let client = Client::open().await;
    let queue = client
        .queue(arguments([("x-max-priority", number(5))]))
        .await;
    for priority in [1, 5, 3, 9, 0] {
        let properties = persistent().with_priority(priority);
        let body = priority.to_string();
        client
            .send_with("", &queue, body.as_bytes(), properties)
            .await;
    }
    assert_eq!(client.take(&queue).await, ["5", "9", "3", "1", "0"]);
}

#[tokio::test]
async fn quorum_queue_gives_up_on_a_message() {
    let client = Client::open().await;
    let dead = client.queue(FieldTable::default()).await;
    let quorum = [
        ("x-queue-type", text("quorum")),
        ("x-delivery-limit", number(1)),
    ];
    let queue = client.queue(dead_lettered_to(&dead, quorum)).await;
    client.fill(&queue, &["poison"]).await;
    let mut deliveries = client.consume(&queue, 1).await;
    for redelivered in [false, true] {
        let delivery = deliveries.next().await;
        assert_eq!(delivery.redelivered, redelivered);
        delivery.reject(REQUEUE).await.expect("rejected");
    }
    assert_eq!(reason(&client, &dead).await, text("delivery_limit"));
}
