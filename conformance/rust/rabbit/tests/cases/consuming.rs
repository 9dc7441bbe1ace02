//! Consumers: prefetch, acknowledgements, what comes back, and when they end.

use forebay_conformance_rabbit::{Client, arguments, body, numbered};
use lapin::options::{
    BasicAckOptions, BasicCancelOptions, BasicConsumeOptions, BasicNackOptions, BasicQosOptions,
    BasicRecoverOptions, BasicRejectOptions, QueueDeleteOptions,
};
use lapin::types::{AMQPValue, FieldTable};

const NO_ACK: BasicConsumeOptions = BasicConsumeOptions {
    no_local: false,
    no_ack: true,
    exclusive: false,
    nowait: false,
};
const MULTIPLE: BasicAckOptions = BasicAckOptions { multiple: true };

async fn filled(count: u32) -> (Client, String) {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    client.fill(&queue, &numbered(0..count)).await;
    (client, queue)
}

#[tokio::test]
async fn prefetch_bounds_what_is_unacknowledged() {
    let (client, queue) = filled(10).await;
    let mut deliveries = client.consume(&queue, 3).await;
    let first = deliveries.take(3).await;
    assert_eq!(first.iter().map(body).collect::<Vec<_>>(), numbered(0..3));
    deliveries.nothing().await;
    first[2].ack(MULTIPLE).await.expect("acknowledged");
    assert_eq!(deliveries.bodies(3).await, numbered(3..6));
    deliveries.nothing().await;
}

#[tokio::test]
async fn prefetch_is_for_each_consumer() {
    let (client, queue) = filled(10).await;
    let mut one = client.consume(&queue, 2).await;
    let mut other = client.consume(&queue, 4).await;
    one.take(2).await;
    other.take(4).await;
    one.nothing().await;
    other.nothing().await;
}

#[tokio::test]
async fn requeued_messages_keep_their_place() {
    let (client, queue) = filled(5).await;
    client.get(&queue).await;
    client.get(&queue).await;
    let third = client.get(&queue).await;
    let back = BasicNackOptions {
        multiple: true,
        requeue: true,
    };
    third.nack(back).await.expect("requeued");
    for number in 0..5 {
        let message = client.get(&queue).await;
        assert_eq!(body(&message.delivery), number.to_string());
        assert_eq!(message.redelivered, number < 3);
        assert_eq!(message.message_count, 4 - number);
    }
}

#[tokio::test]
async fn rejected_messages_are_gone() {
    let (client, queue) = filled(3).await;
    for requeue in [false, true] {
        let message = client.get(&queue).await;
        let rejected = message.reject(BasicRejectOptions { requeue });
        rejected.await.expect("rejected");
    }
    assert_eq!(client.take(&queue).await, ["1", "2"]);
}

#[tokio::test]
async fn no_ack() {
    let (client, queue) = filled(3000).await;
    let mut deliveries = client.consume_with(&queue, NO_ACK).await;
    assert_eq!(deliveries.bodies(3000).await, numbered(0..3000));
    client.wait_ready(&queue, 0).await;
}

#[tokio::test]
async fn consumers_take_turns() {
    let (client, queue) = filled(0).await;
    let mut one = client.consume_with(&queue, NO_ACK).await;
    let mut other = client.consume_with(&queue, NO_ACK).await;
    client.fill(&queue, &numbered(0..10)).await;
    one.take(5).await;
    other.take(5).await;
}

#[tokio::test]
async fn recover() {
    let (client, queue) = filled(2).await;
    client.get(&queue).await;
    client.get(&queue).await;
    assert_eq!(client.ready(&queue).await, 0);
    let options = BasicRecoverOptions { requeue: true };
    let recovered = client.channel.basic_recover(options).await;
    recovered.expect("recovered");
    assert_eq!(client.take(&queue).await, ["0", "1"]);
}

#[tokio::test]
async fn cancelled_consumer_gets_no_more() {
    let (client, queue) = filled(2).await;
    let mut deliveries = client.consume(&queue, 0).await;
    let held = deliveries.take(2).await;
    let options = BasicCancelOptions::default();
    let cancelled = client.channel.basic_cancel(deliveries.0.tag(), options);
    cancelled.await.expect("cancelled");
    client.fill(&queue, &["2"]).await;
    deliveries.end().await;
    // What it had is still its channel's.
    client.wait_ready(&queue, 1).await;
    let acked = held[0].ack(BasicAckOptions::default()).await;
    acked.expect("acknowledged");
    let requeue = BasicRejectOptions { requeue: true };
    held[1].reject(requeue).await.expect("requeued");
    assert_eq!(client.take(&queue).await, ["1", "2"]);
}

#[tokio::test]
async fn consumer_is_told_that_its_queue_is_gone() {
    let (client, queue) = filled(0).await;
    let mut deliveries = client.consume(&queue, 0).await;
    let options = QueueDeleteOptions::default();
    let other = Client::open().await;
    let deleted = other.channel.queue_delete(queue.into(), options).await;
    deleted.expect("deleted");
    deliveries.end().await;
    assert!(client.channel.status().connected());
}

#[tokio::test]
async fn what_a_closed_connection_held_comes_back() {
    let (client, queue) = filled(5).await;
    let holder = Client::open().await;
    holder.consume(&queue, 0).await.take(5).await;
    assert_eq!(client.ready(&queue).await, 0);
    let closed = holder.connection.close(200, "".into());
    closed.await.expect("closed");
    client.wait_ready(&queue, 5).await;
    for number in numbered(0..5) {
        let message = client.get(&queue).await;
        assert_eq!(body(&message.delivery), number);
        assert!(message.redelivered);
    }
}

#[tokio::test]
async fn single_active_consumer_is_followed_by_the_next() {
    let client = Client::open().await;
    let single = [("x-single-active-consumer", AMQPValue::Boolean(true))];
    let queue = client.queue(arguments(single)).await;
    let active = Client::open().await;
    let mut first = active.consume(&queue, 0).await;
    let mut second = client.consume(&queue, 0).await;
    client.fill(&queue, &["a", "b"]).await;
    assert_eq!(first.bodies(2).await, ["a", "b"]);
    second.nothing().await;
    let closed = active.channel.close(200, "".into());
    closed.await.expect("closed");
    assert_eq!(second.bodies(2).await, ["a", "b"]);
}

#[tokio::test]
async fn prefetch_without_acknowledgements_bounds_nothing() {
    let (client, queue) = filled(10).await;
    let options = BasicQosOptions::default();
    let qos = client.channel.basic_qos(1, options).await;
    qos.expect("a prefetch");
    let mut deliveries = client.consume_with(&queue, NO_ACK).await;
    assert_eq!(deliveries.bodies(10).await, numbered(0..10));
}
