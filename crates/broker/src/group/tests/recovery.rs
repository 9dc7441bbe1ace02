//! What survives a restart.

use std::time::Duration;

use forebay_storage::codec::{DecodeError, Decoder};

use super::harness::*;
use crate::group::*;

#[test]
fn a_stable_group_goes_on_after_a_restart_without_a_rebalance() {
    let mut bench = Bench::new();
    let members = bench.stable(3);
    bench.pass(SESSION / 2);
    bench.restart();
    bench.pass(SESSION - Duration::from_millis(1));
    for joined in &members {
        assert_eq!(bench.heartbeat(&joined.member, joined.generation), Ok(()));
        let synced = bench.sync(sync(&joined.member, joined.generation)).unwrap();
        assert_eq!(synced.assignment, share_of(&joined.member));
    }
    let again = bench.join(known(&members[1].member)).unwrap();
    assert_eq!(
        again.generation, members[1].generation,
        "an unchanged follower changes nothing"
    );
    let leader = bench.coordinator.group(GROUP).unwrap().leader().cloned();
    assert_eq!(leader, Some(members[0].member.clone()));
}

#[test]
fn members_that_do_not_come_back_after_a_restart_are_removed_after_a_whole_session() {
    let mut bench = Bench::new();
    bench.stable(2);
    bench.restart();
    bench.pass(SESSION);
    assert_eq!(bench.state(), GroupState::Empty);
}

#[test]
fn a_rebalance_cut_off_by_a_restart_begins_again_from_the_last_stored_generation() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    bench.send_join(newcomer());
    bench.send_join(known(&members[0].member));
    bench.restart();
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Stable, members[0].generation)
    );
    assert_eq!(
        bench.heartbeat(&members[1].member, members[1].generation),
        Ok(())
    );
}

#[test]
fn an_empty_group_keeps_its_generation_and_offsets() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.ask(leave(&only.member));
    bench.commit(commit(5)).unwrap();
    let generation = bench.generation();
    bench.restart();
    assert_eq!(
        (bench.state(), bench.generation()),
        (GroupState::Empty, generation)
    );
    assert_eq!(bench.committed("orders", 0), Some(5));
    assert_eq!(bench.join(newcomer()).unwrap().generation, generation + 1);
}

#[test]
fn a_snapshot_and_the_events_after_it_are_as_good_as_all_events() {
    let mut bench = Bench::new();
    let members = bench.stable(2);
    bench
        .commit(CommitOffsets {
            group: group_id("archive"),
            ..commit(1)
        })
        .unwrap();
    bench.send_join(newcomer());
    let (snapshot, after) = (bench.snapshot(), bench.journal.len());
    bench.send_join(known(&members[0].member));
    bench.ask(leave(&members[1].member));
    bench
        .commit(CommitOffsets {
            group: group_id("archive"),
            ..commit(2)
        })
        .unwrap();

    let mut decoder = Decoder::new(&snapshot);
    let mut restored = GroupCoordinator::restore(&mut decoder, bench.config.clone()).unwrap();
    decoder.finish().unwrap();
    assert_eq!(snapshot_of(&restored), snapshot);
    for event in &bench.journal[after..] {
        restored.apply(event);
    }
    restored.open(bench.now);
    let before = bench.snapshot();
    assert_eq!(snapshot_of(&restored), before);
    bench.restart();
    assert_eq!(bench.snapshot(), before);
}

#[test]
fn snapshots_and_events_of_other_versions_are_refused_by_name() {
    let config = GroupConfig::default;
    let refused = GroupCoordinator::restore(&mut Decoder::new(&[9]), config()).unwrap_err();
    assert_eq!(
        refused,
        DecodeError::Invalid {
            what: "version of group snapshot"
        }
    );
    for kind in [0, 7, 255] {
        let refused = GroupEvent::decode(&mut Decoder::new(&[kind])).unwrap_err();
        assert_eq!(
            refused,
            DecodeError::Invalid {
                what: "kind of group event"
            }
        );
    }
}

#[test]
fn truncated_snapshots_are_refused_without_a_panic() {
    let mut bench = Bench::new();
    bench.stable(2);
    bench
        .commit(CommitOffsets {
            group: group_id("archive"),
            ..commit(1)
        })
        .unwrap();
    let snapshot = bench.snapshot();
    for length in 0..snapshot.len() {
        let mut decoder = Decoder::new(&snapshot[..length]);
        assert!(GroupCoordinator::restore(&mut decoder, GroupConfig::default()).is_err());
    }
}
