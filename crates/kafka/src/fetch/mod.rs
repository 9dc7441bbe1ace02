//! Serving fetches: fetch sessions (KIP-227), reading what is there, and waiting for more without
//! polling.
//!
//! A session is the list of partitions that a consumer follows, kept here so that it need not send
//! them each time. The session watches their logs; a fetch looks only at partitions that grew, were
//! moved by the client, or had more than fitted last time. A consumer of ten thousand partitions so
//! costs what the few that change cost.

mod partition;
mod session;
mod wait;

use std::sync::Arc;
use std::sync::atomic::{AtomicI32, AtomicUsize, Ordering};

use parking_lot::Mutex;

pub(crate) use partition::{Followed, Served, TopicKey};
pub(crate) use session::FetchSession;
pub(crate) use wait::FetchObserver;

/// Numbers sessions and bounds how many there are.
#[derive(Debug)]
pub(crate) struct FetchSessions {
    next: AtomicI32,
    open: Arc<AtomicUsize>,
    limit: usize,
}

impl FetchSessions {
    pub(crate) fn new(limit: usize) -> Self {
        Self {
            next: AtomicI32::new(1),
            open: Arc::default(),
            limit,
        }
    }

    /// A place for a new session; none when there are too many, and the client is served without.
    pub(crate) fn open(&self) -> Option<SessionSlot> {
        let below = |open| (open < self.limit).then_some(open + 1);
        self.open
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, below)
            .ok()?;
        // Ids are positive; after two billion sessions they come round.
        let next = |id: i32| Some(id.checked_add(1).unwrap_or(1));
        let id = self
            .next
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next)
            .ok()?;
        Some(SessionSlot {
            id,
            open: Arc::clone(&self.open),
        })
    }
}

/// A session's place among those there may be; given back when the session ends, however it ends.
#[derive(Debug)]
pub(crate) struct SessionSlot {
    id: i32,
    open: Arc<AtomicUsize>,
}

impl SessionSlot {
    pub(crate) fn id(&self) -> i32 {
        self.id
    }
}

impl Drop for SessionSlot {
    fn drop(&mut self) {
        self.open.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The fetch session of one connection. Clients keep one a broker, and begin anew when they
/// reconnect.
#[derive(Default)]
pub(crate) struct FetchConnection {
    pub(crate) session: Mutex<Option<FetchSession>>,
}
