//! Waiting for logs to grow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_broker::storage::Observer;
use hashbrown::HashSet;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::watch;

use crate::gateway::stop_requested;

/// Takes note of what grew, for one fetch or for one session.
#[derive(Debug, Default)]
pub(crate) struct FetchObserver {
    /// Keys of partitions that changed since they were last taken. A set, so that it stays as small
    /// as the session when its client does not come to look.
    changed: Mutex<HashSet<u64>>,
    /// Bytes that arrived since the wait began.
    bytes: AtomicU64,
    /// Bytes that the wait is for.
    wanted: AtomicU64,
    woken: Notify,
}

impl Observer for FetchObserver {
    fn log_changed(&self, key: u64, bytes: u64) {
        self.changed.lock().insert(key);
        // In one order with `want_more`, which writes and reads the other way round: otherwise each
        // could miss the other's news.
        let arrived = self.bytes.fetch_add(bytes, Ordering::SeqCst) + bytes;
        // A log that went away (no bytes) is news that cannot wait.
        if bytes == 0 || arrived >= self.wanted.load(Ordering::SeqCst) {
            self.woken.notify_one();
        }
    }
}

impl FetchObserver {
    /// Hands over the keys of what changed.
    pub(crate) fn take_changed(&self) -> HashSet<u64> {
        std::mem::take(&mut *self.changed.lock())
    }

    /// Forgets what arrived, before the logs are looked at.
    pub(crate) fn begin(&self, wanted: u64) {
        self.wanted.store(wanted.max(1), Ordering::SeqCst);
        self.bytes.store(0, Ordering::SeqCst);
    }

    /// Says that more bytes than those that were found are to be waited for. What arrived since
    /// [`Self::begin`] counts, even if it was found already: looking once too often is harmless.
    pub(crate) fn want_more(&self, wanted: u64) {
        self.wanted.store(wanted.max(1), Ordering::SeqCst);
        if self.bytes.load(Ordering::SeqCst) >= wanted.max(1) {
            self.woken.notify_one();
        }
    }

    /// Waits until the wanted bytes arrived, the time is over, or the gateway stops. True if there
    /// may be something new.
    pub(crate) async fn wait(&self, time: Duration, stopping: &watch::Sender<bool>) -> bool {
        let mut stopping = stopping.subscribe();
        tokio::select! {
            () = self.woken.notified() => true,
            () = tokio::time::sleep(time) => false,
            () = stop_requested(&mut stopping) => false,
        }
    }
}
