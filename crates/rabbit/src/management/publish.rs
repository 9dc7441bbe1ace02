//! `POST /api/exchanges/{vhost}/{name}/publish`: a message by hand.

use axum::Json;
use axum::extract::{Path, State};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{PublishError, Published};
use serde_json::{Map, Value, json};

use super::Context;
use super::authentication::Principal;
use super::body::{self, Body};
use super::error::ApiError;
use super::exchanges;
use super::json;
use crate::amqp091::ShortStr;
use crate::amqp091::assembler::Content;
use crate::amqp091::method::basic::Publish;
use crate::amqp091::properties::{Properties, PropertyList};
use crate::amqp091::session::errors;
use crate::amqp091::session::message::Outgoing;
use crate::amqp091::table::Table;

/// Publishes one message, and says whether it went anywhere.
pub(super) async fn publish(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<Json<Value>, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let exchange = exchanges::named(&name);
    if exchanges::known(&host, &exchange).await.is_err() {
        return Err(ApiError::NotFound("exchange_not_found".to_owned()));
    }
    let body = Body::parse(&bytes)?;
    body.require(&["routing_key", "properties", "payload", "payload_encoding"])?;
    let publish = Publish {
        exchange: body::short(&json::text(&exchange))?,
        routing_key: body.short("routing_key")?,
        ..Publish::default()
    };
    let content = Content {
        properties: properties(&body)?,
        body: payload(&body)?,
    };
    let limit = context.gateway.options.message_bytes_max;
    if content.body.len() as u64 > limit {
        return Err(errors::message_too_large(content.body.len() as u64, limit).in_full());
    }
    may_publish(&principal, &vhost, &publish)?;
    let now_ms = context.gateway.broker.now().wall_ms;
    // Whoever may speak for others may name anybody.
    let user = (!principal.impersonates()).then_some(&principal.name[..]);
    let message = Outgoing::new(&publish, &content, user, now_ms);
    let message = message.and_then(Outgoing::publication);
    let message = message.map_err(errors::Refusal::in_full)?;
    let mut outcomes = host.publish(vec![message]).await;
    let routed = match outcomes.pop() {
        Some(Ok(Published::Routed | Published::Stored(_) | Published::Duplicate(_))) => true,
        Some(Ok(Published::Unroutable | Published::Refused)) => false,
        Some(Err(PublishError::Stopped)) | None => return Err(ApiError::Unavailable),
        Some(Err(error)) => return Err(errors::publish(&vhost, &error).in_full()),
    };
    Ok(Json(json!({"routed": routed})))
}

/// Whether the user may publish there; refused as a channel of AMQP would be.
fn may_publish(principal: &Principal, vhost: &str, publish: &Publish) -> Result<(), ApiError> {
    let (exchange, key) = (&publish.exchange, &publish.routing_key);
    let allowed = principal
        .may_exchange(Action::Write, vhost, exchange)
        .and_then(|()| principal.may_topic(Action::Write, vhost, exchange, key));
    allowed.map_err(|_| {
        let name = match exchange.is_empty() {
            true => exchanges::DEFAULT.to_owned(),
            false => json::text(exchange),
        };
        let user = &principal.name;
        errors::Refusal::access(format_args!(
            "write access to exchange '{name}' in vhost '{vhost}' refused for user '{user}'"
        ))
        .in_full()
    })
}

fn payload(body: &Body) -> Result<Bytes, ApiError> {
    let Some(Value::String(payload)) = body.get("payload") else {
        return Err(ApiError::bad_request("payload_not_string"));
    };
    match body.text("payload_encoding")?.unwrap_or_default() {
        "string" => Ok(Bytes::copy_from_slice(payload.as_bytes())),
        "base64" => match STANDARD.decode(payload) {
            Ok(payload) => Ok(payload.into()),
            Err(_) => Err(ApiError::bad_request(json!(["not_base64", payload]))),
        },
        other => Err(ApiError::bad_request(json!([
            "unsupported_encoding",
            other
        ]))),
    }
}

