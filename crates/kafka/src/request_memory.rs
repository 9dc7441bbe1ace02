//! The memory of requests that are on their way in or being served.
//!
//! Requests take from one budget as their bytes arrive. When it is used up, sockets are read no
//! further: that is the back-pressure that producers feel. A small request needs nothing of it as
//! long as it is the only one of its connection, so that heartbeats, fetches and commits of consumers
//! do not wait behind producers.

use std::sync::Arc;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::pressure::Waiters;

/// The memory for requests over all connections.
#[derive(Clone)]
pub(crate) struct RequestMemory {
    bytes: usize,
    /// Bytes that may still be taken.
    budget: Arc<Semaphore>,
    /// When the budget is used up by requests that are half here, none of them could ever finish.
    /// One at a time may therefore go beyond it, by at most one request.
    overdraft: Arc<Semaphore>,
    /// Requests that wait for others to give some back.
    waiting: Arc<Waiters>,
}

impl RequestMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        // A share asks for at most `u32::MAX` at a time, and a semaphore may hold more.
        let bytes = bytes.min(Semaphore::MAX_PERMITS);
        Self {
            bytes,
            budget: Arc::new(Semaphore::new(bytes)),
            overdraft: Arc::new(Semaphore::new(1)),
            waiting: Arc::default(),
        }
    }

    /// Bytes that requests hold, what goes beyond the budget aside.
    pub(crate) fn used(&self) -> usize {
        self.bytes - self.budget.available_permits()
    }

    /// Whether requests wait for memory.
    pub(crate) fn is_pressed(&self) -> bool {
        self.waiting.any()
    }
}

/// A request's share of the memory; given back when it is dropped.
#[derive(Default)]
pub(crate) struct Share {
    budget: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Takes `bytes` more, waiting for others to give some back.
    pub(crate) async fn grow(&mut self, bytes: usize, memory: &RequestMemory) {
        if self.overdraft.is_some() {
            return;
        }
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        let granted = match Arc::clone(&memory.budget).try_acquire_many_owned(wanted) {
            Ok(granted) => granted,
            Err(_) => {
                let _waiting = memory.waiting.begin();
                tokio::select! {
                    biased;
                    granted = Arc::clone(&memory.budget).acquire_many_owned(wanted) => {
                        granted.expect("the semaphore is never closed")
                    }
                    overdraft = Arc::clone(&memory.overdraft).acquire_owned() => {
                        let overdraft = overdraft.expect("the semaphore is never closed");
                        self.overdraft = Some(overdraft);
                        return;
                    }
                }
            }
        };
        match &mut self.budget {
            Some(held) => held.merge(granted),
            None => self.budget = Some(granted),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test]
    async fn what_is_used_comes_back_and_who_waits_is_known() {
        let memory = RequestMemory::new(1000);
        let (mut first, mut beyond, mut waits) =
            (Share::default(), Share::default(), Share::default());
        first.grow(900, &memory).await;
        beyond.grow(500, &memory).await;
        assert_eq!((memory.used(), memory.is_pressed()), (900, false));
        {
            let waiting = waits.grow(500, &memory);
            tokio::pin!(waiting);
            let looked = tokio::time::timeout(Duration::from_millis(1), waiting.as_mut());
            assert!(looked.await.is_err());
            assert!(memory.is_pressed());
            drop(first);
            waiting.await;
        }
        assert_eq!((memory.used(), memory.is_pressed()), (500, false));
        drop((beyond, waits));
        assert_eq!(memory.used(), 0);
    }
}
