//! Moves messages until there are none. Each is in exactly one place at any time, so what was moved stays so.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use forebay_broker::Broker;
use forebay_broker::host::{HostError, Peek, Redrive, VirtualHost};
use forebay_broker::queue::Place;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use super::register::{MoveTasks, Source};
use super::task::{Status, Task};
use crate::gateway::Shared;
use crate::limits;
use crate::sqs::error::SqsError;

/// How long a task waits when the journal has no room.
const BUSY_PAUSE: Duration = Duration::from_millis(50);

pub(super) struct Mover {
    broker: Broker,
    host: VirtualHost,
    queue: Bytes,
    source: Source,
    task: Arc<Task>,
    tasks: MoveTasks,
    disk_reads: Arc<Semaphore>,
}

/// Why it ends before its end.
enum Stopped {
    /// With the server: it goes on when that is there again.
    Server,
    /// For good.
    Failed(String),
}

impl From<HostError> for Stopped {
    fn from(error: HostError) -> Self {
        match error {
            HostError::Stopped => Self::Server,
            // By its code, as AWS has it.
            HostError::NoQueue(_) => {
                Self::Failed(SqsError::QueueDoesNotExist.entry_code().to_owned())
            }
            error => Self::Failed(error.to_string()),
        }
    }
}

impl Mover {
    pub(super) fn start(shared: &Shared, source: Source, task: Arc<Task>) {
        let mover = Self {
            broker: shared.broker.clone(),
            host: shared.broker.virtual_host(source.host),
            queue: Bytes::copy_from_slice(source.queue.as_bytes()),
            source,
            task,
            tasks: shared.sqs.move_tasks.clone(),
            disk_reads: Arc::clone(&shared.disk_reads),
        };
        tokio::spawn(mover.run());
    }

    async fn run(self) {
        match self.walk().await {
            Ok(()) => self.task.finish(),
            Err(Stopped::Server) => return,
            Err(Stopped::Failed(why)) => {
                tracing::warn!(
                    source = self.task.source(),
                    why,
                    "a message move task failed"
                );
                self.task.fail(why);
            }
        }
        self.keep().await;
    }

    async fn keep(&self) {
        if let Err(error) = self.tasks.keep(&self.broker, &self.source).await {
            tracing::warn!(source = self.task.source(), %error, "how a message move task stands is not kept");
        }
    }

    /// From the oldest message to the one that was the last when it began.
    async fn walk(&self) -> Result<(), Stopped> {
        let failed = |error: String| Stopped::Failed(error);
        let mut from = 0;
        let mut kept = Instant::now();
        // With a rate, so many in a second; a task without one moves as fast as it goes.
        let (limit, pause) = match self.task.rate() {
            Some(rate) => (usize::try_from(rate).unwrap_or(1), Duration::from_secs(1)),
            None => (limits::MOVED_AT_ONCE, Duration::ZERO),
        };
        while self.task.status() == Status::Running {
            let peek = Peek {
                queue: self.queue.clone(),
                from,
                below: self.task.below(),
                limit,
            };
            let peeked = self.host.peek(peek).await?;
            let Some(last) = peeked.standings.last() else {
                return Ok(());
            };
            let next = last.offset + 1;
            let permit = Arc::clone(&self.disk_reads).acquire_owned().await;
            let _permit = permit.map_err(|_| Stopped::Server)?;
            let read =
                tokio::task::spawn_blocking(move || peeked.read(limits::MOVED_BYTES_AT_ONCE));
            let read = read.await.map_err(|_| Stopped::Server)?;
            let read = read.map_err(|error| failed(error.to_string()))?;
            let next = read.next.unwrap_or(next);
            let ready = read.messages.into_iter();
            let ready = ready.filter(|(standing, _)| standing.place == Place::Ready);
            let messages: Vec<_> = ready.map(|(_, message)| message).collect();
            if messages.is_empty() {
                from = next;
                continue;
            }
            let redrive = Redrive {
                queue: self.queue.clone(),
                messages,
                to: self.task.target(),
            };
            let redriven = self.host.redrive(redrive).await?;
            self.task.count(redriven.moved);
            from = redriven.stopped_at.unwrap_or(next);
            if kept.elapsed() >= limits::MOVE_TASK_KEPT_EVERY {
                self.keep().await;
                kept = Instant::now();
            }
            if redriven.stopped_at.is_some() {
                tokio::time::sleep(BUSY_PAUSE).await;
            } else if !pause.is_zero() {
                tokio::time::sleep(pause).await;
            }
        }
        Ok(())
    }
}
