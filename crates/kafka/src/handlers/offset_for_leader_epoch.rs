//! OffsetForLeaderEpoch (key 23): where a leader's epoch ended, for consumers that look for a
//! divergence (KIP-320). There is one epoch, which has not ended, so there is none to be found.
//!
//! | version | change |
//! |---|---|
//! | 3 | the asking replica's id |
//! | 4 | flexible |

use forebay_broker::storage::LogReader;

use super::Call;
use crate::errors;
use crate::gateway::LEADER_EPOCH;
use crate::protocol::ErrorCode;
use crate::protocol::generated::offset_for_leader_epoch_request::OffsetForLeaderPartition;
use crate::protocol::generated::offset_for_leader_epoch_response::{
    EpochEndOffset, OffsetForLeaderTopicResult,
};
use crate::protocol::generated::{OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse};

/// The epoch and the offset of an epoch that nobody knows.
const UNKNOWN: (i32, i64) = (-1, -1);

pub(crate) async fn handle(
    call: &Call<'_>,
    request: OffsetForLeaderEpochRequest<'_>,
) -> OffsetForLeaderEpochResponse<'static> {
    let topics = request.topics.into_iter().map(|topic| {
        let found = call.broker().topic(&topic.topic);
        let end = |asked: &OffsetForLeaderPartition| {
            let log = found
                .as_ref()
                .and_then(|topic| topic.partition(asked.partition));
            epoch_end(log, asked)
        };
        OffsetForLeaderTopicResult {
            partitions: topic.partitions.iter().map(end).collect(),
            topic: topic.topic.into_static(),
        }
    });
    OffsetForLeaderEpochResponse {
        topics: topics.collect(),
        ..OffsetForLeaderEpochResponse::default()
    }
}

fn epoch_end(log: Option<&LogReader>, asked: &OffsetForLeaderPartition) -> EpochEndOffset {
    let end = log
        .ok_or(ErrorCode::UnknownTopicOrPartition)
        .and_then(|log| {
            errors::leader_epoch(asked.current_leader_epoch)?;
            Ok(match asked.leader_epoch {
                LEADER_EPOCH => (LEADER_EPOCH, log.end_offset() as i64),
                _ => UNKNOWN,
            })
        });
    let (error, (leader_epoch, end_offset)) = match end {
        Ok(end) => (ErrorCode::None, end),
        Err(error) => (error, UNKNOWN),
    };
    EpochEndOffset {
        error_code: error as i16,
        partition: asked.partition,
        leader_epoch,
        end_offset,
    }
}
