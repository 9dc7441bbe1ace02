//! `/api/nodes`: the one node that there is.

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, overview};

/// What RabbitMQ, and what Erlang needs memory for, as far as tools ask for it.
const PARTS_OF_MEMORY: &[&str] = &[
    "allocated_unused",
    "atom",
    "binary",
    "code",
    "connection_channels",
    "connection_other",
    "connection_readers",
    "connection_writers",
    "metadata_store",
    "metadata_store_ets",
    "metrics",
    "mgmt_db",
    "mnesia",
    "msg_index",
    "other_ets",
    "other_proc",
    "plugins",
    "queue_procs",
    "quorum_ets",
    "quorum_queue_dlx_procs",
    "quorum_queue_procs",
    "reserved_unallocated",
    "stream_queue_coordinator_procs",
    "stream_queue_procs",
    "stream_queue_replica_reader_procs",
];

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
    let mut memory = json!({
        "strategy": "rss",
        "total": {"rss": resident, "allocated": resident, "erlang": 0},
        // It is not known by purpose, and the parts are to make up the whole.
        "other_system": resident,
    });
    for part in PARTS_OF_MEMORY {
        memory[part] = json!(0);
    }
    Ok(Json(json!({"memory": memory})))
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
