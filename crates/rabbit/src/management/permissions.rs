//! `/api/permissions` and `/api/topic-permissions`: what users may do in virtual hosts.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Directory, Pattern, Permission};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, put_status};

/// A virtual host and a user.
type Place = Path<(String, String)>;
type Answer = Result<Response, ApiError>;
/// Lists what is granted to users in virtual hosts, where those two are meant.
type Rows = fn(&Directory, &dyn Fn(&str, &str) -> bool) -> Vec<Value>;

/// `GET /permissions`
pub(super) async fn list(principal: Principal, parameters: Parameters) -> Answer {
    answer(&principal, &parameters, rows, |_, _| true)
}

/// `GET /vhosts/{vhost}/permissions`
pub(super) async fn of_virtual_host(
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Answer {
    in_virtual_host(&principal, &vhost, &parameters, rows)
}

/// `GET /users/{user}/permissions`
pub(super) async fn of_user(
    principal: Principal,
    Path(user): Path<String>,
    parameters: Parameters,
) -> Answer {
    to_user(&principal, &user, &parameters, rows)
}

/// `GET /permissions/{vhost}/{user}`
pub(super) async fn get(
    principal: Principal,
    Path((vhost, user)): Place,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let mut found = rows(&principal.directory, &|of, host| {
        of == user && host == vhost
    });
    found.pop().map(Json).ok_or(ApiError::NoObject)
}

/// `PUT /permissions/{vhost}/{user}`
pub(super) async fn put(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, user)): Place,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let there = principal.directory.user(&user);
    let is_there = there.is_some_and(|user| user.permissions.contains_key(&vhost));
    let change = change(user, vhost, &Body::parse(&bytes)?)?;
    context.change_access(vec![change]).await?;
    Ok(put_status(is_there))
}

/// `DELETE /permissions/{vhost}/{user}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    Path((virtual_host, user)): Place,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let change = AccessChange::DeletePermission { user, virtual_host };
    context.change_access(vec![change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `GET /topic-permissions`
pub(super) async fn topics(principal: Principal, parameters: Parameters) -> Answer {
    answer(&principal, &parameters, topic_rows, |_, _| true)
}

/// `GET /vhosts/{vhost}/topic-permissions`
pub(super) async fn topics_of_virtual_host(
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Answer {
    in_virtual_host(&principal, &vhost, &parameters, topic_rows)
}

/// `GET /users/{user}/topic-permissions`
pub(super) async fn topics_of_user(
    principal: Principal,
    Path(user): Path<String>,
    parameters: Parameters,
) -> Answer {
    to_user(&principal, &user, &parameters, topic_rows)
}

/// `GET /topic-permissions/{vhost}/{user}`
pub(super) async fn get_topics(
    principal: Principal,
    Path((vhost, user)): Place,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let found = topic_rows(&principal.directory, &|of, host| {
        of == user && host == vhost
    });
    match found.is_empty() {
        true => Err(ApiError::NoObject),
        false => Ok(Json(found.into())),
    }
}

/// `PUT /topic-permissions/{vhost}/{user}`
pub(super) async fn put_topic(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, user)): Place,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let there = principal.directory.user(&user);
    let change = topic_change(user.clone(), vhost, &Body::parse(&bytes)?)?;
    let is_there = match &change {
        AccessChange::PutTopicPermission {
            virtual_host,
            exchange,
            ..
        } => {
            let place = (virtual_host.clone(), exchange.clone());
            there.is_some_and(|user| user.topic_permissions.contains_key(&place))
        }
        _ => false,
    };
    context.change_access(vec![change]).await?;
    Ok(put_status(is_there))
}

/// `DELETE /topic-permissions/{vhost}/{user}`
pub(super) async fn delete_topics(
    State(context): State<Context>,
    principal: Principal,
    Path((virtual_host, user)): Place,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let change = AccessChange::DeleteTopicPermission {
        user,
        virtual_host,
        exchange: None,
    };
    context.change_access(vec![change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn in_virtual_host(
    principal: &Principal,
    vhost: &str,
    parameters: &Parameters,
    rows: Rows,
) -> Answer {
    principal.require(Tag::Administrator)?;
    let known = principal.directory.virtual_host(vhost);
    known.ok_or(ApiError::NoObject)?;
    answer(principal, parameters, rows, |_, of| of == vhost)
}

fn to_user(principal: &Principal, user: &str, parameters: &Parameters, rows: Rows) -> Answer {
    principal.require(Tag::Administrator)?;
    let known = principal.directory.user(user);
    known.ok_or(ApiError::NoObject)?;
    answer(principal, parameters, rows, |of, _| of == user)
}

fn answer(
    principal: &Principal,
    parameters: &Parameters,
    rows: Rows,
    is_meant: impl Fn(&str, &str) -> bool,
) -> Answer {
    principal.require(Tag::Administrator)?;
    let rows = rows(&principal.directory, &is_meant);
    ListQuery::unpaged(parameters).answer(rows)
}

/// Permissions of users in virtual hosts that are meant, also for definitions.
pub(super) fn rows(directory: &Directory, is_meant: &dyn Fn(&str, &str) -> bool) -> Vec<Value> {
    let mut rows = Vec::new();
    for (name, user) in directory.users() {
        for (vhost, granted) in &user.permissions {
            if is_meant(name, vhost) {
                rows.push(json!({
                    "user": name,
                    "vhost": vhost,
                    "configure": granted.configure.as_str(),
                    "write": granted.write.as_str(),
                    "read": granted.read.as_str(),
                }));
            }
        }
    }
    rows
}

/// The same of topics.
pub(super) fn topic_rows(
    directory: &Directory,
    is_meant: &dyn Fn(&str, &str) -> bool,
) -> Vec<Value> {
    let mut rows = Vec::new();
    for (name, user) in directory.users() {
        for ((vhost, exchange), granted) in &user.topic_permissions {
            if is_meant(name, vhost) {
                rows.push(json!({
                    "user": name,
                    "vhost": vhost,
                    "exchange": exchange,
                    "write": granted.write.as_str(),
                    "read": granted.read.as_str(),
                }));
            }
        }
    }
    rows
}

/// A permission as it is put.
pub(super) fn change(
    user: String,
    virtual_host: String,
    body: &Body,
) -> Result<AccessChange, ApiError> {
    body.require(&["configure", "write", "read"])?;
    let pattern = |name| -> Result<Pattern, ApiError> {
        Ok(Pattern::new(body.text(name)?.unwrap_or_default())?)
    };
    Ok(AccessChange::PutPermission {
        user,
        virtual_host,
        permission: Permission {
            configure: pattern("configure")?,
            write: pattern("write")?,
            read: pattern("read")?,
        },
    })
}

/// The same of a topic.
pub(super) fn topic_change(
    user: String,
    virtual_host: String,
    body: &Body,
) -> Result<AccessChange, ApiError> {
    body.require(&["exchange", "write", "read"])?;
    let text =
        |name| -> Result<String, ApiError> { Ok(body.text(name)?.unwrap_or_default().to_owned()) };
    Ok(AccessChange::PutTopicPermission {
        user,
        virtual_host,
        exchange: text("exchange")?,
        write: text("write")?,
        read: text("read")?,
    })
}
