//! `/api/definitions`: everything but messages, out of one broker and into another. RabbitMQ's own files
//! are taken, and what is given RabbitMQ takes.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use bytes::Bytes;
use forebay_broker::access::{AccessChange, Parameter};
use forebay_broker::host::{BindingsPart, ConnectionId, HostError, VirtualHost};
use forebay_broker::policy::PolicyKind;
use futures_util::stream::{self, StreamExt, TryStreamExt};
use serde_json::{Value, json};

use super::authentication::{Principal, Tag};
use super::body::Body;
use super::error::ApiError;
use super::{
    Context, bindings, json, limits, overview, parameters, permissions, policies, streams,
    topic_bindings, users, virtual_hosts, walk,
};
use crate::amqp091::method::exchange::Declare as DeclareExchange;
use crate::amqp091::method::queue::Declare as DeclareQueue;
use crate::amqp091::session::commands::exchange::{RESERVED, binding, exchange_definition};
use crate::amqp091::session::commands::queue::queue_definition;
use crate::amqp091::session::commands::subscription::source_topic;
use crate::amqp091::session::errors::Subject;
use crate::limits::DECLARED_AT_ONCE;

/// The component that operators' policies are kept as parameters of.
const OPERATOR_POLICY: &str = "operator_policy";

/// `GET /definitions`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let directory = &principal.directory;
    let hosts: Vec<_> = directory
        .virtual_hosts()
        .map(|(name, entry)| {
            (
                name.to_owned(),
                context.gateway.broker.virtual_host(entry.id),
            )
        })
        .collect();
    let listed = directory.virtual_hosts().map(|(name, entry)| {
        json!({
            "name": name,
            "limits": limits::shown(&entry.limits),
            "metadata": virtual_hosts::metadata(entry),
        })
    });
    let listed: Vec<_> = listed.collect();
    let all_users: Vec<_> = directory
        .users()
        .map(|(name, user)| users::show(name, user))
        .collect();
    let put = directory.policies(PolicyKind::User);
    let put = put.map(|(vhost, name, policy)| policies::show(Some(vhost), name, policy));
    let put: Vec<_> = put.collect();
    let mut kept = parameters::rows(directory, |_| true);
    kept.extend(operator_policies(&principal, None));
    let mut definitions = head(&context);
    let mut add = |name: &str, value: Value| definitions[name] = value;
    add("rabbitmq_definition_format", json!("cluster"));
    add("original_cluster_name", json!(overview::cluster(&context)));
    add(
        "explanation",
        json!(format!(
            "Definitions of cluster '{}'",
            overview::cluster(&context)
        )),
    );
    add("users", all_users.into());
    add("vhosts", listed.into());
    add(
        "permissions",
        permissions::rows(directory, &|_, _| true).into(),
    );
    add(
        "topic_permissions",
        permissions::topic_rows(directory, &|_, _| true).into(),
    );
    add("parameters", kept.into());
    add(
        "global_parameters",
        parameters::global_rows(directory).into(),
    );
    add("policies", put.into());
    let topology = Topology::of(&hosts, true).await?;
    add("queues", topology.queues.into());
    add("exchanges", topology.exchanges.into());
    add("bindings", topology.bindings.into());
    Ok(Json(definitions))
}

/// `GET /definitions/{vhost}`
pub(super) async fn of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
) -> Result<Json<Value>, ApiError> {
    principal.require(Tag::Administrator)?;
    let host = known(&principal, &vhost)?;
    let directory = &principal.directory;
    let entry = directory.virtual_host(&vhost).ok_or(ApiError::NoObject)?;
    let put = directory.policies(PolicyKind::User);
    let put = put.filter(|(of, ..)| *of == vhost);
    let put: Vec<_> = put
        .map(|(_, name, policy)| policies::show(None, name, policy))
        .collect();
    let mut kept = parameters::rows(directory, |parameter| {
        parameter.virtual_host.as_deref() == Some(&vhost)
    });
    kept.extend(operator_policies(&principal, Some(&vhost)));
    for row in &mut kept {
        row.as_object_mut().map(|fields| fields.remove("vhost"));
    }
    let mut definitions = head(&context);
    let mut add = |name: &str, value: Value| definitions[name] = value;
    add("rabbitmq_definition_format", json!("single_virtual_host"));
    add("original_vhost_name", json!(vhost));
    add(
        "explanation",
        json!(format!("Definitions of virtual host '{vhost}'")),
    );
    add("description", json!(entry.description));
    add("metadata", virtual_hosts::metadata(entry));
    add("limits", limits::shown(&entry.limits).into());
    add("parameters", kept.into());
    add("policies", put.into());
    let topology = Topology::of(&[(vhost, host)], false).await?;
    add("queues", topology.queues.into());
    add("exchanges", topology.exchanges.into());
    add("bindings", topology.bindings.into());
    Ok(Json(definitions))
}

