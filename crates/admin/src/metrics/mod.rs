//! `GET /metrics`: an OpenMetrics page. Whoever counts keeps plain atomics; they are read, named and
//! labelled at the moment of the scrape, so that counting costs nothing more than an addition, and a
//! series goes away with what it is about.
//!
//! | module | what it reads |
//! |---|---|
//! | [`page`](Page) | nothing: a page in the making |
//! | `text` | nothing: the page as text |
//! | `budget` | nothing: how many series a page has room for |
//! | `node` | the build, readiness |
//! | `storage` | free space |
//! | `journal` | the shard's commits |
//! | `topics` | topics and partitions |
//! | `forwarding` | what queues were given of topics |
//! | `groups` | groups, committed offsets, lag |
//! | [`gateway`](GatewayReading) | connections and requests of a protocol |
//! | `process` | memory, files, processor time |

mod budget;
mod forwarding;
mod gateway;
mod groups;
mod journal;
mod node;
mod page;
mod process;
pub(crate) mod storage;
mod text;
mod topics;

use std::sync::Arc;

use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use tokio::sync::OwnedSemaphorePermit;

pub use gateway::{Budget, GatewayReading, RequestLatency};
pub use page::{Kind, LabelValue, Labels, Metric, Page, Value};

use crate::admin::Context;
use crate::api::{ApiError, Query};
use crate::limits;
use budget::Budgets;
use groups::GroupReadings;
use storage::Storage;

/// Something that counts and can be read: a gateway, for example.
///
/// ```
/// use forebay_admin::metrics::{Budget, GatewayReading, MetricsSource, Page, RequestLatency};
/// use forebay_broker::storage::shard::{Counter, Histogram};
///
/// struct Gateway { opened: Counter, closed: Counter, produce: Histogram }
///
/// impl MetricsSource for Gateway {
///     fn read(&self, page: &mut Page) {
///         let reading = GatewayReading {
///             protocol: "kafka",
///             opened: self.opened.value(),
///             closed: vec![("orderly", self.closed.value())],
///             refused: 0,
///             connections_limit: 100,
///             in_flight: Some(0),
///             request_memory: Some(Budget::default()),
///             answer_memory: Some(Budget::default()),
///             received_bytes: 0,
///             sent_bytes: 0,
///         };
///         reading.put(page, [RequestLatency { api: "Produce", seconds: &self.produce }]);
///     }
/// }
/// ```
pub trait MetricsSource: Send + Sync + 'static {
    /// Puts what it has counted on the page. Must not block.
    fn read(&self, page: &mut Page);
}

/// What Prometheus asks for in `Accept`, and takes also when it did not.
const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// What a scrape may ask for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Asked {
    /// Whether to lift the bound on series.
    #[serde(default)]
    per_object: bool,
}

/// A page as it is sent, with its place among the large ones. Both go when the last byte is sent.
struct Sent {
    text: String,
    _place: Option<OwnedSemaphorePermit>,
}

impl AsRef<[u8]> for Sent {
    fn as_ref(&self) -> &[u8] {
        self.text.as_bytes()
    }
}

/// Answers a scrape.
pub(crate) async fn get(
    State(context): State<Context>,
    Query(asked): Query<Asked>,
) -> Result<Response, ApiError> {
    let (series, place) = if asked.per_object {
        let place = Arc::clone(&context.per_object_pages).try_acquire_owned();
        let place = place.map_err(|_| too_many_pages())?;
        (limits::SERIES_PER_OBJECT_MAX, Some(place))
    } else {
        (limits::SERIES_MAX, None)
    };
    let mut budgets = Budgets::new(series);
    let groups = GroupReadings::gather(&context.broker, &mut budgets).await;
    let storage = Storage::read(&context).await;
    // A million partitions take a while to look at.
    let text = tokio::task::spawn_blocking(move || {
        let mut page = Page::default();
        node::read(&context, &mut page);
        if let Some(storage) = storage {
            storage.put(&mut page);
        }
        journal::read(context.broker.shard_metrics(), &mut page);
        forwarding::read(context.broker.forward_metrics(), &mut page);
        topics::read(context.broker.catalog(), &mut budgets, &mut page);
        groups.put(&context.broker, &mut budgets, &mut page);
        for source in &context.sources {
            source.read(&mut page);
        }
        process::read(&mut page);
        budgets.put(&mut page);
        text::encode(page)
    });
    let text = text.await.map_err(|_| ApiError::internal())?;
    let text = text.map_err(|_| ApiError::internal())?;
    let body = Bytes::from_owner(Sent {
        text,
        _place: place,
    });
    Ok(([(header::CONTENT_TYPE, CONTENT_TYPE)], body).into_response())
}

fn too_many_pages() -> ApiError {
    let message = "as many pages with per_object=true are being made as there may be";
    ApiError::new(StatusCode::SERVICE_UNAVAILABLE, "busy", message)
}
