//! A group as the journal knows it: its last stored generation and its offsets. It changes through
//! events alone, so replaying them rebuilds it; what members do between two generations is not in it.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::ids::MemberId;
use super::record::{CommittedOffset, GenerationRecord, MemberRecord};
use crate::names::TopicName;

/// The persistent half of a group.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct SavedGroup {
    generation: Option<Arc<GenerationRecord>>,
    offsets: BTreeMap<TopicName, BTreeMap<i32, CommittedOffset>>,
}

impl SavedGroup {
    /// True when the journal has nothing more to say about the group.
    pub(super) fn is_empty(&self) -> bool {
        self.generation.is_none() && self.offsets.is_empty()
    }

    pub(super) fn generation(&self) -> Option<&Arc<GenerationRecord>> {
        self.generation.as_ref()
    }

    /// The member of that id in the stored generation.
    pub(super) fn member(&self, id: &MemberId) -> Option<&MemberRecord> {
        let members = &self.generation.as_ref()?.members;
        let at = members.binary_search_by(|member| member.id.cmp(id)).ok()?;
        members.get(at)
    }

    pub(super) fn offset(&self, topic: &TopicName, partition: i32) -> Option<&CommittedOffset> {
        self.offsets.get(topic)?.get(&partition)
    }

    /// The topics that have offsets, each with them, sorted.
    pub(super) fn topics(
        &self,
    ) -> impl ExactSizeIterator<Item = (&TopicName, &BTreeMap<i32, CommittedOffset>)> {
        self.offsets.iter()
    }

    /// All offsets, sorted by topic and partition.
    pub(super) fn offsets(&self) -> impl Iterator<Item = (&TopicName, i32, &CommittedOffset)> {
        self.offsets.iter().flat_map(|(topic, partitions)| {
            partitions
                .iter()
                .map(move |(partition, committed)| (topic, *partition, committed))
        })
    }

    pub(super) fn store_generation(&mut self, record: Arc<GenerationRecord>) {
        self.generation = Some(record);
    }

    pub(super) fn replace_member(&mut self, previous: &MemberId, member: &MemberRecord) {
        if let Some(generation) = &mut self.generation {
            Arc::make_mut(generation).replace_member(previous, member);
        }
    }

    pub(super) fn put_offset(
        &mut self,
        topic: &TopicName,
        partition: i32,
        committed: CommittedOffset,
    ) {
        if let Some(partitions) = self.offsets.get_mut(topic) {
            partitions.insert(partition, committed);
        } else {
            self.offsets
                .insert(topic.clone(), BTreeMap::from([(partition, committed)]));
        }
    }

    pub(super) fn remove_offset(&mut self, topic: &TopicName, partition: i32) {
        if let Some(partitions) = self.offsets.get_mut(topic) {
            partitions.remove(&partition);
            if partitions.is_empty() {
                self.offsets.remove(topic);
            }
        }
    }

    pub(super) fn forget_topic(&mut self, topic: &TopicName) {
        self.offsets.remove(topic);
    }
}
