//! DeleteRecords (key 21): cuts partitions off at an offset.
//!
//! | version | change |
//! |---|---|
//! | 2 | flexible |

use std::sync::Arc;

use forebay_broker::topic::Topic;

use super::Call;
use crate::errors;
use crate::protocol::ErrorCode;
use crate::protocol::generated::delete_records_request::DeleteRecordsPartition;
use crate::protocol::generated::delete_records_response::{
    DeleteRecordsPartitionResult, DeleteRecordsTopicResult,
};
use crate::protocol::generated::{DeleteRecordsRequest, DeleteRecordsResponse};

/// The offset that stands for the high watermark: everything is deleted.
const HIGH_WATERMARK: i64 = -1;

/// What the broker is asked about a partition: the first offset that stays, none keeps nothing.
type Position = (Arc<Topic>, i32, Option<u64>);

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DeleteRecordsRequest<'_>,
) -> DeleteRecordsResponse<'static> {
    let mut positions = Vec::new();
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = call.broker().topic(&topic.name);
        let partitions = topic.partitions.iter().map(|asked| {
            let error = match position(found.as_ref(), asked) {
                Ok(position) => {
                    positions.push(position);
                    ErrorCode::None
                }
                Err(error) => error,
            };
            DeleteRecordsPartitionResult {
                partition_index: asked.partition_index,
                low_watermark: -1,
                error_code: error as i16,
            }
        });
        topics.push(DeleteRecordsTopicResult {
            partitions: partitions.collect(),
            name: topic.name.into_static(),
        });
    }
    if !positions.is_empty() {
        let results = call.broker().delete_records(positions).await;
        let asked = topics
            .iter_mut()
            .flat_map(|topic| &mut topic.partitions)
            .filter(|partition| partition.error_code == ErrorCode::None as i16);
        for (partition, result) in asked.zip(results) {
            match result {
                Ok(start) => partition.low_watermark = start as i64,
                Err(error) => partition.error_code = errors::delete_records(&error) as i16,
            }
        }
    }
    DeleteRecordsResponse {
        topics,
        ..DeleteRecordsResponse::default()
    }
}

fn position(
    topic: Option<&Arc<Topic>>,
    asked: &DeleteRecordsPartition,
) -> Result<Position, ErrorCode> {
    let topic = topic.ok_or(ErrorCode::UnknownTopicOrPartition)?;
    if topic.partition(asked.partition_index).is_none() {
        return Err(ErrorCode::UnknownTopicOrPartition);
    }
    // What a topic is compacted to is its state; Kafka does not cut it off either.
    let policy = &topic.config.policy;
    if policy.compaction.is_some() && !policy.delete {
        return Err(ErrorCode::PolicyViolation);
    }
    let before = match asked.offset {
        HIGH_WATERMARK => None,
        offset => Some(u64::try_from(offset).map_err(|_| ErrorCode::OffsetOutOfRange)?),
    };
    Ok((Arc::clone(topic), asked.partition_index, before))
}
