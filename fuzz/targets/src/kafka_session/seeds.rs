//! What is on the disk when a session begins, and what a client may sensibly say.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay_broker::NewTopic;
use forebay_broker::storage::SimulatedDisk;
use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{Request, api};
use forebay_kafka::served_apis;
use forebay_record::{BatchBuilder, Compression, ProducerStamp};
use uuid::Uuid;

use crate::broker_state::Remembered;
use crate::disk::journal_of;
use crate::kafka_messages;
use crate::world::{self, World};

/// A topic, a compacted one, a group, an id that is nobody's. Short, so that they are found.
const TOPIC: &str = "t";
const COMPACTED: &str = "c";
const GROUP: &str = "g";
/// The id of the first member: the client's name, and the second thing that is random in a session.
const MEMBER: &str = "m-00000000-0000-0000-0000-000000000002";

/// A disk with topics.
pub(super) fn disk() -> SimulatedDisk {
    let real = SimulatedDisk::new();
    world::run(async {
        let mut world = World::open(real.clone());
        let compacted = [("cleanup.policy".to_owned(), "compact".to_owned())];
        let topics = [(TOPIC, BTreeMap::new()), (COMPACTED, compacted.into())];
        let topics = topics.map(|(name, configs)| NewTopic {
            name: name.to_owned(),
            partitions: Some(2),
            configs,
        });
        let broker = world.broker.clone();
        let created = broker.create_topics(topics.into(), false);
        for created in world.drive(created).await {
            created.expect("the topic is new");
        }
        world.stop().await;
    });
    let state = Remembered::of(&real).state;
    journal_of(state.as_deref(), &[])
}

/// A disk on which groups, topics and configurations came and went, and which was then stopped in
/// good order or just left.
pub(crate) fn grown_disk(stopped: bool) -> SimulatedDisk {
    world::run(async {
        let disk = SimulatedDisk::new();
        let mut world = World::open(disk.clone());
        let [_, groups, produced, created, deleted] =
            <[_; 5]>::try_from(conversations(5)).unwrap_or_else(|_| unreachable!("there are five"));
        for conversation in [created, produced, groups, deleted] {
            let frames: Vec<_> = conversation.into_iter().flatten().collect();
            world.connection(frames.concat()).await;
        }
        if stopped {
            world.stop().await;
        }
        disk.after_kill()
    })
}

/// Questions about everything that a broker may remember, and a few changes.
pub(crate) fn questions() -> Vec<u8> {
    let everything = MetadataRequest {
        topics: None,
        ..Default::default()
    };
    let offsets = OffsetFetchRequest {
        group_id: GROUP.into(),
        topics: None,
        ..Default::default()
    };
    let mut frames = vec![frame(5, &everything), frame(5, &offsets)];
    frames.extend(conversations(5).into_iter().flatten());
    frames.into_iter().flatten().collect::<Vec<_>>().concat()
}

/// Sequences of requests, and a made-up one of every kind.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for version in 0..=18 {
        for conversation in conversations(version) {
            let frames: Vec<_> = conversation.into_iter().flatten().collect();
            if !frames.is_empty() {
                seeds.push([&[0], &frames.concat()[..]].concat());
            }
        }
    }
    for served in served_apis() {
        for version in [*served.served.start(), *served.served.end()] {
            let made_up = kafka_messages::request_frame(served.key, version);
            let length = u16::try_from(made_up.len()).expect("it is short");
            seeds.push([&[1], &length.to_be_bytes()[..], &made_up].concat());
        }
    }
    seeds.sort();
    seeds.dedup();
    seeds
}

/// What clients say, one request after another; none where the version does not have it.
fn conversations(version: i16) -> Vec<Vec<Option<Bytes>>> {
    vec![
        vec![
            frame(version, &ApiVersionsRequest::default()),
            frame(version, &metadata()),
            frame(
                version,
                &FindCoordinatorRequest {
                    key: GROUP.into(),
                    ..Default::default()
                },
            ),
        ],
        vec![
            frame(version, &produce(TOPIC, Compression::Lz4)),
            frame(version, &produce(COMPACTED, Compression::Gzip)),
            frame(version, &fetch(0)),
            frame(version, &fetch(0)),
            frame(version, &list_offsets()),
        ],
        vec![
            frame(version, &join()),
            frame(version, &sync()),
            frame(
                version,
                &HeartbeatRequest {
                    group_id: GROUP.into(),
                    generation_id: 1,
                    member_id: MEMBER.into(),
                    ..Default::default()
                },
            ),
            frame(version, &commit()),
            frame(
                version,
                &DescribeGroupsRequest {
                    groups: vec![GROUP.into()],
                    ..Default::default()
                },
            ),
            frame(
                version,
                &LeaveGroupRequest {
                    group_id: GROUP.into(),
                    member_id: MEMBER.into(),
                    ..Default::default()
                },
            ),
        ],
        vec![
            frame(version, &create_topics()),
            frame(version, &configs()),
            frame(
                version,
                &DescribeConfigsRequest {
                    resources: vec![describe_configs_request::DescribeConfigsResource {
                        resource_type: 2,
                        resource_name: TOPIC.into(),
                        configuration_keys: None,
                    }],
                    ..Default::default()
                },
            ),
            frame(
                version,
                &DeleteTopicsRequest {
                    topic_names: vec![TOPIC.into()],
                    ..Default::default()
                },
            ),
        ],
        vec![
            frame(
                version,
                &InitProducerIdRequest {
                    producer_id: -1,
                    producer_epoch: -1,
                    ..Default::default()
                },
            ),
            frame(version, &delete_records()),
            frame(version, &ListGroupsRequest::default()),
            frame(version, &DescribeLogDirsRequest { topics: None }),
        ],
    ]
}

