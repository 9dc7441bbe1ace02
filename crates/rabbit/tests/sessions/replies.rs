//! Direct reply-to: from who answers to who asks, past every queue.

use forebay_rabbit::amqp091::method::{Method, basic, channel, confirm, queue, tx};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::limits::{DELIVERY_OUTPUT_BYTES_MAX, REPLY_BYTES_MAX};

use super::support::{Client, Server};

const REPLY_TO: &str = "amq.rabbitmq.reply-to";

/// Publishes a request that is to be answered to channel 1. Returns where its answer goes.
async fn ask(client: &mut Client, queue: &str) -> String {
    client.declare(queue, &[]).await;
    let publish = basic::Publish {
        routing_key: queue.try_into().unwrap(),
        ..basic::Publish::default()
    };
    let request = PropertyList {
        reply_to: Some(REPLY_TO.try_into().unwrap()),
        ..PropertyList::default()
    };
    let request = request.encode();
    client.send_message(1, &publish, &request, b"request").await;
    let (_, content) = client.get(queue).await.expect("the request");
    content.properties.reply_to().unwrap().to_string()
}

async fn answer(client: &mut Client, to: &str, body: &[u8], mandatory: bool) {
    let publish = basic::Publish {
        routing_key: to.try_into().unwrap(),
        mandatory,
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, &Properties::EMPTY, body)
        .await;
}

