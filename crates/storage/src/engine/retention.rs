//! Letting go of what a log's policy no longer keeps.

use std::time::Duration;

use super::jobs::RETRY;
use super::{Engine, LogPolicy, Room};
use crate::clock::Now;
use crate::ids::LogId;
use crate::log::LogState;

impl Engine {
    /// Has what policies do not keep any more go as soon as it can, where they were changed and somebody looks.
    pub fn check_retention(&mut self) {
        self.retention_due = Duration::ZERO;
    }

    /// Moves the start of every log whose policy says so. Whole sections and chunks go, so a log
    /// keeps a little more than asked for, never less.
    pub(super) fn enforce_retention(&mut self, now: Now) {
        let moves: Vec<(LogId, u64)> = self
            .logs
            .iter()
            .filter(|(_, log)| log.policy.delete && !log.rewriting)
            .filter_map(|(id, log)| {
                let state = log.shared.state.read();
                let start = kept_from(&state, &log.policy, now);
                (start > state.start).then_some((*id, start))
            })
            .collect();
        for (id, start) in moves {
            if self.room(0, true) != Room::Now {
                // The rest follows when this much is committed.
                self.retention_due = now.monotonic + RETRY;
                return;
            }
            tracing::debug!(log = id.0, start, "retention");
            self.advance_start(id, start);
        }
    }
}

/// The first offset that the policy keeps.
fn kept_from(state: &LogState, policy: &LogPolicy, now: Now) -> u64 {
    let sections = state
        .sections
        .iter()
        .map(|s| (s.next, s.bytes, s.max_timestamp));
    let chunks = state
        .chunks
        .iter()
        .map(|c| (c.next, u64::from(c.bytes), c.max_timestamp));
    let oldest_kept_ms = policy.retention_ms.map(|retention| {
        now.aging_ms
            .saturating_sub(i64::try_from(retention).unwrap_or(i64::MAX))
    });
    let mut bytes = state.bytes();
    let mut start = state.start;
    for (next, piece, max_timestamp) in sections.chain(chunks) {
        // A piece without timestamps has no age.
        let expired = oldest_kept_ms.is_some_and(|kept| max_timestamp >= 0 && max_timestamp < kept);
        let surplus = policy
            .retention_bytes
            .is_some_and(|kept| bytes.saturating_sub(piece) >= kept);
        if !expired && !surplus {
            break;
        }
        bytes -= piece;
        start = next;
    }
    start.min(state.end)
}
