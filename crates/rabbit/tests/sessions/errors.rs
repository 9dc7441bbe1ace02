//! What is refused, with RabbitMQ's codes and words, and what survives it.

use forebay_rabbit::amqp091::method::{Encode, basic, channel, confirm, exchange, queue, tx};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::Value;

use super::support::{Server, table};

/// What closes the channel.
async fn soft(server: &Server, method: impl Encode) -> (u16, String) {
    let mut client = server.client().await;
    client.send(1, &method).await;
    let said = client.closed_channel(1).await;
    client.open_channel(1).await;
    said
}

/// What closes the connection.
async fn hard(server: &Server, method: impl Encode) -> (u16, String) {
    let mut client = server.client().await;
    client.send(1, &method).await;
    client.closed().await
}

fn declare(name: &str) -> queue::Declare {
    queue::Declare {
        queue: name.try_into().unwrap(),
        durable: true,
        ..queue::Declare::default()
    }
}

fn said(code: u16, text: &str) -> (u16, String) {
    (code, text.to_owned())
}

#[tokio::test]
async fn what_is_not_there_is_not_found_and_the_connection_goes_on() {
    let server = Server::start();
    let missing = said(404, "NOT_FOUND - no queue 'nope' in vhost '/'");
    let passive = queue::Declare {
        passive: true,
        ..declare("nope")
    };
    assert_eq!(soft(&server, passive).await, missing);
    let queue = || "nope".try_into().unwrap();
    let get = basic::Get {
        queue: queue(),
        ..basic::Get::default()
    };
    assert_eq!(soft(&server, get).await, missing);
    let consume = basic::Consume {
        queue: queue(),
        ..basic::Consume::default()
    };
    assert_eq!(soft(&server, consume).await, missing);
    let purge = queue::Purge {
        queue: queue(),
        ..queue::Purge::default()
    };
    assert_eq!(soft(&server, purge).await, missing);
    let unnamed = soft(&server, basic::Get::default()).await;
    assert_eq!(
        unnamed,
        said(404, "NOT_FOUND - no previously declared queue")
    );
    let passive = exchange::Declare {
        exchange: "nope".try_into().unwrap(),
        passive: true,
        ..exchange::Declare::default()
    };
    let missing = said(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    assert_eq!(soft(&server, passive).await, missing);
}

#[tokio::test]
async fn a_publish_to_a_missing_exchange_closes_the_channel_later() {
    let server = Server::start();
    let mut client = server.client().await;
    let publish = basic::Publish {
        exchange: "nope".try_into().unwrap(),
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, &Properties::EMPTY, b"")
        .await;
    let missing = said(404, "NOT_FOUND - no exchange 'nope' in vhost '/'");
    assert_eq!(client.closed_channel(1).await, missing);
}

#[tokio::test]
async fn declarations_that_differ_are_refused() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    let differs = queue::Declare {
        auto_delete: true,
        ..declare("q")
    };
    let text = "PRECONDITION_FAILED - inequivalent arg 'auto_delete' for queue 'q' in vhost '/': \
                received 'true' but current is 'false'";
    assert_eq!(soft(&server, differs).await, said(406, text));
    let differs = queue::Declare {
        arguments: table(&[("x-message-ttl", Value::I32(1000))]),
        ..declare("q")
    };
    let text = "PRECONDITION_FAILED - inequivalent arg 'x-message-ttl' for queue 'q' in vhost '/': \
                received the value '1000' of type 'signedint' but current is none";
    assert_eq!(soft(&server, differs).await, said(406, text));
    let unknown = queue::Declare {
        arguments: table(&[("x-foo", Value::I32(1000))]),
        ..declare("q")
    };
    client.ask(1, unknown).await;
    assert_eq!(
        client.ready("q").await,
        0,
        "what nobody knows is not compared"
    );
}