/// Properties by their names in RabbitMQ's API. Tools of languages with one kind of collection write none
/// as `[]`; names that nobody knows are passed over, as there.
fn properties(body: &Body) -> Result<Properties, ApiError> {
    let none = Map::new();
    let given = match body.get("properties") {
        Some(Value::Object(fields)) => fields,
        _ => &none,
    };
    let text = |name: &str| -> Result<Option<ShortStr>, ApiError> {
        match given.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => body::short(text).map(Some),
            Some(_) => Err(ApiError::bad_request(json!(["not_string", name]))),
        }
    };
    let number = |name: &str| match given.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(value) => {
            let wrong = || ApiError::bad_request(json!(["not_int", name]));
            value.as_u64().map(Some).ok_or_else(wrong)
        }
    };
    let octet = |name: &str| -> Result<Option<u8>, ApiError> {
        let wrong = |_| ApiError::bad_request(json!(["not_int", name]));
        number(name)?
            .map(|value| u8::try_from(value).map_err(wrong))
            .transpose()
    };
    let headers: Option<Table> = match given.get("headers") {
        Some(value @ Value::Object(_)) => Some(body::table(value, "headers")?),
        _ => None,
    };
    let list = PropertyList {
        content_type: text("content_type")?,
        content_encoding: text("content_encoding")?,
        headers,
        delivery_mode: octet("delivery_mode")?,
        priority: octet("priority")?,
        correlation_id: text("correlation_id")?,
        reply_to: text("reply_to")?,
        expiration: text("expiration")?,
        message_id: text("message_id")?,
        timestamp: number("timestamp")?,
        kind: text("type")?,
        user_id: text("user_id")?,
        app_id: text("app_id")?,
        cluster_id: text("cluster_id")?,
    };
    Ok(list.encode())
}

/// Properties as RabbitMQ shows them; none are an empty list.
pub(super) fn shown(properties: &Properties) -> Value {
    let list = properties.to_list();
    let mut shown = Map::new();
    let mut put = |name: &str, value: Option<Value>| {
        if let Some(value) = value {
            shown.insert(name.to_owned(), value);
        }
    };
    let text = |text: &Option<ShortStr>| text.as_ref().map(|text| json::text(text).into());
    put("type", text(&list.kind));
    put("app_id", text(&list.app_id));
    put("user_id", text(&list.user_id));
    put("cluster_id", text(&list.cluster_id));
    put("timestamp", list.timestamp.map(Value::from));
    put("message_id", text(&list.message_id));
    put("expiration", text(&list.expiration));
    put("reply_to", text(&list.reply_to));
    put("correlation_id", text(&list.correlation_id));
    put("priority", list.priority.map(Value::from));
    put("delivery_mode", list.delivery_mode.map(Value::from));
    let headers = list.headers.as_ref();
    put(
        "headers",
        headers.map(|headers| json::object(headers.view())),
    );
    put("content_encoding", text(&list.content_encoding));
    put("content_type", text(&list.content_type));
    match shown.is_empty() {
        true => json!([]),
        false => Value::Object(shown),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(value: &Value) -> Body {
        Body::parse(&Bytes::from(value.to_string())).unwrap()
    }

    #[test]
    fn properties_are_shown_as_they_were_given() {
        let given = json!({
            "type": "t", "timestamp": 123, "message_id": "m", "expiration": "60000",
            "correlation_id": "c", "priority": 3, "delivery_mode": 2, "content_type": "text/plain",
            "headers": {"a": 1, "b": "x", "c": [1, 2], "d": {"e": true}},
        });
        let parsed = properties(&body(&json!({"properties": given}))).unwrap();
        assert_eq!(shown(&parsed), given);
        let none = properties(&body(&json!({"properties": []}))).unwrap();
        assert_eq!(shown(&none), json!([]));
    }

    #[test]
    fn wrong_properties_and_payloads_are_refused_in_rabbitmqs_words() {
        let refused = |field: &str, value: Value| {
            let body = body(&json!({"properties": {field: value}}));
            properties(&body).unwrap_err()
        };
        let expected = ApiError::bad_request(json!(["not_int", "delivery_mode"]));
        assert_eq!(refused("delivery_mode", json!("abc")), expected);
        assert_eq!(refused("delivery_mode", json!(256)), expected);
        let expected = ApiError::bad_request(json!(["not_string", "content_type"]));
        assert_eq!(refused("content_type", json!(1)), expected);
        let payload = |payload: Value, encoding: &str| {
            payload_of(&body(
                &json!({"payload": payload, "payload_encoding": encoding}),
            ))
        };
        assert_eq!(payload(json!("aGk="), "base64").unwrap(), "hi");
        let expected = ApiError::bad_request(json!(["not_base64", "???"]));
        assert_eq!(payload(json!("???"), "base64").unwrap_err(), expected);
        let expected = ApiError::bad_request(json!(["unsupported_encoding", "zzz"]));
        assert_eq!(payload(json!("x"), "zzz").unwrap_err(), expected);
        let expected = ApiError::bad_request("payload_not_string");
        assert_eq!(payload(json!(7), "string").unwrap_err(), expected);
    }

    fn payload_of(body: &Body) -> Result<Bytes, ApiError> {
        payload(body)
    }
}
