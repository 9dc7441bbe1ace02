//! What is delayed against a simple model, and what it costs.

use std::collections::BTreeMap;

use proptest::prelude::*;

use forebay_storage::SimulatedDisk;
use forebay_storage::media::Fault;

use super::*;
use crate::queue::limits::DELAYED_IN_MEMORY_BYTES;
use crate::queue::snapshot::VERSION;
use crate::queue::tests::harness::{all_of, scratch};

/// Two sorted maps, each with an entry for every message.
#[derive(Debug, Default)]
struct Model {
    by_time: BTreeMap<(i64, u64), u8>,
    times: BTreeMap<u64, i64>,
}

impl Model {
    fn insert(&mut self, offset: u64, until_ms: i64, priority: u8) {
        self.by_time.insert((until_ms, offset), priority);
        self.times.insert(offset, until_ms);
    }

    fn remove(&mut self, offset: u64) -> Option<u8> {
        let until_ms = self.times.remove(&offset)?;
        self.by_time.remove(&(until_ms, offset))
    }

    fn shift(&mut self, by_ms: i64) {
        let before = std::mem::take(self);
        for ((until_ms, offset), priority) in before.by_time {
            self.insert(offset, until_ms.saturating_add(by_ms), priority);
        }
    }

    fn first(&self) -> Option<(i64, u64)> {
        self.by_time.first_key_value().map(|(first, _)| *first)
    }

    /// The one at a position in order of time, or of offsets.
    fn nth(&self, position: u64, by_time: bool) -> Option<u64> {
        let position = position as usize % self.times.len().max(1);
        match by_time {
            true => self.by_time.keys().nth(position).map(|(_, offset)| *offset),
            false => self.times.keys().nth(position).copied(),
        }
    }
}

/// How times follow from what number a message has.
#[derive(Clone, Copy, Debug)]
enum Times {
    SameDelay,
    FewDelays,
    Spread(u64),
    Backwards,
    Same,
    /// At both ends of time.
    Ends,
}

impl Times {
    fn of(self, number: u64, seed: u64) -> i64 {
        let random = mixed(number ^ seed);
        match self {
            Self::SameDelay => 1_000 + number as i64 / 3,
            Self::FewDelays => number as i64 + [10, 500, 90_000][random as usize % 3],
            Self::Spread(span) => (random % span) as i64,
            Self::Backwards => 50_000 - number as i64,
            Self::Same => 777,
            Self::Ends if random.is_multiple_of(2) => i64::MAX - (random % 5) as i64,
            Self::Ends => i64::MIN + (random % 5) as i64,
        }
    }
}

/// A number that looks random (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut mixed = number.wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ mixed >> 31
}

#[derive(Clone, Debug)]
enum Step {
    Insert {
        count: u64,
        gap: u64,
        times: Times,
        seed: u64,
        priorities: u8,
    },
    /// What is due first.
    Take(u64),
    /// Some that are not, each `stride` after the other in order of time or of offsets; and those come again with other
    /// times or do not.
    Remove {
        from: u64,
        stride: u64,
        count: u64,
        by_time: bool,
        again: Option<Times>,
    },
    TakeWithin(Range<u64>),
    Shift(i64),
    /// Pages wait on disk, as many as there are beyond so many bytes.
    PageOut(usize),
    /// A snapshot is taken, and all begins anew with it.
    Restart,
}

fn times() -> impl Strategy<Value = Times> {
    prop_oneof![
        3 => Just(Times::SameDelay),
        2 => Just(Times::FewDelays),
        3 => prop::sample::select(vec![10, 1_000, 1 << 20, 1 << 40]).prop_map(Times::Spread),
        1 => Just(Times::Backwards),
        1 => Just(Times::Same),
        1 => Just(Times::Ends),
    ]
}

