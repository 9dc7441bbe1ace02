//! `/api/global-parameters`, `/api/parameters`: what tools keep here, and limits of virtual hosts, which are
//! parameters too.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Directory, Parameter};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::{Context, limits, put_status};

/// Component, virtual host, name.
type Named = Path<(String, String, String)>;
type Answer = Result<Response, ApiError>;

/// `GET /global-parameters`
pub(super) async fn globals(principal: Principal, parameters: Parameters) -> Answer {
    principal.require(Tag::Policymaker)?;
    ListQuery::unpaged(&parameters).answer(global_rows(&principal.directory))
}

/// `GET /global-parameters/{name}`
pub(super) async fn get_global(
    principal: Principal,
    Path(name): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Policymaker)?;
    let parameter = global(name);
    let value = principal.directory.parameter(&parameter);
    let value = value.ok_or(ApiError::NoObject)?;
    Ok(Json(show(&parameter, value)))
}

/// `PUT /global-parameters/{name}`
pub(super) async fn put_global(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    put_parameter(&context, &principal, global(name), &bytes).await
}

/// `DELETE /global-parameters/{name}`
pub(super) async fn delete_global(
    State(context): State<Context>,
    principal: Principal,
    Path(name): Path<String>,
) -> Result<StatusCode, ApiError> {
    delete_parameter(&context, &principal, global(name)).await
}

/// `GET /parameters`
pub(super) async fn list(principal: Principal, parameters: Parameters) -> Answer {
    answer(&principal, &parameters, |_| true)
}

/// `GET /parameters/{component}`
pub(super) async fn of_component(
    principal: Principal,
    Path(component): Path<String>,
    parameters: Parameters,
) -> Answer {
    answer(&principal, &parameters, |parameter| {
        parameter.component.as_deref() == Some(&component)
    })
}

/// `GET /parameters/{component}/{vhost}`
pub(super) async fn of_virtual_host(
    principal: Principal,
    Path((component, vhost)): Path<(String, String)>,
    parameters: Parameters,
) -> Answer {
    principal.virtual_host(&vhost)?;
    answer(&principal, &parameters, |parameter| {
        parameter.component.as_deref() == Some(&component)
            && parameter.virtual_host.as_deref() == Some(&vhost)
    })
}

/// `GET /parameters/{component}/{vhost}/{name}`
pub(super) async fn get(
    principal: Principal,
    Path((component, vhost, name)): Named,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Policymaker)?;
    principal.virtual_host(&vhost)?;
    let parameter = local(component, vhost, name);
    let mut found = rows(&principal.directory, |known| *known == parameter);
    found.pop().map(Json).ok_or(ApiError::NoObject)
}

/// `PUT /parameters/{component}/{vhost}/{name}`
pub(super) async fn put(
    State(context): State<Context>,
    principal: Principal,
    Path((component, vhost, name)): Named,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.declaring_in(&vhost)?;
    let parameter = local(component, vhost, name);
    put_parameter(&context, &principal, parameter, &bytes).await
}

/// `DELETE /parameters/{component}/{vhost}/{name}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    Path((component, vhost, name)): Named,
) -> Result<StatusCode, ApiError> {
    principal.virtual_host(&vhost)?;
    delete_parameter(&context, &principal, local(component, vhost, name)).await
}

fn global(name: String) -> Parameter {
    Parameter {
        component: None,
        virtual_host: None,
        name,
    }
}

fn local(component: String, vhost: String, name: String) -> Parameter {
    Parameter {
        component: Some(component),
        virtual_host: Some(vhost),
        name,
    }
}

async fn put_parameter(
    context: &Context,
    principal: &Principal,
    parameter: Parameter,
    bytes: &Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Policymaker)?;
    let body = Body::parse(bytes)?;
    body.require(&["value"])?;
    let is_there = is_there(&principal.directory, &parameter);
    let changes = changes(parameter, &body)?;
    context.change_access(changes).await?;
    Ok(put_status(is_there))
}

async fn delete_parameter(
    context: &Context,
    principal: &Principal,
    parameter: Parameter,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Policymaker)?;
    let changes = match limits::limited_by(&parameter) {
        Some(_) if !is_there(&principal.directory, &parameter) => return Err(ApiError::NoObject),
        Some(vhost) => limits::replacing(vhost, &json!({}))?,
        None => vec![AccessChange::DeleteParameter { parameter }],
    };
    context.change_access(changes).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn answer(
    principal: &Principal,
    parameters: &Parameters,
    is_meant: impl Fn(&Parameter) -> bool,
) -> Answer {
    principal.require(Tag::Policymaker)?;
    let rows = rows(&principal.directory, |parameter| {
        let vhost = parameter.virtual_host.as_deref();
        vhost.is_some_and(|vhost| principal.uses(vhost)) && is_meant(parameter)
    });
    ListQuery::unpaged(parameters).answer(rows)
}

fn is_there(directory: &Directory, parameter: &Parameter) -> bool {
    match limits::limited_by(parameter) {
        Some(_) => limits::as_parameters(directory).any(|(known, _)| known == *parameter),
        None => directory.parameter(parameter).is_some(),
    }
}

/// What puts a parameter with the value of a request.
pub(super) fn changes(parameter: Parameter, body: &Body) -> Result<Vec<AccessChange>, ApiError> {
    let value = body.get("value").cloned().unwrap_or_default();
    Ok(match limits::limited_by(&parameter) {
        Some(vhost) => limits::replacing(vhost, &value)?,
        None => vec![AccessChange::PutParameter {
            parameter,
            value: value.to_string(),
        }],
    })
}

/// Parameters of components, also for definitions.
pub(super) fn rows(directory: &Directory, is_meant: impl Fn(&Parameter) -> bool) -> Vec<Value> {
    let kept = directory.parameters();
    let kept = kept.filter(|(parameter, _)| parameter.component.is_some() && is_meant(parameter));
    let kept = kept.map(|(parameter, value)| show(parameter, value));
    let limits = limits::as_parameters(directory);
    let limits = limits.filter(|(parameter, _)| is_meant(parameter));
    let limits = limits.map(|(parameter, value)| show(&parameter, &value));
    kept.chain(limits).collect()
}

/// The same of the whole broker.
pub(super) fn global_rows(directory: &Directory) -> Vec<Value> {
    let all = directory.parameters();
    let global = all.filter(|(parameter, _)| parameter.component.is_none());
    global
        .map(|(parameter, value)| show(parameter, value))
        .collect()
}

fn show(parameter: &Parameter, value: &str) -> Value {
    let value: Value = serde_json::from_str(value).unwrap_or_default();
    match (&parameter.component, &parameter.virtual_host) {
        (Some(component), Some(vhost)) => json!({
            "value": value,
            "vhost": vhost,
            "component": component,
            "name": parameter.name,
        }),
        _ => json!({"name": parameter.name, "value": value}),
    }
}
