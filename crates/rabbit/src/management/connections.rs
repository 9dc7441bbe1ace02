//! `/api/connections`: who is connected, and how they are told to go.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;
use serde_json::{Value, json};

use super::authentication::Principal;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::stats::Stats;
use super::{Context, json};
use crate::amqp091::table::Value as Field;
use crate::registry::ConnectionEntry;

/// The header that says why a connection is closed.
const REASON: &str = "x-reason";
/// What is said where it does not.
const NO_REASON: &str = "Closed via management plugin";

/// `GET /connections`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&context, &principal, &parameters, |_| true)
}

/// `GET /vhosts/{vhost}/connections`
pub(super) async fn of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    principal.virtual_host(&vhost)?;
    answer(&context, &principal, &parameters, |connection| {
        connection.facts.virtual_host == vhost
    })
}

/// `GET /connections/username/{user}`
pub(super) async fn of_user(
    State(context): State<Context>,
    principal: Principal,
    Path(user): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&context, &principal, &parameters, |connection| {
        connection.facts.user == user
    })
}

/// `GET /connections/{name}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let connection = context.connection(&principal, &name)?;
    Ok(Json(show(&context, &connection)))
}

/// `DELETE /connections/{name}`
pub(super) async fn close(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, ApiError> {
    context
        .connection(&principal, &name)?
        .request_close(reason(&headers));
    Ok(StatusCode::NO_CONTENT)
}

/// `DELETE /connections/username/{user}`
pub(super) async fn close_of_user(
    State(context): State<Context>,
    principal: Principal,
    Path(user): Path<String>,
    headers: HeaderMap,
) -> StatusCode {
    let reason = reason(&headers);
    for connection in context.connections(&principal, |found| found.facts.user == user) {
        connection.request_close(reason.clone());
    }
    StatusCode::NO_CONTENT
}

fn reason(headers: &HeaderMap) -> String {
    let given = headers.get(REASON).and_then(|reason| reason.to_str().ok());
    given.unwrap_or(NO_REASON).to_owned()
}

fn answer(
    context: &Context,
    principal: &Principal,
    parameters: &Parameters,
    is_meant: impl Fn(&ConnectionEntry) -> bool,
) -> Result<Response, ApiError> {
    let query = ListQuery::parse(parameters)?;
    let meant = context.connections(principal, is_meant);
    let rows = meant.iter().map(|connection| show(context, connection));
    query.answer(rows.collect())
}

/// What tells a connection from others.
pub(super) fn peer(connection: &ConnectionEntry) -> Value {
    let peer = connection.facts.peer;
    json!({
        "name": connection.name,
        "peer_host": peer.ip().to_string(),
        "peer_port": peer.port(),
    })
}

fn show(context: &Context, connection: &Arc<ConnectionEntry>) -> Value {
    let facts = &connection.facts;
    let properties = &facts.client_properties;
    let mut shown = json!({
        "auth_mechanism": facts.mechanism,
        "channel_max": facts.channel_max,
        "channels": connection.channel_count(),
        "client_properties": json::object(properties.view()),
        "connected_at": facts.connected_at_ms,
        "frame_max": facts.frame_max,
        "host": facts.local.ip().to_string(),
        "port": facts.local.port(),
        "peer_host": facts.peer.ip().to_string(),
        "peer_port": facts.peer.port(),
        "peer_cert_issuer": null,
        "peer_cert_subject": null,
        "peer_cert_validity": null,
        "name": connection.name,
        "node": context.node.name,
        "protocol": "AMQP 0-9-1",
        "recv_cnt": connection.received_packets.value(),
        "send_cnt": connection.sent_packets.value(),
        "send_pend": 0,
        "ssl": false,
        "ssl_cipher": null,
        "ssl_hash": null,
        "ssl_key_exchange": null,
        "ssl_protocol": null,
        "state": "running",
        "timeout": facts.heartbeat,
        "type": "network",
        "user": facts.user,
        "user_who_performed_action": facts.user,
        "vhost": facts.virtual_host,
    });
    let given = properties.get("connection_name");
    if let (Some(Field::LongStr(name)), Some(fields)) = (given, shown.as_object_mut()) {
        fields.insert("user_provided_name".to_owned(), json::text(name).into());
    }
    if let Some(fields) = shown.as_object_mut() {
        let traffic = Stats::new(&[
            ("recv_oct", connection.received_bytes.value()),
            ("send_oct", connection.sent_bytes.value()),
        ]);
        traffic.put(fields, context, format!("connection {}", connection.name));
    }
    shown
}
