//! A broker that has stopped while its connections have not: clients are told to come back.

use forebay_kafka::protocol::generated::leave_group_request::MemberIdentity;
use forebay_kafka::protocol::generated::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use forebay_kafka::protocol::generated::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic,
};
use forebay_kafka::protocol::generated::{
    DeleteGroupsRequest, DescribeGroupsRequest, HeartbeatRequest, JoinGroupRequest,
    LeaveGroupRequest, ListGroupsRequest, OffsetCommitRequest, OffsetDeleteRequest,
    OffsetFetchRequest, SyncGroupRequest,
};
use forebay_kafka::protocol::{ApiKey, ErrorCode, Str};

use crate::code;
use crate::support::{Client, Server, versions};

const GROUP: Str<'static> = Str::Borrowed("readers");

async fn stopped() -> (Server, Client) {
    let mut server = Server::start();
    server.create_topic("orders", 1).await;
    let client = server.connect();
    server.stop();
    (server, client)
}

#[tokio::test]
async fn members_are_told_to_find_their_coordinator_again() {
    let (_server, mut client) = stopped().await;
    let mut codes = Vec::new();
    for version in versions(ApiKey::JoinGroup) {
        let request = JoinGroupRequest {
            group_id: GROUP,
            member_id: "member".into(),
            ..JoinGroupRequest::default()
        };
        let answer = client.ask(version, request).await;
        assert_eq!(answer.member_id, "member");
        codes.push(answer.error_code);
    }
    for version in versions(ApiKey::SyncGroup) {
        let request = SyncGroupRequest {
            group_id: GROUP,
            protocol_type: (version >= 5).then(Str::default),
            protocol_name: (version >= 5).then(Str::default),
            ..SyncGroupRequest::default()
        };
        codes.push(client.ask(version, request).await.error_code);
    }
    for version in versions(ApiKey::Heartbeat) {
        let request = HeartbeatRequest {
            group_id: GROUP,
            ..HeartbeatRequest::default()
        };
        codes.push(client.ask(version, request).await.error_code);
    }
    for version in versions(ApiKey::LeaveGroup) {
        let request = LeaveGroupRequest {
            group_id: GROUP,
            members: match version {
                ..3 => Vec::new(),
                _ => vec![MemberIdentity::default()],
            },
            ..LeaveGroupRequest::default()
        };
        codes.push(client.ask(version, request).await.error_code);
    }
    codes.dedup();
    assert_eq!(codes, [ErrorCode::CoordinatorNotAvailable as i16]);
}

#[tokio::test]
async fn operators_are_told_for_each_group() {
    let (_server, mut client) = stopped().await;
    let mut codes = Vec::new();
    for version in versions(ApiKey::DescribeGroups) {
        let request = DescribeGroupsRequest {
            groups: vec![GROUP],
            ..DescribeGroupsRequest::default()
        };
        codes.push(client.ask(version, request).await.groups[0].error_code);
    }
    for version in versions(ApiKey::DeleteGroups) {
        let request = DeleteGroupsRequest {
            groups_names: vec![GROUP],
        };
        codes.push(client.ask(version, request).await.results[0].error_code);
    }
    for version in versions(ApiKey::ListGroups) {
        let answer = client.ask(version, ListGroupsRequest::default()).await;
        codes.push(answer.error_code);
    }
    let request = OffsetDeleteRequest {
        group_id: GROUP,
        ..OffsetDeleteRequest::default()
    };
    codes.push(client.ask(0, request).await.error_code);
    codes.dedup();
    assert_eq!(codes, [ErrorCode::CoordinatorNotAvailable as i16]);
}

#[tokio::test]
async fn a_commit_is_refused_partition_by_partition() {
    let (server, mut client) = stopped().await;
    let id = server.broker.topic("orders").unwrap().id;
    for version in versions(ApiKey::OffsetCommit) {
        let request = OffsetCommitRequest {
            group_id: GROUP,
            topics: vec![OffsetCommitRequestTopic {
                name: "orders".into(),
                topic_id: id,
                partitions: vec![OffsetCommitRequestPartition::default()],
            }],
            ..OffsetCommitRequest::default()
        };
        let answer = client.ask(version, request).await;
        let error = code(answer.topics[0].partitions[0].error_code);
        assert_eq!(error, ErrorCode::CoordinatorNotAvailable);
    }
}

/// Java consumers before 3.9 give up on any other code here.
#[tokio::test]
async fn a_fetch_of_offsets_is_sent_to_find_its_coordinator_again() {
    let (_server, mut client) = stopped().await;
    for version in versions(ApiKey::OffsetFetch) {
        let request = if version < 8 {
            OffsetFetchRequest {
                group_id: GROUP,
                topics: Some(vec![OffsetFetchRequestTopic {
                    name: "orders".into(),
                    partition_indexes: vec![0],
                }]),
                ..OffsetFetchRequest::default()
            }
        } else {
            OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: GROUP,
                    topics: None,
                    ..OffsetFetchRequestGroup::default()
                }],
                ..OffsetFetchRequest::default()
            }
        };
        let answer = client.ask(version, request).await;
        let error = match version {
            ..2 => answer.topics[0].partitions[0].error_code,
            2..8 => answer.error_code,
            _ => answer.groups[0].error_code,
        };
        assert_eq!(code(error), ErrorCode::NotCoordinator, "{version}");
    }
}
