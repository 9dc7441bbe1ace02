//! Administration as a client sees it on the wire, at every version of every key.

mod support;

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::BytesMut;
use forebay_broker::storage::SimulatedDisk;
use forebay_broker::{Append, BrokerOptions, NewTopic};
use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode, Str};
use forebay_record::BatchBuilder;
use m::create_topics_request::{CreatableReplicaAssignment, CreatableTopic, CreatableTopicConfig};
use support::{Client, Server, versions};
use uuid::Uuid;

const TOPIC: i8 = 2;
const BROKER: i8 = 4;
const BROKER_LOGGER: i8 = 8;
const CLIENT_METRICS: i8 = 16;
const GROUP: i8 = 32;

const DYNAMIC_TOPIC: i8 = 1;
const STATIC_BROKER: i8 = 4;
const DEFAULT: i8 = 5;

const OK: i16 = ErrorCode::None as i16;

fn code(error: ErrorCode) -> i16 {
    error as i16
}

fn new_topic(name: &str, partitions: i32) -> CreatableTopic<'static> {
    CreatableTopic {
        name: name.to_owned().into(),
        num_partitions: partitions,
        replication_factor: 3,
        ..CreatableTopic::default()
    }
}

fn config(name: &str, value: Option<&str>) -> CreatableTopicConfig<'static> {
    CreatableTopicConfig {
        name: name.to_owned().into(),
        value: value.map(|value| value.to_owned().into()),
    }
}

async fn create(
    client: &mut Client,
    version: i16,
    topics: Vec<CreatableTopic<'static>>,
) -> Vec<m::create_topics_response::CreatableTopicResult<'static>> {
    let request = m::CreateTopicsRequest {
        topics,
        timeout_ms: 1_000,
        validate_only: false,
    };
    client.ask(version, request).await.topics
}

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

async fn delete(
    client: &mut Client,
    version: i16,
    topics: Vec<(Option<&str>, Uuid)>,
) -> Vec<(Option<String>, Uuid, i16)> {
    let text = |name: &str| Str::from(name.to_owned());
    let mut request = m::DeleteTopicsRequest {
        timeout_ms: 1_000,
        ..m::DeleteTopicsRequest::default()
    };
    for (name, topic_id) in topics {
        if version >= 6 {
            let name = name.map(text);
            let topic = m::delete_topics_request::DeleteTopicState { name, topic_id };
            request.topics.push(topic);
        } else {
            request.topic_names.extend(name.map(text));
        }
    }
    let responses = client.ask(version, request).await.responses;
    let told = responses.into_iter().map(|result| {
        assert!(version < 5 || (result.error_code != OK) == result.error_message.is_some());
        let name = result.name.map(|name| name.to_string());
        (name, result.topic_id, result.error_code)
    });
    told.collect()
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

type NewPartitions<'a> = (&'a str, i32, Option<&'a [&'a [i32]]>);

