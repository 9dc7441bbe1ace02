//! Who gets in, and when a generation begins.

use std::time::Duration;

use super::harness::*;
use crate::group::*;

#[test]
fn the_first_member_leads_a_generation_of_its_own_at_once() {
    let mut bench = Bench::new();
    let joined = bench.join(newcomer()).unwrap();
    assert_eq!((joined.generation, &joined.leader), (1, &joined.member));
    assert_eq!(joined.members.len(), 1);
    assert_eq!(&*joined.protocol_name, "range");
    assert!(joined.member.as_str().starts_with("client-"));
    assert_eq!(bench.state(), GroupState::CompletingRebalance);
}

#[test]
fn a_newcomer_waits_until_every_member_has_joined_again() {
    let mut bench = Bench::new();
    let first = bench.stable(1).remove(0);
    let second = bench.send_join(newcomer());
    assert_eq!(bench.reply(second), None);
    assert_eq!(
        bench.heartbeat(&first.member, first.generation),
        Err(GroupError::RebalanceInProgress)
    );
    let first_again = bench.join(known(&first.member)).unwrap();
    let second = bench.joined(second).unwrap();
    assert_eq!((first_again.generation, second.generation), (2, 2));
    assert_eq!(
        first_again.leader, first.member,
        "the leader stays the leader"
    );
    assert_eq!(first_again.members.len(), 2, "the leader sees everyone");
    assert_eq!(second.members, [], "a follower sees nobody");
}

#[test]
fn a_newcomer_is_told_its_id_before_it_counts() {
    let mut bench = Bench::new();
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    let Err(GroupError::MemberIdRequired { member_id }) = bench.join(careful.clone()) else {
        panic!("joined without an id");
    };
    assert_eq!(bench.state(), GroupState::Empty);
    let joined = bench
        .join(Join {
            member: Some(member_id.clone()),
            ..careful
        })
        .unwrap();
    assert_eq!(joined.member, member_id);
}

#[test]
fn a_reserved_id_that_is_never_used_leaves_no_trace() {
    let mut bench = Bench::new();
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    let Err(GroupError::MemberIdRequired { member_id }) = bench.join(careful) else {
        panic!("joined without an id");
    };
    bench.pass(SESSION);
    assert_eq!(bench.coordinator.groups().len(), 0);
    assert_eq!(
        bench.join(known(&member_id)),
        Err(GroupError::UnknownMemberId)
    );
    assert_eq!(bench.journal, []);
}

#[test]
fn a_rebalance_waits_for_a_reserved_id_until_it_expires() {
    let mut bench = Bench::new();
    let first = bench.stable(1).remove(0);
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    bench.join(careful).unwrap_err();
    let again = bench.send_join(known(&first.member));
    assert_eq!(bench.reply(again), None);
    bench.pass(SESSION);
    assert_eq!(bench.joined(again).unwrap().generation, 2);
}

#[test]
fn an_unknown_member_or_group_is_told_so() {
    let mut bench = Bench::new();
    let stranger = MemberId::new("nobody").unwrap();
    assert_eq!(
        bench.join(known(&stranger)),
        Err(GroupError::UnknownMemberId)
    );
    assert_eq!(
        bench.coordinator.groups().len(),
        0,
        "and no group is made for it"
    );
    bench.stable(1);
    assert_eq!(
        bench.join(known(&stranger)),
        Err(GroupError::UnknownMemberId)
    );
}

#[test]
fn session_time_outs_outside_the_range_are_refused() {
    let mut bench = Bench::new();
    for (timeout, fits) in [
        (5_999, false),
        (6_000, true),
        (1_800_000, true),
        (1_800_001, false),
    ] {
        let session_timeout = Duration::from_millis(timeout);
        let group = group_id(&timeout.to_string());
        let result = bench.join(Join {
            session_timeout,
            group,
            ..newcomer()
        });
        assert_eq!(
            result.err(),
            (!fits).then_some(GroupError::InvalidSessionTimeout),
            "{timeout}"
        );
    }
}

#[test]
fn a_member_without_a_common_protocol_is_refused() {
    let mut bench = Bench::new();
    bench.stable(1);
    let other = Join {
        protocols: vec![protocol("sticky", b"")],
        ..newcomer()
    };
    assert_eq!(
        bench.join(other),
        Err(GroupError::InconsistentGroupProtocol)
    );
    let other = Join {
        protocol_type: "connect".into(),
        ..newcomer()
    };
    assert_eq!(
        bench.join(other),
        Err(GroupError::InconsistentGroupProtocol)
    );
    let none = Join {
        protocols: Vec::new(),
        group: group_id("new"),
        ..newcomer()
    };
    assert_eq!(bench.join(none), Err(GroupError::InconsistentGroupProtocol));
    assert_eq!(bench.coordinator.groups().len(), 1);
}

