//! `GET /healthz`: the state in detail. The status is that of `/readyz`.

use axum::Json;
use axum::extract;
use axum::http::StatusCode;
use serde::Serialize;

use super::probe::{self, Probe};
use super::readyz;
use crate::admin::Context;
use crate::metrics::storage::Storage;
use crate::node::ListenerInfo;

/// The answer.
#[derive(Serialize)]
pub(crate) struct Health {
    status: &'static str,
    reason: Option<String>,
    /// What does not stop the broker and still wants somebody's eye.
    warnings: Vec<&'static str>,
    version: String,
    revision: Option<String>,
    uptime_seconds: f64,
    listeners: Vec<ListenerInfo>,
    journal: Journal,
    storage: Option<StorageHealth>,
}

#[derive(Serialize)]
struct Journal {
    /// Whether the shard that writes it answers.
    answers: bool,
    answered_in_seconds: Option<f64>,
    commits: u64,
    /// Commands refused since the start because the medium was full.
    refused_full: u64,
}

#[derive(Serialize)]
struct StorageHealth {
    free_bytes: u64,
    total_bytes: u64,
    reserve_bytes: u64,
    full: bool,
}

/// Tells everything that is known about the state.
pub(crate) async fn get(
    extract::State(context): extract::State<Context>,
) -> (StatusCode, Json<Health>) {
    let (state, probe) = probe::observe(&context).await;
    let storage = Storage::read(&context).await;
    let mut warnings = Vec::new();
    match &storage {
        Some(storage) if storage.is_full() => {
            warnings.push("less space is free than the reserve: producers are refused");
        }
        Some(_) => {}
        None => warnings.push("the free space is not known"),
    }
    let metrics = context.broker.shard_metrics();
    let health = Health {
        status: state.as_str(),
        reason: readyz::reason(&state),
        warnings,
        version: context.node.build.version.clone(),
        revision: context.node.build.revision.clone(),
        uptime_seconds: context.uptime().as_secs_f64(),
        listeners: context.node.listeners.clone(),
        journal: Journal {
            answers: matches!(probe, Probe::Answered(_)),
            answered_in_seconds: match probe {
                Probe::Answered(took) => Some(took.as_secs_f64()),
                Probe::Silent | Probe::Gone => None,
            },
            commits: metrics.commits.value(),
            refused_full: metrics.refused_full.value(),
        },
        storage: storage.map(|storage| StorageHealth {
            free_bytes: storage.free_bytes,
            total_bytes: storage.total_bytes,
            reserve_bytes: storage.reserve_bytes,
            full: storage.is_full(),
        }),
    };
    (readyz::status(&state), Json(health))
}
