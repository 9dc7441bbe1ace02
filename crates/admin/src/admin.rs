//! The routes, and what every handler may look at.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::{DefaultBodyLimit, Request};
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Router, http::StatusCode};
use forebay_broker::Broker;
use tokio::sync::Semaphore;

use crate::api::{self, ApiError};
use crate::limits;
use crate::metrics::{self, MetricsSource};
use crate::node::NodeInfo;
use crate::readiness::Readiness;
use crate::{health, index};

/// The HTTP side of one broker.
#[derive(Clone)]
pub struct Admin {
    context: Context,
    /// What gateways bring, by the paths that it is below.
    mounted: Vec<(&'static str, Router)>,
}

/// What handlers share.
pub(crate) type Context = Arc<Shared>;

pub(crate) struct Shared {
    pub(crate) broker: Broker,
    pub(crate) readiness: Readiness,
    pub(crate) sources: Vec<Arc<dyn MetricsSource>>,
    pub(crate) node: NodeInfo,
    /// When this was made, on the broker's monotonic clock.
    started: Duration,
    /// Places for pages of metrics without the usual bound.
    pub(crate) per_object_pages: Arc<Semaphore>,
}

impl Shared {
    /// Time since the start.
    pub(crate) fn uptime(&self) -> Duration {
        self.broker.now().monotonic.saturating_sub(self.started)
    }
}

impl fmt::Debug for Admin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Admin({:?})", self.context.broker)
    }
}

impl Admin {
    /// The HTTP side of `broker`. `sources` are asked at every scrape for what they count.
    pub fn new(
        broker: Broker,
        readiness: Readiness,
        sources: Vec<Arc<dyn MetricsSource>>,
        node: NodeInfo,
    ) -> Self {
        let started = broker.now().monotonic;
        let shared = Shared {
            broker,
            readiness,
            sources,
            node,
            started,
            per_object_pages: Arc::new(Semaphore::new(limits::PER_OBJECT_PAGES)),
        };
        Self {
            context: Arc::new(shared),
            mounted: Vec::new(),
        }
    }

    /// Serves what a gateway brings below a path, under the same bounds. It says for itself who may ask.
    #[must_use]
    pub fn mount(mut self, path: &'static str, router: Router) -> Self {
        self.mounted.push((path, router));
        self
    }

    /// All routes. Clones are cheap; [`serve_connection`](crate::serve_connection) takes one.
    pub fn router(&self) -> Router {
        let own = Router::new()
            .route("/", get(index::get))
            .route("/livez", get(health::livez::get))
            .route("/readyz", get(health::readyz::get))
            .route("/healthz", get(health::healthz::get))
            .route("/metrics", get(metrics::get))
            .nest("/api/v1", api::routes())
            .with_state(Arc::clone(&self.context));
        let mounted = self.mounted.iter().cloned();
        let all = mounted.fold(own, |all, (path, router)| all.nest(path, router));
        all.fallback(async || ApiError::no_such_route())
            .method_not_allowed_fallback(async || ApiError::method_not_allowed())
            .layer(DefaultBodyLimit::max(limits::BODY_BYTES_MAX))
            .layer(middleware::from_fn(bounded))
            .layer(middleware::map_response(guarded))
    }
}

/// No request holds its connection for ever, whether its body does not come or the shard does not
/// answer.
async fn bounded(request: Request, next: Next) -> Response {
    match tokio::time::timeout(limits::REQUEST_TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_) => {
            let message = "the request took too long; what it asked for may still happen";
            ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", message).into_response()
        }
    }
}

/// Answers are what their content type says, and true only now.
async fn guarded(mut response: Response) -> Response {
    let headers = response.headers_mut();
    let nosniff = HeaderValue::from_static("nosniff");
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, nosniff);
    let no_store = HeaderValue::from_static("no-store");
    headers.insert(header::CACHE_CONTROL, no_store);
    response
}
