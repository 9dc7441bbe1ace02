//! A member of a group, for tests that need one and are about something else.

use forebay_kafka::protocol::generated::consumer_protocol_subscription::ConsumerProtocolSubscription;
use forebay_kafka::protocol::generated::join_group_request::JoinGroupRequestProtocol;
use forebay_kafka::protocol::generated::leave_group_request::MemberIdentity;
use forebay_kafka::protocol::generated::sync_group_request::SyncGroupRequestAssignment;
use forebay_kafka::protocol::generated::{
    HeartbeatRequest, JoinGroupRequest, JoinGroupResponse, LeaveGroupRequest, SyncGroupRequest,
};
use forebay_kafka::protocol::{Blob, ErrorCode, Message, Str, Writer};

use crate::code;
use crate::support::{Client, Server};

/// What every leader here assigns to everybody.
pub(crate) const ASSIGNMENT: &[u8] = b"everything";

/// A consumer that reads `topics`, about to join `group` for the first time.
pub(crate) fn applicant(group: &str, topics: &[&str]) -> JoinGroupRequest<'static> {
    JoinGroupRequest {
        group_id: group.to_owned().into(),
        session_timeout_ms: 60_000,
        rebalance_timeout_ms: -1,
        protocol_type: "consumer".into(),
        protocols: vec![JoinGroupRequestProtocol {
            name: "range".into(),
            metadata: Blob::from(subscription(topics)),
        }],
        ..JoinGroupRequest::default()
    }
}

/// What a consumer tells its leader.
pub(crate) fn subscription(topics: &[&str]) -> Vec<u8> {
    let subscription = ConsumerProtocolSubscription {
        topics: topics.iter().map(|name| Str::from(*name)).collect(),
        ..ConsumerProtocolSubscription::default()
    };
    let mut writer = Writer::new();
    writer.i16(0);
    let encoded = subscription.encode(&mut writer, 0);
    encoded.expect("version 0 can say topics");
    let rope = writer.finish().expect("it is short");
    rope.into_bytes().to_vec()
}

/// Joins, a second time if the id has to be known first.
pub(crate) async fn join(
    client: &mut Client,
    version: i16,
    mut request: JoinGroupRequest<'static>,
) -> JoinGroupResponse<'static> {
    if version >= 1 {
        request.rebalance_timeout_ms = 60_000;
    }
    let answer = client.ask(version, request.clone()).await;
    if code(answer.error_code) != ErrorCode::MemberIdRequired {
        return answer;
    }
    request.member_id = answer.member_id;
    client.ask(version, request).await
}

/// The only member of a group, on a connection of its own.
pub(crate) struct Member {
    pub(crate) client: Client,
    pub(crate) group: Str<'static>,
    pub(crate) id: Str<'static>,
    pub(crate) generation: i32,
}

impl Member {
    /// Joins and syncs.
    pub(crate) async fn of(server: &Server, group: &str, topics: &[&str]) -> Self {
        let mut client = server.connect();
        let joined = join(&mut client, 9, applicant(group, topics)).await;
        assert_eq!(code(joined.error_code), ErrorCode::None);
        let mut member = Self {
            client,
            group: group.to_owned().into(),
            id: joined.member_id,
            generation: joined.generation_id,
        };
        let synced = member.client.ask(5, member.sync_request(5)).await;
        assert_eq!(code(synced.error_code), ErrorCode::None);
        member
    }

    /// The leader's sync, for a group of one.
    pub(crate) fn sync_request(&self, version: i16) -> SyncGroupRequest<'static> {
        SyncGroupRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            protocol_type: (version >= 5).then(|| "consumer".into()),
            protocol_name: (version >= 5).then(|| "range".into()),
            assignments: vec![SyncGroupRequestAssignment {
                member_id: self.id.clone(),
                assignment: ASSIGNMENT.into(),
            }],
            ..SyncGroupRequest::default()
        }
    }

    pub(crate) fn heartbeat_request(&self) -> HeartbeatRequest<'static> {
        HeartbeatRequest {
            group_id: self.group.clone(),
            generation_id: self.generation,
            member_id: self.id.clone(),
            ..HeartbeatRequest::default()
        }
    }

    pub(crate) fn leave_request(&self, version: i16) -> LeaveGroupRequest<'static> {
        let mut request = LeaveGroupRequest {
            group_id: self.group.clone(),
            ..LeaveGroupRequest::default()
        };
        if version < 3 {
            request.member_id = self.id.clone();
        } else {
            request.members = vec![MemberIdentity {
                member_id: self.id.clone(),
                ..MemberIdentity::default()
            }];
        }
        request
    }

    pub(crate) async fn heartbeat(&mut self) -> ErrorCode {
        let request = self.heartbeat_request();
        code(self.client.ask(4, request).await.error_code)
    }

    pub(crate) async fn leave(&mut self) {
        let request = self.leave_request(5);
        let left = self.client.ask(5, request).await;
        assert_eq!(code(left.members[0].error_code), ErrorCode::None);
    }
}
