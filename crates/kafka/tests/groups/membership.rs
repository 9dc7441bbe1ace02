//! Joining, syncing, staying and leaving.

use forebay_kafka::protocol::generated::leave_group_request::MemberIdentity;
use forebay_kafka::protocol::generated::{
    HeartbeatRequest, JoinGroupRequest, LeaveGroupRequest, SyncGroupRequest,
};
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::code;
use crate::member::{ASSIGNMENT, Member, applicant, join, subscription};
use crate::support::{Server, versions};

#[tokio::test]
async fn a_lone_member_leads_its_group_at_every_version_of_join() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::JoinGroup) {
        let request = applicant(&format!("join-{version}"), &["orders"]);
        let joined = join(&mut client, version, request).await;
        assert_eq!(code(joined.error_code), ErrorCode::None, "{version}");
        assert_eq!(joined.generation_id, 1);
        assert_eq!(joined.protocol_type.is_some(), version >= 7);
        assert_eq!(joined.protocol_name.as_deref(), Some("range"));
        assert_eq!(joined.leader, joined.member_id);
        assert!(joined.member_id.starts_with("tester-"));
        assert!(!joined.skip_assignment);
        assert_eq!(joined.members.len(), 1);
        assert_eq!(joined.members[0].member_id, joined.member_id);
        assert_eq!(
            joined.members[0].metadata.as_slice(),
            subscription(&["orders"])
        );
    }
}

#[tokio::test]
async fn a_new_member_is_told_its_id_first_since_version_4() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::JoinGroup) {
        let mut request = applicant(&format!("join-{version}"), &[]);
        request.rebalance_timeout_ms = if version >= 1 { 60_000 } else { -1 };
        let first = client.ask(version, request).await;
        if version < 4 {
            assert_eq!(code(first.error_code), ErrorCode::None);
        } else {
            assert_eq!(code(first.error_code), ErrorCode::MemberIdRequired);
            assert_eq!(first.generation_id, -1);
            assert_eq!(first.protocol_name.is_none(), version >= 7);
        }
        assert!(!first.member_id.is_empty());
    }
}

#[tokio::test]
async fn a_static_member_need_not_know_its_id_and_keeps_its_place() {
    let server = Server::start();
    let mut client = server.connect();
    for version in 5..=*versions(ApiKey::JoinGroup).end() {
        let mut request = applicant(&format!("static-{version}"), &[]);
        request.rebalance_timeout_ms = 60_000;
        request.group_instance_id = Some("machine-1".into());
        let joined = client.ask(version, request.clone()).await;
        assert_eq!(code(joined.error_code), ErrorCode::None);
        assert_eq!(
            joined.members[0].group_instance_id.as_deref(),
            Some("machine-1")
        );
        let member = Member {
            client: server.connect(),
            group: request.group_id.clone(),
            id: joined.member_id.clone(),
            generation: 1,
        };
        let synced = client.ask(4, member.sync_request(4)).await;
        assert_eq!(code(synced.error_code), ErrorCode::None);

        let again = client.ask(version, request).await;
        assert_eq!(code(again.error_code), ErrorCode::None);
        assert_eq!(again.generation_id, 1, "{version}: nobody has to rebalance");
        assert_ne!(again.member_id, joined.member_id);
        // Only a client that understands it is told not to assign; another does not lead.
        assert_eq!(again.skip_assignment, version >= 9);
        assert_eq!(again.leader == again.member_id, version >= 9);
        let stale = client.ask(
            3,
            HeartbeatRequest {
                group_instance_id: Some("machine-1".into()),
                ..member.heartbeat_request()
            },
        );
        assert_eq!(code(stale.await.error_code), ErrorCode::FencedInstanceId);
    }
}

