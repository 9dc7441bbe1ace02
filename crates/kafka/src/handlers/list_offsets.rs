//! ListOffsets (key 2): the first, last, or first-at-a-time offset of partitions.
//!
//! | version | change |
//! |---|---|
//! | 4 | leader epoch |
//! | 7 | newest timestamp (-3, KIP-734) |
//! | 8 | earliest local offset (-4): the same as the earliest, nothing is tiered |
//! | 9 | latest tiered offset (-5): none |
//! | 10 | time-out, for tiered data |
//! | 11 | earliest offset not yet tiered (-6): none |

use forebay_broker::storage::{LogReader, ReadError};

use super::Call;
use crate::errors;
use crate::gateway::LEADER_EPOCH;
use crate::protocol::ErrorCode;
use crate::protocol::generated::list_offsets_request::ListOffsetsPartition;
use crate::protocol::generated::list_offsets_response::{
    ListOffsetsPartitionResponse, ListOffsetsTopicResponse,
};
use crate::protocol::generated::{ListOffsetsRequest, ListOffsetsResponse};

const LATEST: i64 = -1;
const EARLIEST: i64 = -2;
const NEWEST_TIMESTAMP: i64 = -3;
const EARLIEST_LOCAL: i64 = -4;
const LATEST_TIERED: i64 = -5;
const EARLIEST_PENDING_UPLOAD: i64 = -6;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: ListOffsetsRequest<'_>,
) -> ListOffsetsResponse<'static> {
    let mut topics = Vec::with_capacity(request.topics.len());
    for topic in request.topics {
        let found = call.broker().topic(&topic.name);
        let mut partitions = Vec::with_capacity(topic.partitions.len());
        for asked in &topic.partitions {
            let log = found
                .as_ref()
                .and_then(|topic| topic.partition(asked.partition_index));
            partitions.push(match log {
                Some(log) => offset_of(call, log, asked).await,
                None => refused(asked, ErrorCode::UnknownTopicOrPartition),
            });
        }
        topics.push(ListOffsetsTopicResponse {
            name: topic.name.into_static(),
            partitions,
        });
    }
    ListOffsetsResponse {
        topics,
        ..ListOffsetsResponse::default()
    }
}

async fn offset_of(
    call: &Call<'_>,
    log: &LogReader,
    asked: &ListOffsetsPartition,
) -> ListOffsetsPartitionResponse {
    if let Err(error) = errors::leader_epoch(asked.current_leader_epoch) {
        return refused(asked, error);
    }
    let found = match asked.timestamp {
        LATEST => Ok(Some((log.end_offset(), -1))),
        EARLIEST | EARLIEST_LOCAL => Ok(Some((log.start_offset(), -1))),
        LATEST_TIERED | EARLIEST_PENDING_UPLOAD => Ok(None),
        NEWEST_TIMESTAMP => search(call, log, LogReader::newest_timestamp).await,
        timestamp if timestamp >= 0 => {
            search(call, log, move |log| log.find_timestamp(timestamp)).await
        }
        _ => return refused(asked, ErrorCode::InvalidRequest),
    };
    match found {
        Ok(found) => answered(call, asked, found),
        Err(error) => refused(asked, error),
    }
}

async fn search(
    call: &Call<'_>,
    log: &LogReader,
    search: impl FnOnce(&LogReader) -> Result<Option<(u64, i64)>, ReadError> + Send + 'static,
) -> Result<Option<(u64, i64)>, ErrorCode> {
    let log = log.clone();
    let searched = call.shared().disk_reads.run(move || search(&log)).await;
    searched?.map_err(|error| errors::read(&error))
}

fn answered(
    call: &Call<'_>,
    asked: &ListOffsetsPartition,
    found: Option<(u64, i64)>,
) -> ListOffsetsPartitionResponse {
    let (offset, timestamp) = found.map_or((-1, -1), |(offset, time)| (offset as i64, time));
    ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: ErrorCode::None as i16,
        timestamp,
        offset,
        leader_epoch: if call.version >= 4 && found.is_some() {
            LEADER_EPOCH
        } else {
            -1
        },
    }
}

fn refused(asked: &ListOffsetsPartition, error: ErrorCode) -> ListOffsetsPartitionResponse {
    ListOffsetsPartitionResponse {
        partition_index: asked.partition_index,
        error_code: error as i16,
        timestamp: -1,
        offset: -1,
        leader_epoch: -1,
    }
}
