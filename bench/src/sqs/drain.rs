//! Receiving and deleting what waits.

use std::io;
use std::sync::Arc;
use std::time::Instant;

use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::load::{Load, Supply, all_of, on_one_thread, rate};
use super::take::{Taking, require_deleted};

impl Load {
    /// Receives and deletes so many messages, which are there; only looks how many there are if 0. Returns
    /// what it found.
    pub fn drain(&self) -> io::Result<Value> {
        on_one_thread(self.drain_all())
    }

    async fn drain_all(&self) -> io::Result<Value> {
        let queue = self.endpoint.open().await?;
        let found = queue.waiting().await?;
        if found < self.messages {
            return Err(io::Error::other(format!("only {found} messages wait")));
        }
        let connections = queue.connect_all(self.connections).await?;
        let left = Arc::new(Supply::of(self.messages));
        let began = Instant::now();
        let mut tasks = JoinSet::new();
        for mut connection in connections {
            let (mut taking, left) = (Taking::new(&queue, self.batch, 0), Arc::clone(&left));
            tasks.spawn(async move {
                let mut taken = 0;
                while !left.is_used_up() {
                    let received = taking.receive(&mut connection).await?;
                    if received > 0 {
                        require_deleted(connection.call(taking.delete()).await?)?;
                        left.take_up_to(received as u64);
                        taken += received as u64;
                    }
                }
                Ok(taken)
            });
        }
        // A little more than was asked for: some had requests under way.
        let taken: u64 = all_of(tasks).await?.iter().sum();
        Ok(json!({
            "found": found,
            "taken": taken,
            "messages_per_second": (taken > 0).then(|| rate(taken, began.elapsed())),
        }))
    }
}
