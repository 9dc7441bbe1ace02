//! Queues that are bound to topics.

use forebay_broker::access::{AccessChange, Pattern, Permission};
use forebay_broker::host::VirtualHostId;
use forebay_rabbit::amqp091::method::queue;
use forebay_rabbit::amqp091::table::Value;

use super::support::{Client, Server};

const STREAM: (&str, Value<'_>) = ("x-queue-type", Value::LongStr(b"stream"));

fn bind(queue: &str, topic: &str) -> queue::Bind {
    queue::Bind {
        queue: queue.try_into().unwrap(),
        exchange: topic.try_into().unwrap(),
        routing_key: "whatever".try_into().unwrap(),
        ..queue::Bind::default()
    }
}

fn unbind(queue: &str, topic: &str) -> queue::Unbind {
    queue::Unbind {
        queue: queue.try_into().unwrap(),
        exchange: topic.try_into().unwrap(),
        ..queue::Unbind::default()
    }
}

/// The topics that a queue is subscribed to.
async fn topics(server: &Server, queue: &'static str) -> Vec<String> {
    let host = server.broker.virtual_host(VirtualHostId::DEFAULT);
    let found = host.queue(queue.into()).await.unwrap().unwrap();
    let names = found.topics.iter();
    names
        .map(|topic| String::from_utf8(topic.topic.to_vec()).unwrap())
        .collect()
}

async fn with_topic(server: &Server) -> Client {
    let mut client = server.client().await;
    client.declare("readable", &[STREAM]).await;
    client.declare("secret", &[STREAM]).await;
    client.declare("q", &[]).await;
    client
}

#[tokio::test]
async fn a_binding_to_a_topic_is_a_subscription_and_its_end_ends_it() {
    let server = Server::start();
    let mut client = with_topic(&server).await;
    for _ in 0..2 {
        let bound = client.ask(1, bind("q", "readable")).await;
        assert_eq!(bound, queue::BindOk {}.into());
        assert_eq!(topics(&server, "q").await, ["readable"]);
    }
    for _ in 0..2 {
        let unbound = client.ask(1, unbind("q", "readable")).await;
        assert_eq!(unbound, queue::UnbindOk {}.into());
        assert_eq!(topics(&server, "q").await, [""; 0]);
    }
}

#[tokio::test]
async fn who_may_not_read_a_topic_does_not_bind_to_it() {
    let server = Server::start();
    let mut client = with_topic(&server).await;
    let pattern = |text| Pattern::new(text).unwrap();
    let permission = AccessChange::PutPermission {
        user: "guest".to_owned(),
        virtual_host: "/".to_owned(),
        permission: Permission {
            configure: pattern(".*"),
            write: pattern("^q$"),
            read: pattern("^readable$"),
        },
    };
    server.broker.change_access(vec![permission]).await.unwrap();
    let bound = client.ask(1, bind("q", "readable")).await;
    assert_eq!(bound, queue::BindOk {}.into());
    client.send(1, &bind("q", "secret")).await;
    let (code, text) = client.closed_channel(1).await;
    let refused =
        "ACCESS_REFUSED - read access to queue 'secret' in vhost '/' refused for user 'guest'";
    assert_eq!((code, &*text), (403, refused));
    client.open_channel(1).await;
    client.send(1, &bind("readable", "readable")).await;
    let (code, text) = client.closed_channel(1).await;
    assert_eq!(code, 403, "{text}");
    assert_eq!(topics(&server, "q").await, ["readable"]);
}

#[tokio::test]
async fn a_stream_is_bound_to_no_topic() {
    let server = Server::start();
    let mut client = with_topic(&server).await;
    client.send(1, &bind("secret", "readable")).await;
    let (code, text) = client.closed().await;
    assert_eq!(code, 540, "{text}");
}