async fn add_partitions(
    client: &mut Client,
    version: i16,
    topics: &[NewPartitions<'_>],
    validate_only: bool,
) -> Vec<(String, i16)> {
    use m::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
    let topics = topics.iter().map(|(name, count, assignments)| {
        let assignment = |brokers: &&[i32]| CreatePartitionsAssignment {
            broker_ids: brokers.to_vec(),
        };
        CreatePartitionsTopic {
            name: (*name).to_owned().into(),
            count: *count,
            assignments: assignments.map(|lists| lists.iter().map(assignment).collect()),
        }
    });
    let request = m::CreatePartitionsRequest {
        topics: topics.collect(),
        timeout_ms: 1_000,
        validate_only,
    };
    let results = client.ask(version, request).await.results;
    let told = results.into_iter().map(|result| {
        assert_eq!(result.error_code != OK, result.error_message.is_some());
        (result.name.to_string(), result.error_code)
    });
    told.collect()
}

#[tokio::test]
async fn topics_grow_and_the_answer_names_every_one() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::CreatePartitions) {
        let [grows, assigned, stays] =
            ["grows", "assigned", "stays"].map(|n| format!("{n}{version}"));
        for name in [&grows, &assigned, &stays] {
            server.create_topic(name, 2).await;
        }
        let topics: &[NewPartitions<'_>] = &[
            (&grows, 4, None),
            (&assigned, 3, Some(&[&[3, 4]])),
            (&stays, 2, None),
            ("missing", 2, None),
            ("twice", 2, None),
            ("twice", 3, None),
        ];
        let results = add_partitions(&mut client, version, topics, false).await;
        let expected = [
            (&*grows, ErrorCode::None),
            (&*assigned, ErrorCode::None),
            (&*stays, ErrorCode::InvalidPartitions),
            ("missing", ErrorCode::UnknownTopicOrPartition),
            ("twice", ErrorCode::InvalidRequest),
        ];
        assert_eq!(
            results,
            expected.map(|(name, error)| (name.to_owned(), code(error)))
        );
        let partitions = |name: &str| {
            server
                .broker
                .topic(name)
                .map(|topic| topic.partitions.len())
        };
        assert_eq!(partitions(&grows), Some(4));
        assert_eq!(partitions(&assigned), Some(3));
        for (count, assignments, error) in [
            (1, None, ErrorCode::InvalidPartitions),
            (0, None, ErrorCode::InvalidPartitions),
            (-1, None, ErrorCode::InvalidPartitions),
            (i32::MAX, None, ErrorCode::InvalidPartitions),
            (
                3,
                Some(&[] as &[&[i32]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (
                3,
                Some(&[&[] as &[i32]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (3, Some(&[&[1, 1]]), ErrorCode::InvalidReplicaAssignment),
            (
                4,
                Some(&[&[1], &[1, 2]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
        ] {
            let topics = &[(&*stays, count, assignments)];
            let results = add_partitions(&mut client, version, topics, false).await;
            assert_eq!(results, [(stays.clone(), code(error))]);
        }
        assert_eq!(partitions(&stays), Some(2));
    }
}

/// Stores `count` records in a partition, a batch each.
async fn fill(server: &Server, topic: &str, partition: i32, count: usize) {
    let batches = (0..count).map(|_| {
        let mut batch = BatchBuilder::new();
        batch
            .add(1_000, Some(b"key"), Some(b"value"), &[])
            .expect("a small record");
        Append {
            topic: server.broker.topic(topic).expect("the topic is there"),
            partition,
            batch: BytesMut::from(&*batch.build().expect("a small batch")),
        }
    });
    // A timestamp of long ago is within the default bounds.
    for result in server.broker.append(batches.collect()).await {
        result.expect("the batch is stored");
    }
}

#[tokio::test]
async fn deleted_records_move_the_low_watermark() {
    use m::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
    let server = Server::start();
    let compacted = NewTopic {
        name: "compacted".to_owned(),
        partitions: Some(1),
        configs: [("cleanup.policy".to_owned(), "compact".to_owned())].into(),
    };
    server.broker.create_topics(vec![compacted], false).await;
    let mut client = server.connect();
    for version in versions(ApiKey::DeleteRecords) {
        let name = format!("t{version}");
        server.create_topic(&name, 4).await;
        for partition in 0..4 {
            fill(&server, &name, partition, 3).await;
        }
        let ask = |topic: &str, partitions: &[(i32, i64)]| DeleteRecordsTopic {
            name: topic.to_owned().into(),
            partitions: partitions
                .iter()
                .map(|(partition_index, offset)| DeleteRecordsPartition {
                    partition_index: *partition_index,
                    offset: *offset,
                })
                .collect(),
        };
        let offsets = &[(0, 2), (1, -1), (2, 4), (3, -2), (4, 0), (-1, 0), (0, 1)];
        let request = m::DeleteRecordsRequest {
            topics: vec![
                ask(&name, offsets),
                ask("missing", &[(0, 0)]),
                ask("compacted", &[(0, 0)]),
            ],
            timeout_ms: 1_000,
        };
        let topics = client.ask(version, request).await.topics;
        let told = |topic: usize| -> Vec<_> {
            let partitions = &topics[topic].partitions;
            let told = |p: &m::delete_records_response::DeleteRecordsPartitionResult| {
                (p.partition_index, p.low_watermark, p.error_code)
            };
            partitions.iter().map(told).collect()
        };
        let out_of_range = code(ErrorCode::OffsetOutOfRange);
        let unknown = code(ErrorCode::UnknownTopicOrPartition);
        assert_eq!(
            told(0),
            [
                (0, 2, OK),
                (1, 3, OK),
                (2, -1, out_of_range),
                (3, -1, out_of_range),
                (4, -1, unknown),
                (-1, -1, unknown),
                // What is gone already stays gone.
                (0, 2, OK),
            ]
        );
        assert_eq!(told(1), [(0, -1, unknown)]);
        assert_eq!(told(2), [(0, -1, code(ErrorCode::PolicyViolation))]);
        let there = server.broker.topic(&name).expect("it stays");
        let starts: Vec<_> = there
            .partitions
            .iter()
            .map(|log| log.start_offset())
            .collect();
        assert_eq!(starts, [2, 3, 0, 0]);
    }
}

/// What DescribeConfigs says about one resource.
async fn describe(
    client: &mut Client,
    version: i16,
    resource_type: i8,
    name: &str,
    keys: Option<&[&str]>,
) -> m::describe_configs_response::DescribeConfigsResult<'static> {
    let keys = keys.map(|keys| {
        keys.iter()
            .map(|key| Str::from((*key).to_owned()))
            .collect()
    });
    let request = m::DescribeConfigsRequest {
        resources: vec![m::describe_configs_request::DescribeConfigsResource {
            resource_type,
            resource_name: name.to_owned().into(),
            configuration_keys: keys,
        }],
        include_synonyms: true,
        include_documentation: version >= 3,
    };
    let mut results = client.ask(version, request).await.results;
    let result = results.pop().expect("one resource, one answer");
    assert!(results.is_empty());
    assert_eq!(result.resource_type, resource_type);
    assert_eq!(result.resource_name, name);
    assert_eq!(result.error_code != OK, result.error_message.is_some());
    result
}

fn find<'a>(
    result: &'a m::describe_configs_response::DescribeConfigsResult<'static>,
    name: &str,
) -> &'a m::describe_configs_response::DescribeConfigsResourceResult<'static> {
    let found = result.configs.iter().find(|config| config.name == *name);
    found.unwrap_or_else(|| panic!("{name} is not described"))
}

fn synonyms<'a>(
    config: &'a m::describe_configs_response::DescribeConfigsResourceResult<'static>,
) -> Vec<(&'a str, &'a str, i8)> {
    let synonyms = config.synonyms.iter();
    synonyms
        .map(|synonym| {
            (
                &*synonym.name,
                synonym.value.as_deref().unwrap_or("null"),
                synonym.source,
            )
        })
        .collect()
}

/// A broker whose operator set something.
fn configured_server() -> Server {
    let defaults = [
        ("retention.ms".to_owned(), "5000".to_owned()),
        ("segment.bytes".to_owned(), "1000000".to_owned()),
    ];
    let options = BrokerOptions {
        default_partitions: 4,
        topic_defaults: Arc::new(defaults.into()),
        ..BrokerOptions::default()
    };
    Server::start_on(SimulatedDisk::new(), options)
}

#[tokio::test]
async fn a_topic_has_every_configuration_with_where_it_comes_from() {
    let server = configured_server();
    let mut client = server.connect();
    let topic = CreatableTopic {
        configs: vec![config("retention.ms", Some("9000"))],
        ..new_topic("t", -1)
    };
    create(&mut client, 7, vec![topic]).await;
    for version in versions(ApiKey::DescribeConfigs) {
        let told = describe(&mut client, version, TOPIC, "t", None).await;
        assert_eq!(told.error_code, OK);
        assert_eq!(told.configs.len(), forebay_broker::topic::CONFIGS.len());
        assert!(
            told.configs
                .iter()
                .all(|config| !config.read_only && !config.is_sensitive)
        );
        let retention = find(&told, "retention.ms");
        assert_eq!(retention.value.as_deref(), Some("9000"));
        assert_eq!(retention.config_source, DYNAMIC_TOPIC);
        assert_eq!(
            synonyms(retention),
            [
                ("retention.ms", "9000", DYNAMIC_TOPIC),
                ("log.retention.ms", "5000", STATIC_BROKER),
                ("log.retention.ms", "604800000", DEFAULT),
            ]
        );
        let segment = find(&told, "segment.bytes");
        assert_eq!(segment.value.as_deref(), Some("1000000"));
        assert_eq!(segment.config_source, STATIC_BROKER);
        let message = find(&told, "max.message.bytes");
        assert_eq!(
            synonyms(message),
            [("message.max.bytes", "1048588", DEFAULT)]
        );
        assert_eq!(message.config_source, DEFAULT);
        let types = [
            "preallocate",
            "compression.type",
            "segment.bytes",
            "retention.ms",
        ]
        .map(|name| find(&told, name).config_type);
        let list = find(&told, "cleanup.policy").config_type;
        let double = find(&told, "min.cleanable.dirty.ratio").config_type;
        if version >= 3 {
            assert_eq!((types, list, double), ([1, 2, 3, 5], 7, 6));
            assert!(
                told.configs
                    .iter()
                    .all(|config| config.documentation.is_some())
            );
        }
        for (keys, count) in [
            (&["retention.ms", "nonsense"][..], 1),
            (&[], told.configs.len()),
            (&["nonsense"], 0),
        ] {
            let told = describe(&mut client, version, TOPIC, "t", Some(keys)).await;
            assert_eq!((told.error_code, told.configs.len()), (OK, count));
        }
    }
}

#[tokio::test]
async fn synonyms_and_documentation_come_only_when_asked_for_and_a_resource_only_once() {
    let server = Server::start();
    server.create_topic("t", 1).await;
    let mut client = server.connect();
    let resource = m::describe_configs_request::DescribeConfigsResource {
        resource_type: TOPIC,
        resource_name: "t".into(),
        configuration_keys: None,
    };
    let request = m::DescribeConfigsRequest {
        resources: vec![resource.clone(), resource],
        include_synonyms: false,
        include_documentation: false,
    };
    let results = client.ask(4, request).await.results;
    assert!(
        results[0]
            .configs
            .iter()
            .all(|config| config.synonyms.is_empty())
    );
    assert!(
        results[0]
            .configs
            .iter()
            .all(|config| config.documentation.is_none())
    );
    assert_eq!(results[1].error_code, code(ErrorCode::InvalidRequest));
    assert!(results[1].configs.is_empty());
}

#[tokio::test]
async fn the_broker_tells_how_it_is_set_and_that_it_cannot_be_changed() {
    let server = configured_server();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeConfigs) {
        for name in ["1", ""] {
            let told = describe(&mut client, version, BROKER, name, None).await;
            assert_eq!(told.error_code, OK);
            assert!(told.configs.iter().all(|config| config.read_only));
            assert!(
                told.configs
                    .is_sorted_by_key(|config| config.name.to_string())
            );
            let of = |name: &str| {
                let config = find(&told, name);
                (
                    config.value.as_deref().unwrap_or("null"),
                    config.config_source,
                )
            };
            assert_eq!(of("num.partitions"), ("4", STATIC_BROKER));
            assert_eq!(of("log.retention.ms"), ("5000", STATIC_BROKER));
            assert_eq!(of("auto.create.topics.enable"), ("true", DEFAULT));
            assert_eq!(of("default.replication.factor"), ("1", DEFAULT));
            assert_eq!(of("offsets.retention.minutes"), ("10080", DEFAULT));
            assert_eq!(of("group.max.session.timeout.ms"), ("1800000", DEFAULT));
            assert_eq!(of("message.max.bytes"), ("1048588", DEFAULT));
            assert_eq!(of("node.id"), ("1", DEFAULT));
            let partitions = synonyms(find(&told, "num.partitions"));
            assert_eq!(
                partitions,
                [
                    ("num.partitions", "4", STATIC_BROKER),
                    ("num.partitions", "1", DEFAULT)
                ]
            );
        }
        let keys = Some(&["num.partitions"][..]);
        let told = describe(&mut client, version, BROKER, "1", keys).await;
        assert_eq!(told.configs.len(), 1);
    }
}

#[tokio::test]
async fn resources_that_are_not_there_or_have_nothing_say_so() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeConfigs) {
        for (kind, name, error) in [
            (TOPIC, "missing", ErrorCode::UnknownTopicOrPartition),
            (TOPIC, "no/name", ErrorCode::InvalidTopicException),
            (TOPIC, "", ErrorCode::InvalidTopicException),
            (BROKER, "2", ErrorCode::InvalidRequest),
            (BROKER, "one", ErrorCode::InvalidRequest),
            (BROKER_LOGGER, "1", ErrorCode::None),
            (BROKER_LOGGER, "2", ErrorCode::InvalidRequest),
            (BROKER_LOGGER, "", ErrorCode::InvalidRequest),
            (CLIENT_METRICS, "any", ErrorCode::None),
            (CLIENT_METRICS, "", ErrorCode::InvalidRequest),
            (GROUP, "any", ErrorCode::None),
            (GROUP, "", ErrorCode::InvalidRequest),
            (0, "t", ErrorCode::InvalidRequest),
            (3, "t", ErrorCode::InvalidRequest),
        ] {
            let told = describe(&mut client, version, kind, name, None).await;
            assert_eq!(told.error_code, code(error), "{kind} `{name}` at {version}");
            assert!(told.configs.is_empty());
        }
    }
}

/// Replaces what is set for a topic; answers the error code.
async fn replace(
    client: &mut Client,
    version: i16,
    topic: &str,
    configs: &[(&str, &str)],
    validate_only: bool,
) -> i16 {
    use m::alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let config = |(name, value): &(&str, &str)| AlterableConfig {
        name: (*name).to_owned().into(),
        value: Some((*value).to_owned().into()).filter(|_| *value != "null"),
    };
    let request = m::AlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: topic.to_owned().into(),
            configs: configs.iter().map(config).collect(),
        }],
        validate_only,
    };
    let [response] = &client.ask(version, request).await.responses[..] else {
        panic!("one resource, one answer");
    };
    assert_eq!(
        (response.resource_type, &*response.resource_name),
        (TOPIC, topic)
    );
    assert_eq!(response.error_code != OK, response.error_message.is_some());
    response.error_code
}

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