#[test]
fn the_protocol_with_the_most_votes_among_the_common_ones_wins() {
    let mut bench = Bench::new();
    let offering = |names: &[&str]| Join {
        protocols: names
            .iter()
            .map(|name| protocol(name, &subscription(&["orders"])))
            .collect(),
        ..newcomer()
    };
    let members = bench.stabilize(vec![
        offering(&["own", "range", "sticky"]),
        offering(&["sticky", "range"]),
        offering(&["sticky", "range"]),
    ]);
    assert!(
        members
            .iter()
            .all(|joined| &*joined.protocol_name == "sticky")
    );
}

#[test]
fn the_same_protocol_twice_counts_once() {
    let mut bench = Bench::new();
    let twice = vec![protocol("range", b"a"), protocol("range", b"b")];
    let joined = bench
        .join(Join {
            protocols: twice,
            ..newcomer()
        })
        .unwrap();
    assert_eq!(joined.members[0].metadata, "a");
    bench.send_join(newcomer());
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
}

#[test]
fn an_unchanged_follower_that_joins_again_disturbs_nobody() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let again = bench.join(known(&members[1].member)).unwrap();
    assert_eq!(again.generation, members[1].generation);
    assert_eq!(bench.state(), GroupState::Stable);
    let synced = bench.sync(sync(&again.member, again.generation)).unwrap();
    assert_eq!(synced.assignment, share_of(&again.member));
}

#[test]
fn a_changed_follower_and_any_leader_that_join_again_rebalance_the_group() {
    let changed = vec![protocol("range", &subscription(&["orders", "refunds"]))];
    for (at, protocols) in [(0, newcomer().protocols), (1, changed)] {
        let mut bench = Bench::new();
        let members = bench.stable(2);
        let token = bench.send_join(Join {
            protocols,
            ..known(&members[at].member)
        });
        assert_eq!(bench.reply(token), None);
        assert_eq!(bench.state(), GroupState::PreparingRebalance);
    }
}

#[test]
fn an_unchanged_member_that_lost_its_reply_gets_it_again() {
    let mut bench = Bench::new();
    let joined = bench.join(newcomer()).unwrap();
    assert_eq!(bench.join(known(&joined.member)), Ok(joined));
    assert_eq!(bench.generation(), 1);
}

#[test]
fn a_member_that_does_not_join_again_in_time_is_removed() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let (leader, follower) = (&members[0], &members[1]);
    let again = bench.send_join(known(&leader.member));
    bench.pass_alive(
        REBALANCE - Duration::from_millis(1),
        &[(&follower.member, follower.generation)],
    );
    assert_eq!(bench.reply(again), None);
    bench.pass(Duration::from_millis(1));
    assert_eq!(bench.joined(again).unwrap().members.len(), 1);
    assert_eq!(bench.members(), std::slice::from_ref(&leader.member));
}

#[test]
fn a_leader_that_does_not_join_again_in_time_is_replaced() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let changed = vec![protocol("range", &subscription(&["refunds"]))];
    let again = bench.send_join(Join {
        protocols: changed,
        ..known(&members[1].member)
    });
    bench.pass(REBALANCE);
    let joined = bench.joined(again).unwrap();
    assert_eq!(joined.leader, members[1].member);
    assert_eq!(joined.members.len(), 1);
}

#[test]
fn an_empty_group_waits_for_more_members_as_long_as_they_keep_coming() {
    let delay = Duration::from_secs(3);
    let mut bench = Bench::with(GroupConfig {
        initial_rebalance_delay: delay,
        ..GroupConfig::default()
    });
    let first = bench.send_join(newcomer());
    bench.pass(delay / 2);
    let second = bench.send_join(newcomer());
    bench.pass(delay / 2);
    assert_eq!(
        bench.reply(first),
        None,
        "someone came, so the delay starts again"
    );
    bench.pass(delay);
    assert_eq!(bench.joined(first).unwrap().generation, 1);
    assert_eq!(bench.joined(second).unwrap().generation, 1);
}

#[test]
fn the_initial_delay_never_exceeds_the_rebalance_time_out() {
    let delay = Duration::from_secs(3);
    let mut bench = Bench::with(GroupConfig {
        initial_rebalance_delay: delay,
        ..GroupConfig::default()
    });
    let rebalance_timeout = Duration::from_secs(7);
    let first = bench.send_join(Join {
        rebalance_timeout,
        ..newcomer()
    });
    for _ in 0..7 {
        bench.send_join(Join {
            rebalance_timeout,
            ..newcomer()
        });
        bench.pass(Duration::from_secs(1));
    }
    assert_eq!(bench.joined(first).unwrap().generation, 1);
}

