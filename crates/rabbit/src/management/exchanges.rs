//! `/api/exchanges`: what there is of exchanges, and how they come and go.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{ExchangeDefinition, ExchangeDescription, VirtualHost};
use forebay_broker::policy::PolicyKind;
use forebay_broker::routing::{Arguments, RouterKind};
use serde_json::{Value, json};

use super::authentication::Principal;
use super::body::{self, Body};
use super::error::ApiError;
use super::listing::{ListQuery, Parameters};
use super::stats::Stats;
use super::{Context, json, put_status, walk};
use crate::amqp091::method::exchange::Declare;
use crate::amqp091::session::commands::exchange::{RESERVED, exchange_definition};
use crate::amqp091::session::errors::Subject;

/// What the default exchange, whose name is empty, is called in paths.
pub(super) const DEFAULT: &str = "amq.default";

/// The exchange that a part of a path names.
pub(super) fn named(name: &str) -> Bytes {
    match name {
        DEFAULT => Bytes::new(),
        name => Bytes::copy_from_slice(name.as_bytes()),
    }
}

/// Whether there is such an exchange.
pub(super) async fn known(host: &VirtualHost, name: &Bytes) -> Result<(), ApiError> {
    find(host, name).await.map(drop)
}

/// `GET /exchanges`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    answer(&context, principal.virtual_hosts(), &parameters).await
}

/// `GET /exchanges/{vhost}`
pub(super) async fn of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    answer(&context, vec![(vhost, host)], &parameters).await
}

/// `GET /exchanges/{vhost}/{name}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Value>, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let exchange = find(&host, &named(&name)).await?;
    let mut shown = show(&context, &vhost, &host, &exchange);
    shown["incoming"] = json!([]);
    shown["outgoing"] = json!([]);
    Ok(Json(ListQuery::unpaged(&parameters).project(shown)))
}

/// `PUT /exchanges/{vhost}/{name}`
pub(super) async fn declare(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    let host = principal.declaring_in(&vhost)?;
    let body = Body::parse(&bytes)?;
    let kind = body.text("type")?.unwrap_or("direct");
    let declare = Declare {
        exchange: body::short(&name)?,
        kind: body::short(kind)?,
        durable: body.flag("durable")?,
        auto_delete: body.flag("auto_delete")?,
        internal: body.flag("internal")?,
        arguments: body.arguments()?,
        ..Declare::default()
    };
    let name = named(&name);
    if name.is_empty() {
        return Err(ApiError::ACCESS_REFUSED);
    }
    let there = host.exchange(name.clone()).await?;
    let subject = Subject::exchange(&vhost, &name).with(&declare.arguments);
    principal.may_exchange(Action::Configure, &vhost, &name)?;
    let mut definition = exchange_definition(subject, &declare)?;
    if let Some(alternate) = &definition.alternate {
        principal.may_exchange(Action::Read, &vhost, &name)?;
        principal.may_exchange(Action::Write, &vhost, alternate)?;
    }
    if name.starts_with(RESERVED) {
        match &there {
            // What is always there is durable, whatever is said of it.
            Some(there) => definition.durable = there.definition.durable,
            None => return Err(ApiError::ACCESS_REFUSED),
        }
    }
    let declared = host.declare_exchange(definition).await;
    declared.map_err(|error| subject.refusal(error))?;
    Ok(put_status(there.is_some()))
}

/// `DELETE /exchanges/{vhost}/{name}`
pub(super) async fn delete(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<StatusCode, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let name = named(&name);
    find(&host, &name).await?;
    if name.is_empty() || name.starts_with(RESERVED) {
        return Err(ApiError::ACCESS_REFUSED);
    }
    principal.may_exchange(Action::Configure, &vhost, &name)?;
    let if_unused = parameters
        .get("if-unused")
        .is_some_and(|text| text == "true");
    let deleted = host.delete_exchange(name.clone(), if_unused).await;
    deleted.map_err(|error| Subject::exchange(&vhost, &name).refusal(error))?;
    Ok(StatusCode::NO_CONTENT)
}

async fn find(host: &VirtualHost, name: &Bytes) -> Result<ExchangeDescription, ApiError> {
    if name.is_empty() {
        return default_exchange(host).await;
    }
    let found = host.exchange(name.clone()).await?;
    found.ok_or(ApiError::NoObject)
}

/// The one that has every queue bound by its name. The broker only counts for it.
async fn default_exchange(host: &VirtualHost) -> Result<ExchangeDescription, ApiError> {
    let definition = ExchangeDefinition {
        name: Bytes::new(),
        kind: RouterKind::Direct,
        kind_name: Bytes::from_static(b"direct"),
        durable: true,
        auto_delete: false,
        internal: false,
        alternate: None,
        arguments: Arguments::default(),
    };
    let passed = host.default_exchange().await?;
    Ok(ExchangeDescription { definition, passed })
}

async fn answer(
    context: &Context,
    hosts: Vec<(String, VirtualHost)>,
    parameters: &Parameters,
) -> Result<Response, ApiError> {
    let query = ListQuery::parse(parameters)?;
    let mut rows = Vec::new();
    for (vhost, host) in hosts {
        rows.push(show(
            context,
            &vhost,
            &host,
            &default_exchange(&host).await?,
        ));
        let exchanges = walk::exchanges(&host).await?;
        rows.extend(
            exchanges
                .iter()
                .map(|exchange| show(context, &vhost, &host, exchange)),
        );
    }
    query.answer(rows)
}

fn show(
    context: &Context,
    vhost: &str,
    host: &VirtualHost,
    exchange: &ExchangeDescription,
) -> Value {
    let (exchange, passed) = (&exchange.definition, &exchange.passed);
    let name = json::text(&exchange.name);
    let directory = context.gateway.broker.directory();
    let policy = directory.policy_of_exchange(PolicyKind::User, host.id(), exchange);
    let is_own = exchange.name.is_empty() || exchange.name.starts_with(RESERVED);
    let mut shown = json!({
        "arguments": json::arguments(&exchange.arguments),
        "auto_delete": exchange.auto_delete,
        "durable": exchange.durable,
        "internal": exchange.internal,
        "name": name,
        "policy": policy.map(|(name, _)| name),
        "type": json::text(&exchange.kind_name),
        "user_who_performed_action": if is_own { "rmq-internal" } else { "guest" },
        "vhost": vhost,
    });
    // As with RabbitMQ, an exchange that nobody publishes to has none.
    if passed.published_in > 0 {
        let stats = Stats::new(&[
            ("publish_in", passed.published_in),
            ("publish_out", passed.published_out),
        ]);
        shown["message_stats"] = stats.object(context, format!("exchange {vhost} {name}"));
    }
    shown
}
