//! Order within groups (SQS message groups, ordering keys). The messages of a group stand in line, in the order in
//! which they became ready first, until they are settled. Only the first in line may be delivered, and with it, to the
//! same holder in the same go, those behind it up to the first that somebody has already. All others that are ready
//! are *parked*. What comes back does so in its old place.
//!
//! A message in a group costs about 60 bytes until it is settled.

use forebay_storage::IdMap;

use super::offset_set::OffsetSet;

#[derive(Clone, Debug, Default)]
pub(super) struct Groups {
    members: IdMap<u64, Link>,
    lines: IdMap<u64, Line>,
    /// All that is parked in any group.
    parked: OffsetSet,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Member {
    pub(super) group: u64,
    pub(super) priority: u8,
}

/// A member, and those before and behind it in its line.
#[derive(Clone, Copy, Debug)]
struct Link {
    member: Member,
    is_in_line: bool,
    before: u64,
    behind: u64,
}

/// The ends of a group's line, which has somebody in it.
#[derive(Clone, Copy, Debug)]
struct Line {
    first: u64,
    last: u64,
}

/// No message.
const NOBODY: u64 = u64::MAX;

/// How a member stands to the order of its group.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was never ready.
    Apart,
    /// It is the first in line, or somebody had it.
    Lead,
    /// It waits for those before it.
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
        let link = Link {
            member,
            is_in_line: false,
            before: NOBODY,
            behind: NOBODY,
        };
        self.members.insert(offset, link);
    }

    /// Whether a message may be delivered now that it is ready. Parks it if not.
    pub(super) fn admit(&mut self, offset: u64) -> bool {
        let Some(link) = self.members.get(&offset).copied() else {
            return true;
        };
        if !link.is_in_line {
            self.stand_in_line(offset, link.member.group);
        }
        let line = self.lines.get(&link.member.group);
        let is_first = line.is_some_and(|line| line.first == offset);
        if !is_first {
            self.parked.insert(offset..offset + 1);
        }
        is_first
    }

    /// The message that stands right behind another one in its line, if it is parked.
    pub(super) fn next_of(&self, offset: u64) -> Option<(u64, u8)> {
        let behind = self.members.get(&offset)?.behind;
        let priority = self.priority_of_parked(behind)?;
        Some((behind, priority))
    }

    /// A message that is parked may be delivered. Returns whether it was.
    pub(super) fn unpark(&mut self, offset: u64) -> bool {
        let was_parked = self.parked.contains(offset);
        if was_parked {
            self.parked.remove(offset..offset + 1);
        }
        was_parked
    }

    /// A message is settled. Returns the one that is the first in line for that, if it is ready.
    pub(super) fn finish(&mut self, offset: u64) -> Option<(u64, u8)> {
        let link = self.members.remove(&offset)?;
        self.unpark(offset);
        if !link.is_in_line {
            return None;
        }
        if let Some(before) = self.members.get_mut(&link.before) {
            before.behind = link.behind;
        }
        if let Some(behind) = self.members.get_mut(&link.behind) {
            behind.before = link.before;
        }
        let group = link.member.group;
        let line = self.lines.get_mut(&group)?;
        if line.first == offset && line.last == offset {
            self.lines.remove(&group);
            return None;
        }
        if line.last == offset {
            line.last = link.before;
        }
        if line.first != offset {
            return None;
        }
        line.first = link.behind;
        let priority = self.priority_of_parked(link.behind)?;
        self.unpark(link.behind);
        Some((link.behind, priority))
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
        let link = self.members.get(&offset)?;
        self.parked.contains(offset).then_some(link.member.priority)
    }

    /// Every member with its offset and standing, one line after the other.
    pub(super) fn members(&self) -> Vec<(u64, Member, Standing)> {
        let mut lines: Vec<_> = self.lines.iter().collect();
        lines.sort_unstable_by_key(|(group, _)| **group);
        let mut members = Vec::with_capacity(self.members.len());
        for (_, line) in lines {
            let mut at = line.first;
            while let Some(link) = self.members.get(&at) {
                let standing = match self.parked.contains(at) {
                    true => Standing::Parked,
                    false => Standing::Lead,
                };
                members.push((at, link.member, standing));
                at = link.behind;
            }
        }
        let in_line = members.len();
        let apart = self.members.iter().filter(|(_, link)| !link.is_in_line);
        members.extend(apart.map(|(offset, link)| (*offset, link.member, Standing::Apart)));
        members[in_line..].sort_unstable_by_key(|(offset, _, _)| *offset);
        members
    }

    /// Takes in what [`Self::members`] said, in its order.
    pub(super) fn restore(&mut self, offset: u64, member: Member, standing: Standing) {
        self.join(offset, member);
        if standing != Standing::Apart {
            self.stand_in_line(offset, member.group);
        }
        if standing == Standing::Parked {
            self.parked.insert(offset..offset + 1);
        }
    }

    /// Puts a member to the end of its group's line.
    fn stand_in_line(&mut self, offset: u64, group: u64) {
        let line = self.lines.entry(group).or_insert(Line {
            first: offset,
            last: NOBODY,
        });
        let before = std::mem::replace(&mut line.last, offset);
        if let Some(before) = self.members.get_mut(&before) {
            before.behind = offset;
        }
        if let Some(link) = self.members.get_mut(&offset) {
            link.is_in_line = true;
            link.before = before;
        }
    }
}
