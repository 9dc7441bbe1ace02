//! SIGTERM and SIGINT, and the stop that they bring to every task.

use std::io;

use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::sync::watch;

/// The signals that end a broker. The first asks it to stop, the second ends it at once.
pub(crate) struct Signals {
    terminate: Signal,
    interrupt: Signal,
}

impl Signals {
    /// Starts to listen for them; from now on they no longer end the process by themselves.
    pub(crate) fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
        })
    }

    /// The name of the next signal.
    pub(crate) async fn next(&mut self) -> &'static str {
        tokio::select! {
            _ = self.terminate.recv() => "SIGTERM",
            _ = self.interrupt.recv() => "SIGINT",
        }
    }
}

/// Asks every holder of a [`Stop`] to end.
pub(crate) struct Stopper(watch::Sender<bool>);

/// Tells a task when to end.
#[derive(Clone, Debug)]
pub(crate) struct Stop(watch::Receiver<bool>);

/// A stop that has not been requested yet.
pub(crate) fn stop_pair() -> (Stopper, Stop) {
    let (sender, receiver) = watch::channel(false);
    (Stopper(sender), Stop(receiver))
}

impl Stopper {
    pub(crate) fn stop(&self) {
        self.0.send_replace(true);
    }
}

impl Stop {
    /// Waits for the request; at once if it was made before. A stopper that is gone counts as one.
    pub(crate) async fn requested(&mut self) {
        let _ = self.0.wait_for(|requested| *requested).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_stop_reaches_those_who_wait_and_those_who_come_later() {
        let (stopper, mut early) = stop_pair();
        let mut late = early.clone();
        let waiting = tokio::spawn(async move { early.requested().await });
        stopper.stop();
        waiting.await.unwrap();
        late.requested().await;
    }

    #[tokio::test]
    async fn a_stopper_that_is_gone_stops_too() {
        let (stopper, mut stop) = stop_pair();
        drop(stopper);
        stop.requested().await;
    }
}
