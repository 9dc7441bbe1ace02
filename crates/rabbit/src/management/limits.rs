//! `/api/vhost-limits` and `/api/user-limits`: how much there may be in a virtual host, and how much a user
//! may have.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Directory, LimitKind, Limited, Limits, Parameter};
use serde_json::{Map, Value, json};

use super::Context;
use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;

/// A virtual host's limits are also a parameter: of this component, under this name.
const COMPONENT: &str = "vhost-limits";
const PARAMETER: &str = "limits";

/// What RabbitMQ calls limits of virtual hosts.
const OF_VIRTUAL_HOSTS: [(&str, LimitKind); 2] = [
    ("max-connections", LimitKind::Connections),
    ("max-queues", LimitKind::Queues),
];
/// The same of users.
const OF_USERS: [(&str, LimitKind); 2] = [
    ("max-connections", LimitKind::Connections),
    ("max-channels", LimitKind::Channels),
];

/// Whose limit, and which.
type Named = Path<(String, String)>;

/// `GET /vhost-limits`
pub(super) async fn of_virtual_hosts(principal: Principal) -> Json<Value> {
    let all = principal.directory.virtual_hosts();
    let seen = all.filter(|(name, _)| principal.uses(name));
    let rows = seen.filter_map(|(name, entry)| row("vhost", name, &entry.limits));
    Json(rows.collect())
}

/// `GET /vhost-limits/{vhost}`
pub(super) async fn of_virtual_host(
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.virtual_host(&name)?;
    let entry = principal.directory.virtual_host(&name);
    let row = entry.and_then(|entry| row("vhost", &name, &entry.limits));
    Ok(Json(row.into_iter().collect()))
}

/// `PUT /vhost-limits/{vhost}/{limit}`
pub(super) async fn put_of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path((name, limit)): Named,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    principal.declaring_in(&name)?;
    let given = given(&limit, &bytes)?;
    set(&context, virtual_host_changes(&name, &given)?).await
}

/// `DELETE /vhost-limits/{vhost}/{limit}`. One that is not there is as good as one that is gone.
pub(super) async fn delete_of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path((name, limit)): Named,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    principal.declaring_in(&name)?;
    let of = Limited::VirtualHost(name);
    unset(&context, of, &limit, &OF_VIRTUAL_HOSTS).await
}

/// `GET /user-limits`
pub(super) async fn of_users(principal: Principal) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let all = principal.directory.users();
    let rows = all.filter_map(|(name, user)| row("user", name, &user.limits));
    Ok(Json(rows.collect()))
}

/// `GET /user-limits/{user}`: users may look at their own.
pub(super) async fn of_user(
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    if name != principal.name {
        principal.require(Tag::Administrator)?;
    }
    let user = principal.directory.user(&name);
    let user = user.ok_or(ApiError::NoObject)?;
    let row = row("user", &name, &user.limits);
    Ok(Json(row.into_iter().collect()))
}

/// `PUT /user-limits/{user}/{limit}`
pub(super) async fn put_of_user(
    State(context): State<Context>,
    principal: Principal,
    Path((name, limit)): Named,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let given = given(&limit, &bytes)?;
    if principal.directory.user(&name).is_none() {
        return Err(ApiError::bad_request(json!(["no_such_user", name])));
    }
    set(&context, user_changes(&name, &given)?).await
}

/// `DELETE /user-limits/{user}/{limit}`
pub(super) async fn delete_of_user(
    State(context): State<Context>,
    principal: Principal,
    Path((name, limit)): Named,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    if principal.directory.user(&name).is_none() {
        // In RabbitMQ's words.
        return Err(ApiError::NotFound("vhost_not_found".to_owned()));
    }
    unset(&context, Limited::User(name), &limit, &OF_USERS).await
}

/// The limits of virtual hosts as parameters, with their values.
pub(super) fn as_parameters(directory: &Directory) -> impl Iterator<Item = (Parameter, String)> {
    let limited = directory.virtual_hosts();
    limited.filter_map(|(name, entry)| {
        let value = shown(&entry.limits);
        let parameter = Parameter {
            component: Some(COMPONENT.to_owned()),
            virtual_host: Some(name.to_owned()),
            name: PARAMETER.to_owned(),
        };
        (!value.is_empty()).then(|| (parameter, Value::Object(value).to_string()))
    })
}

