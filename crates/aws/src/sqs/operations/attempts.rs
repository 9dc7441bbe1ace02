//! Receives of FIFO queues that may be repeated: who lost the answer asks again under the same id and is given the same
//! messages by the same handles, as if asked now (`ReceiveRequestAttemptId`). Remembered in memory: after a restart the
//! messages come when their locks end.

use std::collections::HashMap;
use std::time::Duration;

use forebay_broker::host::{LeaseOutcome, Received};
use parking_lot::Mutex;

use crate::gateway::Shared;
use crate::limits;
use crate::sqs::attributes::Attribute;
use crate::sqs::error::SqsError;
use crate::sqs::queues::Queue;

/// Which request it is.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Attempt {
    account: String,
    region: String,
    queue: String,
    id: String,
}

impl Attempt {
    pub(super) fn new(queue: &Queue, id: &str) -> Self {
        Self {
            account: queue.namespace.account.clone(),
            region: queue.namespace.region.clone(),
            queue: queue.name().to_owned(),
            id: id.to_owned(),
        }
    }
}

/// What was given to whom.
#[derive(Debug, Default)]
pub(in crate::sqs) struct Attempts(Mutex<HashMap<Attempt, (Duration, Given)>>);

/// Messages, and when they were given first.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) received: Received,
    /// In milliseconds since the Unix epoch. It stands in the handles.
    pub(super) at_ms: i64,
}

impl Attempts {
    fn find(&self, shared: &Shared, attempt: &Attempt) -> Option<Given> {
        let now = shared.broker.now().monotonic;
        let attempts = self.0.lock();
        let (at, given) = attempts.get(attempt)?;
        (now.saturating_sub(*at) < limits::ATTEMPT_KEPT).then(|| given.clone())
    }

    /// Notes what was given. The time counts from the first.
    pub(super) fn note(&self, shared: &Shared, attempt: Attempt, given: Given) {
        let now = shared.broker.now().monotonic;
        let mut attempts = self.0.lock();
        if attempts.len() >= limits::ATTEMPTS_MAX {
            attempts.retain(|_, (at, _)| now.saturating_sub(*at) < limits::ATTEMPT_KEPT);
        }
        // Those who repeat nothing lose nothing.
        if attempts.len() < limits::ATTEMPTS_MAX {
            let known = attempts.get(&attempt);
            let known = known.map(|(at, _)| *at);
            let at = known.filter(|at| now.saturating_sub(*at) < limits::ATTEMPT_KEPT);
            attempts.insert(attempt, (at.unwrap_or(now), given));
        }
    }
}

/// What was given to the same request before, locked anew. None if nothing is left of it.
pub(super) async fn again(
    shared: &Shared,
    queue: &Queue,
    attempt: &Attempt,
    lock_ms: Option<u64>,
) -> Result<Option<Given>, SqsError> {
    let Some(mut given) = shared.sqs.attempts.find(shared, attempt) else {
        return Ok(None);
    };
    let seconds = queue
        .definition
        .attributes
        .number(Attribute::VisibilityTimeout);
    let lock_ms = lock_ms.unwrap_or(seconds * 1_000);
    let extend = LeaseOutcome::Extend { lock_ms };
    let messages = &mut given.received.messages;
    let leases = messages.iter();
    let leases = leases.map(|leased| (leased.lease, extend)).collect();
    let results = queue.host.settle_leases(queue.name.clone(), leases).await?;
    let mut results = results.into_iter();
    messages.retain(|_| results.next().is_some_and(|result| result.is_ok()));
    Ok((!messages.is_empty()).then_some(given))
}
