//! What the journal keeps of groups.
//!
//! An encoded event is one byte of kind, then the kind's fields in the order of its layout. Kinds
//! are never reused: a layout that changes takes a new number.

use std::sync::Arc;

use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::ids::MemberId;
use super::record::{
    CommittedOffset, GenerationRecord, MemberRecord, group_id, member_id, topic_name,
};
use crate::names::{GroupId, TopicName};

const GENERATION_STORED: u8 = 1;
const STATIC_MEMBER_REPLACED: u8 = 2;
const OFFSETS_COMMITTED: u8 = 3;
const OFFSETS_REMOVED: u8 = 4;
const GROUP_DELETED: u8 = 5;
const TOPIC_FORGOTTEN: u8 = 6;

/// One change of persistent state.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum GroupEvent {
    /// A generation became stable, or the group became empty.
    ///
    /// Layout: `1 u8, group str, GenerationRecord`.
    GenerationStored {
        /// The group.
        group: GroupId,
        /// The whole generation, in place of any before it.
        record: Arc<GenerationRecord>,
    },
    /// A static member came back under a new id and goes on in the stored generation (KIP-345).
    ///
    /// Layout: `2 u8, group str, previous str, MemberRecord`.
    StaticMemberReplaced {
        /// The group.
        group: GroupId,
        /// The id that is fenced from now on.
        previous: MemberId,
        /// The member under its new id.
        member: MemberRecord,
    },
    /// Offsets were committed.
    ///
    /// Layout: `3 u8, group str, list<topic str, partition i32, CommittedOffset>`.
    OffsetsCommitted {
        /// The group.
        group: GroupId,
        /// Each in place of any before it.
        offsets: Vec<(TopicName, i32, CommittedOffset)>,
    },
    /// Offsets were deleted by an operator or have outlived their retention.
    ///
    /// Layout: `4 u8, group str, list<topic str, partition i32>`.
    OffsetsRemoved {
        /// The group.
        group: GroupId,
        /// Whose offsets are gone.
        partitions: Vec<(TopicName, i32)>,
    },
    /// A group is gone with all its offsets.
    ///
    /// Layout: `5 u8, group str`.
    GroupDeleted {
        /// The group.
        group: GroupId,
    },
    /// A topic is gone, and every group's offsets in it.
    ///
    /// Layout: `6 u8, topic str`.
    TopicForgotten {
        /// The topic.
        topic: TopicName,
    },
}

impl GroupEvent {
    /// Appends the event's binary form.
    pub fn encode(&self, encoder: &mut Encoder) {
        match self {
            Self::GenerationStored { group, record } => {
                record.encode(encoder.u8(GENERATION_STORED).str(group.as_str()));
            }
            Self::StaticMemberReplaced {
                group,
                previous,
                member,
            } => {
                encoder
                    .u8(STATIC_MEMBER_REPLACED)
                    .str(group.as_str())
                    .str(previous.as_str());
                member.encode(encoder);
            }
            Self::OffsetsCommitted { group, offsets } => {
                encoder.u8(OFFSETS_COMMITTED).str(group.as_str()).list(
                    offsets,
                    |encoder, (topic, partition, committed)| {
                        committed.encode(encoder.str(topic.as_str()).i32(*partition));
                    },
                );
            }
            Self::OffsetsRemoved { group, partitions } => {
                encoder.u8(OFFSETS_REMOVED).str(group.as_str()).list(
                    partitions,
                    |encoder, (topic, partition)| {
                        encoder.str(topic.as_str()).i32(*partition);
                    },
                );
            }
            Self::GroupDeleted { group } => {
                encoder.u8(GROUP_DELETED).str(group.as_str());
            }
            Self::TopicForgotten { topic } => {
                encoder.u8(TOPIC_FORGOTTEN).str(topic.as_str());
            }
        }
    }

    /// Takes one event off the front.
    pub fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(match decoder.u8()? {
            GENERATION_STORED => Self::GenerationStored {
                group: group_id(decoder)?,
                record: Arc::new(GenerationRecord::decode(decoder)?),
            },
            STATIC_MEMBER_REPLACED => Self::StaticMemberReplaced {
                group: group_id(decoder)?,
                previous: member_id(decoder)?,
                member: MemberRecord::decode(decoder)?,
            },
            OFFSETS_COMMITTED => Self::OffsetsCommitted {
                group: group_id(decoder)?,
                offsets: decoder.list(|decoder| {
                    Ok((
                        topic_name(decoder)?,
                        decoder.i32()?,
                        CommittedOffset::decode(decoder)?,
                    ))
                })?,
            },
            OFFSETS_REMOVED => Self::OffsetsRemoved {
                group: group_id(decoder)?,
                partitions: decoder.list(|decoder| Ok((topic_name(decoder)?, decoder.i32()?)))?,
            },
            GROUP_DELETED => Self::GroupDeleted {
                group: group_id(decoder)?,
            },
            TOPIC_FORGOTTEN => Self::TopicForgotten {
                topic: topic_name(decoder)?,
            },
            _ => {
                return Err(DecodeError::Invalid {
                    what: "kind of group event",
                });
            }
        })
    }
}
