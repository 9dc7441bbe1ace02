//! Forgetting the offsets of those who are gone (KIP-211), and groups that have none left.
//!
//! The retention is counted on the wall clock, because it has to go on while the broker is down. So
//! it cannot be a timer: every so often a pass looks at all groups, a bounded number in each step.

use std::ops::Bound;

use forebay_storage::clock::Now;

use super::GroupCoordinator;
use super::classic::{ClassicGroup, Context, Phase};
use super::event::GroupEvent;
use super::limits::{RETENTION_GROUPS_PER_STEP, RETENTION_STEP_PAUSE};
use super::record::CommittedOffset;
use super::reply::GroupEffects;
use super::timer::{Alarm, TimerKey};
use crate::names::{GroupId, TopicName};

/// Where the pass over all groups stands.
#[derive(Debug, Default)]
pub(super) struct RetentionPass {
    pub(super) alarm: Alarm,
    /// The last group of the step before; none between two passes.
    after: Option<GroupId>,
}

impl GroupCoordinator {
    /// One step of the pass, and the time of the next.
    pub(super) fn retention_step(&mut self, now: Now, out: &mut GroupEffects) {
        let after = self.retention.after.take();
        let start = after.as_ref().map_or(Bound::Unbounded, Bound::Excluded);
        let step: Vec<GroupId> = self
            .groups
            .range::<GroupId, _>((start, Bound::Unbounded))
            .take(RETENTION_GROUPS_PER_STEP)
            .map(|(id, _)| id.clone())
            .collect();
        for id in &step {
            let is_outdated = self
                .with_group(id, now, out, |group, cx| group.expire_offsets(cx))
                .unwrap_or(false);
            if is_outdated {
                self.delete_group(id, out);
            }
        }
        let more = step.len() == RETENTION_GROUPS_PER_STEP;
        let pause = if more {
            RETENTION_STEP_PAUSE
        } else {
            self.config
                .offsets_retention_check_interval
                .max(RETENTION_STEP_PAUSE)
        };
        self.retention.after = step.into_iter().next_back().filter(|_| more);
        let due = now.monotonic.saturating_add(pause);
        self.timers
            .set(&mut self.retention.alarm, due, || TimerKey::Retention);
    }
}

/// From when on an offset ages.
#[derive(Clone, Copy)]
enum Aging {
    /// From its commit.
    SinceCommit,
    /// From its commit, but not before this time.
    SinceAtLeast(i64),
    /// Not at all.
    Never,
}

impl ClassicGroup {
    /// Removes what is past its retention. True if the whole group is to be deleted instead.
    fn expire_offsets(&mut self, cx: &mut Context<'_>) -> bool {
        let abandoned = self.phase == Phase::Empty && self.reserved.is_empty();
        let aging = self.aging();
        let retention_ms =
            i64::try_from(cx.config.offsets_retention.as_millis()).unwrap_or(i64::MAX);
        let ends = |committed: &CommittedOffset| match (committed.expires_ms, aging) {
            (_, Aging::Never) => i64::MAX,
            // Chosen by a client of before KIP-211.
            (Some(expires_ms), _) => expires_ms,
            (None, Aging::SinceCommit) => committed.committed_ms.saturating_add(retention_ms),
            (None, Aging::SinceAtLeast(start_ms)) => committed
                .committed_ms
                .max(start_ms)
                .saturating_add(retention_ms),
        };
        let mut expired: Vec<(TopicName, i32)> = Vec::new();
        let mut kept = false;
        for (topic, partitions) in self.saved.topics() {
            if self.subscription.includes(topic) {
                kept = true;
                continue;
            }
            for (partition, committed) in partitions {
                if ends(committed) <= cx.now.aging_ms {
                    expired.push((topic.clone(), *partition));
                } else {
                    kept = true;
                }
            }
        }
        if abandoned && !kept {
            return true;
        }
        if !expired.is_empty() {
            tracing::info!(group = %self.id, offsets = expired.len(), "offsets have expired");
            let event = GroupEvent::OffsetsRemoved {
                group: self.id.clone(),
                partitions: expired,
            };
            self.emit(event, cx);
        }
        false
    }

    fn aging(&self) -> Aging {
        match (self.phase, self.saved.generation()) {
            // Offsets stored without any membership.
            (Phase::Empty, None) => Aging::SinceCommit,
            // The last member has left; but an offset that an operator has set since then is younger.
            (Phase::Empty, Some(generation)) => Aging::SinceAtLeast(generation.since_ms),
            // Of topics that the group no longer consumes.
            (Phase::Stable, _) if self.has_consumers() => Aging::SinceCommit,
            _ => Aging::Never,
        }
    }
}
