//! Committing, reading and deleting offsets.

use super::classic::{ClassicGroup, Context, Phase};
use super::command::{CommitOffset, CommitOffsets};
use super::error::GroupError;
use super::event::GroupEvent;
use super::record::{CommittedOffset, shared_text};
use super::reply::{FetchedOffset, PartitionResult};
use crate::names::TopicName;

impl ClassicGroup {
    /// Stores offsets of a member of the current generation, or, while the group has no members, of
    /// anyone.
    pub(super) fn commit(
        &mut self,
        request: CommitOffsets,
        cx: &mut Context<'_>,
    ) -> Result<Vec<PartitionResult>, GroupError> {
        self.check_committer(&request)?;
        // A commit is a sign of life, as in Kafka. (While rebalancing a member may go on committing
        // what it has read so far: it is about to lose those partitions.)
        if let Some(id) = &request.member {
            self.touch(id, cx);
        }
        let committed_ms = cx.now.wall_ms;
        let expires_ms = request.retention.map(|retention| {
            committed_ms.saturating_add(i64::try_from(retention.as_millis()).unwrap_or(i64::MAX))
        });
        let mut results = Vec::with_capacity(request.offsets.len());
        let mut offsets = Vec::with_capacity(request.offsets.len());
        for CommitOffset {
            topic,
            partition,
            offset,
            leader_epoch,
            metadata,
        } in request.offsets
        {
            let fits = metadata.len() <= cx.config.offset_metadata_bytes_max;
            if fits {
                let metadata = shared_text(&metadata);
                let committed = CommittedOffset {
                    offset,
                    leader_epoch,
                    metadata,
                    committed_ms,
                    expires_ms,
                };
                offsets.push((topic.clone(), partition, committed));
            }
            let result = if fits {
                Ok(())
            } else {
                Err(GroupError::OffsetMetadataTooLarge)
            };
            results.push(PartitionResult {
                topic,
                partition,
                result,
            });
        }
        if !offsets.is_empty() {
            self.emit(
                GroupEvent::OffsetsCommitted {
                    group: self.id.clone(),
                    offsets,
                },
                cx,
            );
        }
        Ok(results)
    }

    fn check_committer(&self, request: &CommitOffsets) -> Result<(), GroupError> {
        if self.phase == Phase::Empty && request.generation < 0 {
            return Ok(());
        }
        // Without any identity while members are active: it would overwrite what they commit.
        self.member_of(request.member.as_ref(), request.instance.as_ref())?;
        if request.generation != self.generation {
            return Err(GroupError::IllegalGeneration);
        }
        if self.phase == Phase::Completing {
            // The member has joined but not synced, so it owns nothing it could have read.
            return Err(GroupError::RebalanceInProgress);
        }
        Ok(())
    }

    /// Reads all offsets.
    pub(super) fn fetch_all(&self) -> Vec<FetchedOffset> {
        self.saved
            .offsets()
            .map(|(topic, partition, committed)| FetchedOffset {
                topic: topic.clone(),
                partition,
                committed: Some(committed.clone()),
            })
            .collect()
    }

    /// Deletes offsets, except of topics the members consume (KIP-496).
    pub(super) fn delete_offsets(
        &mut self,
        partitions: Vec<(TopicName, i32)>,
        cx: &mut Context<'_>,
    ) -> Result<Vec<PartitionResult>, GroupError> {
        if self.phase != Phase::Empty && !self.has_consumers() {
            // What members of another kind consume cannot be read.
            return Err(GroupError::NonEmptyGroup);
        }
        let mut removed = Vec::new();
        let results = partitions
            .into_iter()
            .map(|(topic, partition)| {
                let in_use = self.subscription.includes(&topic);
                if !in_use && self.saved.offset(&topic, partition).is_some() {
                    removed.push((topic.clone(), partition));
                }
                let result = if in_use {
                    Err(GroupError::GroupSubscribedToTopic)
                } else {
                    Ok(())
                };
                PartitionResult {
                    topic,
                    partition,
                    result,
                }
            })
            .collect();
        if !removed.is_empty() {
            let event = GroupEvent::OffsetsRemoved {
                group: self.id.clone(),
                partitions: removed,
            };
            self.emit(event, cx);
        }
        Ok(results)
    }
}
