//! The memory of answers, from before they are made until clients have taken them.
//!
//! An answer may be far larger than its request, and a client may be slow to take it. A fetch reserves
//! what it may gather before it reads, so that many fetches together cost the budget and not the
//! largest answer each. Answers that describe (metadata, groups, configurations) are of no known size
//! beforehand: a few at a time are made, and none while the budget is used up. Who takes an answer too
//! slowly while others wait is cut off: see [`Schedule`](crate::pressure::Schedule).

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, timeout_at};

use crate::limits::{DESCRIPTIONS_AT_ONCE, FETCH_BYTES_AT_LEAST};
use crate::pressure::Waiters;

/// Counts bytes of answers.
#[derive(Debug)]
pub(crate) struct AnswerMemory {
    budget: usize,
    used: AtomicUsize,
    /// Fetches and descriptions that wait.
    waiting: Waiters,
    /// Wakes a fetch, and a description: what is too little for the one may be enough for the other.
    for_fetches: Notify,
    for_descriptions: Notify,
    descriptions: Arc<Semaphore>,
}

/// Bytes of one answer; given back when it is dropped.
#[derive(Debug)]
pub(crate) struct Held {
    memory: Arc<AnswerMemory>,
    bytes: usize,
}

impl AnswerMemory {
    /// A budget of `budget` bytes, or of what one fetch needs.
    pub(crate) fn new(budget: usize) -> Arc<Self> {
        Arc::new(Self {
            budget: budget.max(FETCH_BYTES_AT_LEAST),
            used: AtomicUsize::new(0),
            waiting: Waiters::default(),
            for_fetches: Notify::new(),
            for_descriptions: Notify::new(),
            descriptions: Arc::new(Semaphore::new(DESCRIPTIONS_AT_ONCE)),
        })
    }

    /// Bytes of answers that there are.
    pub(crate) fn used(&self) -> usize {
        self.used.load(Ordering::SeqCst)
    }

    /// Whether there is more than the budget, or somebody waits for it.
    pub(crate) fn is_pressed(&self) -> bool {
        self.waiting.any() || self.used() > self.budget
    }

    /// Counts an answer of `bytes`, whether there is room for it or not.
    pub(crate) fn hold(self: &Arc<Self>, bytes: usize) -> Held {
        self.used.fetch_add(bytes, Ordering::SeqCst);
        Held {
            memory: Arc::clone(self),
            bytes,
        }
    }

    /// Reserves up to `wanted` bytes: half of what is free, so that something is left for the next,
    /// but at least [`FETCH_BYTES_AT_LEAST`]. None when that much is not free until `deadline`.
    pub(crate) async fn reserve(
        self: &Arc<Self>,
        wanted: usize,
        deadline: Instant,
    ) -> Option<Held> {
        if let Some(held) = self.try_reserve(wanted) {
            return Some(held);
        }
        let reserved = self.wait_for(&self.for_fetches, || self.try_reserve(wanted));
        timeout_at(deadline, reserved).await.ok()
    }

    fn try_reserve(self: &Arc<Self>, wanted: usize) -> Option<Held> {
        let least = wanted.min(FETCH_BYTES_AT_LEAST);
        let mut granted = 0;
        let take = |used: usize| {
            let free = self.budget.saturating_sub(used);
            granted = wanted.min((free / 2).max(least));
            (least <= free).then_some(used + granted)
        };
        self.used
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, take)
            .ok()?;
        Some(Held {
            memory: Arc::clone(self),
            bytes: granted,
        })
    }

    /// Waits until less than the budget is used.
    pub(crate) async fn room(&self) {
        if self.used() < self.budget {
            return;
        }
        let look = || (self.used() < self.budget).then_some(());
        self.wait_for(&self.for_descriptions, look).await;
    }

    /// Waits until what comes back makes `look` find something.
    async fn wait_for<T>(&self, returned: &Notify, look: impl Fn() -> Option<T>) -> T {
        let _waiting = self.waiting.begin();
        loop {
            // Registered before the look, so that what comes back in between is not missed.
            let mut notified = std::pin::pin!(returned.notified());
            notified.as_mut().enable();
            if let Some(found) = look() {
                // There may be more for the next.
                returned.notify_one();
                return found;
            }
            notified.await;
        }
    }

    /// Waits for room, and for the turn to make an answer of unknown size out of what others bring.
    /// The turn is over when what is returned is dropped.
    pub(crate) async fn turn(&self) -> OwnedSemaphorePermit {
        let turn = Arc::clone(&self.descriptions).acquire_owned().await;
        self.room().await;
        turn.expect("the semaphore is never closed")
    }
}