/// Changes what is set for a resource; answers the error code.
async fn change(
    client: &mut Client,
    version: i16,
    resource_type: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
    validate_only: bool,
) -> i16 {
    let resource = alteration(resource_type, name, changes);
    let request = m::IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only,
    };
    let [response] = &client.ask(version, request).await.responses[..] else {
        panic!("one resource, one answer");
    };
    assert_eq!(
        (response.resource_type, &*response.resource_name),
        (resource_type, name)
    );
    assert_eq!(response.error_code != OK, response.error_message.is_some());
    response.error_code
}

fn alteration(
    resource_type: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> m::incremental_alter_configs_request::AlterConfigsResource<'static> {
    use m::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let config = |(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: (*name).to_owned().into(),
        config_operation: *config_operation,
        value: value.map(|value| value.to_owned().into()),
    };
    AlterConfigsResource {
        resource_type,
        resource_name: name.to_owned().into(),
        configs: changes.iter().map(config).collect(),
    }
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

/// A page of topics and partitions: names with errors and indexes, and where the next one begins.
type Page = (Vec<(String, i16, Vec<i32>)>, Option<(String, i32)>);

async fn page(client: &mut Client, names: &[&str], limit: i32, from: Option<(&str, i32)>) -> Page {
    use m::describe_topic_partitions_request::{Cursor, TopicRequest};
    let request = m::DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).to_owned().into(),
            })
            .collect(),
        response_partition_limit: limit,
        cursor: from.map(|(name, partition_index)| Cursor {
            topic_name: name.to_owned().into(),
            partition_index,
        }),
    };
    let response = client.ask(0, request).await;
    let topics = response.topics.into_iter().map(|topic| {
        assert!(topic.topic_authorized_operations > 0);
        assert_eq!(topic.topic_id.is_nil(), topic.error_code != OK);
        assert!(
            topic
                .partitions
                .iter()
                .all(|partition| partition.leader_id == 1)
        );
        let indexes = topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index);
        let name = topic
            .name
            .expect("topics are asked for by name")
            .to_string();
        (name, topic.error_code, indexes.collect())
    });
    let next = response.next_cursor;
    let next = next.map(|next| (next.topic_name.to_string(), next.partition_index));
    (topics.collect(), next)
}

