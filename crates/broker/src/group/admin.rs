//! What operators ask of groups: show, list, delete.

use bytes::Bytes;

use super::GroupCoordinator;
use super::classic::{ClassicGroup, Phase};
use super::error::GroupError;
use super::reply::{GroupDescription, GroupEffects, GroupListing, MemberDescription};
use super::state::{GroupState, GroupType};
use crate::names::GroupId;

impl GroupCoordinator {
    pub(super) fn describe(&self, id: &GroupId) -> Result<GroupDescription, GroupError> {
        self.groups
            .get(id)
            .map(ClassicGroup::describe)
            .ok_or(GroupError::GroupIdNotFound)
    }

    pub(super) fn list(&self, states: &[GroupState], types: &[GroupType]) -> Vec<GroupListing> {
        if !types.is_empty() && !types.contains(&GroupType::Classic) {
            return Vec::new();
        }
        self.groups
            .values()
            .filter(|group| states.is_empty() || states.contains(&group.state()))
            .map(|group| GroupListing {
                group: group.id.clone(),
                protocol_type: group.protocol_type.clone(),
                state: group.state(),
                group_type: GroupType::Classic,
            })
            .collect()
    }

    pub(super) fn delete(
        &mut self,
        id: &GroupId,
        out: &mut GroupEffects,
    ) -> Result<(), GroupError> {
        let group = self.groups.get(id).ok_or(GroupError::GroupIdNotFound)?;
        if group.phase != Phase::Empty {
            return Err(GroupError::NonEmptyGroup);
        }
        self.delete_group(id, out);
        Ok(())
    }
}

impl ClassicGroup {
    fn describe(&self) -> GroupDescription {
        let protocol = self
            .protocol
            .as_ref()
            .filter(|_| self.phase == Phase::Stable);
        let members = self.members.values().map(|member| {
            let record = &member.record;
            let metadata = protocol.and_then(|protocol| record.metadata(protocol));
            MemberDescription {
                member: record.id.clone(),
                instance: record.instance.clone(),
                client_id: record.client_id.clone(),
                client_host: record.client_host.clone(),
                metadata: metadata.cloned().unwrap_or_else(Bytes::new),
                assignment: record.assignment.clone(),
            }
        });
        GroupDescription {
            group: self.id.clone(),
            state: self.state(),
            group_type: GroupType::Classic,
            protocol_type: self.protocol_type.clone(),
            protocol_name: protocol.cloned(),
            members: members.collect(),
        }
    }
}
