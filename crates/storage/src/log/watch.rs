//! Telling readers that a log grew, without polling and without a task per reader.

use std::fmt;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Weak};

use parking_lot::Mutex;

use super::state::LogShared;

/// Somebody who waits for logs to grow. Called on the shard's thread, so it must only note the news
/// and wake whoever acts on it.
pub trait Observer: Send + Sync {
    /// The log registered under `key` grew by `bytes`, or was deleted (0 bytes).
    fn log_changed(&self, key: u64, bytes: u64);
}

/// Who watches one log.
#[derive(Default)]
pub(crate) struct Watchers {
    count: AtomicUsize,
    list: Mutex<Vec<(u64, Weak<dyn Observer>)>>,
}

impl Watchers {
    pub(crate) fn notify(&self, bytes: u64) {
        if self.count.load(Ordering::Acquire) == 0 {
            return;
        }
        // Whoever is told may turn out to be held by nobody else any more, and its end may end watches
        // of this log: so it is let go of only when the list is free again.
        let mut told = Vec::new();
        for (key, observer) in self.list.lock().iter() {
            if let Some(observer) = observer.upgrade() {
                observer.log_changed(*key, bytes);
                told.push(observer);
            }
        }
    }

    fn add(&self, key: u64, observer: Weak<dyn Observer>) {
        let mut list = self.list.lock();
        list.push((key, observer));
        self.count.store(list.len(), Ordering::Release);
    }

    fn remove(&self, key: u64, observer: &Weak<dyn Observer>) {
        let mut list = self.list.lock();
        if let Some(at) = list
            .iter()
            .position(|(held, who)| *held == key && who.ptr_eq(observer))
        {
            list.swap_remove(at);
        }
        self.count.store(list.len(), Ordering::Release);
    }
}

/// A registration; dropping it ends it.
pub struct Watch {
    log: Arc<LogShared>,
    key: u64,
    observer: Weak<dyn Observer>,
}

impl Watch {
    pub(crate) fn new(log: Arc<LogShared>, key: u64, observer: &Arc<dyn Observer>) -> Self {
        let observer = Arc::downgrade(observer);
        log.watchers.add(key, Weak::clone(&observer));
        Self { log, key, observer }
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.log.watchers.remove(self.key, &self.observer);
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("log", &self.log.id)
            .field("key", &self.key)
            .finish()
    }
}
