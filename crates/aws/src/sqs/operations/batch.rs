//! What the batches of all operations have in common: entries with ids, each with a result of its own.

use super::answer_of;
use crate::sqs::error::SqsError;
use crate::wire::{Answer, Call, Text};

/// Entries of one batch.
const ENTRIES_MAX: usize = 10;
const ID_CHARS_MAX: usize = 80;

/// Whether a batch has as many entries as it may, and ids that tell them apart.
pub(super) fn check<'t, 'a: 't>(
    entry: &'static str,
    ids: impl ExactSizeIterator<Item = Option<&'t Text<'a>>>,
) -> Result<(), SqsError> {
    if ids.len() == 0 {
        return Err(SqsError::EmptyBatchRequest(entry));
    }
    if ids.len() > ENTRIES_MAX {
        return Err(SqsError::TooManyEntriesInBatchRequest(ids.len()));
    }
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let mut seen: Vec<&str> = Vec::with_capacity(ids.len());
    for id in ids {
        let id = id.ok_or(SqsError::MissingParameter("Id"))?;
        if !(1..=ID_CHARS_MAX).contains(&id.len()) || !id.bytes().all(is_plain) {
            return Err(SqsError::InvalidBatchEntryId);
        }
        if seen.contains(&&**id) {
            return Err(SqsError::BatchEntryIdsNotDistinct(id.to_string()));
        }
        seen.push(id);
    }
    Ok(())
}

/// Writes what became of each entry.
pub(super) fn answer<T>(
    call: &Call<'_>,
    entry: &str,
    results: &[(&str, Result<T, SqsError>)],
    write: impl Fn(&mut Answer, &T),
) -> Vec<u8> {
    let successful = results.iter().filter_map(|(id, result)| {
        let done = result.as_ref().ok()?;
        Some((*id, done))
    });
    let failed = results.iter().filter_map(|(id, result)| {
        let error = result.as_ref().err()?;
        Some((*id, error))
    });
    answer_of(call, 256 * results.len(), |answer| {
        answer.list("Successful", entry, successful, |answer, (id, done)| {
            answer.text("Id", id);
            write(answer, done);
        });
        answer.list(
            "Failed",
            "BatchResultErrorEntry",
            failed,
            |answer, (id, error)| {
                answer.text("Id", id);
                answer.text("Code", error.entry_code());
                answer.text("Message", &error.text());
                answer.boolean("SenderFault", error.is_sender());
            },
        );
    })
}
