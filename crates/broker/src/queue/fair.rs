//! Turns of groups (SQS fair queues): of what is ready, a message of the group that has the fewest in flight is next,
//! and of two groups with as many in flight the one whose message came first. So a group with a large backlog, or
//! one whose messages take long, does not keep others waiting. Nothing waits for anything: whoever asks is given what there is.
//!
//! A group costs about 200 bytes as long as something of it is ready or in flight, each run of offsets that are ready 16, and
//! what is in flight or delayed about 40 a message.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-fair-queues.html>

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::ops::Range;

use forebay_storage::IdMap;

use super::offset_set::OffsetSet;

#[derive(Clone, Debug, Default)]
pub(super) struct FairGroups {
    /// Those of which something is ready or in flight.
    groups: IdMap<u64, Group>,
    /// Whose turn it is: groups of which something is ready, by how much they have in flight and by their first.
    turns: BTreeSet<(u64, u64, u64)>,
    /// The first that is ready of each group.
    firsts: BTreeMap<u64, u64>,
    /// Members that are not ready.
    apart: IdMap<u64, Apart>,
    /// All that is ready in any group.
    ready: OffsetSet,
}

#[derive(Clone, Debug, Default)]
struct Group {
    ready: Line,
    in_flight: u64,
}

/// Runs of offsets in order. Nearly all come in behind the last and leave at the front, or come back there.
#[derive(Clone, Debug, Default)]
pub(super) struct Line(VecDeque<Range<u64>>);

impl Line {
    pub(super) fn runs(&self) -> impl Iterator<Item = Range<u64>> {
        self.0.iter().cloned()
    }

    fn first(&self) -> Option<u64> {
        self.0.front().map(|run| run.start)
    }

    fn contains(&self, offset: u64) -> bool {
        let at = self.0.partition_point(|run| run.end <= offset);
        self.0.get(at).is_some_and(|run| run.contains(&offset))
    }

    fn len(&self) -> u64 {
        let lengths = self.0.iter().map(|run| run.end - run.start);
        lengths.fold(0, u64::saturating_add)
    }

    fn insert(&mut self, run: Range<u64>) {
        let from = self.0.partition_point(|other| other.end < run.start);
        let to = self.0.partition_point(|other| other.start <= run.end);
        if from == to {
            self.0.insert(from, run);
            return;
        }
        let start = self.0[from].start.min(run.start);
        let end = self.0[to - 1].end.max(run.end);
        self.0[from] = start..end;
        self.0.drain(from + 1..to);
    }

    fn remove(&mut self, run: Range<u64>) {
        let from = self.0.partition_point(|other| other.end <= run.start);
        let to = self.0.partition_point(|other| other.start < run.end);
        if from >= to {
            return;
        }
        let before = self.0[from].start..run.start;
        let behind = run.end..self.0[to - 1].end;
        self.0.drain(from..to);
        for left in [behind, before] {
            if !left.is_empty() {
                self.0.insert(from, left);
            }
        }
    }
}

/// A member that is not ready: delayed, or in flight.
#[derive(Clone, Copy, Debug)]
struct Apart {
    group: u64,
    is_in_flight: bool,
}

impl FairGroups {
    pub(super) fn is_empty(&self) -> bool {
        self.groups.is_empty() && self.apart.is_empty()
    }

    /// All that is ready in any group.
    pub(super) fn ready(&self) -> &OffsetSet {
        &self.ready
    }

    /// The message whose turn it is, and how much its group has in flight.
    pub(super) fn next(&self) -> Option<(u64, u64)> {
        let (in_flight, offset, _) = self.turns.first()?;
        Some((*in_flight, *offset))
    }

    /// The message that came first of those that are ready.
    pub(super) fn oldest(&self) -> Option<u64> {
        self.firsts.first_key_value().map(|(offset, _)| *offset)
    }

    /// Messages of a group are ready.
    pub(super) fn enter(&mut self, run: Range<u64>, group: u64) {
        self.ready.insert(run.clone());
        self.change(group, |group| group.ready.insert(run));
    }

    /// A message of a group is not ready yet.
    pub(super) fn join(&mut self, offset: u64, group: u64) {
        let is_in_flight = false;
        let apart = Apart {
            group,
            is_in_flight,
        };
        self.apart.insert(offset, apart);
    }

    /// A message is ready. Returns whether it is in a group.
    pub(super) fn admit(&mut self, offset: u64) -> bool {
        let Some(apart) = self.apart.remove(&offset) else {
            return false;
        };
        self.enter(offset..offset + 1, apart.group);
        true
    }

    /// A message that is ready is given to somebody. Returns whether it is in a group.
    pub(super) fn take(&mut self, offset: u64) -> bool {
        let group = self.withdraw(offset, 1);
        if let Some(group) = group {
            let is_in_flight = true;
            let apart = Apart {
                group,
                is_in_flight,
            };
            self.apart.insert(offset, apart);
        }
        group.is_some()
    }

    /// A message that is ready will not be. Returns whether it is in a group.
    pub(super) fn leave(&mut self, offset: u64) -> bool {
        self.withdraw(offset, 0).is_some()
    }

