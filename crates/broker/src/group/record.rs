//! The parts of a group that survive a restart, each with its layout on disk.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use super::ids::{InstanceId, MemberId};
use crate::names::{GroupId, TopicName};

/// An assignment strategy as one member offers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Protocol {
    /// The strategy's name.
    pub name: Arc<str>,
    /// What the member tells the leader for it: opaque here.
    pub metadata: Bytes,
}

/// A member as it is persisted.
///
/// Layout: `id str, instance option<str>, client_id str, client_host str, session_timeout_ms u32,
/// rebalance_timeout_ms u32, protocols list<name str, metadata bytes>, assignment bytes`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MemberRecord {
    /// Its id.
    pub id: MemberId,
    /// Its static identity (KIP-345).
    pub instance: Option<InstanceId>,
    /// What it calls itself.
    pub client_id: Arc<str>,
    /// Where it is.
    pub client_host: Arc<str>,
    /// How long it may be silent, in whole milliseconds.
    pub session_timeout: Duration,
    /// How long it may take to join again, in whole milliseconds.
    pub rebalance_timeout: Duration,
    /// The strategies it offers. Kafka keeps only the chosen one, so that after a restart a member
    /// with two of them seems changed and forces a rebalance.
    pub protocols: Arc<[Protocol]>,
    /// What it was assigned.
    pub assignment: Bytes,
}

impl MemberRecord {
    /// The metadata it brought for `protocol`.
    pub(super) fn metadata(&self, protocol: &str) -> Option<&Bytes> {
        self.protocols
            .iter()
            .find(|offered| &*offered.name == protocol)
            .map(|offered| &offered.metadata)
    }

    pub(super) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .str(self.id.as_str())
            .option(self.instance.as_ref(), |encoder, instance| {
                encoder.str(instance.as_str());
            })
            .str(&self.client_id)
            .str(&self.client_host)
            .u32(milliseconds(self.session_timeout))
            .u32(milliseconds(self.rebalance_timeout))
            .list(self.protocols.iter(), |encoder, protocol| {
                encoder.str(&protocol.name).bytes(&protocol.metadata);
            })
            .bytes(&self.assignment);
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            id: member_id(decoder)?,
            instance: decoder.option(|decoder| {
                InstanceId::new(decoder.str()?).map_err(|_| DecodeError::Invalid {
                    what: "group instance id",
                })
            })?,
            client_id: decoder.str()?.into(),
            client_host: decoder.str()?.into(),
            session_timeout: Duration::from_millis(decoder.u32()?.into()),
            rebalance_timeout: Duration::from_millis(decoder.u32()?.into()),
            protocols: decoder
                .list(|decoder| {
                    Ok(Protocol {
                        name: decoder.str()?.into(),
                        metadata: Bytes::copy_from_slice(decoder.bytes()?),
                    })
                })?
                .into(),
            assignment: Bytes::copy_from_slice(decoder.bytes()?),
        })
    }
}

/// A generation as it is persisted: a stable one, or the empty one after the last member left.
///
/// Layout: `generation i32, protocol_type str, protocol option<str>, leader option<str>, since_ms
/// i64, members list<MemberRecord>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GenerationRecord {
    /// Its number.
    pub generation: i32,
    /// The kind of members.
    pub protocol_type: Arc<str>,
    /// The chosen strategy, none without members.
    pub protocol: Option<Arc<str>>,
    /// The leader, none without members.
    pub leader: Option<MemberId>,
    /// When it began, on the wall clock: the start of the offsets' retention if it has no members
    /// (KIP-211).
    pub since_ms: i64,
    /// Its members, sorted by id.
    pub members: Vec<MemberRecord>,
}

