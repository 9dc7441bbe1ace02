//! What can be asked of the coordinator.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;

use super::ids::{InstanceId, MemberId};
use super::record::Protocol;
use super::state::{GroupState, GroupType};
use crate::names::{GroupId, TopicName};

/// One request to the coordinator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupCommand {
    /// Become or stay a member of the next generation. Answered when that generation begins.
    Join(Join),
    /// Hand in the assignments (leader), get one's own. Answered when the leader has handed in.
    Sync(Sync),
    /// Say that one is alive; learn whether to join again.
    Heartbeat(Heartbeat),
    /// Leave the group, or make others leave.
    Leave(Leave),
    /// Store how far a group has read.
    CommitOffsets(CommitOffsets),
    /// Ask how far a group has read. Never fails: an unknown group has read nothing.
    FetchOffsets(FetchOffsets),
    /// Show one group in full.
    Describe {
        /// The group.
        group: GroupId,
    },
    /// Show all groups in brief. An empty filter lets everything through.
    List {
        /// States to show (KIP-518).
        states: Vec<GroupState>,
        /// Types to show (KIP-848).
        types: Vec<GroupType>,
    },
    /// Delete groups that have no members, with their offsets (KIP-229).
    Delete {
        /// The groups, each with a result of its own.
        groups: Vec<GroupId>,
    },
    /// Delete offsets of topics that the group does not consume (KIP-496).
    DeleteOffsets {
        /// The group.
        group: GroupId,
        /// The partitions, each with a result of its own.
        partitions: Vec<(TopicName, i32)>,
    },
    /// A topic is gone, and with it every offset in it: a topic created later under the same name
    /// must not be read from the old one's offsets.
    TopicDeleted {
        /// The topic.
        topic: TopicName,
    },
}

impl GroupCommand {
    /// About how many bytes the command may bring to the journal at once.
    pub(crate) fn stored_bytes(&self) -> usize {
        match self {
            Self::Join(join) => join
                .protocols
                .iter()
                .map(|protocol| protocol.metadata.len())
                .sum(),
            Self::Sync(sync) => sync
                .assignments
                .iter()
                .map(|(_, bytes)| bytes.len() + 64)
                .sum(),
            Self::CommitOffsets(commit) => {
                let offsets = commit.offsets.iter();
                offsets
                    .map(|offset| 64 + offset.topic.as_str().len() + offset.metadata.len())
                    .sum()
            }
            Self::DeleteOffsets { partitions, .. } => 64 * partitions.len(),
            _ => 0,
        }
    }
}

/// Joins a group.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Join {
    /// The group, created if the member is new.
    pub group: GroupId,
    /// The member's id, or none if it has none yet.
    pub member: Option<MemberId>,
    /// The static identity, if it has one (KIP-345).
    pub instance: Option<InstanceId>,
    /// What the client calls itself.
    pub client_id: Arc<str>,
    /// Where the client is.
    pub client_host: Arc<str>,
    /// How long the member may be silent.
    pub session_timeout: Duration,
    /// How long the member may take to join again (KIP-62). Protocol versions without it use the
    /// session time-out.
    pub rebalance_timeout: Duration,
    /// The kind of members, `consumer` or `connect` for example.
    pub protocol_type: Arc<str>,
    /// The strategies the member can work with, the preferred one first, each with what the leader
    /// needs to know.
    pub protocols: Vec<Protocol>,
    /// Whether a new dynamic member is told its id before it is counted (KIP-394).
    pub requires_known_member_id: bool,
    /// Whether the client understands that a leader need not assign (KIP-814).
    pub supports_skip_assignment: bool,
    /// Randomness for the id of a new member.
    pub new_member_suffix: [u8; 16],
    /// Why the client joins, for the log (KIP-800).
    pub reason: Option<Arc<str>>,
}

/// Hands in or fetches assignments.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sync {
    /// The group.
    pub group: GroupId,
    /// The generation the member believes in.
    pub generation: i32,
    /// The member.
    pub member: Option<MemberId>,
    /// The static identity, if it has one.
    pub instance: Option<InstanceId>,
    /// The protocol type the member believes in, if the protocol version says it (KIP-559).
    pub protocol_type: Option<Arc<str>>,
    /// The protocol the member believes was chosen, if the protocol version says it (KIP-559).
    pub protocol_name: Option<Arc<str>>,
    /// The leader's assignments; empty from followers.
    pub assignments: Vec<(MemberId, Bytes)>,
}

/// A sign of life.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Heartbeat {
    /// The group.
    pub group: GroupId,
    /// The generation the member believes in.
    pub generation: i32,
    /// The member.
    pub member: Option<MemberId>,
    /// The static identity, if it has one.
    pub instance: Option<InstanceId>,
}

/// Removes members.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leave {
    /// The group.
    pub group: GroupId,
    /// Who leaves, each with a result of its own.
    pub members: Vec<Leaver>,
}

/// One who leaves: by member id, or by instance id alone when an operator does it (KIP-345).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Leaver {
    /// The member.
    pub member: Option<MemberId>,
    /// The static identity.
    pub instance: Option<InstanceId>,
    /// Why, for the log (KIP-800).
    pub reason: Option<Arc<str>>,
}

/// Stores offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffsets {
    /// The group. A commit from outside any generation creates it.
    pub group: GroupId,
    /// The member's generation; negative from a client that uses no membership.
    pub generation: i32,
    /// The member, none from a client that uses no membership.
    pub member: Option<MemberId>,
    /// The static identity, if it has one.
    pub instance: Option<InstanceId>,
    /// How long to keep these offsets, where an old client says it itself; else none, and the
    /// configured retention counts (KIP-211).
    pub retention: Option<Duration>,
    /// The offsets, each with a result of its own.
    pub offsets: Vec<CommitOffset>,
}

/// One offset to store.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommitOffset {
    /// The topic.
    pub topic: TopicName,
    /// The partition, which the caller knows to exist.
    pub partition: i32,
    /// The next offset to read.
    pub offset: i64,
    /// The epoch of the last record read, if the client knows it (KIP-320).
    pub leader_epoch: Option<i32>,
    /// The client's own text.
    pub metadata: Arc<str>,
}

/// Reads offsets.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FetchOffsets {
    /// The group.
    pub group: GroupId,
    /// Which partitions, or none for all that have an offset.
    pub partitions: Option<Vec<(TopicName, i32)>>,
}
