//! `/api/extensions`, `/api/feature-flags`, `/api/deprecated-features`: what tools ask before they use
//! something.

use axum::Json;
use serde_json::{Value, json};

/// What RabbitMQ calls what is there, and always on.
const FLAGS: [&str; 7] = [
    "classic_queue_type_delivery_support",
    "detailed_queues_endpoint",
    "drop_unroutable_metric",
    "empty_basic_get_metric",
    "implicit_default_bindings",
    "quorum_queue",
    "virtual_host_metadata",
];

/// What RabbitMQ means to take away, and what is so here.
const DEPRECATED: [(&str, &str); 6] = [
    ("amqp_address_v1", "denied"),
    ("classic_queue_mirroring", "denied"),
    ("global_qos", "permitted"),
    ("management_metrics_collection", "permitted"),
    ("queue_master_locator", "permitted"),
    ("transient_nonexcl_queues", "permitted"),
];

/// `GET /extensions`: none brings pages of its own.
pub(super) async fn extensions() -> Json<Value> {
    Json(json!([]))
}

/// `GET /feature-flags`
pub(super) async fn flags() -> Json<Value> {
    let each = FLAGS.iter().map(|name| {
        json!({
            "name": name,
            "desc": "",
            "doc_url": "",
            "state": "enabled",
            "stability": "required",
            "require_level": "hard",
            "experiment_level": "supported",
            "callbacks": [],
            "provided_by": "rabbit",
        })
    });
    Json(each.collect())
}

/// `GET /deprecated-features`
pub(super) async fn deprecated() -> Json<Value> {
    let each = DEPRECATED.iter().map(|(name, state)| {
        json!({
            "name": name,
            "desc": "",
            "doc_url": "",
            "state": state,
            "deprecation_phase": format!("{state}_by_default"),
            "provided_by": "rabbit",
        })
    });
    Json(each.collect())
}

/// `GET /deprecated-features/used`: nothing is counted as one.
pub(super) async fn deprecated_used() -> Json<Value> {
    Json(json!([]))
}
