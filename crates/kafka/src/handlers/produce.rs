//! Produce (key 0): batches in. They are stored as they came: the frame they arrived in becomes the
//! memory that consumers are served from, and only the base offset is written into it.
//!
//! | version | change |
//! |---|---|
//! | 3 | record batches v2; nothing older is served (KIP-896) |
//! | 8 | errors of single records, with a message (KIP-467) |
//! | 9 | flexible |
//! | 10 | leader and endpoints in the answer (KIP-951): never needed, there is one node |
//! | 12 | transactions begin implicitly (KIP-890): not served |
//! | 13 | topic ids |

use std::future::Future;
use std::sync::Arc;

use bytes::{Buf, BytesMut};
use forebay_broker::topic::Topic;
use forebay_broker::{Append, AppendError, AppendedBatch};
use uuid::Uuid;

use crate::dispatch;
use crate::errors;
use crate::limits::FRAME_SHARE_KEPT;
use crate::protocol::generated::produce_request::TopicProduceData;
use crate::protocol::generated::produce_response::{
    PartitionProduceResponse, TopicProduceResponse,
};
use crate::protocol::generated::{ProduceRequest, ProduceResponse};
use crate::protocol::{ErrorCode, Rope, Str, api};
use crate::session::{Context, SessionError};

/// What became of one partition's records before the broker saw them.
enum Outcome {
    /// They are the next batch in the broker's hands.
    Sent,
    Refused(ErrorCode, String),
}

/// A request taken apart: what to answer, and where in the frame the batches are.
struct Plan {
    version: i16,
    correlation_id: i32,
    acks: i16,
    topics: Vec<TopicPlan>,
}

struct TopicPlan {
    name: Str<'static>,
    topic_id: Uuid,
    partitions: Vec<(i32, Outcome)>,
}

/// Where a batch is in its frame and where it goes.
struct Placed {
    topic: Arc<Topic>,
    partition: i32,
    start: usize,
    length: usize,
}

/// Hands the batches of a request to the broker, and returns what waits for their durability.
pub(crate) fn start(
    context: &Context,
    mut frame: BytesMut,
) -> Result<impl Future<Output = Result<Option<Rope>, SessionError>> + Send + use<>, SessionError> {
    let (plan, placed) = plan(context, &frame)?;
    let frame_bytes = frame.len();
    let mut batches = Vec::with_capacity(placed.len());
    let mut position = 0;
    for Placed {
        topic,
        partition,
        start,
        length,
    } in placed
    {
        frame.advance(start - position);
        let mut batch = frame.split_to(length);
        position = start + length;
        if length < frame_bytes / FRAME_SHARE_KEPT {
            // Whoever keeps a slice keeps the whole frame.
            batch = BytesMut::from(&batch[..]);
        }
        batches.push(Append {
            topic,
            partition,
            batch,
        });
    }
    let appended = (!batches.is_empty()).then(|| context.shared.broker.append(batches));
    Ok(async move {
        let results = match appended {
            Some(appended) => appended.await,
            None => Vec::new(),
        };
        answer(plan, results)
    })
}