#[tokio::test]
async fn partitions_are_described_a_page_at_a_time() {
    let server = Server::start();
    for (name, partitions) in [("b", 3), ("a", 2), ("c", 1)] {
        server.create_topic(name, partitions).await;
    }
    let mut client = server.connect();
    let topic = |name: &str, indexes: &[i32]| (name.to_owned(), OK, indexes.to_vec());
    let next = |name: &str, index| Some((name.to_owned(), index));
    // All, in one page: no topics in the request stand for every topic.
    let everything = vec![
        topic("a", &[0, 1]),
        topic("b", &[0, 1, 2]),
        topic("c", &[0]),
    ];
    for limit in [2_000, i32::MAX, 6] {
        let told = page(&mut client, &[], limit, None).await;
        assert_eq!(told, (everything.clone(), None));
    }
    let told = page(&mut client, &["c", "b", "a", "b"], 100, None).await;
    assert_eq!(told, (everything, None));
    // In pages that end within a topic and between two.
    let first = page(&mut client, &[], 3, None).await;
    assert_eq!(
        first,
        (vec![topic("a", &[0, 1]), topic("b", &[0])], next("b", 1))
    );
    let second = page(&mut client, &[], 2, Some(("b", 1))).await;
    assert_eq!(second, (vec![topic("b", &[1, 2])], next("c", 0)));
    let third = page(&mut client, &[], 2, Some(("c", 0))).await;
    assert_eq!(third, (vec![topic("c", &[0])], None));
    // At least one, or nobody would ever get further.
    for limit in [0, -1, i32::MIN] {
        let told = page(&mut client, &[], limit, None).await;
        assert_eq!(told, (vec![topic("a", &[0])], next("a", 1)));
    }
    // A topic that went away between two pages, or lost partitions by being created again.
    let told = page(&mut client, &[], 9, Some(("bb", 7))).await;
    assert_eq!(told, (vec![topic("c", &[0])], None));
    let told = page(&mut client, &[], 9, Some(("c", i32::MAX))).await;
    assert_eq!(told, (vec![topic("c", &[])], None));
}

