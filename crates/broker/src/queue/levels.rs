//! Messages that are ready to be delivered, a set for each priority that is in use.

use std::ops::Range;
use std::sync::Arc;

use forebay_storage::Scratch;

use super::offset_set::OffsetSet;

/// Priorities are a byte.
const WORDS: usize = 4;

#[derive(Clone, Debug, Default)]
pub(super) struct Levels {
    /// By priority; as long as the highest that was ever used asks for.
    sets: Vec<OffsetSet>,
    /// Which of them are not empty.
    occupied: [u64; WORDS],
}

impl Levels {
    pub(super) fn insert(&mut self, priority: u8, run: Range<u64>) {
        self.occupy(priority).insert(run);
    }

    /// All of a priority.
    pub(super) fn put(&mut self, priority: u8, set: OffsetSet) {
        if !set.is_empty() {
            *self.occupy(priority) = set;
        }
    }

    fn occupy(&mut self, priority: u8) -> &mut OffsetSet {
        let index = usize::from(priority);
        if index >= self.sets.len() {
            self.sets.resize_with(index + 1, OffsetSet::default);
        }
        self.occupied[index / 64] |= 1 << (index % 64);
        &mut self.sets[index]
    }

    /// [`OffsetSet::page_out`] of each, with an equal share, if all together have more than `bytes_max` in memory.
    pub(super) fn page_out(&mut self, bytes_max: usize, scratch: &Arc<Scratch>) {
        let bytes: usize = self.sets.iter().map(OffsetSet::bitmap_bytes).sum();
        if bytes <= bytes_max {
            return;
        }
        let in_use = self.priorities().count();
        for set in &mut self.sets {
            set.page_out(bytes_max / in_use, scratch);
        }
    }

    pub(super) fn remove(&mut self, priority: u8, run: Range<u64>) {
        let index = usize::from(priority);
        if let Some(set) = self.sets.get_mut(index) {
            set.remove(run);
            if set.is_empty() {
                self.occupied[index / 64] &= !(1 << (index % 64));
            }
        }
    }

    /// The priorities in use, the highest first.
    pub(super) fn priorities(&self) -> impl Iterator<Item = u8> + use<> {
        let words = self.occupied;
        (0..WORDS).rev().flat_map(move |word| {
            let mut bits = words[word];
            std::iter::from_fn(move || {
                let highest = bits.checked_ilog2()?;
                bits &= !(1 << highest);
                Some((word as u32 * 64 + highest) as u8)
            })
        })
    }

    pub(super) fn is_empty(&self) -> bool {
        self.occupied == [0; WORDS]
    }

    /// The next messages to deliver: the first of the highest priority, and those that follow it.
    pub(super) fn first_run(&self, length_max: u64) -> Option<(u8, Range<u64>)> {
        let priority = self.priorities().next()?;
        let run = self.sets[usize::from(priority)].first_run(length_max)?;
        Some((priority, run))
    }

    /// The first run below an offset, whatever its priority.
    pub(super) fn first_below(&self, below: u64) -> Option<(u8, Range<u64>)> {
        self.runs_within(0..below).next()
    }

    /// Of which priority a message is that is ready; None if it is not.
    pub(super) fn priority_of(&self, offset: u64) -> Option<u8> {
        let mut in_use = self.priorities();
        in_use.find(|priority| {
            let level = self.level(*priority);
            level.is_some_and(|level| level.contains(offset))
        })
    }

    pub(super) fn level(&self, priority: u8) -> Option<&OffsetSet> {
        self.sets.get(usize::from(priority))
    }

    pub(super) fn first(&self, priority: u8) -> Option<u64> {
        self.level(priority)?.first()
    }

    /// The runs of what lies in `within`, of one priority after another.
    pub(super) fn runs_within(&self, within: Range<u64>) -> impl Iterator<Item = (u8, Range<u64>)> {
        self.priorities().flat_map(move |priority| {
            let runs = self
                .level(priority)
                .map(|set| set.runs_within(within.clone()));
            runs.into_iter().flatten().map(move |run| (priority, run))
        })
    }

    pub(super) fn memory_bytes(&self) -> usize {
        let sets = self.sets.iter();
        sets.map(|set| size_of::<OffsetSet>() + set.memory_bytes())
            .sum()
    }
}
