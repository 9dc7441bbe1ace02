//! A group of the classic protocol: its members, and what follows from them alone.
//!
//! The moves between states are in `join`, `rebalance`, `sync`, `session` and `leave`.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use super::config::GroupConfig;
use super::error::GroupError;
use super::event::GroupEvent;
use super::ids::{InstanceId, MemberId, ReplyToken};
use super::limits::REBALANCE_TIMEOUT_MAX;
use super::member::{Joining, Member, metadata_bytes};
use super::record::{GenerationRecord, MemberRecord, Protocol};
use super::reply::{GroupEffects, GroupReply};
use super::saved::SavedGroup;
use super::state::GroupState;
use super::subscription::{CONSUMER_PROTOCOL_TYPE, Subscription};
use super::timer::{Alarm, TimerKey, Timers};
use crate::names::GroupId;
use forebay_storage::clock::Now;

/// The parked requests: whose join or sync a token waits for.
pub(super) type Waiting = HashMap<ReplyToken, (GroupId, MemberId)>;

/// What a group needs of its surroundings while a command runs.
pub(super) struct Context<'a> {
    pub(super) config: &'a GroupConfig,
    pub(super) timers: &'a mut Timers,
    pub(super) waiting: &'a mut Waiting,
    pub(super) now: Now,
    pub(super) out: &'a mut GroupEffects,
}

impl Context<'_> {
    /// The monotonic time `after` from now.
    pub(super) fn later(&self, after: Duration) -> Duration {
        self.now.monotonic.saturating_add(after)
    }

    /// Answers a parked request.
    pub(super) fn answer(&mut self, token: ReplyToken, reply: GroupReply) {
        self.waiting.remove(&token);
        self.out.replies.push((token, reply));
    }
}

/// Where a group stands, with what it needs there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    Empty,
    Preparing(Rebalance),
    Completing,
    Stable,
}

/// How a rebalance ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Rebalance {
    /// The group was empty: wait for more members, whoever has joined (KIP-134).
    Initial {
        /// The part of the rebalance time-out that is left after the delay now running.
        remaining: Duration,
        /// The delay now running.
        delay: Duration,
        /// A member has come during this delay.
        grew: bool,
    },
    /// As soon as every member has joined.
    Ordinary,
}

/// One group.
#[derive(Debug)]
pub(super) struct ClassicGroup {
    pub(super) id: GroupId,
    pub(super) phase: Phase,
    pub(super) generation: i32,
    pub(super) protocol_type: Option<Arc<str>>,
    pub(super) protocol: Option<Arc<str>>,
    pub(super) leader: Option<MemberId>,
    pub(super) members: BTreeMap<MemberId, Member>,
    pub(super) instances: BTreeMap<InstanceId, MemberId>,
    /// Ids given out under KIP-394 and not yet used, each with its end.
    pub(super) reserved: BTreeMap<MemberId, Alarm>,
    /// Members of this generation that have not synced yet.
    pub(super) unsynced: BTreeSet<MemberId>,
    pub(super) subscription: Subscription,
    pub(super) join_alarm: Alarm,
    pub(super) sync_alarm: Alarm,
    /// How many members have joined the generation being prepared.
    pub(super) joined: usize,
    /// How many members offer each protocol.
    pub(super) offers: BTreeMap<Arc<str>, usize>,
    /// Bytes of all members' protocols.
    pub(super) metadata_bytes: usize,
    pub(super) saved: SavedGroup,
}

impl ClassicGroup {
    pub(super) fn new(id: GroupId) -> Self {
        Self {
            id,
            phase: Phase::Empty,
            generation: 0,
            protocol_type: None,
            protocol: None,
            leader: None,
            members: BTreeMap::new(),
            instances: BTreeMap::new(),
            reserved: BTreeMap::new(),
            unsynced: BTreeSet::new(),
            subscription: Subscription::nothing(),
            join_alarm: Alarm::default(),
            sync_alarm: Alarm::default(),
            joined: 0,
            offers: BTreeMap::new(),
            metadata_bytes: 0,
            saved: SavedGroup::default(),
        }
    }

    pub(super) fn state(&self) -> GroupState {
        match self.phase {
            Phase::Empty => GroupState::Empty,
            Phase::Preparing(_) => GroupState::PreparingRebalance,
            Phase::Completing => GroupState::CompletingRebalance,
            Phase::Stable => GroupState::Stable,
        }
    }

    /// Nothing would be lost if the group were not there.
    pub(super) fn is_vacant(&self) -> bool {
        self.phase == Phase::Empty && self.reserved.is_empty() && self.saved.is_empty()
    }

