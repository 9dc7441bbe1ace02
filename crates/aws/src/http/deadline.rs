//! How long a client may take for what is awaited of it.

use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep};

/// One timer for all that a connection waits for. To put it off, as every request does, is to note a time: the timer
/// itself goes off when it was set to, and is then set anew.
pub(super) struct Deadline {
    due: Instant,
    timer: Pin<Box<Sleep>>,
}

impl Deadline {
    /// One that is over after so long.
    pub(super) fn new(patience: Duration) -> Self {
        let timer = Box::pin(sleep(patience));
        Self {
            due: timer.deadline(),
            timer,
        }
    }

    /// Starts again.
    pub(super) fn restart(&mut self, patience: Duration) {
        self.due = Instant::now() + patience;
        if self.due < self.timer.deadline() {
            self.timer.as_mut().reset(self.due);
        }
    }

    /// Waits until it is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            ready!(self.timer.as_mut().poll(cx));
            if self.timer.deadline() >= self.due {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(self.due);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::poll_fn;

    use super::*;

    #[tokio::test(start_paused = true)]
    async fn it_is_over_when_it_was_set_to_last() {
        let seconds = Duration::from_secs;
        let began = Instant::now();
        let mut deadline = Deadline::new(seconds(180));
        for (patience, elapsed) in [(180, 180), (60, 240), (180, 420), (60, 480)] {
            deadline.restart(seconds(10));
            deadline.restart(seconds(patience));
            poll_fn(|cx| deadline.poll(cx)).await;
            assert_eq!(began.elapsed().as_secs(), elapsed);
        }
    }
}
