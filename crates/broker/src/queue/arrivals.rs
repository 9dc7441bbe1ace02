//! When messages arrived, as finely as their time to live asks for.
//!
//! A span is a run of messages that arrived within the resolution, and they all count as young as
//! its last: a message expires late by at most a hundredth of its TTL, and never early.

use std::collections::VecDeque;

use super::limits::{ARRIVAL_RESOLUTION_MS, ARRIVAL_SPANS_MAX, TTL_RESOLUTION_SHARE};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) first: u64,
    /// When its last message arrived.
    pub(super) last_ms: i64,
    /// Messages that arrive from then on begin another span.
    pub(super) closes_ms: i64,
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Arrivals {
    pub(super) spans: VecDeque<Span>,
}

impl Arrivals {
    /// How finely arrivals matter to messages that live for `ttl_ms`.
    pub(super) fn resolution_ms(ttl_ms: Option<u64>) -> u64 {
        match ttl_ms {
            Some(ttl_ms) => (ttl_ms / TTL_RESOLUTION_SHARE).max(1),
            None => ARRIVAL_RESOLUTION_MS,
        }
    }

    /// Messages from `first` on arrived.
    pub(super) fn record(&mut self, first: u64, at_ms: i64, resolution_ms: u64) {
        match self.spans.back_mut() {
            Some(last) if at_ms < last.closes_ms => last.last_ms = last.last_ms.max(at_ms),
            _ => self.begin(first, at_ms, resolution_ms),
        }
    }

    /// Those messages, which arrived last, need a finer resolution than was said.
    pub(super) fn refine(&mut self, first: u64, at_ms: i64, resolution_ms: u64) {
        let closes_ms = at_ms.saturating_add_unsigned(resolution_ms);
        match self.spans.back_mut() {
            Some(last) if last.closes_ms <= closes_ms => {}
            Some(last) if last.first >= first => last.closes_ms = closes_ms,
            _ => self.begin(first, at_ms, resolution_ms),
        }
    }

    fn begin(&mut self, first: u64, at_ms: i64, resolution_ms: u64) {
        if self.spans.len() == ARRIVAL_SPANS_MAX {
            self.halve();
        }
        self.spans.push_back(Span {
            first,
            last_ms: at_ms,
            closes_ms: at_ms.saturating_add_unsigned(resolution_ms),
        });
    }

    /// When the message arrived, and up to which offset that is the answer.
    pub(super) fn at(&self, offset: u64) -> (i64, u64) {
        let after = self.spans.partition_point(|span| span.first <= offset);
        let end = self.spans.get(after).map_or(u64::MAX, |span| span.first);
        let span = after.checked_sub(1).and_then(|index| self.spans.get(index));
        (span.map_or(0, |span| span.last_ms), end)
    }

    /// Forgets what only messages below `floor` needed.
    pub(super) fn trim(&mut self, floor: u64) {
        while self
            .spans
            .get(1)
            .is_some_and(|second| second.first <= floor)
        {
            self.spans.pop_front();
        }
    }

    /// Joins every two spans.
    fn halve(&mut self) {
        let joined = self.spans.len() / 2;
        for index in 0..joined {
            self.spans[index] = Span {
                first: self.spans[2 * index].first,
                ..self.spans[2 * index + 1]
            };
        }
        self.spans.truncate(joined);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_never_taken_for_older_than_it_is() {
        let mut arrivals = Arrivals::default();
        for offset in 0..10_000u64 {
            arrivals.record(offset, 3 * offset as i64, 10);
        }
        assert!(arrivals.spans.len() <= ARRIVAL_SPANS_MAX);
        for offset in 0..10_000u64 {
            assert!(arrivals.at(offset).0 >= 3 * offset as i64);
        }
        assert!(arrivals.at(9_999).0 < 3 * 10_000);
    }

    #[test]
    fn a_short_life_is_measured_finely_among_long_ones() {
        let mut arrivals = Arrivals::default();
        arrivals.record(0, 0, 1_000);
        arrivals.record(1, 500, 1_000);
        arrivals.refine(1, 500, 1);
        arrivals.record(2, 900, 1_000);
        assert_eq!(arrivals.at(1), (500, 2));
        assert_eq!(arrivals.at(2).0, 900);
    }

    #[test]
    fn what_only_settled_messages_needed_is_forgotten() {
        let mut arrivals = Arrivals::default();
        (0..10).for_each(|n| arrivals.record(n * 10, n as i64 * 100, 1));
        arrivals.trim(55);
        assert_eq!(arrivals.spans.len(), 5);
        assert_eq!(arrivals.at(57), (500, 60));
    }
}
