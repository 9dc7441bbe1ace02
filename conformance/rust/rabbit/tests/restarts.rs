//! What outlives the broker: restarts in good order, and kill -9.

use std::collections::BTreeMap;
use std::time::Duration;

use forebay_conformance_rabbit::forebay::Forebay;
use forebay_conformance_rabbit::{Client, body, connect_to, eventually, numbered, refused, soon};
use futures_util::{FutureExt, StreamExt};
use lapin::options::{BasicAckOptions, BasicConsumeOptions, QueueDeclareOptions};
use lapin::types::FieldTable;
use lapin::{Connection, ConnectionProperties, Event};
use tokio::time::timeout;

/// How long a message is waited for before another is sent.
const BRIEFLY: Duration = Duration::from_millis(100);

async fn client(server: &Forebay) -> Client {
    Client::of(connect_to(&server.uri()).await).await
}

#[tokio::test]
async fn restart_keeps_durable_queues_and_their_messages() {
    let mut server = Forebay::start();
    let before = client(&server).await;
    before.select_confirms().await;
    let none = FieldTable::default;
    let queue = before.queue(none()).await;
    let exchange = before.exchange("topic", none()).await;
    before.bind(&queue, &exchange, "#", none()).await;
    let lost = |client: &Client, options| {
        let channel = client.channel.clone();
        async move { channel.queue_declare("lost".into(), options, none()).await }
    };
    let declared = lost(&before, QueueDeclareOptions::default()).await;
    declared.expect("a queue");
    for body in ["a", "b"] {
        assert!(before.confirmed(&exchange, "k", body).await);
    }
    let acked = before
        .get(&queue)
        .await
        .ack(BasicAckOptions::default())
        .await;
    acked.expect("acknowledged");
    // Its answer comes after the acknowledgement was done.
    assert_eq!(before.ready(&queue).await, 1);
    server.stop();
    server.start_again();
    let after = client(&server).await;
    after.send(&exchange, "k", "c").await;
    assert_eq!(after.take(&queue).await, ["b", "c"]);
    let words = "NOT_FOUND - no queue 'lost' in vhost '/'".to_owned();
    let looked = lost(&after, QueueDeclareOptions::default().passive()).await;
    assert_eq!(refused(looked), (404, words));
}

#[tokio::test]
async fn kill_loses_nothing_that_was_confirmed() {
    const BATCH: u32 = 500;
    let mut server = Forebay::start();
    // Sent without an answer may arrive or not, and is not asked about.
    let mut confirmed = Vec::new();
    for life in 0..3 {
        let client = client(&server).await;
        client.durable("kept", FieldTable::default()).await;
        client.select_confirms().await;
        let mut pending = Vec::new();
        for number in life * BATCH..(life + 1) * BATCH {
            let body = number.to_string();
            let confirm = client.send("", "kept", &body).await;
            pending.push((body, confirm));
        }
        let rest = pending.split_off(BATCH as usize / 2);
        for (body, confirm) in pending {
            assert!(confirm.await.expect("a confirm").is_ack());
            confirmed.push(body);
        }
        server.kill();
        for (body, confirm) in rest {
            if let Some(Ok(confirmation)) = confirm.now_or_never()
                && confirmation.is_ack()
            {
                confirmed.push(body);
            }
        }
        server.start_again();
    }
    let mut arrived = BTreeMap::new();
    for body in client(&server).await.take("kept").await {
        *arrived.entry(body).or_insert(0) += 1;
    }
    for body in confirmed {
        assert_eq!(arrived.get(&body), Some(&1), "{body}");
    }
    assert!(arrived.values().all(|times| *times == 1));
}

#[tokio::test]
async fn kill_brings_back_what_was_not_acknowledged() {
    let mut server = Forebay::start();
    let before = client(&server).await;
    before.select_confirms().await;
    let queue = before.queue(FieldTable::default()).await;
    for body in numbered(0..10) {
        assert!(before.confirmed("", &queue, &body).await);
    }
    let held = before.consume(&queue, 0).await.take(10).await;
    let acked = held[3].ack(BasicAckOptions { multiple: true }).await;
    acked.expect("acknowledged");
    assert_eq!(before.ready(&queue).await, 0);
    server.kill();
    server.start_again();
    let after = client(&server).await;
    assert_eq!(after.take(&queue).await, numbered(4..10));
}

#[tokio::test]
async fn connection_and_topology_recover_after_a_restart() {
    let mut server = Forebay::start();
    let properties = ConnectionProperties::default().enable_auto_recover();
    let connection = Connection::connect(&server.uri(), properties).await;
    let client = Client::of(connection.expect("a connection")).await;
    let none = FieldTable::default;
    // It is not durable: the client declares, binds and consumes again.
    let queue = "transient";
    let declared =
        client
            .channel
            .queue_declare(queue.into(), QueueDeclareOptions::default(), none());
    declared.await.expect("a queue");
    client.bind(queue, "amq.topic", "k.#", none()).await;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..Default::default()
    };
    let mut deliveries = client.consume_with(queue, options).await;
    client.send("amq.topic", "k.1", "before").await;
    assert_eq!(deliveries.bodies(1).await, ["before"]);
    let mut events = client.connection.events_listener();
    server.kill();
    server.start_again();
    soon("a recovery", async {
        while !matches!(events.next().await, Some(Event::Connected)) {}
    })
    .await;
    // The connection is first; its channels say that they are not there yet.
    let early = client.channel.basic_qos(1, Default::default()).await;
    if let Err(error) = early {
        let recovered = client.channel.wait_for_recovery(error);
        soon("a recovery of channels", recovered)
            .await
            .expect("it recovers");
    }
    // A channel is open before its queues and consumers are there again.
    eventually("a consumer is given something again", async || {
        client.send("amq.topic", "k.2", "after").await;
        match timeout(BRIEFLY, deliveries.0.next()).await {
            Ok(delivery) => {
                let delivery = delivery.expect("the consumer goes on");
                delivery.is_ok_and(|delivery| body(&delivery) == "after")
            }
            Err(_) => false,
        }
    })
    .await;
}
