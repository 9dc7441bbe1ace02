//! `/api/v1/queues/{name}/subscriptions`: the topics that a queue is given the records of.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forebay_broker::TopicError;
use forebay_broker::host::{ConnectionId, TopicStart, TopicSubscriptionDescription};
use forebay_broker::storage::{LogReader, ReadError};
use forebay_broker::topic::Topic;
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::extract::{Body, Name, Names, Query};
use super::queue::{InVirtualHost, text, virtual_host};
use crate::admin::Context;

/// A subscription.
#[derive(Serialize)]
pub(super) struct SubscriptionDetail {
    topic: String,
    /// Records that the queue has not been given yet, about: offsets that retention or compaction took count.
    lag: u64,
    partitions: Vec<PartitionDetail>,
}

/// How far a subscription is in a partition.
#[derive(Serialize)]
struct PartitionDetail {
    partition: usize,
    /// The next offset that the queue is given.
    next_offset: u64,
    end_offset: u64,
}

impl From<&TopicSubscriptionDescription> for SubscriptionDetail {
    fn from(subscription: &TopicSubscriptionDescription) -> Self {
        let partitions = subscription.partitions.iter().enumerate();
        let partitions = partitions.map(|(partition, (next_offset, end_offset))| PartitionDetail {
            partition,
            next_offset: *next_offset,
            end_offset: *end_offset,
        });
        let partitions: Vec<_> = partitions.collect();
        let lag = |of: &PartitionDetail| of.end_offset.saturating_sub(of.next_offset);
        Self {
            topic: text(&subscription.topic),
            lag: partitions.iter().map(lag).sum(),
            partitions,
        }
    }
}

/// A subscription to be made.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Wanted {
    topic: String,
    #[serde(default)]
    from: Start,
}

/// Where it begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Start {
    /// With the first record that is kept.
    Earliest,
    /// With the next one that is produced.
    #[default]
    Latest,
    /// With this offset of each partition.
    Offset(u64),
    /// With the last so many of each partition.
    Last(u64),
    /// With the first of each partition at or after this time.
    TimestampMs(i64),
}

impl Start {
    /// What the broker is told. Where nothing is at or after a time, it is what comes next.
    fn resolve(self, topic: &Topic) -> Result<TopicStart, ReadError> {
        let offset = |log: &LogReader| {
            let end = log.end_offset();
            Ok(match self {
                Self::Earliest => log.start_offset(),
                Self::Latest => end,
                Self::Offset(offset) => offset,
                Self::Last(count) => end.saturating_sub(count),
                Self::TimestampMs(ms) => log.find_timestamp(ms)?.map_or(end, |(offset, _)| offset),
            })
        };
        match self {
            Self::Earliest => Ok(TopicStart::Earliest),
            Self::Latest => Ok(TopicStart::Latest),
            _ => {
                let offsets: Result<Vec<_>, _> = topic.partitions.iter().map(offset).collect();
                offsets.map(TopicStart::Offsets)
            }
        }
    }
}

/// What was done.
#[derive(Serialize)]
pub(super) struct Subscribed {
    topic: String,
    /// Whether it is new; one that was there stays where it is.
    created: bool,
}

/// Subscribes a queue to a topic: 201, or 200 if it was so before.
pub(super) async fn subscribe(
    State(context): State<Context>,
    Name(name): Name,
    Query(asked): Query<InVirtualHost>,
    Body(wanted): Body<Wanted>,
) -> Result<(StatusCode, Json<Subscribed>), ApiError> {
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let unknown = || TopicError::Unknown(wanted.topic.clone());
    let topic = context.broker.topic(&wanted.topic).ok_or_else(unknown)?;
    let start = tokio::task::spawn_blocking({
        let topic = Arc::clone(&topic);
        move || wanted.from.resolve(&topic)
    });
    let start = start.await.map_err(|_| ApiError::internal())?;
    let start = start.map_err(|error| ApiError::unreadable_topic(&wanted.topic, &error))?;
    let created = host.subscribe_topic(
        name.into(),
        wanted.topic.clone().into(),
        start,
        ConnectionId::NOBODY,
    );
    let created = created.await.map_err(|error| ApiError::queue(&error))?;
    let status = match created {
        true => StatusCode::CREATED,
        false => StatusCode::OK,
    };
    let topic = wanted.topic;
    Ok((status, Json(Subscribed { topic, created })))
}

/// What was ended.
#[derive(Serialize)]
pub(super) struct Unsubscribed {
    topic: String,
    /// Whether there was anything to end.
    deleted: bool,
}

/// Ends a queue's subscription to a topic. What the queue was given stays in it.
pub(super) async fn unsubscribe(
    State(context): State<Context>,
    Names(name, topic): Names,
    Query(asked): Query<InVirtualHost>,
) -> Result<Json<Unsubscribed>, ApiError> {
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let ended = host.unsubscribe_topic(name.into(), topic.clone().into(), ConnectionId::NOBODY);
    let deleted = ended.await.map_err(|error| ApiError::queue(&error))?;
    Ok(Json(Unsubscribed { topic, deleted }))
}
