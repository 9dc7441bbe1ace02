//! How long offsets and groups are kept (KIP-211).

use std::time::Duration;

use super::harness::*;
use crate::group::*;

const DAY: Duration = Duration::from_secs(24 * 3600);
/// A pass may come this much late.
const PASS: Duration = Duration::from_secs(10 * 60);

fn by(joined: &Joined, name: &str, offset: i64) -> CommitOffsets {
    let mut request = CommitOffsets {
        generation: joined.generation,
        member: Some(joined.member.clone()),
        ..commit(offset)
    };
    request.offsets[0].topic = topic(name);
    request
}

#[test]
fn offsets_stored_without_a_group_expire_seven_days_after_their_commit() {
    let mut bench = Bench::new();
    bench.commit(commit(1)).unwrap();
    bench.pass(DAY * 7 - Duration::from_secs(1));
    assert_eq!(bench.committed("orders", 0), Some(1));
    bench.pass(PASS);
    assert_eq!(bench.committed("orders", 0), None);
    assert_eq!(
        bench.state(),
        GroupState::Dead,
        "and nothing is left of the group"
    );
}

#[test]
fn each_standalone_offset_ages_by_itself() {
    let mut bench = Bench::new();
    bench.commit(commit(1)).unwrap();
    bench.pass(DAY * 4);
    let mut second = commit(2);
    second.offsets[0].partition = 1;
    bench.commit(second).unwrap();
    bench.pass(DAY * 3 + PASS);
    assert_eq!(
        (bench.committed("orders", 0), bench.committed("orders", 1)),
        (None, Some(2))
    );
}

#[test]
fn the_offsets_of_an_active_group_never_expire() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, "orders", 1)).unwrap();
    bench.pass_alive(DAY * 8, &[(&only.member, only.generation)]);
    assert_eq!(bench.committed("orders", 0), Some(1));
}

#[test]
fn an_active_group_forgets_topics_it_no_longer_consumes() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, "retired", 1)).unwrap();
    bench.pass_alive(DAY * 7 + PASS, &[(&only.member, only.generation)]);
    assert_eq!(bench.committed("retired", 0), None);
}

#[test]
fn the_retention_of_a_group_starts_when_its_last_member_goes() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, "orders", 1)).unwrap();
    bench.pass_alive(DAY * 5, &[(&only.member, only.generation)]);
    bench.ask(leave(&only.member));
    bench.pass(DAY * 7 - PASS);
    assert_eq!(bench.committed("orders", 0), Some(1));
    bench.pass(PASS * 2);
    assert_eq!(bench.committed("orders", 0), None);
    assert_eq!(bench.state(), GroupState::Dead);
}

#[test]
fn an_offset_an_operator_sets_in_an_old_empty_group_lives_a_whole_retention() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, "orders", 1)).unwrap();
    bench.ask(leave(&only.member));
    bench.pass(DAY * 6);
    bench.commit(commit(0)).unwrap();
    bench.pass(DAY * 6);
    assert_eq!(bench.committed("orders", 0), Some(0));
    bench.pass(DAY + PASS);
    assert_eq!(bench.committed("orders", 0), None);
}

#[test]
fn a_retention_that_the_client_chose_counts_for_its_offsets() {
    let mut bench = Bench::new();
    bench
        .commit(CommitOffsets {
            retention: Some(DAY),
            ..commit(1)
        })
        .unwrap();
    bench.pass(DAY - Duration::from_secs(1));
    assert_eq!(bench.committed("orders", 0), Some(1));
    bench.pass(PASS);
    assert_eq!(bench.committed("orders", 0), None);
}

#[test]
fn an_empty_group_without_offsets_is_deleted() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.ask(leave(&only.member));
    assert_eq!(bench.state(), GroupState::Empty);
    bench.pass(PASS);
    assert_eq!(bench.state(), GroupState::Dead);
    assert!(matches!(
        bench.journal.last(),
        Some(GroupEvent::GroupDeleted { .. })
    ));
}

#[test]
fn time_goes_on_while_the_broker_is_down() {
    let mut bench = Bench::new();
    bench.commit(commit(1)).unwrap();
    bench.now.wall_ms += i64::try_from((DAY * 7).as_millis()).unwrap();
    bench.now.aging_ms = bench.now.wall_ms;
    bench.restart();
    bench.pass(PASS);
    assert_eq!(bench.committed("orders", 0), None);
}

#[test]
fn a_pass_over_many_groups_takes_many_small_steps_and_misses_none() {
    let mut bench = Bench::new();
    for number in 0..limits::RETENTION_GROUPS_PER_STEP * 3 + 1 {
        let group = group_id(&format!("group-{number}"));
        bench
            .commit(CommitOffsets {
                group,
                retention: Some(PASS / 2),
                ..commit(1)
            })
            .unwrap();
    }
    bench.pass(PASS - Duration::from_secs(1));
    let mut most = 0;
    for _ in 0..10 {
        let before = bench.coordinator.groups().len();
        let due = bench.coordinator.next_deadline().unwrap();
        if bench.coordinator.groups().len() == 0 {
            break;
        }
        bench.pass(due - bench.now.monotonic);
        most = most.max(before - bench.coordinator.groups().len());
    }
    assert_eq!(bench.coordinator.groups().len(), 0);
    assert_eq!(most, limits::RETENTION_GROUPS_PER_STEP);
}