#[test]
fn a_full_group_takes_no_more_members_but_keeps_those_it_has() {
    let mut bench = Bench::with(GroupConfig {
        group_size_max: 2,
        ..GroupConfig::default()
    });
    let members = bench.stable(2);
    assert_eq!(bench.join(newcomer()), Err(GroupError::GroupMaxSizeReached));
    assert_eq!(
        bench.join(known(&members[1].member)).unwrap().generation,
        members[1].generation
    );
    assert_eq!(bench.state(), GroupState::Stable);
}

#[test]
fn reserved_ids_are_bounded_like_members() {
    let mut bench = Bench::with(GroupConfig {
        group_size_max: 2,
        ..GroupConfig::default()
    });
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    for _ in 0..2 {
        let refused = bench.join(careful.clone());
        assert!(matches!(refused, Err(GroupError::MemberIdRequired { .. })));
    }
    assert_eq!(bench.join(careful), Err(GroupError::GroupMaxSizeReached));
}

#[test]
fn groups_are_bounded_and_a_refused_one_leaves_no_trace() {
    let mut bench = Bench::with(GroupConfig {
        groups_max: 1,
        ..GroupConfig::default()
    });
    bench.commit(commit(1)).unwrap();
    let other = Join {
        group: group_id("other"),
        ..newcomer()
    };
    assert_eq!(bench.join(other), Err(GroupError::GroupLimitReached));
    let other = CommitOffsets {
        group: group_id("other"),
        ..commit(1)
    };
    assert_eq!(bench.commit(other), Err(GroupError::GroupLimitReached));
    assert_eq!(bench.coordinator.groups().len(), 1);
}

#[test]
fn metadata_is_bounded_for_a_member_and_for_its_group() {
    let mut bench = Bench::new();
    let large = |bytes| Join {
        protocols: vec![protocol("range", &vec![0; bytes])],
        ..newcomer()
    };
    let whole = limits::MEMBER_METADATA_BYTES_MAX - "range".len();
    assert_eq!(
        bench.join(large(whole + 1)),
        Err(GroupError::MemberMetadataTooLarge)
    );
    let fitting = limits::GROUP_METADATA_BYTES_MAX / limits::MEMBER_METADATA_BYTES_MAX;
    for _ in 0..fitting {
        let token = bench.send_join(large(whole));
        assert!(!matches!(
            bench.reply(token),
            Some(GroupReply::Joined(Err(_)))
        ));
    }
    assert_eq!(
        bench.join(large(whole)),
        Err(GroupError::MemberMetadataTooLarge)
    );
}

#[test]
fn a_request_sent_twice_is_answered_twice_and_its_member_counted_once() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    let once = bench.send_join(known(&members[0].member));
    let twice = bench.send_join(known(&members[0].member));
    assert_eq!(bench.joined(once), Err(GroupError::RebalanceInProgress));
    bench.join(known(&members[1].member)).unwrap();
    assert_eq!(bench.joined(twice).unwrap().members.len(), 2);
}

#[test]
fn what_is_kept_of_a_request_does_not_hold_its_buffer() {
    let mut bench = Bench::new();
    let frame = bytes::Bytes::from(vec![7; 4096]);
    let metadata = frame.slice(10..20);
    let protocols = vec![Protocol {
        name: "range".into(),
        metadata,
    }];
    bench
        .join(Join {
            protocols,
            ..newcomer()
        })
        .unwrap();
    assert!(frame.is_unique());
}

#[test]
fn in_a_rebalance_of_a_full_group_the_last_to_join_again_loses_its_place() {
    let mut bench = Bench::with(GroupConfig {
        group_size_max: 2,
        ..GroupConfig::default()
    });
    let members = bench.stable(2);
    let first = bench.send_join(known(&members[0].member));
    let second = bench.send_join(newcomer());
    let late = bench.join(known(&members[1].member));
    assert_eq!(late, Err(GroupError::GroupMaxSizeReached));
    assert_eq!(bench.joined(first).unwrap().members.len(), 2);
    assert!(bench.joined(second).is_ok());
    assert!(!bench.members().contains(&members[1].member));
}

#[test]
fn a_reserved_id_that_no_longer_fits_is_not_waited_for() {
    let mut bench = Bench::with(GroupConfig {
        group_size_max: 1,
        ..GroupConfig::default()
    });
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    let Err(GroupError::MemberIdRequired { member_id }) = bench.join(careful) else {
        panic!("joined without an id");
    };
    let only = bench.stable(1).remove(0);
    assert_eq!(
        bench.join(known(&member_id)),
        Err(GroupError::GroupMaxSizeReached)
    );
    assert_eq!(
        bench.join(known(&only.member)).unwrap().generation,
        2,
        "at once"
    );
}

#[test]
fn a_group_whose_last_member_leaves_is_empty_although_an_id_is_reserved() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let careful = Join {
        requires_known_member_id: true,
        ..newcomer()
    };
    bench.join(careful).unwrap_err();
    bench.ask(leave(&only.member));
    assert_eq!(bench.state(), GroupState::Empty);
}
