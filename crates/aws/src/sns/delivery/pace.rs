//! How fast an endpoint is sent messages (`maxReceivesPerSecond`).

use std::time::Duration;

use parking_lot::Mutex;
use tokio::time::{Instant, sleep_until};

/// Keeps requests apart, so that there are no more of them in a second than a policy says.
#[derive(Debug, Default)]
pub(super) struct Pace {
    /// When the next may be.
    next: Mutex<Option<Instant>>,
}

impl Pace {
    /// Waits for one's turn. Without a rate it is at once.
    pub(super) async fn wait(&self, per_second: Option<u32>) {
        let Some(rate) = per_second else {
            return;
        };
        let turn = {
            let mut next = self.next.lock();
            let now = Instant::now();
            let turn = next.map_or(now, |next| next.max(now));
            *next = Some(turn + Duration::from_secs(1) / rate.max(1));
            turn
        };
        sleep_until(turn).await;
    }
}

#[cfg(test)]
mod tests {
    use futures_util::future::join_all;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn there_are_no_more_in_a_second_than_the_rate() {
        let pace = Pace::default();
        let began = Instant::now();
        join_all((0..20).map(|_| pace.wait(Some(10)))).await;
        assert_eq!(began.elapsed().as_millis(), 1_900);
        // What was not used is not saved up.
        tokio::time::advance(Duration::from_secs(10)).await;
        let later = Instant::now();
        join_all((0..3).map(|_| pace.wait(Some(1)))).await;
        assert_eq!(later.elapsed().as_millis(), 2_000);
    }

    #[tokio::test(start_paused = true)]
    async fn without_a_rate_nobody_waits() {
        let pace = Pace::default();
        let began = Instant::now();
        join_all((0..1_000).map(|_| pace.wait(None))).await;
        assert_eq!(began.elapsed(), Duration::ZERO);
    }
}
