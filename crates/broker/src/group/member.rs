//! A member as long as it lives: what is persisted of it, and who waits for it.

use super::ids::ReplyToken;
use super::record::MemberRecord;
use super::timer::Alarm;

/// Whether a member has asked for the next generation.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Joining {
    /// It has not.
    No,
    /// It has, and waits for the answer.
    Waiting(ReplyToken),
    /// It has, but its connection is gone. It stays in the next generation and then has its session
    /// time-out to come back; its request was as good as any.
    Unheard,
}

/// A member of a classic group.
#[derive(Debug)]
pub(super) struct Member {
    pub(super) record: MemberRecord,
    pub(super) joining: Joining,
    /// Who waits for this member's assignment.
    pub(super) syncing: Option<ReplyToken>,
    /// It has not been answered yet, so it cannot heartbeat.
    pub(super) is_new: bool,
    /// Set as long as the member is in a group.
    pub(super) session: Alarm,
}

impl Member {
    pub(super) fn new(record: MemberRecord) -> Self {
        Self {
            record,
            joining: Joining::No,
            syncing: None,
            is_new: false,
            session: Alarm::default(),
        }
    }

    pub(super) fn has_joined(&self) -> bool {
        self.joining != Joining::No
    }

    /// Waiting for the coordinator is as good as a heartbeat, except for a new member: its request
    /// may be waited for by nobody, and nothing else would ever tell.
    pub(super) fn is_excused(&self) -> bool {
        let waits = matches!(self.joining, Joining::Waiting(_)) || self.syncing.is_some();
        waits && !self.is_new
    }
}

/// Bytes that `protocols` take in a group's budget.
pub(super) fn metadata_bytes(protocols: &[super::record::Protocol]) -> usize {
    protocols
        .iter()
        .map(|protocol| protocol.name.len() + protocol.metadata.len())
        .sum()
}
