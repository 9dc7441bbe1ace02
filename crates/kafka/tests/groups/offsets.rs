//! Committing, reading and deleting offsets.

use forebay_kafka::protocol::generated::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay_kafka::protocol::generated::offset_delete_request::{
    OffsetDeleteRequestPartition, OffsetDeleteRequestTopic,
};
use forebay_kafka::protocol::generated::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use forebay_kafka::protocol::generated::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetDeleteRequest, OffsetFetchRequest,
};
use forebay_kafka::protocol::{ApiKey, ErrorCode, Str};
use uuid::Uuid;

use crate::code;
use crate::member::Member;
use crate::support::{Client, Server, versions};

/// A topic as a test names it: by name and by id, whichever the version wants.
type Topic = (&'static str, Uuid);

/// A commit of one partition without a group's membership.
fn commit(
    version: i16,
    group: &str,
    topic: Topic,
    partition: OffsetCommitRequestPartition<'static>,
) -> OffsetCommitRequest<'static> {
    OffsetCommitRequest {
        group_id: group.to_owned().into(),
        topics: vec![commit_topic(version, topic, vec![partition])],
        ..OffsetCommitRequest::default()
    }
}

fn commit_topic(
    version: i16,
    (name, id): Topic,
    partitions: Vec<OffsetCommitRequestPartition<'static>>,
) -> OffsetCommitRequestTopic<'static> {
    OffsetCommitRequestTopic {
        name: if version <= 9 {
            name.into()
        } else {
            Str::default()
        },
        topic_id: if version >= 10 { id } else { Uuid::nil() },
        partitions,
    }
}

fn offset(partition_index: i32, committed_offset: i64) -> OffsetCommitRequestPartition<'static> {
    OffsetCommitRequestPartition {
        partition_index,
        committed_offset,
        committed_metadata: Some("noted".into()),
        ..OffsetCommitRequestPartition::default()
    }
}

fn codes(answer: &OffsetCommitResponse<'_>) -> Vec<Vec<(i32, ErrorCode)>> {
    let topics = answer.topics.iter();
    topics
        .map(|topic| {
            let partitions = topic.partitions.iter();
            partitions
                .map(|partition| (partition.partition_index, code(partition.error_code)))
                .collect()
        })
        .collect()
}

/// One partition of an answer to a fetch, whatever its version.
#[derive(Clone, Debug, PartialEq)]
struct Fetched {
    topic: String,
    topic_id: Uuid,
    partition: i32,
    offset: i64,
    leader_epoch: i32,
    metadata: String,
    error: ErrorCode,
}

impl Fetched {
    /// What is told of a partition without an offset.
    fn nothing(version: i16, topic: Topic, partition: i32) -> Self {
        Self {
            topic: if version < 10 { topic.0 } else { "" }.to_owned(),
            topic_id: if version < 10 { Uuid::nil() } else { topic.1 },
            partition,
            offset: -1,
            leader_epoch: -1,
            metadata: String::new(),
            error: ErrorCode::None,
        }
    }
}

