//! Why the coordinator refuses. Every variant says what the client is to do, and a gateway maps each
//! to one error of its protocol.

use super::ids::MemberId;

/// A refusal of a command, or of a part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum GroupError {
    /// The group has no such member: forget the member id and join anew.
    #[error("the group has no such member")]
    UnknownMemberId,
    /// The member is known but speaks of another generation: join again.
    #[error("the generation is not the group's current one")]
    IllegalGeneration,
    /// The group is between two generations: join again, keeping the member id.
    #[error("the group is rebalancing")]
    RebalanceInProgress,
    /// Join again with this id, so that a lost reply leaves no ghost behind (KIP-394).
    #[error("join again with member id {member_id}")]
    MemberIdRequired {
        /// The id that was reserved.
        member_id: MemberId,
    },
    /// Another process has taken over this instance id: stop (KIP-345).
    #[error("another member has taken over this instance id")]
    FencedInstanceId,
    /// The member shares no assignment strategy with the group, or is of another protocol type.
    #[error("the protocol type or the protocols do not fit the group's")]
    InconsistentGroupProtocol,
    /// The session time-out is outside the configured range.
    #[error("the session time-out is outside the allowed range")]
    InvalidSessionTimeout,
    /// The group has as many members as it may have (KIP-389).
    #[error("the group has as many members as it may have")]
    GroupMaxSizeReached,
    /// The coordinator keeps as many groups as it may keep. Retrying helps once some have gone.
    #[error("there are as many groups as there may be")]
    GroupLimitReached,
    /// There is no such group.
    #[error("there is no such group")]
    GroupIdNotFound,
    /// Only an empty group can do this.
    #[error("the group has members")]
    NonEmptyGroup,
    /// Active members consume this topic, so its offsets stay.
    #[error("the group is subscribed to the topic")]
    GroupSubscribedToTopic,
    /// The text stored with an offset is longer than allowed.
    #[error("the metadata of the offset is too large")]
    OffsetMetadataTooLarge,
    /// The topic of the offset has been deleted.
    #[error("the topic or partition does not exist")]
    UnknownTopicOrPartition,
    /// A member's protocols, or those of its whole group, are larger than allowed.
    #[error("the metadata of the member or of its group is too large")]
    MemberMetadataTooLarge,
    /// The assignments of a leader are larger than allowed.
    #[error("the assignments are too large")]
    AssignmentTooLarge,
}
