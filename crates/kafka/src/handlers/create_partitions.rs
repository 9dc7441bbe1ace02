//! CreatePartitions (key 37): more partitions for a topic.
//!
//! | version | change |
//! |---|---|
//! | 2 | flexible |
//! | 3 | may be throttled (KIP-599), which never happens here |
//!
//! Assignments are checked and not followed, as in CreateTopics.

use futures_util::future::join_all;
use hashbrown::HashMap;

use forebay_broker::TopicError;

use super::{Call, assignment};
use crate::errors::{self, Refusal};
use crate::protocol::ErrorCode;
use crate::protocol::generated::create_partitions_request::CreatePartitionsTopic;
use crate::protocol::generated::create_partitions_response::CreatePartitionsTopicResult;
use crate::protocol::generated::{CreatePartitionsRequest, CreatePartitionsResponse};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: CreatePartitionsRequest<'_>,
) -> CreatePartitionsResponse<'static> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(&topic.name).or_default() += 1;
    }
    let mut results = Vec::new();
    for topic in &request.topics {
        // One answer for a name, however often it is there.
        let Some(times) = times.remove(&*topic.name) else {
            continue;
        };
        results.push(async move {
            let result = match times {
                1 => create(call, topic, request.validate_only).await,
                _ => Err(Refusal::invalid("the topic is in the request twice")),
            };
            let (error_code, error_message) = errors::fields(result);
            CreatePartitionsTopicResult {
                name: topic.name.clone().into_static(),
                error_code,
                error_message,
            }
        });
    }
    CreatePartitionsResponse {
        // At once, so that they share a sync of the journal.
        results: join_all(results).await,
        ..CreatePartitionsResponse::default()
    }
}

async fn create(
    call: &Call<'_>,
    topic: &CreatePartitionsTopic<'_>,
    validate_only: bool,
) -> Result<(), Refusal> {
    let unknown = || TopicError::Unknown(topic.name.to_string());
    let there = call.broker().topic(&topic.name).ok_or_else(unknown)?;
    // The broker says the rest about a total that cannot be.
    let total = usize::try_from(topic.count).unwrap_or(0);
    if let Some(assignments) = &topic.assignments
        && let Some(more) = total.checked_sub(there.partitions.len())
        && more > 0
    {
        if assignments.len() != more {
            let message = format!(
                "{more} new partitions and {} assignments",
                assignments.len()
            );
            return Err(Refusal::new(ErrorCode::InvalidReplicaAssignment, message));
        }
        assignment::check(assignments.iter().map(|partition| &*partition.broker_ids))?;
    }
    let created = call
        .broker()
        .create_partitions(&topic.name, total, validate_only);
    Ok(created.await?)
}
