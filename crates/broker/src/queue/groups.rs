//! Order within groups (SQS message groups, ordering keys): of each group one message at a time may be
//! on its way, its *lead*, or several that one holder took at once. The others are *parked* until all leads
//! are settled. What comes back while other leads are on their way is parked in its old place.
//!
//! A message in a group costs about 60 bytes until it is settled.

use std::collections::VecDeque;

use forebay_storage::IdMap;

use super::offset_set::OffsetSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    members: IdMap<u64, Placed>,
    groups: IdMap<u64, Group>,
    /// All that is parked in any group.
    parked: OffsetSet,
    /// The place in line that was given out last.
    last_place: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) group: u64,
    pub(super) priority: u8,
}

#[derive(Clone, Copy, Debug)]
struct Placed {
    member: Member,
    /// Where it is in the order of its group; 0 before it was ready.
    place: u64,
}

#[derive(Clone, Debug, Default)]
struct Group {
    /// Ready, locked, or waiting for their retry: never none.
    leads: Vec<u64>,
    /// In the order of the group. May name some that were settled meanwhile.
    parked: VecDeque<u64>,
}

/// How a member stands to the order of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was never ready.
    Apart,
    Lead,
    Parked,
}

impl Groups {
    pub(super) fn is_empty(&self) -> bool {
        self.members.is_empty()
    }

    /// Whether a message is in a group.
    pub(super) fn has(&self, offset: u64) -> bool {
        self.members.contains_key(&offset)
    }

    /// Makes a message a member of a group, from its arrival to its end.
    pub(super) fn join(&mut self, offset: u64, member: Member) {
        self.members.insert(offset, Placed { member, place: 0 });
    }

    /// A message is ready. Returns the one that may be delivered for that: itself, one that was parked
    /// before it, or none because it is parked.
    pub(super) fn admit(&mut self, offset: u64, priority: u8) -> Option<(u64, u8)> {
        let Some(placed) = self.members.get_mut(&offset) else {
            return Some((offset, priority));
        };
        if placed.place == 0 {
            self.last_place += 1;
            placed.place = self.last_place;
        }
        let placed = *placed;
        let group = self.groups.entry(placed.member.group).or_default();
        let others = group.leads.iter().filter(|lead| **lead != offset).count();
        if others > 0 {
            group.leads.retain(|lead| *lead != offset);
            self.park(offset, placed);
            return None;
        }
        group.leads.clear();
        let first = self.first_parked(placed.member.group);
        let before = first.filter(|(_, first)| first.place < placed.place);
        let Some((next, first)) = before else {
            self.lead(offset, placed.member.group);
            return Some((offset, placed.member.priority));
        };
        self.promote(next);
        self.park(offset, placed);
        Some((next, first.member.priority))
    }

    /// The message that follows the leads of a message's group.
    pub(super) fn next_of(&mut self, offset: u64) -> Option<(u64, u8)> {
        let group = self.members.get(&offset)?.member.group;
        let (next, placed) = self.first_parked(group)?;
        Some((next, placed.member.priority))
    }

    /// Makes a parked message a lead beside those of its group. Returns whether it was parked.
    pub(super) fn promote(&mut self, offset: u64) -> bool {
        if !self.parked.contains(offset) {
            return false;
        }
        let Some(placed) = self.members.get(&offset) else {
            return false;
        };
        let group = placed.member.group;
        self.parked.remove(offset..offset + 1);
        if let Some(group) = self.groups.get_mut(&group)
            && let Some(at) = group.parked.iter().position(|parked| *parked == offset)
        {
            group.parked.remove(at);
        }
        self.lead(offset, group);
        true
    }

    /// A message is settled. Returns the next of its group, which is ready, if it was the last lead.
    pub(super) fn finish(&mut self, offset: u64) -> Option<(u64, u8)> {
        let placed = self.members.remove(&offset)?;
        self.parked.remove(offset..offset + 1);
        let id = placed.member.group;
        let group = self.groups.get_mut(&id)?;
        let lead = group.leads.iter().position(|lead| *lead == offset)?;
        group.leads.remove(lead);
        if !group.leads.is_empty() {
            return None;
        }
        let Some((next, placed)) = self.first_parked(id) else {
            self.groups.remove(&id);
            return None;
        };
        self.promote(next);
        Some((next, placed.member.priority))
    }

    /// Order within groups is asked for no longer: takes out all that are parked.
    pub(super) fn dissolve(&mut self) -> Vec<(u64, u8)> {
        let parked = self.parked.runs().flatten();
        let parked = parked.map(|offset| (offset, self.members[&offset].member.priority));
        let parked = parked.collect();
        *self = Self::default();
        parked
    }

    pub(super) fn parked(&self) -> &OffsetSet {
        &self.parked
    }

    /// Of which priority a message is that is parked.
    pub(super) fn priority_of_parked(&self, offset: u64) -> Option<u8> {
        let placed = self.members.get(&offset)?;
        self.parked
            .contains(offset)
            .then_some(placed.member.priority)
    }

    /// Every member with its offset and standing, those of a group in its order.
    pub(super) fn members(&self) -> Vec<(u64, Member, Standing)> {
        let mut members: Vec<_> = self.members.iter().collect();
        members.sort_unstable_by_key(|(offset, placed)| {
            let is_apart = placed.place == 0;
            (is_apart, placed.place, **offset)
        });
        let standing = |offset: u64, placed: &Placed| match placed.place {
            0 => Standing::Apart,
            _ if self.parked.contains(offset) => Standing::Parked,
            _ => Standing::Lead,
        };
        let members = members.into_iter();
        members
            .map(|(offset, placed)| (*offset, placed.member, standing(*offset, placed)))
            .collect()
    }

    /// Takes in what [`Self::members`] said, in its order.
    pub(super) fn restore(&mut self, offset: u64, member: Member, standing: Standing) {
        self.join(offset, member);
        if standing == Standing::Apart {
            return;
        }
        self.last_place += 1;
        let place = self.last_place;
        let placed = Placed { member, place };
        self.members.insert(offset, placed);
        match standing {
            Standing::Parked => self.park(offset, placed),
            Standing::Lead | Standing::Apart => self.lead(offset, member.group),
        }
    }

    fn lead(&mut self, offset: u64, group: u64) {
        self.groups.entry(group).or_default().leads.push(offset);
    }

    /// Parks a message in its place.
    fn park(&mut self, offset: u64, placed: Placed) {
        let members = &self.members;
        let group = self.groups.entry(placed.member.group).or_default();
        let place_of = |offset: &u64| members.get(offset).map(|other| other.place);
        let is_last = group.parked.back().and_then(place_of) < Some(placed.place);
        // What comes back belongs before almost all others.
        let at = match is_last {
            true => group.parked.len(),
            false => {
                let mut parked = group.parked.iter();
                let behind = |other| place_of(other) > Some(placed.place);
                parked.position(behind).unwrap_or(group.parked.len())
            }
        };
        group.parked.insert(at, offset);
        self.parked.insert(offset..offset + 1);
    }

    /// The first message that is parked in a group.
    fn first_parked(&mut self, group: u64) -> Option<(u64, Placed)> {
        let group = self.groups.get_mut(&group)?;
        while let Some(first) = group.parked.front() {
            if self.parked.contains(*first)
                && let Some(placed) = self.members.get(first)
            {
                return Some((*first, *placed));
            }
            group.parked.pop_front();
        }
        None
    }
}
