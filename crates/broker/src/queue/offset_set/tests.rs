//! A set against a set of every offset, and what it costs.

use std::collections::BTreeSet;

use forebay_storage::SimulatedDisk;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::media::Fault;
use proptest::prelude::*;

use super::*;
use crate::queue::tests::harness::{all_of, scratch};

/// Offsets of a page of blocks.
const PAGE_OFFSETS: u64 = PAGE * BLOCK;

#[derive(Clone, Debug)]
enum Step {
    Insert(Range<u64>),
    Remove(Range<u64>),
    /// With so many bytes left in memory.
    PageOut(usize),
    Restart,
}

/// Runs around the borders of words, blocks and pages.
fn run() -> impl Strategy<Value = Range<u64>> {
    let start = prop_oneof![
        4 => 0..2_100u64,
        2 => PAGE_OFFSETS - 1_000..PAGE_OFFSETS + 1_000,
        1 => 2 * PAGE_OFFSETS - 1_000..2 * PAGE_OFFSETS + 1_000,
    ];
    let length = prop_oneof![
        4 => 1..4u64,
        4 => 60..70u64,
        4 => 500..530u64,
        4 => 1_000..1_600u64,
        1 => PAGE_OFFSETS - 600..PAGE_OFFSETS + 1_200,
    ];
    (start, length).prop_map(|(start, length)| start..start + length)
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => run().prop_map(Step::Insert),
        4 => run().prop_map(Step::Remove),
        3 => prop_oneof![Just(0usize), 1..2_000usize].prop_map(Step::PageOut),
        1 => Just(Step::Restart),
    ]
}

fn snapshot(set: &OffsetSet) -> Vec<u8> {
    let mut encoder = Encoder::new();
    set.snapshot(&mut encoder);
    all_of(&encoder.finish_with_pages())
}

fn restored(bytes: &[u8], scratch: &Arc<Scratch>) -> Result<OffsetSet, DecodeError> {
    let mut decoder = Decoder::new(bytes);
    let set = OffsetSet::restore(&mut decoder, 1_000, scratch)?;
    decoder.finish()?;
    Ok(set)
}

/// Every other offset, the worst there is.
fn every_other(offsets: u64) -> OffsetSet {
    let mut set = OffsetSet::default();
    (0..offsets / 2).for_each(|n| set.insert(2 * n..2 * n + 1));
    set
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1_000))]

    #[test]
    fn it_holds_what_a_set_of_every_offset_holds(
        steps in prop::collection::vec(step(), 1..24),
        probe in run(),
    ) {
        let scratch = scratch();
        let mut set = OffsetSet::default();
        let mut model = BTreeSet::new();
        for step in steps {
            match step {
                Step::Insert(run) => {
                    set.insert(run.clone());
                    model.extend(run);
                }
                Step::Remove(run) => {
                    set.remove(run.clone());
                    model.retain(|offset| !run.contains(offset));
                }
                Step::PageOut(bytes_max) => set.page_out(bytes_max, &scratch),
                Step::Restart => set = restored(&snapshot(&set), &scratch).unwrap(),
            }
            prop_assert_eq!(set.len(), model.len() as u64);
            prop_assert_eq!(set.first(), model.first().copied());
        }
        prop_assert!(set.runs().flatten().eq(model.iter().copied()));
        let within = model.range(probe.clone()).copied();
        prop_assert!(set.runs_within(probe.clone()).flatten().eq(within));
        let next = model.range(probe.start..).next().copied();
        prop_assert_eq!(set.first_from(probe.start), next);
        prop_assert_eq!(set.contains(probe.start), model.contains(&probe.start));
        // The same offsets are the same set and the same bytes, however they came in and wherever they are.
        let mut rebuilt = OffsetSet::default();
        model.iter().rev().for_each(|offset| rebuilt.insert(*offset..offset + 1));
        prop_assert_eq!(snapshot(&set), snapshot(&rebuilt));
        prop_assert_eq!(set, rebuilt);
        prop_assert!(scratch.take_loss().is_none());
    }

    #[test]
    fn what_no_set_wrote_is_refused_or_is_a_set(
        steps in prop::collection::vec(run(), 1..40),
        place in any::<prop::sample::Index>(),
        byte: u8,
    ) {
        let mut set = OffsetSet::default();
        steps.into_iter().for_each(|run| set.insert(run));
        let mut bytes = snapshot(&set);
        let place = place.index(bytes.len());
        bytes[place] = byte;
        if let Ok(set) = restored(&bytes, &scratch()) {
            let runs: Vec<_> = set.runs().collect();
            prop_assert_eq!(set.len(), runs.iter().map(|run| run.end - run.start).sum::<u64>());
            prop_assert!(runs.is_sorted_by(|run, next| run.end < next.start));
        }
    }
}