#[tokio::test]
async fn names_of_the_brokers_own_are_reserved() {
    let server = Server::start();
    let text = "ACCESS_REFUSED - queue name 'amq.foo' contains reserved prefix 'amq.*'";
    assert_eq!(soft(&server, declare("amq.foo")).await, said(403, text));
    let delete = exchange::Delete {
        exchange: "amq.direct".try_into().unwrap(),
        ..exchange::Delete::default()
    };
    let text = "ACCESS_REFUSED - deletion of system exchange 'amq.direct' in vhost '/' not allowed";
    assert_eq!(soft(&server, delete).await, said(403, text));
    let bind = queue::Bind {
        queue: "q".try_into().unwrap(),
        ..queue::Bind::default()
    };
    let text = "ACCESS_REFUSED - operation not permitted on the default exchange";
    assert_eq!(soft(&server, bind).await, said(403, text));
}

#[tokio::test]
async fn what_is_not_implemented_ends_the_connection() {
    let server = Server::start();
    let qos = basic::Qos {
        prefetch_size: 10,
        ..basic::Qos::default()
    };
    let text = "NOT_IMPLEMENTED - prefetch_size!=0 (10)";
    assert_eq!(hard(&server, qos).await, said(540, text));
    let recover = basic::Recover { requeue: false };
    assert_eq!(
        hard(&server, recover).await,
        said(540, "NOT_IMPLEMENTED - requeue=false")
    );
    let flow = channel::Flow { active: false };
    assert_eq!(
        hard(&server, flow).await,
        said(540, "NOT_IMPLEMENTED - active=false")
    );
}

#[tokio::test]
async fn channels_are_opened_once_and_used_after() {
    let server = Server::start();
    let twice = hard(&server, channel::Open::default()).await;
    assert_eq!(
        twice,
        said(504, "CHANNEL_ERROR - second 'channel.open' seen")
    );
    let mut client = server.client().await;
    client.send(7, &queue::Declare::default()).await;
    let unopened = said(504, "CHANNEL_ERROR - expected 'channel.open'");
    assert_eq!(client.closed().await, unopened);
}

#[tokio::test]
async fn modes_of_a_channel_exclude_each_other() {
    let server = Server::start();
    let text = "PRECONDITION_FAILED - channel is not transactional";
    assert_eq!(soft(&server, tx::Commit {}).await, said(406, text));
    let mut client = server.client().await;
    client.ask(1, tx::Select {}).await;
    client.send(1, &confirm::Select::default()).await;
    let text = "PRECONDITION_FAILED - cannot switch from tx to confirm mode";
    assert_eq!(client.closed_channel(1).await, said(406, text));
    client.open_channel(1).await;
    client.ask(1, confirm::Select::default()).await;
    client.send(1, &tx::Select {}).await;
    let text = "PRECONDITION_FAILED - cannot switch from confirm to tx mode";
    assert_eq!(client.closed_channel(1).await, said(406, text));
}

#[tokio::test]
async fn a_consumer_tag_is_used_once() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    client.consume("q", false).await;
    let again = basic::Consume {
        queue: "q".try_into().unwrap(),
        consumer_tag: "q".try_into().unwrap(),
        ..basic::Consume::default()
    };
    client.send(1, &again).await;
    let text = "NOT_ALLOWED - attempt to reuse consumer tag 'q'";
    assert_eq!(client.closed().await, said(530, text));
}

#[tokio::test]
async fn a_closed_channel_hears_nothing_until_it_is_closed() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    let list = PropertyList {
        expiration: Some("abc".try_into().unwrap()),
        ..PropertyList::default()
    };
    let publish = basic::Publish {
        routing_key: "q".try_into().unwrap(),
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, &list.encode(), b"refused")
        .await;
    client.publish("q", b"ignored").await;
    let text = "PRECONDITION_FAILED - invalid expiration 'abc': no_integer";
    assert_eq!(client.closed_channel(1).await, said(406, text));
    client.open_channel(1).await;
    assert_eq!(client.ready("q").await, 0);
}
