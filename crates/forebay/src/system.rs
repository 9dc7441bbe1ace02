//! The system's clocks and randomness: the one place where the world gets in. Everything below is
//! handed what it finds here.

use std::time::{Instant, SystemTime, UNIX_EPOCH};

use forebay_broker::Randomness;
use forebay_storage::{Clock, Now};

/// The system's clocks. The monotonic one counts from when this was made.
pub(crate) struct SystemClock {
    started: Instant,
}

impl SystemClock {
    pub(crate) fn new() -> Self {
        Self {
            started: Instant::now(),
        }
    }
}

impl Clock for SystemClock {
    fn now(&self) -> Now {
        // A clock set before 1970 reads as 1970.
        let wall = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .unwrap_or_default();
        Now::new(
            self.started.elapsed(),
            i64::try_from(wall.as_millis()).unwrap_or(i64::MAX),
        )
    }
}

/// The operating system's randomness.
pub(crate) struct SystemRandomness;

impl Randomness for SystemRandomness {
    fn bytes16(&self) -> [u8; 16] {
        let mut bytes = [0; 16];
        getrandom::fill(&mut bytes).expect("the operating system has randomness");
        bytes
    }
}
