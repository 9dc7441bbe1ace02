//! Confirms, returns, transactions.

use std::collections::BTreeMap;

use forebay_conformance_rabbit::{
    Client, arguments, body, fresh, number, numbered, persistent, soon, text,
};
use lapin::Confirmation;
use lapin::options::{BasicAckOptions, BasicConsumeOptions, BasicPublishOptions};
use lapin::types::{AMQPValue, DecimalValue, FieldTable};

#[tokio::test]
async fn confirms() {
    let client = Client::confirming().await;
    let queue = client.queue(FieldTable::default()).await;
    for number in numbered(0..100) {
        assert!(client.confirmed("", &queue, &number).await);
    }
    assert_eq!(client.take(&queue).await, numbered(0..100));
}

#[tokio::test]
async fn confirms_of_many_at_once() {
    let client = Client::confirming().await;
    let queue = client.queue(FieldTable::default()).await;
    let mut confirms = Vec::new();
    for number in numbered(0..5000) {
        confirms.push(client.send("", &queue, &number).await);
    }
    for confirm in confirms {
        let confirmation = soon("a confirm", confirm).await.expect("a confirm");
        assert_eq!(confirmation, Confirmation::Ack(None));
    }
    assert_eq!(client.ready(&queue).await, 5000);
}

#[tokio::test]
async fn unroutable_message_is_confirmed() {
    let client = Client::confirming().await;
    assert!(
        client
            .confirmed("amq.direct", &fresh("nowhere"), "lost")
            .await
    );
}

#[tokio::test]
async fn mandatory_message_without_a_queue_is_returned() {
    let client = Client::confirming().await;
    let key = fresh("nowhere");
    let options = BasicPublishOptions {
        mandatory: true,
        ..Default::default()
    };
    let properties = persistent().with_message_id("mine".into());
    let (exchange, to) = ("amq.direct".into(), key.as_str().into());
    let sent = client
        .channel
        .basic_publish(exchange, to, options, b"lost", properties.clone());
    let confirm = sent.await.expect("it is sent");
    let confirmation = soon("a confirm", confirm).await.expect("a confirm");
    assert!(confirmation.is_ack());
    let returned = confirmation.take_message().expect("it is returned");
    assert_eq!(returned.reply_code, 312);
    assert_eq!(returned.reply_text, "NO_ROUTE".into());
    assert_eq!(returned.delivery.exchange, "amq.direct".into());
    assert_eq!(returned.delivery.routing_key, key.into());
    assert_eq!(returned.delivery.properties, properties);
    assert_eq!(body(&returned.delivery), "lost");
}

#[tokio::test]
async fn full_queue_refuses() {
    let client = Client::confirming().await;
    let full = [
        ("x-max-length", number(1)),
        ("x-overflow", text("reject-publish")),
    ];
    let queue = client.queue(arguments(full)).await;
    assert!(client.confirmed("", &queue, "fits").await);
    assert!(!client.confirmed("", &queue, "does not").await);
    assert_eq!(client.take(&queue).await, ["fits"]);
}

#[tokio::test]
async fn properties_come_back_as_they_were() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let deeper = arguments([("deeper", AMQPValue::Boolean(true))]);
    let headers = [
        ("int8", AMQPValue::ShortShortInt(-1)),
        ("uint8", AMQPValue::ShortShortUInt(200)),
        ("int16", AMQPValue::ShortInt(-2)),
        ("uint16", AMQPValue::ShortUInt(40_000)),
        ("int32", AMQPValue::LongInt(-3)),
        ("uint32", AMQPValue::LongUInt(3_000_000_000)),
        ("int64", AMQPValue::LongLongInt(1 << 40)),
        ("float", AMQPValue::Float(0.5)),
        ("double", AMQPValue::Double(2.25)),
        ("true", AMQPValue::Boolean(true)),
        (
            "decimal",
            AMQPValue::DecimalValue(DecimalValue {
                scale: 2,
                value: 12_345,
            }),
        ),
        ("text", text("text")),
        ("bytes", AMQPValue::ByteArray(vec![0, 255].into())),
        ("time", AMQPValue::Timestamp(1_700_000_000)),
        ("nothing", AMQPValue::Void),
        (
            "list",
            AMQPValue::FieldArray(vec![number(1), text("two")].into()),
        ),
        (
            "table",
            AMQPValue::FieldTable(arguments([("nested", AMQPValue::FieldTable(deeper))])),
        ),
    ];
    let sent = persistent()
        .with_headers(arguments(headers))
        .with_content_type("text/plain".into())
        .with_content_encoding("utf-8".into())
        .with_priority(3)
        .with_correlation_id("c".into())
        .with_reply_to("r".into())
        .with_expiration("60000".into())
        .with_message_id("m".into())
        .with_timestamp(1_700_000_001)
        .with_type("t".into())
        .with_user_id("guest".into())
        .with_app_id("a".into());
    client.send_with("", &queue, b"body", sent.clone()).await;
    let got = client.get(&queue).await;
    assert_eq!(got.properties, sent);
    assert_eq!(body(&got.delivery), "body");
    assert_eq!(
        (got.exchange.as_str(), got.routing_key.as_str()),
        ("", queue.as_str())
    );
}

