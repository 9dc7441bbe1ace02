//! What operators see and do.

use std::time::Duration;

use super::harness::*;
use crate::group::*;

fn describe(bench: &mut Bench) -> Result<GroupDescription, GroupError> {
    match bench.ask(GroupCommand::Describe {
        group: group_id(GROUP),
    }) {
        GroupReply::Described(described) => described,
        other => panic!("{other:?}"),
    }
}

fn list(bench: &mut Bench, states: &[GroupState], types: &[GroupType]) -> Vec<String> {
    let (states, types) = (states.to_vec(), types.to_vec());
    match bench.ask(GroupCommand::List { states, types }) {
        GroupReply::Listed(groups) => groups.iter().map(|it| it.group.to_string()).collect(),
        other => panic!("{other:?}"),
    }
}

fn delete_offsets(bench: &mut Bench, name: &str) -> Result<Vec<PartitionResult>, GroupError> {
    let partitions = vec![(topic(name), 0)];
    match bench.ask(GroupCommand::DeleteOffsets {
        group: group_id(GROUP),
        partitions,
    }) {
        GroupReply::OffsetsDeleted(results) => results,
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_stable_group_is_described_in_full_and_a_rebalancing_one_without_metadata() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let described = describe(&mut bench).unwrap();
    assert_eq!(described.state, GroupState::Stable);
    assert_eq!(described.protocol_type.as_deref(), Some("consumer"));
    assert_eq!(described.protocol_name.as_deref(), Some("range"));
    let member = &described.members[0];
    assert_eq!(
        (&*member.client_id, &*member.client_host),
        ("client", "/10.0.0.1")
    );
    assert_eq!(member.metadata, subscription(&["orders"]));
    assert_eq!(member.assignment, share_of(&only.member));

    bench.send_join(newcomer());
    let described = describe(&mut bench).unwrap();
    assert_eq!(described.state, GroupState::PreparingRebalance);
    assert_eq!(described.protocol_name, None);
    assert_eq!(described.members.len(), 2);
    assert!(
        described
            .members
            .iter()
            .all(|member| member.metadata.is_empty())
    );
}

#[test]
fn an_unknown_group_cannot_be_described() {
    assert_eq!(
        describe(&mut Bench::new()),
        Err(GroupError::GroupIdNotFound)
    );
}

#[test]
fn groups_are_listed_by_state_and_type() {
    let mut bench = Bench::new();
    bench.stable(1);
    bench
        .commit(CommitOffsets {
            group: group_id("archive"),
            ..commit(1)
        })
        .unwrap();
    assert_eq!(list(&mut bench, &[], &[]), ["archive", GROUP]);
    assert_eq!(list(&mut bench, &[GroupState::Stable], &[]), [GROUP]);
    assert_eq!(
        list(&mut bench, &[GroupState::Empty], &[GroupType::Classic]),
        ["archive"]
    );
    assert_eq!(list(&mut bench, &[], &[GroupType::Consumer]), [""; 0]);
}

#[test]
fn names_of_states_and_types_are_found_in_any_case() {
    for state in GroupState::ALL {
        assert_eq!(
            GroupState::from_name(&state.as_str().to_lowercase()),
            Some(state)
        );
    }
    assert_eq!(GroupState::from_name("Assigning"), None);
    assert_eq!(GroupType::from_name("classic"), Some(GroupType::Classic));
    assert_eq!(GroupType::from_name("other"), None);
}

#[test]
fn only_an_empty_group_is_deleted_and_takes_its_offsets_along() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let groups = vec![group_id(GROUP), group_id("unknown")];
    let expected = |first| {
        GroupReply::Deleted(vec![
            (group_id(GROUP), first),
            (group_id("unknown"), Err(GroupError::GroupIdNotFound)),
        ])
    };
    let delete = GroupCommand::Delete { groups };
    assert_eq!(
        bench.ask(delete.clone()),
        expected(Err(GroupError::NonEmptyGroup))
    );
    bench.ask(leave(&only.member));
    bench.commit(commit(1)).unwrap();
    assert_eq!(bench.ask(delete), expected(Ok(())));
    assert_eq!(
        (bench.state(), bench.committed("orders", 0)),
        (GroupState::Dead, None)
    );
    bench.restart();
    assert_eq!(bench.state(), GroupState::Dead);
}

