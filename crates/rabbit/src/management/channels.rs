//! `/api/channels`, and the channels of a connection or a virtual host.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::response::Response;
use serde_json::{Value, json};

use super::authentication::Principal;
use super::connections::peer;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::stats::Stats;
use super::{Context, consumers};
use crate::registry::{ChannelEntry, ChannelMode, ConnectionEntry};

/// `GET /channels`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&context, &principal, &parameters, |_| true)
}

/// `GET /vhosts/{vhost}/channels`
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

/// `GET /connections/{name}/channels`
pub(super) async fn of_connection(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    context.connection(&principal, &name)?;
    answer(&context, &principal, &parameters, |connection| {
        connection.name == name
    })
}

/// `GET /channels/{name}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    let (connection, number) = split(&name).ok_or(ApiError::NoObject)?;
    let connection = context.connection(&principal, connection)?;
    let mut channels = connection.channels().into_iter();
    let channel = channels.find(|(found, _)| *found == number);
    let (number, channel) = channel.ok_or(ApiError::NoObject)?;
    let mut shown = show(&context, &connection, number, &channel);
    let consumers = consumers::of_channel(&context, &connection, number, &channel).await;
    shown["consumer_details"] = consumers.into();
    Ok(Json(shown))
}

/// The name of a connection and the number of a channel.
fn split(name: &str) -> Option<(&str, u16)> {
    let (connection, number) = name.strip_suffix(')')?.rsplit_once(" (")?;
    Some((connection, number.parse().ok()?))
}

/// What a channel is called.
pub(super) fn name(connection: &ConnectionEntry, number: u16) -> String {
    format!("{} ({number})", connection.name)
}

fn answer(
    context: &Context,
    principal: &Principal,
    parameters: &Parameters,
    is_meant: impl Fn(&ConnectionEntry) -> bool,
) -> Result<Response, ApiError> {
    let query = ListQuery::parse(parameters)?;
    let mut rows = Vec::new();
    for connection in context.connections(principal, is_meant) {
        for (number, channel) in connection.channels() {
            rows.push(show(context, &connection, number, &channel));
        }
    }
    query.answer(rows)
}

fn show(
    context: &Context,
    connection: &Arc<ConnectionEntry>,
    number: u16,
    channel: &ChannelEntry,
) -> Value {
    let facts = &connection.facts;
    let name = name(connection, number);
    let counts = channel.counts.read();
    let mode = channel.mode();
    let unconfirmed = match mode {
        ChannelMode::Confirm => counts.published.saturating_sub(counts.confirmed),
        ChannelMode::Plain | ChannelMode::Transaction => 0,
    };
    json!({
        "connection_details": peer(connection),
        "confirm": mode == ChannelMode::Confirm,
        "transactional": mode == ChannelMode::Transaction,
        "consumer_count": channel.consumer_count(),
        "messages_unacknowledged": channel.unacked.value(),
        "messages_unconfirmed": unconfirmed,
        "messages_uncommitted": 0,
        "acks_uncommitted": 0,
        "prefetch_count": channel.prefetch.value(),
        "global_prefetch_count": channel.global_prefetch.value(),
        "message_stats": Stats::of_channels(&counts).object(context, format!("channel {name}")),
        "number": number,
        "name": name,
        "node": context.node.name,
        "state": "running",
        "user": facts.user,
        "user_who_performed_action": facts.user,
        "vhost": facts.virtual_host,
    })
}
