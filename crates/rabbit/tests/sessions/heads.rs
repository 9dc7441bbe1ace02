//! When what is at the head of a queue was sent, as the management API says it.

use axum::body::{Body, to_bytes};
use axum::http::{Request, header};
use forebay_rabbit::amqp091::method::basic;
use forebay_rabbit::amqp091::properties::PropertyList;
use forebay_rabbit::amqp091::table::Value as Argument;
use forebay_rabbit::management::{Management, NodeInfo, ProcessUsage};
use serde_json::Value;
use tower::ServiceExt;

use super::support::{Client, Server};

const LIST: &str = "/queues?columns=name,head_message_timestamp";
const SORTED: &str = "/queues?columns=name,head_message_timestamp&sort=head_message_timestamp";
const PAGE: &str = "/queues?columns=name,head_message_timestamp&page=1";

fn management(server: &Server) -> Management {
    let node = NodeInfo {
        name: "forebay@test".to_owned(),
        listeners: Vec::new(),
        data_folder: String::new(),
        disk_reserve_bytes: 0,
        memory_limit_bytes: None,
        usage: ProcessUsage::default,
    };
    Management::new(&server.gateway, node)
}

async fn ask(management: &Management, path: &str) -> Value {
    let request = Request::get(path).header(header::AUTHORIZATION, "Basic Z3Vlc3Q6Z3Vlc3Q=");
    let request = request.body(Body::empty()).unwrap();
    let answer = management.routes().oneshot(request).await.unwrap();
    let body = to_bytes(answer.into_body(), usize::MAX).await.unwrap();
    serde_json::from_slice(&body).unwrap()
}

/// What is listed: each queue, and when its head was sent.
async fn listed(management: &Management, path: &str) -> Vec<(String, Option<u64>)> {
    let answer = ask(management, path).await;
    let rows = answer.get("items").unwrap_or(&answer).as_array().unwrap();
    let row = |row: &Value| {
        let name = row["name"].as_str().unwrap().to_owned();
        (name, row["head_message_timestamp"].as_u64())
    };
    rows.iter().map(row).collect()
}

async fn publish(client: &mut Client, queue: &str, timestamp: Option<u64>) {
    let publish = basic::Publish {
        routing_key: queue.try_into().unwrap(),
        ..basic::Publish::default()
    };
    let list = PropertyList {
        delivery_mode: Some(2),
        timestamp,
        ..PropertyList::default()
    };
    client
        .send_message(1, &publish, &list.encode(), b"body")
        .await;
}

/// Queues `a`, `b` and `c` with messages, of which those of `b` have no timestamps; quorum queue `d`.
async fn filled(server: &Server) -> Client {
    let mut client = server.client().await;
    for name in ["a", "b", "c"] {
        client.declare(name, &[]).await;
    }
    let quorum = [("x-queue-type", Argument::LongStr(b"quorum"))];
    client.declare("d", &quorum).await;
    let all = [
        ("a", Some(700)),
        ("a", Some(800)),
        ("b", None),
        ("c", Some(600)),
        ("d", Some(500)),
    ];
    for (queue, timestamp) in all {
        publish(&mut client, queue, timestamp).await;
    }
    // Whoever is answered this has been heard before.
    assert_eq!(client.ready("d").await, 1);
    client
}

fn rows(of: &[(&str, Option<u64>)]) -> Vec<(String, Option<u64>)> {
    of.iter()
        .map(|(name, sent)| ((*name).to_owned(), *sent))
        .collect()
}

#[tokio::test]
async fn heads_are_read_from_memory() {
    let server = Server::start();
    let mut client = filled(&server).await;
    let management = management(&server);
    let all = rows(&[("a", Some(700)), ("b", None), ("c", Some(600)), ("d", None)]);
    assert_eq!(listed(&management, LIST).await, all);
    let (got, _) = client.get("a").await.unwrap();
    assert_eq!(
        listed(&management, LIST).await,
        all,
        "it is not acknowledged"
    );
    let ack = basic::Ack {
        delivery_tag: got.delivery_tag,
        multiple: false,
    };
    client.send(1, &ack).await;
    client.ready("a").await;
    assert_eq!(listed(&management, LIST).await[0].1, Some(800));
}

#[tokio::test]
async fn heads_that_are_on_disk_are_read_there_by_whatever_lists_them() {
    for path in [LIST, SORTED, PAGE] {
        let server = Server::start();
        drop(filled(&server).await);
        let server = server.restart();
        let management = management(&server);
        let mut found = listed(&management, path).await;
        if path == SORTED {
            let order: Vec<_> = found.iter().map(|(_, sent)| *sent).collect();
            assert_eq!(order, [None, None, Some(600), Some(700)]);
        }
        found.sort();
        let all = rows(&[("a", Some(700)), ("b", None), ("c", Some(600)), ("d", None)]);
        assert_eq!(found, all, "{path}");
        found = listed(&management, LIST).await;
        assert_eq!(found, all, "they are known now");
    }
}

#[tokio::test]
async fn one_queue_says_when_its_head_was_sent_or_null() {
    let server = Server::start();
    drop(filled(&server).await);
    let server = server.restart();
    let management = management(&server);
    let sent = async |name: &str| {
        let queue = ask(&management, &format!("/queues/%2F/{name}")).await;
        queue.get("head_message_timestamp").cloned()
    };
    assert_eq!(sent("a").await, Some(700.into()));
    assert_eq!(sent("b").await, Some(Value::Null));
    assert_eq!(sent("d").await, None, "as RabbitMQ has it of quorum queues");
}
