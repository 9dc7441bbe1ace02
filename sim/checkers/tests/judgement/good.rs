//! Histories that look odd and are right.

use forebay_checkers::history::{AcrossLives, KeepsOrder, Operation, Outcome, Producer};

use crate::script::Script;

#[test]
fn unknown_outcomes_may_be_there_or_not() {
    let mut script = Script::new();
    script.acked("a", 0).unknown("b").unknown("c").failed("d");
    script.drains(&[("a", 0), ("b", 1)]);
    let counts = script.is_good().counts;
    assert_eq!(
        (counts.acknowledged, counts.failed, counts.unknown),
        (1, 1, 2)
    );
    assert_eq!((counts.recovered, counts.drains, counts.logs), (1, 1, 1));
}

#[test]
fn a_producer_that_is_not_idempotent_may_store_again() {
    let mut script = Script::new();
    script.acked_by("plain", "a", 1);
    script.drains(&[("a", 0), ("a", 1)]);
    assert_eq!(script.is_good().counts.stored_again, 1);
    // Two consumers that saw one of the two each.
    let mut apart = Script::of_log(|_| {});
    apart.acked_by("plain", "a", 0);
    apart.reads("one", &[("a", 0)]).reads("other", &[("a", 4)]);
    apart.is_good();
}

#[test]
fn a_late_retry_of_a_plain_producer_is_not_out_of_order() {
    let mut script = Script::new();
    script.operations.push(Operation::Producer(Producer {
        process: "plain".into(),
        once: false,
        keeps_order: KeepsOrder::Log,
    }));
    script.send(Some("a"), Outcome::Unknown, |s| s.process = "plain".into());
    script
        .acked_by("plain", "b", 0)
        .drains(&[("b", 0), ("a", 1)]);
    script.is_good();
}

#[test]
fn a_group_may_be_redelivered() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1);
    script.delivered("one", &[("a", 0), ("b", 1)]);
    script.assigned("other", Some(0));
    script
        .delivered("other", &[("a", 0), ("b", 1)])
        .drain_of_group(0, 2);
    assert_eq!(script.is_good().counts.redelivered, 2);
}

#[test]
fn a_position_that_is_set_anew_starts_anew() {
    let mut script = Script::new();
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script
        .reads("c", &[("a", 0), ("b", 1)])
        .assigned("c", Some(0));
    script.reads("c", &[("a", 0), ("b", 1)]).assigned("c", None);
    script.reads("c", &[("c", 2)]).is_good();
}

#[test]
fn what_comes_after_the_drain_is_not_missed() {
    let mut script = Script::new();
    script.acked("a", 0).drains(&[("a", 0)]).acked("b", 1);
    script.is_good();
}

#[test]
fn retention_takes_from_the_start() {
    let mut script = Script::of_log(|log| (log.dense, log.start_advances) = (true, true));
    script
        .acked("a", 0)
        .acked("b", 1)
        .acked("c", 2)
        .acked("d", 3);
    script.reads("slow", &[("a", 0), ("c", 2), ("d", 3)]);
    script.drains(&[("c", 2), ("d", 3)]).is_good();
    // And the whole log.
    let mut all = Script::of_log(|log| (log.dense, log.start_advances) = (true, true));
    all.acked("a", 0).acked("b", 1).drain("c", 2, 2).is_good();
}

#[test]
fn without_the_flag_the_start_does_not_advance() {
    let mut script = Script::of_log(|log| log.dense = true);
    script.acked("a", 0).acked("b", 1).drains(&[("b", 1)]);
    assert!(!script.verdict().is_valid());
}

#[test]
fn compaction_takes_what_a_later_record_of_the_key_replaces() {
    let mut script = Script::of_log(|log| log.compacted = true);
    script.keyed("k", Some("a"), 0).keyed("l", Some("b"), 1);
    script
        .keyed("k", Some("c"), 2)
        .keyed("m", None, 3)
        .keyed("m", None, 4);
    script.reads_keyed(&[("l", Some("b"), 1), ("k", Some("c"), 2)]);
    script.drain("c", 0, 5).is_good();
    // The last record of a key stays.
    let mut lost = Script::of_log(|log| log.compacted = true);
    lost.keyed("k", Some("a"), 0).keyed("l", Some("b"), 1);
    lost.reads_keyed(&[("l", Some("b"), 1)]).drain("c", 0, 2);
    assert!(!lost.verdict().is_valid());
}

#[test]
fn order_of_a_key_says_nothing_about_other_keys() {
    let mut script = Script::of_log(|_| {});
    script.keyed("k", Some("a"), 1).keyed("l", Some("b"), 0);
    script
        .reads_keyed(&[("l", Some("b"), 0), ("k", Some("a"), 1)])
        .is_good();
}

#[test]
fn sends_of_one_moment_have_no_order() {
    let mut script = Script::new();
    for (value, offset) in [("a", 1), ("b", 0)] {
        script.send(Some(value), Outcome::Ok, |s| {
            (s.offset, s.sequence, s.invoked) = (Some(offset), None, 7);
        });
    }
    script.is_good();
}

#[test]
fn a_log_may_lose_its_tail_with_a_life_and_use_the_offsets_again() {
    let mut script = Script::across_lives(AcrossLives::Prefix);
    script.acked("a", 0).acked("b", 1).acked("c", 2);
    script.reads("c", &[("a", 0), ("b", 1), ("c", 2)]).life += 1;
    script.acked_by("plain", "d", 1);
    script.drains(&[("a", 0), ("d", 1)]);
    assert_eq!(script.is_good().counts.lost_as_allowed, 2);
}

#[test]
fn a_log_that_keeps_nothing_is_judged_by_life() {
    let mut script = Script::across_lives(AcrossLives::Nothing);
    script
        .acked("a", 0)
        .acked("b", 1)
        .reads("c", &[("a", 0), ("b", 1)])
        .life += 1;
    script.acked_by("plain", "d", 0).drains(&[("d", 0)]);
    assert_eq!(script.is_good().counts.lost_as_allowed, 2);
}

#[test]
fn commits_that_overlap_a_look_may_show_or_not() {
    let shows = |offset| {
        let mut script = Script::new();
        script.commit(1, Outcome::Ok).commit_over(2, Outcome::Ok, 5);
        script.commit(3, Outcome::Unknown).committed(offset);
        script.verdict().is_valid()
    };
    assert!(shows(Some(1)) && shows(Some(2)) && shows(Some(3)));
    assert!(!shows(None) && !shows(Some(4)));
}

#[test]
fn an_unknown_commit_may_take_effect_late() {
    let mut script = Script::new();
    script
        .commit(1, Outcome::Unknown)
        .commit(2, Outcome::Ok)
        .committed(Some(1));
    script.is_good();
    let mut none = Script::new();
    none.commit(1, Outcome::Unknown).committed(None).is_good();
}
