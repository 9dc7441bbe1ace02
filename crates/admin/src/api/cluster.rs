//! `/api/v1/cluster`: the broker as a whole.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::admin::Context;
use crate::node::ListenerInfo;

/// The broker as a whole.
#[derive(Serialize)]
pub(super) struct Cluster {
    cluster_id: String,
    version: String,
    revision: Option<String>,
    status: &'static str,
    uptime_seconds: f64,
    topics: usize,
    partitions: usize,
    listeners: Vec<ListenerInfo>,
    settings: Settings,
}

/// What decides about topics that are created.
#[derive(Serialize)]
struct Settings {
    default_partitions: usize,
    auto_create_topics: bool,
}

/// Shows the broker.
pub(super) async fn get(State(context): State<Context>) -> Json<Cluster> {
    let topics = context.broker.catalog().all();
    let options = context.broker.options();
    Json(Cluster {
        cluster_id: context.broker.cluster_id().to_string(),
        version: context.node.build.version.clone(),
        revision: context.node.build.revision.clone(),
        status: context.readiness.state().as_str(),
        uptime_seconds: context.uptime().as_secs_f64(),
        topics: topics.len(),
        partitions: topics.iter().map(|topic| topic.partitions.len()).sum(),
        listeners: context.node.listeners.clone(),
        settings: Settings {
            default_partitions: options.default_partitions,
            auto_create_topics: options.auto_create_topics,
        },
    })
}
