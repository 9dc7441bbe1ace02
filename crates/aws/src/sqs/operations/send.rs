//! SendMessage, SendMessageBatch

use std::borrow::Cow;

use forebay_broker::host::{Position, Publication, PublishError, Published};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::{answer_of, batch};
use crate::auth::hex;
use crate::gateway::Shared;
use crate::sqs::error::SqsError;
use crate::sqs::message::{
    AttributeInput, Deduplication, MessageAttributes, Outgoing, check_body, check_id,
    md5_of_attributes, md5_of_body, message_id, sequence_number,
};
use crate::sqs::queues::{self, Queue};
use crate::wire::{Answer, Call, Entries, Fault, List, Text};

/// Of a batch, all bodies and attributes together.
const BATCH_BYTES_MAX: usize = 1 << 20;
const DELAY_SECONDS: std::ops::RangeInclusive<i64> = 0..=900;

/// A message as it is sent. `Id` is for those of batches alone.
#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Message<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow)]
    id: Option<Text<'a>>,
    #[serde(borrow)]
    message_body: Option<Text<'a>>,
    delay_seconds: Option<i64>,
    #[serde(borrow, alias = "MessageAttribute")]
    message_attributes: Entries<'a, AttributeInput<'a>>,
    #[serde(borrow, alias = "MessageSystemAttribute")]
    message_system_attributes: Entries<'a, AttributeInput<'a>>,
    #[serde(borrow)]
    message_deduplication_id: Option<Text<'a>>,
    #[serde(borrow)]
    message_group_id: Option<Text<'a>>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Batch<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, alias = "SendMessageBatchRequestEntry")]
    entries: List<Message<'a>>,
}

/// What a client is told of a message that it sent.
struct Sent {
    body: String,
    attributes: Option<String>,
    system: Option<String>,
    id: [u8; uuid::fmt::Hyphenated::LENGTH],
    sequence_number: Option<String>,
}

pub(super) async fn send(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let message: Message<'_> = call.input()?;
    let address = queues::address(call, message.queue_url.as_ref())?;
    let place = queues::place(shared, call, &address).await?;
    let queue = queues::at(shared, place).await?;
    let Prepared {
        outgoing, digests, ..
    } = prepare(call, &queue, &message)?;
    let publications = publications(shared, &[outgoing])?;
    let published = queue.host.send(publications).await;
    let published = published.into_iter().next();
    let position = outcome(published.unwrap_or(Err(PublishError::Stopped)));
    if position == Err(SqsError::QueueDoesNotExist) {
        shared.sqs.queues.forget(place);
    }
    let sent = digests.sent(shared, &queue, position?);
    Ok(answer_of(call, 0, |answer| write(answer, &sent)))
}

pub(super) async fn send_batch(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Batch<'_> = call.input()?;
    let address = queues::address(call, input.queue_url.as_ref())?;
    let place = queues::place(shared, call, &address).await?;
    let queue = queues::at(shared, place).await?;
    let ids = input.entries.iter().map(|entry| entry.id.as_ref());
    batch::check("SendMessageBatchRequestEntry", ids)?;
    check_order(&queue, &input.entries)?;
    let mut results = Vec::with_capacity(input.entries.len());
    let mut outgoing = Vec::with_capacity(input.entries.len());
    let mut bytes = 0;
    for entry in input.entries.iter() {
        let prepared = prepare(call, &queue, entry);
        bytes += match &prepared {
            Ok(prepared) => prepared.bytes,
            Err(_) => entry.message_body.as_deref().map_or(0, str::len),
        };
        let digests = prepared.map(|prepared| {
            outgoing.push(prepared.outgoing);
            prepared.digests
        });
        results.push((entry.id.as_deref().unwrap_or_default(), digests));
    }
    if bytes > BATCH_BYTES_MAX {
        let limit = BATCH_BYTES_MAX;
        return Err(SqsError::BatchRequestTooLong { bytes, limit }.into());
    }
    let publications = publications(shared, &outgoing)?;
    let mut published = queue.host.send(publications).await.into_iter();
    let mut finish = |digests: Digests| {
        let position = outcome(published.next().unwrap_or(Err(PublishError::Stopped)))?;
        Ok(digests.sent(shared, &queue, position))
    };
    let results = results.into_iter();
    let results: Vec<_> = results
        .map(|(id, digests)| (id, digests.and_then(&mut finish)))
        .collect();
    if results
        .iter()
        .any(|(_, result)| matches!(result, Err(SqsError::QueueDoesNotExist)))
    {
        shared.sqs.queues.forget(place);
        return Err(SqsError::QueueDoesNotExist.into());
    }
    Ok(batch::answer(
        call,
        "SendMessageBatchResultEntry",
        &results,
        write,
    ))
}

/// An entry that a FIFO queue cannot put in its place fails the whole batch, and a missing group with another code than
/// it fails a single message with.
fn check_order(queue: &Queue, entries: &[Message<'_>]) -> Result<(), SqsError> {
    if !queue.definition.is_fifo {
        return Ok(());
    }
    if entries.iter().any(|entry| entry.message_group_id.is_none()) {
        let missing = SqsError::MissingParameter("MessageGroupId");
        return Err(SqsError::InvalidParameterValue(missing.text()));
    }
    let mut ids = entries.iter().map(|entry| &entry.message_deduplication_id);
    match !queue.is_content_deduplicated && ids.any(Option::is_none) {
        true => Err(no_deduplication_id()),
        false => Ok(()),
    }
}

fn no_deduplication_id() -> SqsError {
    SqsError::InvalidParameterValue(
        "The queue should either have ContentBasedDeduplication enabled or MessageDeduplicationId provided explicitly"
            .to_owned(),
    )
}

/// A message that may be sent.
struct Prepared<'a> {
    outgoing: Outgoing<'a>,
    digests: Digests,
    /// What counts towards its size.
    bytes: usize,
}

