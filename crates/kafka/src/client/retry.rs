//! Asking again: brokers say "later" while leaders and coordinators find their place.

use std::time::Duration;

use tokio::time::{Instant, sleep, timeout_at};

use super::Client;
use super::error::ClientError;
use crate::protocol::ErrorCode;

/// Wait before a request is repeated, as `retry.backoff.ms` of Kafka's clients.
const BACKOFF: Duration = Duration::from_millis(100);

/// What a call may be repeated after.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Repeat {
    /// Only a refusal that says that nothing was done: for what must not happen twice.
    Refused,
    /// Also a connection that broke: for what may happen twice.
    Lost,
    /// Also a broker that is away, and a batch that was overtaken by the one behind it when both
    /// were sent again: for batches that the broker knows again.
    Numbered,
}

impl Repeat {
    fn after(self, error: &ClientError) -> bool {
        match error {
            ClientError::Lost { .. } => self != Self::Refused,
            ClientError::Unreachable { .. } => self == Self::Numbered,
            error if error.is_refused_with(ErrorCode::OutOfOrderSequenceNumber) => {
                self == Self::Numbered
            }
            error => error.is_transient(),
        }
    }
}

/// A call that may take several attempts, and the time it has for them.
pub(super) struct Attempts {
    what: String,
    repeat: Repeat,
    time: Duration,
    deadline: Instant,
    last: Option<ClientError>,
}

impl Attempts {
    pub(super) fn new(what: impl Into<String>, repeat: Repeat, time: Duration) -> Self {
        Self {
            what: what.into(),
            repeat,
            time,
            deadline: Instant::now() + time,
            last: None,
        }
    }

    /// Makes an attempt; gives the call's result if it was the last one.
    pub(super) async fn attempt<T>(
        &mut self,
        client: &Client,
        attempt: impl Future<Output = Result<T, ClientError>>,
    ) -> Option<Result<T, ClientError>> {
        let result = timeout_at(self.deadline, attempt).await;
        let error = match result {
            Ok(Err(error)) if self.repeat.after(&error) => error,
            Ok(result) => return Some(result),
            Err(_) => {
                // What kept us is more to the point than that time is over.
                let timed_out = ClientError::TimedOut {
                    what: self.what.clone(),
                    after: self.time,
                };
                return Some(Err(self.last.take().unwrap_or(timed_out)));
            }
        };
        if Instant::now() + BACKOFF >= self.deadline {
            return Some(Err(error));
        }
        self.last = Some(error);
        // Whoever refused may have moved.
        client.cluster.forget();
        sleep(BACKOFF).await;
        None
    }
}

impl Client {
    /// Makes attempts until one succeeds, fails for good, or the time is over.
    pub(super) async fn attempts<T, F>(
        &self,
        what: impl Into<String>,
        repeat: Repeat,
        mut attempt: impl FnMut() -> F,
    ) -> Result<T, ClientError>
    where
        F: Future<Output = Result<T, ClientError>>,
    {
        let mut attempts = Attempts::new(what, repeat, self.cluster.options().timeout);
        loop {
            if let Some(result) = attempts.attempt(self, attempt()).await {
                return result;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Subject;

    #[test]
    fn what_must_not_happen_twice_is_repeated_only_when_nothing_was_done() {
        let address = || "test:1".to_owned();
        let lost = ClientError::Lost {
            address: address(),
            reason: String::new(),
        };
        let away = ClientError::Unreachable {
            address: address(),
            reason: String::new(),
        };
        let refused = |code| ClientError::refused(code, Subject::Cluster);
        let moved = refused(ErrorCode::NotCoordinator);
        let overtaken = refused(ErrorCode::OutOfOrderSequenceNumber);
        let forbidden = refused(ErrorCode::InvalidPartitions);
        for (repeat, expected) in [
            (Repeat::Refused, [true, false, false, false, false]),
            (Repeat::Lost, [true, true, false, false, false]),
            (Repeat::Numbered, [true, true, true, true, false]),
        ] {
            let errors = [&moved, &lost, &away, &overtaken, &forbidden];
            assert_eq!(
                errors.map(|error| repeat.after(error)),
                expected,
                "{repeat:?}"
            );
        }
    }
}
