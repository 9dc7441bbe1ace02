//! Leaving, for oneself and for others.

use super::harness::*;
use crate::group::*;

fn left(bench: &mut Bench, members: Vec<Leaver>) -> Vec<Result<(), GroupError>> {
    match bench.ask(GroupCommand::Leave(Leave {
        group: group_id(GROUP),
        members,
    })) {
        GroupReply::Left(Ok(left)) => left.into_iter().map(|one| one.result).collect(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_member_that_leaves_makes_the_others_join_again_at_once() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    bench.ask(leave(&members[1].member));
    assert_eq!(
        bench.heartbeat(&members[0].member, members[0].generation),
        Err(GroupError::RebalanceInProgress)
    );
    assert_eq!(
        bench.join(known(&members[0].member)).unwrap().members.len(),
        1
    );
}

#[test]
fn the_last_member_that_leaves_empties_the_group() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.ask(leave(&only.member));
    assert_eq!((bench.state(), bench.generation()), (GroupState::Empty, 2));
    assert_eq!(
        bench.coordinator.timers.len(),
        1,
        "only the retention is left"
    );
}

#[test]
fn every_leaver_has_a_result_of_its_own() {
    let mut bench = Bench::new();
    let joins = vec![
        Join {
            instance: instance("one"),
            ..newcomer()
        },
        Join {
            instance: instance("two"),
            ..newcomer()
        },
        newcomer(),
    ];
    let members = bench.stabilize(joins);
    let results = left(
        &mut bench,
        vec![
            Leaver {
                member: None,
                instance: instance("one"),
                reason: Some("scaled in".into()),
            },
            Leaver {
                member: Some(members[0].member.clone()),
                instance: instance("two"),
                reason: None,
            },
            Leaver {
                member: None,
                instance: instance("three"),
                reason: None,
            },
            Leaver {
                member: MemberId::new("nobody"),
                instance: None,
                reason: None,
            },
            Leaver {
                member: None,
                instance: None,
                reason: None,
            },
            Leaver {
                member: Some(members[2].member.clone()),
                instance: None,
                reason: None,
            },
        ],
    );
    use GroupError::{FencedInstanceId, UnknownMemberId};
    let unknown = Err(UnknownMemberId);
    let expected = [
        Ok(()),
        Err(FencedInstanceId),
        unknown.clone(),
        unknown.clone(),
        unknown,
        Ok(()),
    ];
    assert_eq!(results, expected);
    assert_eq!(bench.members(), [members[1].member.clone()]);
}

#[test]
fn leaving_an_unknown_group_is_refused_as_a_whole() {
    let mut bench = Bench::new();
    let nobody = MemberId::new("nobody").unwrap();
    assert_eq!(
        bench.ask(leave(&nobody)),
        GroupReply::Left(Err(GroupError::UnknownMemberId))
    );
}

#[test]
fn those_who_wait_for_a_member_that_leaves_are_answered() {
    let mut bench = Bench::new();
    let members = bench.stable(3);
    let joining = bench.send_join(known(&members[0].member));
    bench.ask(leave(&members[0].member));
    assert_eq!(bench.joined(joining), Err(GroupError::UnknownMemberId));

    let again = bench.send_join(known(&members[1].member));
    bench.join(known(&members[2].member)).unwrap();
    let (_, follower) = (bench.joined(again).unwrap(), &members[2]);
    let syncing = bench.send(GroupCommand::Sync(sync(
        &follower.member,
        bench.generation(),
    )));
    if bench.coordinator.group(GROUP).unwrap().leader() != Some(&follower.member) {
        bench.ask(leave(&follower.member));
        assert_eq!(bench.synced(syncing), Err(GroupError::UnknownMemberId));
    }
    assert_eq!(bench.coordinator.waiting(), 0);
}

#[test]
fn giving_up_a_reserved_id_disturbs_nobody() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    let Err(GroupError::MemberIdRequired { member_id }) = bench.join(careful) else {
        panic!("joined without an id");
    };
    bench.ask(leave(&member_id));
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Stable, only.generation)
    );
    assert_eq!(
        bench.join(known(&member_id)),
        Err(GroupError::UnknownMemberId)
    );
}

#[test]
fn a_rebalance_does_not_wait_for_a_reserved_id_that_was_given_up() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    let Err(GroupError::MemberIdRequired { member_id }) = bench.join(careful) else {
        panic!("joined without an id");
    };
    let waits = bench.send_join(known(&only.member));
    assert_eq!(bench.reply(waits), None);
    bench.ask(leave(&member_id));
    assert_eq!(bench.joined(waits).unwrap().generation, 2);
}
