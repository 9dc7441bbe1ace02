//! Deduplication: an id that was seen within the window is not taken a second time. An id costs about
//! 80 bytes for as long as the window.

use std::collections::VecDeque;

use forebay_storage::IdMap;

#[derive(Clone, Debug, Default)]
pub(super) struct Dedup {
    seen: IdMap<u128, Seen>,
    by_time: VecDeque<(i64, u128)>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    offset: u64,
    at_ms: i64,
}

impl Dedup {
    /// The offset of the message that brought `id` within the window.
    pub(super) fn find(&self, id: u128, now_ms: i64, window_ms: u64) -> Option<u64> {
        let seen = self.seen.get(&id)?;
        (now_ms < seen.at_ms.saturating_add_unsigned(window_ms)).then_some(seen.offset)
    }

    pub(super) fn record(&mut self, id: u128, offset: u64, at_ms: i64) {
        self.seen.insert(id, Seen { offset, at_ms });
        self.by_time.push_back((at_ms, id));
    }

    pub(super) fn next_deadline(&self, window_ms: u64) -> Option<i64> {
        let (at_ms, _) = self.by_time.front()?;
        Some(at_ms.saturating_add_unsigned(window_ms))
    }

    /// Forgets what lies before the window.
    pub(super) fn expire(&mut self, now_ms: i64, window_ms: u64) {
        while let Some((at_ms, id)) = self.by_time.front()
            && at_ms.saturating_add_unsigned(window_ms) <= now_ms
        {
            if self.seen.get(id).is_some_and(|seen| seen.at_ms == *at_ms) {
                self.seen.remove(id);
            }
            self.by_time.pop_front();
        }
    }

    pub(super) fn is_empty(&self) -> bool {
        self.seen.is_empty()
    }

    /// Forgets every id.
    pub(super) fn clear(&mut self) {
        *self = Self::default();
    }

    /// Every id with the offset and time it was last seen at, in order of time.
    pub(super) fn iter(&self) -> impl Iterator<Item = (u128, u64, i64)> {
        self.by_time.iter().filter_map(|(at_ms, id)| {
            let seen = self.seen.get(id).filter(|seen| seen.at_ms == *at_ms)?;
            Some((*id, seen.offset, seen.at_ms))
        })
    }
}
