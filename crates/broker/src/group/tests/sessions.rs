//! Signs of life and their absence.

use std::time::Duration;

use super::harness::*;
use crate::group::*;

#[test]
fn a_silent_member_is_removed_when_its_session_ends_and_not_before() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let (leader, silent) = (&members[0], &members[1]);
    bench.pass(SESSION - Duration::from_millis(1));
    bench.heartbeat(&leader.member, leader.generation).unwrap();
    assert_eq!(bench.state(), GroupState::Stable);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
    assert_eq!(
        bench.heartbeat(&silent.member, silent.generation),
        Err(GroupError::UnknownMemberId)
    );
    let again = bench.join(known(&leader.member)).unwrap();
    assert_eq!(
        (again.generation, again.members.len()),
        (leader.generation + 1, 1)
    );
}

#[test]
fn after_a_standstill_members_are_heard_before_they_are_given_up() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let (alive, gone) = (&members[0], &members[1]);
    bench.stand_still(3 * SESSION);
    assert_eq!(bench.state(), GroupState::Stable, "nobody could be heard");
    bench.heartbeat(&alive.member, alive.generation).unwrap();
    bench.pass(EXCUSE_AFTER_STANDSTILL);
    assert_eq!(
        bench.heartbeat(&alive.member, alive.generation),
        Err(GroupError::RebalanceInProgress),
        "only the one that is still silent is gone"
    );
    assert_eq!(
        bench.heartbeat(&gone.member, gone.generation),
        Err(GroupError::UnknownMemberId)
    );
}

#[test]
fn a_coordinator_that_is_slow_all_the_time_still_gives_up_who_is_gone() {
    let mut bench = Bench::new();
    bench.stable(1);
    let turn = Duration::from_millis(300);
    for _ in 0..(SESSION + EXCUSE_INTERVAL).div_duration_f64(turn) as u32 {
        bench.stand_still(turn);
    }
    assert_eq!(bench.state(), GroupState::Empty);
}

#[test]
fn heartbeats_keep_a_group_stable_for_ever() {
    let mut bench = Bench::new();
    let members = bench.stable(3);
    let alive: Vec<_> = members
        .iter()
        .map(|it| (&it.member, it.generation))
        .collect();
    bench.pass_alive(Duration::from_secs(24 * 3600), &alive);
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Stable, members[0].generation)
    );
}

#[test]
fn heartbeats_of_strangers_and_of_other_generations_are_refused() {
    let mut bench = Bench::new();
    let nobody = MemberId::new("nobody").unwrap();
    assert_eq!(
        bench.heartbeat(&nobody, 1),
        Err(GroupError::UnknownMemberId)
    );
    let only = bench.stable(1).remove(0);
    assert_eq!(
        bench.heartbeat(&nobody, 1),
        Err(GroupError::UnknownMemberId)
    );
    assert_eq!(
        bench.heartbeat(&only.member, 2),
        Err(GroupError::IllegalGeneration)
    );
    assert_eq!(
        bench.heartbeat(&only.member, 0),
        Err(GroupError::IllegalGeneration)
    );
}

#[test]
fn a_member_that_waits_for_a_rebalance_needs_no_heartbeat() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let waits = bench.send_join(known(&members[0].member));
    bench.pass_alive(SESSION * 3, &[(&members[1].member, members[1].generation)]);
    assert_eq!(bench.reply(waits), None);
    bench.join(known(&members[1].member)).unwrap();
    assert!(bench.joined(waits).is_ok());
}

#[test]
fn a_member_whose_connection_is_gone_stays_in_the_generation_until_its_session_ends() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let gone = bench.send_join(known(&members[0].member));
    bench.coordinator.cancel(gone);
    assert_eq!(bench.coordinator.waiting(), 0);
    let other = bench.join(known(&members[1].member)).unwrap();
    assert_eq!(
        other.leader, members[0].member,
        "it has joined, so it still leads"
    );
    assert_eq!(bench.reply(gone), None);
    bench.pass_alive(SESSION, &[(&other.member, other.generation)]);
    assert_eq!(bench.members(), [other.member]);
}

#[test]
fn a_new_member_whose_first_join_goes_unanswered_is_given_up_in_time() {
    let mut bench = Bench::new();
    let long = Join {
        rebalance_timeout: Duration::from_secs(3600),
        ..newcomer()
    };
    let first = bench.stabilize(vec![long]).remove(0);
    let ghost = bench.send_join(newcomer());
    bench.pass_alive(
        limits::NEW_MEMBER_JOIN_TIMEOUT,
        &[(&first.member, first.generation)],
    );
    assert_eq!(bench.joined(ghost), Err(GroupError::UnknownMemberId));
    assert_eq!(bench.members(), [first.member]);
}

#[test]
fn the_last_member_to_go_leaves_an_empty_group_of_a_later_generation() {
    let mut bench = Bench::new();
    bench.stable(1);
    bench.pass(SESSION);
    assert_eq!((bench.state(), bench.generation()), (GroupState::Empty, 2));
    assert_eq!(bench.join(newcomer()).unwrap().generation, 3);
}

#[test]
fn a_shorter_session_counts_from_the_join_that_asked_for_it() {
    let mut bench = Bench::new();
    let long = Join {
        session_timeout: Duration::from_secs(600),
        ..newcomer()
    };
    let joined = bench.stabilize(vec![long]).remove(0);
    let again = bench.join(known(&joined.member)).unwrap();
    bench.sync(assigning(&again)).unwrap();
    bench.pass(SESSION);
    assert_eq!(bench.state(), GroupState::Empty);
}

#[test]
fn a_commit_is_a_sign_of_life() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    for offset in 0..5 {
        bench.pass(SESSION / 2);
        let request = CommitOffsets {
            generation: only.generation,
            member: Some(only.member.clone()),
            ..commit(offset)
        };
        bench.commit(request).unwrap();
    }
    assert_eq!(bench.state(), GroupState::Stable);
}

#[test]
fn ten_thousand_members_heartbeat_without_filling_the_timers() {
    let mut bench = Bench::new();
    let tokens: Vec<_> = (0..10_000).map(|_| bench.send_join(newcomer())).collect();
    let first = bench.joined(tokens[0]).unwrap();
    let again = bench.send_join(known(&first.member));
    let leader = bench.joined(again).unwrap();
    let mut members = vec![leader.clone()];
    members.extend(
        tokens[1..]
            .iter()
            .map(|token| bench.joined(*token).unwrap()),
    );
    assert_eq!(leader.members.len(), 10_000);
    bench.sync(assigning(&leader)).unwrap();
    for joined in &members[1..] {
        bench.sync(sync(&joined.member, joined.generation)).unwrap();
    }
    for _ in 0..5 {
        bench.pass(SESSION / 3);
        for joined in &members {
            bench.heartbeat(&joined.member, joined.generation).unwrap();
        }
    }
    assert_eq!(bench.state(), GroupState::Stable);
    assert_eq!(
        bench.coordinator.timers.len(),
        10_001,
        "one a member and the retention"
    );
}
