//! Settings that every load shares, and the thread that hands out acknowledgements.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use rdkafka::ClientConfig;
use rdkafka::producer::{BaseProducer, Producer, ProducerContext};

/// What a load may fail with: said to a person, never handled.
pub(crate) type Failure = Box<dyn std::error::Error + Send + Sync>;

/// The longest wait for a broker that does not answer.
pub(crate) const PATIENCE: Duration = Duration::from_secs(120);
/// How often the polling thread looks whether it may end; acknowledgements wake it at once.
const POLL: Duration = Duration::from_millis(100);

/// A client of the broker at `bootstrap`.
pub(crate) fn config(bootstrap: &str) -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", bootstrap);
    config
}

/// A producer's settings: acknowledged by all replicas, idempotent as the Java client is by default.
pub(crate) fn producer_config(bootstrap: &str, linger_ms: u32) -> ClientConfig {
    let mut config = config(bootstrap);
    config
        .set("acks", "all")
        .set("enable.idempotence", "true")
        .set("linger.ms", linger_ms.to_string())
        .set("queue.buffering.max.messages", "100000")
        .set("queue.buffering.max.kbytes", "1048576");
    config
}

/// A record's value: as long as asked for, and nothing that a disk or a codec could shorten.
pub(crate) fn payload(bytes: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64;
    let mut next = || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state as u8
    };
    (0..bytes).map(|_| next()).collect()
}

/// A thread that runs the delivery callbacks of a producer until it is dropped.
pub(crate) struct Poller {
    stopped: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Poller {
    pub(crate) fn start<C: ProducerContext + 'static>(producer: &Arc<BaseProducer<C>>) -> Self {
        let stopped = Arc::new(AtomicBool::new(false));
        let thread = {
            let (producer, stopped) = (Arc::clone(producer), Arc::clone(&stopped));
            thread::spawn(move || {
                while !stopped.load(Ordering::Relaxed) || producer.in_flight_count() > 0 {
                    producer.poll(POLL);
                }
            })
        };
        Self {
            stopped,
            thread: Some(thread),
        }
    }
}

impl Drop for Poller {
    fn drop(&mut self) {
        self.stopped.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().expect("callbacks do not panic");
        }
    }
}
