//! OffsetFetch (key 9): how far a group has read.
//!
//! | version | change |
//! |---|---|
//! | 2 | a null list asks for all topics; an error of the whole answer |
//! | 3 | throttle time |
//! | 5 | leader epoch (KIP-320) |
//! | 7 | wait for open transactions (KIP-447): there are none |
//! | 8 | several groups at once (KIP-709) |
//! | 9 | member id and epoch, for groups that the broker assigns (KIP-848): there are none |
//! | 10 | topic ids (KIP-516) |

use forebay_broker::group::{
    CommittedOffset, FetchOffsets, FetchedOffset, GroupCommand, GroupReply,
};
use forebay_broker::{GroupId, TopicName};
use futures_util::stream::{FuturesOrdered, StreamExt};

use super::{Call, coordinator};
use crate::limits::GROUPS_ASKED_AT_ONCE;
use crate::protocol::generated::offset_fetch_request::{
    OffsetFetchRequestGroup, OffsetFetchRequestTopic, OffsetFetchRequestTopics,
};
use crate::protocol::generated::offset_fetch_response::{
    OffsetFetchResponseGroup, OffsetFetchResponsePartition, OffsetFetchResponsePartitions,
    OffsetFetchResponseTopic, OffsetFetchResponseTopics,
};
use crate::protocol::generated::{OffsetFetchRequest, OffsetFetchResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: OffsetFetchRequest<'_>,
) -> OffsetFetchResponse<'static> {
    if call.version < 8 {
        return unbatched(call, request).await;
    }
    let mut groups = Vec::with_capacity(request.groups.len());
    let mut asked = FuturesOrdered::new();
    for group in request.groups {
        if asked.len() == GROUPS_ASKED_AT_ONCE {
            groups.extend(asked.next().await);
        }
        asked.push_back(of_group(call, group));
    }
    while let Some(group) = asked.next().await {
        groups.push(group);
    }
    OffsetFetchResponse {
        groups,
        ..OffsetFetchResponse::default()
    }
}

async fn of_group(
    call: &Call<'_>,
    group: OffsetFetchRequestGroup<'_>,
) -> OffsetFetchResponseGroup<'static> {
    let fetched = fetch(call, &group.group_id, group.topics.as_deref()).await;
    OffsetFetchResponseGroup {
        error_code: fetched.as_ref().err().map_or(0, |error| *error as i16),
        topics: fetched.unwrap_or_default(),
        group_id: group.group_id.into_static(),
    }
}

/// Answers a request from before version 8, as if it were one of several groups.
async fn unbatched(
    call: &Call<'_>,
    request: OffsetFetchRequest<'_>,
) -> OffsetFetchResponse<'static> {
    let topics: Option<Vec<_>> = request
        .topics
        .map(|topics| topics.into_iter().map(as_batched).collect());
    match fetch(call, &request.group_id, topics.as_deref()).await {
        Ok(topics) => OffsetFetchResponse {
            topics: topics.into_iter().map(as_single).collect(),
            ..OffsetFetchResponse::default()
        },
        // There was no other place for it.
        Err(error) if call.version < 2 => {
            let refused = topics.iter().flatten().map(|topic| {
                let indexes = topic.partition_indexes.iter();
                let partitions = indexes.map(|index| nothing(*index, error));
                as_single(answer(topic, partitions.collect()))
            });
            OffsetFetchResponse {
                topics: refused.collect(),
                ..OffsetFetchResponse::default()
            }
        }
        Err(error) => OffsetFetchResponse {
            error_code: error as i16,
            ..OffsetFetchResponse::default()
        },
    }
}

async fn fetch(
    call: &Call<'_>,
    group: &str,
    topics: Option<&[OffsetFetchRequestTopics<'_>]>,
) -> Result<Vec<OffsetFetchResponseTopics<'static>>, ErrorCode> {
    // Kafka takes any id: that of a group which cannot be is that of one which has read nothing.
    let group = GroupId::new(group).ok();
    let Some(topics) = topics else {
        let fetched = ask(call, group, None).await?;
        return Ok(all(call, &fetched));
    };
    let names: Vec<_> = topics.iter().map(|topic| name(call, topic)).collect();
    let mut wanted = Vec::new();
    for (topic, name) in topics.iter().zip(&names) {
        if let Ok(name) = name {
            let indexes = topic.partition_indexes.iter();
            wanted.extend(indexes.map(|index| (name.clone(), *index)));
        }
    }
    let mut fetched = ask(call, group, Some(wanted)).await?.into_iter();
    let mut answers = Vec::with_capacity(topics.len());
    for (topic, name) in topics.iter().zip(&names) {
        let indexes = topic.partition_indexes.iter();
        let partitions = indexes.map(|&index| match name {
            Ok(_) => partition(index, fetched.next().and_then(|fetched| fetched.committed)),
            Err(error) => nothing(index, *error),
        });
        answers.push(answer(topic, partitions.collect()));
    }
    Ok(answers)
}

