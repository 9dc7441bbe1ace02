//! The connections that a listener may serve at one time.

use std::sync::Arc;

use forebay_broker::storage::shard::Counter;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

/// A listener's places, one a connection.
#[derive(Debug)]
pub(crate) struct Places {
    limit: usize,
    free: Arc<Semaphore>,
    refused: Counter,
}

impl Places {
    pub(crate) fn new(limit: usize) -> Arc<Self> {
        let limit = limit.min(Semaphore::MAX_PERMITS);
        Arc::new(Self {
            limit,
            free: Arc::new(Semaphore::new(limit)),
            refused: Counter::default(),
        })
    }

    /// A place for a connection, free again when it is dropped; none when all are taken, which
    /// counts as a refusal.
    pub(crate) fn take(&self) -> Option<OwnedSemaphorePermit> {
        let place = Arc::clone(&self.free).try_acquire_owned().ok();
        if place.is_none() {
            self.refused.add(1);
        }
        place
    }

    /// How many there are.
    pub(crate) fn limit(&self) -> usize {
        self.limit
    }

    /// How many are taken.
    pub(crate) fn taken(&self) -> usize {
        self.limit - self.free.available_permits()
    }

    /// Connections refused since the start because all places were taken.
    pub(crate) fn refused(&self) -> u64 {
        self.refused.value()
    }

    /// Waits until every connection has given its place back.
    pub(crate) async fn all_free(&self) {
        // More permits than a semaphore hands out at once are not asked for.
        let all = u32::try_from(self.limit).unwrap_or(u32::MAX);
        let _ = self.free.acquire_many(all).await;
    }
}
