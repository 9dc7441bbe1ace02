//! `/api/v1/queues`: listing queues.

use std::collections::{BTreeMap, BTreeSet};

use axum::Json;
use axum::extract::State;
use bytes::Bytes;
use forebay_broker::host::{
    BindingPlace, BindingsPart, HostError, Part, QueueDescription, VirtualHost,
};
use serde::{Deserialize, Serialize};

use super::extract::Query;
use super::queue::{QueueDetail, text, virtual_host};
use super::{ApiError, listing};
use crate::admin::Context;

/// Which queues are asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Asked {
    virtual_host: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
    /// Only queues that the dead of others come to.
    #[serde(default)]
    dead_letters: bool,
}

/// A piece of the listing.
#[derive(Serialize)]
pub(super) struct Queues {
    queues: Vec<QueueDetail>,
    /// What to give as `after` for the next piece; null at the end.
    next: Option<String>,
}

/// How many queues or bindings the broker is asked for at a time: it does nothing else meanwhile.
const PART: usize = 500;

/// Lists queues, sorted by name.
pub(super) async fn list(
    State(context): State<Context>,
    Query(asked): Query<Asked>,
) -> Result<Json<Queues>, ApiError> {
    let limit = listing::entries(asked.limit)?;
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let after = asked.after.map(Bytes::from);
    let failed = |error| ApiError::queue(&error);
    let sources = match asked.dead_letters {
        true => Some(dead_letter_queues(&host).await.map_err(failed)?),
        false => None,
    };
    let mut queues = Vec::new();
    let mut found = Found::after(after);
    // One more says whether there are more.
    while queues.len() <= limit
        && let Some(queue) = found.next(&host).await.map_err(failed)?
    {
        let detail = QueueDetail::from(&queue);
        match &sources {
            None => queues.push((queue.definition.name, detail)),
            Some(sources) => {
                if let Some(sources) = sources.get(&queue.definition.name) {
                    let sources = sources.iter().map(|name| text(name)).collect();
                    queues.push((queue.definition.name, detail.dead_letters_of(sources)));
                }
            }
        }
    }
    let more = queues.len() > limit;
    queues.truncate(limit);
    let next = queues.last().filter(|_| more);
    let next = next.map(|(name, _)| text(name));
    let queues = queues.into_iter().map(|(_, detail)| detail).collect();
    Ok(Json(Queues { queues, next }))
}

/// Queues in order, asked for by and by.
struct Found {
    here: std::vec::IntoIter<QueueDescription>,
    last: Option<Bytes>,
    at_end: bool,
}

impl Found {
    fn after(name: Option<Bytes>) -> Self {
        Self {
            here: Vec::new().into_iter(),
            last: name,
            at_end: false,
        }
    }

    async fn next(&mut self, host: &VirtualHost) -> Result<Option<QueueDescription>, HostError> {
        loop {
            if let Some(queue) = self.here.next() {
                self.last = Some(queue.definition.name.clone());
                return Ok(Some(queue));
            }
            if self.at_end {
                return Ok(None);
            }
            let part = Part {
                after: self.last.clone(),
                limit: PART,
            };
            let part = host.queues(part).await?;
            self.at_end = part.len() < PART;
            self.here = part.into_iter();
        }
    }
}

/// The queues that the dead of others come to, each with those others: by the default exchange, or bound to
/// the exchange that they are published to.
async fn dead_letter_queues(
    host: &VirtualHost,
) -> Result<BTreeMap<Bytes, BTreeSet<Bytes>>, HostError> {
    let mut to: BTreeMap<Bytes, BTreeSet<Bytes>> = BTreeMap::new();
    let mut by_exchange: BTreeMap<Bytes, BTreeSet<Bytes>> = BTreeMap::new();
    let mut found = Found::after(None);
    while let Some(queue) = found.next(host).await? {
        let name = queue.definition.name;
        match queue.dead_letter {
            Some(target) if target.exchange.is_empty() => {
                // Without a key of its own it may be any queue: messages are published with all keys.
                if let Some(key) = target.routing_key {
                    to.entry(key).or_default().insert(name);
                }
            }
            Some(target) => {
                by_exchange.entry(target.exchange).or_default().insert(name);
            }
            None => {}
        }
    }
    for (exchange, sources) in by_exchange {
        let mut from = Some(BindingPlace::default());
        while let Some(place) = from {
            let part = BindingsPart {
                from: place,
                source: Some(exchange.clone()),
                destination: None,
                limit: PART,
            };
            let bindings = host.bindings(part).await?;
            for binding in bindings.bindings {
                if !binding.to_exchange {
                    let known = to.entry(binding.destination).or_default();
                    known.extend(sources.iter().cloned());
                }
            }
            from = bindings.next;
        }
    }
    Ok(to)
}
