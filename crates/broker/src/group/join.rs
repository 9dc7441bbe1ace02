//! Joining a group: who is let in, under which id, and whether that disturbs the others.

use std::sync::Arc;

use bytes::Bytes;

use super::classic::{ClassicGroup, Context, Phase, Rebalance};
use super::command::Join;
use super::config::GroupConfig;
use super::error::GroupError;
use super::event::GroupEvent;
use super::ids::{MemberId, ReplyToken, client_text};
use super::limits::{
    ALARMS_MAX, GROUP_METADATA_BYTES_MAX, MEMBER_METADATA_BYTES_MAX, NEW_MEMBER_JOIN_TIMEOUT,
    PROTOCOL_NAME_BYTES_MAX, PROTOCOLS_PER_MEMBER_MAX, REBALANCE_TIMEOUT_MAX,
};
use super::member::{Joining, Member, metadata_bytes};
use super::record::{MemberRecord, Protocol};
use super::reply::{GroupReply, Joined, JoinedMember};
use super::subscription::Subscription;
use super::timer::{Alarm, TimerKey};

/// A join whose contents are checked and are the group's own to keep.
pub(super) struct Applicant {
    pub(super) request: Join,
    pub(super) protocols: Arc<[Protocol]>,
    pub(super) token: ReplyToken,
}

impl Applicant {
    /// Checks what can be checked without the group.
    pub(super) fn new(
        mut request: Join,
        token: ReplyToken,
        config: &GroupConfig,
    ) -> Result<Self, GroupError> {
        let allowed = config.session_timeout_min..=config.session_timeout_max;
        if !allowed.contains(&request.session_timeout) {
            return Err(GroupError::InvalidSessionTimeout);
        }
        request.rebalance_timeout = request.rebalance_timeout.min(REBALANCE_TIMEOUT_MAX);
        let offered = std::mem::take(&mut request.protocols);
        let longest = offered
            .iter()
            .map(|protocol| protocol.name.len())
            .max()
            .unwrap_or(0);
        if offered.len() > PROTOCOLS_PER_MEMBER_MAX
            || longest.max(request.protocol_type.len()) > PROTOCOL_NAME_BYTES_MAX
            || metadata_bytes(&offered) > MEMBER_METADATA_BYTES_MAX
        {
            return Err(GroupError::MemberMetadataTooLarge);
        }
        let mut protocols: Vec<Protocol> = Vec::with_capacity(offered.len());
        for protocol in offered {
            // The same strategy twice would count as two members offering it.
            if protocols.iter().any(|known| known.name == protocol.name) {
                continue;
            }
            // Copied, because a slice would keep the whole request's buffer as long as the member.
            let metadata = Bytes::copy_from_slice(&protocol.metadata);
            protocols.push(Protocol {
                name: protocol.name,
                metadata,
            });
        }
        request.client_id = client_text(&request.client_id);
        request.client_host = client_text(&request.client_host);
        Ok(Self {
            request,
            protocols: protocols.into(),
            token,
        })
    }

    fn record(&self, id: MemberId, assignment: Bytes) -> MemberRecord {
        MemberRecord {
            id,
            instance: self.request.instance.clone(),
            client_id: self.request.client_id.clone(),
            client_host: self.request.client_host.clone(),
            session_timeout: self.request.session_timeout,
            rebalance_timeout: self.request.rebalance_timeout,
            protocols: self.protocols.clone(),
            assignment,
        }
    }

    fn reason(&self) -> &str {
        self.request.reason.as_deref().unwrap_or("none given")
    }
}

impl ClassicGroup {
    /// Lets a member in. Returns its membership if that is known at once; else the token waits with
    /// the member.
    pub(super) fn join(
        &mut self,
        applicant: Applicant,
        cx: &mut Context<'_>,
    ) -> Result<Option<Joined>, GroupError> {
        let Join {
            member, instance, ..
        } = &applicant.request;
        let returning = match (member, instance) {
            (None, Some(instance)) => self.instances.get(instance).cloned(),
            _ => None,
        };
        self.check_room(
            member.as_ref().or(returning.as_ref()),
            &applicant.protocols,
            cx,
        )?;
        if !self.supports(&applicant.request.protocol_type, &applicant.protocols) {
            return Err(GroupError::InconsistentGroupProtocol);
        }
        if let Some(id) = member.clone() {
            return self.join_again(id, applicant, cx);
        }
        let id = MemberId::make(
            &applicant.request.client_id,
            instance.as_ref(),
            applicant.request.new_member_suffix,
        );
        if self.members.contains_key(&id) || self.reserved.contains_key(&id) {
            // Randomness that was used before; the client asks again and gets other.
            return Err(GroupError::UnknownMemberId);
        }
        match returning {
            Some(previous) => self.return_static(&previous, id, applicant, cx),
            None if instance.is_none() && applicant.request.requires_known_member_id => {
                self.reserve(id, &applicant, cx)
            }
            None => self.admit(id, applicant, cx),
        }
    }