fn plan(context: &Context, frame: &BytesMut) -> Result<(Plan, Vec<Placed>), SessionError> {
    let head = dispatch::head(frame)?;
    let (version, correlation_id) = (head.version, head.header.correlation_id);
    let request: ProduceRequest<'_> = head.decode_body()?;
    let refuse_all = match () {
        () if !(-1..=1).contains(&request.acks) => Some(ErrorCode::InvalidRequiredAcks),
        () if request.transactional_id.is_some() => {
            Some(ErrorCode::TransactionalIdAuthorizationFailed)
        }
        () => None,
    };
    let mut placed = Vec::new();
    let topics = request.topic_data.iter().map(|data| {
        let found = find(context, version, data);
        let partitions = data.partition_data.iter().map(|partition| {
            let records = match &partition.records {
                Some(crate::protocol::Records::Borrowed(bytes)) => *bytes,
                _ => &[],
            };
            let outcome = match (&refuse_all, &found) {
                (Some(error), _) => Outcome::Refused(*error, error.message().to_owned()),
                (None, Err(error)) => Outcome::Refused(*error, error.message().to_owned()),
                (None, Ok(topic)) => {
                    if records.is_empty() {
                        // Null, or of no bytes: then they lie nowhere.
                        let what = "no record batch";
                        Outcome::Refused(ErrorCode::InvalidRecord, what.to_owned())
                    } else {
                        // The records were decoded from this frame, so they lie in it.
                        let start = records.as_ptr() as usize - frame.as_ptr() as usize;
                        placed.push(Placed {
                            topic: Arc::clone(topic),
                            partition: partition.index,
                            start,
                            length: records.len(),
                        });
                        Outcome::Sent
                    }
                }
            };
            (partition.index, outcome)
        });
        let partitions = partitions.collect();
        let name = match &found {
            Ok(topic) => topic.name.shared().into(),
            Err(_) => data.name.clone().into_static(),
        };
        TopicPlan {
            name,
            topic_id: data.topic_id,
            partitions,
        }
    });
    let topics = topics.collect();
    let acks = request.acks;
    Ok((
        Plan {
            version,
            correlation_id,
            acks,
            topics,
        },
        placed,
    ))
}

fn find(
    context: &Context,
    version: i16,
    data: &TopicProduceData<'_>,
) -> Result<Arc<Topic>, ErrorCode> {
    let catalog = context.shared.broker.catalog();
    if version >= 13 {
        catalog
            .get_by_id(data.topic_id)
            .ok_or(ErrorCode::UnknownTopicId)
    } else {
        catalog
            .get(&data.name)
            .ok_or(ErrorCode::UnknownTopicOrPartition)
    }
}

fn answer(
    plan: Plan,
    results: Vec<Result<AppendedBatch, AppendError>>,
) -> Result<Option<Rope>, SessionError> {
    let mut failed = false;
    let mut results = results.into_iter();
    let topics = plan.topics.into_iter().map(|topic| {
        let partitions = topic.partitions.into_iter().map(|(index, outcome)| {
            let result = match outcome {
                Outcome::Sent => results
                    .next()
                    .unwrap_or(Err(AppendError::Failed))
                    .map_err(|error| (errors::append(&error), error.to_string())),
                Outcome::Refused(error, what) => Err((error, what)),
            };
            failed |= result.is_err();
            partition_response(index, result)
        });
        TopicProduceResponse {
            partition_responses: partitions.collect(),
            name: topic.name,
            topic_id: topic.topic_id,
        }
    });
    let response = ProduceResponse {
        responses: topics.collect(),
        ..ProduceResponse::default()
    };
    if plan.acks == 0 {
        // The client does not listen. Closing the connection is how it learns of a failure.
        return if failed {
            let what = "a produce request without acknowledgement failed";
            Err(SessionError::Protocol(what.to_owned()))
        } else {
            Ok(None)
        };
    }
    let rope = api::encode_response(plan.version, plan.correlation_id, &response)?;
    Ok(Some(rope))
}

fn partition_response(
    index: i32,
    result: Result<AppendedBatch, (ErrorCode, String)>,
) -> PartitionProduceResponse<'static> {
    match result {
        Ok(appended) => PartitionProduceResponse {
            index,
            error_code: ErrorCode::None as i16,
            base_offset: appended.base_offset as i64,
            log_append_time_ms: appended.log_append_time_ms.unwrap_or(-1),
            log_start_offset: appended.log_start_offset as i64,
            ..PartitionProduceResponse::default()
        },
        Err((error, what)) => PartitionProduceResponse {
            index,
            error_code: error as i16,
            base_offset: -1,
            log_append_time_ms: -1,
            log_start_offset: -1,
            error_message: Some(what.into()),
            ..PartitionProduceResponse::default()
        },
    }
}
