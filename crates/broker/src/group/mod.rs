//! Consumer groups: who is in a group, who leads it, and how far it has read.
//!
//! [`GroupCoordinator`] is a state machine for one thread. It is given commands, the time and
//! randomness, and answers with [`GroupEffects`]: replies, some of them to commands of long ago, and
//! events to journal. Replaying the events rebuilds everything that clients were promised; what
//! members do between two generations is forgotten on a restart, and they do it again.
//!
//! ```text
//!            first join                 all joined, or time is up
//!   Empty ──────────────► Preparing ───────────────────────────────► Completing
//!     ▲                    ▲   │  ▲                                       │
//!     └────────────────────┼───┘  └── join, leave, time-out ──────────────┤
//!        nobody is left    │                                              │ leader
//!                          └──────────── join, leave, time-out ── Stable ◄┘ syncs
//! ```
//!
//! Start with `classic` (a group and its members), then `join`, `rebalance`, `sync`, `session`,
//! `leave`; `offsets` and `retention` need no members at all. The rules are those of Kafka's classic
//! group protocol, with the proposals (KIPs) cited where they matter.
//!
//! A coordinator comes to life in three steps: [`GroupCoordinator::new`] or
//! [`GroupCoordinator::restore`], then [`GroupCoordinator::apply`] for each later event of the
//! journal, then [`GroupCoordinator::open`].

mod admin;
mod classic;
mod command;
mod config;
mod error;
mod event;
mod ids;
mod join;
mod leave;
pub mod limits;
mod member;
mod offsets;
mod rebalance;
mod record;
mod reply;
mod retention;
mod saved;
mod session;
mod snapshot;
mod state;
mod subscription;
mod sync;
mod timer;
mod view;

#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::time::Duration;

use forebay_storage::clock::Now;

pub use command::{
    CommitOffset, CommitOffsets, FetchOffsets, GroupCommand, Heartbeat, Join, Leave, Leaver, Sync,
};
pub use config::GroupConfig;
pub use error::GroupError;
pub use event::GroupEvent;
pub use ids::{InstanceId, MemberId, ReplyToken};
pub use record::{CommittedOffset, GenerationRecord, MemberRecord, Protocol};
pub use reply::{
    FetchedOffset, GroupDescription, GroupEffects, GroupListing, GroupReply, Joined, JoinedMember,
    Left, MemberDescription, PartitionResult, Synced,
};
pub use state::{GroupState, GroupType};
pub use view::GroupView;

use crate::names::GroupId;
use classic::{ClassicGroup, Context, Waiting};
use join::Applicant;
use limits::{EXCUSE_AFTER_STANDSTILL, EXCUSE_INTERVAL};
use retention::RetentionPass;
use timer::{TimerKey, Timers};

/// All groups of a shard.
#[derive(Debug)]
pub struct GroupCoordinator {
    config: GroupConfig,
    /// In order, so that whatever walks over groups does it the same way in every replay.
    groups: BTreeMap<GroupId, ClassicGroup>,
    timers: Timers,
    waiting: Waiting,
    retention: RetentionPass,
    /// When silence was last excused, on the monotonic clock.
    excused_at: Option<Duration>,
}

impl GroupCoordinator {
    /// A coordinator without groups, to be [opened](Self::open).
    pub fn new(config: GroupConfig) -> Self {
        Self {
            config,
            groups: BTreeMap::new(),
            timers: Timers::default(),
            waiting: Waiting::new(),
            retention: RetentionPass::default(),
            excused_at: None,
        }
    }

    /// Applies an event from the journal, before the coordinator is opened. Events that
    /// [`Self::handle`] and [`Self::tick`] put out are already applied.
    pub fn apply(&mut self, event: &GroupEvent) {
        match event {
            GroupEvent::GenerationStored { group, .. }
            | GroupEvent::StaticMemberReplaced { group, .. }
            | GroupEvent::OffsetsCommitted { group, .. }
            | GroupEvent::OffsetsRemoved { group, .. } => {
                let entry = self.groups.entry(group.clone());
                entry
                    .or_insert_with(|| ClassicGroup::new(group.clone()))
                    .apply(event);
                self.drop_if_vacant(group);
            }
            GroupEvent::GroupDeleted { group } => self.drop_group(group),
            GroupEvent::TopicForgotten { .. } => {
                self.groups
                    .values_mut()
                    .for_each(|group| group.apply(event));
                self.groups.retain(|_, group| !group.is_vacant());
            }
        }
    }