/// `POST /definitions`
pub(super) async fn import(
    State(context): State<Context>,
    principal: Principal,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    let definitions = parse(&bytes)?;
    detached(
        Import {
            context,
            only: None,
        },
        definitions,
    )
    .await
}

/// `POST /definitions/{vhost}`
pub(super) async fn import_into(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    principal.require(Tag::Administrator)?;
    known(&principal, &vhost)?;
    let definitions = parse(&bytes)?;
    let only = Some(vhost);
    detached(Import { context, only }, definitions).await
}

/// The virtual host; another answer than elsewhere where there is none.
fn known(principal: &Principal, vhost: &str) -> Result<VirtualHost, ApiError> {
    let missing = |_| ApiError::bad_request("vhost_not_found");
    principal.virtual_host(vhost).map_err(missing)
}

/// Takes in definitions of a whole broker that an operator gave it.
pub(super) async fn load(context: Context, bytes: &Bytes) -> Result<(), ApiError> {
    let definitions = Body::parse(bytes)?;
    let only = None;
    detached(Import { context, only }, definitions).await?;
    Ok(())
}

/// Goes on to the end, also when nobody waits any more: half of it helps nobody.
async fn detached(import: Import, definitions: Body) -> Result<StatusCode, ApiError> {
    let import = Arc::new(import);
    let done = tokio::spawn(async move { import.run(&definitions).await }).await;
    done.unwrap_or(Err(ApiError::Unavailable))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What RabbitMQ says of definitions that are none is another word.
fn parse(bytes: &Bytes) -> Result<Body, ApiError> {
    Body::parse(bytes).map_err(|_| ApiError::bad_request("failed_to_parse_json"))
}

fn head(context: &Context) -> Value {
    let options = &context.gateway.options;
    json!({
        "rabbit_version": options.version,
        "rabbitmq_version": options.version,
        "product_name": options.product,
        "product_version": options.version,
    })
}

/// Operators' policies, as RabbitMQ has them in its definitions.
fn operator_policies(principal: &Principal, only: Option<&str>) -> Vec<Value> {
    let all = principal.directory.policies(PolicyKind::Operator);
    let meant = all.filter(|(vhost, ..)| only.is_none_or(|only| only == *vhost));
    let rows = meant.map(|(vhost, name, policy)| {
        let mut value = policies::show(None, name, policy);
        value.as_object_mut().map(|fields| fields.remove("name"));
        json!({"vhost": vhost, "component": OPERATOR_POLICY, "name": name, "value": value})
    });
    rows.collect()
}

/// What messages go through, without what ends with a connection and what is always there.
#[derive(Default)]
struct Topology {
    queues: Vec<Value>,
    exchanges: Vec<Value>,
    bindings: Vec<Value>,
}

impl Topology {
    async fn of(hosts: &[(String, VirtualHost)], names_host: bool) -> Result<Self, HostError> {
        let mut found = Self::default();
        for (vhost, host) in hosts {
            let named = |mut row: Value| {
                if names_host {
                    row["vhost"] = json!(vhost);
                }
                row
            };
            // In the order of their names.
            let mut exclusive = Vec::new();
            let mut after = None;
            loop {
                let part = walk::queues(host, after).await?;
                let Some(last) = part.last() else { break };
                after = Some(last.definition.name.clone());
                for queue in part {
                    if queue.definition.exclusive.is_some() {
                        exclusive.push(queue.definition.name);
                        continue;
                    }
                    let followed = topic_bindings::of(host, &queue).await;
                    let followed = followed.iter().map(bindings::definition);
                    found.bindings.extend(followed.map(named));
                    let definition = queue.definition;
                    let arguments = json::arguments(&definition.arguments);
                    let kind = arguments.get("x-queue-type").cloned();
                    found.queues.push(named(json!({
                        "name": json::text(&definition.name),
                        "type": kind.unwrap_or_else(|| json!("classic")),
                        "durable": definition.durable,
                        "auto_delete": definition.settings.auto_delete,
                        "arguments": arguments,
                    })));
                }
            }
            let streams = host.streams();
            let streams = streams
                .iter()
                .filter_map(|topic| streams::definition(topic));
            found.queues.extend(streams.map(named));
            for exchange in walk::exchanges(host).await? {
                let exchange = exchange.definition;
                if exchange.name.starts_with(RESERVED) {
                    continue;
                }
                found.exchanges.push(named(json!({
                    "name": json::text(&exchange.name),
                    "type": json::text(&exchange.kind_name),
                    "durable": exchange.durable,
                    "auto_delete": exchange.auto_delete,
                    "internal": exchange.internal,
                    "arguments": json::arguments(&exchange.arguments),
                })));
            }
            for binding in walk::all_bindings(host, &BindingsPart::default()).await? {
                let to = &binding.destination;
                if !binding.to_exchange && exclusive.binary_search(to).is_ok() {
                    continue;
                }
                found.bindings.push(named(bindings::definition(&binding)));
            }
        }
        Ok(found)
    }
}

/// Definitions on their way in. What is there already stays as it is.
struct Import {
    context: Context,
    /// The virtual host that they are for; none if they say that themselves.
    only: Option<String>,
}

impl Import {
    async fn run(self: &Arc<Self>, definitions: &Body) -> Result<(), ApiError> {
        let changes = self.access_changes(definitions)?;
        self.context.change_access(changes).await?;
        // Exchanges first: queues may name them, and bindings name both.
        let exchanges = definitions.objects("exchanges")?;
        self.each(exchanges, Self::declare_exchange).await?;
        let queues = definitions.objects("queues")?;
        self.each(queues, Self::declare_queue).await?;
        self.each(definitions.objects("bindings")?, Self::bind)
            .await
    }

    /// Does something with each of a list, several at a time, so that they are made durable together.
    async fn each<A: Future<Output = Result<(), ApiError>> + Send>(
        self: &Arc<Self>,
        all: Vec<Body>,
        act: impl Fn(Arc<Self>, Body) -> A,
    ) -> Result<(), ApiError> {
        let acts = stream::iter(all).map(|body| act(Arc::clone(self), body));
        acts.buffer_unordered(DECLARED_AT_ONCE).try_collect().await
    }

    /// The virtual host that something is in.
    fn vhost(&self, body: &Body) -> Result<String, ApiError> {
        match &self.only {
            Some(only) => Ok(only.clone()),
            None => {
                body.require(&["vhost"])?;
                Ok(body.text("vhost")?.unwrap_or_default().to_owned())
            }
        }
    }

    fn host(&self, vhost: &str) -> Result<VirtualHost, ApiError> {
        let host = self.context.any_virtual_host(vhost);
        host.ok_or_else(|| ApiError::bad_request(format!("there is no vhost '{vhost}'")))
    }

    fn access_changes(&self, definitions: &Body) -> Result<Vec<AccessChange>, ApiError> {
        let mut changes = Vec::new();
        let directory = self.context.gateway.broker.directory();
        let text = |body: &Body, name: &str| -> Result<String, ApiError> {
            Ok(body.text(name)?.unwrap_or_default().to_owned())
        };
        // A virtual host's definitions say nothing of users and of other virtual hosts.
        if self.only.is_none() {
            for body in definitions.objects("users")? {
                changes.extend(users::changes(&self.context, text(&body, "name")?, &body)?);
            }
            for body in definitions.objects("vhosts")? {
                let name = text(&body, "name")?;
                let there = directory.virtual_host(&name);
                let body = body.object("metadata").unwrap_or(body);
                changes.push(virtual_hosts::change(name, &body, there)?);
            }
            for body in definitions.objects("permissions")? {
                let user = text(&body, "user")?;
                changes.push(permissions::change(user, self.vhost(&body)?, &body)?);
            }
            for body in definitions.objects("topic_permissions")? {
                let user = text(&body, "user")?;
                changes.push(permissions::topic_change(user, self.vhost(&body)?, &body)?);
            }
            for body in definitions.objects("global_parameters")? {
                let parameter = Parameter {
                    component: None,
                    virtual_host: None,
                    name: text(&body, "name")?,
                };
                changes.extend(parameters::changes(parameter, &body)?);
            }
        }
        for body in definitions.objects("policies")? {
            changes.push(AccessChange::PutPolicy {
                kind: PolicyKind::User,
                virtual_host: self.vhost(&body)?,
                name: text(&body, "name")?,
                policy: policies::policy(&body, PolicyKind::User)?,
            });
        }
        for body in definitions.objects("parameters")? {
            let (virtual_host, name) = (self.vhost(&body)?, text(&body, "name")?);
            let component = text(&body, "component")?;
            let value = body.object("value");
            match (&component[..], value) {
                (OPERATOR_POLICY, Some(value)) => changes.push(AccessChange::PutPolicy {
                    kind: PolicyKind::Operator,
                    virtual_host,
                    name,
                    policy: policies::policy(&value, PolicyKind::Operator)?,
                }),
                _ => {
                    let parameter = Parameter {
                        component: Some(component),
                        virtual_host: Some(virtual_host),
                        name,
                    };
                    changes.extend(parameters::changes(parameter, &body)?);
                }
            }
        }
        Ok(changes)
    }

    async fn declare_exchange(self: Arc<Self>, body: Body) -> Result<(), ApiError> {
        let vhost = self.vhost(&body)?;
        let host = self.host(&vhost)?;
        let declare = DeclareExchange {
            exchange: body.short("name")?,
            kind: body.short("type")?,
            durable: body.flag("durable")?,
            auto_delete: body.flag("auto_delete")?,
            internal: body.flag("internal")?,
            arguments: body.arguments()?,
            ..DeclareExchange::default()
        };
        if declare.exchange.starts_with(RESERVED) {
            return Ok(());
        }
        let subject = Subject::exchange(&vhost, &declare.exchange).with(&declare.arguments);
        let declared = host
            .declare_exchange(exchange_definition(subject, &declare)?)
            .await;
        kept(declared).map_err(|error| subject.refusal(error).into())
    }

    async fn declare_queue(self: Arc<Self>, body: Body) -> Result<(), ApiError> {
        let vhost = self.vhost(&body)?;
        let host = self.host(&vhost)?;
        let declare = DeclareQueue {
            queue: body.short("name")?,
            durable: body.flag("durable")?,
            auto_delete: body.flag("auto_delete")?,
            arguments: body.arguments()?,
            ..DeclareQueue::default()
        };
        let subject = Subject::queue(&vhost, &declare.queue).with(&declare.arguments);
        let nobody = ConnectionId::NOBODY;
        let directory = self.context.gateway.broker.directory();
        let entry = directory.virtual_host(&vhost);
        let default_type = entry.map_or("", |entry| &entry.default_queue_type);
        if host.stream(subject.name).is_some() {
            return Ok(());
        }
        let made_as = streams::made_as(&body)?;
        let stream = streams::declare(made_as, &host, subject, &declare, default_type);
        if stream.await?.is_some() {
            return Ok(());
        }
        let definition = queue_definition(subject, &declare, nobody, default_type)?;
        let declared = host.declare_queue(definition, nobody).await;
        kept(declared.map(drop)).map_err(|error| subject.refusal(error).into())
    }

    async fn bind(self: Arc<Self>, body: Body) -> Result<(), ApiError> {
        let vhost = self.vhost(&body)?;
        let host = self.host(&vhost)?;
        let (source, destination) = (body.short("source")?, body.short("destination")?);
        if source.is_empty() {
            return Ok(());
        }
        let to_exchange = body.text("destination_type")? == Some("exchange");
        let (key, table) = (body.short("routing_key")?, body.arguments()?);
        if !to_exchange && let Some(topic) = source_topic(&host, &source).await {
            if !streams::is_there(&host, &Bytes::copy_from_slice(&destination)).await? {
                return Err(ApiError::resource_missing(&vhost, "queue", &destination));
            }
            let queue = Subject::queue(&vhost, &destination);
            return topic_bindings::bind(&host, queue, &topic, &table).await;
        }
        let nobody = ConnectionId::NOBODY;
        let bind = binding(&source, &destination, to_exchange, &key, &table, nobody)?;
        let subject = Subject::exchange(&vhost, &source);
        host.bind(bind).await.map_err(|error| match error {
            HostError::NoExchange(name) => ApiError::resource_missing(&vhost, "exchange", &name),
            HostError::NoQueue(name) => ApiError::resource_missing(&vhost, "queue", &name),
            error => subject.refusal(error).into(),
        })
    }
}

/// What is there and is something else stays what it is.
fn kept(declared: Result<(), HostError>) -> Result<(), HostError> {
    match declared {
        Err(HostError::Inequivalent(_)) => Ok(()),
        other => other,
    }
}
