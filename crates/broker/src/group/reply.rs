//! What the coordinator answers, and all that a call leaves for its caller to do.

use std::sync::Arc;

use bytes::Bytes;

use super::error::GroupError;
use super::event::GroupEvent;
use super::ids::{InstanceId, MemberId, ReplyToken};
use super::record::CommittedOffset;
use super::state::{GroupState, GroupType};
use crate::names::{GroupId, TopicName};

/// What calls into the coordinator leave to be done. The events must be durable before the replies
/// of the same call, or of any later call, are released.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct GroupEffects {
    /// Replies to release, at most one for each token.
    pub replies: Vec<(ReplyToken, GroupReply)>,
    /// Events to journal, in this order. They are already applied.
    pub events: Vec<GroupEvent>,
}

/// The answer to one command, of the same name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupReply {
    /// To a join.
    Joined(Result<Joined, GroupError>),
    /// To a sync.
    Synced(Result<Synced, GroupError>),
    /// To a heartbeat.
    Heartbeat(Result<(), GroupError>),
    /// To a leave: one result for each leaver, in the order asked.
    Left(Result<Vec<Left>, GroupError>),
    /// To a commit: one result for each offset, in the order asked.
    OffsetsCommitted(Result<Vec<PartitionResult>, GroupError>),
    /// To a fetch of offsets: in the order asked, or sorted if all were asked for.
    OffsetsFetched(Vec<FetchedOffset>),
    /// To a describe.
    Described(Result<GroupDescription, GroupError>),
    /// To a list, sorted by id.
    Listed(Vec<GroupListing>),
    /// To a delete: one result for each group, in the order asked.
    Deleted(Vec<(GroupId, Result<(), GroupError>)>),
    /// To a deletion of offsets: one result for each partition, in the order asked.
    OffsetsDeleted(Result<Vec<PartitionResult>, GroupError>),
    /// To the news that a topic is gone.
    TopicDeleted,
}

/// Membership in a generation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Joined {
    /// The member's id from now on.
    pub member: MemberId,
    /// The generation.
    pub generation: i32,
    /// The kind of members.
    pub protocol_type: Arc<str>,
    /// The chosen strategy.
    pub protocol_name: Arc<str>,
    /// The leader. May name an id that is gone, to keep a returned static leader that does not
    /// understand `skip_assignment` from assigning.
    pub leader: MemberId,
    /// The member is the leader but must not assign: the group goes on as it is (KIP-814).
    pub skip_assignment: bool,
    /// For the leader all members with their metadata for the chosen strategy; for others nobody.
    pub members: Vec<JoinedMember>,
}

/// One member as its leader sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinedMember {
    /// Its id.
    pub member: MemberId,
    /// Its static identity.
    pub instance: Option<InstanceId>,
    /// What it said about the chosen strategy.
    pub metadata: Bytes,
}

/// A member's assignment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Synced {
    /// The kind of members (KIP-559).
    pub protocol_type: Arc<str>,
    /// The chosen strategy (KIP-559).
    pub protocol_name: Arc<str>,
    /// What the leader assigned; empty if the leader left the member out.
    pub assignment: Bytes,
}

/// What became of one who was to leave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// The member as asked.
    pub member: Option<MemberId>,
    /// The static identity as asked.
    pub instance: Option<InstanceId>,
    /// Whether it has left.
    pub result: Result<(), GroupError>,
}

/// What became of one partition of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionResult {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// Whether it was done.
    pub result: Result<(), GroupError>,
}

/// A committed offset, or that there is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchedOffset {
    /// The topic.
    pub topic: TopicName,
    /// The partition.
    pub partition: i32,
    /// The offset, if the group committed one.
    pub committed: Option<CommittedOffset>,
}

/// A group in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupDescription {
    /// The group.
    pub group: GroupId,
    /// Its state.
    pub state: GroupState,
    /// Its type.
    pub group_type: GroupType,
    /// The kind of members, none for a group that only ever stored offsets.
    pub protocol_type: Option<Arc<str>>,
    /// The chosen strategy; told only while the group is stable, as in Kafka.
    pub protocol_name: Option<Arc<str>>,
    /// Its members, sorted by id.
    pub members: Vec<MemberDescription>,
}

/// A member in full.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberDescription {
    /// Its id.
    pub member: MemberId,
    /// Its static identity.
    pub instance: Option<InstanceId>,
    /// What it calls itself.
    pub client_id: Arc<str>,
    /// Where it is.
    pub client_host: Arc<str>,
    /// What it said about the chosen strategy; told only while the group is stable, as in Kafka.
    pub metadata: Bytes,
    /// What it was assigned.
    pub assignment: Bytes,
}

/// A group in brief.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupListing {
    /// The group.
    pub group: GroupId,
    /// The kind of members, none for a group that only ever stored offsets.
    pub protocol_type: Option<Arc<str>>,
    /// Its state.
    pub state: GroupState,
    /// Its type.
    pub group_type: GroupType,
}