    /// A message that was given to somebody is so no longer.
    pub(super) fn give_back(&mut self, offset: u64) {
        let apart = self.apart.get_mut(&offset);
        if let Some(apart) = apart.filter(|apart| apart.is_in_flight) {
            apart.is_in_flight = false;
            let group = apart.group;
            self.change(group, |group| group.in_flight -= 1);
        }
    }

    /// A message that is neither ready nor in flight any more is settled.
    pub(super) fn finish(&mut self, offset: u64) {
        self.apart.remove(&offset);
    }

    /// What is ready below `below` leaves. Returns its runs.
    pub(super) fn purge(&mut self, below: u64) -> Vec<Range<u64>> {
        let purged: Vec<_> = self.ready.runs_within(0..below).collect();
        self.ready.remove(0..below);
        let groups: Vec<u64> = self
            .firsts
            .range(..below)
            .map(|(_, group)| *group)
            .collect();
        for group in groups {
            self.change(group, |group| group.ready.remove(0..below));
        }
        purged
    }

    /// Turns are taken no longer: takes out all that is ready.
    pub(super) fn dissolve(&mut self) -> Vec<Range<u64>> {
        let ready = self.ready.runs().collect();
        *self = Self::default();
        ready
    }

    /// Every group of which something is ready, by its id, with what that is.
    pub(super) fn all_ready(&self) -> Vec<(u64, &Line)> {
        let mut groups: Vec<_> = self.firsts.values().copied().collect();
        groups.sort_unstable();
        let ready = groups.into_iter();
        ready
            .filter_map(|group| Some((group, &self.groups.get(&group)?.ready)))
            .collect()
    }

    /// Every member that is not ready, with its group.
    pub(super) fn all_apart(&self) -> Vec<(u64, u64)> {
        let apart = self.apart.iter();
        let mut apart: Vec<_> = apart
            .map(|(offset, apart)| (*offset, apart.group))
            .collect();
        apart.sort_unstable();
        apart
    }

    /// A member that was [not ready](Self::all_apart) is in flight.
    pub(super) fn restore_in_flight(&mut self, offset: u64) {
        let apart = self.apart.get_mut(&offset);
        if let Some(apart) = apart.filter(|apart| !apart.is_in_flight) {
            apart.is_in_flight = true;
            let group = apart.group;
            self.change(group, |group| group.in_flight += 1);
        }
    }

    /// Whether what is counted is what is there, and everybody has the turn that is theirs.
    pub(super) fn is_sound(&self) -> bool {
        let mut in_flight: IdMap<u64, u64> = IdMap::default();
        for apart in self.apart.values().filter(|apart| apart.is_in_flight) {
            *in_flight.entry(apart.group).or_default() += 1;
        }
        let mut ready = 0u64;
        let mut waiting = 0;
        for (id, group) in &self.groups {
            let first = group.ready.first();
            let has_turn = first.is_none_or(|first| {
                self.turns.contains(&(group.in_flight, first, *id))
                    && self.firsts.get(&first) == Some(id)
            });
            let found = in_flight.remove(id).unwrap_or_default();
            if !has_turn || found != group.in_flight {
                return false;
            }
            ready = ready.saturating_add(group.ready.len());
            waiting += usize::from(first.is_some());
        }
        if self.apart.keys().any(|offset| self.ready.contains(*offset)) {
            return false;
        }
        let counted = (ready, waiting, waiting);
        in_flight.is_empty() && counted == (self.ready.len(), self.turns.len(), self.firsts.len())
    }

    /// About what it takes of memory.
    pub(super) fn memory_bytes(&self) -> usize {
        let groups = self.groups.values();
        let runs: usize = groups.map(|group| group.ready.0.capacity()).sum();
        runs * size_of::<Range<u64>>()
            + self.ready.memory_bytes()
            + self.groups.capacity() * (size_of::<(u64, Group)>() + 1)
            + self.apart.capacity() * (size_of::<(u64, Apart)>() + 1)
            + self.turns.len() * 64
    }

    /// A message is ready no longer, and its group has so many more in flight. Returns the group.
    fn withdraw(&mut self, offset: u64, in_flight: u64) -> Option<u64> {
        let group = self.group_of(offset)?;
        self.ready.remove(offset..offset + 1);
        self.change(group, |group| {
            group.ready.remove(offset..offset + 1);
            group.in_flight += in_flight;
        });
        Some(group)
    }

    /// The group of a message that is ready: it is the first of its group, but for those that are taken out by name.
    fn group_of(&self, offset: u64) -> Option<u64> {
        if !self.ready.contains(offset) {
            return None;
        }
        let first = self.firsts.get(&offset).copied();
        first.or_else(|| {
            let mut groups = self.groups.iter();
            let found = groups.find(|(_, group)| group.ready.contains(offset));
            found.map(|(id, _)| *id)
        })
    }

    /// Changes a group, and whose turn it is with it.
    fn change(&mut self, id: u64, change: impl FnOnce(&mut Group)) {
        let group = self.groups.entry(id).or_default();
        if let Some(first) = group.ready.first() {
            self.turns.remove(&(group.in_flight, first, id));
            self.firsts.remove(&first);
        }
        change(group);
        if let Some(first) = group.ready.first() {
            self.turns.insert((group.in_flight, first, id));
            self.firsts.insert(first, id);
        } else if group.in_flight == 0 {
            self.groups.remove(&id);
        }
    }
}