impl GenerationRecord {
    pub(super) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .i32(self.generation)
            .str(&self.protocol_type)
            .option(self.protocol.as_deref(), |encoder, protocol| {
                encoder.str(protocol);
            })
            .option(self.leader.as_ref(), |encoder, leader| {
                encoder.str(leader.as_str());
            })
            .i64(self.since_ms)
            .list(&self.members, |encoder, member| member.encode(encoder));
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        let record = Self {
            generation: decoder.i32()?,
            protocol_type: decoder.str()?.into(),
            protocol: decoder.option(|decoder| Ok(decoder.str()?.into()))?,
            leader: decoder.option(member_id)?,
            since_ms: decoder.i64()?,
            members: decoder.list(MemberRecord::decode)?,
        };
        if record.is_sound() {
            Ok(record)
        } else {
            Err(DecodeError::Invalid { what: "generation" })
        }
    }

    /// Members in order, and a protocol and a leader among them exactly if there are any.
    fn is_sound(&self) -> bool {
        let leads = |leader| {
            self.members
                .binary_search_by(|member| member.id.cmp(leader))
                .is_ok()
        };
        self.generation >= 0
            && self.members.is_sorted_by(|one, next| one.id < next.id)
            && self.protocol.is_some() != self.members.is_empty()
            && self.leader.as_ref().map_or(self.members.is_empty(), leads)
    }

    /// Puts a static member's new self in the place of its old one, which may have led.
    pub(super) fn replace_member(&mut self, previous: &MemberId, member: &MemberRecord) {
        let Some(at) = self.members.iter().position(|old| old.id == *previous) else {
            return;
        };
        self.members.remove(at);
        let place = self.members.partition_point(|other| other.id < member.id);
        self.members.insert(place, member.clone());
        if self.leader.as_ref() == Some(previous) {
            self.leader = Some(member.id.clone());
        }
    }
}

/// How far a group has read one partition.
///
/// Layout: `offset i64, leader_epoch option<i32>, metadata str, committed_ms i64, expires_ms
/// option<i64>`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The next offset to read.
    pub offset: i64,
    /// The epoch of the last record read, if the client knew it (KIP-320).
    pub leader_epoch: Option<i32>,
    /// The client's own text.
    pub metadata: Arc<str>,
    /// When it was committed, on the wall clock.
    pub committed_ms: i64,
    /// When it ends, on the wall clock, if the client chose the retention itself.
    pub expires_ms: Option<i64>,
}

impl CommittedOffset {
    pub(super) fn encode(&self, encoder: &mut Encoder) {
        encoder
            .i64(self.offset)
            .option(self.leader_epoch, |encoder, epoch| {
                encoder.i32(epoch);
            })
            .str(&self.metadata)
            .i64(self.committed_ms)
            .option(self.expires_ms, |encoder, expires_ms| {
                encoder.i64(expires_ms);
            });
    }

    pub(super) fn decode(decoder: &mut Decoder<'_>) -> Result<Self, DecodeError> {
        Ok(Self {
            offset: decoder.i64()?,
            leader_epoch: decoder.option(Decoder::i32)?,
            metadata: shared_text(decoder.str()?),
            committed_ms: decoder.i64()?,
            expires_ms: decoder.option(Decoder::i64)?,
        })
    }
}

/// `text` to keep. Most commits carry none, and the empty text costs no memory.
pub(super) fn shared_text(text: &str) -> Arc<str> {
    if text.is_empty() {
        Arc::default()
    } else {
        text.into()
    }
}

pub(super) fn member_id(decoder: &mut Decoder<'_>) -> Result<MemberId, DecodeError> {
    MemberId::new(decoder.str()?).ok_or(DecodeError::Invalid { what: "member id" })
}

pub(super) fn group_id(decoder: &mut Decoder<'_>) -> Result<GroupId, DecodeError> {
    GroupId::new(decoder.str()?).map_err(|_| DecodeError::Invalid { what: "group id" })
}

pub(super) fn topic_name(decoder: &mut Decoder<'_>) -> Result<TopicName, DecodeError> {
    TopicName::new(decoder.str()?).map_err(|_| DecodeError::Invalid { what: "topic name" })
}

fn milliseconds(duration: Duration) -> u32 {
    u32::try_from(duration.as_millis()).unwrap_or(u32::MAX)
}
