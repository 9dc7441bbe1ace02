//! What is refused, and how: codes and texts are RabbitMQ's.

use forebay_conformance_rabbit::{
    Client, arguments, broker, eventually, fresh, number, refusal, refused, soon, text,
};
use futures_util::StreamExt;
use lapin::options::{
    BasicAckOptions, BasicConsumeOptions, BasicGetOptions, BasicQosOptions, ExchangeDeclareOptions,
    QueueDeclareOptions, QueuePurgeOptions,
};
use lapin::types::FieldTable;
use lapin::{Channel, Connection, ConnectionProperties, Event, ExchangeKind};

async fn another(client: &Client) -> Channel {
    let channel = client.connection.create_channel().await;
    channel.expect("a channel")
}

#[tokio::test]
async fn missing_queue() {
    let client = Client::open().await;
    let expected = (404, "NOT_FOUND - no queue 'nope' in vhost '/'".to_owned());
    let get = another(&client).await;
    let got = get.basic_get("nope".into(), BasicGetOptions::default());
    assert_eq!(refused(got.await), expected);
    let purge = another(&client).await;
    let purged = purge.queue_purge("nope".into(), QueuePurgeOptions::default());
    assert_eq!(refused(purged.await), expected);
    let (options, table) = (BasicConsumeOptions::default(), FieldTable::default());
    let consume = another(&client).await;
    let consumer = consume.basic_consume("nope".into(), "".into(), options, table);
    assert_eq!(refused(consumer.await), expected);
    assert!(client.connection.status().connected());
}

#[tokio::test]
async fn publish_to_a_missing_exchange_closes_the_channel() {
    let client = Client::confirming().await;
    let confirm = client.send("nope", "key", "lost").await;
    let outcome = soon("an answer", confirm).await;
    let words = "NOT_FOUND - no exchange 'nope' in vhost '/'".to_owned();
    assert_eq!(refusal(&outcome.expect_err("it is refused")), (404, words));
    eventually("the channel is closed", async || {
        !client.channel.status().connected()
    })
    .await;
    assert!(client.connection.status().connected());
}

#[tokio::test]
async fn declaring_again_otherwise() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let inequivalent = |argument, versus| {
        let words = format!(
            "PRECONDITION_FAILED - inequivalent arg '{argument}' for queue '{queue}' in vhost '/': \
             {versus}"
        );
        (406, words)
    };
    let transient = QueueDeclareOptions::default();
    let declared =
        client
            .channel
            .queue_declare(queue.as_str().into(), transient, FieldTable::default());
    let versus = "received 'false' but current is 'true'";
    assert_eq!(refused(declared.await), inequivalent("durable", versus));
    let channel = another(&client).await;
    let table = arguments([("x-message-ttl", number(1000))]);
    let durable = QueueDeclareOptions::durable();
    let declared = channel.queue_declare(queue.as_str().into(), durable, table);
    let versus = "received the value '1000' of type 'signedint' but current is none";
    assert_eq!(
        refused(declared.await),
        inequivalent("x-message-ttl", versus)
    );
}

#[tokio::test]
async fn exchange_of_another_or_no_type() {
    let client = Client::open().await;
    let exchange = client.exchange("direct", FieldTable::default()).await;
    let durable = ExchangeDeclareOptions {
        durable: true,
        ..Default::default()
    };
    let name = exchange.as_str().into();
    let table = FieldTable::default;
    let declared = client
        .channel
        .exchange_declare(name, ExchangeKind::Fanout, durable, table());
    let words = format!(
        "PRECONDITION_FAILED - inequivalent arg 'type' for exchange '{exchange}' in vhost '/': \
         received 'fanout' but current is 'direct'"
    );
    assert_eq!(refused(declared.await), (406, words));
    let channel = another(&client).await;
    let bogus = ExchangeKind::Custom("bogus".to_owned());
    let declared = channel.exchange_declare(fresh("none").into(), bogus, durable, table());
    let words = "PRECONDITION_FAILED - unknown exchange type 'bogus'".to_owned();
    assert_eq!(refused(declared.await), (406, words));
}

