//! Committing and reading offsets.

use std::time::Duration;

use super::harness::*;
use crate::group::*;

fn by(joined: &Joined, offset: i64) -> CommitOffsets {
    CommitOffsets {
        generation: joined.generation,
        member: Some(joined.member.clone()),
        ..commit(offset)
    }
}

#[test]
fn a_commit_comes_back_as_it_was_made() {
    let mut bench = Bench::new();
    bench.commit(commit(42)).unwrap();
    let all = FetchOffsets {
        group: group_id(GROUP),
        partitions: None,
    };
    let GroupReply::OffsetsFetched(found) = bench.ask(GroupCommand::FetchOffsets(all)) else {
        panic!("not fetched");
    };
    let [
        FetchedOffset {
            topic: found_topic,
            partition: 0,
            committed: Some(committed),
        },
    ] = &*found
    else {
        panic!("{found:?}");
    };
    assert_eq!(*found_topic, topic("orders"));
    assert_eq!((committed.offset, committed.leader_epoch), (42, Some(3)));
    assert_eq!(
        (&*committed.metadata, committed.committed_ms),
        ("note", bench.now.wall_ms)
    );
}

#[test]
fn a_partition_or_group_without_a_commit_has_no_offset() {
    let mut bench = Bench::new();
    assert_eq!(bench.committed("orders", 0), None);
    bench.commit(commit(1)).unwrap();
    assert_eq!(bench.committed("orders", 0), Some(1));
    assert_eq!(bench.committed("orders", 1), None);
    assert_eq!(bench.committed("refunds", 0), None);
}

#[test]
fn a_member_of_the_generation_commits() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, 7)).unwrap();
    assert_eq!(bench.committed("orders", 0), Some(7));
}

#[test]
fn while_there_are_members_nobody_else_commits() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    let nobody = MemberId::new("nobody");
    for (request, error) in [
        (commit(1), GroupError::UnknownMemberId),
        (
            CommitOffsets {
                member: nobody,
                ..by(&only, 1)
            },
            GroupError::UnknownMemberId,
        ),
        (
            CommitOffsets {
                generation: -1,
                ..by(&only, 1)
            },
            GroupError::IllegalGeneration,
        ),
        (
            CommitOffsets {
                generation: 2,
                ..by(&only, 1)
            },
            GroupError::IllegalGeneration,
        ),
        (
            CommitOffsets {
                instance: instance("x"),
                ..by(&only, 1)
            },
            GroupError::UnknownMemberId,
        ),
    ] {
        assert_eq!(bench.commit(request), Err(error));
    }
    assert_eq!(bench.committed("orders", 0), None);
}

#[test]
fn a_commit_with_a_generation_for_an_unknown_group_is_refused() {
    let mut bench = Bench::new();
    let request = CommitOffsets {
        generation: 1,
        member: MemberId::new("m"),
        ..commit(1)
    };
    assert_eq!(bench.commit(request), Err(GroupError::GroupIdNotFound));
    assert_eq!(bench.coordinator.groups().len(), 0);
}

#[test]
fn members_commit_while_they_are_asked_to_join_but_not_before_they_have_synced() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.send_join(newcomer());
    assert_eq!(bench.state(), GroupState::PreparingRebalance);
    bench.commit(by(&only, 5)).unwrap();
    let again = bench.join(known(&only.member)).unwrap();
    assert_eq!(
        bench.commit(by(&only, 6)),
        Err(GroupError::IllegalGeneration)
    );
    assert_eq!(
        bench.commit(by(&again, 6)),
        Err(GroupError::RebalanceInProgress)
    );
    assert_eq!(bench.committed("orders", 0), Some(5));
}

#[test]
fn metadata_that_is_too_large_fails_its_partition_alone() {
    let mut bench = Bench::new();
    let mut request = commit(1);
    let fits = CommitOffset {
        metadata: "x".repeat(4096).into(),
        ..request.offsets[0].clone()
    };
    let too_large = CommitOffset {
        partition: 1,
        metadata: "x".repeat(4097).into(),
        ..fits.clone()
    };
    request.offsets = vec![too_large, fits];
    let results: Vec<_> = bench
        .commit(request)
        .unwrap()
        .into_iter()
        .map(|it| (it.partition, it.result))
        .collect();
    assert_eq!(
        results,
        [(1, Err(GroupError::OffsetMetadataTooLarge)), (0, Ok(()))]
    );
    assert_eq!(bench.committed("orders", 1), None);
    assert_eq!(bench.committed("orders", 0), Some(1));
}

#[test]
fn a_refused_commit_leaves_no_group_and_no_event() {
    let mut bench = Bench::new();
    let mut request = commit(1);
    request.offsets[0].metadata = "x".repeat(5000).into();
    bench.commit(request).unwrap();
    assert_eq!(
        (bench.coordinator.groups().len(), bench.journal.len()),
        (0, 0)
    );
}

#[test]
fn offsets_outlive_the_members_that_committed_them() {
    let mut bench = Bench::new();
    let only = bench.stable(1).remove(0);
    bench.commit(by(&only, 9)).unwrap();
    bench.pass(SESSION + Duration::from_secs(3600));
    assert_eq!(bench.state(), GroupState::Empty);
    assert_eq!(bench.committed("orders", 0), Some(9));
    bench.commit(commit(3)).unwrap();
    assert_eq!(
        bench.committed("orders", 0),
        Some(3),
        "an operator may set them now"
    );
}