/// What gives a virtual host these limits, and no others. Tools write none as `[]`.
pub(super) fn replacing(name: &str, value: &Value) -> Result<Vec<AccessChange>, ApiError> {
    let none = Map::new();
    let given = match value {
        Value::Object(given) => given,
        Value::Array(list) if list.is_empty() => &none,
        _ => return Err(ApiError::bad_request("limits should be an object")),
    };
    let set = virtual_host_changes(name, given)?;
    let unset = OF_VIRTUAL_HOSTS.map(|(_, limit)| AccessChange::SetLimit {
        of: Limited::VirtualHost(name.to_owned()),
        limit,
        value: None,
    });
    Ok(unset.into_iter().chain(set).collect())
}

/// What sets the limits of a virtual host that are given.
fn virtual_host_changes(
    name: &str,
    given: &Map<String, Value>,
) -> Result<Vec<AccessChange>, ApiError> {
    let of = Limited::VirtualHost(name.to_owned());
    let failed = |why| ApiError::bad_request(format!("Validation failed\n\n{why} in limits\n"));
    changes(&of, given, &OF_VIRTUAL_HOSTS).map_err(|wrong| match wrong {
        Wrong::Unknown(terms) => failed(terms),
        Wrong::NoNumber(why) => ApiError::bad_request(format!("Validation failed\n\n{why}\n")),
    })
}

/// The same of a user.
pub(super) fn user_changes(
    name: &str,
    given: &Map<String, Value>,
) -> Result<Vec<AccessChange>, ApiError> {
    let of = Limited::User(name.to_owned());
    changes(&of, given, &OF_USERS).map_err(|wrong| match wrong {
        Wrong::Unknown(terms) => ApiError::bad_request(format!("{terms} in user-limits")),
        Wrong::NoNumber(why) => ApiError::bad_request(why),
    })
}

/// Limits as they are shown.
pub(super) fn shown(limits: &Limits) -> Map<String, Value> {
    let names = OF_VIRTUAL_HOSTS.iter().chain(&OF_USERS);
    let rows = limits.iter().filter_map(|(kind, value)| {
        let (name, _) = names.clone().find(|(_, known)| *known == kind)?;
        Some(((*name).to_owned(), value.into()))
    });
    rows.collect()
}

/// The virtual host whose limits a parameter is.
pub(super) fn limited_by(parameter: &Parameter) -> Option<&str> {
    let is_limits = parameter.component.as_deref() == Some(COMPONENT);
    parameter.virtual_host.as_deref().filter(|_| is_limits)
}

fn row(of: &str, name: &str, limits: &Limits) -> Option<Value> {
    let value = shown(limits);
    (!value.is_empty()).then(|| json!({of: name, "value": value}))
}

/// One limit, by the name that the path has and the value in the body.
fn given(limit: &str, bytes: &Bytes) -> Result<Map<String, Value>, ApiError> {
    let body = Body::parse(bytes)?;
    body.require(&["value"])?;
    let value = body.get("value").cloned().unwrap_or_default();
    Ok(Map::from_iter([(limit.to_owned(), value)]))
}

async fn set(context: &Context, changes: Vec<AccessChange>) -> Result<StatusCode, ApiError> {
    context.change_access(changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn unset(
    context: &Context,
    of: Limited,
    name: &str,
    known: &[(&str, LimitKind)],
) -> Result<StatusCode, ApiError> {
    let found = known.iter().find(|(known, _)| *known == name);
    let change = found.map(|(_, limit)| AccessChange::SetLimit {
        of,
        limit: *limit,
        value: None,
    });
    set(context, change.into_iter().collect()).await
}

/// What is wrong with limits.
enum Wrong {
    Unknown(String),
    NoNumber(String),
}

fn changes(
    of: &Limited,
    given: &Map<String, Value>,
    known: &[(&str, LimitKind)],
) -> Result<Vec<AccessChange>, Wrong> {
    let is_known = |name: &str| known.iter().any(|(known, _)| *known == name);
    let mut unknown = given.iter().filter(|(name, _)| !is_known(name));
    if let Some((name, value)) = unknown.next() {
        let term = format!("{{<<\"{name}\">>,{}}}", erlang(value));
        return Err(Wrong::Unknown(format!("Unrecognised terms [{term}]")));
    }
    let mut changes = Vec::new();
    for (name, limit) in known {
        let Some(value) = given.get(*name) else {
            continue;
        };
        let number = value.as_i64().ok_or_else(|| {
            let actual = erlang(value);
            Wrong::NoNumber(format!("{name} should be a number, actually was {actual}"))
        })?;
        changes.push(AccessChange::SetLimit {
            of: of.clone(),
            limit: *limit,
            value: Some(number),
        });
    }
    Ok(changes)
}

/// A value as RabbitMQ's errors show it.
fn erlang(value: &Value) -> String {
    match value {
        Value::String(text) => format!("<<\"{text}\">>"),
        other => other.to_string(),
    }
}