/// Fetches offsets of one group: of partitions, or of all there are.
async fn fetch(
    client: &mut Client,
    version: i16,
    group: &str,
    topics: Option<&[(Topic, &[i32])]>,
) -> Vec<Fetched> {
    let group_id = Str::from(group.to_owned());
    if version < 8 {
        let topic = |((name, _), indexes): &(Topic, &[i32])| OffsetFetchRequestTopic {
            name: (*name).into(),
            partition_indexes: indexes.to_vec(),
        };
        let request = OffsetFetchRequest {
            group_id,
            topics: topics.map(|topics| topics.iter().map(topic).collect()),
            require_stable: version >= 7,
            ..OffsetFetchRequest::default()
        };
        let answer = client.ask(version, request).await;
        assert_eq!(code(answer.error_code), ErrorCode::None);
        assert!(answer.groups.is_empty());
        let fetched = answer.topics.into_iter().flat_map(|topic| {
            let name = topic.name;
            topic.partitions.into_iter().map(move |partition| Fetched {
                topic: name.to_string(),
                topic_id: Uuid::nil(),
                partition: partition.partition_index,
                offset: partition.committed_offset,
                leader_epoch: partition.committed_leader_epoch,
                metadata: partition.metadata.expect("never null").to_string(),
                error: code(partition.error_code),
            })
        });
        return fetched.collect();
    }
    let topic = |((name, id), indexes): &(Topic, &[i32])| OffsetFetchRequestTopics {
        name: if version <= 9 {
            (*name).into()
        } else {
            Str::default()
        },
        topic_id: if version >= 10 { *id } else { Uuid::nil() },
        partition_indexes: indexes.to_vec(),
    };
    let request = OffsetFetchRequest {
        groups: vec![OffsetFetchRequestGroup {
            group_id: group_id.clone(),
            topics: topics.map(|topics| topics.iter().map(topic).collect()),
            ..OffsetFetchRequestGroup::default()
        }],
        require_stable: true,
        ..OffsetFetchRequest::default()
    };
    let mut answer = client.ask(version, request).await;
    assert!(answer.topics.is_empty());
    let group = answer.groups.remove(0);
    assert_eq!(group.group_id, group_id);
    assert_eq!(code(group.error_code), ErrorCode::None);
    let fetched = group.topics.into_iter().flat_map(|topic| {
        let (name, topic_id) = (topic.name, topic.topic_id);
        topic.partitions.into_iter().map(move |partition| Fetched {
            topic: name.to_string(),
            topic_id,
            partition: partition.partition_index,
            offset: partition.committed_offset,
            leader_epoch: partition.committed_leader_epoch,
            metadata: partition.metadata.expect("never null").to_string(),
            error: code(partition.error_code),
        })
    });
    fetched.collect()
}

#[tokio::test]
async fn what_is_committed_at_any_version_is_read_at_any_other() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 3).await);
    let mut client = server.connect();
    for written in versions(ApiKey::OffsetCommit) {
        let group = format!("written-{written}");
        let mut partition = offset(2, 40 + i64::from(written));
        partition.committed_leader_epoch = if written >= 6 { 0 } else { -1 };
        let answer = client.ask(written, commit(written, &group, orders, partition));
        assert_eq!(codes(&answer.await), [[(2, ErrorCode::None)]]);
        for read in versions(ApiKey::OffsetFetch) {
            let expected = Fetched {
                offset: 40 + i64::from(written),
                leader_epoch: if written >= 6 && read >= 5 { 0 } else { -1 },
                metadata: "noted".to_owned(),
                ..Fetched::nothing(read, orders, 2)
            };
            let nothing = Fetched::nothing(read, orders, 0);
            let topics: &[(Topic, &[i32])] = &[(orders, &[2, 0])];
            let fetched = fetch(&mut client, read, &group, Some(topics)).await;
            assert_eq!(fetched, [expected.clone(), nothing], "{written}, {read}");
            if read >= 2 {
                let all = fetch(&mut client, read, &group, None).await;
                assert_eq!(all, [expected], "{written}, {read}");
            }
        }
    }
}

#[tokio::test]
async fn a_commit_outlives_a_restart_of_the_broker() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 1).await);
    let mut client = server.connect();
    let answer = client.ask(9, commit(9, "readers", orders, offset(0, 5)));
    assert_eq!(codes(&answer.await), [[(0, ErrorCode::None)]]);
    let server = server.restart();
    let all = fetch(&mut server.connect(), 9, "readers", None).await;
    assert_eq!((all.len(), all[0].offset), (1, 5));
}

#[tokio::test]
async fn partitions_that_are_not_there_do_not_keep_the_others_from_being_committed() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 2).await);
    let unknown = ("unknown", Uuid::from_u128(7));
    let mut client = server.connect();
    for version in versions(ApiKey::OffsetCommit) {
        let group = format!("partly-{version}");
        let request = OffsetCommitRequest {
            group_id: group.clone().into(),
            topics: vec![
                commit_topic(version, unknown, vec![offset(0, 1)]),
                commit_topic(
                    version,
                    orders,
                    vec![offset(1, 2), offset(9, 3), offset(-1, 4), offset(0, 5)],
                ),
                commit_topic(version, unknown, vec![]),
            ],
            ..OffsetCommitRequest::default()
        };
        let answer = client.ask(version, request).await;
        use ErrorCode::{None as Done, UnknownTopicId, UnknownTopicOrPartition};
        let missing = if version >= 10 {
            UnknownTopicId
        } else {
            UnknownTopicOrPartition
        };
        let expected = [
            vec![(0, missing)],
            vec![
                (1, Done),
                (9, UnknownTopicOrPartition),
                (-1, UnknownTopicOrPartition),
                (0, Done),
            ],
            vec![],
        ];
        assert_eq!(codes(&answer), expected, "{version}");
        let names: Vec<_> = answer
            .topics
            .iter()
            .map(|topic| topic.name.as_str())
            .collect();
        let ids: Vec<_> = answer.topics.iter().map(|topic| topic.topic_id).collect();
        if version >= 10 {
            assert_eq!(ids, [unknown.1, orders.1, unknown.1]);
        } else {
            assert_eq!(names, ["unknown", "orders", "unknown"]);
        }
        let all = fetch(&mut client, 9, &group, None).await;
        let offsets: Vec<_> = all.iter().map(|at| (at.partition, at.offset)).collect();
        assert_eq!(offsets, [(0, 5), (1, 2)]);
    }
}

