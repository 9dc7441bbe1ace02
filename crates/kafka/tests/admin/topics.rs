//! Topics that come and go.

use std::collections::BTreeMap;

use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};
use m::create_topics_request::{CreatableReplicaAssignment, CreatableTopic};
use uuid::Uuid;

use crate::requests::{DEFAULT, DYNAMIC_TOPIC, OK, code, config, create, delete, new_topic};
use crate::support::{Server, versions};

#[tokio::test]
async fn a_created_topic_is_there_with_what_was_asked_and_the_answer_says_so() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::CreateTopics) {
        let name = format!("created-{version}");
        let topic = CreatableTopic {
            configs: vec![config("retention.ms", Some("1000"))],
            ..new_topic(&name, 3)
        };
        let [result] = &create(&mut client, version, vec![topic]).await[..] else {
            panic!("one topic, one answer");
        };
        assert_eq!((&*result.name, result.error_code), (&*name, OK));
        assert_eq!(result.error_message, None);
        let there = server.broker.topic(&name).expect("it was created");
        assert_eq!(there.partitions.len(), 3);
        assert_eq!(there.config.policy.retention_ms, Some(1000));
        if version >= 5 {
            // Asked for three replicas, it has the one that there can be.
            assert_eq!((result.num_partitions, result.replication_factor), (3, 1));
            let configs = result.configs.as_ref().expect("configurations are told");
            let of = |name: &str| configs.iter().find(|config| config.name == *name);
            let retention = of("retention.ms").expect("it was set");
            assert_eq!(retention.value.as_deref(), Some("1000"));
            assert_eq!(retention.config_source, DYNAMIC_TOPIC);
            let policy = of("cleanup.policy").expect("all are told");
            assert_eq!(policy.value.as_deref(), Some("delete"));
            assert_eq!(policy.config_source, DEFAULT);
        }
        if version >= 7 {
            assert_eq!(result.topic_id, there.id);
        }
    }
}

#[tokio::test]
async fn good_and_bad_topics_in_one_request_each_have_their_own_result() {
    let server = Server::start();
    server.create_topic("there", 1).await;
    let mut client = server.connect();
    let assigned = |name: &str, lists: &[(i32, &[i32])]| CreatableTopic {
        replication_factor: -1,
        assignments: lists
            .iter()
            .map(|(partition_index, brokers)| CreatableReplicaAssignment {
                partition_index: *partition_index,
                broker_ids: brokers.to_vec(),
            })
            .collect(),
        ..new_topic(name, -1)
    };
    let configured = |name: &str, key: &str, value: Option<&str>| CreatableTopic {
        configs: vec![config(key, value)],
        ..new_topic(name, 1)
    };
    let long = "x".repeat(30_000);
    for version in versions(ApiKey::CreateTopics) {
        let topics = vec![
            new_topic("twice", 1),
            (new_topic(&format!("good-{version}"), -1)),
            new_topic("there", 1),
            new_topic("no/name", 1),
            new_topic("no-partitions", 0),
            new_topic("too-many-partitions", i32::MAX),
            CreatableTopic {
                replication_factor: 0,
                ..new_topic("no-replicas", 1)
            },
            configured("unknown-config", "retention", Some("1")),
            configured("bad-config", "retention.ms", Some(&long)),
            configured("null-config", "retention.ms", None),
            assigned(
                &format!("assigned-{version}"),
                &[(0, &[1, 2]), (1, &[2, 3])],
            ),
            assigned("gap", &[(0, &[1]), (2, &[1])]),
            assigned("uneven", &[(0, &[1]), (1, &[1, 2])]),
            CreatableTopic {
                num_partitions: 1,
                ..assigned("both", &[(0, &[1])])
            },
            new_topic("twice", 2),
        ];
        let results = create(&mut client, version, topics).await;
        let results: BTreeMap<_, _> = results
            .iter()
            .map(|result| {
                (
                    &*result.name,
                    (result.error_code, result.error_message.is_some()),
                )
            })
            .collect();
        let expected = [
            ("twice", ErrorCode::InvalidRequest),
            ("there", ErrorCode::TopicAlreadyExists),
            ("no/name", ErrorCode::InvalidTopicException),
            ("no-partitions", ErrorCode::InvalidPartitions),
            ("too-many-partitions", ErrorCode::InvalidPartitions),
            ("no-replicas", ErrorCode::InvalidReplicationFactor),
            ("unknown-config", ErrorCode::InvalidConfig),
            ("bad-config", ErrorCode::InvalidConfig),
            ("null-config", ErrorCode::InvalidConfig),
            ("gap", ErrorCode::InvalidReplicaAssignment),
            ("uneven", ErrorCode::InvalidReplicaAssignment),
            ("both", ErrorCode::InvalidRequest),
        ];
        assert_eq!(results.len(), expected.len() + 2, "version {version}");
        for (name, error) in expected {
            assert_eq!(results[name], (code(error), true), "{name} at {version}");
            assert_eq!(server.broker.topic(name).is_some(), name == "there");
        }
        for (name, partitions) in [("good", 1), ("assigned", 2)] {
            let name = format!("{name}-{version}");
            assert_eq!(results[&*name], (OK, false), "{name}");
            let there = server.broker.topic(&name).expect("it was created");
            assert_eq!(there.partitions.len(), partitions);
        }
    }
}

