//! The offsets that groups have committed, read and moved from outside.

use std::collections::BTreeMap;

use super::Client;
use super::cluster::{Lane, Place};
use super::error::{ClientError, Subject};
use super::retry::Repeat;
use crate::protocol::Str;
use crate::protocol::generated::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::generated::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopics,
};
use crate::protocol::generated::{
    OffsetCommitRequest, OffsetCommitResponse, OffsetFetchRequest, OffsetFetchResponse,
};

/// In place of a generation: the commit does not come from a member.
const NO_GENERATION: i32 = -1;

/// What a group has committed of a partition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CommittedOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next record to read; none if nothing is committed.
    pub offset: Option<i64>,
}

/// An offset to commit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewOffset {
    /// The topic.
    pub topic: String,
    /// The partition.
    pub partition: i32,
    /// The next record to read.
    pub offset: i64,
}

/// Whose commit it is.
pub(super) struct Committer<'a> {
    pub(super) generation: i32,
    pub(super) member_id: &'a str,
}

impl Client {
    /// What a group has committed, of these partitions or of all (`None`), by topic and partition.
    /// A group that does not exist has committed nothing.
    ///
    /// # Errors
    /// When the coordinator refuses or does not answer.
    pub async fn fetch_offsets(
        &self,
        group: &str,
        partitions: Option<&BTreeMap<String, Vec<i32>>>,
    ) -> Result<Vec<CommittedOffset>, ClientError> {
        let what = format!("fetch the offsets of group {group}");
        self.attempts(what, Repeat::Lost, || async {
            let coordinator = self.cluster.coordinator(group).await?;
            let topic =
                |(topic, partitions): (&'_ String, &'_ Vec<i32>)| OffsetFetchRequestTopics {
                    name: Str::Owned(topic.clone()),
                    partition_indexes: partitions.clone(),
                    ..OffsetFetchRequestTopics::default()
                };
            let request = OffsetFetchRequest {
                groups: vec![OffsetFetchRequestGroup {
                    group_id: Str::from(group),
                    topics: partitions.map(|topics| topics.iter().map(topic).collect()),
                    ..OffsetFetchRequestGroup::default()
                }],
                ..OffsetFetchRequest::default()
            };
            let reply = self
                .cluster
                .call(coordinator, Lane::Control, &request)
                .await?;
            let response: OffsetFetchResponse<'_> = reply.read()?;
            let subject = Subject::Group(group.to_owned());
            let Some(found) = response.groups.first() else {
                return Err(reply.missing(&subject));
            };
            ClientError::check(found.error_code, None, subject)?;
            let mut offsets = Vec::new();
            for topic in &found.topics {
                for partition in &topic.partitions {
                    let index = partition.partition_index;
                    let subject = Subject::Partition(topic.name.to_string(), index);
                    ClientError::check(partition.error_code, None, subject)?;
                    let offset = partition.committed_offset;
                    offsets.push(CommittedOffset {
                        topic: topic.name.to_string(),
                        partition: index,
                        offset: (offset >= 0).then_some(offset),
                    });
                }
            }
            offsets.sort_by(|a, b| (&a.topic, a.partition).cmp(&(&b.topic, b.partition)));
            Ok(offsets)
        })
        .await
    }

    /// Commits offsets in the name of a group that has no members.
    ///
    /// # Errors
    /// [`ErrorCode::UnknownMemberId`](crate::protocol::ErrorCode::UnknownMemberId) if it has some.
    pub async fn commit_offsets(
        &self,
        group: &str,
        offsets: &[NewOffset],
    ) -> Result<(), ClientError> {
        let what = format!("commit the offsets of group {group}");
        let committer = Committer {
            generation: NO_GENERATION,
            member_id: "",
        };
        self.attempts(what, Repeat::Lost, || async {
            let coordinator = self.cluster.coordinator(group).await?;
            self.commit_as(coordinator, Lane::Control, group, &committer, offsets)
                .await
        })
        .await
    }

    /// Commits once, for a member or for nobody.
    pub(super) async fn commit_as(
        &self,
        coordinator: Place,
        lane: Lane,
        group: &str,
        committer: &Committer<'_>,
        offsets: &[NewOffset],
    ) -> Result<(), ClientError> {
        let mut topics: BTreeMap<&str, Vec<OffsetCommitRequestPartition<'_>>> = BTreeMap::new();
        for new in offsets {
            topics
                .entry(&new.topic)
                .or_default()
                .push(OffsetCommitRequestPartition {
                    partition_index: new.partition,
                    committed_offset: new.offset,
                    committed_metadata: Some(Str::default()),
                    ..OffsetCommitRequestPartition::default()
                });
        }
        let topic = |(name, partitions)| OffsetCommitRequestTopic {
            name: Str::Borrowed(name),
            partitions,
            ..OffsetCommitRequestTopic::default()
        };
        let request = OffsetCommitRequest {
            group_id: Str::from(group),
            generation_id_or_member_epoch: committer.generation,
            member_id: Str::from(committer.member_id),
            topics: topics.into_iter().map(topic).collect(),
            ..OffsetCommitRequest::default()
        };
        let reply = self.cluster.call(coordinator, lane, &request).await?;
        let response: OffsetCommitResponse<'_> = reply.read()?;
        for partition in response.topics.iter().flat_map(|topic| &topic.partitions) {
            let subject = Subject::Group(group.to_owned());
            ClientError::check(partition.error_code, None, subject)?;
        }
        Ok(())
    }
}
