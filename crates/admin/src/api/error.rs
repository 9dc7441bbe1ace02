//! Every error of the API: its status, its code, its message, in one shape. The code is for
//! programs and stable; the message is for people.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use forebay_broker::group::GroupError;
use forebay_broker::host::HostError;
use forebay_broker::storage::ReadError;
use forebay_broker::{NameError, Stopped, TopicError};
use serde::Serialize;

use super::queue::text;

/// An answer that is not what was asked for.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

#[derive(Serialize)]
struct Shape<'a> {
    error: Inner<'a>,
}

#[derive(Serialize)]
struct Inner<'a> {
    code: &'static str,
    message: &'a str,
}

impl ApiError {
    pub(crate) fn new(status: StatusCode, code: &'static str, message: impl Into<String>) -> Self {
        let message = message.into();
        Self {
            status,
            code,
            message,
        }
    }

    pub(crate) fn no_such_route() -> Self {
        let message = "there is nothing here; GET / names what there is";
        Self::new(StatusCode::NOT_FOUND, "route_not_found", message)
    }

    pub(crate) fn method_not_allowed() -> Self {
        let message = "the resource exists and does not have this method; the Allow header names those it has";
        Self::new(
            StatusCode::METHOD_NOT_ALLOWED,
            "method_not_allowed",
            message,
        )
    }

    /// Something that cannot happen has happened, and the log says what.
    pub(crate) fn internal() -> Self {
        let message = "the request could not be answered; the log has more";
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal_error", message)
    }

    pub(super) fn virtual_host(name: &str) -> Self {
        let message = format!("virtual host `{name}` does not exist");
        Self::new(StatusCode::NOT_FOUND, "virtual_host_not_found", message)
    }

    /// The refusal of something about a queue or its messages.
    pub(super) fn queue(error: &HostError) -> Self {
        let not_found = |code, message| Self::new(StatusCode::NOT_FOUND, code, message);
        match error {
            HostError::NoVirtualHost => not_found("virtual_host_not_found", error.to_string()),
            HostError::NoQueue(name) => not_found(
                "queue_not_found",
                format!("queue `{}` does not exist", text(name)),
            ),
            HostError::NoExchange(name) => not_found(
                "exchange_not_found",
                format!("exchange `{}` does not exist", text(name)),
            ),
            HostError::NoTopic(name) => TopicError::Unknown(text(name)).into(),
            HostError::TooMany(_) => {
                Self::new(StatusCode::CONFLICT, "limit_reached", error.to_string())
            }
            HostError::ExclusiveToOther(name) => {
                let message = format!("queue `{}` belongs to a connection alone", text(name));
                Self::new(StatusCode::CONFLICT, "queue_exclusive", message)
            }
            HostError::StorageFull => {
                let status = StatusCode::INSUFFICIENT_STORAGE;
                Self::new(status, "storage_full", error.to_string())
            }
            HostError::Stopped => Stopped.into(),
            error => {
                tracing::error!(%error, "unexpected answer about a queue");
                Self::internal()
            }
        }
    }

    /// Messages of a queue that cannot be read.
    pub(super) fn unreadable(queue: &str, error: &ReadError) -> Self {
        match error {
            ReadError::Deleted => Self::queue(&HostError::NoQueue(queue.to_owned().into())),
            error => {
                tracing::error!(queue, %error, "messages cannot be read");
                Self::internal()
            }
        }
    }

    /// Records of a topic that cannot be read.
    pub(super) fn unreadable_topic(topic: &str, error: &ReadError) -> Self {
        match error {
            ReadError::Deleted => TopicError::Unknown(topic.to_owned()).into(),
            error => {
                tracing::error!(topic, %error, "records cannot be read");
                Self::internal()
            }
        }
    }

    pub(super) fn group_id(error: &NameError) -> Self {
        let message = format!("invalid group id: {error}");
        Self::new(StatusCode::BAD_REQUEST, "invalid_group_id", message)
    }

    /// The refusal of a command about the group `id`.
    pub(super) fn group(id: &str, error: &GroupError) -> Self {
        match error {
            GroupError::GroupIdNotFound => {
                let message = format!("group `{id}` does not exist");
                Self::new(StatusCode::NOT_FOUND, "group_not_found", message)
            }
            GroupError::NonEmptyGroup => {
                let message = format!("group `{id}` has members; stop its consumers first");
                Self::new(StatusCode::CONFLICT, "group_not_empty", message)
            }
            // Answers to members, which nobody is here.
            GroupError::UnknownMemberId
            | GroupError::IllegalGeneration
            | GroupError::RebalanceInProgress
            | GroupError::MemberIdRequired { .. }
            | GroupError::FencedInstanceId
            | GroupError::InconsistentGroupProtocol
            | GroupError::InvalidSessionTimeout
            | GroupError::GroupMaxSizeReached
            | GroupError::GroupLimitReached
            | GroupError::GroupSubscribedToTopic
            | GroupError::UnknownTopicOrPartition
            | GroupError::OffsetMetadataTooLarge
            | GroupError::MemberMetadataTooLarge
            | GroupError::AssignmentTooLarge => {
                tracing::error!(group = id, %error, "unexpected answer about a group");
                Self::internal()
            }
        }
    }
}

impl From<TopicError> for ApiError {
    fn from(error: TopicError) -> Self {
        let (status, code) = match &error {
            TopicError::Name(_) => (StatusCode::BAD_REQUEST, "invalid_topic_name"),
            TopicError::Exists(_) => (StatusCode::CONFLICT, "topic_exists"),
            TopicError::IsQueue(_) => (StatusCode::CONFLICT, "queue_exists"),
            TopicError::Unknown(_) => (StatusCode::NOT_FOUND, "topic_not_found"),
            TopicError::NoVirtualHost => (StatusCode::NOT_FOUND, "virtual_host_not_found"),
            TopicError::Partitions(_) => (StatusCode::BAD_REQUEST, "invalid_partitions"),
            TopicError::Config(_) => (StatusCode::BAD_REQUEST, "invalid_config"),
            TopicError::StorageFull => (StatusCode::INSUFFICIENT_STORAGE, "storage_full"),
            TopicError::Stopped => return Stopped.into(),
        };
        Self::new(status, code, error.to_string())
    }
}

impl From<Stopped> for ApiError {
    fn from(stopped: Stopped) -> Self {
        let status = StatusCode::SERVICE_UNAVAILABLE;
        Self::new(status, "stopping", stopped.to_string())
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let error = Inner {
            code: self.code,
            message: &self.message,
        };
        (self.status, Json(Shape { error })).into_response()
    }
}
