//! Messages whose time is over, and queues that are full: both lose messages at the head.

use std::ops::Range;

use super::Queue;
use super::counters::DeathReason;
use super::effect::Turn;
use super::event::QueueEvent;
use super::settings::Overflow;

impl Queue {
    /// Drops what has expired by `now_ms` and is first in line of its priority, or was born elsewhere.
    pub(super) fn expire_heads(&mut self, now_ms: i64, turn: &mut Turn<'_>) {
        if !self.messages.expires() {
            return;
        }
        self.expire_born(now_ms, turn);
        self.expire_grouped(now_ms, turn);
        let mut again = true;
        while again {
            again = false;
            for priority in self.messages.levels.priorities() {
                while let Some(first) = self.messages.levels.first(priority) {
                    let (expiry_ms, alike) = self.messages.expiry(first);
                    if expiry_ms.is_none_or(|expiry_ms| expiry_ms > now_ms) {
                        break;
                    }
                    let level = self.messages.levels.level(priority);
                    let alike = first + self.messages.stride(alike - first);
                    let end = level.map_or(first, |level| level.run_end(first, alike));
                    self.ready_died(priority, first..end, DeathReason::Expired, turn);
                    // The next of its group may be of a priority that was looked at already.
                    again = !self.messages.groups.is_empty();
                }
            }
        }
    }

    fn expire_born(&mut self, now_ms: i64, turn: &mut Turn<'_>) {
        while let Some((expiry_ms, offset)) = self.oldest_born()
            && expiry_ms <= now_ms
            && let Some(priority) = self.messages.priority_of(offset)
        {
            self.ready_died(priority, offset..offset + 1, DeathReason::Expired, turn);
        }
    }

    /// Where groups take turns, who came first is looked at, and whose turn it is.
    fn expire_grouped(&mut self, now_ms: i64, turn: &mut Turn<'_>) {
        let has_expired = |of: &Self, offset: &u64| {
            let (expiry_ms, _) = of.messages.expiry(*offset);
            expiry_ms.is_some_and(|expiry_ms| expiry_ms <= now_ms)
        };
        while let Some(offset) = self
            .heads_of_groups()
            .find(|offset| has_expired(self, offset))
        {
            self.ready_died(0, offset..offset + 1, DeathReason::Expired, turn);
        }
    }

    fn heads_of_groups(&self) -> impl Iterator<Item = u64> + use<> {
        let fair = &self.messages.fair;
        let next = fair.next().map(|(_, offset)| offset);
        fair.oldest().into_iter().chain(next)
    }

    /// Which message that was born elsewhere expires next by the queue's time to live, and when.
    fn oldest_born(&self) -> Option<(i64, u64)> {
        let ttl_ms = self.messages.settings.ttl_ms?;
        let (born_ms, offset) = self.messages.births.oldest()?;
        Some((born_ms.saturating_add_unsigned(ttl_ms), offset))
    }

    /// When the next message expires.
    pub(super) fn next_expiry(&self) -> Option<i64> {
        if !self.messages.expires() {
            return None;
        }
        let levels = &self.messages.levels;
        let heads = levels.priorities().filter_map(|level| levels.first(level));
        let heads = heads.chain(self.heads_of_groups());
        let heads = heads.filter_map(|head| self.messages.expiry(head).0);
        heads
            .chain(self.oldest_born().map(|(expiry_ms, _)| expiry_ms))
            .min()
    }

    /// Drops messages from the head until the rest fits the queue's bounds. What waits for others of
    /// its group is not at the head. Returns whether any were dropped.
    pub(super) fn enforce_bounds(&mut self, turn: &mut Turn<'_>) -> bool {
        let bounds = self.messages.settings.bounds;
        if bounds.overflow != Overflow::DropHead {
            return false;
        }
        let mut dropped = false;
        let over =
            |limit: Option<u64>, now: u64| limit.map_or(0, |limit| now.saturating_sub(limit));
        loop {
            let counters = &self.messages.counters;
            let messages = over(bounds.messages, counters.ready);
            let bytes = over(bounds.bytes, counters.ready_bytes);
            let length_max = match (messages, bytes) {
                (0, 0) => return dropped,
                (0, _) => 1,
                (messages, _) => self.messages.stride(messages),
            };
            let Some((priority, run)) = self.messages.first_run(length_max) else {
                return dropped;
            };
            self.ready_died(priority, run, DeathReason::MaxLength, turn);
            dropped = true;
        }
    }

    pub(super) fn ready_died(
        &mut self,
        priority: u8,
        run: Range<u64>,
        reason: DeathReason,
        turn: &mut Turn<'_>,
    ) {
        let removal = self.death(reason);
        let mut start = run.start;
        while start < run.end {
            let (mark, end) = self.messages.marked_alike(start..run.end);
            turn.out.died(start, end - start, removal, mark);
            start = end;
        }
        turn.out.journal(QueueEvent::Removed {
            offset: run.start,
            count: run.end - run.start,
            removal,
        });
        self.messages.remove_ready(priority, run, removal);
    }
}
