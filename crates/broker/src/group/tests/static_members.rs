//! Static membership (KIP-345, KIP-814).

use std::time::Duration;

use super::harness::*;
use crate::group::*;

fn fixed(id: &str) -> Join {
    Join {
        instance: instance(id),
        ..newcomer()
    }
}

/// A stable group of `one` (leading) and `two`.
fn pair(bench: &mut Bench) -> (Joined, Joined) {
    let mut members = bench.stabilize(vec![fixed("one"), fixed("two")]);
    let second = members.remove(1);
    let first = members.remove(0);
    assert_eq!(first.leader, first.member);
    (first, second)
}

#[test]
fn a_static_member_that_returns_keeps_its_assignment_without_a_rebalance() {
    let mut bench = Bench::new();
    let (_, two) = pair(&mut bench);
    let back = bench.join(fixed("two")).unwrap();
    assert_ne!(back.member, two.member);
    assert_eq!(
        (back.generation, back.skip_assignment),
        (two.generation, false)
    );
    assert_eq!(bench.state(), GroupState::Stable);
    let synced = bench.sync(sync(&back.member, back.generation)).unwrap();
    assert_eq!(synced.assignment, share_of(&two.member));
}

#[test]
fn a_static_leader_that_returns_is_told_not_to_assign() {
    let mut bench = Bench::new();
    let (one, _) = pair(&mut bench);
    let back = bench.join(fixed("one")).unwrap();
    assert!(back.skip_assignment);
    assert_eq!((&back.leader, back.members.len()), (&back.member, 2));
    assert_eq!(back.generation, one.generation);
}

#[test]
fn an_old_static_leader_that_returns_does_not_find_itself_leading() {
    let mut bench = Bench::new();
    let (one, _) = pair(&mut bench);
    let back = bench
        .join(Join {
            supports_skip_assignment: false,
            ..fixed("one")
        })
        .unwrap();
    assert!(!back.skip_assignment);
    assert_eq!((&back.leader, back.members.len()), (&one.member, 0));
    let leader = bench.coordinator.group(GROUP).unwrap().leader().cloned();
    assert_eq!(leader, Some(back.member), "though it is");
}

#[test]
fn the_one_whose_identity_was_taken_over_is_fenced_everywhere() {
    let mut bench = Bench::new();
    let (_, two) = pair(&mut bench);
    bench.join(fixed("two")).unwrap();
    let fenced = GroupError::FencedInstanceId;
    let (member, instance_id) = (Some(two.member.clone()), instance("two"));
    assert_eq!(
        bench.join(Join {
            member: member.clone(),
            ..fixed("two")
        }),
        Err(fenced.clone())
    );
    let request = Sync {
        instance: instance_id.clone(),
        ..sync(&two.member, two.generation)
    };
    assert_eq!(bench.sync(request), Err(fenced.clone()));
    let request = Heartbeat {
        group: group_id(GROUP),
        generation: two.generation,
        member: member.clone(),
        instance: instance_id.clone(),
    };
    assert_eq!(
        bench.ask(GroupCommand::Heartbeat(request)),
        GroupReply::Heartbeat(Err(fenced.clone()))
    );
    let request = CommitOffsets {
        generation: two.generation,
        member,
        instance: instance_id,
        ..commit(1)
    };
    assert_eq!(bench.commit(request), Err(fenced));
    assert_eq!(
        bench.heartbeat(&two.member, two.generation),
        Err(GroupError::UnknownMemberId),
        "without the instance id it is just unknown"
    );
}

#[test]
fn requests_of_the_one_taken_over_are_answered_with_the_fence() {
    let mut bench = Bench::new();
    let (one, two) = pair(&mut bench);
    let rejoin = |joined: &Joined, id| Join {
        member: Some(joined.member.clone()),
        ..fixed(id)
    };
    let joining = bench.send_join(rejoin(&one, "one"));
    let taken = bench.send_join(fixed("one"));
    assert_eq!(bench.joined(joining), Err(GroupError::FencedInstanceId));
    let second = bench.join(rejoin(&two, "two")).unwrap();
    assert!(bench.joined(taken).is_ok());

    let syncing = bench.send(GroupCommand::Sync(sync(&second.member, second.generation)));
    bench.send_join(fixed("two"));
    assert_eq!(bench.synced(syncing), Err(GroupError::FencedInstanceId));
    assert_eq!(
        bench.state(),
        GroupState::PreparingRebalance,
        "the leader may know the old id"
    );
}

#[test]
fn a_static_member_that_returns_with_other_topics_rebalances() {
    let mut bench = Bench::new();
    let (one, _) = pair(&mut bench);
    let other = vec![protocol("range", &subscription(&["refunds"]))];
    let back = bench.send_join(Join {
        protocols: other,
        ..fixed("two")
    });
    assert_eq!(bench.reply(back), None);
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
    bench
        .join(Join {
            member: Some(one.member),
            ..fixed("one")
        })
        .unwrap();
    assert_eq!(bench.joined(back).unwrap().generation, one.generation + 1);
}

#[test]
fn a_static_member_that_returns_without_what_it_owned_does_not_rebalance() {
    let mut bench = Bench::new();
    let (_, two) = pair(&mut bench);
    let mut metadata = subscription(&["orders"]);
    metadata.extend([0, 0, 0, 0]);
    let fresh = vec![protocol("range", &metadata)];
    let back = bench
        .join(Join {
            protocols: fresh,
            ..fixed("two")
        })
        .unwrap();
    assert_eq!(back.generation, two.generation);
}

