//! `/api/v1/topics/{name}`: one topic in full.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use forebay_broker::policy::PolicyKind;
use forebay_broker::topic::{ConfigSource, Topic, TopicConfig};
use forebay_broker::{TopicError, TopicRef};
use serde::Serialize;

use super::ApiError;
use super::extract::Name;
use crate::admin::{Context, Shared};

/// A topic in full.
#[derive(Serialize)]
pub(super) struct TopicDetail {
    name: String,
    id: String,
    size_bytes: u64,
    /// Which queue it is to clients of RabbitMQ; null if it is none.
    stream: Option<Stream>,
    retention: Retention,
    partitions: Vec<Partition>,
    config: BTreeMap<&'static str, ConfigEntry>,
}

/// A topic among the queues.
#[derive(Serialize)]
struct Stream {
    virtual_host: String,
    queue: String,
}

/// What each partition keeps: as the configuration says, unless policies that are for streams say otherwise.
#[derive(Serialize)]
struct Retention {
    /// null keeps records of any age.
    ms: Option<u64>,
    /// null keeps any number of them.
    bytes: Option<u64>,
    /// The names of the policies that count for it.
    policy: Option<String>,
    operator_policy: Option<String>,
}

/// A partition.
#[derive(Serialize)]
struct Partition {
    partition: usize,
    start_offset: u64,
    end_offset: u64,
    size_bytes: u64,
}

/// The value of a configuration and where it comes from.
#[derive(Serialize)]
struct ConfigEntry {
    value: String,
    source: &'static str,
    /// Whether it does anything here, or is only kept for Kafka's tools.
    effective: bool,
}

impl TopicDetail {
    /// The topic of that name.
    pub(super) fn find(shared: &Shared, name: &str) -> Result<Self, ApiError> {
        match shared.broker.topic(name) {
            Some(topic) => Ok(Self::of(shared, &topic)),
            None => Err(TopicError::Unknown(name.to_owned()).into()),
        }
    }

    fn of(shared: &Shared, topic: &Topic) -> Self {
        let partition = |(partition, log): (_, &forebay_broker::storage::LogReader)| Partition {
            partition,
            start_offset: log.start_offset(),
            end_offset: log.end_offset(),
            size_bytes: log.bytes(),
        };
        let partitions: Vec<_> = topic.partitions.iter().enumerate().map(partition).collect();
        Self {
            name: topic.name.to_string(),
            id: topic.id.to_string(),
            size_bytes: partitions.iter().map(|it| it.size_bytes).sum(),
            stream: Stream::of(shared, topic),
            retention: Retention::of(shared, topic),
            partitions,
            config: config(&topic.config),
        }
    }
}

impl Stream {
    fn of(shared: &Shared, topic: &Topic) -> Option<Self> {
        if !topic.config.is_stream {
            return None;
        }
        let directory = shared.broker.directory();
        let virtual_host = directory.name_of(topic.virtual_host())?;
        Some(Self {
            virtual_host: virtual_host.to_owned(),
            queue: String::from_utf8_lossy(&topic.queue_name()).into_owned(),
        })
    }
}

impl Retention {
    fn of(shared: &Shared, topic: &Topic) -> Self {
        let directory = shared.broker.directory();
        let policy = |kind| {
            let counting = directory.policy_of_stream(kind, topic);
            counting.map(|(name, _)| name.to_owned())
        };
        let kept = directory.kept_by(topic);
        Self {
            ms: kept.retention_ms,
            bytes: kept.retention_bytes,
            policy: policy(PolicyKind::User),
            operator_policy: policy(PolicyKind::Operator),
        }
    }
}

fn config(config: &TopicConfig) -> BTreeMap<&'static str, ConfigEntry> {
    let entry = |value: &str, source, effective| ConfigEntry {
        value: value.to_owned(),
        source: match source {
            ConfigSource::Topic => "topic",
            ConfigSource::Broker => "broker",
            ConfigSource::Default => "default",
        },
        effective,
    };
    let all = config.all();
    all.map(|(definition, value, source)| {
        (definition.name, entry(value, source, definition.effective))
    })
    .collect()
}

/// A topic that could be created.
#[derive(Serialize)]
struct Validated<'a> {
    name: &'a str,
    partitions: usize,
    config: BTreeMap<&'static str, ConfigEntry>,
}

/// Shows what would have been created.
pub(super) fn validated(name: &str, partitions: usize, resolved: &TopicConfig) -> Response {
    let config = config(resolved);
    let validated = Validated {
        name,
        partitions,
        config,
    };
    Json(validated).into_response()
}

/// Shows a topic.
pub(super) async fn get(
    State(context): State<Context>,
    Name(name): Name,
) -> Result<Json<TopicDetail>, ApiError> {
    TopicDetail::find(&context, &name).map(Json)
}

/// Deletes a topic with everything in it, and every group's offsets in it.
pub(super) async fn delete(
    State(context): State<Context>,
    Name(name): Name,
) -> Result<StatusCode, ApiError> {
    let deleted = context.broker.delete_topics(vec![TopicRef::Name(name)]);
    deleted.await.pop().ok_or_else(ApiError::internal)??;
    Ok(StatusCode::NO_CONTENT)
}
