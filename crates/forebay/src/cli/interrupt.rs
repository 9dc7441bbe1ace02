//! Ctrl-C: the first one ends a command in good order, the second one at once.

use std::io;

use crate::signals::{Signals, Stop, stop_pair};

use super::failure::Cause;

/// Starts to listen; from now on Ctrl-C no longer ends the process by itself.
pub(crate) fn listen() -> io::Result<Stop> {
    let mut signals = Signals::listen()?;
    let (stopper, stop) = stop_pair();
    tokio::spawn(async move {
        signals.next().await;
        stopper.stop();
        signals.next().await;
        // Whatever the first one waits for, such as a reader that does not read, has had its chance.
        std::process::exit(Cause::Interrupted as i32);
    });
    Ok(stop)
}

/// Waits for something, or for Ctrl-C: `None`.
pub(crate) async fn unless_interrupted<T>(
    stop: &mut Stop,
    waiting: impl Future<Output = T>,
) -> Option<T> {
    tokio::select! {
        biased;
        () = stop.requested() => None,
        done = waiting => Some(done),
    }
}
