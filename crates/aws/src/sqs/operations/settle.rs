//! DeleteMessage, ChangeMessageVisibility, and batches of both

use forebay_broker::host::{Lease, LeaseError, LeaseOutcome};
use serde::Deserialize;

use super::receive::VISIBILITY_SECONDS;
use super::{batch, done};
use crate::gateway::Shared;
use crate::sqs::error::SqsError;
use crate::sqs::queues::{self, Queue};
use crate::sqs::receipt::Receipt;
use crate::wire::{Call, Fault, List, Text};

/// What is said of one message. `Id` is for those of batches alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Settlement<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    receipt_handle: Option<Text<'a>>,
    visibility_timeout: Option<i64>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Batch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(
        borrow,
        alias = "DeleteMessageBatchRequestEntry",
        alias = "ChangeMessageVisibilityBatchRequestEntry"
    )]
    entries: List<Settlement<'a>>,
}

/// What becomes of messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Fate {
    Deleted,
    /// Locked for another time.
    Extended,
}

impl Fate {
    fn entry(self) -> &'static str {
        match self {
            Self::Deleted => "DeleteMessageBatchRequestEntry",
            Self::Extended => "ChangeMessageVisibilityBatchRequestEntry",
        }
    }

    fn result(self) -> &'static str {
        match self {
            Self::Deleted => "DeleteMessageBatchResultEntry",
            Self::Extended => "ChangeMessageVisibilityBatchResultEntry",
        }
    }
}

pub(super) async fn settle(shared: &Shared, call: &Call<'_>, fate: Fate) -> Result<Vec<u8>, Fault> {
    let input: Settlement<'_> = call.input()?;
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let lease = lease(shared, &queue, fate, &input)?;
    let results = queue
        .host
        .settle_leases(queue.name.clone(), vec![lease])
        .await;
    let results = results.map_err(SqsError::from)?;
    let result = results.first().copied().unwrap_or(Ok(()));
    outcome(&queue, fate, &input, result)?;
    Ok(done(call))
}

pub(super) async fn settle_batch(
    shared: &Shared,
    call: &Call<'_>,
    fate: Fate,
) -> Result<Vec<u8>, Fault> {
    let input: Batch<'_> = call.input()?;
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let ids = input.entries.iter().map(|entry| entry.id.as_ref());
    batch::check(fate.entry(), ids)?;
    let mut leases = Vec::with_capacity(input.entries.len());
    let mut results = Vec::with_capacity(input.entries.len());
    for entry in input.entries.iter() {
        let lease = lease(shared, &queue, fate, entry);
        results.push((entry, lease.map(|lease| leases.push(lease))));
    }
    let settled = queue.host.settle_leases(queue.name.clone(), leases).await;
    let mut settled = settled.map_err(SqsError::from)?.into_iter();
    let results: Vec<_> = results
        .into_iter()
        .map(|(entry, lease)| {
            let result = lease.and_then(|()| {
                let result = settled.next().unwrap_or(Ok(()));
                outcome(&queue, fate, entry, result)
            });
            (entry.id.as_deref().unwrap_or_default(), result)
        })
        .collect();
    Ok(batch::answer(call, fate.result(), &results, |_, ()| ()))
}

fn lease(
    shared: &Shared,
    queue: &Queue,
    fate: Fate,
    input: &Settlement<'_>,
) -> Result<(Lease, LeaseOutcome), SqsError> {
    let handle = input.receipt_handle.as_deref();
    let handle = handle.ok_or(SqsError::MissingParameter("ReceiptHandle"))?;
    let receipt = Receipt::parse(handle)?;
    let outcome = match fate {
        Fate::Deleted => LeaseOutcome::Delete {
            // A message that came back is gone by an old handle, too, but for FIFO queues.
            even_if_stale: !queue.definition.is_fifo,
        },
        Fate::Extended => {
            let seconds = input.visibility_timeout;
            let seconds = seconds.ok_or(SqsError::MissingParameter("VisibilityTimeout"))?;
            LeaseOutcome::Extend {
                lock_ms: extension_ms(shared, &receipt, seconds)?,
            }
        }
    };
    Ok((receipt.lease, outcome))
}

/// Nobody has a message for more than twelve hours since it was received.
fn extension_ms(shared: &Shared, receipt: &Receipt, seconds: i64) -> Result<u64, SqsError> {
    let most = *VISIBILITY_SECONDS.end();
    let invalid =
        |reason: &str| SqsError::parameter(&seconds.to_string(), "VisibilityTimeout", reason);
    let wanted = u64::try_from(seconds).ok();
    let wanted = wanted.filter(|_| VISIBILITY_SECONDS.contains(&seconds));
    let wanted = wanted
        .ok_or_else(|| invalid("VisibilityTimeout must be an integer between 0 and 43200."))?;
    let now = shared.broker.now().wall_ms.div_euclid(1_000);
    let had = now - i64::from(receipt.received);
    match had.max(0) + seconds > most {
        true if wanted > 0 => Err(invalid(&format!(
            "Total VisibilityTimeout for the message is beyond the limit [{most} seconds]"
        ))),
        _ => Ok(wanted * 1_000),
    }
}

fn outcome(
    queue: &Queue,
    fate: Fate,
    input: &Settlement<'_>,
    result: Result<(), LeaseError>,
) -> Result<(), SqsError> {
    let handle = input.receipt_handle.as_deref().unwrap_or_default();
    let invalid = |reason| SqsError::parameter(handle, "ReceiptHandle", reason);
    match (result, fate) {
        // To delete what is deleted is no mistake.
        (Ok(()), _) | (Err(LeaseError::Gone), Fate::Deleted) => Ok(()),
        (Err(LeaseError::Unknown), _) => Err(SqsError::ReceiptHandleIsInvalid(handle.to_owned())),
        (Err(LeaseError::Gone), Fate::Extended) => Err(invalid(
            "Message does not exist or is not available for visibility timeout change.",
        )),
        (Err(LeaseError::Stale), _) if queue.definition.is_fifo => {
            Err(invalid("The receipt handle has expired"))
        }
        (Err(LeaseError::Stale), Fate::Extended) => Err(SqsError::MessageNotInflight),
        // An old handle deletes; this one is older than that.
        (Err(LeaseError::Stale), Fate::Deleted) => Ok(()),
    }
}
