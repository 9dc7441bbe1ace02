//! What an actor of the simulation works with.

use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use forebay_broker::Broker;
use forebay_broker::storage::StorageError;
use parking_lot::Mutex;

use crate::disk::ScheduledDisk;
use crate::ledger::{Ledger, Span};
use crate::plan::Plan;
use crate::random::Random;
use crate::schedule::{Down, Schedule, Task};

/// One actor's hold on the world.
#[derive(Clone)]
pub struct Context {
    /// Who runs when.
    pub schedule: Arc<Schedule>,
    /// The thread of the broker's shard.
    pub shard: Task,
    /// The broker.
    pub broker: Broker,
    /// The disk, for whoever breaks it.
    pub disk: ScheduledDisk,
    /// The promises. Never held while others may run.
    pub ledger: Arc<Mutex<Ledger>>,
    /// When this life began, on the wall clock in milliseconds.
    pub started_ms: i64,
    /// The same on the monotonic clock.
    pub began: Duration,
    /// What this seed does.
    pub plan: Plan,
    /// A file is damaged, so reads may fail, if its name is in the error.
    pub damaged: Option<String>,
    /// The actor's own randomness.
    pub random: Random,
}

impl Context {
    /// The same for another actor.
    pub fn fork(&mut self) -> Self {
        let random = self.random.fork();
        Self {
            random,
            ..self.clone()
        }
    }

    /// Waits for an answer of the broker.
    pub fn ask<F: Future>(&self, question: F) -> Result<F::Output, Down> {
        self.schedule
            .wait_for(question, || self.schedule.wake(self.shard))
    }

    /// Waits a random time of at most `most`.
    pub fn rest(&mut self, most: Duration) -> Result<(), Down> {
        let micros = self.random.below(most.as_micros() as u64 + 1);
        self.schedule.sleep(Duration::from_micros(micros))
    }

    /// The same as long as the plan has it.
    pub fn rest_between_acts(&mut self) -> Result<(), Down> {
        self.rest(Duration::from_micros(self.plan.rest_micros))
    }

    /// Microseconds of the wall clock, never the same twice: what happens at one moment of the
    /// simulated time happens one after the other.
    pub fn micros(&self) -> u64 {
        let lived = self.schedule.now() - self.began;
        let micros = self.started_ms as u64 * 1000 + lived.as_micros() as u64;
        self.ledger.lock().history.moment(micros)
    }

    /// The span of something that began at `invoked`.
    pub fn since(&self, invoked: u64) -> Span {
        Span {
            invoked,
            completed: self.micros(),
        }
    }

    /// The wall clock.
    pub fn wall_ms(&self) -> i64 {
        self.broker.now().wall_ms
    }

    /// A read that failed must have a reason that this world knows.
    pub fn expect_damage(&self, error: &StorageError) {
        let text = error.to_string();
        let known = self.damaged.as_ref().is_some_and(|file| {
            matches!(error, StorageError::Corrupt { .. }) && text.contains(file.as_str())
        });
        assert!(known, "a read failed: {text}");
    }
}
