//! Messages that become ready at a time of their own. Each costs about 80 bytes.

use std::collections::BTreeMap;
use std::ops::Range;

use forebay_storage::IdMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Delayed {
    by_time: BTreeMap<(i64, u64), u8>,
    times: IdMap<u64, i64>,
}

impl Delayed {
    pub(super) fn insert(&mut self, offset: u64, until_ms: i64, priority: u8) {
        self.by_time.insert((until_ms, offset), priority);
        self.times.insert(offset, until_ms);
    }

    /// Takes a message out, with its priority.
    pub(super) fn remove(&mut self, offset: u64) -> Option<u8> {
        let until_ms = self.times.remove(&offset)?;
        self.by_time.remove(&(until_ms, offset))
    }

    /// All become ready by so much later.
    pub(super) fn shift(&mut self, by_ms: i64) {
        if by_ms == 0 || self.times.is_empty() {
            return;
        }
        let shifted = |(until_ms, offset): (i64, u64)| (until_ms.saturating_add(by_ms), offset);
        let by_time = std::mem::take(&mut self.by_time).into_iter();
        self.by_time = by_time
            .map(|(key, priority)| (shifted(key), priority))
            .collect();
        for until_ms in self.times.values_mut() {
            *until_ms = until_ms.saturating_add(by_ms);
        }
    }

    /// The next message that is due.
    pub(super) fn due(&self, now_ms: i64) -> Option<u64> {
        let ((until_ms, offset), _) = self.by_time.first_key_value()?;
        (*until_ms <= now_ms).then_some(*offset)
    }

    pub(super) fn contains(&self, offset: u64) -> bool {
        self.times.contains_key(&offset)
    }

    /// What of `offsets` is delayed, in order. Takes time by what there is.
    pub(super) fn within(&self, offsets: Range<u64>) -> Vec<u64> {
        if offsets.end - offsets.start <= self.len() {
            let delayed = |offset: &u64| self.times.contains_key(offset);
            return offsets.filter(delayed).collect();
        }
        let all = self.times.keys().copied();
        let mut within: Vec<u64> = all.filter(|offset| offsets.contains(offset)).collect();
        within.sort_unstable();
        within
    }

    pub(super) fn next_deadline(&self) -> Option<i64> {
        let ((until_ms, _), _) = self.by_time.first_key_value()?;
        Some(*until_ms)
    }

    pub(super) fn len(&self) -> u64 {
        self.by_time.len() as u64
    }

    /// Every message with its time and priority, in order of time.
    pub(super) fn iter(&self) -> impl ExactSizeIterator<Item = (u64, i64, u8)> {
        let entries = self.by_time.iter();
        entries.map(|((until_ms, offset), priority)| (*offset, *until_ms, *priority))
    }
}
