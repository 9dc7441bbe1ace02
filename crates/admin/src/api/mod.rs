//! `/api/v1/...`: the management API, JSON in and out. A file a resource.
//!
//! Names in requests and answers are stable: they may be added to, never changed. Unknown names in a
//! request are refused, so that a misspelt one is not silently without effect.

mod cluster;
mod error;
mod extract;
mod group;
mod groups;
pub(crate) mod lag;
mod listing;
mod message;
mod messages;
mod partitions;
mod queue;
mod queues;
mod redrive;
mod subscriptions;
mod topic;
mod topic_config;
mod topics;

use axum::Router;
use axum::routing::{delete, get, patch, post};

pub(crate) use error::ApiError;
pub(crate) use extract::Query;

use crate::admin::Context;

/// The routes below `/api/v1`.
pub(crate) fn routes() -> Router<Context> {
    Router::new()
        .route("/cluster", get(cluster::get))
        .route("/topics", get(topics::list).post(topics::create))
        .route("/topics/{name}", get(topic::get).delete(topic::delete))
        .route("/topics/{name}/config", patch(topic_config::change))
        .route("/topics/{name}/partitions", post(partitions::create))
        .route("/groups", get(groups::list))
        .route("/groups/{id}", get(group::get).delete(group::delete))
        .route("/queues", get(queues::list))
        .route("/queues/{name}", get(queue::get))
        .route(
            "/queues/{name}/messages",
            get(messages::peek).delete(messages::purge),
        )
        .route("/queues/{name}/redrive", post(redrive::step))
        .route(
            "/queues/{name}/subscriptions",
            post(subscriptions::subscribe),
        )
        .route(
            "/queues/{name}/subscriptions/{topic}",
            delete(subscriptions::unsubscribe),
        )
        // Of its own: what is mounted at `/api` has another.
        .fallback(async || ApiError::no_such_route())
}
