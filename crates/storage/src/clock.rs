//! Time as an input. Nothing in this crate or in the broker reads a clock: the process that drives a
//! shard hands in [`Now`], so a simulation can run hours in milliseconds and replay them from a seed.

use std::time::Duration;

use crate::limits::{WALL_JUMP_TRUSTED_AFTER, WALL_STEP_MAX};

/// One reading of both clocks, taken once for each batch of commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Now {
    /// Time since an arbitrary start that never goes backwards. All time-outs are measured on it, so
    /// a wall clock that jumps neither expires nor prolongs anything.
    pub monotonic: Duration,
    /// Milliseconds since the Unix epoch, for timestamps.
    pub wall_ms: i64,
    /// The same as far as it can be believed. What is deleted for its age is as old as this says, so
    /// that a wall clock that jumps ahead for a while deletes nothing. Never for a timestamp: what has
    /// one of before the jump would be that much older when the jump is believed.
    pub aging_ms: i64,
}

impl Now {
    /// A reading of both clocks, neither of which is doubted.
    pub const fn new(monotonic: Duration, wall_ms: i64) -> Self {
        Self {
            monotonic,
            wall_ms,
            aging_ms: wall_ms,
        }
    }
}

/// The wall clock as far as it can be believed. What a clock says that jumped ahead would make every
/// record old at once, and what is deleted for its age is gone when the clock is set right. So a jump
/// is believed when it has lasted for a while; until then time goes on at its usual pace. That it goes
/// back is believed at once: nothing is deleted for being young. A start believes the clock as it is.
#[derive(Debug, Default)]
pub(crate) struct SteadyWall {
    /// When the wall clock was last believed outright.
    anchor: Option<Now>,
    /// Since when it has been ahead, on the monotonic clock.
    ahead_since: Option<Duration>,
}

impl SteadyWall {
    /// Both clocks, and how far the wall clock is believed.
    pub(crate) fn believe(&mut self, now: Now) -> Now {
        let anchor = *self.anchor.get_or_insert(now);
        let passed = now.monotonic.saturating_sub(anchor.monotonic);
        let expected_ms = anchor.wall_ms.saturating_add(millis(passed));
        let ahead_ms = now.wall_ms.saturating_sub(expected_ms);
        if ahead_ms <= millis(WALL_STEP_MAX) {
            self.ahead_since = None;
            if ahead_ms < 0 {
                self.anchor = Some(now);
            }
            return now;
        }
        if self.ahead_since.is_none() {
            tracing::warn!(
                ahead_ms,
                "the wall clock jumped ahead; nothing is deleted for its age by the new time until \
                 it has been so for {} minutes",
                WALL_JUMP_TRUSTED_AFTER.as_secs() / 60
            );
        }
        let since = *self.ahead_since.get_or_insert(now.monotonic);
        if now.monotonic.saturating_sub(since) >= WALL_JUMP_TRUSTED_AFTER {
            tracing::info!(ahead_ms, "the wall clock is believed");
            self.anchor = Some(now);
            self.ahead_since = None;
            return now;
        }
        Now {
            aging_ms: expected_ms,
            ..now
        }
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX)
}

/// Where [`Now`] comes from: the system in production, a seed in simulation.
pub trait Clock: Send + Sync {
    /// Reads both clocks.
    fn now(&self) -> Now;
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY_MS: i64 = 24 * 3_600_000;

    /// Both clocks, turned by hand.
    struct Clocks {
        wall: SteadyWall,
        now: Now,
    }

    impl Clocks {
        fn new() -> Self {
            let now = Now::new(Duration::from_secs(5), 1_000 * DAY_MS);
            let mut wall = SteadyWall::default();
            assert_eq!(wall.believe(now), now);
            Self { wall, now }
        }

        fn pass(&mut self, time: Duration) {
            self.now.monotonic += time;
            self.turn(millis(time));
        }

        /// Turns the wall clock.
        fn turn(&mut self, by_ms: i64) {
            self.now.wall_ms += by_ms;
            self.now.aging_ms = self.now.wall_ms;
        }

        /// How far the wall clock is ahead of what is believed.
        fn doubted_ms(&mut self) -> i64 {
            let believed = self.wall.believe(self.now);
            let said = (believed.monotonic, believed.wall_ms);
            assert_eq!(said, (self.now.monotonic, self.now.wall_ms));
            believed.wall_ms - believed.aging_ms
        }
    }

    #[test]
    fn time_that_passes_and_small_corrections_are_believed() {
        let mut clocks = Clocks::new();
        for step_ms in [0, 1_000, -3_000, 30_000] {
            clocks.pass(Duration::from_secs(3_600));
            clocks.turn(step_ms);
            assert_eq!(clocks.doubted_ms(), 0);
        }
    }

    #[test]
    fn a_jump_ahead_is_believed_when_it_has_lasted() {
        let mut clocks = Clocks::new();
        clocks.turn(8 * DAY_MS);
        assert_eq!(clocks.doubted_ms(), 8 * DAY_MS);
        clocks.pass(WALL_JUMP_TRUSTED_AFTER - Duration::from_millis(1));
        assert_eq!(clocks.doubted_ms(), 8 * DAY_MS, "time goes on all the same");
        clocks.pass(Duration::from_millis(1));
        assert_eq!(clocks.doubted_ms(), 0);
        clocks.pass(Duration::from_secs(1));
        assert_eq!(clocks.doubted_ms(), 0);
    }

    #[test]
    fn a_jump_that_is_taken_back_leaves_no_trace() {
        let mut clocks = Clocks::new();
        for _ in 0..3 {
            clocks.turn(8 * DAY_MS);
            clocks.pass(WALL_JUMP_TRUSTED_AFTER * 2 / 3);
            assert_eq!(clocks.doubted_ms(), 8 * DAY_MS);
            clocks.turn(-8 * DAY_MS);
            assert_eq!(clocks.doubted_ms(), 0);
        }
    }

    #[test]
    fn steps_that_add_up_to_a_jump_are_one() {
        let mut clocks = Clocks::new();
        let step_ms = millis(WALL_STEP_MAX) / 2;
        for _ in 0..100 {
            clocks.pass(Duration::from_secs(1));
            clocks.turn(step_ms);
            clocks.wall.believe(clocks.now);
        }
        assert_eq!(clocks.doubted_ms(), 100 * step_ms);
    }

    #[test]
    fn a_step_back_is_believed_and_time_counts_from_there() {
        let mut clocks = Clocks::new();
        clocks.turn(-DAY_MS);
        assert_eq!(clocks.doubted_ms(), 0);
        clocks.turn(DAY_MS);
        assert_eq!(clocks.doubted_ms(), DAY_MS);
    }
}
