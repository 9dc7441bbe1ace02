//! How assignments reach their members.

use std::time::Duration;

use super::harness::*;
use crate::group::*;

/// A generation of two that has not been assigned yet: leader, follower.
fn completing(bench: &mut Bench) -> (Joined, Joined) {
    let members = bench.stable(2);
    let leader = bench.send_join(known(&members[0].member));
    let follower = bench.send_join(known(&members[1].member));
    assert_eq!(bench.state(), GroupState::CompletingRebalance);
    (
        bench.joined(leader).unwrap(),
        bench.joined(follower).unwrap(),
    )
}

#[test]
fn a_follower_waits_for_the_leader() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    let waits = bench.send(GroupCommand::Sync(sync(
        &follower.member,
        follower.generation,
    )));
    assert_eq!(bench.reply(waits), None);
    let own = bench.sync(assigning(&leader)).unwrap();
    assert_eq!(own.assignment, share_of(&leader.member));
    assert_eq!(
        bench.synced(waits).unwrap().assignment,
        share_of(&follower.member)
    );
    assert_eq!(bench.state(), GroupState::Stable);
}

#[test]
fn an_assignment_is_journaled_in_the_call_that_hands_it_out() {
    let mut bench = Bench::new();
    let (leader, _) = completing(&mut bench);
    let before = bench.journal.len();
    bench.sync(assigning(&leader)).unwrap();
    let [GroupEvent::GenerationStored { record, .. }] = &bench.journal[before..] else {
        panic!("{:?}", &bench.journal[before..]);
    };
    assert_eq!(
        (record.generation, record.members.len()),
        (leader.generation, 2)
    );
    assert!(
        record
            .members
            .iter()
            .all(|member| member.assignment == share_of(&member.id))
    );
}

#[test]
fn members_the_leader_left_out_get_nothing_and_strangers_are_ignored() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    let stranger = MemberId::new("stranger").unwrap();
    let assignments = vec![(stranger.clone(), share_of(&stranger))];
    bench
        .sync(Sync {
            assignments,
            ..sync(&leader.member, leader.generation)
        })
        .unwrap();
    let synced = bench
        .sync(sync(&follower.member, follower.generation))
        .unwrap();
    assert_eq!(synced.assignment, "");
    assert_eq!(bench.members().len(), 2);
}

#[test]
fn a_sync_of_another_generation_member_or_protocol_is_refused() {
    let mut bench = Bench::new();
    let (leader, _) = completing(&mut bench);
    let right = assigning(&leader);
    for (request, error) in [
        (
            Sync {
                generation: right.generation - 1,
                ..right.clone()
            },
            GroupError::IllegalGeneration,
        ),
        (
            Sync {
                member: MemberId::new("nobody"),
                ..right.clone()
            },
            GroupError::UnknownMemberId,
        ),
        (
            Sync {
                member: None,
                ..right.clone()
            },
            GroupError::UnknownMemberId,
        ),
        (
            Sync {
                group: group_id("other"),
                ..right.clone()
            },
            GroupError::UnknownMemberId,
        ),
        (
            Sync {
                protocol_type: Some("connect".into()),
                ..right.clone()
            },
            GroupError::InconsistentGroupProtocol,
        ),
        (
            Sync {
                protocol_name: Some("sticky".into()),
                ..right.clone()
            },
            GroupError::InconsistentGroupProtocol,
        ),
    ] {
        assert_eq!(bench.sync(request), Err(error));
    }
    let told = Sync {
        protocol_type: Some("consumer".into()),
        protocol_name: Some("range".into()),
        ..right
    };
    assert_eq!(&*bench.sync(told).unwrap().protocol_name, "range");
}

#[test]
fn those_who_wait_for_an_assignment_join_again_when_a_newcomer_arrives() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    let waits = bench.send(GroupCommand::Sync(sync(
        &follower.member,
        follower.generation,
    )));
    bench.send_join(newcomer());
    assert_eq!(bench.synced(waits), Err(GroupError::RebalanceInProgress));
    assert_eq!(
        bench.sync(assigning(&leader)),
        Err(GroupError::RebalanceInProgress)
    );
}

#[test]
fn a_leader_that_lives_but_never_assigns_is_removed_in_time() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    let waits = bench.send(GroupCommand::Sync(sync(
        &follower.member,
        follower.generation,
    )));
    bench.pass_alive(REBALANCE, &[(&leader.member, leader.generation)]);
    assert_eq!(bench.synced(waits), Err(GroupError::RebalanceInProgress));
    let alone = bench.join(known(&follower.member)).unwrap();
    assert_eq!((alone.leader, alone.members.len()), (follower.member, 1));
}

#[test]
fn a_follower_that_never_fetches_its_assignment_is_removed_in_time() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    bench.sync(assigning(&leader)).unwrap();
    let both = [
        (&leader.member, leader.generation),
        (&follower.member, follower.generation),
    ];
    bench.pass_alive(REBALANCE, &both);
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
    assert_eq!(bench.members(), std::slice::from_ref(&leader.member));
}

#[test]
fn a_group_that_has_synced_is_not_disturbed_by_the_sync_time_out() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let alive: Vec<_> = members
        .iter()
        .map(|it| (&it.member, it.generation))
        .collect();
    bench.pass_alive(REBALANCE * 3, &alive);
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Stable, members[0].generation)
    );
}

#[test]
fn assignments_are_bounded() {
    let mut bench = Bench::new();
    let (leader, _) = completing(&mut bench);
    let assignment = bytes::Bytes::from(vec![0; limits::GROUP_ASSIGNMENT_BYTES_MAX + 1]);
    let assignments = vec![(leader.member.clone(), assignment)];
    let request = Sync {
        assignments,
        ..sync(&leader.member, leader.generation)
    };
    assert_eq!(bench.sync(request), Err(GroupError::AssignmentTooLarge));
    assert_eq!(bench.state(), GroupState::CompletingRebalance);
}

#[test]
fn a_connection_that_goes_away_while_syncing_is_forgotten_and_its_member_stays() {
    let mut bench = Bench::new();
    let (leader, follower) = completing(&mut bench);
    let waits = bench.send(GroupCommand::Sync(sync(
        &follower.member,
        follower.generation,
    )));
    bench.coordinator.cancel(waits);
    assert_eq!(bench.coordinator.waiting(), 0);
    bench.sync(assigning(&leader)).unwrap();
    assert_eq!(bench.reply(waits), None);
    let synced = bench
        .sync(sync(&follower.member, follower.generation))
        .unwrap();
    assert_eq!(synced.assignment, share_of(&follower.member));
    bench.pass_alive(
        SESSION + Duration::from_secs(1),
        &[(&leader.member, leader.generation)],
    );
    assert_eq!(bench.members(), [leader.member], "until its session ends");
}