struct Digests {
    body: String,
    attributes: Option<String>,
    system: Option<String>,
}

fn prepare<'a>(
    call: &'a Call<'_>,
    queue: &Queue,
    message: &'a Message<'_>,
) -> Result<Prepared<'a>, SqsError> {
    let body = message
        .message_body
        .as_deref()
        .filter(|body| !body.is_empty());
    let body = body.ok_or(SqsError::MissingParameter("MessageBody"))?;
    check_body(body)?;
    let attributes = MessageAttributes::read(&message.message_attributes)?;
    let system = MessageAttributes::read_system(&message.message_system_attributes)?;
    // System attributes do not count.
    let bytes = body.len() + attributes.bytes();
    let limit = queue.message_bytes_max;
    if bytes > limit {
        return Err(SqsError::InvalidParameterValue(format!(
            "One or more parameters are invalid. Reason: Message must be shorter than {limit} bytes."
        )));
    }
    let (group, deduplication) = order(queue, message, body)?;
    let digests = Digests {
        body: md5_of_body(body.as_bytes()),
        attributes: md5_of_attributes(&attributes),
        system: md5_of_attributes(&system),
    };
    let outgoing = Outgoing {
        queue: queue.name.clone(),
        body,
        attributes,
        system,
        sender: call.caller.access_key.as_deref(),
        group,
        deduplication,
        delay_ms: delay_ms(queue, message.delay_seconds)?,
    };
    Ok(Prepared {
        outgoing,
        digests,
        bytes,
    })
}

fn publications(shared: &Shared, outgoing: &[Outgoing<'_>]) -> Result<Vec<Publication>, SqsError> {
    let publications = Outgoing::publications(outgoing, shared.broker.now().wall_ms);
    publications.map_err(|error| {
        tracing::warn!(%error, "messages of SQS cannot be stored");
        SqsError::Internal
    })
}

/// The group that a message is of, and by what it is known again.
fn order<'a>(
    queue: &Queue,
    message: &'a Message<'_>,
    body: &str,
) -> Result<(Option<&'a str>, Option<Deduplication<'a>>), SqsError> {
    let group = message.message_group_id.as_deref();
    let id = message.message_deduplication_id.as_deref();
    if let Some(group) = group {
        check_id(group, "MessageGroupId")?;
    }
    if let Some(id) = id {
        check_id(id, "MessageDeduplicationId")?;
    }
    if !queue.definition.is_fifo {
        // A group is allowed there, too: it says whose turn it is and orders nothing (fair queues).
        return match id {
            Some(id) => {
                let reason =
                    "The request includes a parameter that is not valid for this queue type.";
                Err(SqsError::parameter(id, "MessageDeduplicationId", reason))
            }
            None => Ok((group, None)),
        };
    }
    let group = group.ok_or(SqsError::MissingParameter("MessageGroupId"))?;
    let id = match id {
        Some(id) => Cow::Borrowed(id),
        // Of the body alone: messages that differ in their attributes are the same.
        None if queue.is_content_deduplicated => Cow::Owned(hex(&Sha256::digest(body))),
        None => return Err(no_deduplication_id()),
    };
    let is_of_group = queue.is_deduplicated_by_group;
    Ok((Some(group), Some(Deduplication { id, is_of_group })))
}

fn delay_ms(queue: &Queue, seconds: Option<i64>) -> Result<Option<u64>, SqsError> {
    let Some(seconds) = seconds else {
        return Ok(None);
    };
    let invalid = |reason| SqsError::parameter(&seconds.to_string(), "DelaySeconds", reason);
    if !DELAY_SECONDS.contains(&seconds) {
        return Err(invalid("DelaySeconds must be >= 0 and <= 900."));
    }
    match (queue.definition.is_fifo, seconds) {
        // As if nothing were said: messages of a FIFO queue wait all for the same time.
        (true, 0) => Ok(None),
        (true, _) => Err(invalid(
            "The request include parameter that is not valid for this queue type.",
        )),
        (false, seconds) => Ok(Some(seconds.unsigned_abs() * 1_000)),
    }
}

/// Where a message is now, or where the one is that it is the same as.
fn outcome(published: Result<Published, PublishError>) -> Result<Position, SqsError> {
    match published? {
        Published::Stored(position) | Published::Duplicate(position) => Ok(position),
        Published::Unroutable => Err(SqsError::QueueDoesNotExist),
        Published::Refused => Err(SqsError::OverLimit("The queue is full.".to_owned())),
        Published::Routed => Err(SqsError::Internal),
    }
}

impl Digests {
    fn sent(self, shared: &Shared, queue: &Queue, position: Position) -> Sent {
        let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
        message_id(shared.broker.cluster_id(), position)
            .hyphenated()
            .encode_lower(&mut id);
        let is_fifo = queue.definition.is_fifo;
        Sent {
            body: self.body,
            attributes: self.attributes,
            system: self.system,
            id,
            sequence_number: is_fifo.then(|| sequence_number(position.offset)),
        }
    }
}

fn write(answer: &mut Answer, sent: &Sent) {
    answer.text("MD5OfMessageBody", &sent.body);
    answer.optional_text("MD5OfMessageAttributes", sent.attributes.as_deref());
    answer.optional_text("MD5OfMessageSystemAttributes", sent.system.as_deref());
    // A UUID is made of ASCII.
    answer.text(
        "MessageId",
        std::str::from_utf8(&sent.id).unwrap_or_default(),
    );
    answer.optional_text("SequenceNumber", sent.sequence_number.as_deref());
}