#[tokio::test]
async fn topics_that_cannot_be_described_have_an_error() {
    let server = Server::start();
    server.create_topic("there", 1).await;
    let mut client = server.connect();
    let error = |name: &str, error| (name.to_owned(), code(error), Vec::new());
    let names = &["there", "missing", "no/name"];
    let told = page(&mut client, names, 9, None).await;
    let expected = vec![
        error("missing", ErrorCode::UnknownTopicOrPartition),
        error("no/name", ErrorCode::InvalidTopicException),
        ("there".to_owned(), OK, vec![0]),
    ];
    assert_eq!(told, (expected, None));
    // The cursor must be one of the topics, and cannot be before their beginning.
    for cursor in [("other", 0), ("there", -1)] {
        let told = page(&mut client, names, 9, Some(cursor)).await;
        let refused = names.map(|name| error(name, ErrorCode::InvalidRequest));
        assert_eq!(told, (refused.to_vec(), None));
    }
}

#[tokio::test]
async fn an_answer_describes_no_more_partitions_than_the_limit() {
    let server = Server::start();
    server.create_topic("many", 2_001).await;
    let mut client = server.connect();
    let (topics, next) = page(&mut client, &["many"], i32::MAX, None).await;
    assert_eq!(topics[0].2.len(), 2_000);
    assert_eq!(next, Some(("many".to_owned(), 2_000)));
}

