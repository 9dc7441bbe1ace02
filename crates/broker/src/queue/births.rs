//! Messages that are older than their stay in the queue: they died in another one, and go on ageing. They expire in the
//! order in which they were born, which need not be that of the line. Each costs about 80 bytes until it is settled.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;

#[derive(Clone, Debug, Default)]
pub(super) struct Births {
    times: BTreeMap<u64, i64>,
    /// Those that could be delivered, by when they were born.
    in_line: BTreeSet<(i64, u64)>,
}

impl Births {
    pub(super) fn insert(&mut self, offset: u64, born_ms: i64) {
        self.times.insert(offset, born_ms);
    }

    /// Messages can be delivered.
    pub(super) fn enter(&mut self, run: Range<u64>) {
        if !self.times.is_empty() {
            let born = self.times.range(run);
            self.in_line
                .extend(born.map(|(offset, born_ms)| (*born_ms, *offset)));
        }
    }

    /// Messages cannot be delivered any more.
    pub(super) fn leave(&mut self, run: Range<u64>) {
        for (offset, born_ms) in self.times.range(run) {
            self.in_line.remove(&(*born_ms, *offset));
        }
    }

    /// Messages are settled.
    pub(super) fn forget(&mut self, run: Range<u64>) {
        while let Some((offset, _)) = self.times.range(run.clone()).next() {
            let offset = *offset;
            if let Some(born_ms) = self.times.remove(&offset) {
                self.in_line.remove(&(born_ms, offset));
            }
        }
    }

    /// When the message was born, if that was elsewhere, and up to which offset that is the answer.
    pub(super) fn at(&self, offset: u64) -> (Option<i64>, u64) {
        match self.times.range(offset..).next() {
            Some((at, born_ms)) if *at == offset => (Some(*born_ms), offset + 1),
            Some((next, _)) => (None, *next),
            None => (None, u64::MAX),
        }
    }

    /// Who is the oldest of those that could be delivered, and when it was born.
    pub(super) fn oldest(&self) -> Option<(i64, u64)> {
        self.in_line.first().copied()
    }

    /// All with their times, in order.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, i64)> {
        let times = self.times.iter();
        times.map(|(offset, born_ms)| (*offset, *born_ms))
    }

    pub(super) fn len(&self) -> usize {
        self.times.len()
    }
}
