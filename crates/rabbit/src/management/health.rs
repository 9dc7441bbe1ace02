//! `/api/health/checks/...` and `/api/aliveness-test/...`: what load balancers and probes ask.

use axum::Json;
use axum::extract::{Path, State};
use forebay_broker::host::Part;
use serde_json::{Value, json};

use super::authentication::Principal;
use super::error::ApiError;
use super::{Context, nodes};

type Checked = Result<Json<Value>, ApiError>;

fn passed() -> Checked {
    Ok(Json(json!({"status": "ok"})))
}

/// `GET /aliveness-test/{vhost}`: the broker answers.
pub(super) async fn aliveness(principal: Principal, Path(vhost): Path<String>) -> Checked {
    let host = principal.virtual_host(&vhost)?;
    let limit = 1;
    host.totals(Part { after: None, limit }).await?;
    passed()
}

/// `GET /health/checks/{check}`
pub(super) async fn check(State(context): State<Context>, Path(check): Path<String>) -> Checked {
    match &check[..] {
        "alarms" | "local-alarms" => alarms(&context).await,
        "virtual-hosts" | "is-in-service" | "ready-to-serve-clients" => answers(&context).await,
        "node-is-quorum-critical" => Ok(Json(json!({
            "status": "ok",
            "reason": "single node cluster",
        }))),
        "node-is-mirror-sync-critical" | "below-node-connection-limit" => passed(),
        _ => Err(ApiError::NoObject),
    }
}

/// `GET /health/checks/{check}/{of}`
pub(super) async fn check_of(
    State(context): State<Context>,
    Path((check, of)): Path<(String, String)>,
) -> Checked {
    match (&check[..], &of[..]) {
        ("port-listener", port) => port_listener(&context, port),
        ("protocol-listener", protocols) => protocol_listener(&context, protocols),
        ("metadata-store", "initialized") => answers(&context).await,
        ("quorum-queues-without-elected-leaders", "all-vhosts") => passed(),
        _ => Err(ApiError::NoObject),
    }
}

/// `GET /health/checks/{check}/{of}/{within}`
pub(super) async fn check_within(
    State(context): State<Context>,
    Path((check, of, _within)): Path<(String, String, String)>,
) -> Checked {
    match (&check[..], &of[..]) {
        // There are no certificates that could expire.
        ("certificate-expiration", _) => passed(),
        ("metadata-store", "initialized") => answers(&context).await,
        ("quorum-queues-without-elected-leaders", "vhost") => passed(),
        _ => Err(ApiError::NoObject),
    }
}

/// Whether the disk is too full to publish to.
async fn alarms(context: &Context) -> Checked {
    let (_, _, is_full) = nodes::disk(context).await;
    if is_full {
        return Err(ApiError::Failed(json!({
            "status": "failed",
            "reason": "There are alarms in effect in the cluster",
            "alarms": [{"node": context.node.name, "resource": "disk"}],
        })));
    }
    passed()
}

/// Whether the broker answers for every virtual host.
async fn answers(context: &Context) -> Checked {
    let directory = context.gateway.broker.directory();
    for (vhost, entry) in directory.virtual_hosts() {
        let host = context.gateway.broker.virtual_host(entry.id);
        let limit = 1;
        if host.totals(Part { after: None, limit }).await.is_err() {
            return Err(ApiError::Failed(json!({
                "status": "failed",
                "reason": "Some virtual hosts are down",
                "virtual-hosts": [vhost],
            })));
        }
    }
    passed()
}

fn port_listener(context: &Context, port: &str) -> Checked {
    let port: u16 = port
        .parse()
        .map_err(|_| ApiError::bad_request("Invalid port"))?;
    let listeners = context.node.listeners.iter();
    let ports: Vec<_> = listeners.map(|listener| listener.address.port()).collect();
    if ports.contains(&port) {
        return Ok(Json(json!({"status": "ok", "port": port})));
    }
    Err(ApiError::Failed(json!({
        "status": "failed",
        "reason": "No active listener",
        "missing": port,
        "ports": ports,
    })))
}

/// One protocol, or several with commas between them. RabbitMQ knows some by two names.
fn protocol_listener(context: &Context, asked: &str) -> Checked {
    let listeners = context.node.listeners.iter();
    let protocols: Vec<_> = listeners.map(|listener| listener.protocol).collect();
    let is_served = |name: &str| match name {
        "amqp091" | "amqp0.9.1" | "amqp" => protocols.contains(&"amqp"),
        other => protocols.contains(&other),
    };
    let missing = asked.split(',').filter(|name| !is_served(name));
    let missing: Vec<_> = missing.collect();
    if missing.is_empty() {
        return Ok(Json(json!({"status": "ok", "protocols": protocols})));
    }
    Err(ApiError::Failed(json!({
        "status": "failed",
        "reason": "No active listener",
        "missing": missing,
        "protocols": protocols,
    })))
}
