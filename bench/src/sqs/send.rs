//! Sending alone.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::fields::Field;
use super::load::{Load, Supply, all_of, on_one_thread, quantiles, rate, timed};
use crate::latency::Latencies;

impl Load {
    /// Sends all messages and receives none. Returns what it found.
    pub fn send(&self) -> io::Result<Value> {
        on_one_thread(self.send_all())
    }

    async fn send_all(&self) -> io::Result<Value> {
        let queue = self.endpoint.open().await?;
        let connections = queue.connect_all(self.connections).await?;
        let request: Arc<[u8]> = queue.send(self.batch, self.body_bytes).into();
        let requests = self.messages / self.batch as u64;
        let left = Arc::new(Supply::of(requests));
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let (request, left, batch) = (Arc::clone(&request), Arc::clone(&left), self.batch);
            tasks.spawn(async move {
                let mut latencies = Latencies::default();
                while left.take() {
                    let answer = timed(&mut connection, &request, &mut latencies).await?;
                    require_stored(answer, batch)?;
                }
                Ok(latencies)
            });
        }
        let mut latencies = Latencies::default();
        for of_one in all_of(tasks).await? {
            latencies.extend(of_one);
        }
        let took = began.elapsed();
        Ok(json!({
            "requests_per_second": rate(requests, took),
            "messages_per_second": rate(requests * self.batch as u64, took),
            "send": quantiles(latencies),
        }))
    }
}

/// Fails unless the server has taken so many messages: a batch may be refused in part.
pub(super) fn require_stored(answer: &[u8], messages: usize) -> io::Result<()> {
    let stored = Field::new("\"MessageId\"").values(answer).count();
    if stored == messages {
        return Ok(());
    }
    let answer = String::from_utf8_lossy(answer);
    Err(io::Error::other(format!(
        "{stored} of {messages} were taken: {answer}"
    )))
}