#[tokio::test]
async fn metadata_may_be_null_and_may_not_be_huge() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 2).await);
    let mut client = server.connect();
    for version in versions(ApiKey::OffsetCommit) {
        let mut request = commit(version, "noted", orders, offset(0, 1));
        request.topics[0].partitions.push(offset(1, 2));
        request.topics[0].partitions[0].committed_metadata = Some("x".repeat(4_097).into());
        request.topics[0].partitions[1].committed_metadata = None;
        let answer = client.ask(version, request).await;
        let expected = [[(0, ErrorCode::OffsetMetadataTooLarge), (1, ErrorCode::None)]];
        assert_eq!(codes(&answer), expected);
        let all = fetch(&mut client, 9, "noted", None).await;
        assert_eq!(all.len(), 1);
        assert_eq!((all[0].offset, all[0].metadata.as_str()), (2, ""));
    }
}

#[tokio::test]
async fn a_member_commits_in_its_generation_only() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 1).await);
    let mut member = Member::of(&server, "readers", &["orders"]).await;
    for version in versions(ApiKey::OffsetCommit) {
        let of_member = OffsetCommitRequest {
            generation_id_or_member_epoch: member.generation,
            member_id: member.id.clone(),
            ..commit(version, "readers", orders, offset(0, 1))
        };
        let late = OffsetCommitRequest {
            generation_id_or_member_epoch: 0,
            ..of_member.clone()
        };
        let stranger = commit(version, "readers", orders, offset(0, 1));
        let nowhere = OffsetCommitRequest {
            group_id: "nowhere".into(),
            ..of_member.clone()
        };
        let nameless = OffsetCommitRequest {
            group_id: "".into(),
            ..of_member.clone()
        };
        let missing = if version >= 9 {
            ErrorCode::GroupIdNotFound
        } else {
            ErrorCode::IllegalGeneration
        };
        for (request, expected) in [
            (of_member, ErrorCode::None),
            (late, ErrorCode::IllegalGeneration),
            (stranger, ErrorCode::UnknownMemberId),
            (nowhere, missing),
            (nameless, ErrorCode::InvalidGroupId),
        ] {
            let answer = member.client.ask(version, request).await;
            assert_eq!(codes(&answer), [[(0, expected)]], "{version}");
        }
    }
}

#[tokio::test]
async fn nothing_is_known_of_what_is_not_there() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 1).await);
    let unknown = ("unknown", Uuid::from_u128(7));
    let mut client = server.connect();
    let answer = client
        .ask(9, commit(9, "readers", orders, offset(0, 5)))
        .await;
    assert_eq!(codes(&answer), [[(0, ErrorCode::None)]]);
    for version in versions(ApiKey::OffsetFetch) {
        let topics: &[(Topic, &[i32])] = &[(unknown, &[0]), (orders, &[3, -1])];
        let of_unknown = Fetched {
            error: if version >= 10 {
                ErrorCode::UnknownTopicId
            } else {
                ErrorCode::None
            },
            ..Fetched::nothing(version, unknown, 0)
        };
        let expected = [
            of_unknown,
            Fetched::nothing(version, orders, 3),
            Fetched::nothing(version, orders, -1),
        ];
        for group in ["readers", "nowhere", ""] {
            let fetched = fetch(&mut client, version, group, Some(topics)).await;
            assert_eq!(fetched, expected, "{version}, {group}");
        }
        if version >= 2 {
            assert_eq!(fetch(&mut client, version, "nowhere", None).await, []);
            assert_eq!(fetch(&mut client, version, "", None).await, []);
        }
        if version < 10 {
            let topics: &[(Topic, &[i32])] = &[(("no topic!", Uuid::nil()), &[0])];
            let fetched = fetch(&mut client, version, "readers", Some(topics)).await;
            assert_eq!(fetched[0].offset, -1);
            assert_eq!(fetched[0].error, ErrorCode::None);
        }
    }
}