#[tokio::test]
async fn a_join_that_cannot_be_is_refused_and_keeps_its_id() {
    let server = Server::start();
    let mut client = server.connect();
    let refused = async |client: &mut crate::support::Client,
                         request: JoinGroupRequest<'static>| {
        let mut codes = Vec::new();
        for version in versions(ApiKey::JoinGroup) {
            let answer = client.ask(version, request.clone()).await;
            assert_eq!(answer.member_id, request.member_id);
            assert_eq!(answer.generation_id, -1);
            codes.push(code(answer.error_code));
        }
        codes.dedup();
        codes
    };
    let base = applicant("refused", &[]);
    let mut request = base.clone();
    request.member_id = "stranger".into();
    request.rebalance_timeout_ms = -1;
    let codes = refused(&mut client, request.clone()).await;
    assert_eq!(codes, [ErrorCode::UnknownMemberId]);

    request.session_timeout_ms = -5;
    let codes = refused(&mut client, request).await;
    assert_eq!(codes, [ErrorCode::InvalidSessionTimeout]);

    let mut request = base.clone();
    request.group_id = "".into();
    let codes = refused(&mut client, request).await;
    assert_eq!(codes, [ErrorCode::InvalidGroupId]);

    let mut request = base;
    request.protocols.clear();
    let codes = refused(&mut client, request).await;
    assert_eq!(codes, [ErrorCode::InconsistentGroupProtocol]);
}

#[tokio::test]
async fn a_leader_gets_the_assignment_it_hands_in_at_every_version_of_sync() {
    let server = Server::start();
    let mut member = Member::of(&server, "sync", &[]).await;
    for version in versions(ApiKey::SyncGroup) {
        let request = member.sync_request(version);
        let synced = member.client.ask(version, request).await;
        assert_eq!(code(synced.error_code), ErrorCode::None, "{version}");
        assert_eq!(synced.assignment.as_slice(), ASSIGNMENT);
        let told = (version >= 5).then_some("consumer");
        assert_eq!(synced.protocol_type.as_deref(), told);
        let told = (version >= 5).then_some("range");
        assert_eq!(synced.protocol_name.as_deref(), told);

        let request = SyncGroupRequest {
            generation_id: 7,
            ..member.sync_request(version)
        };
        let refused = member.client.ask(version, request).await;
        assert_eq!(code(refused.error_code), ErrorCode::IllegalGeneration);
        assert!(refused.assignment.is_empty());
    }
}

#[tokio::test]
async fn a_sync_says_its_protocol_since_version_5() {
    let server = Server::start();
    let mut member = Member::of(&server, "sync", &[]).await;
    for (kind, name) in [
        (None, Some("range")),
        (Some("consumer"), None),
        (Some("connect"), Some("range")),
    ] {
        let request = SyncGroupRequest {
            protocol_type: kind.map(Into::into),
            protocol_name: name.map(Into::into),
            ..member.sync_request(5)
        };
        let refused = member.client.ask(5, request).await;
        assert_eq!(
            code(refused.error_code),
            ErrorCode::InconsistentGroupProtocol
        );
    }
}

#[tokio::test]
async fn heartbeats_tell_members_from_strangers_at_every_version() {
    let server = Server::start();
    let mut member = Member::of(&server, "heartbeat", &[]).await;
    for version in versions(ApiKey::Heartbeat) {
        let alive = member.heartbeat_request();
        let late = HeartbeatRequest {
            generation_id: 0,
            ..alive.clone()
        };
        let stranger = HeartbeatRequest {
            member_id: "stranger".into(),
            ..alive.clone()
        };
        let nowhere = HeartbeatRequest {
            group_id: "nowhere".into(),
            ..alive.clone()
        };
        let nameless = HeartbeatRequest {
            group_id: "".into(),
            ..alive.clone()
        };
        for (request, expected) in [
            (alive, ErrorCode::None),
            (late, ErrorCode::IllegalGeneration),
            (stranger, ErrorCode::UnknownMemberId),
            (nowhere, ErrorCode::UnknownMemberId),
            (nameless, ErrorCode::InvalidGroupId),
        ] {
            let answer = member.client.ask(version, request).await;
            assert_eq!(code(answer.error_code), expected, "{version}");
        }
    }
}

