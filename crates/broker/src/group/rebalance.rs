//! From one generation to the next: waiting for the members to join, then fixing who is in.

use super::classic::{ClassicGroup, Context, Phase, Rebalance};
use super::error::GroupError;
use super::ids::{MemberId, shortened};
use super::limits::{REASON_BYTES_SHOWN, REBALANCE_RETRY_MIN};
use super::member::Joining;
use super::reply::GroupReply;
use super::subscription::Subscription;
use super::timer::TimerKey;

impl ClassicGroup {
    /// Asks all members to join again, or, if that is already so, goes on if all have.
    pub(super) fn rebalance_or_complete(&mut self, reason: &str, cx: &mut Context<'_>) {
        match self.phase {
            Phase::Preparing(_) => self.complete_if_all_joined(cx),
            Phase::Empty | Phase::Completing | Phase::Stable => self.rebalance(reason, cx),
        }
    }

    fn rebalance(&mut self, reason: &str, cx: &mut Context<'_>) {
        tracing::info!(
            group = %self.id,
            generation = self.generation,
            members = self.members.len(),
            // A client's own words: escaped and short.
            reason = ?shortened(reason, REASON_BYTES_SHOWN),
            "group rebalances"
        );
        self.cancel_sync(cx);
        if self.phase != Phase::Empty {
            self.phase = Phase::Preparing(Rebalance::Ordinary);
            let timeout = self.rebalance_timeout();
            let due = cx.later(timeout);
            cx.timers.set(&mut self.join_alarm, due, || {
                TimerKey::Join(self.id.clone())
            });
            self.complete_if_all_joined(cx);
            return;
        }
        // Until the first generation says otherwise, the members may be subscribed to anything.
        self.subscription = Subscription::Everything;
        let delay = cx.config.initial_rebalance_delay;
        if delay.is_zero() {
            self.phase = Phase::Preparing(Rebalance::Ordinary);
            self.complete_join(cx);
        } else {
            let remaining = self.rebalance_timeout().saturating_sub(delay);
            self.phase = Phase::Preparing(Rebalance::Initial {
                remaining,
                delay,
                grew: false,
            });
            let due = cx.later(delay);
            cx.timers.set(&mut self.join_alarm, due, || {
                TimerKey::Join(self.id.clone())
            });
        }
    }

    /// Ends the waiting for syncs of the current generation. Those who wait have to join again.
    fn cancel_sync(&mut self, cx: &mut Context<'_>) {
        cx.timers.clear(&mut self.sync_alarm);
        self.unsynced.clear();
        if self.phase != Phase::Completing {
            return;
        }
        let mut waiting = Vec::new();
        for member in self.members.values_mut() {
            member.record.assignment = bytes::Bytes::new();
            waiting.extend(
                member
                    .syncing
                    .take()
                    .map(|token| (token, member.record.id.clone())),
            );
        }
        for (token, id) in waiting {
            cx.answer(
                token,
                GroupReply::Synced(Err(GroupError::RebalanceInProgress)),
            );
            self.touch(&id, cx);
        }
    }

    /// Begins the next generation if nobody has to be waited for.
    pub(super) fn complete_if_all_joined(&mut self, cx: &mut Context<'_>) {
        if self.phase == Phase::Preparing(Rebalance::Ordinary)
            && (self.members.is_empty() || self.all_have_joined())
        {
            self.complete_join(cx);
        }
    }

    /// The time to join is over, or an initial delay.
    pub(super) fn join_time_over(&mut self, cx: &mut Context<'_>) {
        match &mut self.phase {
            Phase::Preparing(Rebalance::Initial {
                remaining,
                delay,
                grew,
            }) if *grew && !remaining.is_zero() => {
                // Members are still arriving: wait once more, within their rebalance time-out.
                let next = cx.config.initial_rebalance_delay.min(*remaining);
                *remaining = remaining.saturating_sub(*delay);
                *delay = next;
                *grew = false;
                let due = cx.later(next);
                cx.timers.set(&mut self.join_alarm, due, || {
                    TimerKey::Join(self.id.clone())
                });
            }
            Phase::Preparing(_) => self.complete_join(cx),
            Phase::Empty | Phase::Completing | Phase::Stable => {}
        }
    }

    /// Begins the next generation with those who are there.
    fn complete_join(&mut self, cx: &mut Context<'_>) {
        cx.timers.clear(&mut self.join_alarm);
        // A dynamic member that did not join is out. A static one stays until its session ends: that
        // it may be away for a while without a rebalance is what it is for (KIP-345).
        let late: Vec<MemberId> = self
            .members
            .values()
            .filter(|member| !member.has_joined() && member.record.instance.is_none())
            .map(|member| member.record.id.clone())
            .collect();
        for id in &late {
            self.remove(id, cx);
        }
        if self.members.is_empty() {
            self.become_empty(cx);
        } else if self.elect_leader() {
            self.begin_generation(cx);
        } else {
            // Only absent static members: wait until one joins or all their sessions have ended.
            self.phase = Phase::Preparing(Rebalance::Ordinary);
            let due = cx.later(self.rebalance_timeout().max(REBALANCE_RETRY_MIN));
            cx.timers.set(&mut self.join_alarm, due, || {
                TimerKey::Join(self.id.clone())
            });
        }
    }

    /// Keeps the leader if it has joined, else takes the first who has. False if nobody has.
    fn elect_leader(&mut self) -> bool {
        let leader = self.leader.as_ref().and_then(|id| self.members.get(id));
        if leader.is_some_and(|member| member.has_joined()) {
            return true;
        }
        let joined = self.members.values().find(|member| member.has_joined());
        let Some(id) = joined.map(|member| member.record.id.clone()) else {
            return false;
        };
        self.leader = Some(id);
        true
    }

    fn become_empty(&mut self, cx: &mut Context<'_>) {
        self.next_generation();
        self.phase = Phase::Empty;
        self.protocol = None;
        self.leader = None;
        self.subscription = Subscription::nothing();
        tracing::info!(group = %self.id, generation = self.generation, "group is empty");
        self.store(cx);
    }

    fn begin_generation(&mut self, cx: &mut Context<'_>) {
        self.next_generation();
        self.phase = Phase::Completing;
        self.protocol = self.select_protocol();
        self.subscription = self.read_subscription();
        tracing::info!(
            group = %self.id,
            generation = self.generation,
            members = self.members.len(),
            protocol = ?self.protocol,
            "generation begins"
        );
        // An absent static member cannot sync a generation it has not heard of, so nobody waits for
        // it; its session goes on running.
        let joined: Vec<MemberId> = self
            .members
            .values()
            .filter(|member| member.has_joined())
            .map(|member| member.record.id.clone())
            .collect();
        self.joined = 0;
        for id in joined {
            let membership = self.membership(&id);
            let Some(member) = self.members.get_mut(&id) else {
                continue;
            };
            member.is_new = false;
            let joining = std::mem::replace(&mut member.joining, Joining::No);
            if let Joining::Waiting(token) = joining {
                cx.answer(token, GroupReply::Joined(membership));
            }
            self.touch(&id, cx);
            self.unsynced.insert(id);
        }
        let due = cx.later(self.rebalance_timeout());
        cx.timers.set(&mut self.sync_alarm, due, || {
            TimerKey::Sync(self.id.clone())
        });
    }

    fn next_generation(&mut self) {
        // After two thousand million generations they start again; no client lives that long.
        self.generation = self.generation.checked_add(1).unwrap_or(1);
    }
}