#[test]
fn a_static_member_that_returns_and_changes_the_chosen_protocol_rebalances() {
    let both = || vec![protocol("range", b""), protocol("sticky", b"")];
    let mut bench = Bench::new();
    let connect = |id| Join {
        protocol_type: "connect".into(),
        protocols: both(),
        ..fixed(id)
    };
    bench.stabilize(vec![connect("one")]);
    let sticky = Join {
        protocols: vec![protocol("sticky", b"")],
        ..connect("one")
    };
    let back = bench.join(sticky).unwrap();
    assert_eq!((&*back.protocol_name, back.generation), ("sticky", 2));
}

#[test]
fn an_absent_static_member_stays_in_the_next_generations_until_its_session_ends() {
    let mut bench = Bench::new();
    let patient = |id| Join {
        session_timeout: Duration::from_secs(600),
        ..fixed(id)
    };
    let members = bench.stabilize(vec![patient("one"), patient("two")]);
    let (one, two) = (&members[0], &members[1]);
    let again = bench.send_join(Join {
        member: Some(one.member.clone()),
        ..patient("one")
    });
    bench.pass(REBALANCE);
    let next = bench.joined(again).unwrap();
    assert_eq!(next.members.len(), 2, "the absent one gets its share");
    bench.sync(assigning(&next)).unwrap();
    bench.pass(REBALANCE);
    assert_eq!(
        bench.state(),
        GroupState::Stable,
        "nobody waits for it to sync either"
    );
    let back = bench.join(patient("two")).unwrap();
    let synced = bench.sync(sync(&back.member, back.generation)).unwrap();
    assert_eq!(synced.assignment, share_of(&two.member));
}

#[test]
fn a_rebalance_that_only_absent_static_members_could_join_waits_for_one() {
    let mut bench = Bench::new();
    let patient = |id| Join {
        session_timeout: Duration::from_secs(600),
        ..fixed(id)
    };
    let mut joins = vec![patient("one"), newcomer()];
    joins[0].rebalance_timeout = Duration::ZERO;
    joins[1].rebalance_timeout = Duration::ZERO;
    let members = bench.stabilize(joins);
    bench.ask(leave(&members[1].member));
    bench.pass(Duration::from_secs(30));
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
    let back = bench.join(patient("one")).unwrap();
    assert_eq!((&back.leader, back.members.len()), (&back.member, 1));
}

#[test]
fn a_full_group_lets_a_static_member_return() {
    let mut bench = Bench::with(GroupConfig {
        group_size_max: 2,
        ..GroupConfig::default()
    });
    let (_, two) = pair(&mut bench);
    assert_eq!(bench.join(fixed("two")).unwrap().generation, two.generation);
    assert_eq!(
        bench.join(fixed("three")),
        Err(GroupError::GroupMaxSizeReached)
    );
}

#[test]
fn a_static_member_that_returned_is_itself_after_a_restart() {
    let mut bench = Bench::new();
    let (_, two) = pair(&mut bench);
    let back = bench.join(fixed("two")).unwrap();
    bench.restart();
    assert_eq!(bench.heartbeat(&back.member, back.generation), Ok(()));
    let synced = bench.sync(sync(&back.member, back.generation)).unwrap();
    assert_eq!(synced.assignment, share_of(&two.member));
}

#[test]
fn a_static_member_that_returned_during_a_rebalance_is_not_fenced_after_a_restart() {
    let mut bench = Bench::new();
    let (one, _) = pair(&mut bench);
    let first = bench.send_join(Join {
        member: Some(one.member),
        ..fixed("one")
    });
    let back = bench.join(fixed("two")).unwrap();
    bench.joined(first).unwrap();
    bench.restart();
    let again = Heartbeat {
        group: group_id(GROUP),
        generation: back.generation,
        member: Some(back.member),
        instance: instance("two"),
    };
    assert_eq!(
        bench.ask(GroupCommand::Heartbeat(again)),
        GroupReply::Heartbeat(Err(GroupError::IllegalGeneration)),
        "so it joins again"
    );
}

#[test]
fn a_static_member_that_returns_before_it_had_synced_is_not_waited_for() {
    let mut bench = Bench::new();
    let (one, two) = pair(&mut bench);
    let leader = Join {
        member: Some(one.member),
        ..fixed("one")
    };
    let first = bench.send_join(leader);
    bench
        .join(Join {
            member: Some(two.member),
            ..fixed("two")
        })
        .unwrap();
    let first = bench.joined(first).unwrap();
    bench.sync(assigning(&first)).unwrap();
    let back = bench.join(fixed("two")).unwrap();
    let both = [
        (&first.member, first.generation),
        (&back.member, back.generation),
    ];
    bench.pass_alive(REBALANCE * 2, &both);
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Stable, first.generation)
    );
}

#[test]
fn a_return_during_a_rebalance_leaves_the_stored_generation_sound() {
    let mut bench = Bench::new();
    let both = || {
        let metadata = subscription(&["orders"]);
        vec![protocol("range", &metadata), protocol("sticky", &metadata)]
    };
    let flexible = |id| Join {
        protocols: both(),
        ..fixed(id)
    };
    let members = bench.stabilize(vec![newcomer(), flexible("one"), flexible("two")]);
    bench.ask(leave(&members[0].member));
    // Without the first member `sticky` alone fits; with it, as stored, it would not.
    let sticky = Join {
        protocols: both().split_off(1),
        ..fixed("two")
    };
    bench.send_join(sticky.clone());
    bench.restart();
    super::invariants::check(&bench.coordinator);
    bench.pass(SESSION);
    bench.pass(REBALANCE);
    assert_eq!(bench.state(), GroupState::Empty);
    bench.restart();
    assert!(bench.join(sticky).is_ok());
}
