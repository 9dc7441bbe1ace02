//! At least one history for each anomaly.

use forebay_checkers::Anomaly;
use forebay_checkers::history::{AcrossLives, Outcome};

use crate::script::Script;

#[test]
fn an_acknowledged_record_that_the_drain_misses_is_lost() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script.reads("drain", &[("a", 0)]);
    script
        .assigned("drain", Some(2))
        .reads("drain", &[("c", 2)]);
    script.drain("drain", 0, 3).has_only(Anomaly::Lost, 1);
}

#[test]
fn an_acknowledged_tail_that_is_cut_off_is_lost() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script.drains(&[("a", 0)]).has_only(Anomaly::Lost, 2);
}

#[test]
fn an_acknowledgement_without_offset_is_accounted_for() {
    let mut script = Script::new();
    script.send(Some("a"), Outcome::Ok, |_| {});
    script.drains(&[]).has_only(Anomaly::Lost, 1);
}

#[test]
fn what_was_read_once_must_stay() {
    // Of unknown outcome, but somebody has seen it.
    let mut script = Script::new();
    script.acked("a", 0).unknown("b");
    script.reads("c", &[("a", 0), ("b", 1)]);
    script.drains(&[("a", 0)]).has_only(Anomaly::Lost, 1);
}

#[test]
fn the_tail_may_only_be_lost_with_a_life_and_only_the_tail() {
    let prefix = || {
        let mut script = Script::across_lives(AcrossLives::Prefix);
        script.acked("a", 0).acked("b", 1).acked("c", 2).life += 1;
        script
    };
    // "b" is gone although "c" behind it is there.
    let mut hole = prefix();
    hole.reads("drain", &[("a", 0), ("c", 2)]);
    hole.drain("drain", 0, 3).has_only(Anomaly::Lost, 1);
    // "d" was acknowledged in the life that still goes on.
    let mut lively = prefix();
    lively.acked("d", 1).drains(&[("a", 0)]);
    lively.has_only(Anomaly::Lost, 1);
}

#[test]
fn a_lost_write_is_found_without_a_drain() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script.reads("one", &[("a", 0)]).reads("other", &[("c", 2)]);
    script.has_only(Anomaly::LostWrite, 1);
}

#[test]
fn a_record_that_a_group_never_gets_is_undelivered() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script
        .delivered("one", &[("a", 0)])
        .delivered("other", &[("c", 2)]);
    script.drain_of_group(0, 3);
    script.drains(&[("a", 0), ("b", 1), ("c", 2)]);
    script.has_only(Anomaly::Undelivered, 1);
}

#[test]
fn a_record_that_nobody_sent_is_unexpected() {
    let mut script = Script::new();
    script.acked("a", 0).drains(&[("a", 0), ("ghost", 1)]);
    script.has_only(Anomaly::Unexpected, 1);
}

#[test]
fn a_record_with_another_key_is_unexpected() {
    let mut script = Script::new();
    script.keyed("k", Some("a"), 0);
    script.reads_keyed(&[("other", Some("a"), 0)]);
    script.has_only(Anomaly::Unexpected, 1);
    let mut keyless = Script::new();
    keyless.keyed("k", Some("a"), 0).reads("c", &[("a", 0)]);
    keyless.has_only(Anomaly::Unexpected, 1);
}

#[test]
fn a_failed_send_must_not_be_read() {
    let mut script = Script::new();
    script
        .acked("a", 0)
        .failed("b")
        .drains(&[("a", 0), ("b", 1)]);
    script.has_only(Anomaly::FailedButRead, 1);
}

#[test]
fn an_idempotent_producers_record_is_stored_once() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1);
    script.drains(&[("a", 0), ("b", 1), ("a", 2)]);
    script.has_only(Anomaly::Duplicate, 1);
}

#[test]
fn an_offset_has_one_value() {
    // Two consumers disagree.
    let mut readers = Script::of_log(|_| {});
    readers.unknown("a").unknown("b");
    readers
        .reads("one", &[("a", 0)])
        .reads("other", &[("b", 0)]);
    readers.has_only(Anomaly::InconsistentOffset, 1);
    // Two acknowledgements name the same offset.
    let mut acknowledged = Script::of_log(|_| {});
    acknowledged.acked_by("p", "a", 0).acked_by("plain", "b", 0);
    acknowledged.has_only(Anomaly::InconsistentOffset, 1);
    // An offset is used again after it was read: in the next life, which changes nothing.
    let mut reused = Script::of_log(|_| {});
    reused.unknown("a").reads("c", &[("a", 0)]).life += 1;
    reused.unknown("b").reads("d", &[("b", 0)]);
    reused.has_only(Anomaly::InconsistentOffset, 1);
}

#[test]
fn a_value_has_one_offset() {
    // Acknowledged here, found there.
    let mut moved = Script::of_log(|_| {});
    moved.acked("a", 0).acked("b", 1);
    moved
        .reads("drain", &[("a", 0), ("b", 7)])
        .drain("drain", 0, 8);
    moved.has_only(Anomaly::InconsistentOffset, 1);
    // Two consumers disagree.
    let mut readers = Script::of_log(|_| {});
    readers.unknown("a");
    readers
        .reads("one", &[("a", 0)])
        .reads("other", &[("a", 3)]);
    readers.has_only(Anomaly::InconsistentOffset, 1);
    // A producer that may store twice was told an offset that does not hold.
    let mut plain = Script::of_log(|_| {});
    plain.acked_by("plain", "a", 0).drains(&[("a", 4)]);
    plain.has_only(Anomaly::InconsistentOffset, 1);
}

