//! OffsetCommit (key 8): store how far a group has read.
//!
//! | version | change |
//! |---|---|
//! | 3 | throttle time |
//! | 5 | the client no longer chooses the retention (KIP-211) |
//! | 6 | leader epoch (KIP-320) |
//! | 7 | static members (KIP-345) |
//! | 9 | `GROUP_ID_NOT_FOUND`, where it was `ILLEGAL_GENERATION` (KIP-848) |
//! | 10 | topic ids (KIP-516) |

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::group::{
    CommitOffset, CommitOffsets, GroupCommand, GroupError, GroupReply, MemberId,
};
use forebay_broker::topic::Topic;

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::ErrorCode;
use crate::protocol::generated::offset_commit_request::{
    OffsetCommitRequestPartition, OffsetCommitRequestTopic,
};
use crate::protocol::generated::offset_commit_response::{
    OffsetCommitResponsePartition, OffsetCommitResponseTopic,
};
use crate::protocol::generated::{OffsetCommitRequest, OffsetCommitResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    mut request: OffsetCommitRequest<'_>,
) -> OffsetCommitResponse<'static> {
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut offsets = Vec::new();
    for topic in std::mem::take(&mut request.topics) {
        topics.push(take_offsets(call, topic, &mut offsets));
    }
    if !offsets.is_empty() {
        let results = commit(call, &request, offsets).await;
        enter(&mut topics, results);
    }
    OffsetCommitResponse {
        topics,
        ..OffsetCommitResponse::default()
    }
}

/// Adds a topic's offsets to those that are to be stored. In the answer, the partitions that are
/// not there are refused already; the others have no error yet.
fn take_offsets(
    call: &Call<'_>,
    topic: OffsetCommitRequestTopic<'_>,
    offsets: &mut Vec<CommitOffset>,
) -> OffsetCommitResponseTopic<'static> {
    let (found, unknown) = if call.version >= 10 {
        let found = call.broker().catalog().get_by_id(topic.topic_id);
        (found, ErrorCode::UnknownTopicId)
    } else {
        let found = call.broker().topic(&topic.name);
        (found, ErrorCode::UnknownTopicOrPartition)
    };
    let take = |partition: OffsetCommitRequestPartition<'_>| {
        let partition_index = partition.partition_index;
        let error = match &found {
            None => unknown,
            Some(found) if found.partition(partition_index).is_none() => {
                ErrorCode::UnknownTopicOrPartition
            }
            Some(found) => {
                offsets.push(offset(found, &partition));
                ErrorCode::None
            }
        };
        OffsetCommitResponsePartition {
            partition_index,
            error_code: error as i16,
        }
    };
    OffsetCommitResponseTopic {
        partitions: topic.partitions.into_iter().map(take).collect(),
        name: topic.name.into_static(),
        topic_id: topic.topic_id,
    }
}

fn offset(topic: &Arc<Topic>, asked: &OffsetCommitRequestPartition<'_>) -> CommitOffset {
    let epoch = asked.committed_leader_epoch;
    CommitOffset {
        topic: topic.name.clone(),
        partition: asked.partition_index,
        offset: asked.committed_offset,
        leader_epoch: (epoch >= 0).then_some(epoch),
        metadata: coordinator::shared(asked.committed_metadata.as_deref().unwrap_or_default()),
    }
}

async fn commit(
    call: &Call<'_>,
    request: &OffsetCommitRequest<'_>,
    offsets: Vec<CommitOffset>,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let command = GroupCommand::CommitOffsets(CommitOffsets {
        group: coordinator::group_id(&request.group_id)?,
        generation: request.generation_id_or_member_epoch,
        member: MemberId::new(&request.member_id),
        instance: coordinator::instance_id(request.group_instance_id.as_deref())?,
        // -1 leaves it to the broker.
        retention: u64::try_from(request.retention_time_ms)
            .ok()
            .map(Duration::from_millis),
        offsets,
    });
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::OffsetsCommitted(result) => Some(result),
        _ => None,
    });
    let results = said
        .await?
        .map_err(|error| refusal(call.version, &error))?
        .into_iter()
        .map(|done| match done.result {
            Ok(()) => ErrorCode::None,
            Err(error) => refusal(call.version, &error),
        });
    Ok(results.collect())
}

/// What a client of `version` understands.
fn refusal(version: i16, error: &GroupError) -> ErrorCode {
    match error {
        GroupError::GroupIdNotFound if version < 9 => ErrorCode::IllegalGeneration,
        error => errors::group(error),
    }
}

/// Enters what became of the offsets, which are in the order of the answer.
fn enter(
    topics: &mut [OffsetCommitResponseTopic<'static>],
    results: Result<Vec<ErrorCode>, ErrorCode>,
) {
    let taken = topics
        .iter_mut()
        .flat_map(|topic| &mut topic.partitions)
        .filter(|partition| partition.error_code == ErrorCode::None as i16);
    match results {
        Ok(results) => {
            for (partition, result) in taken.zip(results) {
                partition.error_code = result as i16;
            }
        }
        Err(error) => taken.for_each(|partition| partition.error_code = error as i16),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An answer with a topic for each code.
    fn answer(error_codes: &[ErrorCode]) -> Vec<OffsetCommitResponseTopic<'static>> {
        let partition = |(index, error): (usize, &ErrorCode)| OffsetCommitResponsePartition {
            partition_index: index as i32,
            error_code: *error as i16,
        };
        error_codes
            .iter()
            .enumerate()
            .map(|at| OffsetCommitResponseTopic {
                partitions: vec![partition(at)],
                ..OffsetCommitResponseTopic::default()
            })
            .collect()
    }

    fn codes(topics: &[OffsetCommitResponseTopic<'_>]) -> Vec<i16> {
        let partitions = topics.iter().flat_map(|topic| &topic.partitions);
        partitions.map(|partition| partition.error_code).collect()
    }

    #[test]
    fn results_go_to_the_partitions_that_were_taken() {
        use ErrorCode::{None, OffsetMetadataTooLarge, UnknownTopicOrPartition};
        let mut topics = answer(&[None, UnknownTopicOrPartition, None]);
        enter(&mut topics, Ok(vec![OffsetMetadataTooLarge, None]));
        assert_eq!(codes(&topics), [12, 3, 0]);
    }

    #[test]
    fn a_refusal_of_all_leaves_unknown_partitions_what_they_are() {
        use ErrorCode::{IllegalGeneration, None, UnknownTopicOrPartition};
        let mut topics = answer(&[UnknownTopicOrPartition, None]);
        enter(&mut topics, Err(IllegalGeneration));
        assert_eq!(codes(&topics), [3, 22]);
    }

    #[test]
    fn a_group_that_is_not_there_is_an_illegal_generation_to_old_clients() {
        let error = GroupError::GroupIdNotFound;
        assert_eq!(refusal(8, &error), ErrorCode::IllegalGeneration);
        assert_eq!(refusal(9, &error), ErrorCode::GroupIdNotFound);
    }
}
