//! What consumers are given, and what becomes of it.

use forebay_rabbit::amqp091::method::{Encode, Method, basic, channel, connection, queue, tx};
use forebay_rabbit::amqp091::table::Value;

use super::support::{Client, Server, table};

async fn filled(server: &Server, count: u32) -> Client {
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    for n in 0..count {
        client.publish("q", n.to_string().as_bytes()).await;
    }
    client
}

async fn qos(client: &mut Client, prefetch_count: u16, global: bool) {
    let qos = basic::Qos {
        prefetch_size: 0,
        prefetch_count,
        global,
    };
    assert_eq!(client.ask(1, qos).await, basic::QosOk {}.into());
}

fn ack(delivery_tag: u64, multiple: bool) -> basic::Ack {
    basic::Ack {
        delivery_tag,
        multiple,
    }
}

#[tokio::test]
async fn a_prefetch_of_two_is_two_at_a_time() {
    for global in [false, true] {
        let server = Server::start();
        let mut client = filled(&server, 5).await;
        qos(&mut client, 2, global).await;
        client.consume("q", false).await;
        for n in 0..2 {
            let (deliver, content) = client.delivery().await;
            assert_eq!(deliver.delivery_tag, n + 1);
            assert_eq!(content.body, n.to_string());
        }
        assert!(client.is_silent().await, "global: {global}");
        client.send(1, &ack(2, true)).await;
        assert_eq!(client.delivery().await.1.body, "2");
        assert_eq!(client.delivery().await.1.body, "3");
        assert!(client.is_silent().await);
    }
}

#[tokio::test]
async fn what_is_requeued_comes_again_in_its_old_place() {
    let server = Server::start();
    let mut client = filled(&server, 4).await;
    qos(&mut client, 3, false).await;
    client.consume("q", false).await;
    for _ in 0..3 {
        client.delivery().await;
    }
    let nack = basic::Nack {
        delivery_tag: 3,
        multiple: true,
        requeue: true,
    };
    client.send(1, &nack).await;
    for n in 0..3 {
        let (deliver, content) = client.delivery().await;
        assert!(deliver.redelivered);
        assert_eq!(content.body, n.to_string());
    }
}

#[tokio::test]
async fn a_consumer_without_a_bound_gets_more_than_is_granted_at_a_time() {
    let server = Server::start();
    let mut client = filled(&server, 5_000).await;
    client.consume("q", false).await;
    for n in 0..5_000 {
        let (deliver, content) = client.delivery().await;
        assert_eq!(deliver.delivery_tag, n + 1);
        assert_eq!(content.body, n.to_string());
    }
    client.send(1, &ack(0, true)).await;
    assert_eq!(client.ready("q").await, 0);
}

#[tokio::test]
async fn who_does_not_acknowledge_is_given_each_message_once() {
    let server = Server::start();
    let mut client = filled(&server, 5_000).await;
    client.consume("q", true).await;
    for n in 0..5_000 {
        let (deliver, content) = client.delivery().await;
        assert!(!deliver.redelivered);
        assert_eq!(content.body, n.to_string());
    }
    assert_eq!(client.ready("q").await, 0);
    client.send(1, &ack(1, false)).await;
    let said = (
        406,
        "PRECONDITION_FAILED - unknown delivery tag 1".to_owned(),
    );
    assert_eq!(client.closed_channel(1).await, said);
}

#[tokio::test]
async fn what_a_closed_channel_held_is_ready_again() {
    let server = Server::start();
    let mut client = filled(&server, 3).await;
    client.consume("q", false).await;
    for _ in 0..3 {
        client.delivery().await;
    }
    assert_eq!(
        client.ask(1, channel::Close::default()).await,
        channel::CloseOk {}.into()
    );
    client.open_channel(1).await;
    assert_eq!(client.ready("q").await, 3);
    let (got, _) = client.get("q").await.unwrap();
    assert!(got.redelivered);
    assert_eq!(got.delivery_tag, 1, "tags are the channel's own");
}

#[tokio::test]
async fn what_a_lost_connection_held_is_ready_again() {
    let server = Server::start();
    let mut lost = filled(&server, 3).await;
    lost.consume("q", false).await;
    lost.delivery().await;
    drop(lost);
    let mut client = server.client().await;
    // The gateway may have to notice first.
    while client.ready("q").await < 3 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_cancelled_consumer_leaves_what_it_was_not_sent() {
    let server = Server::start();
    let mut client = filled(&server, 3).await;
    qos(&mut client, 1, false).await;
    client.consume("q", false).await;
    client.delivery().await;
    let cancel = basic::Cancel {
        consumer_tag: "q".try_into().unwrap(),
        nowait: false,
    };
    assert!(matches!(
        client.ask(1, cancel).await,
        Method::Basic(basic::Method::CancelOk(_))
    ));
    assert_eq!(client.ready("q").await, 2);
    client.send(1, &ack(1, false)).await;
    assert_eq!(client.get("q").await.unwrap().1.body, "1");
}

#[tokio::test]
async fn what_was_on_its_way_to_a_cancelled_consumer_is_ready_for_others() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    for _ in 0..2_000 {
        client.publish("q", &[b'x'; 1_000]).await;
    }
    client.consume("q", false).await;
    client.delivery().await;
    let cancel = basic::Cancel {
        consumer_tag: "q".try_into().unwrap(),
        nowait: false,
    };
    client.send(1, &cancel).await;
    let mut delivered = 1;
    loop {
        match client.next_on(1).await.method {
            Method::Basic(basic::Method::Deliver(_)) => delivered += 1,
            Method::Basic(basic::Method::CancelOk(_)) => break,
            other => panic!("{other:?}"),
        }
    }
    assert!(delivered < 2_000, "they are not all on their way at once");
    assert_eq!(client.ready("q").await, 2_000 - delivered);
}