#[tokio::test]
async fn the_cluster_is_one_broker() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeCluster) {
        let request = |asked, endpoint_type| m::DescribeClusterRequest {
            include_cluster_authorized_operations: asked,
            endpoint_type,
            include_fenced_brokers: false,
        };
        let told = client.ask(version, request(false, 1)).await;
        assert_eq!((told.error_code, told.controller_id), (OK, 1));
        assert_eq!(told.cluster_id.len(), 22);
        assert_eq!(told.cluster_authorized_operations, i32::MIN);
        let [broker] = &told.brokers[..] else {
            panic!("there is one broker");
        };
        assert_eq!(
            (broker.broker_id, &*broker.host, broker.port),
            (1, "localhost", 9092)
        );
        let told = client.ask(version, request(true, 1)).await;
        assert!(told.cluster_authorized_operations > 0);
        if version >= 1 {
            for (endpoint, error) in [
                (2, ErrorCode::MismatchedEndpointType),
                (3, ErrorCode::UnsupportedEndpointType),
            ] {
                let told = client.ask(version, request(false, endpoint)).await;
                assert_eq!(told.error_code, code(error));
                assert!(told.error_message.is_some() && told.brokers.is_empty());
            }
        }
    }
}

#[tokio::test]
async fn the_log_directory_tells_the_size_of_partitions() {
    use m::describe_log_dirs_request::DescribableLogDirTopic;
    let server = Server::start();
    server.create_topic("full", 2).await;
    server.create_topic("empty", 1).await;
    fill(&server, "full", 1, 5).await;
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeLogDirs) {
        let told =
            |response: m::DescribeLogDirsResponse<'static>| -> Vec<(String, Vec<(i32, bool)>)> {
                assert_eq!(response.error_code, OK);
                let [directory] = &response.results[..] else {
                    panic!("there is one directory");
                };
                assert_eq!(directory.error_code, OK);
                let (total, usable) = (directory.total_bytes, directory.usable_bytes);
                if version >= 4 {
                    assert!(0 < usable && usable <= total, "{usable} of {total} bytes");
                } else {
                    assert_eq!((total, usable), (-1, -1));
                }
                let topics = directory.topics.iter().map(|topic| {
                    let partitions = topic.partitions.iter().map(|partition| {
                        assert_eq!(partition.offset_lag, 0);
                        (partition.partition_index, partition.partition_size > 0)
                    });
                    (topic.name.to_string(), partitions.collect())
                });
                topics.collect()
            };
        let all = m::DescribeLogDirsRequest { topics: None };
        let full = ("full".to_owned(), vec![(0, false), (1, true)]);
        let empty = ("empty".to_owned(), vec![(0, false)]);
        assert_eq!(told(client.ask(version, all).await), [empty, full]);
        let ask = |name: &str, partitions: &[i32]| DescribableLogDirTopic {
            topic: name.to_owned().into(),
            partitions: partitions.to_vec(),
        };
        let some = m::DescribeLogDirsRequest {
            topics: Some(vec![
                ask("full", &[1, 7, -1, 1]),
                ask("missing", &[0]),
                ask("empty", &[]),
            ]),
        };
        let full = ("full".to_owned(), vec![(1, true)]);
        assert_eq!(told(client.ask(version, some).await), [full]);
    }
}

