//! `/api/vhosts`: virtual hosts come and go.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Pattern, Permission, VirtualHostEntry};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, put_status, streams, users, walk};

/// `GET /vhosts`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let query = ListQuery::parse(&parameters)?;
    let mut rows = Vec::new();
    for (name, _) in principal.virtual_hosts() {
        rows.push(show(&context, &principal, &name).await?);
    }
    query.answer(rows)
}

/// `GET /vhosts/{vhost}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    Ok(Json(show(&context, &principal, &name).await?))
}

/// `PUT /vhosts/{vhost}`. Whoever founds it may use all of it.
pub(super) async fn put(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let body = Body::parse(&bytes)?;
    let there = principal.directory.virtual_host(&name);
    let mut changes = vec![change(name.clone(), &body, there)?];
    if there.is_none() {
        let everything = || Pattern::new(".*");
        changes.push(AccessChange::PutPermission {
            user: principal.name.clone(),
            virtual_host: name,
            permission: Permission {
                configure: everything()?,
                write: everything()?,
                read: everything()?,
            },
        });
    }
    context.change_access(changes).await?;
    Ok(put_status(there.is_some()))
}

/// `DELETE /vhosts/{vhost}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let change = AccessChange::DeleteVirtualHost { name };
    context.change_access(vec![change]).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// `POST /vhosts/{vhost}/start/{node}`: it runs.
pub(super) async fn start(
    principal: Principal,
    Path((name, _node)): Path<(String, String)>,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let known = principal.directory.virtual_host(&name);
    known
        .map(|_| StatusCode::NO_CONTENT)
        .ok_or(ApiError::NoObject)
}

/// A virtual host as it is put. What the request leaves out stays as it is.
pub(super) fn change(
    name: String,
    body: &Body,
    there: Option<&VirtualHostEntry>,
) -> Result<AccessChange, ApiError> {
    let description = body.text("description")?;
    let tags = body.get("tags").map(users::tags).transpose()?;
    let queue_type = body.text("default_queue_type")?;
    let queue_type = match queue_type {
        // What tools write that know of none.
        Some("undefined") => Some(""),
        None | Some("classic" | "quorum" | "stream") => queue_type,
        Some("") => {
            return Err(ApiError::bad_request(
                "default_queue_type must not be an empty string",
            ));
        }
        Some(other) => {
            let reason = format!("{other} is not a valid queue type");
            return Err(ApiError::bad_request(reason));
        }
    };
    let kept = |of: fn(&VirtualHostEntry) -> String| there.map(of).unwrap_or_default();
    Ok(AccessChange::PutVirtualHost {
        name,
        description: match description {
            Some(given) => given.to_owned(),
            None => kept(|there| there.description.clone()),
        },
        tags: match tags {
            Some(given) => given,
            None => there.map(|there| there.tags.clone()).unwrap_or_default(),
        },
        default_queue_type: match queue_type {
            Some(given) => given.to_owned(),
            None => kept(|there| there.default_queue_type.clone()),
        },
    })
}

/// What is said of a virtual host.
pub(super) fn metadata(entry: &VirtualHostEntry) -> Value {
    json!({
        "description": entry.description,
        "tags": entry.tags,
        "default_queue_type": queue_type(entry),
    })
}

fn queue_type(entry: &VirtualHostEntry) -> &str {
    match entry.default_queue_type.is_empty() {
        true => "classic",
        false => &entry.default_queue_type,
    }
}

async fn show(context: &Context, principal: &Principal, name: &str) -> Result<Value, ApiError> {
    let entry = principal.directory.virtual_host(name);
    let entry = entry.ok_or(ApiError::NoObject)?;
    let host = context.gateway.broker.virtual_host(entry.id);
    let streams = host.streams();
    let messages = walk::message_totals(&host).await?;
    let messages = messages.plus(streams::totals(&streams));
    let mut shown = json!({
        "name": name,
        "description": entry.description,
        "tags": entry.tags,
        "default_queue_type": queue_type(entry),
        "metadata": metadata(entry),
        "protected_from_deletion": false,
        "tracing": false,
        "cluster_state": {&context.node.name: "running"},
    });
    if let Some(fields) = shown.as_object_mut() {
        messages.put(fields, context, format!("vhost {name}"));
    }
    Ok(shown)
}
