//! Waiting for logs to grow.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_broker::storage::Observer;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::sync::watch;

use crate::gateway::stop_requested;

/// Takes note of what grew, for one fetch or for one session.
#[derive(Debug, Default)]
pub(crate) struct FetchObserver {
    /// Keys of partitions that changed since they were last taken. May hold a key twice.
    changed: Mutex<Vec<u64>>,
    /// Bytes that arrived since the wait began.
    bytes: AtomicU64,
    /// Bytes that the wait is for.
    wanted: AtomicU64,
    woken: Notify,
}

/// A reader that does not come to look must not make the list grow without bound; beyond this it is
/// told to look at everything.
const CHANGES_MAX: usize = 65_536;

impl Observer for FetchObserver {
    fn log_changed(&self, key: u64, bytes: u64) {
        {
            let mut changed = self.changed.lock();
            if changed.last() != Some(&key) && changed.len() < CHANGES_MAX {
                changed.push(key);
            }
        }
        let arrived = self.bytes.fetch_add(bytes, Ordering::AcqRel) + bytes;
        // A log that went away (no bytes) is news that cannot wait.
        if bytes == 0 || arrived >= self.wanted.load(Ordering::Acquire) {
            self.woken.notify_one();
        }
    }
}

impl FetchObserver {
    /// Hands over the keys of what changed; none when there were too many to note.
    pub(crate) fn take_changed(&self) -> Option<Vec<u64>> {
        let mut changed = self.changed.lock();
        let complete = changed.len() < CHANGES_MAX;
        let taken = std::mem::take(&mut *changed);
        complete.then_some(taken)
    }

    /// Forgets what arrived, before the logs are looked at.
    pub(crate) fn begin(&self, wanted: u64) {
        self.wanted.store(wanted.max(1), Ordering::Release);
        self.bytes.store(0, Ordering::Release);
    }

    /// Says that more bytes than those that were found are to be waited for. What arrived since
    /// [`Self::begin`] counts, even if it was found already: looking once too often is harmless.
    pub(crate) fn want_more(&self, wanted: u64) {
        self.wanted.store(wanted.max(1), Ordering::Release);
        if self.bytes.load(Ordering::Acquire) >= wanted.max(1) {
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
