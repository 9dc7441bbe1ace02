//! `/api/overview` and its like: the broker in a few numbers.

use axum::Json;
use axum::extract::{Path, State};
use forebay_broker::host::{HostTotals, Part};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::error::ApiError;
use super::stats::Stats;
use super::walk::{self, MessageTotals};
use super::{Context, streams};

/// Clients that look for Erlang's version only print it.
pub(super) const ERLANG_VERSION: &str = "27.0";

/// Kinds of exchanges, with what RabbitMQ says of them.
const EXCHANGE_TYPES: [(&str, &str); 5] = [
    (
        "direct",
        "AMQP direct exchange, as per the AMQP specification",
    ),
    (
        "fanout",
        "AMQP fanout exchange, as per the AMQP specification",
    ),
    (
        "headers",
        "AMQP headers exchange, as per the AMQP specification",
    ),
    (
        "topic",
        "AMQP topic exchange, as per the AMQP specification",
    ),
    ("x-consistent-hash", "Consistent Hashing Exchange"),
];

/// `GET /whoami`
pub(super) async fn whoami(principal: Principal) -> Json<Value> {
    Json(json!({
        "name": principal.name,
        "tags": principal.tags(),
        "is_internal_user": true,
    }))
}

/// `GET /version`
pub(super) async fn version(State(context): State<Context>) -> Json<Value> {
    Json(json!(context.gateway.options.version))
}

/// `GET /cluster-name`
pub(super) async fn cluster_name(State(context): State<Context>) -> Json<Value> {
    Json(json!({"name": cluster(&context)}))
}

/// What the cluster is called, as clients of AMQP are told, too.
pub(super) fn cluster(context: &Context) -> String {
    context.gateway.cluster_name()
}

/// `GET /auth`: how a browser logs in.
pub(super) async fn auth() -> Json<Value> {
    Json(json!({"oauth_enabled": false}))
}

/// `GET /auth/attempts/{node}`
pub(super) async fn auth_attempts(
    State(context): State<Context>,
    principal: Principal,
    Path(node): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Monitoring)?;
    if node != context.node.name {
        return Err(ApiError::NoObject);
    }
    let succeeded = context.logins.succeeded.value();
    let failed = context.logins.failed.value();
    Ok(Json(json!([{
        "protocol": "http",
        "auth_attempts": succeeded + failed,
        "auth_attempts_succeeded": succeeded,
        "auth_attempts_failed": failed,
    }])))
}

/// `GET /overview`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
) -> Result<Json<Value>, ApiError> {
    let options = &context.gateway.options;
    let registry = &context.gateway.registry;
    let (mut totals, mut messages) = (HostTotals::default(), MessageTotals::default());
    for (_, host) in principal.virtual_hosts() {
        let of = host.totals(Part::default()).await?;
        totals.queues += of.queues;
        // And the default exchange.
        totals.exchanges += of.exchanges + 1;
        messages = messages.plus(walk::message_totals(&host).await?);
        let streams = host.streams();
        totals.queues += streams.len();
        messages = messages.plus(streams::totals(&streams));
    }
    let metrics = &context.gateway.metrics;
    Ok(Json(json!({
        "management_version": options.version,
        "rates_mode": "basic",
        "sample_retention_policies": {"global": [], "basic": [], "detailed": []},
        "exchange_types": exchange_types(),
        "product_name": options.product,
        "product_version": options.version,
        "rabbitmq_version": options.version,
        "forebay_version": options.forebay_version,
        "cluster_name": cluster(&context),
        "cluster_tags": {},
        "node_tags": {},
        "erlang_version": ERLANG_VERSION,
        "erlang_full_version": format!("Forebay {}", options.forebay_version),
        "crypto_lib_version": "",
        "disable_stats": false,
        "default_queue_type": "classic",
        "enable_queue_totals": false,
        "is_op_policy_updating_enabled": true,
        "require_definition_json_extension": false,
        "message_stats": Stats::of_channels(&registry.counts())
            .object(&context, "overview".to_owned()),
        "churn_rates": churn(&context),
        "queue_totals": messages.object(&context, "queue totals".to_owned()),
        "object_totals": {
            "channels": metrics.channels.value(),
            "connections": registry.connection_count(),
            "consumers": metrics.consumers.value(),
            "exchanges": totals.exchanges,
            "queues": totals.queues,
        },
        "statistics_db_event_queue": 0,
        "node": context.node.name,
        "listeners": listeners(&context),
        "contexts": contexts(&context),
    })))
}

/// What comes and goes.
fn churn(context: &Context) -> Value {
    let churn = &context.gateway.registry.churn;
    let stats = Stats::new(&[
        ("connection_created", churn.connections_created.value()),
        ("connection_closed", churn.connections_closed.value()),
        ("channel_created", churn.channels_created.value()),
        ("channel_closed", churn.channels_closed.value()),
    ]);
    stats.object(context, "churn".to_owned())
}

/// Kinds of exchanges that there are.
pub(super) fn exchange_types() -> Value {
    let each = EXCHANGE_TYPES.iter();
    each.map(
        |(name, description)| json!({"name": name, "description": description, "enabled": true}),
    )
    .collect()
}

fn listeners(context: &Context) -> Value {
    let each = context.node.listeners.iter();
    each.map(|listener| {
        json!({
            "node": context.node.name,
            "protocol": listener.protocol,
            "ip_address": listener.address.ip().to_string(),
            "port": listener.address.port(),
            "socket_opts": {},
            "tls": false,
        })
    })
    .collect()
}

/// Where this API is served.
pub(super) fn contexts(context: &Context) -> Value {
    let each = context.node.listeners.iter();
    let http = each.filter(|listener| listener.protocol == "http");
    http.map(|listener| {
        json!({
            "ssl_opts": [],
            "node": context.node.name,
            "description": "RabbitMQ Management",
            "path": "/",
            "cowboy_opts": "[]",
            "ip": listener.address.ip().to_string(),
            "port": listener.address.port().to_string(),
        })
    })
    .collect()
}
