//! What operators are shown.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::routing::get;
use axum::{Json, Router};
use serde::{Deserialize, Serialize};

use super::recorder::Recorded;
use crate::sns::Sns;

/// `GET /deliveries?subscription=ARN`: the last deliveries that were recorded in place of being made, the oldest
/// first.
pub(crate) fn routes(sns: Arc<Sns>) -> Router {
    Router::new()
        .route("/deliveries", get(deliveries))
        .with_state(sns)
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Wanted {
    subscription: Option<String>,
}

#[derive(Serialize)]
struct Shown {
    deliveries: Vec<Recorded>,
}

async fn deliveries(State(sns): State<Arc<Sns>>, Query(wanted): Query<Wanted>) -> Json<Shown> {
    let deliveries = sns.recorder().all(wanted.subscription.as_deref());
    Json(Shown { deliveries })
}
