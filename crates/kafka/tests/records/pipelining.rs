//! Several requests on one connection at a time.

use std::time::{Duration, Instant};

use forebay_kafka::protocol::ErrorCode;
use forebay_kafka::protocol::generated::metadata_request::MetadataRequestTopic;
use forebay_kafka::protocol::generated::{FetchRequest, MetadataRequest, ProduceRequest};

use crate::fetch_sessions::{fetch, partition};
use crate::support::Server;
use crate::{batch, produce, produced};

fn create(topic: &'static str) -> MetadataRequest<'static> {
    MetadataRequest {
        topics: Some(vec![MetadataRequestTopic {
            name: Some(topic.into()),
            ..MetadataRequestTopic::default()
        }]),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    }
}

#[tokio::test]
async fn records_behind_the_request_that_creates_their_topic_find_it() {
    let server = Server::start();
    let mut client = server.connect();
    let created = client.send(9, &create("orders")).await;
    let first = client
        .send(9, &produce("orders", -1, Some(batch(10))))
        .await;
    let second = client
        .send(9, &produce("orders", -1, Some(batch(10))))
        .await;
    client.receive::<MetadataRequest<'_>>(9, created).await;
    for sent in [first, second] {
        let answer = client.receive::<ProduceRequest<'_>>(9, sent).await;
        assert_eq!(produced(&answer), ErrorCode::None);
    }
}

#[tokio::test]
async fn a_fetch_behind_records_sees_them() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    let sent = [
        client
            .send(9, &produce("orders", -1, Some(batch(10))))
            .await,
        client
            .send(9, &produce("orders", -1, Some(batch(10))))
            .await,
    ];
    let asked = client
        .send(12, &fetch("orders", -1, &[partition(0, 0)]))
        .await;
    let last = client
        .send(9, &produce("orders", -1, Some(batch(10))))
        .await;
    for sent in sent {
        client.receive::<ProduceRequest<'_>>(9, sent).await;
    }
    let answer = client.receive::<FetchRequest<'_>>(12, asked).await;
    assert_eq!(answer.responses[0].partitions[0].high_watermark, 2);
    client.receive::<ProduceRequest<'_>>(9, last).await;
}

#[tokio::test]
async fn records_for_which_no_answer_is_awaited_outlive_their_connection() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    let parked = FetchRequest {
        max_wait_ms: 60_000,
        min_bytes: 1 << 20,
        ..fetch("orders", -1, &[partition(0, 0)])
    };
    client.send(12, &parked).await;
    client.send(9, &produce("orders", 0, Some(batch(10)))).await;
    drop(client);
    let topic = server.broker.topic("orders").unwrap();
    let started = Instant::now();
    while topic.partitions[0].end_offset() == 0 {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the record is lost"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_client_that_leaves_takes_its_parked_fetch_with_it() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    let parked = FetchRequest {
        max_wait_ms: 60_000,
        min_bytes: 1,
        ..fetch("orders", -1, &[partition(0, 0)])
    };
    client.send(12, &parked).await;
    drop(client);
    let started = Instant::now();
    while server
        .gateway
        .metrics()
        .endings()
        .all(|(_, count)| count == 0)
    {
        assert!(
            started.elapsed() < Duration::from_secs(10),
            "the fetch is still parked"
        );
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn a_gateway_that_stops_answers_a_parked_fetch_and_closes() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    let parked = FetchRequest {
        max_wait_ms: 60_000,
        min_bytes: 1,
        ..fetch("orders", -1, &[partition(0, 0)])
    };
    let sent = client.send(12, &parked).await;
    server.has_read_a_request().await;
    server.gateway.stop();
    let answer = client.receive::<FetchRequest<'_>>(12, sent).await;
    assert_eq!(answer.responses[0].partitions[0].high_watermark, 0);
    assert!(client.is_closed().await);
}
