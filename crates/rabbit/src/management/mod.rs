//! RabbitMQ's management API: JSON over HTTP, as its tools and dashboards ask for it. A router that is
//! mounted at `/api` by whoever has a listener; field names, types and errors are those of RabbitMQ 4.3.
//!
//! | module | what it is |
//! |---|---|
//! | `authentication`, `error` | who asks, and what is answered where nothing else is |
//! | `listing` | pages, order and columns of what is listed |
//! | `rates`, `stats` | counters, and how fast they grow |
//! | `heads` | when what is first in queues was sent |
//! | `json` | tables of AMQP as JSON, and back |
//! | `node` | what whoever runs the process says of it |
//! | `overview`, `nodes`, `health`, `features` | the broker as a whole |
//! | `queues`, `streams`, `queue_messages`, `exchanges`, `publish`, `bindings`, `topic_bindings` | what messages go through |
//! | `connections`, `channels`, `consumers` | who is there |
//! | `virtual_hosts`, `users`, `permissions`, `policies`, `policy_rules`, `parameters`, `limits` | who may do what, and where |
//! | `definitions` | all but messages, out of one broker and into another |
//!
//! What operators look at is gathered a bounded part at a time, so that the broker serves others in
//! between ([`crate::limits::INSPECTED_AT_ONCE`]).

mod authentication;
mod bindings;
mod body;
mod channels;
mod connections;
mod consumers;
mod definitions;
mod error;
mod exchanges;
mod features;
mod heads;
mod health;
mod json;
mod limits;
mod listing;
mod node;
mod nodes;
mod overview;
mod parameters;
mod permissions;
mod policies;
mod policy_rules;
mod publish;
mod queue_messages;
mod queues;
mod rates;
mod stats;
mod streams;
mod topic_bindings;
mod users;
mod virtual_hosts;
mod walk;

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware;
use axum::routing::{get, post, put};
use bytes::Bytes;
use forebay_broker::access::AccessChange;
use forebay_broker::host::{HostError, VirtualHost};
use forebay_broker::storage::shard::Counter;
use tower::ServiceExt;

use crate::gateway::{self, Gateway};
use crate::limits as bounds;
use crate::registry::ConnectionEntry;
use authentication::Principal;
use error::ApiError;
use heads::Heads;
use rates::Rates;

pub use node::{Listener, NodeInfo, ProcessUsage};

/// What handlers share.
type Context = Arc<Shared>;

struct Shared {
    gateway: Arc<gateway::Shared>,
    node: NodeInfo,
    rates: Rates,
    heads: Heads,
    logins: Logins,
    /// When this was made, on the broker's monotonic clock.
    started: Duration,
}

/// Requests by whether somebody was logged in.
#[derive(Debug, Default)]
struct Logins {
    succeeded: Counter,
    failed: Counter,
}

impl Logins {
    fn count(&self, known: bool) {
        let counter = if known { &self.succeeded } else { &self.failed };
        counter.add(1);
    }
}

impl Shared {
    fn now(&self) -> Duration {
        self.gateway.broker.now().monotonic
    }

    /// The virtual host of this name, whoever asks.
    fn any_virtual_host(&self, name: &str) -> Option<VirtualHost> {
        let broker = &self.gateway.broker;
        let entry = broker.directory().virtual_host(name).map(|entry| entry.id);
        entry.map(|id| broker.virtual_host(id))
    }

    /// Changes virtual hosts, users or policies.
    async fn change_access(&self, changes: Vec<AccessChange>) -> Result<(), ApiError> {
        Ok(self.gateway.broker.change_access(changes).await?)
    }

    /// The connections that are meant, of those that may be seen.
    fn connections(
        &self,
        principal: &Principal,
        is_meant: impl Fn(&ConnectionEntry) -> bool,
    ) -> Vec<Arc<ConnectionEntry>> {
        let mut all = self.gateway.registry.connections();
        all.retain(|found| is_meant(found) && principal.sees_those_of(&found.facts.user));
        all
    }

    /// The connection of this name, if it may be seen.
    fn connection(
        &self,
        principal: &Principal,
        name: &str,
    ) -> Result<Arc<ConnectionEntry>, ApiError> {
        let found = self.gateway.registry.connection(name);
        let found = found.ok_or(ApiError::NoObject)?;
        match principal.sees_those_of(&found.facts.user) {
            true => Ok(found),
            false => Err(ApiError::AccessRefused(
                "User not authorised to access object",
            )),
        }
    }
}

/// What is answered to who puts something.
fn put_status(is_there: bool) -> StatusCode {
    match is_there {
        true => StatusCode::NO_CONTENT,
        false => StatusCode::CREATED,
    }
}