#[tokio::test]
async fn a_second_member_makes_the_first_join_again_and_both_get_their_share() {
    let server = Server::start();
    let mut first = Member::of(&server, "pair", &[]).await;
    let mut other = server.connect();
    let mut request = applicant("pair", &[]);
    request.rebalance_timeout_ms = 60_000;
    request.member_id = other.ask(9, request.clone()).await.member_id;
    let waiting = other.send(9, &request).await;
    // The two connections race; the join is in the broker once a heartbeat says so.
    while first.heartbeat().await != ErrorCode::RebalanceInProgress {}

    let mut again = applicant("pair", &[]);
    again.rebalance_timeout_ms = 60_000;
    again.member_id = first.id.clone();
    let led = first.client.ask(9, again).await;
    let followed = other.receive::<JoinGroupRequest<'_>>(9, waiting).await;
    assert_eq!(led.generation_id, 2);
    assert_eq!(followed.generation_id, 2);
    assert_eq!(led.leader, first.id);
    assert_eq!(followed.leader, first.id);
    assert_eq!(led.members.len(), 2);
    assert!(followed.members.is_empty());

    first.generation = 2;
    let mut follower = Member {
        client: other,
        group: "pair".into(),
        id: followed.member_id,
        generation: 2,
    };
    let mut handed_in = first.sync_request(5);
    handed_in
        .assignments
        .extend(follower.sync_request(5).assignments);
    let asked = SyncGroupRequest {
        assignments: Vec::new(),
        ..follower.sync_request(5)
    };
    let waiting = follower.client.send(5, &asked).await;
    let led = first.client.ask(5, handed_in).await;
    let followed = follower
        .client
        .receive::<SyncGroupRequest<'_>>(5, waiting)
        .await;
    assert_eq!(led.assignment.as_slice(), ASSIGNMENT);
    assert_eq!(followed.assignment.as_slice(), ASSIGNMENT);
}

#[tokio::test]
async fn whoever_leaves_is_gone_at_every_version() {
    let server = Server::start();
    for version in versions(ApiKey::LeaveGroup) {
        let mut member = Member::of(&server, "leave", &[]).await;
        for expected in [ErrorCode::None, ErrorCode::UnknownMemberId] {
            let request = member.leave_request(version);
            let left = member.client.ask(version, request).await;
            if version < 3 {
                assert_eq!(code(left.error_code), expected, "{version}");
            } else {
                assert_eq!(code(left.error_code), ErrorCode::None);
                assert_eq!(left.members.len(), 1);
                assert_eq!(left.members[0].member_id, member.id);
                assert_eq!(code(left.members[0].error_code), expected, "{version}");
            }
        }
    }
}

#[tokio::test]
async fn each_of_several_leavers_has_a_result_of_its_own() {
    let server = Server::start();
    let mut member = Member::of(&server, "leave", &[]).await;
    let identity = |member_id, instance: Option<&'static str>| MemberIdentity {
        member_id,
        group_instance_id: instance.map(Into::into),
        reason: None,
    };
    let request = LeaveGroupRequest {
        group_id: "leave".into(),
        members: vec![
            identity("stranger".into(), None),
            // No member can have an empty instance id.
            identity(member.id.clone(), Some("")),
            identity("".into(), Some("nobody")),
            identity(member.id.clone(), None),
        ],
        ..LeaveGroupRequest::default()
    };
    let left = member.client.ask(3, request).await;
    let codes: Vec<_> = left
        .members
        .iter()
        .map(|left| code(left.error_code))
        .collect();
    use ErrorCode::{None as Done, UnknownMemberId};
    assert_eq!(
        codes,
        [UnknownMemberId, UnknownMemberId, UnknownMemberId, Done]
    );
    assert_eq!(left.members[2].group_instance_id.as_deref(), Some("nobody"));
}

#[tokio::test]
async fn an_operator_removes_a_static_member_by_its_instance_id_alone() {
    let server = Server::start();
    let mut client = server.connect();
    for version in 3..=*versions(ApiKey::LeaveGroup).end() {
        let mut request = applicant("static", &[]);
        request.rebalance_timeout_ms = 60_000;
        request.group_instance_id = Some("machine-1".into());
        let joined = client.ask(5, request).await;
        assert_eq!(code(joined.error_code), ErrorCode::None);
        let request = LeaveGroupRequest {
            group_id: "static".into(),
            members: vec![MemberIdentity {
                group_instance_id: Some("machine-1".into()),
                reason: (version >= 5).then(|| "the machine is gone".into()),
                ..MemberIdentity::default()
            }],
            ..LeaveGroupRequest::default()
        };
        let left = client.ask(version, request).await;
        assert_eq!(code(left.members[0].error_code), ErrorCode::None);
        assert_eq!(left.members[0].member_id, "");
    }
}

#[tokio::test]
async fn a_member_outlives_a_restart_of_the_broker() {
    let server = Server::start();
    let mut member = Member::of(&server, "restart", &[]).await;
    let server = server.restart();
    member.client = server.connect();
    assert_eq!(member.heartbeat().await, ErrorCode::None);
    let request = member.sync_request(5);
    let synced = member.client.ask(5, request).await;
    assert_eq!(synced.assignment.as_slice(), ASSIGNMENT);
}