#[tokio::test]
async fn several_groups_are_read_at_once_since_version_8() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 1).await);
    let mut client = server.connect();
    for (group, at) in [("first", 1), ("second", 2)] {
        client.ask(9, commit(9, group, orders, offset(0, at))).await;
    }
    for version in 8..=*versions(ApiKey::OffsetFetch).end() {
        let group = |group_id: &'static str| OffsetFetchRequestGroup {
            group_id: group_id.into(),
            topics: None,
            ..OffsetFetchRequestGroup::default()
        };
        let request = OffsetFetchRequest {
            groups: vec![group("second"), group("none"), group("first")],
            ..OffsetFetchRequest::default()
        };
        let answer = client.ask(version, request).await;
        let offsets: Vec<_> = answer
            .groups
            .iter()
            .map(|group| {
                let partition = group.topics.first().map(|topic| &topic.partitions[0]);
                let offset = partition.map(|partition| partition.committed_offset);
                (group.group_id.as_str(), offset)
            })
            .collect();
        assert_eq!(
            offsets,
            [("second", Some(2)), ("none", None), ("first", Some(1))]
        );
    }
}

#[tokio::test]
async fn offsets_of_topics_that_nobody_consumes_can_be_deleted() {
    let server = Server::start();
    let orders = ("orders", server.create_topic("orders", 2).await);
    let bills = ("bills", server.create_topic("bills", 1).await);
    let mut member = Member::of(&server, "readers", &["bills"]).await;
    for (topic, partition) in [(orders, 0), (orders, 1), (bills, 0)] {
        let request = OffsetCommitRequest {
            generation_id_or_member_epoch: member.generation,
            member_id: member.id.clone(),
            ..commit(9, "readers", topic, offset(partition, 1))
        };
        let answer = member.client.ask(9, request).await;
        assert_eq!(codes(&answer), [[(partition, ErrorCode::None)]]);
    }
    let topic = |name: &'static str, indexes: &[i32]| OffsetDeleteRequestTopic {
        name: name.into(),
        partitions: indexes
            .iter()
            .map(|&partition_index| OffsetDeleteRequestPartition { partition_index })
            .collect(),
    };
    let request = OffsetDeleteRequest {
        group_id: "readers".into(),
        topics: vec![
            topic("unknown", &[0]),
            topic("orders", &[5, 1]),
            topic("bills", &[0]),
        ],
    };
    let answer = member.client.ask(0, request.clone()).await;
    assert_eq!(code(answer.error_code), ErrorCode::None);
    let results: Vec<_> = answer
        .topics
        .iter()
        .flat_map(|topic| {
            let partitions = topic.partitions.iter();
            partitions.map(|partition| {
                let index = partition.partition_index;
                (topic.name.as_str(), index, code(partition.error_code))
            })
        })
        .collect();
    let expected = [
        ("unknown", 0, ErrorCode::UnknownTopicOrPartition),
        ("orders", 5, ErrorCode::UnknownTopicOrPartition),
        ("orders", 1, ErrorCode::None),
        ("bills", 0, ErrorCode::GroupSubscribedToTopic),
    ];
    assert_eq!(results, expected);
    let all = fetch(&mut member.client, 9, "readers", None).await;
    let left: Vec<_> = all
        .iter()
        .map(|at| (at.topic.as_str(), at.partition))
        .collect();
    assert_eq!(left, [("bills", 0), ("orders", 0)]);

    for (group, expected) in [
        ("nowhere", ErrorCode::GroupIdNotFound),
        ("", ErrorCode::InvalidGroupId),
    ] {
        let request = OffsetDeleteRequest {
            group_id: group.into(),
            ..request.clone()
        };
        let answer = member.client.ask(0, request).await;
        assert_eq!(code(answer.error_code), expected);
        assert!(answer.topics.is_empty());
    }
}