    pub(super) fn is_leader(&self, id: &MemberId) -> bool {
        self.leader.as_ref() == Some(id)
    }

    /// Whether the members are consumers, whose metadata the coordinator can read.
    pub(super) fn has_consumers(&self) -> bool {
        self.protocol_type.as_deref() == Some(CONSUMER_PROTOCOL_TYPE)
    }

    /// The member a request speaks for. The static identity is checked first, because the holder of
    /// a taken-over one must stop, not come back as a new member (KIP-345).
    pub(super) fn member_of<'a>(
        &self,
        member: Option<&'a MemberId>,
        instance: Option<&InstanceId>,
    ) -> Result<&'a MemberId, GroupError> {
        if let Some(instance) = instance {
            match self.instances.get(instance) {
                None => return Err(GroupError::UnknownMemberId),
                Some(holder) if Some(holder) != member => {
                    return Err(GroupError::FencedInstanceId);
                }
                Some(_) => {}
            }
        }
        member
            .filter(|id| self.members.contains_key(*id))
            .ok_or(GroupError::UnknownMemberId)
    }

    /// Whether a member with these protocols can be in the group: of the same type, and with at
    /// least one protocol that every member offers.
    pub(super) fn supports(&self, protocol_type: &str, protocols: &[Protocol]) -> bool {
        if self.phase == Phase::Empty {
            return !protocol_type.is_empty() && !protocols.is_empty();
        }
        self.protocol_type.as_deref() == Some(protocol_type)
            && protocols.iter().any(|offered| self.is_common(offered))
    }

    fn is_common(&self, protocol: &Protocol) -> bool {
        self.offers.get(&protocol.name).copied().unwrap_or(0) == self.members.len()
    }

    /// The protocol with the most votes: each member votes for the first of its protocols that all
    /// members offer. Between equals the lowest name wins, so that replicas of this state agree.
    pub(super) fn select_protocol(&self) -> Option<Arc<str>> {
        let mut votes: BTreeMap<&Arc<str>, usize> = BTreeMap::new();
        for member in self.members.values() {
            if let Some(choice) = member.record.protocols.iter().find(|it| self.is_common(it)) {
                *votes.entry(&choice.name).or_default() += 1;
            }
        }
        let most = votes.values().copied().max()?;
        votes
            .into_iter()
            .find(|(_, count)| *count == most)
            .map(|(name, _)| name.clone())
    }

    /// The longest time any member asks for to join again.
    pub(super) fn rebalance_timeout(&self) -> Duration {
        self.members
            .values()
            .map(|member| member.record.rebalance_timeout)
            .max()
            .unwrap_or_default()
            .min(REBALANCE_TIMEOUT_MAX)
    }

    pub(super) fn all_have_joined(&self) -> bool {
        self.joined == self.members.len() && self.reserved.is_empty()
    }

    /// Adds a member. It must be new, and its static identity free.
    pub(super) fn insert(&mut self, member: Member) {
        let record = &member.record;
        for protocol in record.protocols.iter() {
            *self.offers.entry(protocol.name.clone()).or_default() += 1;
        }
        self.metadata_bytes += metadata_bytes(&record.protocols);
        if member.has_joined() {
            self.joined += 1;
        }
        if let Some(instance) = &record.instance {
            self.instances.insert(instance.clone(), record.id.clone());
        }
        if self.leader.is_none() {
            self.leader = Some(record.id.clone());
        }
        self.members.insert(record.id.clone(), member);
    }

    /// Takes a member out, leaving the leadership as it is. Whoever waits for it and its timer are
    /// the caller's.
    pub(super) fn take(&mut self, id: &MemberId) -> Option<Member> {
        let member = self.members.remove(id)?;
        for protocol in member.record.protocols.iter() {
            if let Some(count) = self.offers.get_mut(&protocol.name) {
                *count -= 1;
                if *count == 0 {
                    self.offers.remove(&protocol.name);
                }
            }
        }
        self.metadata_bytes -= metadata_bytes(&member.record.protocols);
        if member.has_joined() {
            self.joined -= 1;
        }
        if let Some(instance) = &member.record.instance {
            self.instances.remove(instance);
        }
        self.unsynced.remove(id);
        Some(member)
    }

    /// Removes a member for good. Whoever waits for it learns that it is unknown.
    pub(super) fn remove(&mut self, id: &MemberId, cx: &mut Context<'_>) {
        let Some(mut member) = self.take(id) else {
            return;
        };
        cx.timers.clear(&mut member.session);
        Self::dismiss(&member, &GroupError::UnknownMemberId, cx);
        if self.is_leader(id) {
            self.leader = self.members.keys().next().cloned();
        }
    }

    /// Answers whoever waits for a member that is no longer there with `error`.
    pub(super) fn dismiss(member: &Member, error: &GroupError, cx: &mut Context<'_>) {
        if let Joining::Waiting(token) = member.joining {
            cx.answer(token, GroupReply::Joined(Err(error.clone())));
        }
        if let Some(token) = member.syncing {
            cx.answer(token, GroupReply::Synced(Err(error.clone())));
        }
    }

    /// Starts a member's session anew, or gives a new member `timeout`.
    pub(super) fn renew_session(
        group: &GroupId,
        member: &mut Member,
        timeout: Duration,
        cx: &mut Context<'_>,
    ) {
        let due = cx.later(timeout);
        cx.timers.set(&mut member.session, due, || {
            TimerKey::Member(group.clone(), member.record.id.clone())
        });
    }

    /// Starts the session of the member `id` anew.
    pub(super) fn touch(&mut self, id: &MemberId, cx: &mut Context<'_>) {
        if let Some(member) = self.members.get_mut(id) {
            let timeout = member.record.session_timeout;
            Self::renew_session(&self.id, member, timeout, cx);
        }
    }

    /// Persists the generation as it now is.
    pub(super) fn store(&mut self, cx: &mut Context<'_>) {
        let record = Arc::new(GenerationRecord {
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol: self.protocol.clone(),
            leader: self.leader.clone(),
            since_ms: cx.now.wall_ms,
            members: self
                .members
                .values()
                .map(|member| member.record.clone())
                .collect(),
        });
        self.emit(
            GroupEvent::GenerationStored {
                group: self.id.clone(),
                record,
            },
            cx,
        );
    }

    /// Applies an event of this group and journals it.
    pub(super) fn emit(&mut self, event: GroupEvent, cx: &mut Context<'_>) {
        self.apply(&event);
        cx.out.events.push(event);
    }

    /// Applies an event of this group to its persistent half.
    pub(super) fn apply(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::GenerationStored { record, .. } => {
                self.saved.store_generation(Arc::clone(record));
            }
            GroupEvent::StaticMemberReplaced {
                previous, member, ..
            } => {
                self.saved.replace_member(previous, member);
            }
            GroupEvent::OffsetsCommitted { offsets, .. } => {
                for (topic, partition, committed) in offsets {
                    self.saved.put_offset(topic, *partition, committed.clone());
                }
            }
            GroupEvent::OffsetsRemoved { partitions, .. } => {
                for (topic, partition) in partitions {
                    self.saved.remove_offset(topic, *partition);
                }
            }
            GroupEvent::TopicForgotten { topic } => self.saved.forget_topic(topic),
            // The coordinator drops the whole group.
            GroupEvent::GroupDeleted { .. } => {}
        }
    }

    /// Clears every alarm, before the group is dropped.
    pub(super) fn silence(&mut self, timers: &mut Timers) {
        timers.clear(&mut self.join_alarm);
        timers.clear(&mut self.sync_alarm);
        self.reserved
            .values_mut()
            .for_each(|alarm| timers.clear(alarm));
        self.members
            .values_mut()
            .for_each(|member| timers.clear(&mut member.session));
    }

    /// Reads what the members are subscribed to from their metadata for the chosen protocol.
    pub(super) fn read_subscription(&self) -> Subscription {
        if self.members.is_empty() || !self.has_consumers() {
            return Subscription::nothing();
        }
        let Some(protocol) = &self.protocol else {
            return Subscription::Everything;
        };
        Subscription::of(self.members.values().map(|member| {
            member
                .record
                .metadata(protocol)
                .map_or(&[][..], |bytes| bytes)
        }))
    }

    /// Brings the saved generation back to life after a restart: its members go on where they were,
    /// each with a whole session time-out to be heard of.
    pub(super) fn revive(&mut self, cx: &mut Context<'_>) {
        let Some(record) = self.saved.generation().cloned() else {
            return;
        };
        self.generation = record.generation;
        self.protocol_type = Some(record.protocol_type.clone());
        self.protocol = record.protocol.clone();
        for saved in &record.members {
            let mut member = Member::new(MemberRecord::clone(saved));
            let timeout = saved.session_timeout;
            Self::renew_session(&self.id, &mut member, timeout, cx);
            self.insert(member);
        }
        self.leader = record.leader.clone();
        self.phase = if self.members.is_empty() {
            Phase::Empty
        } else {
            Phase::Stable
        };
        self.subscription = self.read_subscription();
    }
}