#[test]
fn ten_million_in_a_row_cost_what_ten_thousand_cost() {
    let bytes = |run: Range<u64>| {
        let mut set = OffsetSet::default();
        run.for_each(|offset| set.insert(offset..offset + 1));
        set.memory_bytes()
    };
    assert_eq!(bytes(100..10_000_100), bytes(100..10_100));
}

#[test]
fn the_worst_set_costs_a_few_bits_an_offset() {
    let bytes = every_other(200_000).memory_bytes();
    assert!(bytes <= 200_000 * 5 / 16, "{bytes}");
}

#[test]
fn what_waits_on_disk_costs_a_twentieth_of_a_bit_an_offset() {
    let (scratch, offsets) = (scratch(), 2_000_000);
    let mut set = every_other(offsets);
    let before = set.clone();
    set.page_out(0, &scratch);
    let bytes = set.memory_bytes();
    assert!(bytes <= offsets as usize / 8 / 20, "{bytes}");
    assert_eq!(set, before);
    // Who goes through it, or asks for one, has read a page and no more.
    assert!(set.memory_bytes() <= bytes + Scratch::PAGE_BYTES_MAX);
    // What changes comes back, and nothing else.
    set.remove(PAGE_OFFSETS..PAGE_OFFSETS + 1);
    assert_eq!(set.partial.len() as u64, PAGE);
    set.remove(0..u64::MAX);
    assert_eq!((set.len(), set.first()), (0, None));
}

#[test]
fn what_is_scattered_stays_in_memory() {
    let scratch = scratch();
    let mut set = OffsetSet::default();
    (0..1_000).for_each(|page| set.insert(page * PAGE_OFFSETS..page * PAGE_OFFSETS + 1));
    let bytes = set.memory_bytes();
    set.page_out(bytes / 2, &scratch);
    assert_eq!(set.partial.len(), 1_000);
    // Nor is it gone through again before there is more.
    let next_at = set.on_disk.as_ref().map(|on_disk| on_disk.next_at);
    assert_eq!(next_at, Some(bytes + bytes / 2 / 8));
}

#[test]
fn few_of_many_take_two_bytes_each_in_a_snapshot() {
    let scratch = scratch();
    let mut set = OffsetSet::default();
    (0..10_000).for_each(|n| set.insert(256 * n..256 * n + 1));
    let bytes = snapshot(&set);
    assert!(bytes.len() < 10_000 * 9 / 4, "{}", bytes.len());
    set.page_out(0, &scratch);
    assert_eq!(snapshot(&set), bytes);
    assert_eq!(restored(&bytes, &scratch), Ok(set));
}

#[test]
fn what_is_in_use_is_in_memory_with_the_rest_on_disk() {
    let scratch = scratch();
    let bytes_max = 100_000;
    let mut set = OffsetSet::default();
    for n in 0..1_000_000 {
        set.insert(2 * n..2 * n + 1);
        set.page_out(bytes_max, &scratch);
    }
    assert!(set.memory_bytes() < 2 * bytes_max, "{}", set.memory_bytes());
    // From the front, as a queue is emptied.
    let mut expected = 0;
    while let Some(first) = set.first() {
        assert_eq!(first, expected);
        set.remove(first..first + 1);
        set.page_out(bytes_max, &scratch);
        expected += 2;
    }
    assert_eq!((expected, set.len()), (2_000_000, 0));
    assert!(scratch.take_loss().is_none());
}

#[test]
fn what_the_disk_does_not_take_stays_in_memory() {
    let disk = SimulatedDisk::new();
    let scratch = Scratch::new(Arc::new(disk.clone()));
    let mut set = every_other(1_000_000);
    let (before, bytes) = (set.clone(), set.memory_bytes());
    disk.inject(Fault::ScratchWrite);
    set.page_out(0, &scratch);
    assert_eq!(set.partial.len(), before.partial.len());
    // Until there is more.
    set.insert(2_000_000..2_000_001);
    set.page_out(0, &scratch);
    set.remove(2_000_000..2_000_001);
    assert!(set.memory_bytes() < bytes / 20, "{}", set.memory_bytes());
    assert_eq!(set, before);
    assert!(scratch.take_loss().is_none());
}

#[test]
fn what_the_disk_lost_is_said_and_does_no_harm() {
    let disk = SimulatedDisk::new();
    let scratch = Scratch::new(Arc::new(disk.clone()));
    let mut set = every_other(4 * PAGE_OFFSETS);
    set.page_out(0, &scratch);
    disk.inject(Fault::ScratchRead);
    assert_eq!(set.first(), Some(PAGE_OFFSETS));
    assert!(scratch.take_loss().is_some());
    set.insert(0..1);
    set.remove(0..u64::MAX);
    assert_eq!(set.first(), None);
}
