//! `GET /readyz`: 200 when clients may come, else 503 and why not.

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use serde::Serialize;

use super::probe;
use crate::admin::Context;
use crate::readiness::State;

/// The answer.
#[derive(Serialize)]
pub(crate) struct Ready {
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// Says whether clients may come.
pub(crate) async fn get(
    extract::State(context): extract::State<Context>,
) -> (StatusCode, Json<Ready>) {
    let (state, _) = probe::observe(&context).await;
    let ready = Ready {
        status: state.as_str(),
        reason: reason(&state),
    };
    (status(&state), Json(ready))
}

pub(super) fn status(state: &State) -> StatusCode {
    match state {
        State::Ready => StatusCode::OK,
        State::Starting | State::Draining | State::Failed(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

pub(super) fn reason(state: &State) -> Option<String> {
    match state {
        State::Ready => None,
        State::Starting => Some("the broker is starting".to_owned()),
        State::Draining => Some("the broker is stopping".to_owned()),
        State::Failed(reason) => Some(reason.clone()),
    }
}