#[tokio::test]
async fn a_request_creates_no_more_than_the_limits() {
    let server = Server::start();
    let mut client = server.connect();
    let refused = code(ErrorCode::PolicyViolation);
    let topics = (0..10_001)
        .map(|n| new_topic(&format!("t{n}"), 1))
        .collect();
    let results = create(&mut client, 7, topics).await;
    assert_eq!(results.len(), 10_001);
    assert!(results.iter().all(|result| result.error_code == refused));
    let request = m::CreateTopicsRequest {
        topics: [99_999, 2, 1]
            .map(|n| new_topic(&format!("t{n}"), n))
            .to_vec(),
        timeout_ms: 1_000,
        validate_only: true,
    };
    let results = client.ask(7, request).await.topics;
    let codes: BTreeMap<_, _> = results
        .iter()
        .map(|result| (&*result.name, result.error_code))
        .collect();
    assert_eq!(codes, [("t99999", OK), ("t2", refused), ("t1", OK)].into());
}

#[tokio::test]
async fn topics_are_deleted_by_name_at_every_version() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DeleteTopics) {
        let id = server.create_topic("gone", 2).await;
        server.create_topic("twice", 1).await;
        let names = ["gone", "missing", "twice", "twice"];
        let topics = names.map(|name| (Some(name), Uuid::nil())).to_vec();
        let mut results = delete(&mut client, version, topics).await;
        results.sort();
        let told = if version >= 6 { id } else { Uuid::nil() };
        let unknown = code(ErrorCode::UnknownTopicOrPartition);
        let invalid = code(ErrorCode::InvalidRequest);
        let expected = [
            (Some("gone".to_owned()), told, OK),
            (Some("missing".to_owned()), Uuid::nil(), unknown),
            (Some("twice".to_owned()), Uuid::nil(), invalid),
        ];
        assert_eq!(results, expected, "version {version}");
        assert!(server.broker.topic("gone").is_none());
        assert!(server.broker.topic("twice").is_some());
        let twice = vec![(Some("twice"), Uuid::nil())];
        assert_eq!(delete(&mut client, version, twice).await[0].2, OK);
    }
}

#[tokio::test]
async fn topics_are_deleted_by_id() {
    let server = Server::start();
    let mut client = server.connect();
    let gone = server.create_topic("gone", 1).await;
    let both = server.create_topic("both", 1).await;
    let twice = server.create_topic("twice", 1).await;
    let missing = Uuid::from_u128(u128::MAX);
    let topics = vec![
        (None, gone),
        (None, missing),
        (None, Uuid::nil()),
        (Some("gone-too"), missing),
        (None, twice),
        (None, twice),
        (None, both),
        (Some("both"), Uuid::nil()),
    ];
    let mut results = delete(&mut client, 6, topics).await;
    results.sort();
    let invalid = code(ErrorCode::InvalidRequest);
    let mut expected = [
        (Some("gone".to_owned()), gone, OK),
        (None, missing, code(ErrorCode::UnknownTopicId)),
        (None, Uuid::nil(), invalid),
        (Some("gone-too".to_owned()), missing, invalid),
        (None, twice, invalid),
        (Some("both".to_owned()), both, invalid),
    ];
    expected.sort();
    assert_eq!(results, expected);
    assert!(server.broker.topic("gone").is_none());
    assert!(server.broker.topic("both").is_some() && server.broker.topic("twice").is_some());
}