fn step() -> impl Strategy<Value = Step> {
    let count = || prop_oneof![3 => 1..20u64, 2 => 200..600u64];
    let gap = prop::sample::select(vec![1, 1, 3, 1_000]);
    let insert = (count(), gap, times(), 0..4u64, 1..4u8).prop_map(
        |(count, gap, times, seed, priorities)| Step::Insert {
            count,
            gap,
            times,
            seed,
            priorities,
        },
    );
    let again = prop::option::weighted(0.3, times());
    let remove = (0..3_000u64, 0..5u64, count(), any::<bool>(), again).prop_map(
        |(from, stride, count, by_time, again)| Step::Remove {
            from,
            stride,
            // To find one that comes again takes time by what there is.
            count: if again.is_some() { count % 20 } else { count },
            by_time,
            again,
        },
    );
    let shift = prop_oneof![4 => -2_000..2_000i64, 1 => any::<i64>()];
    prop_oneof![
        6 => insert,
        3 => count().prop_map(Step::Take),
        3 => remove,
        1 => (0..5_000u64, count()).prop_map(|(from, count)| Step::TakeWithin(from..from + count)),
        1 => Just(Step::TakeWithin(0..u64::MAX)),
        1 => shift.prop_map(Step::Shift),
        3 => prop::sample::select(vec![0, 0, 1_000, 3_000]).prop_map(Step::PageOut),
        1 => Just(Step::Restart),
    ]
}

struct World {
    delayed: Delayed,
    model: Model,
    next: u64,
    scratch: Arc<Scratch>,
}

impl World {
    fn new() -> Self {
        Self {
            delayed: Delayed::default(),
            model: Model::default(),
            next: 0,
            scratch: scratch(),
        }
    }

    fn insert(&mut self, offset: u64, until_ms: i64, priority: u8) {
        self.delayed.insert(offset, until_ms, priority);
        self.model.insert(offset, until_ms, priority);
    }

    fn remove(&mut self, offset: u64) {
        assert_eq!(self.delayed.remove(offset), self.model.remove(offset));
        if offset.is_multiple_of(16) {
            assert_eq!(self.delayed.remove(offset), None);
            assert!(!self.delayed.contains(offset));
        }
    }

    /// As tick after tick does.
    fn find_first(&mut self) {
        let first = self.model.first().map(|(until_ms, _)| until_ms);
        while self.delayed.due(i64::MAX).is_none() && first.is_some() {
            assert!(self.delayed.next_deadline() <= first, "it is never late");
            self.delayed.refill();
        }
    }

    fn run(&mut self, step: &Step) {
        match *step {
            Step::Insert {
                count,
                gap,
                times,
                seed,
                priorities,
            } => {
                for _ in 0..count {
                    let priority = (mixed(self.next) % u64::from(priorities)) as u8;
                    self.insert(self.next, times.of(self.next, seed), priority);
                    self.next += gap;
                }
            }
            Step::Take(count) => {
                for _ in 0..count {
                    let Some((until_ms, offset)) = self.model.first() else {
                        break;
                    };
                    self.find_first();
                    assert_eq!(self.delayed.due(until_ms), Some(offset));
                    self.remove(offset);
                }
            }
            Step::Remove {
                from,
                stride,
                count,
                by_time,
                again,
            } => {
                let mut removed = Vec::new();
                for index in 0..count {
                    if let Some(offset) = self.model.nth(from + index * stride, by_time) {
                        self.remove(offset);
                        removed.push(offset);
                    }
                }
                if let Some(times) = again {
                    for offset in removed {
                        self.insert(offset, times.of(offset, from), (from % 3) as u8);
                    }
                }
            }
            Step::TakeWithin(ref offsets) => {
                let taken = self.delayed.take_within(offsets.clone()).into_iter();
                let taken = taken
                    .flat_map(|(priority, run)| run.map(move |offset| (offset, Some(priority))));
                let within = self.model.times.range(offsets.clone());
                let within: Vec<u64> = within.map(|(offset, _)| *offset).collect();
                let within = within
                    .into_iter()
                    .map(|offset| (offset, self.model.remove(offset)));
                assert!(taken.eq(within));
            }
            Step::Shift(by_ms) => {
                self.delayed.shift(by_ms);
                self.model.shift(by_ms);
            }
            Step::PageOut(bytes_max) => self.delayed.page_out(bytes_max, bytes_max, &self.scratch),
            Step::Restart => {
                let mut encoder = Encoder::new();
                self.delayed.snapshot(&mut encoder);
                let bytes = all_of(&encoder.finish_with_pages());
                let mut decoder = Decoder::new(&bytes);
                let restored = Delayed::restore(VERSION, &mut decoder, 1_000, &self.scratch);
                self.delayed = restored.unwrap();
                decoder.finish().unwrap();
            }
        }
        self.compare_first();
    }