#[test]
fn offsets_of_a_topic_in_use_are_not_deleted() {
    let mut bench = Bench::new();
    assert_eq!(
        delete_offsets(&mut bench, "orders"),
        Err(GroupError::GroupIdNotFound)
    );
    let only = bench.stable(1).remove(0);
    for name in ["orders", "refunds"] {
        let mut request = CommitOffsets {
            generation: only.generation,
            member: Some(only.member.clone()),
            ..commit(1)
        };
        request.offsets[0].topic = topic(name);
        bench.commit(request).unwrap();
    }
    let results = delete_offsets(&mut bench, "orders").unwrap();
    assert_eq!(results[0].result, Err(GroupError::GroupSubscribedToTopic));
    assert_eq!(
        delete_offsets(&mut bench, "refunds").unwrap()[0].result,
        Ok(())
    );
    assert_eq!(bench.committed("orders", 0), Some(1));
    assert_eq!(bench.committed("refunds", 0), None);
    bench.ask(leave(&only.member));
    assert_eq!(
        delete_offsets(&mut bench, "orders").unwrap()[0].result,
        Ok(())
    );
    assert_eq!(bench.committed("orders", 0), None);
}

#[test]
fn a_subscription_that_does_not_parse_protects_every_topic() {
    let mut bench = Bench::new();
    bench.commit(commit(1)).unwrap();
    bench.stabilize(vec![Join {
        protocols: vec![protocol("range", b"?")],
        ..newcomer()
    }]);
    let results = delete_offsets(&mut bench, "orders").unwrap();
    assert_eq!(results[0].result, Err(GroupError::GroupSubscribedToTopic));
}

#[test]
fn offsets_of_active_members_of_another_kind_are_not_deleted() {
    let mut bench = Bench::new();
    bench.commit(commit(1)).unwrap();
    bench.stabilize(vec![Join {
        protocol_type: "connect".into(),
        ..newcomer()
    }]);
    assert_eq!(
        delete_offsets(&mut bench, "orders"),
        Err(GroupError::NonEmptyGroup)
    );
}

#[test]
fn a_deleted_topic_takes_its_offsets_along_in_every_group() {
    let mut bench = Bench::new();
    let other = group_id("other");
    bench.commit(commit(1)).unwrap();
    let mut both = CommitOffsets {
        group: other,
        ..commit(2)
    };
    both.offsets.push(CommitOffset {
        topic: topic("refunds"),
        ..both.offsets[0].clone()
    });
    bench.commit(both).unwrap();
    let deleted = GroupCommand::TopicDeleted {
        topic: topic("orders"),
    };
    assert_eq!(bench.ask(deleted), GroupReply::TopicDeleted);
    assert_eq!(
        bench.state(),
        GroupState::Dead,
        "nothing else was in this group"
    );
    let left: Vec<_> = bench
        .coordinator
        .group("other")
        .unwrap()
        .offsets()
        .collect();
    assert_eq!(left.len(), 1);
    assert_eq!(left[0].0, &topic("refunds"));
    let before = bench.snapshot();
    bench.restart();
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn before_its_first_generation_a_group_of_consumers_may_be_subscribed_to_anything() {
    let initial_rebalance_delay = Duration::from_secs(3);
    let config = GroupConfig {
        initial_rebalance_delay,
        ..GroupConfig::default()
    };
    let mut bench = Bench::with(config);
    bench.commit(commit(1)).unwrap();
    bench.send_join(newcomer());
    let results = delete_offsets(&mut bench, "orders").unwrap();
    assert_eq!(results[0].result, Err(GroupError::GroupSubscribedToTopic));
}