#[tokio::test]
async fn unknown_delivery_tag() {
    let client = Client::open().await;
    let acked = client.channel.basic_ack(99, BasicAckOptions::default());
    acked.await.expect("it is sent");
    let declared = client.channel.queue_declare(
        fresh("queue").into(),
        QueueDeclareOptions::default(),
        FieldTable::default(),
    );
    let words = "PRECONDITION_FAILED - unknown delivery tag 99".to_owned();
    assert_eq!(refused(declared.await), (406, words));
}

#[tokio::test]
async fn invalid_arguments() {
    let client = Client::open().await;
    for (argument, value, why) in [
        ("x-message-ttl", number(-1), "{value_negative,-1}"),
        ("x-expires", number(0), "{value_zero,0}"),
        ("x-overflow", text("zzz"), "invalid_overflow"),
        (
            "x-dead-letter-routing-key",
            text("k"),
            "routing_key_but_no_dlx_defined",
        ),
    ] {
        let queue = fresh("queue");
        let channel = another(&client).await;
        let options = QueueDeclareOptions::durable();
        let table = arguments([(argument, value)]);
        let declared = channel.queue_declare(queue.as_str().into(), options, table);
        let words = format!(
            "PRECONDITION_FAILED - invalid arg '{argument}' for queue '{queue}' in vhost '/': {why}"
        );
        assert_eq!(refused(declared.await), (406, words));
    }
}

#[tokio::test]
async fn exclusive_consumer_is_alone() {
    let client = Client::open().await;
    let queue = client.queue(FieldTable::default()).await;
    let alone = BasicConsumeOptions {
        exclusive: true,
        ..Default::default()
    };
    let _consumer = client.consume_with(&queue, alone).await;
    let channel = another(&client).await;
    let (options, table) = (BasicConsumeOptions::default(), FieldTable::default());
    let second = channel.basic_consume(queue.as_str().into(), "".into(), options, table);
    let words = format!("ACCESS_REFUSED - queue '{queue}' in vhost '/' in exclusive use");
    let outcome = second.await.map(|consumer| consumer.tag());
    assert_eq!(refused(outcome), (403, words));
}

#[tokio::test]
async fn connection_error_ends_the_connection() {
    let client = Client::open().await;
    let mut events = client.connection.events_listener();
    // Twice the same consumer tag: what lapin itself does not prevent.
    let queue = client.queue(FieldTable::default()).await;
    let consume = || {
        let (options, table) = (BasicConsumeOptions::default(), FieldTable::default());
        let (name, tag) = (queue.as_str().into(), "mine".into());
        client.channel.basic_consume(name, tag, options, table)
    };
    let _first = consume().await.expect("a consumer");
    let expected = (
        530,
        "NOT_ALLOWED - attempt to reuse consumer tag 'mine'".to_owned(),
    );
    let outcome = consume().await.map(|consumer| consumer.tag());
    assert_eq!(refused(outcome), expected);
    let error = soon("an event", async {
        loop {
            match events.next().await.expect("an event") {
                Event::Error(error) => return error,
                _ => continue,
            }
        }
    });
    assert_eq!(refusal(&error.await), expected);
    let again = client.channel.basic_qos(1, BasicQosOptions::default());
    again.await.expect_err("it is closed");
    assert!(!client.connection.status().connected());
    assert!(Client::open().await.connection.status().connected());
}

#[tokio::test]
async fn wrong_password_and_unknown_vhost() {
    let properties = ConnectionProperties::default;
    let wrong = broker().replace("guest:guest", "guest:wrong");
    let outcome = Connection::connect(&wrong, properties()).await.map(drop);
    let words = "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. \
                 For details see the broker logfile.";
    assert_eq!(refused(outcome), (403, words.to_owned()));
    let elsewhere = broker().replace("%2f", "elsewhere");
    let outcome = Connection::connect(&elsewhere, properties())
        .await
        .map(drop);
    let words = "NOT_ALLOWED - vhost elsewhere not found".to_owned();
    assert_eq!(refused(outcome), (530, words));
}