/// None when the version does not have the request, or not in this form.
fn frame<'a, R: Request<'a>>(version: i16, request: &R) -> Option<Bytes> {
    let frame = api::encode_request(version, version.into(), Some("m"), request);
    frame.ok().map(|frame| frame.into_bytes())
}

fn batch(codec: Compression) -> Bytes {
    let producer = ProducerStamp {
        id: 1,
        epoch: 0,
        base_sequence: 0,
    };
    let mut builder = BatchBuilder::new().compression(codec).producer(producer);
    for key in [b"a", b"b", b"a"] {
        let added = builder.add(1_700_000_000_000, Some(key), Some(b"value"), &[]);
        added.expect("a record fits");
    }
    builder.build().expect("a record fits")
}

fn produce(topic: &str, codec: Compression) -> ProduceRequest<'_> {
    let partition = |index| produce_request::PartitionProduceData {
        index,
        records: Some(batch(codec).into()),
    };
    ProduceRequest {
        acks: -1,
        timeout_ms: 1000,
        topic_data: vec![produce_request::TopicProduceData {
            name: topic.into(),
            topic_id: Uuid::from_u128(2),
            partition_data: vec![partition(0), partition(1)],
        }],
        ..Default::default()
    }
}

fn fetch(offset: i64) -> FetchRequest<'static> {
    let partition = |partition| fetch_request::FetchPartition {
        partition,
        current_leader_epoch: -1,
        fetch_offset: offset,
        partition_max_bytes: 1000,
        ..Default::default()
    };
    FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes: 10_000,
        topics: vec![fetch_request::FetchTopic {
            topic: TOPIC.into(),
            topic_id: Uuid::from_u128(2),
            partitions: vec![partition(0), partition(1)],
        }],
        ..Default::default()
    }
}

fn metadata() -> MetadataRequest<'static> {
    MetadataRequest {
        topics: Some(vec![metadata_request::MetadataRequestTopic {
            topic_id: Uuid::nil(),
            name: Some("new".into()),
        }]),
        allow_auto_topic_creation: true,
        ..Default::default()
    }
}

fn list_offsets() -> ListOffsetsRequest<'static> {
    let at = |timestamp| list_offsets_request::ListOffsetsPartition {
        partition_index: 0,
        current_leader_epoch: -1,
        timestamp,
    };
    ListOffsetsRequest {
        replica_id: -1,
        topics: vec![list_offsets_request::ListOffsetsTopic {
            name: TOPIC.into(),
            partitions: [-1, -2, -3, 1_700_000_000_000].map(at).into(),
        }],
        ..Default::default()
    }
}

fn join() -> JoinGroupRequest<'static> {
    JoinGroupRequest {
        group_id: GROUP.into(),
        session_timeout_ms: 10_000,
        rebalance_timeout_ms: 10_000,
        protocol_type: "consumer".into(),
        protocols: vec![join_group_request::JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: b"\0\x01\0\0\0\x01\0\x01t\0\0\0\0"[..].into(),
        }],
        ..Default::default()
    }
}

fn sync() -> SyncGroupRequest<'static> {
    SyncGroupRequest {
        group_id: GROUP.into(),
        generation_id: 1,
        member_id: MEMBER.into(),
        assignments: vec![sync_group_request::SyncGroupRequestAssignment {
            member_id: MEMBER.into(),
            assignment: b"all"[..].into(),
        }],
        ..Default::default()
    }
}

fn commit() -> OffsetCommitRequest<'static> {
    OffsetCommitRequest {
        group_id: GROUP.into(),
        generation_id_or_member_epoch: 1,
        member_id: MEMBER.into(),
        topics: vec![offset_commit_request::OffsetCommitRequestTopic {
            name: TOPIC.into(),
            topic_id: Uuid::from_u128(2),
            partitions: vec![offset_commit_request::OffsetCommitRequestPartition {
                committed_offset: 1,
                ..Default::default()
            }],
        }],
        ..Default::default()
    }
}

fn create_topics() -> CreateTopicsRequest<'static> {
    CreateTopicsRequest {
        topics: vec![create_topics_request::CreatableTopic {
            name: "n".into(),
            num_partitions: 2,
            replication_factor: 1,
            configs: vec![create_topics_request::CreatableTopicConfig {
                name: "retention.ms".into(),
                value: Some("1".into()),
            }],
            ..Default::default()
        }],
        timeout_ms: 1000,
        ..Default::default()
    }
}

fn configs() -> IncrementalAlterConfigsRequest<'static> {
    IncrementalAlterConfigsRequest {
        resources: vec![incremental_alter_configs_request::AlterConfigsResource {
            resource_type: 2,
            resource_name: TOPIC.into(),
            configs: vec![incremental_alter_configs_request::AlterableConfig {
                name: "max.message.bytes".into(),
                config_operation: 0,
                value: Some("100".into()),
            }],
        }],
        ..Default::default()
    }
}

fn delete_records() -> DeleteRecordsRequest<'static> {
    DeleteRecordsRequest {
        topics: vec![delete_records_request::DeleteRecordsTopic {
            name: TOPIC.into(),
            partitions: vec![delete_records_request::DeleteRecordsPartition {
                partition_index: 0,
                offset: 2,
            }],
        }],
        ..Default::default()
    }
}
