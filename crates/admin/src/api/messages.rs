//! `/api/v1/queues/{name}/messages`: looking at messages, and dropping them.

use axum::Json;
use axum::extract::State;
use forebay_broker::host::{ConnectionId, Peek, PeekedMessages, VirtualHost};
use serde::{Deserialize, Serialize};

use super::extract::{Name, Query};
use super::message::MessageDetail;
use super::queue::{InVirtualHost, virtual_host};
use super::{ApiError, listing};
use crate::admin::Context;
use crate::limits::{BODY_SHOWN_DEFAULT, MESSAGE_BYTES_MAX, MESSAGES_DEFAULT, MESSAGES_MAX};

/// Which messages are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    virtual_host: Option<String>,
    /// The first offset.
    #[serde(default)]
    from: u64,
    limit: Option<usize>,
    /// How much of each body.
    body_bytes: Option<usize>,
}

/// Messages.
#[derive(Serialize)]
pub(super) struct Messages {
    messages: Vec<MessageDetail>,
    /// What to give as `from` for the next; null at the end.
    next: Option<u64>,
    /// The offset that the next message to come in has at least.
    end: u64,
}

/// Messages that were read, and where there are more.
pub(super) struct Looked {
    pub(super) found: PeekedMessages,
    pub(super) next: Option<u64>,
    pub(super) end: u64,
}

/// Reads messages beside the threads that serve connections.
pub(super) async fn look(host: &VirtualHost, name: &str, peek: Peek) -> Result<Looked, ApiError> {
    let limit = peek.limit;
    let peeked = host.peek(peek).await;
    let peeked = peeked.map_err(|error| ApiError::queue(&error))?;
    let last = peeked.standings.last().map(|standing| standing.offset);
    let may_be_more = peeked.standings.len() == limit;
    let end = peeked.end;
    let read = tokio::task::spawn_blocking(move || peeked.read(MESSAGE_BYTES_MAX));
    let read = read.await.map_err(|_| ApiError::internal())?;
    let found = read.map_err(|error| ApiError::unreadable(name, &error))?;
    let after = last.map(|last| last + 1).filter(|_| may_be_more);
    Ok(Looked {
        next: found.next.or(after),
        found,
        end,
    })
}

/// Shows messages. Nothing happens to them.
pub(super) async fn peek(
    State(context): State<Context>,
    Name(name): Name,
    Query(asked): Query<Asked>,
) -> Result<Json<Messages>, ApiError> {
    let limit = asked.limit.unwrap_or(MESSAGES_DEFAULT);
    let limit = listing::within(limit, MESSAGES_MAX, "invalid_query")?;
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let peek = Peek {
        queue: name.clone().into(),
        from: asked.from,
        below: u64::MAX,
        limit,
    };
    let looked = look(&host, &name, peek).await?;
    let body_max = asked.body_bytes.unwrap_or(BODY_SHOWN_DEFAULT);
    let shown = looked.found.messages.iter();
    let shown = shown.map(|(standing, message)| MessageDetail::new(standing, message, body_max));
    Ok(Json(Messages {
        messages: shown.collect(),
        next: looked.next,
        end: looked.end,
    }))
}

/// How many messages were dropped.
#[derive(Serialize)]
pub(super) struct Purged {
    purged: u64,
}

/// Drops every message that is ready.
pub(super) async fn purge(
    State(context): State<Context>,
    Name(name): Name,
    Query(asked): Query<InVirtualHost>,
) -> Result<Json<Purged>, ApiError> {
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let purged = host.purge_queue(name.into(), ConnectionId::NOBODY).await;
    let purged = purged.map_err(|error| ApiError::queue(&error))?;
    Ok(Json(Purged { purged }))
}