    /// KIP-389, the bound of all members together, and the budget of bytes. Whoever
    /// does not fit any more loses its membership, so that a group that shrank its limit converges.
    fn check_room(
        &mut self,
        id: Option<&MemberId>,
        protocols: &[Protocol],
        cx: &mut Context<'_>,
    ) -> Result<(), GroupError> {
        let known = id.and_then(|id| self.members.get(id));
        let size_max = cx.config.group_size_max;
        let fits = match self.phase {
            Phase::Empty => true,
            // Those who have joined are counted, not the members: the rest may never come back.
            Phase::Preparing(_) => known.is_some_and(Member::has_joined) || self.joined < size_max,
            Phase::Completing | Phase::Stable => known.is_some() || self.members.len() < size_max,
        };
        let replaced = known.map_or(0, |member| metadata_bytes(&member.record.protocols));
        let metadata = self.metadata_bytes - replaced + metadata_bytes(protocols);
        if !fits {
            if let Some(id) = id.cloned() {
                if self.release(&id, cx) {
                    self.complete_if_all_joined(cx);
                }
                self.expel(&id, cx);
            }
            return Err(GroupError::GroupMaxSizeReached);
        }
        if id.is_none() && cx.timers.len() >= ALARMS_MAX {
            return Err(GroupError::GroupMaxSizeReached);
        }
        if metadata > GROUP_METADATA_BYTES_MAX {
            return Err(GroupError::MemberMetadataTooLarge);
        }
        Ok(())
    }

    /// Tells a new member its id before it counts, so that a client whose reply was lost does not
    /// leave a ghost that everyone waits for (KIP-394).
    fn reserve(
        &mut self,
        id: MemberId,
        applicant: &Applicant,
        cx: &mut Context<'_>,
    ) -> Result<Option<Joined>, GroupError> {
        // Kafka lets them pile up; here there are at most as many as there may be members.
        if self.reserved.len() >= cx.config.group_size_max {
            return Err(GroupError::GroupMaxSizeReached);
        }
        let mut alarm = Alarm::default();
        let due = cx.later(applicant.request.session_timeout);
        cx.timers.set(&mut alarm, due, || {
            TimerKey::Member(self.id.clone(), id.clone())
        });
        self.reserved.insert(id.clone(), alarm);
        Err(GroupError::MemberIdRequired { member_id: id })
    }

    fn admit(
        &mut self,
        id: MemberId,
        applicant: Applicant,
        cx: &mut Context<'_>,
    ) -> Result<Option<Joined>, GroupError> {
        let mut member = Member::new(applicant.record(id.clone(), Bytes::new()));
        member.joining = Joining::Waiting(applicant.token);
        member.is_new = true;
        Self::renew_session(&self.id, &mut member, NEW_MEMBER_JOIN_TIMEOUT, cx);
        cx.waiting
            .insert(applicant.token, (self.id.clone(), id.clone()));
        if let Phase::Preparing(Rebalance::Initial { grew, .. }) = &mut self.phase {
            *grew = true;
        }
        if self.members.is_empty() {
            self.protocol_type = Some(applicant.request.protocol_type.clone());
        }
        self.insert(member);
        self.rebalance_or_complete(&format!("member {id} joins: {}", applicant.reason()), cx);
        Ok(None)
    }

    /// A join under an id that was given out before.
    fn join_again(
        &mut self,
        id: MemberId,
        applicant: Applicant,
        cx: &mut Context<'_>,
    ) -> Result<Option<Joined>, GroupError> {
        if applicant.request.instance.is_none() && self.release(&id, cx) {
            return self.admit(id, applicant, cx);
        }
        self.member_of(Some(&id), applicant.request.instance.as_ref())?;
        let unchanged = self
            .members
            .get(&id)
            .is_some_and(|member| member.record.protocols == applicant.protocols);
        let goes_on = match self.phase {
            // Its reply may have been lost: tell it again.
            Phase::Completing => unchanged,
            // A leader that joins again asks for a rebalance, for example because the topics have
            // changed, which is not in its metadata.
            Phase::Stable => unchanged && !self.is_leader(&id),
            Phase::Empty | Phase::Preparing(_) => false,
        };
        if goes_on {
            self.touch(&id, cx);
            return self.membership(&id).map(Some);
        }
        self.update(&id, &applicant, cx);
        self.rebalance_or_complete(
            &format!("member {id} joins again: {}", applicant.reason()),
            cx,
        );
        Ok(None)
    }

    /// Takes over what a known member says now, and parks its request.
    fn update(&mut self, id: &MemberId, applicant: &Applicant, cx: &mut Context<'_>) {
        let Some(mut member) = self.take(id) else {
            return;
        };
        if let Joining::Waiting(earlier) = member.joining {
            // Asked twice: the client has given up on the earlier request.
            let reply = GroupReply::Joined(Err(GroupError::RebalanceInProgress));
            cx.answer(earlier, reply);
        }
        member.record.protocols = applicant.protocols.clone();
        member.record.session_timeout = applicant.request.session_timeout;
        member.record.rebalance_timeout = applicant.request.rebalance_timeout;
        member.joining = Joining::Waiting(applicant.token);
        cx.waiting
            .insert(applicant.token, (self.id.clone(), id.clone()));
        self.insert(member);
    }

