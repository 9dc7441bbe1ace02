//! What all connections of AWS clients share.

use std::net::SocketAddr;
use std::sync::Arc;

use forebay_broker::Broker;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

use crate::auth::Access;
use crate::metrics::GatewayMetrics;
use crate::request_id::RequestIds;
use crate::sns::{Sns, SnsOptions};
use crate::{http, limits, sns, sqs};

/// What an operator may set about the gateway.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The region of who names none. That of the default account is the virtual host that other protocols use.
    pub region: String,
    /// Who may ask.
    pub access: Access,
    /// A deleted queue's name is refused for 60 seconds, as AWS does.
    pub refuse_recently_deleted: bool,
    /// SNS's own.
    pub sns: SnsOptions,
    /// Bytes of requests that are being read, over all connections.
    pub request_memory_bytes: usize,
    /// Reads from disk at a time, over all connections.
    pub disk_reads_at_once: usize,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            region: "us-east-1".to_owned(),
            access: Access::Open,
            refuse_recently_deleted: false,
            sns: SnsOptions::default(),
            request_memory_bytes: limits::REQUEST_MEMORY_BYTES,
            disk_reads_at_once: limits::DISK_READS_AT_ONCE,
        }
    }
}

/// The AWS gateway: handed connections, it serves them.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) broker: Broker,
    pub(crate) options: GatewayOptions,
    pub(crate) metrics: GatewayMetrics,
    pub(crate) request_ids: RequestIds,
    /// What SQS remembers beside what the broker does.
    pub(crate) sqs: sqs::Sqs,
    /// Topics and subscriptions.
    pub(crate) sns: Arc<Sns>,
    /// KiB of requests that may be read still.
    pub(crate) request_memory: Semaphore,
    /// Permits to read from disk.
    pub(crate) disk_reads: Arc<Semaphore>,
    /// True once connections are to end.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Gateway {
    /// A gateway to `broker`.
    pub fn new(broker: Broker, options: GatewayOptions) -> Self {
        let request_kib = options.request_memory_bytes.div_ceil(1 << 10);
        // Whatever is configured, one request is taken at a time.
        let request_kib = request_kib.max(limits::REQUEST_BYTES_MAX.div_ceil(1 << 10));
        let shared = Shared {
            metrics: GatewayMetrics::default(),
            request_ids: RequestIds::new(broker.random()),
            sqs: sqs::Sqs::default(),
            sns: Arc::new(Sns::new(
                broker.clone(),
                options.region.clone(),
                options.access.is_verified(),
                options.sns.clone(),
            )),
            request_memory: Semaphore::new(request_kib.min(Semaphore::MAX_PERMITS)),
            disk_reads: Arc::new(Semaphore::new(options.disk_reads_at_once.max(1))),
            stopping: watch::Sender::new(false),
            broker,
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Serves one connection until either side ends it.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Unpin + Send,
    {
        let metrics = &self.shared.metrics;
        metrics.connections.add(1);
        let ending = http::serve(&self.shared, stream, peer).await;
        metrics.ended(ending);
    }

    /// Goes on with message move tasks, sends what waits for the endpoints of subscriptions, and replays archives, for as
    /// long as it is polled.
    pub async fn deliver(&self) {
        sqs::resume(&self.shared);
        let sns = &self.shared.sns;
        tokio::join!(sns::deliver(Arc::clone(sns)), sns::replay(Arc::clone(sns)));
    }

    /// What SNS shows operators, as a router to be mounted.
    pub fn sns_routes(&self) -> axum::Router {
        sns::routes(Arc::clone(&self.shared.sns))
    }

    /// Has every connection close when it has answered the request at hand. Long polls are answered at once.
    pub fn stop(&self) {
        self.shared.stopping.send_replace(true);
    }

    /// What the gateway counts.
    pub fn metrics(&self) -> &GatewayMetrics {
        &self.shared.metrics
    }

    /// Its settings.
    pub fn options(&self) -> &GatewayOptions {
        &self.shared.options
    }
}

impl Shared {
    /// Whether connections are to end.
    pub(crate) fn is_stopping(&self) -> bool {
        *self.stopping.borrow()
    }

    /// Waits for the word to end. A gateway that is gone counts as one that stops.
    pub(crate) async fn stop_requested(&self) {
        let _ = self.stopping.subscribe().wait_for(|stop| *stop).await;
    }
}
