//! Configurations that are altered, all at once or one by one.

use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::requests::{
    BROKER, BROKER_LOGGER, CLIENT_METRICS, GROUP, OK, TOPIC, alteration, change, code, replace,
};
use crate::support::{Server, versions};

fn overrides(server: &Server, topic: &str) -> Vec<(String, String)> {
    let topic = server.broker.topic(topic).expect("the topic is there");
    topic.config.overrides().clone().into_iter().collect()
}

#[tokio::test]
async fn altered_configurations_replace_all_that_was_set() {
    let server = Server::start();
    server.create_topic("t", 1).await;
    let mut client = server.connect();
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for version in versions(ApiKey::AlterConfigs) {
        let first = [("retention.ms", "1000"), ("cleanup.policy", "compact")];
        assert_eq!(replace(&mut client, version, "t", &first, false).await, OK);
        assert_eq!(
            overrides(&server, "t"),
            [
                owned("cleanup.policy", "compact"),
                owned("retention.ms", "1000")
            ]
        );
        let second = [("retention.bytes", "77")];
        assert_eq!(replace(&mut client, version, "t", &second, false).await, OK);
        let long = "9".repeat(32_767);
        for (topic, configs, error) in [
            (
                "t",
                &[("retention.bytes", "all")][..],
                ErrorCode::InvalidConfig,
            ),
            (
                "t",
                &[("retention.bytes", &*long)],
                ErrorCode::InvalidConfig,
            ),
            ("t", &[("retention", "1")], ErrorCode::InvalidConfig),
            ("t", &[("retention.ms", "null")], ErrorCode::InvalidRequest),
            (
                "t",
                &[("retention.ms", "1"), ("retention.ms", "2")],
                ErrorCode::InvalidRequest,
            ),
            (
                "missing",
                &[("retention.ms", "1")],
                ErrorCode::UnknownTopicOrPartition,
            ),
            (
                "no/name",
                &[("retention.ms", "1")],
                ErrorCode::InvalidTopicException,
            ),
            ("", &[("retention.ms", "1")], ErrorCode::InvalidRequest),
        ] {
            let told = replace(&mut client, version, topic, configs, false).await;
            assert_eq!(told, code(error), "{topic} {configs:?} at {version}");
        }
        assert_eq!(overrides(&server, "t"), [owned("retention.bytes", "77")]);
    }
    assert_eq!(replace(&mut client, 2, "t", &[], false).await, OK);
    assert!(overrides(&server, "t").is_empty());
}

#[tokio::test]
async fn increments_set_delete_append_and_subtract_and_leave_the_rest() {
    const SET: i8 = 0;
    const DELETE: i8 = 1;
    const APPEND: i8 = 2;
    const SUBTRACT: i8 = 3;
    let server = Server::start();
    let mut client = server.connect();
    let owned = |name: &str, value: &str| (name.to_owned(), value.to_owned());
    for version in versions(ApiKey::IncrementalAlterConfigs) {
        let topic = &format!("t{version}");
        server.create_topic(topic, 1).await;
        let changes = [
            ("retention.ms", SET, Some("1000")),
            ("cleanup.policy", APPEND, Some("compact")),
        ];
        assert_eq!(
            change(&mut client, version, TOPIC, topic, &changes, false).await,
            OK
        );
        assert_eq!(
            overrides(&server, topic),
            [
                owned("cleanup.policy", "delete,compact"),
                owned("retention.ms", "1000")
            ]
        );
        let changes = [
            ("cleanup.policy", SUBTRACT, Some("delete")),
            ("retention.ms", DELETE, None),
        ];
        assert_eq!(
            change(&mut client, version, TOPIC, topic, &changes, false).await,
            OK
        );
        assert_eq!(
            overrides(&server, topic),
            [owned("cleanup.policy", "compact")]
        );
        for (kind, name, changes, error) in [
            (
                TOPIC,
                &**topic,
                &[("retention.ms", APPEND, Some("1"))][..],
                ErrorCode::InvalidConfig,
            ),
            (
                TOPIC,
                topic,
                &[("retention", DELETE, None)],
                ErrorCode::InvalidConfig,
            ),
            (
                TOPIC,
                topic,
                &[("retention.ms", SET, None)],
                ErrorCode::InvalidRequest,
            ),
            (
                TOPIC,
                topic,
                &[("retention.ms", 9, Some("1"))],
                ErrorCode::InvalidRequest,
            ),
            (
                TOPIC,
                topic,
                &[
                    ("retention.ms", SET, Some("1")),
                    ("retention.ms", DELETE, None),
                ],
                ErrorCode::InvalidRequest,
            ),
            // One that cannot be stops all of its topic.
            (
                TOPIC,
                topic,
                &[
                    ("retention.ms", SET, Some("1")),
                    ("retention.bytes", SET, Some("all")),
                ],
                ErrorCode::InvalidConfig,
            ),
            (
                TOPIC,
                "missing",
                &[("retention.ms", SET, Some("1"))],
                ErrorCode::UnknownTopicOrPartition,
            ),
            (
                BROKER,
                "1",
                &[("num.partitions", SET, Some("3"))],
                ErrorCode::InvalidRequest,
            ),
            (
                BROKER,
                "",
                &[("num.partitions", SET, Some("3"))],
                ErrorCode::InvalidRequest,
            ),
            (
                BROKER_LOGGER,
                "1",
                &[("root", SET, Some("DEBUG"))],
                ErrorCode::InvalidRequest,
            ),
            (
                CLIENT_METRICS,
                "m",
                &[("metrics", SET, Some("*"))],
                ErrorCode::InvalidRequest,
            ),
            (
                GROUP,
                "g",
                &[("consumer.session.timeout.ms", SET, Some("1"))],
                ErrorCode::InvalidRequest,
            ),
            (1, "x", &[], ErrorCode::InvalidRequest),
        ] {
            let told = change(&mut client, version, kind, name, changes, false).await;
            assert_eq!(told, code(error), "{kind} {name} {changes:?} at {version}");
        }
        assert_eq!(
            overrides(&server, topic),
            [owned("cleanup.policy", "compact")]
        );
    }
}

#[tokio::test]
async fn a_resource_that_is_altered_twice_in_a_request_is_not_altered() {
    let server = Server::start();
    server.create_topic("once", 1).await;
    server.create_topic("twice", 1).await;
    let mut client = server.connect();
    let changes = [("retention.ms", 0, Some("1"))];
    let resource = |name: &str| alteration(TOPIC, name, &changes);
    let request = m::IncrementalAlterConfigsRequest {
        resources: vec![resource("twice"), resource("once"), resource("twice")],
        validate_only: false,
    };
    let responses = client.ask(1, request).await.responses;
    let codes: Vec<_> = responses
        .iter()
        .map(|response| response.error_code)
        .collect();
    let invalid = code(ErrorCode::InvalidRequest);
    assert_eq!(codes, [invalid, OK, invalid]);
    assert!(overrides(&server, "twice").is_empty());
    assert_eq!(overrides(&server, "once").len(), 1);
}