    /// Begins work after the last event of the journal: every member of a stored generation is alive
    /// again and has a whole session time-out from now on, so clients go on without a rebalance.
    pub fn open(&mut self, now: Now) {
        let mut out = GroupEffects::default();
        let ids: Vec<GroupId> = self.groups.keys().cloned().collect();
        for id in &ids {
            self.with_group(id, now, &mut out, |group, cx| group.revive(cx));
        }
        let due = now
            .monotonic
            .saturating_add(self.config.offsets_retention_check_interval);
        self.timers
            .set(&mut self.retention.alarm, due, || TimerKey::Retention);
    }

    /// Does what `command` asks. The reply for `token` is in `out` now or after a later call.
    pub fn handle(
        &mut self,
        command: GroupCommand,
        token: ReplyToken,
        now: Now,
        out: &mut GroupEffects,
    ) {
        let reply = match command {
            GroupCommand::Join(request) => match self.join(request, token, now, out).transpose() {
                Some(joined) => GroupReply::Joined(joined),
                None => return,
            },
            GroupCommand::Sync(request) => {
                let id = request.group.clone();
                let synced = self
                    .with_group(&id, now, out, |group, cx| group.sync(request, token, cx))
                    .unwrap_or(Err(GroupError::UnknownMemberId));
                match synced.transpose() {
                    Some(synced) => GroupReply::Synced(synced),
                    None => return,
                }
            }
            GroupCommand::Heartbeat(request) => GroupReply::Heartbeat(
                self.with_group(&request.group, now, out, |group, cx| {
                    group.heartbeat(&request, cx)
                })
                .unwrap_or(Err(GroupError::UnknownMemberId)),
            ),
            GroupCommand::Leave(Leave { group, members }) => GroupReply::Left(
                self.with_group(&group, now, out, |group, cx| group.leave(members, cx))
                    .ok_or(GroupError::UnknownMemberId),
            ),
            GroupCommand::CommitOffsets(request) => {
                GroupReply::OffsetsCommitted(self.commit(request, now, out))
            }
            GroupCommand::FetchOffsets(request) => {
                GroupReply::OffsetsFetched(self.fetch_offsets(request))
            }
            GroupCommand::Describe { group } => GroupReply::Described(self.describe(&group)),
            GroupCommand::List { states, types } => GroupReply::Listed(self.list(&states, &types)),
            GroupCommand::Delete { groups } => {
                let delete = |group| {
                    let result = self.delete(&group, out);
                    (group, result)
                };
                GroupReply::Deleted(groups.into_iter().map(delete).collect())
            }
            GroupCommand::DeleteOffsets { group, partitions } => GroupReply::OffsetsDeleted(
                self.with_group(&group, now, out, |group, cx| {
                    group.delete_offsets(partitions, cx)
                })
                .unwrap_or(Err(GroupError::GroupIdNotFound)),
            ),
            GroupCommand::TopicDeleted { topic } => {
                let event = GroupEvent::TopicForgotten { topic };
                self.apply(&event);
                out.events.push(event);
                GroupReply::TopicDeleted
            }
        };
        out.replies.push((token, reply));
    }

    /// When [`Self::tick`] is next wanted, on the monotonic clock. May be earlier than something
    /// happens, never later.
    pub fn next_deadline(&self) -> Option<Duration> {
        self.timers.next().map(|due| due.max(self.excused_until()))
    }

    /// The coordinator stood still until now, and heard nobody meanwhile: what silence would lead to
    /// waits until whoever is there has been heard again.
    pub fn excuse_silence(&mut self, now: Now) {
        let since = |at| now.monotonic.saturating_sub(at);
        if self
            .excused_at
            .is_none_or(|at| since(at) >= EXCUSE_INTERVAL)
        {
            self.excused_at = Some(now.monotonic);
        }
    }

    /// Nothing rings before this time.
    fn excused_until(&self) -> Duration {
        let excuse = |at: Duration| at.saturating_add(EXCUSE_AFTER_STANDSTILL);
        self.excused_at.map_or(Duration::ZERO, excuse)
    }