/// What the broker says where it is only looked at.
impl From<HostError> for ApiError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::NoQueue(_) | HostError::NoExchange(_) | HostError::NoVirtualHost => {
                Self::NoObject
            }
            _ => Self::Unavailable,
        }
    }
}

/// The management API over what a gateway serves.
#[derive(Clone)]
pub struct Management(Context);

impl Management {
    /// Over `gateway`, in the process that `node` describes.
    pub fn new(gateway: &Gateway, node: NodeInfo) -> Self {
        let shared = Arc::clone(gateway.shared());
        Self(Arc::new(Shared {
            started: shared.broker.now().monotonic,
            gateway: shared,
            node,
            rates: Rates::default(),
            heads: Heads::default(),
            logins: Logins::default(),
        }))
    }

    /// Its routes, to be mounted at `/api`.
    pub fn routes(&self) -> Router {
        routes(&self.0)
    }

    /// Takes in definitions, as `POST /definitions` does for an administrator. What is there already stays
    /// as it is.
    ///
    /// # Errors
    /// What is wrong with them, in words.
    pub async fn load_definitions(&self, json: Bytes) -> Result<(), String> {
        let loaded = definitions::load(Arc::clone(&self.0), &json).await;
        loaded.map_err(|error| error.to_string())
    }
}

fn routes(context: &Context) -> Router {
    let authenticated =
        middleware::from_fn_with_state(Arc::clone(context), authentication::required);
    let routed = Router::new()
        .merge(whole())
        .merge(clients())
        .merge(messages())
        .merge(access())
        .fallback(async || ApiError::NoObject)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(DefaultBodyLimit::max(bounds::MANAGEMENT_BODY_BYTES_MAX))
        .layer(authenticated)
        .with_state(Arc::clone(context));
    // Before anything is looked up, as RabbitMQ does it.
    Router::new().fallback(async move |mut request: Request| {
        without_trailing_slash(&mut request);
        routed.oneshot(request).await
    })
}

/// `/queues/` is `/queues`.
fn without_trailing_slash(request: &mut Request) {
    let uri = request.uri();
    let Some(path) = uri.path().strip_suffix('/').filter(|path| !path.is_empty()) else {
        return;
    };
    let shorter = match uri.query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    // What was a part of an address is one without its last byte.
    if let Ok(shorter) = shorter.parse() {
        *request.uri_mut() = shorter;
    }
}

/// The broker as a whole.
fn whole() -> Router<Context> {
    Router::new()
        .route("/whoami", get(overview::whoami))
        .route("/overview", get(overview::get))
        .route("/version", get(overview::version))
        .route("/cluster-name", get(overview::cluster_name))
        .route("/extensions", get(features::extensions))
        .route("/feature-flags", get(features::flags))
        .route("/deprecated-features", get(features::deprecated))
        .route("/deprecated-features/used", get(features::deprecated_used))
        .route("/auth", get(overview::auth))
        .route("/auth/attempts/{node}", get(overview::auth_attempts))
        .route("/nodes", get(nodes::list))
        .route("/nodes/{name}", get(nodes::get))
        .route("/nodes/{name}/memory", get(nodes::memory))
        .route("/aliveness-test/{vhost}", get(health::aliveness))
        .route("/health/checks/{check}", get(health::check))
        .route("/health/checks/{check}/{of}", get(health::check_of))
        .route(
            "/health/checks/{check}/{of}/{within}",
            get(health::check_within),
        )
}

/// Who is there.
fn clients() -> Router<Context> {
    let user = get(connections::of_user).delete(connections::close_of_user);
    Router::new()
        .route("/connections", get(connections::list))
        .route(
            "/connections/{name}",
            get(connections::get).delete(connections::close),
        )
        .route("/connections/{name}/channels", get(channels::of_connection))
        .route("/connections/username/{user}", user)
        .route("/channels", get(channels::list))
        .route("/channels/{name}", get(channels::get))
        .route(
            "/vhosts/{vhost}/connections",
            get(connections::of_virtual_host),
        )
        .route("/vhosts/{vhost}/channels", get(channels::of_virtual_host))
        .route("/consumers", get(consumers::list))
        .route("/consumers/{vhost}", get(consumers::of_virtual_host))
}

