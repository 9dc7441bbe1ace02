//! `/api/consumers`: who is given messages.

use std::collections::HashMap;
use std::sync::Arc;

use axum::extract::{Path, State};
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::queue::HolderId;
use serde_json::{Value, json};

use super::authentication::Principal;
use super::channels;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, json};
use crate::registry::{ChannelEntry, ConnectionEntry, ConsumerEntry};

/// What a consumer is one of.
struct Place<'a> {
    connection: &'a ConnectionEntry,
    channel: u16,
    holder: HolderId,
}

/// The single active consumers of queues that were looked at.
#[derive(Default)]
struct Active(HashMap<(String, Bytes), Option<HolderId>>);

impl Active {
    /// Whether a consumer is given messages: all are, or the one that the queue has chosen.
    async fn includes(
        &mut self,
        context: &Context,
        vhost: &str,
        queue: &Bytes,
        holder: HolderId,
    ) -> bool {
        let key = (vhost.to_owned(), queue.clone());
        let active = match self.0.get(&key) {
            Some(known) => *known,
            None => {
                let found = match context.any_virtual_host(vhost) {
                    Some(host) => host.queue(queue.clone()).await.ok().flatten(),
                    None => None,
                };
                let active = found.and_then(|queue| queue.active);
                self.0.insert(key, active);
                active
            }
        };
        active.is_none_or(|active| active == holder)
    }
}

/// `GET /consumers`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let is_there = |found: &ConnectionEntry| principal.uses(&found.facts.virtual_host);
    let rows = find(&context, is_there, |_| true).await;
    ListQuery::unpaged(&parameters).answer(rows)
}

/// `GET /consumers/{vhost}`
pub(super) async fn of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    principal.virtual_host(&vhost)?;
    let rows = find(
        &context,
        |found| found.facts.virtual_host == vhost,
        |_| true,
    )
    .await;
    ListQuery::unpaged(&parameters).answer(rows)
}

/// Those of a queue.
pub(super) async fn of_queue(context: &Context, vhost: &str, queue: &Bytes) -> Vec<Value> {
    let is_there = |connection: &ConnectionEntry| connection.facts.virtual_host == vhost;
    find(context, is_there, |consumer| consumer.queue == *queue).await
}

/// How many there are of each queue of a virtual host that is consumed.
pub(super) fn counts(context: &Context, vhost: &str) -> HashMap<Bytes, usize> {
    let mut counts = HashMap::new();
    for connection in context.gateway.registry.connections() {
        if connection.facts.virtual_host != vhost {
            continue;
        }
        for (_, channel) in connection.channels() {
            for (_, consumer) in channel.consumers() {
                *counts.entry(consumer.queue.clone()).or_default() += 1;
            }
        }
    }
    counts
}

/// Those of a channel.
pub(super) async fn of_channel(
    context: &Context,
    connection: &Arc<ConnectionEntry>,
    number: u16,
    channel: &ChannelEntry,
) -> Vec<Value> {
    let mut active = Active::default();
    let mut rows = Vec::new();
    for (holder, consumer) in channel.consumers() {
        let place = Place {
            connection,
            channel: number,
            holder,
        };
        rows.push(show(context, &place, &consumer, &mut active).await);
    }
    rows
}

async fn find(
    context: &Context,
    is_there: impl Fn(&ConnectionEntry) -> bool,
    is_meant: impl Fn(&ConsumerEntry) -> bool,
) -> Vec<Value> {
    let mut active = Active::default();
    let mut rows = Vec::new();
    for connection in context.gateway.registry.connections() {
        if !is_there(&connection) {
            continue;
        }
        for (number, channel) in connection.channels() {
            for (holder, consumer) in channel.consumers() {
                if !is_meant(&consumer) {
                    continue;
                }
                let place = Place {
                    connection: &connection,
                    channel: number,
                    holder,
                };
                rows.push(show(context, &place, &consumer, &mut active).await);
            }
        }
    }
    rows
}

async fn show(
    context: &Context,
    place: &Place<'_>,
    consumer: &ConsumerEntry,
    active: &mut Active,
) -> Value {
    let facts = &place.connection.facts;
    let vhost = &facts.virtual_host;
    let queue = &consumer.queue;
    let is_active = active.includes(context, vhost, queue, place.holder).await;
    json!({
        "arguments": json::object(consumer.arguments.view()),
        "ack_required": !consumer.no_ack,
        "active": is_active,
        "activity_status": if is_active { "up" } else { "waiting" },
        "channel_details": {
            "connection_name": place.connection.name,
            "name": channels::name(place.connection, place.channel),
            "node": context.node.name,
            "number": place.channel,
            "peer_host": facts.peer.ip().to_string(),
            "peer_port": facts.peer.port(),
            "user": facts.user,
        },
        "consumer_tag": json::text(&consumer.tag),
        "exclusive": consumer.exclusive,
        "prefetch_count": consumer.prefetch,
        "queue": {"name": json::text(queue), "vhost": vhost},
    })
}
