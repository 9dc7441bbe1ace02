//! Whether a caller may do what it asks: its own account's topics are its own, unless their policies deny it; with those
//! of other accounts it may do what their policies allow.
//!
//! Asked only where access keys say who calls.

use bytes::Bytes;

use super::policy::ACTIONS;
use super::topic::Topic;
use super::{Sns, SnsError};
use crate::arn::Arn;
use crate::policy::{Asker, Request};
use crate::sqs;
use crate::wire::Call;

impl Sns {
    /// Whether a caller may do something to a topic, or to what is of an account.
    pub(super) fn admit(
        &self,
        call: &Call<'_>,
        arn: &Arn,
        topic: Option<&Topic>,
    ) -> Result<(), SnsError> {
        if !self.is_verified {
            return Ok(());
        }
        // Who may publish one message may publish ten.
        let operation = call.operation;
        let operation = operation.strip_suffix("Batch").unwrap_or(operation);
        let request = Request {
            asker: Asker::of(call),
            action: &format!("SNS:{operation}"),
            resource: &arn.to_string(),
            now_ms: self.broker.now().wall_ms,
        };
        let policy = topic.and_then(Topic::policy);
        let checked = request.check(policy, &arn.account, &ACTIONS);
        checked.map_err(SnsError::AuthorizationError)
    }

    /// Whether what is published to a topic may be put into a queue, because it is the caller's or because the queue's
    /// policy has the topic send there.
    pub(super) async fn admit_to_queue(
        &self,
        call: &Call<'_>,
        topic: &Topic,
        queue: &Arn,
    ) -> Result<(), SnsError> {
        let Err(refusal) = self.admit(call, queue, None) else {
            return Ok(());
        };
        let Some(place) = self.host_of(&queue.account, &queue.region) else {
            return Err(refusal);
        };
        let host = self.broker.virtual_host(place);
        let name = Bytes::copy_from_slice(queue.resource.as_bytes());
        let described = host.queue(name).await.ok().flatten();
        let policy = described.and_then(|described| sqs::policy_of(&described.definition));
        let request = Request {
            asker: Asker::Service {
                name: "sns.amazonaws.com",
                source_arn: &topic.arn,
                source_account: &topic.record.account,
            },
            action: "sqs:SendMessage",
            resource: &queue.to_string(),
            now_ms: self.broker.now().wall_ms,
        };
        let checked = request.check(policy.as_ref(), &queue.account, &["SendMessage"]);
        checked.map_err(|_| refusal)
    }
}
