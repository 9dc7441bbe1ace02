//! Exchanges and queues: what they are, where messages go, and when they end.

use forebay_rabbit::amqp091::method::{Method, basic, connection, exchange, queue};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::Value;

use super::support::{Client, Server, table};

async fn declare_exchange(client: &mut Client, name: &str, kind: &str) {
    let declare = exchange::Declare {
        exchange: name.try_into().unwrap(),
        kind: kind.try_into().unwrap(),
        ..exchange::Declare::default()
    };
    assert_eq!(client.ask(1, declare).await, exchange::DeclareOk {}.into());
}

async fn bind(client: &mut Client, queue: &str, exchange: &str, key: &str) {
    let bind = queue::Bind {
        queue: queue.try_into().unwrap(),
        exchange: exchange.try_into().unwrap(),
        routing_key: key.try_into().unwrap(),
        ..queue::Bind::default()
    };
    assert_eq!(client.ask(1, bind).await, queue::BindOk {}.into());
}

async fn publish(client: &mut Client, exchange: &str, key: &str, properties: &Properties) {
    let publish = basic::Publish {
        exchange: exchange.try_into().unwrap(),
        routing_key: key.try_into().unwrap(),
        ..basic::Publish::default()
    };
    client
        .send_message(1, &publish, properties, b"message")
        .await;
}

#[tokio::test]
async fn exchanges_route_as_their_kinds_say() {
    let server = Server::start();
    let mut client = server.client().await;
    for (kind, key, sent, other) in [
        ("direct", "a", "a", "b"),
        ("topic", "a.*", "a.b", "a.b.c"),
        ("fanout", "", "anything", ""),
    ] {
        client.declare(kind, &[]).await;
        let name = format!("x-{kind}");
        declare_exchange(&mut client, &name, kind).await;
        bind(&mut client, kind, &name, key).await;
        publish(&mut client, &name, sent, &Properties::EMPTY).await;
        if !other.is_empty() {
            publish(&mut client, &name, other, &Properties::EMPTY).await;
        }
        let (got, _) = client.get(kind).await.unwrap();
        assert_eq!(
            (got.exchange.to_string(), got.routing_key.to_string()),
            (name, sent.to_owned())
        );
        assert_eq!(got.message_count, 0, "{kind}");
    }
}

#[tokio::test]
async fn headers_are_matched() {
    let server = Server::start();
    let mut client = server.client().await;
    client.declare("q", &[]).await;
    let bind = queue::Bind {
        queue: "q".try_into().unwrap(),
        exchange: "amq.headers".try_into().unwrap(),
        arguments: table(&[("x-match", Value::LongStr(b"all")), ("n", Value::I32(1))]),
        ..queue::Bind::default()
    };
    assert_eq!(client.ask(1, bind).await, queue::BindOk {}.into());
    for n in [2, 1] {
        let list = PropertyList {
            headers: Some(table(&[("n", Value::I64(n))])),
            ..PropertyList::default()
        };
        publish(&mut client, "amq.headers", "", &list.encode()).await;
    }
    let (got, content) = client.get("q").await.unwrap();
    assert_eq!(got.message_count, 0);
    let headers = content.properties.headers().unwrap();
    assert_eq!(headers.get("n"), Some(Value::I64(1)), "as it was sent");
}

#[tokio::test]
async fn queues_without_a_name_are_given_one_and_empty_names_stand_for_it() {
    let server = Server::start();
    let mut client = server.client().await;
    let Method::Queue(queue::Method::DeclareOk(first)) =
        client.ask(1, queue::Declare::default()).await
    else {
        panic!("it is declared");
    };
    assert!(first.queue.starts_with(b"amq.gen-"));
    let purge = client.ask(1, queue::Purge::default()).await;
    assert_eq!(purge, queue::PurgeOk { message_count: 0 }.into());
}

#[tokio::test]
async fn exclusive_queues_are_their_connections_own_and_end_with_it() {
    let server = Server::start();
    let mut owner = server.client().await;
    let mut other = server.client().await;
    let declare = queue::Declare {
        queue: "mine".try_into().unwrap(),
        exclusive: true,
        ..queue::Declare::default()
    };
    owner.ask(1, declare).await;
    other.publish("mine", b"anyone may send").await;
    let get = basic::Get {
        queue: "mine".try_into().unwrap(),
        ..basic::Get::default()
    };
    other.send(1, &get).await;
    let (code, text) = other.closed_channel(1).await;
    assert_eq!(code, 405);
    assert!(
        text.contains("cannot obtain exclusive access to locked queue 'mine'"),
        "{text}"
    );
    assert_eq!(owner.ready("mine").await, 1);
    owner.ask(0, connection::Close::default()).await;
    other.open_channel(1).await;
    other.send(1, &get).await;
    assert_eq!(other.closed_channel(1).await.0, 404);
}
