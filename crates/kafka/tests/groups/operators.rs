//! What operators ask: show, list, delete.

use forebay_kafka::protocol::generated::{
    DeleteGroupsRequest, DescribeGroupsRequest, ListGroupsRequest,
};
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::code;
use crate::member::{ASSIGNMENT, Member, applicant, join, subscription};
use crate::support::{CLIENT_ID, Server, versions};

#[tokio::test]
async fn a_stable_group_is_described_in_full_at_every_version() {
    let server = Server::start();
    let member = Member::of(&server, "readers", &["orders"]).await;
    let mut client = server.connect();
    for version in versions(ApiKey::DescribeGroups) {
        let request = DescribeGroupsRequest {
            groups: vec!["nowhere".into(), "readers".into(), "".into()],
            include_authorized_operations: version >= 3,
        };
        let answer = client.ask(version, request).await;
        let [nowhere, readers, nameless] = &answer.groups[..] else {
            panic!("{version}: {answer:?}");
        };
        assert_eq!(code(readers.error_code), ErrorCode::None);
        assert_eq!(readers.group_id, "readers");
        assert_eq!(readers.group_state, "Stable");
        assert_eq!(readers.protocol_type, "consumer");
        assert_eq!(readers.protocol_data, "range");
        assert_eq!(readers.authorized_operations != i32::MIN, version >= 3);
        let [described] = &readers.members[..] else {
            panic!("{version}: {readers:?}");
        };
        assert_eq!(described.member_id, member.id);
        assert_eq!(described.client_id, CLIENT_ID);
        assert_eq!(described.client_host, "/127.0.0.1");
        assert_eq!(
            described.member_metadata.as_slice(),
            subscription(&["orders"])
        );
        assert_eq!(described.member_assignment.as_slice(), ASSIGNMENT);

        for (missing, name) in [(nowhere, "nowhere"), (nameless, "")] {
            let (error, has_message) = match version {
                ..=5 => (ErrorCode::None, false),
                _ => (ErrorCode::GroupIdNotFound, true),
            };
            assert_eq!(missing.group_id, name);
            assert_eq!(missing.group_state, "Dead");
            assert_eq!(code(missing.error_code), error);
            assert_eq!(missing.error_message.is_some(), has_message);
            assert!(missing.members.is_empty());
        }
    }
}

#[tokio::test]
async fn groups_are_described_in_the_order_asked_however_many() {
    let server = Server::start();
    let _member = Member::of(&server, "readers", &[]).await;
    let mut client = server.connect();
    let mut names: Vec<_> = (0..1_000).map(|n| format!("group-{n}")).collect();
    names[700] = "readers".to_owned();
    let request = DescribeGroupsRequest {
        groups: names.iter().map(|name| name.clone().into()).collect(),
        ..DescribeGroupsRequest::default()
    };
    let answer = client.ask(6, request).await;
    let described: Vec<_> = answer
        .groups
        .iter()
        .map(|group| group.group_id.as_str())
        .collect();
    assert_eq!(described, names);
    assert_eq!(answer.groups[700].group_state, "Stable");
}

#[tokio::test]
async fn authorized_operations_are_told_on_request_only() {
    let server = Server::start();
    let _member = Member::of(&server, "readers", &[]).await;
    let mut client = server.connect();
    for version in 3..=*versions(ApiKey::DescribeGroups).end() {
        let request = DescribeGroupsRequest {
            groups: vec!["readers".into()],
            include_authorized_operations: false,
        };
        let answer = client.ask(version, request).await;
        assert_eq!(answer.groups[0].authorized_operations, i32::MIN);
    }
}

#[tokio::test]
async fn all_groups_are_listed_at_every_version() {
    let server = Server::start();
    let _stable = Member::of(&server, "stable", &[]).await;
    // A member that has joined and not synced.
    let mut client = server.connect();
    join(&mut client, 9, applicant("completing", &[])).await;
    for version in versions(ApiKey::ListGroups) {
        let answer = client.ask(version, ListGroupsRequest::default()).await;
        assert_eq!(code(answer.error_code), ErrorCode::None);
        let listed: Vec<_> = answer
            .groups
            .iter()
            .map(|group| {
                assert_eq!(group.protocol_type, "consumer");
                assert_eq!(group.group_type, if version >= 5 { "classic" } else { "" });
                (group.group_id.as_str(), group.group_state.as_str())
            })
            .collect();
        let state = |name| if version >= 4 { name } else { "" };
        let expected = [
            ("completing", state("CompletingRebalance")),
            ("stable", state("Stable")),
        ];
        assert_eq!(listed, expected, "{version}");
    }
}

#[tokio::test]
async fn groups_are_listed_by_state_and_by_type() {
    let server = Server::start();
    let _stable = Member::of(&server, "stable", &[]).await;
    let mut client = server.connect();
    let cases: [(&[&'static str], &[&'static str], usize); 7] = [
        (&["Stable"], &[], 1),
        (&["stable", "Empty"], &[], 1),
        (&["Empty"], &[], 0),
        (&["Assigning"], &[], 0),
        (&[], &["Classic"], 1),
        (&[], &["consumer"], 0),
        (&["Stable"], &["unheard of"], 0),
    ];
    for (states, types, found) in cases {
        let request = ListGroupsRequest {
            states_filter: states.iter().map(|&name| name.into()).collect(),
            types_filter: types.iter().map(|&name| name.into()).collect(),
        };
        let answer = client.ask(5, request).await;
        assert_eq!(code(answer.error_code), ErrorCode::None);
        assert_eq!(answer.groups.len(), found, "{states:?} {types:?}");
    }
    let request = ListGroupsRequest {
        states_filter: vec!["Empty".into()],
        ..ListGroupsRequest::default()
    };
    assert!(client.ask(4, request).await.groups.is_empty());
}

#[tokio::test]
async fn a_group_is_deleted_once_it_has_no_members() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::DeleteGroups) {
        let mut member = Member::of(&server, "readers", &[]).await;
        let mut delete = async || {
            let names = ["", "readers", "nowhere", "readers"];
            let request = DeleteGroupsRequest {
                groups_names: names.map(Into::into).to_vec(),
            };
            let answer = client.ask(version, request).await;
            let mut results: Vec<_> = answer
                .results
                .into_iter()
                .map(|result| (result.group_id.to_string(), code(result.error_code)))
                .collect();
            results.sort_by(|one, other| one.0.cmp(&other.0));
            let names: Vec<_> = results.iter().map(|result| result.0.as_str()).collect();
            assert_eq!(names, ["", "nowhere", "readers"]);
            [results[0].1, results[1].1, results[2].1]
        };
        use ErrorCode::{GroupIdNotFound, NonEmptyGroup, None as Done};
        assert_eq!(
            delete().await,
            [GroupIdNotFound, GroupIdNotFound, NonEmptyGroup]
        );
        member.leave().await;
        assert_eq!(delete().await, [GroupIdNotFound, GroupIdNotFound, Done]);
        assert_eq!(delete().await, [GroupIdNotFound; 3]);
    }
}
