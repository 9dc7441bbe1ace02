//! What all connections of AMQP clients share.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::Broker;
use forebay_broker::host::Recalled;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{Semaphore, watch};

use crate::amqp091::session::{self, ReplyAddresses};
use crate::limits;
use crate::metrics::GatewayMetrics;
use crate::registry::Registry;
use crate::seats::Seats;

/// What an operator may set about the gateway.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// What the broker calls itself. Clients look at it to learn what they may use.
    pub product: String,
    /// The version that it claims to be compatible with. Clients look at it, too.
    pub version: String,
    /// The version of Forebay.
    pub forebay_version: String,
    /// The largest frame that is proposed.
    pub frame_max: u32,
    /// Channels of one connection.
    pub channel_max: u16,
    /// Seconds between signs of life that are proposed.
    pub heartbeat: u16,
    /// The largest body of a message.
    pub message_bytes_max: u64,
    /// Reads from disk at a time, over all connections.
    pub disk_reads_at_once: usize,
}

impl Default for GatewayOptions {
    fn default() -> Self {
        Self {
            product: "RabbitMQ".to_owned(),
            version: "4.3.6".to_owned(),
            forebay_version: env!("CARGO_PKG_VERSION").to_owned(),
            frame_max: limits::FRAME_BYTES_MAX,
            channel_max: limits::CHANNELS_MAX,
            heartbeat: limits::HEARTBEAT_SECONDS,
            message_bytes_max: limits::MESSAGE_BYTES_MAX,
            disk_reads_at_once: limits::DISK_READS_AT_ONCE,
        }
    }
}

/// The RabbitMQ gateway: handed connections, it serves them.
#[derive(Clone)]
pub struct Gateway {
    shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) broker: Broker,
    pub(crate) options: GatewayOptions,
    pub(crate) metrics: GatewayMetrics,
    pub(crate) registry: Arc<Registry>,
    pub(crate) seats: Arc<Seats>,
    /// Who waits for answers.
    pub(crate) replies: ReplyAddresses,
    /// Permits to read from disk.
    pub(crate) disk_reads: Arc<Semaphore>,
    /// True once connections are to end.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Shared {
    /// What clients are told that the cluster is called.
    pub(crate) fn cluster_name(&self) -> String {
        format!("forebay@{}", self.broker.cluster_id())
    }
}

impl Gateway {
    /// A gateway to `broker`.
    pub fn new(broker: Broker, options: GatewayOptions) -> Self {
        let shared = Shared {
            broker,
            metrics: GatewayMetrics::default(),
            registry: Arc::default(),
            seats: Arc::default(),
            replies: ReplyAddresses::default(),
            disk_reads: Arc::new(Semaphore::new(options.disk_reads_at_once.max(1))),
            stopping: watch::Sender::new(false),
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Serves one connection until either side ends it; `local` is the address that the client came to.
    pub async fn serve<S>(&self, stream: S, peer: SocketAddr, local: SocketAddr)
    where
        S: AsyncRead + AsyncWrite + Send,
    {
        let metrics = &self.shared.metrics;
        metrics.connections.add(1);
        let ending = session::serve(&self.shared, stream, peer, local).await;
        metrics.ended(ending);
    }

    /// What of the broker the management API looks at.
    pub(crate) fn shared(&self) -> &Arc<Shared> {
        &self.shared
    }

    /// Has every connection close.
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

/// Reads the properties of messages that this gateway stored, for the broker to route them again
/// ([`BrokerOptions::recall`](forebay_broker::BrokerOptions)).
pub fn recall(properties: &Bytes) -> Recalled {
    session::recall(properties)
}

/// Waits for the word to end. A gateway that is gone counts as one that stops.
pub(crate) async fn stop_requested(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}
