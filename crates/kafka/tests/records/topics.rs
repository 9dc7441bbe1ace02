//! Metadata, as far as it makes topics.

use std::collections::BTreeSet;

use forebay_kafka::protocol::ErrorCode;
use forebay_kafka::protocol::generated::MetadataRequest;
use forebay_kafka::protocol::generated::metadata_request::MetadataRequestTopic;

use crate::code;
use crate::support::Server;

fn asking(names: &[&'static str]) -> MetadataRequest<'static> {
    let topic = |name: &&'static str| MetadataRequestTopic {
        name: Some((*name).into()),
        ..MetadataRequestTopic::default()
    };
    MetadataRequest {
        topics: Some(names.iter().map(topic).collect()),
        allow_auto_topic_creation: true,
        ..MetadataRequest::default()
    }
}

#[tokio::test]
async fn a_topic_that_is_asked_for_often_is_described_once() {
    let server = Server::start();
    server.create_topic("orders", 3).await;
    let mut client = server.connect();
    let names = ["orders", "new", "orders", "new"];
    let answer = client.ask(9, asking(&names)).await;
    let told: Vec<_> = answer
        .topics
        .iter()
        .filter_map(|topic| topic.name.as_deref())
        .collect();
    assert_eq!(told, ["orders", "new"]);
    assert!(answer.topics.iter().all(|topic| topic.error_code == 0));
}

#[tokio::test]
async fn invalid_names_are_refused_beside_those_that_are_created() {
    let server = Server::start();
    let mut client = server.connect();
    let answer = client.ask(9, asking(&["", ".", "a b", "good"])).await;
    let codes: Vec<_> = answer
        .topics
        .iter()
        .map(|topic| code(topic.error_code))
        .collect();
    let invalid = ErrorCode::InvalidTopicException;
    assert_eq!(codes, [invalid, invalid, invalid, ErrorCode::None]);
    let there: BTreeSet<_> = server
        .broker
        .catalog()
        .all()
        .iter()
        .map(|t| t.name.to_string())
        .collect();
    assert_eq!(there, BTreeSet::from(["good".to_owned()]));
}