#[test]
fn an_acknowledged_record_does_not_move_with_a_life_that_loses_the_tail() {
    let mut script = Script::across_lives(AcrossLives::Prefix);
    script.acked("a", 5).life += 1;
    script.drains(&[("a", 3)]);
    script.has_only(Anomaly::InconsistentOffset, 1);
}

#[test]
fn a_hole_that_nobody_can_explain_is_not_dense() {
    let mut script = Script::new();
    script.acked("a", 0).acked("c", 3);
    script
        .drains(&[("a", 0), ("c", 3)])
        .has_only(Anomaly::NotDense, 1);
    // At the end of the log.
    let mut end = Script::new();
    end.acked("a", 0).reads("drain", &[("a", 0)]);
    end.drain("drain", 0, 2).has_only(Anomaly::NotDense, 1);
    // At its start.
    let mut start = Script::new();
    start.acked("b", 1).reads("drain", &[("b", 1)]);
    start.drain("drain", 0, 2).has_only(Anomaly::NotDense, 1);
}

#[test]
fn polls_go_forwards() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1);
    script.reads("c", &[("a", 0), ("b", 1), ("b", 1)]);
    script.has_only(Anomaly::NonmonotonicPoll, 1);
    let mut back = Script::new();
    back.acked("a", 0).acked("b", 1);
    back.reads("c", &[("a", 0), ("b", 1), ("a", 0)]);
    back.has_only(Anomaly::NonmonotonicPoll, 1);
    let mut before_position = Script::new();
    before_position.acked("a", 0).acked("b", 1);
    before_position
        .assigned("c", Some(1))
        .reads("c", &[("a", 0), ("b", 1)]);
    before_position.has_only(Anomaly::NonmonotonicPoll, 1);
}

#[test]
fn the_records_of_a_poll_go_forwards() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1);
    script.poll("c", &[("b", 1), ("a", 0)]);
    script.has_only(Anomaly::InternalNonmonotonicPoll, 1);
}

#[test]
fn polls_leave_nothing_out() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script
        .reads("one", &[("a", 0), ("c", 2)])
        .reads("other", &[("b", 1)]);
    script.has_only(Anomaly::SkippedPoll, 1);
    let mut from_position = Script::new();
    from_position.acked("a", 0).acked("b", 1);
    from_position.assigned("c", Some(0)).reads("c", &[("b", 1)]);
    from_position.has_only(Anomaly::SkippedPoll, 1);
}

#[test]
fn a_poll_leaves_nothing_out() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script
        .poll("one", &[("a", 0), ("c", 2)])
        .reads("other", &[("b", 1)]);
    script.has_only(Anomaly::InternalSkippedPoll, 1);
}

#[test]
fn acknowledged_offsets_grow() {
    let mut script = Script::new();
    script.acked("a", 1).acked("b", 0);
    script.has_only(Anomaly::NonmonotonicSend, 1);
    let mut of_a_key = Script::new();
    of_a_key
        .keyed("k", Some("a"), 5)
        .keyed("other", Some("b"), 3);
    of_a_key
        .keyed("k", Some("c"), 4)
        .has_only(Anomaly::NonmonotonicSend, 1);
}

#[test]
fn the_records_of_one_call_are_stored_side_by_side() {
    let mut script = Script::new();
    script.send(Some("a"), Outcome::Ok, |s| {
        (s.offset, s.call) = (Some(0), Some(1))
    });
    script.send(Some("b"), Outcome::Ok, |s| {
        (s.offset, s.call) = (Some(2), Some(1))
    });
    script
        .acked_by("plain", "x", 1)
        .has_only(Anomaly::SkippedSend, 1);
}

#[test]
fn records_of_unknown_outcome_keep_their_place_too() {
    let mut script = Script::new();
    script.unknown("a").acked("b", 0);
    script
        .drains(&[("b", 0), ("a", 1)])
        .has_only(Anomaly::OutOfOrder, 1);
    let mut both = Script::new();
    both.unknown("a").unknown("b");
    both.drains(&[("b", 0), ("a", 1)])
        .has_only(Anomaly::OutOfOrder, 1);
}

#[test]
fn order_is_kept_by_what_survives_a_lost_tail() {
    let mut script = Script::across_lives(AcrossLives::Prefix);
    script.unknown("a").unknown("b").life += 1;
    script
        .drains(&[("b", 0), ("a", 1)])
        .has_only(Anomaly::OutOfOrder, 1);
}

#[test]
fn an_acknowledged_commit_is_shown() {
    let mut nothing = Script::new();
    nothing.commit(3, Outcome::Ok).committed(None);
    nothing.has_only(Anomaly::LostCommit, 1);
    let mut older = Script::new();
    older
        .commit(3, Outcome::Ok)
        .commit(5, Outcome::Ok)
        .committed(Some(3));
    older.has_only(Anomaly::LostCommit, 1);
    // Newer is what was committed later, not what is larger.
    let mut back = Script::new();
    back.commit(5, Outcome::Ok)
        .commit(3, Outcome::Ok)
        .committed(Some(5));
    back.has_only(Anomaly::LostCommit, 1);
}

#[test]
fn a_committed_offset_was_committed() {
    let mut script = Script::new();
    script
        .commit(3, Outcome::Ok)
        .commit(9, Outcome::Failed)
        .committed(Some(9));
    script.has_only(Anomaly::UnexpectedCommit, 1);
}

#[test]
fn a_commit_that_was_given_up_does_not_outlive_the_server() {
    let mut script = Script::new();
    script
        .commit(1, Outcome::Unknown)
        .restart()
        .commit(2, Outcome::Ok);
    script.committed(Some(1)).has_only(Anomaly::LostCommit, 1);
}
