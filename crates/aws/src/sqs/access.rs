//! Whether a caller may do what it asks: its own account's queues are its own, unless their policies deny it; to those of
//! other accounts it may do what their policies allow.
//!
//! Asked only where access keys say who calls. Source:
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-customer-managed-policy-examples.html>

use forebay_broker::host::QueueDefinition;

use super::attributes::Attribute;
use super::definition::Definition;
use super::error::SqsError;
use super::queues::{self, PlaceRef};
use crate::arn::Arn;
use crate::gateway::Shared;
use crate::policy::{Asker, Policy, Request};
use crate::wire::Call;

/// What others than the owner may be allowed; whatever a policy says, the rest is the owner's.
pub(super) const SHARED: [&str; 8] = [
    "ChangeMessageVisibility",
    "DeleteMessage",
    "GetQueueAttributes",
    "GetQueueUrl",
    "ListDeadLetterSourceQueues",
    "PurgeQueue",
    "ReceiveMessage",
    "SendMessage",
];

/// The policy of a queue, if it has one. One that cannot be read allows nobody anything.
pub(crate) fn policy_of(kept: &QueueDefinition) -> Option<Policy> {
    read(&Definition::of(kept))
}

pub(super) fn read(definition: &Definition) -> Option<Policy> {
    let policy = definition.attributes.get(Attribute::Policy)?;
    Policy::parse(policy, "sqs").ok()
}

/// Whether the caller may do what it asks of a queue.
pub(super) async fn check(
    shared: &Shared,
    call: &Call<'_>,
    place: PlaceRef<'_>,
) -> Result<(), SqsError> {
    if !shared.options.access.is_verified() {
        return Ok(());
    }
    let queue = match queues::at(shared, place).await {
        Ok(queue) => Some(queue),
        // Others are not told so.
        Err(SqsError::QueueDoesNotExist) => None,
        Err(error) => return Err(error),
    };
    // Who may do it with one message may do it with ten.
    let operation = call.operation;
    let operation = operation.strip_suffix("Batch").unwrap_or(operation);
    let request = Request {
        asker: Asker::of(call),
        action: &format!("sqs:{}", operation.to_ascii_lowercase()),
        resource: &Arn::new("sqs", place.region, place.account, place.name).to_string(),
        now_ms: shared.broker.now().wall_ms,
    };
    let policy = queue.as_ref().and_then(|queue| queue.policy.as_ref());
    let checked = request.check(policy, place.account, &SHARED);
    checked.map_err(SqsError::AccessDenied)
}
