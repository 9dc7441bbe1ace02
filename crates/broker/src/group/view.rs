//! Looking at groups without asking them: for metrics, the console, and lag.

use super::GroupCoordinator;
use super::classic::ClassicGroup;
use super::ids::MemberId;
use super::record::{CommittedOffset, MemberRecord};
use super::state::{GroupState, GroupType};
use crate::names::TopicName;

/// One group, borrowed.
#[derive(Clone, Copy, Debug)]
pub struct GroupView<'a> {
    group: &'a ClassicGroup,
}

impl<'a> GroupView<'a> {
    /// Its id.
    pub fn id(self) -> &'a crate::names::GroupId {
        &self.group.id
    }

    /// Its state; never [`GroupState::Dead`].
    pub fn state(self) -> GroupState {
        self.group.state()
    }

    /// Its type.
    pub fn group_type(self) -> GroupType {
        GroupType::Classic
    }

    /// Its generation, zero before the first.
    pub fn generation(self) -> i32 {
        self.group.generation
    }

    /// The kind of its members, none if it never had any.
    pub fn protocol_type(self) -> Option<&'a str> {
        self.group.protocol_type.as_deref()
    }

    /// The strategy chosen for the current generation.
    pub fn protocol_name(self) -> Option<&'a str> {
        self.group.protocol.as_deref()
    }

    /// Its leader.
    pub fn leader(self) -> Option<&'a MemberId> {
        self.group.leader.as_ref()
    }

    /// Its members, sorted by id.
    pub fn members(self) -> impl ExactSizeIterator<Item = &'a MemberRecord> {
        self.group.members.values().map(|member| &member.record)
    }

    /// Its offsets, sorted by topic and partition.
    pub fn offsets(self) -> impl Iterator<Item = (&'a TopicName, i32, &'a CommittedOffset)> {
        self.group.saved.offsets()
    }

    /// One of its offsets.
    pub fn offset(self, topic: &TopicName, partition: i32) -> Option<&'a CommittedOffset> {
        self.group.saved.offset(topic, partition)
    }

    /// Whether a member may be consuming `topic`.
    pub fn is_subscribed_to(self, topic: &TopicName) -> bool {
        self.group.subscription.includes(topic)
    }
}

impl GroupCoordinator {
    /// All groups, sorted by id.
    pub fn groups(&self) -> impl ExactSizeIterator<Item = GroupView<'_>> {
        self.groups.values().map(|group| GroupView { group })
    }

    /// The group of that id.
    pub fn group(&self, id: &str) -> Option<GroupView<'_>> {
        self.groups.get(id).map(|group| GroupView { group })
    }

    /// How many requests wait for a rebalance or a leader.
    pub fn waiting(&self) -> usize {
        self.waiting.len()
    }
}
