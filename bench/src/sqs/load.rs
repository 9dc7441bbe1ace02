//! Many connections that share so many messages.

use std::future::Future;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::runtime;
use tokio::task::JoinSet;

use super::connection::Connection;
use super::queue::Endpoint;
use crate::latency::Latencies;

/// What is done with a queue, by how many at once.
#[derive(Clone, Debug)]
pub struct Load {
    /// Where.
    pub endpoint: Endpoint,
    /// Connections, each with one request under way.
    pub connections: usize,
    /// Messages of a request; a receive may bring fewer.
    pub batch: usize,
    /// Messages in all, in whole batches.
    pub messages: u64,
    /// Bytes of a message.
    pub body_bytes: usize,
}

/// Runs everything on this thread.
pub(super) fn on_one_thread<T>(work: impl Future<Output = io::Result<T>>) -> io::Result<T> {
    runtime::Builder::new_current_thread()
        .enable_all()
        .build()?
        .block_on(work)
}

/// Ends when all of them have.
pub(super) async fn all_of<T: 'static>(mut tasks: JoinSet<io::Result<T>>) -> io::Result<Vec<T>> {
    let mut found = Vec::with_capacity(tasks.len());
    while let Some(task) = tasks.join_next().await {
        found.push(task.map_err(io::Error::other)??);
    }
    Ok(found)
}

/// Something that all connections have a part of.
pub(super) struct Supply(AtomicU64);

impl Supply {
    pub(super) fn of(count: u64) -> Self {
        Self(AtomicU64::new(count))
    }

    /// Takes one, unless none is left.
    pub(super) fn take(&self) -> bool {
        self.take_up_to(1) == 1
    }

    /// Takes so many, or what is left.
    pub(super) fn take_up_to(&self, most: u64) -> u64 {
        let left = self.0.load(Relaxed);
        let taken = most.min(left);
        // One thread: nobody comes between.
        self.0.store(left - taken, Relaxed);
        taken
    }

    pub(super) fn is_used_up(&self) -> bool {
        self.0.load(Relaxed) == 0
    }
}

/// A request, whose time is taken.
pub(super) async fn timed<'a>(
    connection: &'a mut Connection,
    request: &[u8],
    latencies: &mut Latencies,
) -> io::Result<&'a [u8]> {
    let began = Instant::now();
    let answer = connection.call(request).await?;
    latencies.add(began.elapsed());
    Ok(answer)
}

/// How long requests took; nothing if there were none.
pub(super) fn quantiles(mut latencies: Latencies) -> Value {
    let [Some(p50), Some(p99), Some(p999)] = latencies.quantiles_ms([0.5, 0.99, 0.999]) else {
        return Value::Null;
    };
    json!({ "p50_ms": p50, "p99_ms": p99, "p999_ms": p999 })
}

pub(super) fn rate(count: u64, time: Duration) -> f64 {
    (count as f64 / time.as_secs_f64()).round()
}
