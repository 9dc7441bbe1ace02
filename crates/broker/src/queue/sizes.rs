//! How many bytes each message has, for bounds and for what operators are shown.
//!
//! Equal sizes in a row are one run. Where sizes differ, those of the latest messages are known one
//! by one; of older ones the sum of 64 is known, and each counts as about a 64th of it. Sums over
//! what a queue holds stay exact but for the group of 64 at an end.

use std::collections::VecDeque;
use std::ops::Range;

use super::limits::{EXACT_SIZE_RUNS_MAX, SIZES_FOLDED};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct SizeRun {
    pub(super) first: u64,
    pub(super) count: u64,
    /// Of all together.
    pub(super) bytes: u64,
}

impl SizeRun {
    fn end(&self) -> u64 {
        self.first + self.count
    }

    /// The sum of what of `run` is in this one.
    fn bytes_within(&self, run: &Range<u64>) -> u64 {
        let place = |offset: u64| offset.clamp(self.first, self.end()) - self.first;
        let (start, end) = (place(run.start), place(run.end));
        let (each, rest) = (self.bytes / self.count, self.bytes % self.count);
        let bytes = each * (end - start);
        if rest == 0 {
            return bytes;
        }
        let share =
            |count: u64| (u128::from(rest) * u128::from(count) / u128::from(self.count)) as u64;
        bytes + share(end) - share(start)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Sizes {
    pub(super) folded: VecDeque<SizeRun>,
    pub(super) exact: VecDeque<SizeRun>,
}

impl Sizes {
    pub(super) fn append(&mut self, first: u64, count: u64, bytes_each: u32) {
        let run = SizeRun {
            first,
            count,
            bytes: count * u64::from(bytes_each),
        };
        match self.exact.back_mut() {
            Some(last)
                if last.end() == first && last.bytes == last.count * u64::from(bytes_each) =>
            {
                last.count += run.count;
                last.bytes += run.bytes;
            }
            _ => self.exact.push_back(run),
        }
    }

    /// The sum of the sizes of `run`.
    pub(super) fn bytes(&self, run: Range<u64>) -> u64 {
        let within = |runs: &VecDeque<SizeRun>| {
            let mut index = match runs.front() {
                Some(front) if front.end() > run.start => 0,
                _ => runs.partition_point(|sizes| sizes.end() <= run.start),
            };
            let mut bytes = 0;
            while let Some(sizes) = runs.get(index).filter(|sizes| sizes.first < run.end) {
                bytes += sizes.bytes_within(&run);
                index += 1;
            }
            bytes
        };
        match self.exact.front() {
            Some(front) if front.first <= run.start => within(&self.exact),
            _ => within(&self.folded) + within(&self.exact),
        }
    }

    /// The messages whose sizes are to be [folded](Self::fold) next, if there are too many to know
    /// each.
    pub(super) fn foldable(&self) -> Option<Range<u64>> {
        if self.exact.len() <= EXACT_SIZE_RUNS_MAX {
            return None;
        }
        let front = self.exact.front()?;
        let mut end = front.first;
        for sizes in self.exact.iter().take(SIZES_FOLDED) {
            if sizes.first != end || (sizes.count > 1 && end > front.first) {
                break;
            }
            end = sizes.end();
            if sizes.count > 1 {
                break;
            }
        }
        Some(front.first..end)
    }

    /// Knows only the sum of `run` from now on.
    pub(super) fn fold(&mut self, run: Range<u64>) {
        self.folded.push_back(SizeRun {
            first: run.start,
            count: run.end - run.start,
            bytes: self.bytes(run.clone()),
        });
        while self
            .exact
            .front()
            .is_some_and(|sizes| sizes.first < run.end)
        {
            self.exact.pop_front();
        }
    }

    /// Forgets what lies wholly below `floor`.
    pub(super) fn trim(&mut self, floor: u64) {
        for runs in [&mut self.folded, &mut self.exact] {
            while runs.front().is_some_and(|sizes| sizes.end() <= floor) {
                runs.pop_front();
            }
        }
    }

    pub(super) fn memory_bytes(&self) -> usize {
        (self.folded.capacity() + self.exact.capacity()) * size_of::<SizeRun>()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_sizes_are_one_run() {
        let mut sizes = Sizes::default();
        (0..1_000).for_each(|offset| sizes.append(offset, 1, 100));
        assert_eq!(sizes.exact.len(), 1);
        assert_eq!(sizes.bytes(10..20), 1_000);
    }

    #[test]
    fn sums_are_exact_before_and_after_folding() {
        let mut sizes = Sizes::default();
        let size = |offset: u64| (offset * 7 % 1_000) as u32;
        let count = EXACT_SIZE_RUNS_MAX as u64 + 100 * SIZES_FOLDED as u64;
        for offset in 0..count {
            sizes.append(offset, 1, size(offset));
            if let Some(run) = sizes.foldable() {
                assert_eq!(run.end - run.start, SIZES_FOLDED as u64);
                sizes.fold(run);
            }
        }
        assert_eq!(sizes.folded.len(), 100);
        let sum = |run: Range<u64>| run.map(|offset| u64::from(size(offset))).sum::<u64>();
        assert_eq!(sizes.bytes(0..count), sum(0..count));
        assert_eq!(sizes.bytes(640..6_400), sum(640..6_400));
        let one_by_one = (0..64).map(|offset| sizes.bytes(offset..offset + 1));
        assert_eq!(one_by_one.sum::<u64>(), sum(0..64));
        sizes.trim(64 * 5 + 1);
        assert_eq!(sizes.folded.len(), 95);
    }
}
