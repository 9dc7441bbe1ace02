//! TagQueue, UntagQueue, ListQueueTags

use serde::Deserialize;

use super::attributes::alter;
use super::{answer, done};
use crate::gateway::Shared;
use crate::sqs::error::SqsError;
use crate::sqs::queues;
use crate::wire::{Call, Entries, Fault, List, Text};

/// Tags of one queue.
const TAGS_MAX: usize = 50;
const KEY_CHARS_MAX: usize = 128;
const VALUE_CHARS_MAX: usize = 256;

/// Whether these can be tags.
pub(super) fn check(tags: &Entries<'_, Text<'_>>) -> Result<(), SqsError> {
    let fits = |(key, value): &(Text<'_>, Text<'_>)| {
        (1..=KEY_CHARS_MAX).contains(&key.chars().count())
            && value.chars().count() <= VALUE_CHARS_MAX
            && !key.to_ascii_lowercase().starts_with("aws:")
    };
    if tags.len() > TAGS_MAX {
        return Err(too_many());
    }
    match tags.iter().find(|tag| !fits(tag)) {
        Some((key, _)) => Err(SqsError::parameter(
            key,
            "Tags",
            "Tag keys have 1 to 128 characters and do not begin with aws:, tag values have up to 256.",
        )),
        None => Ok(()),
    }
}

fn too_many() -> SqsError {
    SqsError::InvalidParameterValue(format!("A queue can have at most {TAGS_MAX} tags."))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Tag<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, alias = "Tag")]
    tags: Entries<'a, Text<'a>>,
}

pub(super) async fn tag(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Tag<'_> = call.input()?;
    if input.tags.is_empty() {
        return Err(SqsError::MissingParameter("Tags").into());
    }
    check(&input.tags)?;
    alter(shared, call, input.queue_url.as_ref(), |queue| {
        for (key, value) in input.tags.iter() {
            queue.tags.insert(key.to_string(), value.to_string());
        }
        match queue.tags.len() > TAGS_MAX {
            true => Err(too_many()),
            false => Ok(()),
        }
    })
    .await?;
    Ok(done(call))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Untag<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
    #[serde(borrow, alias = "TagKey")]
    tag_keys: List<Text<'a>>,
}

pub(super) async fn untag(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: Untag<'_> = call.input()?;
    if input.tag_keys.is_empty() {
        return Err(SqsError::MissingParameter("TagKeys").into());
    }
    alter(shared, call, input.queue_url.as_ref(), |queue| {
        for key in input.tag_keys.iter() {
            queue.tags.remove(&**key);
        }
        Ok(())
    })
    .await?;
    Ok(done(call))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct ListTags<'a> {
    #[serde(borrow)]
    queue_url: Option<Text<'a>>,
}

pub(super) async fn list(shared: &Shared, call: &Call<'_>) -> Result<Vec<u8>, Fault> {
    let input: ListTags<'_> = call.input()?;
    let queue = queues::find(shared, call, input.queue_url.as_ref()).await?;
    let tags = queue.definition.tags.iter();
    let tags = tags.map(|(key, value)| (key.as_str(), value.as_str()));
    Ok(answer(call, |answer| {
        answer.map("Tags", "Tag", ("Key", "Value"), tags);
    }))
}
