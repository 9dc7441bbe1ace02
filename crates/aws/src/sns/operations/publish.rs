//! `Publish`, `PublishBatch`

use std::collections::HashSet;
use std::sync::Arc;

use serde::Deserialize;

use super::{Answered, NAMESPACE, Sns, SnsError};
use crate::limits::{SNS_BATCH_ENTRIES_MAX, SNS_MESSAGE_BYTES_MAX};
use crate::sns::envelope::Stamp;
use crate::sns::message::MessageInput;
use crate::wire::{Answer, Call, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Target<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    target_arn: Option<Text<'a>>,
    #[serde(borrow)]
    phone_number: Option<Text<'a>>,
}

/// Publishes one message.
pub(super) async fn one(sns: &Arc<Sns>, call: &Call<'_>) -> Answered {
    let target: Target<'_> = call.input()?;
    let input: MessageInput<'_> = call.input()?;
    if let Some(number) = target.phone_number {
        let why = format!("nothing is sent to telephones: {number}");
        return Err(SnsError::UnsupportedOperation(why).into());
    }
    let (parameter, text) = match (target.topic_arn, target.target_arn) {
        (Some(topic), None) => ("TopicArn", Some(topic)),
        (None, Some(target)) => ("TargetArn", Some(target)),
        (None, None) => ("TopicArn", None),
        (Some(_), Some(_)) => return Err(SnsError::invalid("TopicArn and TargetArn").into()),
    };
    let text = text.as_deref();
    if text.is_some_and(|text| text.contains(":endpoint/")) {
        let why = "No endpoint found for the target arn specified";
        return Err(SnsError::parameter("TargetArn", why).into());
    }
    let (topic, _) = sns.topic(call, parameter, text)?;
    let message = input.check(Some(&topic), "")?;
    let published = sns.publish(&topic, vec![message], call.endpoint).await;
    // One message has one result.
    let stamp = published.into_iter().next();
    let stamp = stamp.unwrap_or_else(|| Err(SnsError::InternalError(String::new())))?;
    Ok(call.answer(NAMESPACE, 0, |answer| told(answer, &stamp)))
}

fn told(answer: &mut Answer, stamp: &Stamp) {
    answer.text("MessageId", &stamp.message_id);
    answer.optional_text("SequenceNumber", stamp.sequence_number.as_deref());
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Batch<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    publish_batch_request_entries: Vec<MessageInput<'a>>,
}

/// Publishes up to ten messages. What is wrong with one of them is wrong with all; what cannot be stored is told of
/// each.
pub(super) async fn batch(sns: &Arc<Sns>, call: &Call<'_>) -> Answered {
    let input: Batch<'_> = call.input()?;
    let (topic, _) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let entries = input.publish_batch_request_entries;
    check_entries(&entries)?;
    let mut ids = Vec::with_capacity(entries.len());
    let mut messages = Vec::with_capacity(entries.len());
    for (at, entry) in entries.into_iter().enumerate() {
        ids.push(entry.id.to_string());
        let place = format!("publishBatchRequestEntries.{}.member.", at + 1);
        messages.push(entry.check(Some(&topic), &place)?);
    }
    let results = sns.publish(&topic, messages, call.endpoint).await;
    let mut successful = Vec::new();
    let mut failed = Vec::new();
    for (id, result) in ids.iter().zip(results) {
        match result {
            Ok(stamp) => successful.push((id, stamp)),
            Err(error) => failed.push((id, error.code_and_text())),
        }
    }
    Ok(call.answer(NAMESPACE, 160 * ids.len(), |answer| {
        answer.members("Successful", &successful, |answer, (id, stamp)| {
            answer.text("Id", id);
            told(answer, stamp);
        });
        answer.members(
            "Failed",
            &failed,
            |answer, (id, (code, text, is_sender))| {
                answer.text("Id", id);
                answer.text("Code", code);
                answer.text("Message", text);
                answer.boolean("SenderFault", *is_sender);
            },
        );
    }))
}

fn check_entries(entries: &[MessageInput<'_>]) -> Result<(), SnsError> {
    if entries.is_empty() {
        return Err(SnsError::EmptyBatchRequest);
    }
    if entries.len() > SNS_BATCH_ENTRIES_MAX {
        return Err(SnsError::TooManyEntriesInBatchRequest);
    }
    let mut ids = HashSet::new();
    for entry in entries {
        let id: &str = &entry.id;
        let why = if id.len() > 80 {
            "is too long"
        } else if id.is_empty() || !id.bytes().all(is_id_byte) {
            "contains an impermissible character"
        } else if !ids.insert(id) {
            return Err(SnsError::BatchEntryIdsNotDistinct);
        } else {
            continue;
        };
        return Err(SnsError::InvalidBatchEntryId(format!(
            "The Id of a batch entry in the batch request {why}: {id}"
        )));
    }
    match entries.iter().map(MessageInput::bytes).sum::<usize>() > SNS_MESSAGE_BYTES_MAX {
        true => Err(SnsError::BatchRequestTooLong),
        false => Ok(()),
    }
}

fn is_id_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}
