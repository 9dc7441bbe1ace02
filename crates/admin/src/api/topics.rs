//! `/api/v1/topics`: listing and creating topics.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use forebay_broker::limits::TOPIC_PARTITIONS_MAX;
use forebay_broker::storage::LogReader;
use forebay_broker::topic::Topic;
use forebay_broker::{NewTopic, TopicError};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::extract::{Body, Query};
use super::listing::Piece;
use super::topic::{TopicDetail, validated};
use super::topic_config::ConfigText;
use crate::admin::Context;

/// A piece of the listing.
#[derive(Serialize)]
pub(super) struct Topics {
    topics: Vec<TopicSummary>,
    /// What to give as `after` for the next piece; null at the end.
    next: Option<String>,
}

/// A topic in brief.
#[derive(Serialize)]
struct TopicSummary {
    name: String,
    id: String,
    partitions: usize,
    size_bytes: u64,
}

impl From<&Arc<Topic>> for TopicSummary {
    fn from(topic: &Arc<Topic>) -> Self {
        Self {
            name: topic.name.to_string(),
            id: topic.id.to_string(),
            partitions: topic.partitions.len(),
            size_bytes: topic.partitions.iter().map(LogReader::bytes).sum(),
        }
    }
}

/// Lists topics, sorted by name.
pub(super) async fn list(
    State(context): State<Context>,
    Query(piece): Query<Piece>,
) -> Result<Json<Topics>, ApiError> {
    let all = context.broker.catalog().all();
    let (topics, next) = piece.of(all, |topic| topic.name.as_str())?;
    // A piece can have a hundred thousand partitions a topic.
    let summaries = move || topics.iter().map(TopicSummary::from).collect();
    let topics = tokio::task::spawn_blocking(summaries).await;
    let topics = topics.map_err(|_| ApiError::internal())?;
    Ok(Json(Topics { topics, next }))
}

/// A topic to be created.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Creation {
    name: String,
    /// None takes the broker's default.
    partitions: Option<u64>,
    #[serde(default)]
    config: BTreeMap<String, ConfigText>,
}

/// Whether a change is only tried.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trial {
    #[serde(default)]
    pub(super) validate_only: bool,
}

/// Creates a topic: 201 with where it is, or 200 if it was only tried.
pub(super) async fn create(
    State(context): State<Context>,
    Query(trial): Query<Trial>,
    Body(creation): Body<Creation>,
) -> Result<Response, ApiError> {
    let configs = creation.config.into_iter();
    let topic = NewTopic {
        name: creation.name.clone(),
        partitions: creation.partitions.map(partition_count).transpose()?,
        configs: configs.map(|(name, value)| (name, value.0)).collect(),
    };
    let created = context
        .broker
        .create_topics(vec![topic], trial.validate_only);
    let created = created.await.pop().ok_or_else(ApiError::internal)??;
    if trial.validate_only {
        return Ok(validated(
            &creation.name,
            created.partitions,
            &created.config,
        ));
    }
    let location = format!("/api/v1/topics/{}", creation.name);
    // Gone again already, perhaps: then the answer is that of a deleted topic.
    let detail = TopicDetail::find(&context, &creation.name)?;
    let headers = [(header::LOCATION, location)];
    Ok((StatusCode::CREATED, headers, Json(detail)).into_response())
}

/// A number of partitions that is worth asking the broker about. What it would need is reckoned
/// before it is checked there, and must not be more than a number can hold.
pub(super) fn partition_count(asked: u64) -> Result<usize, TopicError> {
    usize::try_from(asked)
        .ok()
        .filter(|count| *count <= TOPIC_PARTITIONS_MAX)
        .ok_or_else(|| {
            TopicError::Partitions(format!(
                "a topic has at most {TOPIC_PARTITIONS_MAX} partitions"
            ))
        })
}