#[tokio::test]
async fn a_consumer_is_told_that_its_queue_is_gone() {
    let server = Server::start();
    let mut client = filled(&server, 0).await;
    client.consume("q", false).await;
    let mut other = server.client().await;
    let delete = queue::Delete {
        queue: "q".try_into().unwrap(),
        ..queue::Delete::default()
    };
    other.ask(1, delete).await;
    let cancel = basic::Cancel {
        consumer_tag: "q".try_into().unwrap(),
        nowait: true,
    };
    assert_eq!(client.next_on(1).await.method, cancel.into());
}

#[tokio::test]
async fn rejected_messages_die_and_tell_how() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("dead", &[]).await;
    let arguments = [
        ("x-dead-letter-exchange", Value::LongStr(b"")),
        ("x-dead-letter-routing-key", Value::LongStr(b"dead")),
    ];
    client.declare("q", &arguments).await;
    client.publish("q", b"poison").await;
    let (got, _) = client.get("q").await.unwrap();
    let reject = basic::Reject {
        delivery_tag: got.delivery_tag,
        requeue: false,
    };
    client.send(1, &reject).await;
    let (_, content) = client.get("dead").await.unwrap();
    assert_eq!(content.body, "poison");
    let headers = content.properties.headers().unwrap();
    assert_eq!(
        headers.get("x-first-death-queue"),
        Some(Value::LongStr(b"q"))
    );
    let deaths = headers.get("x-death").unwrap().as_array().unwrap();
    let death = deaths.values().next().unwrap().as_table().unwrap();
    assert_eq!(death.get("reason"), Some(Value::LongStr(b"rejected")));
    assert_eq!(death.get("count"), Some(Value::I64(1)));
}

#[tokio::test]
async fn recover_brings_everything_back() {
    let server = Server::start();
    let mut client = filled(&server, 2).await;
    client.get("q").await.unwrap();
    client.get("q").await.unwrap();
    let recover = basic::Recover { requeue: true };
    assert_eq!(client.ask(1, recover).await, basic::RecoverOk {}.into());
    assert_eq!(client.ready("q").await, 2);
}

/// Says a method behind an acknowledgement whose write fails: what was not written is not answered for.
async fn unanswered(method: impl Encode + std::fmt::Debug) {
    let mut server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    client
        .declare("s", &[("x-queue-type", Value::LongStr(b"stream"))])
        .await;
    client.consume("amq.rabbitmq.reply-to", true).await;
    let qos = basic::Qos {
        prefetch_count: 1,
        ..basic::Qos::default()
    };
    client.ask(1, qos).await;
    client.consume("s", false).await;
    client.publish("q", b"m").await;
    assert_eq!(client.ready("q").await, 1);
    let (got, _) = client.get("q").await.unwrap();
    server.fail_writing();
    let ack = basic::Ack {
        delivery_tag: got.delivery_tag,
        multiple: false,
    };
    client.send(1, &ack).await;
    client.send(1, &method).await;
    let said = client.next_on(0).await.method;
    assert!(
        matches!(said, Method::Connection(connection::Method::Close(_))),
        "{method:?}: nothing was written, and so nothing is answered: {said:?}"
    );
}

#[tokio::test]
async fn an_answer_comes_after_what_was_acknowledged_before_it() {
    let cancel = |tag: &str| basic::Cancel {
        consumer_tag: tag.try_into().unwrap(),
        nowait: false,
    };
    let declare = |queue: &str| queue::Declare {
        queue: queue.try_into().unwrap(),
        durable: true,
        ..queue::Declare::default()
    };
    unanswered(basic::Qos::default()).await;
    unanswered(declare("q")).await;
    unanswered(queue::Declare {
        arguments: table(&[("x-queue-type", Value::LongStr(b"stream"))]),
        ..declare("s")
    })
    .await;
    unanswered(declare("amq.rabbitmq.reply-to")).await;
    unanswered(basic::Consume {
        queue: "s".try_into().unwrap(),
        ..basic::Consume::default()
    })
    .await;
    unanswered(cancel("s")).await;
    unanswered(cancel("amq.rabbitmq.reply-to")).await;
    unanswered(cancel("nobody")).await;
    unanswered(tx::Select {}).await;
    unanswered(basic::Get {
        queue: "q".try_into().unwrap(),
        ..basic::Get::default()
    })
    .await;
}
