//! Time as an input. Nothing in this crate or in the broker reads a clock: the process that drives a
//! shard hands in [`Now`], so a simulation can run hours in milliseconds and replay them from a seed.

use std::time::Duration;

/// One reading of both clocks, taken once for each batch of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since an arbitrary start that never goes backwards. All time-outs are measured on it, so
    /// a wall clock that jumps neither expires nor prolongs anything.
    pub monotonic: Duration,
    /// Milliseconds since the Unix epoch. Only for timestamps that people and records see.
    pub wall_ms: i64,
}

/// Where [`Now`] comes from: the system in production, a seed in simulation.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}
