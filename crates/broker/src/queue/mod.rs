//! Queues: delivery state over a log of messages. One implementation of what a queue does, for every
//! protocol.
//!
//! A message is an offset of the queue's log; its bytes are never seen here. [`Queue`] is a state
//! machine for one thread. It is given what happens, the time, and shared credit ([`Turn`]), and
//! answers with [`Effects`]: what is to be done, and what is to be journaled.
//!
//! ```text
//!                    deliver, get                    ack
//!   enqueue ──► ready ───────────────► locked ───────────────► settled
//!      │         ▲ │ ▲                 │   │  reject, too often   ▲
//!      │         │ │ └─────────────────┘   └──────────────────────┤
//!      │    time │ │   nack, fail, lock ends, holder gone         │
//!      ▼         │ │                     │                        │
//!   delayed ─────┘ └─────────────────────┼─── expired, too many, ─┘
//!      ▲                                 │    purged, moved, no-ack
//!      └──────────── with a delay ───────┘
//! ```
//!
//! Start with `messages` (where every message stands, and the transitions) and `ready` (which is next), then `enqueue`,
//! `dispatch`, `settle`, `subscribe`, `tick`. Sets of messages are intervals (`offset_set`), so a
//! backlog costs by its fragmentation. What costs memory by the message: what is locked (17 bytes, 50 if the lock
//! ends by itself), delayed (24 where few are, 3 to 7 where many are; `delayed` says when it is more), has come back
//! (33), is in a group (60; where groups take turns only what is not ready, 40), or is older than its stay (80);
//! deduplication ids within their window (80). The dead are settled, and remembered until the caller has moved them
//! ([`Queue::buried`]).
//!
//! A queue comes to life in three steps: [`Queue::new`] or [`Queue::restore`], then
//! [`Queue::replay_arrival`] and [`Queue::apply`] for what the journal has, then [`Queue::open`].

mod admin;
mod arrivals;
mod births;
mod bytes;
mod consumers;
mod counters;
mod credit;
mod deadlines;
mod dedup;
mod delayed;
mod dispatch;
mod effect;
mod enqueue;
mod event;
mod expiry;
mod fair;
mod frontier;
mod groups;
mod ids;
mod invariant;
mod levels;
mod limits;
mod locks;
mod look;
mod messages;
mod offset_set;
mod ready;
mod replay;
mod retry;
mod settings;
mod settle;
mod sizes;
mod snapshot;
mod subscribe;
mod tick;
mod ttls;
mod unburied;

#[cfg(test)]
mod tests;

pub use admin::Lost;
pub use counters::{Counters, DeathReason, Removal, Served, Totals};
pub use credit::{Credit, CreditPools};
pub use dispatch::Get;
pub use effect::{Delivery, Effect, Effects, GoneReason, Turn};
pub use enqueue::{Admission, Arrival, Attributes};
pub use event::QueueEvent;
pub use ids::{HolderId, PoolId, Token};
pub use invariant::Violation;
pub use look::{Place, Standing};
pub use messages::Mark;
pub use retry::{Backoff, RetryPolicy};
pub use settings::{Bounds, Causes, Order, Overflow, QueueSettings};
pub use settle::{Outcome, SettleError};
pub use subscribe::{SubscribeError, Subscription, UnknownConsumer};

use std::sync::Arc;

use forebay_storage::Scratch;

use consumers::Consumers;
use limits::{DELAYED_IN_MEMORY_BYTES, HOLES_IN_MEMORY_BYTES};
use messages::Messages;

/// One queue.
#[derive(Debug)]
pub struct Queue {
    messages: Messages,
    consumers: Consumers,
    /// Makes the jitter of retries this queue's own.
    seed: u64,
    /// When somebody last used the queue, while it has no consumers.
    used_ms: i64,
}

impl Queue {
    /// An empty queue over a log whose next offset is `first`, to be [opened](Self::open). `seed`
    /// is any number.
    pub fn new(settings: QueueSettings, first: u64, seed: u64) -> Self {
        Self {
            messages: Messages::new(settings, first),
            consumers: Consumers::default(),
            seed,
            used_ms: 0,
        }
    }

    /// What the queue is configured by.
    pub fn settings(&self) -> &QueueSettings {
        &self.messages.settings
    }

    /// What it holds and has seen.
    pub fn counters(&self) -> &Counters {
        &self.messages.counters
    }

    /// The lowest offset that is still needed: what lies before it in the log may be given back.
    pub fn log_start(&self) -> u64 {
        let floor = self.messages.frontier.floor();
        let unburied = self.messages.unburied.first();
        unburied.map_or(floor, |first| floor.min(first))
    }

    /// The offset that the next message has at least.
    pub fn next_offset(&self) -> u64 {
        self.messages.next
    }

    /// Who is the single active consumer, if the queue's settings ask for one.
    pub fn active_consumer(&self) -> Option<HolderId> {
        self.consumers.active()
    }

    /// Whether a consumer would be given a message at once.
    pub fn has_room(&self, pools: &CreditPools) -> bool {
        self.consumers.any_room(pools)
    }

    /// Has what is needed much later wait on disk, if there is much of it. Nothing that a queue does depends on it.
    pub fn page_out(&mut self, scratch: &Arc<Scratch>) {
        let messages = &mut self.messages;
        messages.page_out(DELAYED_IN_MEMORY_BYTES, HOLES_IN_MEMORY_BYTES, scratch);
    }

    /// How many messages a holder has not settled.
    pub fn held_by(&self, holder: HolderId) -> u64 {
        let table = self.messages.tables.get(&holder);
        table.map_or(0, |table| table.len())
    }

    /// The number that the next delivery to a holder gets.
    #[cfg(test)]
    fn next_number(&self, holder: HolderId) -> u64 {
        let table = self.messages.tables.get(&holder);
        table.map_or(self.messages.next_number, |table| table.next())
    }

    /// How many ends of locks are remembered.
    #[cfg(test)]
    fn watched(&self) -> usize {
        self.messages.deadlines.len()
    }
}