#[tokio::test]
async fn the_one_epoch_ends_where_the_log_does() {
    use m::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    let server = Server::start();
    server.create_topic("t", 1).await;
    fill(&server, "t", 0, 3).await;
    let mut client = server.connect();
    for version in versions(ApiKey::OffsetForLeaderEpoch) {
        for (topic, partition, current, epoch, expected) in [
            ("t", 0, 0, 0, (OK, 0, 3)),
            ("t", 0, -1, 0, (OK, 0, 3)),
            ("t", 0, 0, 1, (OK, -1, -1)),
            ("t", 0, -1, -1, (OK, -1, -1)),
            ("t", 0, 1, 0, (code(ErrorCode::UnknownLeaderEpoch), -1, -1)),
            ("t", 0, -2, 0, (code(ErrorCode::FencedLeaderEpoch), -1, -1)),
            (
                "t",
                1,
                0,
                0,
                (code(ErrorCode::UnknownTopicOrPartition), -1, -1),
            ),
            (
                "missing",
                0,
                0,
                0,
                (code(ErrorCode::UnknownTopicOrPartition), -1, -1),
            ),
        ] {
            let asked = OffsetForLeaderPartition {
                partition,
                current_leader_epoch: current,
                leader_epoch: epoch,
            };
            let request = m::OffsetForLeaderEpochRequest {
                replica_id: -1,
                topics: vec![OffsetForLeaderTopic {
                    topic: topic.into(),
                    partitions: vec![asked],
                }],
            };
            let told = client.ask(version, request).await;
            let end = &told.topics[0].partitions[0];
            let end = (end.error_code, end.leader_epoch, end.end_offset);
            assert_eq!(
                end, expected,
                "{topic} {partition} {current} {epoch} at {version}"
            );
        }
    }
}

