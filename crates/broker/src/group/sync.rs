//! Handing out assignments: followers wait for the leader, the leader makes the group stable.

use std::collections::HashMap;

use bytes::Bytes;

use super::classic::{ClassicGroup, Context, Phase};
use super::command::Sync;
use super::error::GroupError;
use super::ids::{MemberId, ReplyToken};
use super::limits::GROUP_ASSIGNMENT_BYTES_MAX;
use super::reply::{GroupReply, Synced};

impl ClassicGroup {
    /// Takes a leader's assignments, or a follower's wish for its own. Returns the assignment if the
    /// group has it; else the token waits with the member.
    pub(super) fn sync(
        &mut self,
        request: Sync,
        token: ReplyToken,
        cx: &mut Context<'_>,
    ) -> Result<Option<Synced>, GroupError> {
        let id = self
            .member_of(request.member.as_ref(), request.instance.as_ref())?
            .clone();
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        // KIP-559: what the client believes, if it says so, must be so.
        let differs = |believed: &Option<_>, actual| believed.is_some() && believed != actual;
        if differs(&request.protocol_type, &self.protocol_type)
            || differs(&request.protocol_name, &self.protocol)
        {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        match self.phase {
            // Without members there is none to speak for.
            Phase::Empty => Err(GroupError::UnknownMemberId),
            Phase::Preparing(_) => Err(GroupError::RebalanceInProgress),
            Phase::Completing => {
                self.sync_waiting(&id, request.assignments, token, cx)?;
                Ok(None)
            }
            Phase::Stable => {
                self.synced(&id, cx);
                self.touch(&id, cx);
                self.assignment(&id).map(Some)
            }
        }
    }

    fn sync_waiting(
        &mut self,
        id: &MemberId,
        assignments: Vec<(MemberId, Bytes)>,
        token: ReplyToken,
        cx: &mut Context<'_>,
    ) -> Result<(), GroupError> {
        let leads = self.is_leader(id);
        let bytes: usize = assignments
            .iter()
            .map(|(_, assignment)| assignment.len())
            .sum();
        if leads && bytes > GROUP_ASSIGNMENT_BYTES_MAX {
            return Err(GroupError::AssignmentTooLarge);
        }
        let Some(member) = self.members.get_mut(id) else {
            return Err(GroupError::UnknownMemberId);
        };
        if let Some(earlier) = member.syncing.replace(token) {
            // Asked twice: the client has given up on the earlier request.
            cx.answer(
                earlier,
                GroupReply::Synced(Err(GroupError::RebalanceInProgress)),
            );
        }
        cx.waiting.insert(token, (self.id.clone(), id.clone()));
        self.synced(id, cx);
        if leads {
            self.assign(assignments, cx);
        }
        Ok(())
    }

    /// Makes the group stable. Members the leader left out get nothing; assignments for others are
    /// ignored.
    fn assign(&mut self, assignments: Vec<(MemberId, Bytes)>, cx: &mut Context<'_>) {
        let mut assignments: HashMap<_, _> = assignments.into_iter().collect();
        let mut waiting = Vec::new();
        for (id, member) in &mut self.members {
            // Copied, because slices would keep the leader's whole request.
            let assignment = assignments.remove(id).unwrap_or_default();
            member.record.assignment = Bytes::copy_from_slice(&assignment);
            waiting.extend(member.syncing.take().map(|token| (token, id.clone())));
        }
        self.phase = Phase::Stable;
        self.store(cx);
        for (token, id) in waiting {
            self.touch(&id, cx);
            cx.answer(token, GroupReply::Synced(self.assignment(&id)));
        }
    }

    fn assignment(&self, id: &MemberId) -> Result<Synced, GroupError> {
        let member = self.members.get(id).ok_or(GroupError::UnknownMemberId)?;
        Ok(Synced {
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_name: self.protocol.clone().unwrap_or_default(),
            assignment: member.record.assignment.clone(),
        })
    }

    fn synced(&mut self, id: &MemberId, cx: &mut Context<'_>) {
        self.unsynced.remove(id);
        if self.unsynced.is_empty() {
            cx.timers.clear(&mut self.sync_alarm);
        }
    }

    /// The time to sync is over: whoever has not is out, and the rest rebalances. Without this a
    /// leader that lives but never assigns would hold its group up for ever (KAFKA-12890).
    pub(super) fn sync_time_over(&mut self, cx: &mut Context<'_>) {
        let late = std::mem::take(&mut self.unsynced);
        if late.is_empty() || !matches!(self.phase, Phase::Completing | Phase::Stable) {
            return;
        }
        for id in &late {
            self.remove(id, cx);
        }
        self.rebalance_or_complete("members did not sync in time", cx);
    }
}
