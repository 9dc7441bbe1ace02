//! What all Kafka connections share.

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::Broker;
use tokio::sync::watch;

use crate::answer_memory::AnswerMemory;
use crate::disk_reads::DiskReads;
use crate::fetch::FetchSessions;
use crate::limits;
use crate::metrics::GatewayMetrics;
use crate::request_memory::RequestMemory;

/// The broker's id towards Kafka clients. There is one node.
pub const NODE_ID: i32 = 1;
/// The epoch of every partition's leader. There is one leader, and a restart loses nothing that a
/// client may have seen, so no client ever has to look for a divergence.
pub(crate) const LEADER_EPOCH: i32 = 0;

/// What an operator may set about the gateway.
#[derive(Clone, Debug)]
pub struct GatewayOptions {
    /// The host that clients are told to connect to.
    pub advertised_host: String,
    /// The port that clients are told to connect to.
    pub advertised_port: u16,
    /// The largest request in bytes.
    pub frame_bytes_max: usize,
    /// Bytes of requests in flight over all connections.
    pub request_memory_bytes: usize,
    /// Bytes of answers that clients have not taken, over all connections.
    pub answer_memory_bytes: usize,
    /// Reads from disk at a time, over all connections. There should be a few more threads that may
    /// block, for whoever else needs one.
    pub disk_reads_at_once: usize,
    /// Time after which a connection without traffic is closed.
    pub idle_timeout: Duration,
    /// Time after which a connection is closed that is silent in the middle of a request.
    pub stall_timeout: Duration,
}

impl GatewayOptions {
    /// The defaults, at an address.
    pub fn at(advertised_host: impl Into<String>, advertised_port: u16) -> Self {
        Self {
            advertised_host: advertised_host.into(),
            advertised_port,
            frame_bytes_max: limits::FRAME_BYTES_MAX,
            request_memory_bytes: limits::REQUEST_MEMORY_BYTES,
            answer_memory_bytes: limits::ANSWER_MEMORY_BYTES,
            disk_reads_at_once: limits::DISK_READS_AT_ONCE,
            idle_timeout: limits::IDLE_TIMEOUT,
            stall_timeout: limits::STALL_TIMEOUT,
        }
    }
}

/// The Kafka gateway: handed connections, it serves them.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) shared: Arc<Shared>,
}

pub(crate) struct Shared {
    pub(crate) broker: Broker,
    pub(crate) options: GatewayOptions,
    /// The cluster's id as Kafka writes it.
    pub(crate) cluster_id: Arc<str>,
    pub(crate) host: Arc<str>,
    pub(crate) request_memory: RequestMemory,
    pub(crate) answer_memory: Arc<AnswerMemory>,
    pub(crate) disk_reads: DiskReads,
    pub(crate) fetch_sessions: FetchSessions,
    pub(crate) metrics: GatewayMetrics,
    /// True once connections are to end.
    pub(crate) stopping: watch::Sender<bool>,
}

impl Gateway {
    /// A gateway to `broker`.
    pub fn new(broker: Broker, options: GatewayOptions) -> Self {
        let shared = Shared {
            cluster_id: kafka_uuid(broker.cluster_id()).into(),
            host: options.advertised_host.as_str().into(),
            request_memory: RequestMemory::new(options.request_memory_bytes),
            answer_memory: AnswerMemory::new(options.answer_memory_bytes),
            disk_reads: DiskReads::new(options.disk_reads_at_once),
            fetch_sessions: FetchSessions::new(limits::FETCH_SESSIONS_MAX),
            metrics: GatewayMetrics::default(),
            stopping: watch::Sender::new(false),
            broker,
            options,
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Has every connection answer what it has been asked and end.
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

    /// Bytes of requests that are on their way in or being served.
    pub fn request_memory_used(&self) -> usize {
        self.shared.request_memory.used()
    }

    /// Bytes of answers that are being made or that clients have not taken.
    pub fn answer_memory_used(&self) -> usize {
        self.shared.answer_memory.used()
    }
}

/// Waits for the word to end. A gateway that is gone counts as one that stops.
pub(crate) async fn stop_requested(stopping: &mut watch::Receiver<bool>) {
    let _ = stopping.wait_for(|stop| *stop).await;
}

/// An id as Kafka prints it: URL-safe base64 without padding.
pub(crate) fn kafka_uuid(id: uuid::Uuid) -> String {
    const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    let value = id.as_u128();
    // 128 bits are 21 digits of six and one of two, which stands for its upper bits.
    let digit = |at: u32| match at {
        21 => (value << 4) & 0x3f,
        _ => (value >> (122 - 6 * at)) & 0x3f,
    };
    (0..22)
        .map(|at| char::from(ALPHABET[digit(at) as usize]))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::kafka_uuid;

    #[test]
    fn ids_are_printed_as_kafka_prints_them() {
        // java: new org.apache.kafka.common.Uuid(0x0123456789abcdefL, 0xfedcba9876543210L)
        let id = uuid::Uuid::from_u128(0x0123_4567_89ab_cdef_fedc_ba98_7654_3210);
        assert_eq!(kafka_uuid(id), "ASNFZ4mrze_-3LqYdlQyEA");
    }
}
