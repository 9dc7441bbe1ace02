//! Order within groups (SQS message groups, ordering keys): of each group one message at a time may be
//! on its way, its *lead*. The others are *parked* until the lead is settled.
//!
//! A message in a group costs about 50 bytes until it is settled.

use std::collections::VecDeque;

use forebay_storage::IdMap;

use super::offset_set::OffsetSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    members: IdMap<u64, Member>,
    groups: IdMap<u64, Group>,
    /// All that is parked in any group.
    parked: OffsetSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) group: u64,
    pub(super) priority: u8,
}

#[derive(Clone, Debug, Default)]
struct Group {
    lead: Option<u64>,
    /// In order of arrival. May name some that were settled meanwhile.
    parked: VecDeque<u64>,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Makes a message a member of a group, from its arrival to its end.
    pub(super) fn join(&mut self, offset: u64, member: Member) {
        self.members.insert(offset, member);
    }

    /// Whether a message may be delivered now that it is ready. Parks it if not.
    pub(super) fn admit(&mut self, offset: u64) -> bool {
        let Some(member) = self.members.get(&offset) else {
            return true;
        };
        let group = self.groups.entry(member.group).or_default();
        match group.lead {
            Some(lead) if lead != offset => {
                group.parked.push_back(offset);
                self.parked.insert(offset..offset + 1);
                false
            }
            _ => {
                group.lead = Some(offset);
                true
            }
        }
    }

    /// A message is settled. Returns the next of its group, which is ready, if it was the lead.
    pub(super) fn finish(&mut self, offset: u64) -> Option<(u64, u8)> {
        let member = self.members.remove(&offset)?;
        self.parked.remove(offset..offset + 1);
        let group = self.groups.get_mut(&member.group)?;
        if group.lead != Some(offset) {
            return None;
        }
        group.lead = None;
        while let Some(next) = group.parked.pop_front() {
            if self.parked.contains(next)
                && let Some(member) = self.members.get(&next)
            {
                self.parked.remove(next..next + 1);
                group.lead = Some(next);
                return Some((next, member.priority));
            }
        }
        self.groups.remove(&member.group);
        None
    }

    /// Order within groups is asked for no longer: takes out all that are parked.
    pub(super) fn dissolve(&mut self) -> Vec<(u64, u8)> {
        let parked = self.parked.runs().flatten();
        let parked = parked.map(|offset| (offset, self.members[&offset].priority));
        let parked = parked.collect();
        *self = Self::default();
        parked
    }

    pub(super) fn parked(&self) -> &OffsetSet {
        &self.parked
    }

    /// Every member with its offset and whether it is apart from its group's order (delayed, and not
    /// the lead): joining and admitting the others in this order makes the same groups.
    pub(super) fn members(&self) -> Vec<(u64, Member, bool)> {
        let mut groups: Vec<_> = self.groups.iter().collect();
        groups.sort_unstable_by_key(|(group, _)| **group);
        let mut members = Vec::with_capacity(self.members.len());
        for (_, group) in groups {
            let parked = group.parked.iter().copied();
            let parked = parked.filter(|offset| self.parked.contains(*offset));
            for offset in group.lead.into_iter().chain(parked) {
                members.push((offset, self.members[&offset], false));
            }
        }
        let ordered = members.len();
        for (offset, member) in &self.members {
            let group = self.groups.get(&member.group);
            let leads = group.is_some_and(|group| group.lead == Some(*offset));
            if !leads && !self.parked.contains(*offset) {
                members.push((*offset, *member, true));
            }
        }
        members[ordered..].sort_unstable_by_key(|(offset, _, _)| *offset);
        members
    }
}
