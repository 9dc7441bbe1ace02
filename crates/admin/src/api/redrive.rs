//! `/api/v1/queues/{name}/redrive`: sending messages on their way again, a step at a time.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use forebay_broker::host::{Peek, Redrive, RedriveTarget, Redriven, StoredMessage};
use forebay_broker::limits::REDRIVEN_MESSAGES_MAX;
use forebay_broker::queue::{DeathReason, Place};
use serde::{Deserialize, Serialize};

use super::extract::{Body, Name, Query};
use super::messages::look;
use super::queue::{InVirtualHost, text, virtual_host};
use super::{ApiError, listing};
use crate::admin::Context;
use crate::limits::MESSAGES_MAX;

/// The code of a refused step.
const INVALID: &str = "invalid_body";

/// A step.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Step {
    /// The first offset that is looked at.
    #[serde(default)]
    from: u64,
    /// The offset after the last; none is the end of the queue now.
    until: Option<u64>,
    /// How many are moved, at most.
    limit: Option<usize>,
    #[serde(default)]
    filter: Filter,
    /// Where to; none is where each died first.
    to: Option<Target>,
    /// Only looks.
    #[serde(default)]
    dry_run: bool,
}

/// Which messages are meant: those that are everything that it says.
#[derive(Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
struct Filter {
    /// Why it died last.
    reason: Option<String>,
    /// Where it died last.
    source_queue: Option<String>,
    /// When it died last: before this, in milliseconds since the Unix epoch.
    died_before_ms: Option<i64>,
    /// What is in its body.
    contains: Option<String>,
}

/// Where messages go.
#[derive(Debug, Deserialize)]
#[serde(untagged, deny_unknown_fields)]
enum Target {
    Queue {
        queue: String,
    },
    Exchange {
        exchange: String,
        routing_key: Option<String>,
    },
}

/// What a step did.
#[derive(Default, Serialize)]
pub(super) struct Done {
    /// Messages that were looked at.
    looked: u64,
    /// Those of them that are meant and ready.
    matched: u64,
    moved: u64,
    /// Meant, and somebody has them or they wait for a time of their own.
    not_ready: u64,
    /// There is no queue to take them.
    unroutable: u64,
    /// The queue that they are to go to is full.
    refused: u64,
    too_large: u64,
    /// What to give as `from` for the next step; null when there is none.
    next: Option<u64>,
    /// What to give as `until`: what comes in later is not meant.
    until: u64,
    /// The journal had no room: the next step is to wait a moment.
    busy: bool,
}

impl Filter {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    fn reason(&self) -> Result<Option<DeathReason>, ApiError> {
        let Some(name) = self.reason.as_deref() else {
            return Ok(None);
        };
        let mut all = DeathReason::ALL.into_iter();
        let found = all.find(|reason| reason.as_str() == name);
        found.map(Some).ok_or_else(|| {
            let known = DeathReason::ALL.map(DeathReason::as_str).join(", ");
            invalid(format!("reason is `{name}`; it must be one of {known}"))
        })
    }

    fn takes(&self, reason: Option<DeathReason>, message: &StoredMessage) -> bool {
        let death = message.deaths.last();
        let by_death = reason.is_some() || self.source_queue.is_some();
        let by_death = by_death || self.died_before_ms.is_some();
        let dies = match death {
            None => !by_death,
            Some(death) => {
                reason.is_none_or(|reason| death.reason == reason)
                    && self
                        .source_queue
                        .as_ref()
                        .is_none_or(|queue| text(&death.queue) == *queue)
                    && self
                        .died_before_ms
                        .is_none_or(|before_ms| death.last_ms < before_ms)
            }
        };
        let has = |wanted: &String| {
            let wanted = wanted.as_bytes();
            wanted.is_empty()
                || message
                    .body
                    .windows(wanted.len())
                    .any(|part| part == wanted)
        };
        dies && self.contains.as_ref().is_none_or(has)
    }
}

impl Target {
    fn meant(self) -> RedriveTarget {
        match self {
            Self::Queue { queue } => RedriveTarget::Queue(queue.into()),
            Self::Exchange {
                exchange,
                routing_key,
            } => RedriveTarget::Exchange {
                exchange: exchange.into(),
                routing_key: routing_key.map(Into::into),
            },
        }
    }
}

/// The refusal of a step that makes no sense.
fn invalid(message: String) -> ApiError {
    ApiError::new(StatusCode::BAD_REQUEST, INVALID, message)
}

/// Moves what is meant of the next messages.
pub(super) async fn step(
    State(context): State<Context>,
    Name(name): Name,
    Query(asked): Query<InVirtualHost>,
    Body(step): Body<Step>,
) -> Result<Json<Done>, ApiError> {
    let limit = step.limit.unwrap_or(REDRIVEN_MESSAGES_MAX);
    let limit = listing::within(limit, REDRIVEN_MESSAGES_MAX, INVALID)?;
    let reason = step.filter.reason()?;
    if matches!(&step.to, Some(Target::Queue { queue }) if *queue == name) {
        return Err(invalid(format!("`{name}` is where the messages are")));
    }
    let host = virtual_host(&context, asked.virtual_host.as_deref())?;
    let peek = Peek {
        queue: name.clone().into(),
        from: step.from,
        below: step.until.unwrap_or(u64::MAX),
        limit: match step.filter.is_empty() {
            true => limit,
            // Few may be meant of many.
            false => (8 * limit).clamp(64, MESSAGES_MAX),
        },
    };
    let looked = look(&host, &name, peek).await?;
    let mut done = Done {
        next: looked.next,
        until: step.until.unwrap_or(looked.end),
        ..Done::default()
    };
    let mut messages = Vec::new();
    for (standing, message) in looked.found.messages {
        if messages.len() == limit {
            done.next = Some(standing.offset);
            break;
        }
        done.looked += 1;
        if !step.filter.takes(reason, &message) {
            continue;
        }
        if standing.place == Place::Ready {
            messages.push(message);
        } else {
            done.not_ready += 1;
        }
    }
    done.matched = messages.len() as u64;
    if !step.dry_run && !messages.is_empty() {
        let redrive = Redrive {
            queue: name.into(),
            messages,
            to: step.to.map_or(RedriveTarget::Source, Target::meant),
        };
        let redriven = host.redrive(redrive).await;
        done.add(&redriven.map_err(|error| ApiError::queue(&error))?);
    }
    Ok(Json(done))
}

impl Done {
    fn add(&mut self, redriven: &Redriven) {
        self.moved += redriven.moved;
        self.not_ready += redriven.not_ready;
        self.unroutable += redriven.unroutable;
        self.refused += redriven.refused;
        self.too_large += redriven.too_large;
        if let Some(stopped_at) = redriven.stopped_at {
            self.next = Some(stopped_at);
            self.busy = true;
        }
    }
}
