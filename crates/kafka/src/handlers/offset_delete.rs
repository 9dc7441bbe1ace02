//! OffsetDelete (key 47): forget how far a group has read topics that it no longer consumes
//! (KIP-496). There is only version 0.

use forebay_broker::TopicName;
use forebay_broker::group::{GroupCommand, GroupReply};

use super::{Call, coordinator};
use crate::errors;
use crate::protocol::ErrorCode;
use crate::protocol::generated::offset_delete_request::OffsetDeleteRequestTopic;
use crate::protocol::generated::offset_delete_response::{
    OffsetDeleteResponsePartition, OffsetDeleteResponseTopic,
};
use crate::protocol::generated::{OffsetDeleteRequest, OffsetDeleteResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: OffsetDeleteRequest<'_>,
) -> OffsetDeleteResponse<'static> {
    let mut topics = Vec::with_capacity(request.topics.len());
    let mut partitions = Vec::new();
    for topic in request.topics {
        topics.push(take_partitions(call, topic, &mut partitions));
    }
    // Asked even about nothing: what is wrong with the group is wrong with the whole request.
    match delete(call, &request.group_id, partitions).await {
        Ok(results) => {
            let taken = topics
                .iter_mut()
                .flat_map(|topic| &mut topic.partitions)
                .filter(|partition| partition.error_code == ErrorCode::None as i16);
            for (partition, result) in taken.zip(results) {
                partition.error_code = result as i16;
            }
            OffsetDeleteResponse {
                topics,
                ..OffsetDeleteResponse::default()
            }
        }
        Err(error) => OffsetDeleteResponse {
            error_code: error as i16,
            ..OffsetDeleteResponse::default()
        },
    }
}

/// Adds a topic's partitions to those whose offsets are to go. In the answer, the partitions that
/// are not there are refused already; the others have no error yet.
fn take_partitions(
    call: &Call<'_>,
    topic: OffsetDeleteRequestTopic<'_>,
    partitions: &mut Vec<(TopicName, i32)>,
) -> OffsetDeleteResponseTopic<'static> {
    let found = call.broker().topic(&topic.name);
    let asked = topic.partitions.iter().map(|asked| asked.partition_index);
    let take = |partition_index| {
        let known = found
            .as_ref()
            .filter(|topic| topic.partition(partition_index).is_some());
        partitions.extend(known.map(|topic| (topic.name.clone(), partition_index)));
        let error = match known {
            Some(_) => ErrorCode::None,
            None => ErrorCode::UnknownTopicOrPartition,
        };
        OffsetDeleteResponsePartition {
            partition_index,
            error_code: error as i16,
        }
    };
    OffsetDeleteResponseTopic {
        partitions: asked.map(take).collect(),
        name: topic.name.into_static(),
    }
}

async fn delete(
    call: &Call<'_>,
    group: &str,
    partitions: Vec<(TopicName, i32)>,
) -> Result<Vec<ErrorCode>, ErrorCode> {
    let group = coordinator::group_id(group)?;
    let command = GroupCommand::DeleteOffsets { group, partitions };
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::OffsetsDeleted(result) => Some(result),
        _ => None,
    });
    let results = said.await?.map_err(|error| errors::group(&error))?;
    let code = |result: Result<(), _>| match result {
        Ok(()) => ErrorCode::None,
        Err(error) => errors::group(&error),
    };
    Ok(results.into_iter().map(|done| code(done.result)).collect())
}
