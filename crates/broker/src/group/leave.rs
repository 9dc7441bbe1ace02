//! Leaving a group: oneself, or others at an operator's wish (KIP-345).

use super::classic::{ClassicGroup, Context};
use super::command::Leaver;
use super::error::GroupError;
use super::ids::shortened;
use super::limits::REASON_BYTES_SHOWN;
use super::reply::Left;

impl ClassicGroup {
    /// Removes each of `leavers`, then lets the rest go on without them, once for all.
    pub(super) fn leave(&mut self, leavers: Vec<Leaver>, cx: &mut Context<'_>) -> Vec<Left> {
        let mut rest_must_know = false;
        let mut left = Vec::with_capacity(leavers.len());
        for leaver in leavers {
            let result = self.leave_one(&leaver, cx);
            if let Ok(was_member) = result {
                rest_must_know |= was_member;
                tracing::info!(
                    group = %self.id,
                    member = ?leaver.member,
                    instance = ?leaver.instance,
                    reason = ?leaver.reason.as_deref().map(|text| shortened(text, REASON_BYTES_SHOWN)),
                    "member leaves"
                );
            }
            left.push(Left {
                member: leaver.member,
                instance: leaver.instance,
                result: result.map(|_| ()),
            });
        }
        if rest_must_know {
            self.rebalance_or_complete("members left", cx);
        } else {
            // Perhaps only a reserved id was still waited for.
            self.complete_if_all_joined(cx);
        }
        left
    }

    /// True if the leaver was a member, false if it only had an id reserved: the latter is not in
    /// the generation, so nobody needs to be disturbed (Kafka rebalances for it).
    fn leave_one(&mut self, leaver: &Leaver, cx: &mut Context<'_>) -> Result<bool, GroupError> {
        if leaver
            .member
            .as_ref()
            .is_some_and(|id| self.release(id, cx))
        {
            return Ok(false);
        }
        let id = match (&leaver.member, &leaver.instance) {
            // An operator knows a static member by its instance id alone.
            (None, Some(instance)) => self
                .instances
                .get(instance)
                .ok_or(GroupError::UnknownMemberId)?,
            (member, instance) => self.member_of(member.as_ref(), instance.as_ref())?,
        };
        let id = id.clone();
        self.remove(&id, cx);
        Ok(true)
    }
}
