//! Who waits for memory, and how fast those who hold it must be meanwhile: a request must come in and
//! an answer must go out on schedule. As long as nobody waits a client may be as slow as it likes.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use tokio::time::Instant;

use crate::limits::{PRESSED_GRACE, PRESSED_LOOK_INTERVAL, PRESSED_TRANSFER_TIME};

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
    /// From when on it counts how much has moved.
    begins: Instant,
    /// When it counts that nothing has moved since the last that did.
    stalls: Instant,
    bytes: usize,
    moved: usize,
}

impl Schedule {
    /// The transfer of `bytes` begins now.
    pub(crate) fn begin(bytes: usize) -> Self {
        Self::after(bytes, PRESSED_GRACE)
    }

    /// The other side was kept waiting for so long with `bytes` to bring. Meanwhile they had time to
    /// come as far as our socket, so it is given that much less to begin.
    pub(crate) fn resume(bytes: usize, waited: Duration) -> Self {
        let grace = PRESSED_GRACE.saturating_sub(waited);
        Self::after(bytes, grace.max(PRESSED_LOOK_INTERVAL))
    }

    fn after(bytes: usize, grace: Duration) -> Self {
        let begins = Instant::now() + grace;
        Self {
            begins,
            stalls: begins,
            bytes,
            moved: 0,
        }
    }

    /// Takes note of bytes that the other side has brought or taken.
    pub(crate) fn moved(&mut self, bytes: usize) {
        self.moved += bytes;
        self.stalls = Instant::now() + PRESSED_GRACE;
    }

    /// Whether it stands still, or goes too slowly to be over within [`PRESSED_TRANSFER_TIME`].
    pub(crate) fn is_behind(&self) -> bool {
        let now = Instant::now();
        let late = now.saturating_duration_since(self.begins);
        let moved = self.moved as u128 * PRESSED_TRANSFER_TIME.as_millis();
        now > self.stalls || moved < self.bytes as u128 * late.as_millis()
    }
}

#[cfg(test)]
mod tests {
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
    }

    #[tokio::test(start_paused = true)]
    async fn a_transfer_that_stands_still_is_behind_however_much_has_moved() {
        let mut stuck = Schedule::begin(1_000_000);
        stuck.moved(999_999);
        tokio::time::advance(PRESSED_GRACE).await;
        assert!(!stuck.is_behind());
        tokio::time::advance(PRESSED_LOOK_INTERVAL).await;
        assert!(stuck.is_behind());
    }

    #[tokio::test(start_paused = true)]
    async fn who_was_kept_waiting_has_had_time_to_begin() {
        let waited = Schedule::resume(1_000_000, PRESSED_GRACE);
        let served_at_once = Schedule::resume(1_000_000, Duration::ZERO);
        tokio::time::advance(2 * PRESSED_LOOK_INTERVAL).await;
        assert!(waited.is_behind());
        assert!(!served_at_once.is_behind());
    }

    #[tokio::test(start_paused = true)]
    async fn a_small_transfer_is_not_let_off() {
        let mut tiny = Schedule::begin(100);
        tiny.moved(99);
        tokio::time::advance(PRESSED_GRACE + PRESSED_TRANSFER_TIME).await;
        tiny.moved(0);
        assert!(tiny.is_behind());
    }
}
