//! DescribeTopicPartitions (key 75, version 0, KIP-966): where the partitions of topics are, a page
//! at a time. The Java client describes topics with it.
//!
//! Topics come sorted, for the cursor between two pages is a name and an index. No topics in the
//! request stand for all.

use std::collections::BTreeSet;
use std::ops::{Bound, Range};
use std::sync::Arc;

use forebay_broker::TopicName;
use forebay_broker::topic::Topic;
use uuid::Uuid;

use super::Call;
use super::authorized_operations as operations;
use crate::gateway::{LEADER_EPOCH, NODE_ID};
use crate::limits::PARTITIONS_DESCRIBED_MAX;
use crate::protocol::generated::describe_topic_partitions_response::{
    Cursor, DescribeTopicPartitionsResponsePartition, DescribeTopicPartitionsResponseTopic,
};
use crate::protocol::generated::{DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DescribeTopicPartitionsRequest<'_>,
) -> DescribeTopicPartitionsResponse<'static> {
    let Some((first, start)) = beginning(&request) else {
        // There is no error for the request as a whole.
        let refused = |topic: &Str<'_>| unknown(topic, ErrorCode::InvalidRequest);
        return DescribeTopicPartitionsResponse {
            topics: request
                .topics
                .iter()
                .map(|topic| refused(&topic.name))
                .collect(),
            ..DescribeTopicPartitionsResponse::default()
        };
    };
    let topics = topics(call, &request, first);
    let limit = request.response_partition_limit;
    let mut room = limit.clamp(1, PARTITIONS_DESCRIBED_MAX) as usize;
    let mut response = DescribeTopicPartitionsResponse::default();
    for (name, topic) in &topics {
        if room == 0 {
            response.next_cursor = Some(cursor(name, 0));
            break;
        }
        let Some(topic) = topic else {
            let error = match TopicName::new(name) {
                Ok(_) => ErrorCode::UnknownTopicOrPartition,
                Err(_) => ErrorCode::InvalidTopicException,
            };
            response.topics.push(unknown(name, error));
            continue;
        };
        let partitions = topic.partitions.len();
        let start = if &**name == first { start } else { 0 };
        let end = partitions.min(start.saturating_add(room));
        response.topics.push(described(topic, start..end));
        if end < partitions {
            response.next_cursor = Some(cursor(name, end));
            break;
        }
        room -= end.saturating_sub(start);
    }
    response
}

/// The topic and the index where the answer begins, unless the cursor makes no sense.
fn beginning<'a>(request: &'a DescribeTopicPartitionsRequest<'_>) -> Option<(&'a str, usize)> {
    let Some(cursor) = &request.cursor else {
        return Some(("", 0));
    };
    let all = request.topics.is_empty();
    let named = |name: &Str<'_>| request.topics.iter().any(|topic| topic.name == *name);
    if !all && !named(&cursor.topic_name) {
        return None;
    }
    let start = usize::try_from(cursor.partition_index).ok()?;
    Some((&cursor.topic_name, start))
}

/// The topics that were asked for and which of them are there, sorted, from `first` on.
fn topics<'a>(
    call: &Call<'_>,
    request: &'a DescribeTopicPartitionsRequest<'_>,
    first: &str,
) -> Vec<(Str<'a>, Option<Arc<Topic>>)> {
    if request.topics.is_empty() {
        let all = call.broker().catalog().all().into_iter();
        return all
            .filter(|topic| topic.name.as_str() >= first)
            .map(|topic| (topic.name.shared().into(), Some(topic)))
            .collect();
    }
    let names: BTreeSet<&str> = request.topics.iter().map(|topic| &*topic.name).collect();
    let names = names.range::<str, _>((Bound::Included(first), Bound::Unbounded));
    names
        .map(|name| (Str::from(*name), call.broker().topic(name)))
        .collect()
}

fn cursor(topic: &Str<'_>, partition: usize) -> Cursor<'static> {
    Cursor {
        topic_name: topic.clone().into_static(),
        partition_index: partition as i32,
    }
}

fn described(
    topic: &Topic,
    partitions: Range<usize>,
) -> DescribeTopicPartitionsResponseTopic<'static> {
    let partition = |index| DescribeTopicPartitionsResponsePartition {
        error_code: ErrorCode::None as i16,
        partition_index: index as i32,
        leader_id: NODE_ID,
        leader_epoch: LEADER_EPOCH,
        replica_nodes: vec![NODE_ID],
        isr_nodes: vec![NODE_ID],
        eligible_leader_replicas: Some(Vec::new()),
        last_known_elr: Some(Vec::new()),
        offline_replicas: Vec::new(),
    };
    DescribeTopicPartitionsResponseTopic {
        error_code: ErrorCode::None as i16,
        name: Some(topic.name.shared().into()),
        topic_id: topic.id,
        is_internal: false,
        partitions: partitions.map(partition).collect(),
        topic_authorized_operations: operations::TOPIC,
    }
}

fn unknown(name: &Str<'_>, error: ErrorCode) -> DescribeTopicPartitionsResponseTopic<'static> {
    DescribeTopicPartitionsResponseTopic {
        error_code: error as i16,
        name: Some(name.clone().into_static()),
        topic_id: Uuid::nil(),
        topic_authorized_operations: operations::TOPIC,
        ..DescribeTopicPartitionsResponseTopic::default()
    }
}
