//! Producing.

use bytes::Bytes;
use forebay_kafka::protocol::ErrorCode;
use forebay_kafka::protocol::generated::MetadataRequest;

use crate::support::Server;
use crate::{batch, produce, produced};

#[tokio::test]
async fn a_request_without_records_is_refused_and_the_connection_goes_on() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    for version in [3, 9] {
        for records in [None, Some(Bytes::new())] {
            let answer = client.ask(version, produce("orders", -1, records)).await;
            assert_eq!(produced(&answer), ErrorCode::InvalidRecord);
        }
    }
    let answer = client.ask(9, produce("orders", -1, Some(batch(10)))).await;
    assert_eq!(produced(&answer), ErrorCode::None);
}

#[tokio::test]
async fn small_batches_beside_a_large_one_are_stored_as_they_came() {
    let server = Server::start();
    server.create_topic("orders", 2).await;
    let mut client = server.connect();
    let mut request = produce("orders", -1, Some(batch(10)));
    let mut large = request.topic_data[0].partition_data[0].clone();
    large.index = 1;
    large.records = Some(vec![batch(100_000)].into());
    request.topic_data[0].partition_data.push(large);
    let answer = client.ask(9, request).await;
    for partition in &answer.responses[0].partition_responses {
        assert_eq!(partition.error_code, ErrorCode::None as i16);
    }
}

#[tokio::test]
async fn a_failure_that_nobody_is_told_of_ends_the_connection() {
    let server = Server::start();
    let mut client = server.connect();
    client
        .send(9, &produce("nowhere", 0, Some(batch(10))))
        .await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_success_that_nobody_is_told_of_has_no_answer() {
    let server = Server::start();
    server.create_topic("orders", 1).await;
    let mut client = server.connect();
    client.send(9, &produce("orders", 0, Some(batch(10)))).await;
    // Answers keep the order, so this would get the other's.
    client.ask(12, MetadataRequest::default()).await;
    let topic = server.broker.topic("orders").unwrap();
    assert_eq!(topic.partitions[0].end_offset(), 1);
}