    /// A static member comes back without its id: it gets a new one, the old one is fenced, and in a
    /// stable group it goes on with its assignment (KIP-345).
    fn return_static(
        &mut self,
        previous: &MemberId,
        id: MemberId,
        applicant: Applicant,
        cx: &mut Context<'_>,
    ) -> Result<Option<Joined>, GroupError> {
        let leader = self.leader.clone();
        let led = self.is_leader(previous);
        let Some(mut old) = self.take(previous) else {
            return Err(GroupError::UnknownMemberId);
        };
        cx.timers.clear(&mut old.session);
        Self::dismiss(&old, &GroupError::FencedInstanceId, cx);

        let mut member = Member::new(applicant.record(id.clone(), old.record.assignment.clone()));
        let timeout = applicant.request.session_timeout;
        Self::renew_session(&self.id, &mut member, timeout, cx);
        let goes_on = self.phase == Phase::Stable;
        if !goes_on {
            member.joining = Joining::Waiting(applicant.token);
            cx.waiting
                .insert(applicant.token, (self.id.clone(), id.clone()));
        }
        let same_topics = self.same_topics(&old.record, &member.record);
        self.insert(member);
        self.leader = if led {
            Some(id.clone())
        } else {
            leader.clone()
        };

        let goes_on_unchanged = goes_on && same_topics && self.select_protocol() == self.protocol;
        // In any phase: the stored generation is what a restart brings back, and in it the client's
        // new id would be fenced by its own old one. But what else the member says now is part of
        // that generation only if it goes on; the other members stored there need not know it.
        if let Some(stored) = self.saved.member(previous) {
            let member = if goes_on_unchanged {
                applicant.record(id.clone(), stored.assignment.clone())
            } else {
                MemberRecord {
                    id: id.clone(),
                    ..stored.clone()
                }
            };
            let (group, previous) = (self.id.clone(), previous.clone());
            self.emit(
                GroupEvent::StaticMemberReplaced {
                    group,
                    previous,
                    member,
                },
                cx,
            );
        }
        if goes_on_unchanged {
            let membership = self.membership(&id)?;
            let skips = applicant.request.supports_skip_assignment;
            return Ok(Some(Joined {
                skip_assignment: led && skips,
                members: if skips {
                    membership.members
                } else {
                    Vec::new()
                },
                // An older client that finds itself leading would assign, and the assignment of a
                // stable group does not change. So it is told the id that led until now.
                leader: leader.filter(|_| !skips).unwrap_or(membership.leader),
                ..membership
            }));
        }
        if goes_on && let Some(member) = self.members.get_mut(&id) {
            member.joining = Joining::Waiting(applicant.token);
            self.joined += 1;
            cx.waiting
                .insert(applicant.token, (self.id.clone(), id.clone()));
        }
        let reason = format!("static member {id} returns changed: {}", applicant.reason());
        self.rebalance_or_complete(&reason, cx);
        Ok(None)
    }

    /// Whether a returned consumer is subscribed to the topics it was subscribed to. The metadata as
    /// a whole cannot be compared: it also says what the member owned when it joined.
    fn same_topics(&self, old: &MemberRecord, new: &MemberRecord) -> bool {
        let Some(protocol) = self.protocol.as_deref().filter(|_| self.has_consumers()) else {
            return true;
        };
        let topics = |record: &MemberRecord| {
            let metadata = record.metadata(protocol).map_or(&[][..], |bytes| bytes);
            Subscription::of([metadata])
        };
        old.metadata(protocol) == new.metadata(protocol) || topics(old) == topics(new)
    }

    /// What a member is told of the current generation.
    pub(super) fn membership(&self, id: &MemberId) -> Result<Joined, GroupError> {
        let (Some(leader), Some(protocol)) = (&self.leader, &self.protocol) else {
            return Err(GroupError::UnknownMemberId);
        };
        let members = if leader == id {
            let seen = |member: &Member| JoinedMember {
                member: member.record.id.clone(),
                instance: member.record.instance.clone(),
                metadata: member
                    .record
                    .metadata(protocol)
                    .cloned()
                    .unwrap_or_default(),
            };
            self.members.values().map(seen).collect()
        } else {
            Vec::new()
        };
        Ok(Joined {
            member: id.clone(),
            generation: self.generation,
            protocol_type: self.protocol_type.clone().unwrap_or_default(),
            protocol_name: protocol.clone(),
            leader: leader.clone(),
            skip_assignment: false,
            members,
        })
    }

    /// Takes back a reserved id. False if it was not reserved.
    pub(super) fn release(&mut self, id: &MemberId, cx: &mut Context<'_>) -> bool {
        let Some(mut alarm) = self.reserved.remove(id) else {
            return false;
        };
        cx.timers.clear(&mut alarm);
        true
    }
}
