//! The messages of a queue: taken by hand, or dropped.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay_broker::Broker;
use forebay_broker::access::Action;
use forebay_broker::host::{ConnectionId, GetMessage, Settlement};
use forebay_broker::queue::{HolderId, Outcome};
use serde_json::{Value, json};

use super::authentication::Principal;
use super::body::Body;
use super::error::ApiError;
use super::{Context, publish, streams};
use crate::amqp091::session::delivery::read_one;
use crate::amqp091::session::errors::{Refusal, Subject};
use crate::amqp091::session::message;
use crate::limits::{GET_BYTES_MAX, GET_MESSAGES_MAX};

const ACK_MODES: &str =
    "ack_requeue_true, ack_requeue_false, reject_requeue_true, reject_requeue_false";

/// What a request wants to see.
struct Wanted {
    count: u64,
    /// What becomes of a message that was shown.
    outcome: Outcome,
    is_base64: bool,
    /// Bytes of a body that are shown.
    truncate: Option<usize>,
}

/// Messages that are held while they are looked at. What is not settled comes back when this is dropped:
/// whoever asked may have gone.
struct Held {
    broker: Broker,
    settlements: Vec<Settlement>,
    holders: Vec<HolderId>,
}

impl Drop for Held {
    fn drop(&mut self) {
        let holders = std::mem::take(&mut self.holders);
        drop(self.broker.release(holders, Vec::new()));
    }
}

