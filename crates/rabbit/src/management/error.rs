//! What the API answers when it does not do what it was asked, in RabbitMQ's words.

use std::fmt;

use axum::Json;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use forebay_broker::access::AccessError;
use serde_json::{Value, json};

use crate::amqp091::ReplyCode;
use crate::amqp091::session::errors::Refusal;

/// Where the word to log in comes from.
const CHALLENGE: HeaderValue = HeaderValue::from_static("Basic realm=\"RabbitMQ Management\"");

/// An answer that is not what was asked for.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum ApiError {
    /// Nobody said who asks.
    NoCredentials,
    /// Whoever it is, it is not them.
    LoginFailed,
    /// They may not do it.
    AccessRefused(&'static str),
    /// There is nothing of this name.
    NoObject,
    /// Something that the request names is not there.
    NotFound(String),
    /// The request makes no sense, or is refused by what it is about.
    BadRequest(Value),
    /// Another mistake of the request, under a name of its own.
    Mistake(&'static str, String),
    /// The resource does not have the method.
    MethodNotAllowed,
    /// What is asked for is not so; the answer says how it is.
    Failed(Value),
    /// The broker does not answer.
    Unavailable,
}

impl ApiError {
    pub(super) const ACCESS_REFUSED: Self = Self::AccessRefused("Access refused.");

    pub(super) fn bad_request(reason: impl Into<Value>) -> Self {
        Self::BadRequest(reason.into())
    }

    /// What a binding among definitions is between is not there.
    pub(super) fn resource_missing(vhost: &str, kind: &str, name: &[u8]) -> Self {
        let name = String::from_utf8_lossy(name);
        let resource = format!("{{resource,<<\"{vhost}\">>,{kind},<<\"{name}\">>}}");
        Self::bad_request(format!("{{resources_missing,[{{not_found,{resource}}}]}}"))
    }
}

/// What of virtual hosts, users and policies is not changed.
impl From<AccessError> for ApiError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::NotFound => Self::NoObject,
            AccessError::NoVirtualHost(_) | AccessError::NoUser(_) => {
                Self::bad_request("vhost_or_user_not_found")
            }
            AccessError::Stopped => Self::Unavailable,
            error => Self::bad_request(error.to_string()),
        }
    }
}

/// What a method of AMQP would have been refused with.
impl From<Refusal> for ApiError {
    fn from(refusal: Refusal) -> Self {
        let text = refusal.text.to_string();
        // The code's name comes first, and is not said here.
        let reason = text
            .split_once(" - ")
            .map_or(&text[..], |(_, reason)| reason);
        match refusal.code {
            ReplyCode::NotFound => Self::NotFound(reason.to_owned()),
            ReplyCode::AccessRefused => Self::ACCESS_REFUSED,
            ReplyCode::ConnectionForced => Self::Unavailable,
            _ => Self::bad_request(reason),
        }
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoCredentials | Self::LoginFailed => f.write_str("login failed"),
            Self::AccessRefused(reason) => f.write_str(reason),
            Self::NoObject => f.write_str("there is nothing of this name"),
            Self::NotFound(reason) | Self::Mistake(_, reason) => f.write_str(reason),
            Self::BadRequest(Value::String(reason)) => f.write_str(reason),
            Self::BadRequest(reason) | Self::Failed(reason) => reason.fmt(f),
            Self::MethodNotAllowed => f.write_str("there is no such method"),
            Self::Unavailable => f.write_str("the broker does not answer"),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, error, reason) = match self {
            Self::NoCredentials => {
                return (
                    StatusCode::UNAUTHORIZED,
                    [(header::WWW_AUTHENTICATE, CHALLENGE)],
                )
                    .into_response();
            }
            Self::LoginFailed => {
                let reason = json!("Not_Authorized");
                (StatusCode::UNAUTHORIZED, "not_authorized", reason)
            }
            Self::AccessRefused(reason) => {
                (StatusCode::UNAUTHORIZED, "not_authorised", json!(reason))
            }
            Self::NoObject => {
                let reason = json!("Not Found");
                (StatusCode::NOT_FOUND, "Object Not Found", reason)
            }
            Self::NotFound(reason) => (StatusCode::NOT_FOUND, "not_found", json!(reason)),
            Self::BadRequest(reason) => (StatusCode::BAD_REQUEST, "bad_request", reason),
            Self::Mistake(error, reason) => (StatusCode::BAD_REQUEST, error, json!(reason)),
            Self::MethodNotAllowed => return StatusCode::METHOD_NOT_ALLOWED.into_response(),
            Self::Failed(how) => {
                return (StatusCode::SERVICE_UNAVAILABLE, Json(how)).into_response();
            }
            Self::Unavailable => {
                let reason = json!("the broker does not answer");
                (StatusCode::SERVICE_UNAVAILABLE, "unavailable", reason)
            }
        };
        let body = json!({"error": error, "reason": reason});
        (status, Json(body)).into_response()
    }
}
