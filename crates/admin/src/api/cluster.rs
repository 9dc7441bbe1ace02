//! `/api/v1/cluster`: the broker as a whole.

use axum::Json;
use axum::extract::State;
use serde::Serialize;

use crate::admin::Context;

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
    listeners: Vec<Listener>,
    settings: Settings,
}

#[derive(Serialize)]
struct Listener {
    name: &'static str,
    address: String,
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
    let listeners = context.node.listeners.iter().map(|listener| Listener {
        name: listener.name,
        address: listener.address.to_string(),
    });
    Json(Cluster {
        cluster_id: context.broker.cluster_id().to_string(),
        version: context.node.build.version.clone(),
        revision: context.node.build.revision.clone(),
        status: context.readiness.state().as_str(),
        uptime_seconds: context.uptime().as_secs_f64(),
        topics: topics.len(),
        partitions: topics.iter().map(|topic| topic.partitions.len()).sum(),
        listeners: listeners.collect(),
        settings: Settings {
            default_partitions: options.default_partitions,
            auto_create_topics: options.auto_create_topics,
        },
    })
}
