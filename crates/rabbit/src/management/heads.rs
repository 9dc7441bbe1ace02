//! When the messages at the heads of queues were sent: their property `timestamp`.
//!
//! Only the messages themselves have it, so they are read when somebody asks: those that are in memory at once, the others
//! from disk, for which a listing has a moment. What was read from disk is remembered, because a queue whose head is there is
//! one that stands still; what a listing did not get to is found by the next ones.

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::host::QueueDescription;
use forebay_broker::storage::{Batches, ColdRead, LogId, LogReader, Read, ReadError};
use hashbrown::HashMap;
use parking_lot::Mutex;

use super::Context;
use crate::amqp091::session::delivery::for_each_record;
use crate::amqp091::session::message;
use crate::limits::{HEADS_KNOWN_MAX, HEADS_READ_FOR};

/// A message, by its log and offset.
type Head = (LogId, u64);

/// The timestamps of heads that were read from disk, in seconds; None of those that have none.
#[derive(Debug, Default)]
pub(super) struct Heads(Mutex<Known>);

/// What was asked for lately is in `new`. When that is full, what is in `old` only was not asked for in a long time.
#[derive(Debug, Default)]
struct Known {
    new: HashMap<Head, Option<u64>>,
    old: HashMap<Head, Option<u64>>,
}

/// How long somebody waits for the disk.
#[derive(Clone, Copy, Debug)]
pub(super) enum Patience {
    /// As long as it takes: for one queue.
    Waits,
    /// So much longer, and not for others who read.
    For(Duration),
    /// Nothing is read, not even what is in memory.
    None,
}

impl Patience {
    /// That of a listing, by whether it shows what is read.
    pub(super) fn of_listing(is_shown: bool) -> Self {
        match is_shown {
            true => Self::For(HEADS_READ_FOR),
            false => Self::None,
        }
    }
}

/// Heads that are not in memory, each with the row that it is for.
type Cold = Vec<(usize, Head, ColdRead)>;

/// The timestamps of what is at the heads of these queues, in seconds: the earlier of that of the message that is delivered
/// next and that of the first which is not acknowledged, as far as they have any.
pub(super) async fn timestamps(
    context: &Context,
    queues: &[QueueDescription],
    patience: &mut Patience,
) -> Vec<Option<u64>> {
    let (mut earliest, mut cold) = (vec![None; queues.len()], Cold::new());
    // RabbitMQ does not say it of quorum queues.
    let is_shown = |queue: &QueueDescription| !queue.definition.is_quorum();
    let queues = match patience {
        Patience::None => &[],
        _ => queues,
    };
    for (row, queue) in queues.iter().enumerate().filter(|(_, it)| is_shown(it)) {
        let offsets = [queue.first_ready, queue.first_locked];
        let heads = offsets.into_iter().flatten().zip(queue.log.iter().cycle());
        for (offset, log) in heads {
            match context.heads.at_hand(log, offset) {
                Ok(seconds) => earliest[row] = earlier(earliest[row], seconds),
                Err(read) => cold.push((row, (log.id(), offset), read)),
            }
        }
    }
    if !cold.is_empty() {
        for (row, seconds) in read(context, cold, patience).await {
            earliest[row] = earlier(earliest[row], seconds);
        }
    }
    earliest
}

/// That of one queue.
pub(super) async fn timestamp(
    context: &Context,
    queue: &QueueDescription,
    patience: &mut Patience,
) -> Option<u64> {
    let queues = std::slice::from_ref(queue);
    let found = timestamps(context, queues, patience).await;
    found.into_iter().flatten().next()
}

/// Reads on a thread that may wait, as far as patience goes.
async fn read(context: &Context, cold: Cold, patience: &mut Patience) -> Vec<(usize, Option<u64>)> {
    let permits = Arc::clone(&context.gateway.disk_reads);
    let permit = match patience {
        Patience::Waits => permits.acquire_owned().await.ok(),
        Patience::For(Duration::ZERO) | Patience::None => None,
        Patience::For(_) => permits.try_acquire_owned().ok(),
    };
    let Some(permit) = permit else {
        return Vec::new();
    };
    let (context, allowed) = (Arc::clone(context), *patience);
    let run = move || {
        let _permit = permit;
        let start = context.now();
        let mut left = allowed;
        let mut found = Vec::new();
        for (row, head, read) in cold {
            let seconds = match read.run() {
                Ok(batches) => sent(&batches, head.1),
                // It was settled meanwhile.
                Err(ReadError::Deleted | ReadError::OutOfRange { .. }) => continue,
                Err(error) => {
                    tracing::error!(%error, offset = head.1, "a message cannot be read");
                    None
                }
            };
            context.heads.remember(head, seconds);
            found.push((row, seconds));
            if let Patience::For(most) = allowed {
                let rest = most.saturating_sub(context.now().saturating_sub(start));
                left = Patience::For(rest);
                if rest.is_zero() {
                    break;
                }
            }
        }
        (found, left)
    };
    let Ok((found, left)) = tokio::task::spawn_blocking(run).await else {
        return Vec::new();
    };
    *patience = left;
    found
}

impl Heads {
    /// The timestamp of a message, if there is no need to wait for it.
    fn at_hand(&self, log: &LogReader, offset: u64) -> Result<Option<u64>, ColdRead> {
        if let Some(known) = self.known((log.id(), offset)) {
            return Ok(known);
        }
        match log.read(offset, 1, true) {
            Ok(Read::Ready(batches)) => Ok(sent(&batches, offset)),
            Ok(Read::Cold(read)) => Err(read),
            // It was settled meanwhile.
            Err(_) => Ok(None),
        }
    }

    fn known(&self, head: Head) -> Option<Option<u64>> {
        let mut known = self.0.lock();
        if let Some(seconds) = known.new.get(&head) {
            return Some(*seconds);
        }
        let seconds = known.old.remove(&head)?;
        known.insert(head, seconds);
        Some(seconds)
    }

    fn remember(&self, head: Head, seconds: Option<u64>) {
        self.0.lock().insert(head, seconds);
    }
}

impl Known {
    fn insert(&mut self, head: Head, seconds: Option<u64>) {
        if self.new.len() >= HEADS_KNOWN_MAX {
            self.old = std::mem::take(&mut self.new);
        }
        self.new.insert(head, seconds);
    }
}

fn earlier(a: Option<u64>, b: Option<u64>) -> Option<u64> {
    a.into_iter().chain(b).min()
}

/// The timestamp of the message at `offset`.
fn sent(batches: &Batches, offset: u64) -> Option<u64> {
    let mut seconds = None;
    let read = for_each_record(batches, offset, offset + 1, |_, record, source| {
        let stored = message::stored(record, source, &Default::default());
        seconds = stored.properties.timestamp();
    });
    if let Err(error) = read {
        tracing::error!(%error, offset, "a message cannot be read");
    }
    seconds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn heads_that_are_asked_for_stay_known_and_others_are_forgotten() {
        let heads = Heads::default();
        let head = |offset: u64| (LogId(1), offset);
        heads.remember(head(0), Some(7));
        heads.remember(head(1), None);
        for offset in 2..3 * HEADS_KNOWN_MAX as u64 {
            heads.remember(head(offset), Some(offset));
            assert_eq!(heads.known(head(0)), Some(Some(7)));
        }
        assert_eq!(heads.known(head(1)), None);
        let known = heads.0.lock();
        assert!(known.new.len() + known.old.len() <= 2 * HEADS_KNOWN_MAX);
    }
}
