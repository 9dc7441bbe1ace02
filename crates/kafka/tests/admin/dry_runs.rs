//! Requests that ask only whether they would succeed.

use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::requests::{OK, TOPIC, add_partitions, change, code, new_topic, replace};
use crate::support::{Server, versions};

#[tokio::test]
async fn what_is_only_validated_does_not_happen() {
    let server = Server::start();
    server.create_topic("there", 1).await;
    let mut client = server.connect();
    for version in versions(ApiKey::CreateTopics) {
        let request = m::CreateTopicsRequest {
            topics: vec![new_topic("valid", 2), new_topic("there", 2)],
            timeout_ms: 1_000,
            validate_only: true,
        };
        let topics = client.ask(version, request).await.topics;
        let codes: Vec<_> = topics.iter().map(|topic| topic.error_code).collect();
        assert_eq!(codes, [OK, code(ErrorCode::TopicAlreadyExists)]);
        if version >= 5 {
            assert_eq!(topics[0].num_partitions, 2);
        }
        assert!(server.broker.topic("valid").is_none());
    }
    for version in versions(ApiKey::CreatePartitions) {
        let results = add_partitions(&mut client, version, &[("there", 5, None)], true).await;
        assert_eq!(results, [("there".to_owned(), OK)]);
    }
    for version in versions(ApiKey::AlterConfigs) {
        let code = replace(
            &mut client,
            version,
            "there",
            &[("retention.ms", "1")],
            true,
        )
        .await;
        assert_eq!(code, OK);
    }
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let changes = [("retention.ms", 0, Some("1"))];
        let code = change(&mut client, version, TOPIC, "there", &changes, true).await;
        assert_eq!(code, OK);
    }
    let there = server.broker.topic("there").expect("it stays");
    assert_eq!(there.partitions.len(), 1);
    assert!(there.config.overrides().is_empty());
}
