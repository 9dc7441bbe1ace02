//! Who waits for memory, and how fast those who hold it must be meanwhile: a request must come in and
//! an answer must go out on schedule. As long as nobody waits a client may be as slow as it likes.

use std::sync::atomic::{AtomicUsize, Ordering};

use tokio::time::Instant;

use crate::limits::{PRESSED_GRACE, PRESSED_TRANSFER_TIME};

/// How many wait for something.
#[derive(Debug, Default)]
pub(crate) struct Waiters(AtomicUsize);

/// One who waits, until it is dropped.
#[derive(Debug)]
pub(crate) struct Waiting<'a>(&'a Waiters);

impl Waiters {
    /// Counts one more. In one order with all other operations here and with those of what is waited
    /// for: who gives back and who begins to wait must not miss each other.
    pub(crate) fn begin(&self) -> Waiting<'_> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Waiting(self)
    }

    /// Whether there are any.
    pub(crate) fn any(&self) -> bool {
        self.0.load(Ordering::SeqCst) > 0
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One transfer over a connection.
#[derive(Debug)]
pub(crate) struct Schedule {
    started: Instant,
    bytes: usize,
    moved: usize,
}

impl Schedule {
    /// The transfer of `bytes` begins now.
    pub(crate) fn begin(bytes: usize) -> Self {
        Self {
            started: Instant::now(),
            bytes,
            moved: 0,
        }
    }

    /// Takes note of bytes that the other side has brought or taken.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
    }

    /// Whether it goes too slowly to be over within [`PRESSED_TRANSFER_TIME`].
    pub(crate) fn is_behind(&self) -> bool {
        let late = self.started.elapsed().saturating_sub(PRESSED_GRACE);
        let moved = self.moved as u128 * PRESSED_TRANSFER_TIME.as_millis();
        moved < self.bytes as u128 * late.as_millis()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_transfer_is_behind_when_it_would_take_longer_than_there_is() {
        let mut slow = Schedule::begin(1_000_000);
        tokio::time::advance(PRESSED_GRACE).await;
        assert!(!slow.is_behind(), "everybody is given time to begin");
        tokio::time::advance(PRESSED_TRANSFER_TIME / 2).await;
        slow.moved(499_000);
        assert!(slow.is_behind());
        slow.moved(2_000);
        assert!(!slow.is_behind());
        tokio::time::advance(Duration::from_secs(3600)).await;
        assert!(slow.is_behind());
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_transfer_is_not_let_off() {
        let mut tiny = Schedule::begin(100);
        tiny.moved(99);
        tokio::time::advance(PRESSED_GRACE + PRESSED_TRANSFER_TIME).await;
        assert!(tiny.is_behind());
    }
}
