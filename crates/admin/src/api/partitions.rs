//! `/api/v1/topics/{name}/partitions`: adding partitions to a topic.

use axum::Json;
use axum::extract::State;
use serde::Deserialize;

use super::ApiError;
use super::extract::{Body, Name, Query};
use super::topic::TopicDetail;
use super::topics::{Trial, partition_count};
use crate::admin::Context;

/// How many there should be.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Total {
    /// All partitions, those there are included. Asked twice, it adds nothing twice.
    total: u64,
}

/// Raises the number of partitions and shows the topic as it is then.
pub(super) async fn create(
    State(context): State<Context>,
    Name(name): Name,
    Query(trial): Query<Trial>,
    Body(Total { total }): Body<Total>,
) -> Result<Json<TopicDetail>, ApiError> {
    let total = partition_count(total)?;
    let created = context
        .broker
        .create_partitions(&name, total, trial.validate_only);
    created.await?;
    TopicDetail::find(&context, &name).map(Json)
}