    /// Does what the time has come for.
    pub fn tick(&mut self, now: Now, out: &mut GroupEffects) {
        if now.monotonic < self.excused_until() {
            return;
        }
        while let Some((slot, key)) = self.timers.pop(now.monotonic) {
            match key {
                TimerKey::Member(id, member) => {
                    self.with_group(&id, now, out, |group, cx| {
                        group.session_rang(&member, slot, cx);
                    });
                }
                TimerKey::Join(id) => {
                    self.with_group(&id, now, out, |group, cx| {
                        let key = || TimerKey::Join(group.id.clone());
                        if cx
                            .timers
                            .rings(&mut group.join_alarm, slot, now.monotonic, key)
                        {
                            group.join_time_over(cx);
                        }
                    });
                }
                TimerKey::Sync(id) => {
                    self.with_group(&id, now, out, |group, cx| {
                        let key = || TimerKey::Sync(group.id.clone());
                        if cx
                            .timers
                            .rings(&mut group.sync_alarm, slot, now.monotonic, key)
                        {
                            group.sync_time_over(cx);
                        }
                    });
                }
                TimerKey::Retention => {
                    let (alarm, key) = (&mut self.retention.alarm, || TimerKey::Retention);
                    if self.timers.rings(alarm, slot, now.monotonic, key) {
                        self.retention_step(now, out);
                    }
                }
            }
        }
    }

    /// Nobody waits for the reply to `token` any more, because its connection is gone. Does nothing
    /// if the reply is already out.
    pub fn cancel(&mut self, token: ReplyToken) {
        if let Some((group, member)) = self.waiting.remove(&token)
            && let Some(group) = self.groups.get_mut(&group)
        {
            group.forget(&member, token);
        }
    }

    fn join(
        &mut self,
        request: Join,
        token: ReplyToken,
        now: Now,
        out: &mut GroupEffects,
    ) -> Result<Option<Joined>, GroupError> {
        let applicant = Applicant::new(request, token, &self.config)?;
        let id = applicant.request.group.clone();
        if applicant.request.member.is_some() && !self.groups.contains_key(&id) {
            return Err(GroupError::UnknownMemberId);
        }
        self.create_if_absent(&id)?;
        self.with_group(&id, now, out, |group, cx| group.join(applicant, cx))
            .unwrap_or(Err(GroupError::UnknownMemberId))
    }

    fn commit(
        &mut self,
        request: CommitOffsets,
        now: Now,
        out: &mut GroupEffects,
    ) -> Result<Vec<PartitionResult>, GroupError> {
        let id = request.group.clone();
        if request.generation < 0 {
            self.create_if_absent(&id)?;
        }
        self.with_group(&id, now, out, |group, cx| group.commit(request, cx))
            .unwrap_or(Err(GroupError::GroupIdNotFound))
    }

    fn fetch_offsets(&self, request: FetchOffsets) -> Vec<FetchedOffset> {
        let group = self.groups.get(&request.group);
        let Some(partitions) = request.partitions else {
            return group.map(ClassicGroup::fetch_all).unwrap_or_default();
        };
        let fetch = |(topic, partition)| {
            let committed = group
                .and_then(|group| group.saved.offset(&topic, partition))
                .cloned();
            FetchedOffset {
                topic,
                partition,
                committed,
            }
        };
        partitions.into_iter().map(fetch).collect()
    }

    fn create_if_absent(&mut self, id: &GroupId) -> Result<(), GroupError> {
        if !self.groups.contains_key(id) {
            if self.groups.len() >= self.config.groups_max {
                return Err(GroupError::GroupLimitReached);
            }
            self.groups
                .insert(id.clone(), ClassicGroup::new(id.clone()));
        }
        Ok(())
    }

    /// Runs `work` on a group, and drops the group if it is of no use any more.
    fn with_group<T>(
        &mut self,
        id: &GroupId,
        now: Now,
        out: &mut GroupEffects,
        work: impl FnOnce(&mut ClassicGroup, &mut Context<'_>) -> T,
    ) -> Option<T> {
        let group = self.groups.get_mut(id)?;
        let mut context = Context {
            config: &self.config,
            timers: &mut self.timers,
            waiting: &mut self.waiting,
            now,
            out,
        };
        let result = work(group, &mut context);
        if group.is_vacant() {
            self.drop_group(id);
        }
        Some(result)
    }

    /// Deletes a group without members.
    fn delete_group(&mut self, id: &GroupId, out: &mut GroupEffects) {
        let event = GroupEvent::GroupDeleted { group: id.clone() };
        self.apply(&event);
        out.events.push(event);
    }

    fn drop_if_vacant(&mut self, id: &GroupId) {
        if self.groups.get(id).is_some_and(ClassicGroup::is_vacant) {
            self.drop_group(id);
        }
    }

    fn drop_group(&mut self, id: &GroupId) {
        if let Some(mut group) = self.groups.remove(id) {
            group.silence(&mut self.timers);
        }
    }
}