impl Held {
    /// How many bytes they are.
    pub(crate) fn bytes(&self) -> usize {
        self.bytes
    }

    /// Counts `bytes` from now on, whether there is room for more or not.
    pub(crate) fn resize(&mut self, bytes: usize) {
        if bytes > self.bytes {
            self.memory
                .used
                .fetch_add(bytes - self.bytes, Ordering::SeqCst);
        } else {
            self.give_back(self.bytes - bytes);
        }
        self.bytes = bytes;
    }

    /// Counts these and `more` together.
    pub(crate) fn join(&mut self, mut more: Self) {
        self.bytes += std::mem::take(&mut more.bytes);
    }

    /// These bytes, in other hands; none are left.
    pub(crate) fn hand_over(&mut self) -> Self {
        Self {
            memory: Arc::clone(&self.memory),
            bytes: std::mem::take(&mut self.bytes),
        }
    }

    fn give_back(&self, bytes: usize) {
        if bytes > 0 {
            self.memory.used.fetch_sub(bytes, Ordering::SeqCst);
            if self.memory.waiting.any() {
                self.memory.for_fetches.notify_one();
                self.memory.for_descriptions.notify_one();
            }
        }
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        self.give_back(self.bytes);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const MEBIBYTE: usize = 1 << 20;

    fn soon() -> Instant {
        Instant::now() + Duration::from_secs(1)
    }

    async fn is_pending(future: impl Future) -> bool {
        timeout_at(Instant::now() + Duration::from_millis(1), future)
            .await
            .is_err()
    }

    #[tokio::test(start_paused = true)]
    async fn the_more_is_held_the_less_the_next_is_given_and_it_comes_back() {
        let memory = AnswerMemory::new(8 * MEBIBYTE);
        let first = memory.reserve(64 * MEBIBYTE, soon()).await.unwrap();
        let second = memory.reserve(64 * MEBIBYTE, soon()).await.unwrap();
        assert_eq!(
            (first.bytes(), second.bytes()),
            (4 * MEBIBYTE, 2 * MEBIBYTE)
        );
        let small = memory.reserve(1000, soon()).await.unwrap();
        assert_eq!(small.bytes(), 1000, "nobody is given more than asked for");
        drop((first, second, small));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_free_is_waited_for_and_whoever_waits_presses() {
        let memory = AnswerMemory::new(MEBIBYTE);
        let mut all = memory.reserve(MEBIBYTE, soon()).await.unwrap();
        assert!(!memory.is_pressed());
        assert!(memory.reserve(1, soon()).await.is_none(), "in vain");

        let two = [memory.reserve(1000, soon()), memory.reserve(1000, soon())];
        let waiting = futures_util::future::join_all(two);
        tokio::pin!(waiting);
        assert!(is_pending(waiting.as_mut()).await);
        assert!(memory.is_pressed());
        all.resize(0);
        let granted = waiting.await;
        assert!(
            granted.iter().all(Option::is_some),
            "one wake-up is passed on"
        );
        assert!(!memory.is_pressed());
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_too_little_for_a_fetch_wakes_a_description() {
        let memory = AnswerMemory::new(2 * MEBIBYTE);
        let mut all = memory.hold(2 * MEBIBYTE);
        let fetch = memory.reserve(MEBIBYTE, soon());
        let description = memory.room();
        tokio::pin!(fetch, description);
        assert!(is_pending(fetch.as_mut()).await);
        assert!(is_pending(description.as_mut()).await);
        all.resize(2 * MEBIBYTE - 1000);
        assert!(!is_pending(description.as_mut()).await);
        assert!(is_pending(fetch.as_mut()).await);
    }

    #[tokio::test(start_paused = true)]
    async fn descriptions_wait_for_their_turn_and_for_memory() {
        let memory = AnswerMemory::new(MEBIBYTE);
        let mut turns = Vec::new();
        for _ in 0..DESCRIPTIONS_AT_ONCE {
            turns.push(memory.turn().await);
        }
        assert!(is_pending(memory.turn()).await);
        turns.clear();

        let large = memory.hold(2 * MEBIBYTE);
        assert!(memory.is_pressed(), "more than there is");
        let waiting = memory.turn();
        tokio::pin!(waiting);
        assert!(is_pending(waiting.as_mut()).await);
        drop(large);
        drop(waiting.await);
    }
}