/// Asks for offsets; they come back in the order asked. A group that cannot be has none.
async fn ask(
    call: &Call<'_>,
    group: Option<GroupId>,
    partitions: Option<Vec<(TopicName, i32)>>,
) -> Result<Vec<FetchedOffset>, ErrorCode> {
    let Some(group) = group else {
        return Ok(Vec::new());
    };
    let command = GroupCommand::FetchOffsets(FetchOffsets { group, partitions });
    let said = coordinator::ask(call, command, |reply| match reply {
        GroupReply::OffsetsFetched(fetched) => Some(fetched),
        _ => None,
    });
    // Java consumers before 3.9 give up on COORDINATOR_NOT_AVAILABLE here, and only here.
    said.await.map_err(|error| match error {
        ErrorCode::CoordinatorNotAvailable => ErrorCode::NotCoordinator,
        error => error,
    })
}

/// The name of a topic that is asked about, or how its partitions are answered without one.
fn name(call: &Call<'_>, topic: &OffsetFetchRequestTopics<'_>) -> Result<TopicName, ErrorCode> {
    if call.version >= 10 {
        let found = call.broker().catalog().get_by_id(topic.topic_id);
        return found
            .map(|topic| topic.name.clone())
            .ok_or(ErrorCode::UnknownTopicId);
    }
    // A topic that cannot be is no error, just as one that is not there.
    TopicName::new(&topic.name).map_err(|_| ErrorCode::None)
}

/// All offsets of a group, which come sorted.
fn all(call: &Call<'_>, fetched: &[FetchedOffset]) -> Vec<OffsetFetchResponseTopics<'static>> {
    let mut topics = Vec::new();
    for of_topic in fetched.chunk_by(|one, next| one.topic == next.topic) {
        // Deleting a topic deletes its offsets; this one has been deleted a moment ago.
        let Some(topic) = call.broker().topic(of_topic[0].topic.as_str()) else {
            continue;
        };
        let partitions = of_topic
            .iter()
            .map(|fetched| partition(fetched.partition, fetched.committed.clone()));
        topics.push(OffsetFetchResponseTopics {
            name: topic.name.shared().into(),
            topic_id: topic.id,
            partitions: partitions.collect(),
        });
    }
    topics
}

fn answer(
    topic: &OffsetFetchRequestTopics<'_>,
    partitions: Vec<OffsetFetchResponsePartitions<'static>>,
) -> OffsetFetchResponseTopics<'static> {
    OffsetFetchResponseTopics {
        name: topic.name.clone().into_static(),
        topic_id: topic.topic_id,
        partitions,
    }
}

fn partition(
    partition_index: i32,
    committed: Option<CommittedOffset>,
) -> OffsetFetchResponsePartitions<'static> {
    let Some(committed) = committed else {
        return nothing(partition_index, ErrorCode::None);
    };
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: committed.offset,
        committed_leader_epoch: committed.leader_epoch.unwrap_or(-1),
        metadata: Some(committed.metadata.into()),
        error_code: ErrorCode::None as i16,
    }
}

fn nothing(partition_index: i32, error: ErrorCode) -> OffsetFetchResponsePartitions<'static> {
    OffsetFetchResponsePartitions {
        partition_index,
        committed_offset: -1,
        committed_leader_epoch: -1,
        metadata: Some(Str::default()),
        error_code: error as i16,
    }
}

fn as_batched(topic: OffsetFetchRequestTopic<'_>) -> OffsetFetchRequestTopics<'_> {
    OffsetFetchRequestTopics {
        name: topic.name,
        partition_indexes: topic.partition_indexes,
        ..OffsetFetchRequestTopics::default()
    }
}

fn as_single(topic: OffsetFetchResponseTopics<'static>) -> OffsetFetchResponseTopic<'static> {
    let partition =
        |partition: OffsetFetchResponsePartitions<'static>| OffsetFetchResponsePartition {
            partition_index: partition.partition_index,
            committed_offset: partition.committed_offset,
            committed_leader_epoch: partition.committed_leader_epoch,
            metadata: partition.metadata,
            error_code: partition.error_code,
        };
    OffsetFetchResponseTopic {
        partitions: topic.partitions.into_iter().map(partition).collect(),
        name: topic.name,
    }
}