    fn compare_first(&mut self) {
        let first = self.model.first();
        self.find_first();
        assert_eq!(self.delayed.len(), self.model.times.len() as u64);
        assert_eq!(self.delayed.next_deadline(), first.map(|(at_ms, _)| at_ms));
        if let Some((at_ms, offset)) = first {
            assert_eq!(self.delayed.due(at_ms), Some(offset));
            assert_eq!(self.delayed.due(at_ms.saturating_sub(1)), {
                (at_ms == i64::MIN).then_some(offset)
            });
        }
    }

    fn compare_all(&self, probe: Range<u64>) {
        let all = self.model.by_time.iter();
        let all: Vec<_> = all
            .map(|((at_ms, offset), priority)| (*offset, *at_ms, *priority))
            .collect();
        assert_eq!(self.delayed.iter().len(), all.len());
        assert_eq!(self.delayed.iter().collect::<Vec<_>>(), all);
        for offset in probe {
            let is_delayed = self.model.times.contains_key(&offset);
            assert_eq!(self.delayed.contains(offset), is_delayed);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn it_does_what_two_sorted_maps_would(
        steps in prop::collection::vec(step(), 1..16),
        probe in 0..3_000u64,
    ) {
        let mut world = World::new();
        for step in &steps {
            world.run(step);
        }
        world.compare_all(probe..probe + 300);
        world.run(&Step::Take(u64::MAX));
        prop_assert_eq!(world.delayed.memory_bytes(), 0);
        prop_assert!(world.scratch.take_loss().is_none());
    }
}

/// What each of a million messages costs, with what their times are by their number.
fn bytes_each(until_ms: impl Fn(u64) -> i64) -> f64 {
    let messages = 1_000_000;
    let mut delayed = Delayed::default();
    for offset in 0..messages {
        delayed.insert(offset, until_ms(offset), 0);
    }
    assert_eq!(delayed.len(), messages);
    delayed.memory_bytes() as f64 / messages as f64
}

#[test]
fn a_million_delayed_messages_cost_a_few_bytes_each() {
    let now_ms = |offset: u64| (1_790_000_000_000 + offset / 10) as i64;
    let same = bytes_each(|offset| now_ms(offset) + 60_000);
    assert!(same < 4.0, "one delay for all: {same}");
    let few = bytes_each(|offset| {
        let delays = [1_000, 5_000, 30_000, 300_000, 3_600_000];
        now_ms(offset) + delays[mixed(offset) as usize % delays.len()]
    });
    assert!(few < 7.0, "few delays, as exchanges have them: {few}");
    let seconds = bytes_each(|offset| now_ms(offset) + (mixed(offset) % 901 * 1_000) as i64);
    assert!(seconds < 7.0, "up to 900 seconds, as in SQS: {seconds}");
    let days = bytes_each(|offset| now_ms(offset) + (mixed(offset) % 259_200_000) as i64);
    assert!(days < 7.0, "up to three days: {days}");
    println!("same {same:.2}, few {few:.2}, seconds {seconds:.2}, days {days:.2}");
}

#[test]
fn what_waits_on_disk_costs_about_a_byte_each() {
    let messages = 300_000;
    let scratch = scratch();
    let mut delayed = Delayed::default();
    let until_ms = |offset: u64| (mixed(offset + 1) % 259_200_000) as i64;
    for offset in 0..messages {
        delayed.insert(offset, until_ms(offset), 0);
        delayed.page_out(DELAYED_IN_MEMORY_BYTES, HOLES_IN_MEMORY_BYTES, &scratch);
    }
    let bytes = delayed.memory_bytes();
    assert!(bytes < 700_000, "{bytes}");
    println!("{bytes} bytes for {messages} on disk");
    let mut last = At::default();
    for _ in 0..messages {
        let offset = delayed.due(i64::MAX).unwrap();
        let at = At {
            until_ms: until_ms(offset),
            offset,
        };
        assert!(last < at);
        assert_eq!(delayed.remove(offset), Some(0));
        last = at;
    }
    assert_eq!(delayed.memory_bytes(), 0);
    assert!(scratch.take_loss().is_none());
}

#[test]
fn what_the_disk_does_not_take_stays_in_memory() {
    let disk = SimulatedDisk::new();
    let scratch = Scratch::new(Arc::new(disk.clone()));
    let mut delayed = Delayed::default();
    for offset in 0..100_000 {
        delayed.insert(offset, offset as i64, 0);
    }
    let full = delayed.memory_bytes();
    disk.inject(Fault::ScratchWrite);
    delayed.page_out(0, usize::MAX, &scratch);
    assert_eq!(delayed.memory_bytes(), full);
    delayed.page_out(0, usize::MAX, &scratch);
    assert!(delayed.memory_bytes() < full / 2);
    assert!(scratch.take_loss().is_none());
}

#[test]
fn ten_priorities_cost_three_bytes_more() {
    let mut delayed = Delayed::default();
    for offset in 0..1_000_000 {
        delayed.insert(offset, offset as i64 / 10, (mixed(offset) % 10) as u8);
    }
    let bytes = delayed.memory_bytes();
    assert!(bytes < 7_000_000, "{bytes}");
}

#[test]
fn what_is_taken_out_before_its_time_gives_its_memory_back() {
    let mut delayed = Delayed::default();
    for offset in 0..100_000 {
        delayed.insert(offset, (mixed(offset) % 86_400_000) as i64, 0);
    }
    let full = delayed.memory_bytes();
    let stay = |offset: &u64| offset.is_multiple_of(16);
    for offset in (0..100_000).filter(|offset| !stay(offset)) {
        assert_eq!(delayed.remove(offset), Some(0));
    }
    let left = delayed.memory_bytes();
    assert!(left < full / 5, "{left} of {full}");
    let mut rest: Vec<u64> = delayed.iter().map(|(offset, _, _)| offset).collect();
    rest.sort_unstable();
    assert!(rest.into_iter().eq((0..100_000).filter(stay)));
}

#[test]
fn what_is_due_is_found_a_few_pages_at_a_time() {
    let mut delayed = Delayed::default();
    for offset in 0..100_000 {
        delayed.insert(offset, offset as i64, 0);
    }
    // Less than what makes it sweep.
    let gone = 300..10_000;
    gone.clone()
        .for_each(|offset| assert_eq!(delayed.remove(offset), Some(0)));
    for offset in 0..gone.start {
        assert_eq!(delayed.due(i64::MAX), Some(offset));
        delayed.remove(offset);
    }
    let mut ticks = 0;
    while delayed.due(i64::MAX).is_none() {
        let until_ms = delayed.next_deadline().unwrap();
        assert!(gone.contains(&(until_ms as u64)), "{until_ms}");
        delayed.refill();
        ticks += 1;
    }
    assert_eq!(delayed.due(i64::MAX), Some(gone.end));
    assert!(ticks > 3, "{ticks}");
}

#[test]
fn a_few_cost_what_a_list_of_them_costs() {
    // There may be a hundred thousand queues, and nearly all have nothing here.
    assert!(size_of::<Delayed>() <= 40, "{}", size_of::<Delayed>());
    let mut delayed = Delayed::default();
    for offset in 0..100 {
        delayed.insert(offset * 1_000, offset as i64, 0);
    }
    let bytes = delayed.memory_bytes();
    assert!(bytes <= 128 * 24, "{bytes}");
}
