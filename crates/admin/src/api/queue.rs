//! `/api/v1/queues/{name}`: one queue.

use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use forebay_broker::host::{DeadLetterTarget, HostError, QueueDescription, VirtualHost};
use forebay_broker::queue::{DeathReason, Totals};
use serde::{Deserialize, Serialize};

use super::ApiError;
use super::extract::{Name, Query};
use super::subscriptions::SubscriptionDetail;
use crate::admin::{Context, Shared};

/// In which virtual host something is asked for.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct InVirtualHost {
    pub(super) virtual_host: Option<String>,
}

/// The virtual host of this name, or the one that is always there.
pub(super) fn virtual_host(shared: &Shared, name: Option<&str>) -> Result<VirtualHost, ApiError> {
    let name = name.unwrap_or("/");
    let directory = shared.broker.directory();
    let entry = directory.virtual_host(name);
    let entry = entry.ok_or_else(|| ApiError::virtual_host(name))?;
    Ok(shared.broker.virtual_host(entry.id))
}

/// A queue.
#[derive(Serialize)]
pub(super) struct QueueDetail {
    name: String,
    durable: bool,
    /// Only one connection uses it.
    exclusive: bool,
    ready: u64,
    ready_bytes: u64,
    /// Delivered, and not settled.
    locked: u64,
    locked_bytes: u64,
    /// Waiting for a time of their own.
    delayed: u64,
    delayed_bytes: u64,
    consumers: u64,
    /// Where its dead go; null if they are dropped.
    dead_letter: Option<DeadLetter>,
    /// After how many failures a message is dead.
    delivery_limit: Option<u32>,
    ttl_ms: Option<u64>,
    max_messages: Option<u64>,
    max_bytes: Option<u64>,
    max_priority: u8,
    /// The topics that it is given the records of.
    subscriptions: Vec<SubscriptionDetail>,
    totals: Seen,
    /// The queues whose dead come here; only if that was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    dead_letters_of: Option<Vec<String>>,
}

/// Where the dead go.
#[derive(Serialize)]
struct DeadLetter {
    exchange: String,
    /// Null keeps the message's own.
    routing_key: Option<String>,
}

/// What a queue has seen since it was made.
#[derive(Serialize)]
struct Seen {
    enqueued: u64,
    delivered: u64,
    redelivered: u64,
    acked: u64,
    purged: u64,
    moved: u64,
    dead_lettered: BTreeMap<&'static str, u64>,
    dropped: BTreeMap<&'static str, u64>,
}

/// Names are bytes to the broker, and text to people.
pub(super) fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

impl From<&DeadLetterTarget> for DeadLetter {
    fn from(target: &DeadLetterTarget) -> Self {
        Self {
            exchange: text(&target.exchange),
            routing_key: target.routing_key.as_deref().map(text),
        }
    }
}

impl From<&Totals> for Seen {
    fn from(totals: &Totals) -> Self {
        let by_reason = |counts: &[u64]| {
            let reasons = DeathReason::ALL.iter().zip(counts);
            let reasons = reasons.filter(|(_, count)| **count > 0);
            reasons
                .map(|(reason, count)| (reason.as_str(), *count))
                .collect()
        };
        Self {
            enqueued: totals.enqueued,
            delivered: totals.delivered,
            redelivered: totals.redelivered,
            acked: totals.acked,
            purged: totals.purged,
            moved: totals.moved,
            dead_lettered: by_reason(&totals.dead),
            dropped: by_reason(&totals.dropped),
        }
    }
}

impl From<&QueueDescription> for QueueDetail {
    fn from(queue: &QueueDescription) -> Self {
        let (definition, counters) = (&queue.definition, &queue.counters);
        let settings = &definition.settings;
        Self {
            name: text(&definition.name),
            durable: definition.durable,
            exclusive: definition.exclusive.is_some(),
            ready: counters.ready,
            ready_bytes: counters.ready_bytes,
            locked: counters.locked,
            locked_bytes: counters.locked_bytes(),
            delayed: counters.delayed,
            delayed_bytes: counters.delayed_bytes,
            consumers: counters.consumers,
            dead_letter: queue.dead_letter.as_ref().map(DeadLetter::from),
            delivery_limit: settings.delivery_limit,
            ttl_ms: settings.ttl_ms,
            max_messages: settings.bounds.messages,
            max_bytes: settings.bounds.bytes,
            max_priority: settings.max_priority,
            subscriptions: queue.topics.iter().map(SubscriptionDetail::from).collect(),
            totals: Seen::from(&counters.totals),
            dead_letters_of: None,
        }
    }
}

impl QueueDetail {
    /// With the queues whose dead come here.
    pub(super) fn dead_letters_of(mut self, sources: Vec<String>) -> Self {
        self.dead_letters_of = Some(sources);
        self
    }
}

/// Shows a queue.
pub(super) async fn get(
    State(context): State<Context>,
    Name(name): Name,
    Query(asked): Query<InVirtualHost>,
) -> Result<Json<QueueDetail>, ApiError> {
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let found = host.queue(name.clone().into()).await;
    let found = found.map_err(|error| ApiError::queue(&error))?;
    let found = found.ok_or_else(|| ApiError::queue(&HostError::NoQueue(name.into())))?;
    Ok(Json(QueueDetail::from(&found)))
}