/// Whether a mandatory answer to this name comes back.
async fn is_returned(client: &mut Client, to: &str) -> bool {
    answer(client, to, b"?", true).await;
    client.send(1, &channel::Flow { active: true }).await;
    let mut returned = false;
    loop {
        match client.next_on(1).await.method {
            Method::Basic(basic::Method::Return(_)) => returned = true,
            Method::Channel(channel::Method::FlowOk(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    // The broker says later than the channel that nobody wants it.
    returned || !client.is_silent().await
}

#[tokio::test]
async fn an_answer_comes_to_the_channel_that_asked() {
    let server = Server::start();
    let (mut asks, mut answers) = (server.client().await, server.client().await);
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    assert!(to.starts_with("amq.rabbitmq.reply-to."), "{to}");
    assert_ne!(to, "amq.rabbitmq.reply-to.");
    answer(&mut answers, &to, b"answer", true).await;
    let (deliver, content) = asks.delivery().await;
    assert_eq!(&content.body[..], b"answer");
    assert_eq!(deliver.consumer_tag, REPLY_TO);
    assert_eq!(deliver.routing_key, to[..]);
    assert!(answers.is_silent().await, "it is not returned");
    // Two that ask do not have one name.
    let mut second = server.client().await;
    second.consume(REPLY_TO, true).await;
    assert_ne!(ask(&mut second, "requests").await, to);
}

#[tokio::test]
async fn an_answer_that_nobody_waits_for_goes_nowhere() {
    let server = Server::start();
    let (mut asks, mut answers) = (server.client().await, server.client().await);
    assert!(is_returned(&mut answers, "amq.rabbitmq.reply-to.unknown").await);
    assert!(is_returned(&mut answers, REPLY_TO).await);
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    assert!(!is_returned(&mut answers, &to).await);
    asks.delivery().await;
    let cancel = basic::Cancel {
        consumer_tag: REPLY_TO.try_into().unwrap(),
        nowait: false,
    };
    asks.ask(1, cancel).await;
    assert!(is_returned(&mut answers, &to).await, "after a cancel");
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    asks.ask(1, channel::Close::default()).await;
    assert!(is_returned(&mut answers, &to).await, "after the channel");
    asks.open_channel(1).await;
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    drop(asks);
    // The gateway learns of it in its own time.
    while !is_returned(&mut answers, &to).await {}
}

#[tokio::test]
async fn answers_are_confirmed_and_committed() {
    let server = Server::start();
    let (mut asks, mut answers) = (server.client().await, server.client().await);
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    answers.ask(1, confirm::Select { nowait: false }).await;
    for tag in 1..=3 {
        answer(&mut answers, &to, b"confirmed", true).await;
        let Method::Basic(basic::Method::Ack(ack)) = answers.next_on(1).await.method else {
            panic!("it is confirmed");
        };
        assert_eq!(ack.delivery_tag, tag);
        assert_eq!(&asks.delivery().await.1.body[..], b"confirmed");
    }
    let mut commits = server.client().await;
    commits.ask(1, tx::Select {}).await;
    answer(&mut commits, &to, b"committed", true).await;
    assert!(asks.is_silent().await);
    assert_eq!(commits.ask(1, tx::Commit {}).await, tx::CommitOk {}.into());
    assert_eq!(&asks.delivery().await.1.body[..], b"committed");
}

#[tokio::test]
async fn who_does_not_take_answers_loses_those_that_are_too_many() {
    let server = Server::start();
    let (mut asks, mut answers) = (server.client().await, server.client().await);
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    let body = vec![b'a'; 1 << 20];
    let most = (REPLY_BYTES_MAX + DELIVERY_OUTPUT_BYTES_MAX) / body.len() + 2;
    let mut sent = 0;
    while !is_returned(&mut answers, &to).await {
        answer(&mut answers, &to, &body, false).await;
        sent += 1;
        assert!(sent <= most, "{sent} MiB wait");
    }
    assert!(sent >= REPLY_BYTES_MAX / body.len());
    // Nobody else is held up, and there is room again when it takes them.
    while asks.delivery().await.1.body.len() == 1 {}
    let mut taken = 1;
    while taken < sent {
        taken += usize::from(asks.delivery().await.1.body.len() > 1);
    }
    while !asks.is_silent().await {}
    assert!(!is_returned(&mut answers, &to).await);
}

#[tokio::test]
async fn what_rabbitmq_refuses_is_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    let consume = |no_ack| basic::Consume {
        queue: REPLY_TO.try_into().unwrap(),
        no_ack,
        ..basic::Consume::default()
    };
    client.send(1, &consume(false)).await;
    let refused = |text: &str| (406, format!("PRECONDITION_FAILED - {text}"));
    let closed = client.closed_channel(1).await;
    assert_eq!(closed, refused("reply consumer cannot acknowledge"));
    client.open_channel(1).await;
    client.ask(1, consume(true)).await;
    client.send(1, &consume(true)).await;
    let closed = client.closed_channel(1).await;
    assert_eq!(closed, refused("reply consumer already set"));
    client.open_channel(1).await;
    let list = PropertyList {
        reply_to: Some(REPLY_TO.try_into().unwrap()),
        ..PropertyList::default()
    };
    let publish = basic::Publish::default();
    client.send_message(1, &publish, &list.encode(), b"").await;
    let closed = client.closed_channel(1).await;
    assert_eq!(closed, refused("fast reply consumer does not exist"));
}

#[tokio::test]
async fn a_name_looks_like_a_queue_to_who_asks_whether_it_is_one() {
    let server = Server::start();
    let (mut asks, mut answers) = (server.client().await, server.client().await);
    asks.consume(REPLY_TO, true).await;
    let to = ask(&mut asks, "requests").await;
    let declare = |name: &str| queue::Declare {
        queue: name.try_into().unwrap(),
        passive: true,
        ..queue::Declare::default()
    };
    for name in [&to[..], REPLY_TO] {
        let expected = queue::DeclareOk {
            queue: name.try_into().unwrap(),
            message_count: 0,
            consumer_count: 1,
        };
        assert_eq!(answers.ask(1, declare(name)).await, expected.into());
    }
    answers.send(1, &declare("amq.rabbitmq.reply-to.x")).await;
    assert_eq!(answers.closed_channel(1).await.0, 404);
    answers.open_channel(1).await;
    let bind = queue::Bind {
        queue: to[..].try_into().unwrap(),
        exchange: "amq.fanout".try_into().unwrap(),
        ..queue::Bind::default()
    };
    answers.send(1, &bind).await;
    let text = "ACCESS_REFUSED - cannot bind or unbind to a volatile (direct reply-to) queue";
    assert_eq!(answers.closed_channel(1).await, (403, text.to_owned()));
}
