//! Sending, receiving and deleting in turn on every connection.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::connection::Connection;
use super::load::{Load, Supply, all_of, on_one_thread, quantiles, rate, timed};
use super::queue::Queue;
use super::send::require_stored;
use super::take::{Taking, require_deleted};
use crate::latency::Latencies;

/// How long the requests of one connection took.
#[derive(Default)]
struct Times {
    send: Latencies,
    receive: Latencies,
    delete: Latencies,
}

/// What is left to do for all connections.
struct Left {
    /// Requests that send.
    sends: Supply,
    /// Messages.
    deletes: Supply,
}

impl Load {
    /// Sends, receives and deletes all messages. Returns what it found.
    pub fn cycle(&self) -> io::Result<Value> {
        on_one_thread(self.cycle_all())
    }

    async fn cycle_all(&self) -> io::Result<Value> {
        let queue = self.endpoint.open().await?;
        let connections = queue.connect_all(self.connections).await?;
        let sends = self.messages / self.batch as u64;
        let messages = sends * self.batch as u64;
        let left = Arc::new(Left {
            sends: Supply::of(sends),
            deletes: Supply::of(messages),
        });
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for connection in connections {
            let (load, queue, left) = (self.clone(), queue.clone(), Arc::clone(&left));
            tasks.spawn(async move { load.turns(connection, &queue, &left).await });
        }
        let mut times = Times::default();
        for of_one in all_of(tasks).await? {
            times.send.extend(of_one.send);
            times.receive.extend(of_one.receive);
            times.delete.extend(of_one.delete);
        }
        let took = began.elapsed();
        Ok(json!({
            "messages_per_second": rate(messages, took),
            "send": quantiles(times.send),
            "receive": quantiles(times.receive),
            "delete": quantiles(times.delete),
        }))
    }

    async fn turns(
        &self,
        mut connection: Connection,
        queue: &Queue,
        left: &Left,
    ) -> io::Result<Times> {
        let send = queue.send(self.batch, self.body_bytes);
        let mut taking = Taking::new(queue, self.batch, 0);
        let mut times = Times::default();
        while !left.deletes.is_used_up() {
            if left.sends.take() {
                let answer = timed(&mut connection, &send, &mut times.send).await?;
                require_stored(answer, self.batch)?;
            }
            let began = Instant::now();
            let received = taking.receive(&mut connection).await?;
            if received > 0 {
                times.receive.add(began.elapsed());
                let answer = timed(&mut connection, taking.delete(), &mut times.delete).await?;
                require_deleted(answer)?;
                left.deletes.take_up_to(received as u64);
            }
        }
        Ok(times)
    }
}