/// Who may do what, and where.
fn access() -> Router<Context> {
    let vhost = get(virtual_hosts::get)
        .put(virtual_hosts::put)
        .delete(virtual_hosts::delete);
    let user = get(users::get).put(users::put).delete(users::delete);
    let permission = get(permissions::get)
        .put(permissions::put)
        .delete(permissions::delete);
    let topic = get(permissions::get_topics)
        .put(permissions::put_topic)
        .delete(permissions::delete_topics);
    let policy = get(policies::get)
        .put(policies::put)
        .delete(policies::delete);
    let of_operators = get(policies::get_of_operators)
        .put(policies::put_of_operators)
        .delete(policies::delete_of_operators);
    let global = get(parameters::get_global)
        .put(parameters::put_global)
        .delete(parameters::delete_global);
    let parameter = get(parameters::get)
        .put(parameters::put)
        .delete(parameters::delete);
    let of_vhost = get(definitions::of_virtual_host).post(definitions::import_into);
    let vhost_limit = put(limits::put_of_virtual_host).delete(limits::delete_of_virtual_host);
    let user_limit = put(limits::put_of_user).delete(limits::delete_of_user);
    Router::new()
        .route("/vhosts", get(virtual_hosts::list))
        .route("/vhosts/{vhost}", vhost)
        .route(
            "/vhosts/{vhost}/permissions",
            get(permissions::of_virtual_host),
        )
        .route(
            "/vhosts/{vhost}/topic-permissions",
            get(permissions::topics_of_virtual_host),
        )
        .route("/vhosts/{vhost}/start/{node}", post(virtual_hosts::start))
        .route("/users", get(users::list))
        .route(
            "/users/without-permissions",
            get(users::without_permissions),
        )
        .route("/users/bulk-delete", post(users::delete_all))
        .route("/users/{user}", user)
        .route("/users/{user}/permissions", get(permissions::of_user))
        .route(
            "/users/{user}/topic-permissions",
            get(permissions::topics_of_user),
        )
        .route("/auth/hash_password/{password}", get(users::hash_password))
        .route("/permissions", get(permissions::list))
        .route("/permissions/{vhost}/{user}", permission)
        .route("/topic-permissions", get(permissions::topics))
        .route("/topic-permissions/{vhost}/{user}", topic)
        .route("/policies", get(policies::list))
        .route("/policies/{vhost}", get(policies::of_virtual_host))
        .route("/policies/{vhost}/{name}", policy)
        .route("/operator-policies", get(policies::list_of_operators))
        .route("/operator-policies/{vhost}", get(policies::of_operators_in))
        .route("/operator-policies/{vhost}/{name}", of_operators)
        .route("/global-parameters", get(parameters::globals))
        .route("/global-parameters/{name}", global)
        .route("/parameters", get(parameters::list))
        .route("/parameters/{component}", get(parameters::of_component))
        .route(
            "/parameters/{component}/{vhost}",
            get(parameters::of_virtual_host),
        )
        .route("/parameters/{component}/{vhost}/{name}", parameter)
        .route("/vhost-limits", get(limits::of_virtual_hosts))
        .route("/vhost-limits/{vhost}", get(limits::of_virtual_host))
        .route("/vhost-limits/{vhost}/{limit}", vhost_limit)
        .route("/user-limits", get(limits::of_users))
        .route("/user-limits/{user}", get(limits::of_user))
        .route("/user-limits/{user}/{limit}", user_limit)
        .route(
            "/definitions",
            get(definitions::get).post(definitions::import),
        )
        .route("/definitions/{vhost}", of_vhost)
}

/// What messages go through.
fn messages() -> Router<Context> {
    let queue = get(queues::get).put(queues::declare).delete(queues::delete);
    let exchange = get(exchanges::get)
        .put(exchanges::declare)
        .delete(exchanges::delete);
    let between = get(bindings::between).post(bindings::bind);
    let binding = get(bindings::get).delete(bindings::unbind);
    Router::new()
        .route("/queues", get(queues::list))
        .route("/queues/detailed", get(queues::list))
        .route("/queues/{vhost}", get(queues::of_virtual_host))
        .route("/queues/{vhost}/{name}", queue)
        .route("/queues/{vhost}/{name}/bindings", get(bindings::of_queue))
        .route(
            "/queues/{vhost}/{name}/contents",
            axum::routing::delete(queue_messages::purge),
        )
        .route("/queues/{vhost}/{name}/get", post(queue_messages::get))
        .route("/queues/{vhost}/{name}/actions", post(queue_messages::act))
        .route("/exchanges", get(exchanges::list))
        .route("/exchanges/{vhost}", get(exchanges::of_virtual_host))
        .route("/exchanges/{vhost}/{name}", exchange)
        .route("/exchanges/{vhost}/{name}/publish", post(publish::publish))
        .route(
            "/exchanges/{vhost}/{name}/bindings/source",
            get(bindings::from_exchange),
        )
        .route(
            "/exchanges/{vhost}/{name}/bindings/destination",
            get(bindings::to_exchange),
        )
        .route("/bindings", get(bindings::list))
        .route("/bindings/{vhost}", get(bindings::of_virtual_host))
        .route("/bindings/{vhost}/e/{source}/{kind}/{destination}", between)
        .route(
            "/bindings/{vhost}/e/{source}/{kind}/{destination}/{props}",
            binding,
        )
}