#[tokio::test]
async fn resources_with_configurations_are_listed_by_type() {
    let server = Server::start();
    server.create_topic("b", 1).await;
    server.create_topic("a", 1).await;
    let mut client = server.connect();
    let mut list = async |version, types: &[i8]| {
        let request = m::ListConfigResourcesRequest {
            resource_types: types.to_vec(),
        };
        let told = client.ask(version, request).await;
        let resources = told.config_resources.into_iter();
        let resources = resources.map(|told| (told.resource_type, told.resource_name.to_string()));
        (told.error_code, resources.collect::<Vec<_>>())
    };
    assert_eq!(versions(ApiKey::ListConfigResources), 0..=1);
    assert_eq!(list(0, &[]).await, (OK, Vec::new()));
    let topics = vec![(TOPIC, "a".to_owned()), (TOPIC, "b".to_owned())];
    assert_eq!(list(1, &[TOPIC]).await, (OK, topics.clone()));
    let broker = (BROKER, "1".to_owned());
    let logger = (BROKER_LOGGER, "1".to_owned());
    assert_eq!(list(1, &[BROKER]).await, (OK, vec![broker.clone()]));
    assert_eq!(list(1, &[GROUP, CLIENT_METRICS]).await, (OK, Vec::new()));
    let all = [topics, vec![broker, logger]].concat();
    assert_eq!(list(1, &[]).await, (OK, all));
    let unsupported = (code(ErrorCode::UnsupportedVersion), Vec::new());
    assert_eq!(list(1, &[TOPIC, 3]).await, unsupported);
}

#[tokio::test]
async fn a_stopped_broker_sends_clients_to_look_for_the_controller() {
    let mut server = Server::start();
    server.create_topic("t", 1).await;
    let mut client = server.connect();
    server.stop();
    let moved = code(ErrorCode::NotController);
    let created = create(&mut client, 7, vec![new_topic("new", 1)]).await;
    assert_eq!(created[0].error_code, moved);
    let deleted = delete(&mut client, 6, vec![(Some("t"), Uuid::nil())]).await;
    assert_eq!(deleted[0].2, moved);
    let grown = add_partitions(&mut client, 3, &[("t", 2, None)], false).await;
    assert_eq!(grown[0].1, moved);
    let altered = replace(&mut client, 2, "t", &[("retention.ms", "1")], false).await;
    assert_eq!(altered, moved);
    let changes = [("retention.ms", 0, Some("1"))];
    let changed = change(&mut client, 1, TOPIC, "t", &changes, false).await;
    assert_eq!(changed, moved);
}