#[tokio::test]
async fn large_body() {
    let client = Client::confirming().await;
    let queue = client.queue(FieldTable::default()).await;
    let large = b"0123456789".repeat(1 << 20);
    let confirm = client.send_with("", &queue, &large, persistent()).await;
    assert!(
        soon("a confirm", confirm)
            .await
            .expect("a confirm")
            .is_ack()
    );
    client.fill(&queue, &[""]).await;
    let options = BasicConsumeOptions {
        no_ack: true,
        ..Default::default()
    };
    let mut deliveries = client.consume_with(&queue, options).await;
    assert!(deliveries.next().await.data == large, "other bytes came");
    assert!(deliveries.next().await.data.is_empty());
}

#[tokio::test]
async fn transaction() {
    let client = Client::open().await;
    let other = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let channel = &client.channel;
    channel.tx_select().await.expect("a transaction");
    client.fill(&queue, &["a", "b"]).await;
    assert_eq!(other.ready(&queue).await, 0);
    channel.tx_commit().await.expect("committed");
    assert_eq!(other.ready(&queue).await, 2);
    client.fill(&queue, &["never"]).await;
    channel.tx_rollback().await.expect("rolled back");
    channel.tx_commit().await.expect("committed");
    assert_eq!(other.ready(&queue).await, 2);
    // An acknowledgement is part of it, too.
    let acknowledge = async || {
        let message = client.get(&queue).await;
        let acked = message.ack(BasicAckOptions::default());
        acked.await.expect("acknowledged");
    };
    acknowledge().await;
    channel.tx_rollback().await.expect("rolled back");
    acknowledge().await;
    channel.tx_commit().await.expect("committed");
    channel.close(200, "".into()).await.expect("closed");
    other.wait_ready(&queue, 1).await;
}

/// Many tasks publish through one connection, each through a channel of its own.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn publishers_side_by_side() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let mut publishers = Vec::new();
    for name in 0..8 {
        let channel = client.connection.create_channel().await.expect("a channel");
        let queue = queue.clone();
        publishers.push(tokio::spawn(async move {
            channel.confirm_select(Default::default()).await?;
            for number in 0..500 {
                let body = format!("{name}-{number}");
                let (options, properties) = (BasicPublishOptions::default(), persistent());
                let to = queue.as_str().into();
                channel
                    .basic_publish("".into(), to, options, body.as_bytes(), properties)
                    .await?;
            }
            channel.wait_for_confirms().await
        }));
    }
    for publisher in publishers {
        let outcome = soon("all confirms", publisher).await;
        let returned = outcome.expect("no panic").expect("confirms");
        assert!(returned.is_empty());
    }
    let mut next = BTreeMap::new();
    for message in client.take(&queue).await {
        let (name, number) = message.split_once('-').expect("two numbers");
        let expected = next.entry(name.to_owned()).or_insert(0);
        assert_eq!(number.parse(), Ok(*expected), "the order of {name}");
        *expected += 1;
    }
    assert!(
        next.len() == 8 && next.values().all(|count| *count == 500),
        "{next:?}"
    );
}
