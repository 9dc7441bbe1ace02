//! Signs of life, and what happens without them.

use super::classic::{ClassicGroup, Context, Phase};
use super::command::Heartbeat;
use super::error::GroupError;
use super::ids::{MemberId, ReplyToken};
use super::member::Joining;
use super::timer::{Slot, TimerKey};

impl ClassicGroup {
    /// Renews a session, and tells the member if it has to join again.
    pub(super) fn heartbeat(
        &mut self,
        request: &Heartbeat,
        cx: &mut Context<'_>,
    ) -> Result<(), GroupError> {
        let id = self.member_of(request.member.as_ref(), request.instance.as_ref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        self.touch(id, cx);
        match self.phase {
            Phase::Empty | Phase::Preparing(_) => Err(GroupError::RebalanceInProgress),
            Phase::Completing | Phase::Stable => Ok(()),
        }
    }

    /// The wake-up of a member's session or of a reserved id.
    pub(super) fn session_rang(&mut self, id: &MemberId, slot: Slot, cx: &mut Context<'_>) {
        let key = || TimerKey::Member(self.id.clone(), id.clone());
        if let Some(alarm) = self.reserved.get_mut(id) {
            if cx.timers.rings(alarm, slot, cx.now.monotonic, key) {
                self.reserved.remove(id);
                self.complete_if_all_joined(cx);
            }
            return;
        }
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        if !cx
            .timers
            .rings(&mut member.session, slot, cx.now.monotonic, key)
        {
            return;
        }
        if member.is_excused() {
            self.touch(id, cx);
            return;
        }
        tracing::info!(group = %self.id, member = %id, "member's session has ended");
        self.expel(id, cx);
    }

    /// Removes a member that is not coming back, and lets the rest go on without it.
    pub(super) fn expel(&mut self, id: &MemberId, cx: &mut Context<'_>) {
        if !self.members.contains_key(id) {
            return;
        }
        self.remove(id, cx);
        self.rebalance_or_complete("a member is gone", cx);
    }

    /// Nobody waits for `token` any more. The member stays: its client may come back on another
    /// connection before the session ends.
    pub(super) fn forget(&mut self, id: &MemberId, token: ReplyToken) {
        let Some(member) = self.members.get_mut(id) else {
            return;
        };
        if member.joining == Joining::Waiting(token) {
            member.joining = Joining::Unheard;
        }
        if member.syncing == Some(token) {
            member.syncing = None;
        }
    }
}