/// `DELETE /queues/{vhost}/{name}/contents`
pub(super) async fn purge(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let name = Bytes::from(name);
    if !streams::is_there(&host, &name).await? {
        return Err(ApiError::NoObject);
    }
    principal.may_queue(Action::Read, &vhost, &name)?;
    streams::refuse(&host, Subject::queue(&vhost, &name), "queue.purge")?;
    let purged = host.purge_queue(name.clone(), ConnectionId::NOBODY).await;
    purged.map_err(|error| Subject::queue(&vhost, &name).refusal(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /queues/{vhost}/{name}/actions`: RabbitMQ knows none any more.
pub(super) async fn act(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    if !streams::is_there(&host, &Bytes::from(name)).await? {
        return Err(ApiError::NoObject);
    }
    let body = Body::parse(&bytes)?;
    body.require(&["action"])?;
    let action = body.get("action").cloned().unwrap_or_default();
    Err(ApiError::bad_request(json!(["unknown", action])))
}

/// `POST /queues/{vhost}/{name}/get`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let queue = Bytes::from(name);
    if !streams::is_there(&host, &queue).await? {
        return Err(ApiError::NotFound("queue_not_found".to_owned()));
    }
    principal.may_queue(Action::Read, &vhost, &queue)?;
    streams::refuse(&host, Subject::queue(&vhost, &queue), "540 basic.get")?;
    let wanted = Wanted::parse(&Body::parse(&bytes)?)?;
    let broker = &context.gateway.broker;
    let mut held = Held {
        broker: broker.clone(),
        settlements: Vec::new(),
        holders: Vec::new(),
    };
    let nobody = ConnectionId::NOBODY;
    let (mut messages, mut body_bytes) = (Vec::new(), 0);
    while (messages.len() as u64) < wanted.count && body_bytes < GET_BYTES_MAX {
        let holder = HolderId(broker.next_id());
        held.holders.push(holder);
        let asked = GetMessage {
            queue: queue.clone(),
            holder,
            auto_ack: false,
            connection: nobody,
        };
        let got = host.get_message(asked).await;
        let got = got.map_err(|error| Subject::queue(&vhost, &queue).refusal(error).in_full())?;
        let Some(got) = got else { break };
        let mut read = None;
        let reading = read_one(
            &context.gateway,
            &got.log,
            got.delivery.offset,
            |record, source| {
                let body = source.slice_ref(record.value.unwrap_or_default());
                read = Some((message::stored(record, source, &queue), body));
            },
        );
        let (true, Some((stored, body))) = (reading.await, read) else {
            // Its queue went in the meantime.
            break;
        };
        body_bytes += body.len();
        let (payload, encoding) = wanted.show(&body);
        messages.push(json!({
            "payload_bytes": body.len(),
            "redelivered": got.delivery.redelivered(),
            "exchange": super::json::text(&stored.exchange),
            "routing_key": super::json::text(&stored.routing_key),
            "message_count": got.ready,
            "properties": publish::shown(&stored.properties),
            "payload": payload,
            "payload_encoding": encoding,
        }));
        if let Some(number) = got.delivery.number {
            held.settlements.push(Settlement {
                holder,
                numbers: number..number + 1,
                outcome: wanted.outcome,
            });
        }
    }
    let settlements = std::mem::take(&mut held.settlements);
    let settled = broker.settle_durably(settlements).await;
    settled.map_err(|_| ApiError::Unavailable)?;
    Ok(Json(Value::Array(messages)))
}

impl Wanted {
    fn parse(body: &Body) -> Result<Self, ApiError> {
        body.require(&["ackmode", "count", "encoding"])?;
        let mode = body.text("ackmode")?.unwrap_or_default();
        let outcome = match mode {
            "ack_requeue_true" => Outcome::Nack { delay_ms: None },
            "ack_requeue_false" => Outcome::Ack,
            "reject_requeue_true" => Outcome::Fail { delay_ms: None },
            "reject_requeue_false" => Outcome::Reject,
            _ => {
                return Err(ApiError::bad_request(format!(
                    "Invalid ackmode value: {mode}. Valid values are: {ACK_MODES}"
                )));
            }
        };
        let count = body.integer("count")?.unwrap_or_default();
        let is_base64 = match body.text("encoding")?.unwrap_or_default() {
            "auto" => false,
            "base64" => true,
            _ => {
                return Err(ApiError::bad_request(
                    "Unsupported encoding. Please use auto or base64.",
                ));
            }
        };
        let truncate = body.integer("truncate")?;
        Ok(Self {
            count: count.min(GET_MESSAGES_MAX),
            outcome,
            is_base64,
            truncate: truncate.map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX)),
        })
    }

    /// A body as text where it is one, and what it is then.
    fn show(&self, body: &[u8]) -> (String, &'static str) {
        let shown = &body[..body.len().min(self.truncate.unwrap_or(usize::MAX))];
        match std::str::from_utf8(shown) {
            Ok(text) if !self.is_base64 => (text.to_owned(), "string"),
            _ => (STANDARD.encode(shown), "base64"),
        }
    }
}

impl Refusal {
    /// As where a channel of AMQP was closed by it: with its code.
    pub(super) fn in_full(self) -> ApiError {
        let code = u16::from(self.code);
        ApiError::bad_request(format!("{code} {}", self.text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(value: &Value) -> Result<Wanted, ApiError> {
        Wanted::parse(&Body::parse(&Bytes::from(value.to_string())).unwrap())
    }

    #[test]
    fn bodies_are_text_where_they_can_be() {
        let auto = json!({"ackmode": "ack_requeue_true", "count": 1, "encoding": "auto"});
        let auto = wanted(&auto).unwrap();
        assert_eq!(auto.show(b"hi"), ("hi".to_owned(), "string"));
        assert_eq!(auto.show(b"\xff"), ("/w==".to_owned(), "base64"));
        let cut = json!({
            "ackmode": "ack_requeue_true", "count": 1, "encoding": "base64", "truncate": 1,
        });
        assert_eq!(
            wanted(&cut).unwrap().show(b"hi"),
            ("aA==".to_owned(), "base64")
        );
    }

    #[test]
    fn what_is_unclear_is_refused_in_rabbitmqs_words() {
        let refused = |value: Value| match wanted(&value) {
            Err(ApiError::BadRequest(Value::String(reason))) => reason,
            other => panic!("{:?}", other.err()),
        };
        let wrong = json!({"ackmode": "zzz", "count": 5, "encoding": "auto"});
        assert_eq!(
            refused(wrong),
            "Invalid ackmode value: zzz. Valid values are: ack_requeue_true, ack_requeue_false, \
             reject_requeue_true, reject_requeue_false"
        );
        let wrong = json!({"ackmode": "ack_requeue_true", "count": 5, "encoding": "zzz"});
        assert_eq!(
            refused(wrong),
            "Unsupported encoding. Please use auto or base64."
        );
        assert_eq!(
            refused(json!({})),
            "[{key_missing,ackmode},{key_missing,count},{key_missing,encoding}]"
        );
    }
}
