//! `/api/nodes`: the one node that there is.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, overview};

/// `GET /nodes`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    principal.require(Tag::Monitoring)?;
    let query = ListQuery::unpaged(&parameters);
    query.answer(vec![show(&context).await])
}

/// `GET /nodes/{name}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Monitoring)?;
    known(&context, &name)?;
    let shown = show(&context).await;
    Ok(Json(ListQuery::unpaged(&parameters).project(shown)))
}

/// `GET /nodes/{name}/memory`
pub(super) async fn memory(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Monitoring)?;
    known(&context, &name)?;
    let resident = (context.node.usage)().resident_bytes;
    Ok(Json(json!({"memory": {
        "strategy": "rss",
        "total": {"rss": resident, "allocated": resident, "erlang": 0},
    }})))
}

fn known(context: &Context, name: &str) -> Result<(), ApiError> {
    match name == context.node.name {
        true => Ok(()),
        false => Err(ApiError::NoObject),
    }
}

/// What is free of the disk, and whether that is too little.
pub(super) async fn disk(context: &Context) -> (u64, u64, bool) {
    let broker = context.gateway.broker.clone();
    // It asks the operating system.
    let space = tokio::task::spawn_blocking(move || broker.space().ok()).await;
    let Some(space) = space.ok().flatten() else {
        return (0, context.node.disk_reserve_bytes, true);
    };
    let reserve = space.reserve(context.node.disk_reserve_bytes);
    (space.free_bytes, reserve, space.free_bytes <= reserve)
}

async fn show(context: &Context) -> Value {
    let node = &context.node;
    let usage = (node.usage)();
    let (disk_free, disk_free_limit, disk_alarm) = disk(context).await;
    let uptime = context.now().saturating_sub(context.started);
    let processors = std::thread::available_parallelism().map_or(1, usize::from);
    let mechanism = |name: &str, description: &str| json!({"name": name, "description": description, "enabled": true});
    json!({
        "name": node.name,
        "running": true,
        "type": "disc",
        "being_drained": false,
        "partitions": [],
        "os_pid": std::process::id().to_string(),
        "uptime": u64::try_from(uptime.as_millis()).unwrap_or(u64::MAX),
        "processors": processors,
        "run_queue": 0,
        "rates_mode": "basic",
        "mem_used": usage.resident_bytes,
        "mem_limit": node.memory_limit_bytes.unwrap_or_default(),
        "mem_alarm": false,
        "mem_calculation_strategy": "rss",
        "disk_free": disk_free,
        "disk_free_limit": disk_free_limit,
        "disk_free_alarm": disk_alarm,
        "fd_used": usage.open_files,
        "fd_total": usage.open_files_max,
        "sockets_used": context.gateway.registry.connection_count(),
        "sockets_total": usage.open_files_max,
        "proc_used": usage.threads,
        "proc_total": 0,
        "exchange_types": overview::exchange_types(),
        "auth_mechanisms": [
            mechanism("PLAIN", "SASL PLAIN authentication mechanism"),
            mechanism("AMQPLAIN", "QPid AMQPLAIN mechanism"),
        ],
        "applications": [],
        "contexts": overview::contexts(context),
        "log_files": ["<stderr>"],
        "db_dir": node.data_folder,
        "config_files": [],
        "net_ticktime": 60,
        "enabled_plugins": ["rabbitmq_management", "rabbitmq_consistent_hash_exchange"],
        "rabbitmq_version": context.gateway.options.version,
        "erlang_version": overview::ERLANG_VERSION,
        "cluster_links": [],
        "metrics_gc_queue_length": {},
    })
}
