//! The budget of recent batches in memory. Batches of all logs leave in the order they came, so a
//! busy log cannot hold more than its share of the recent past.

use std::collections::VecDeque;
use std::sync::{Arc, Weak};

use crate::limits::TAIL_BATCH_OVERHEAD_BYTES;
use crate::log::LogShared;

pub(super) struct TailCache {
    budget: usize,
    used: usize,
    queue: VecDeque<Cached>,
}

struct Cached {
    log: Weak<LogShared>,
    base: u64,
    bytes: usize,
}

impl TailCache {
    pub(super) fn new(budget: usize) -> Self {
        Self {
            budget,
            used: 0,
            queue: VecDeque::new(),
        }
    }

    /// Accounts for a batch that was put into `log`'s tail.
    pub(super) fn add(&mut self, log: &Arc<LogShared>, base: u64, bytes: usize) {
        let bytes = bytes + TAIL_BATCH_OVERHEAD_BYTES;
        self.used += bytes;
        self.queue.push_back(Cached {
            log: Arc::downgrade(log),
            base,
            bytes,
        });
    }

    /// Lets go of the oldest batches beyond the budget. The newest always stays, so that a batch
    /// larger than the budget still reaches the consumers that wait for it.
    pub(super) fn shrink(&mut self) {
        while self.used > self.budget && self.queue.len() > 1 {
            let Some(oldest) = self.queue.pop_front() else {
                break;
            };
            self.used -= oldest.bytes;
            let Some(log) = oldest.log.upgrade() else {
                continue;
            };
            let mut state = log.state.write();
            // Retention may have dropped it before.
            if state
                .tail
                .front()
                .is_some_and(|batch| batch.base <= oldest.base)
            {
                state.tail.pop_front();
            }
        }
    }
}
