//! `TagResource`, `UntagResource`, `ListTagsForResource`

use serde::Deserialize;

use super::{Answered, NAMESPACE, Place, Sns, SnsError};
use crate::limits::SNS_TAGS_MAX;
use crate::sns::registry::changes;
use crate::sns::topic::{Topic, TopicRecord};
use crate::wire::{Call, Text};

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub(super) struct Tag<'a> {
    #[serde(borrow)]
    pub(super) key: Text<'a>,
    #[serde(borrow)]
    pub(super) value: Text<'a>,
}

/// # Errors
/// If a key is there twice, or is none.
pub(super) fn check_tags(tags: &[Tag<'_>]) -> Result<(), SnsError> {
    let mut keys: Vec<&str> = tags.iter().map(|tag| &*tag.key).collect();
    keys.sort_unstable();
    if keys.windows(2).any(|two| two[0] == two[1]) {
        return Err(SnsError::invalid("Duplicated keys are not allowed."));
    }
    let is_long = |tag: &Tag<'_>| tag.key.chars().count() > 128 || tag.value.chars().count() > 256;
    if tags.iter().any(|tag| tag.key.is_empty() || is_long(tag)) {
        return Err(SnsError::invalid("Tags"));
    }
    match tags.len() > SNS_TAGS_MAX {
        true => Err(SnsError::TagLimitExceeded),
        false => Ok(()),
    }
}

/// Tags with others over them.
pub(super) fn merge(known: &[(String, String)], tags: Vec<Tag<'_>>) -> Vec<(String, String)> {
    let mut merged = known.to_vec();
    for Tag { key, value } in tags {
        match merged.iter_mut().find(|(known, _)| **known == *key) {
            Some((_, there)) => *there = value.into_string(),
            None => merged.push((key.into_string(), value.into_string())),
        }
    }
    merged
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    resource_arn: Option<Text<'a>>,
    #[serde(borrow)]
    tags: Vec<Tag<'a>>,
    #[serde(borrow)]
    tag_keys: Vec<Text<'a>>,
}

/// Puts tags on a topic.
pub(super) async fn tag(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    check_tags(&input.tags)?;
    let _change = sns.changes.lock().await;
    let (topic, place) = resource(sns, call, &input)?;
    let tags = merge(&topic.record.tags, input.tags);
    if tags.len() > SNS_TAGS_MAX {
        return Err(SnsError::TagLimitExceeded.into());
    }
    store(sns, call, &topic, &place, tags).await
}

/// Takes tags off a topic.
pub(super) async fn untag(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = resource(sns, call, &input)?;
    let mut tags = topic.record.tags.clone();
    tags.retain(|(key, _)| !input.tag_keys.iter().any(|gone| **gone == **key));
    store(sns, call, &topic, &place, tags).await
}

/// Lists the tags of a topic.
pub(super) fn list(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let (topic, _) = resource(sns, call, &input)?;
    let tags = &topic.record.tags;
    Ok(call.answer(NAMESPACE, 64 * tags.len(), |answer| {
        answer.members("Tags", tags, |answer, (key, value)| {
            answer.text("Key", key);
            answer.text("Value", value);
        });
    }))
}

fn resource(
    sns: &Sns,
    call: &Call<'_>,
    input: &Input<'_>,
) -> Result<(std::sync::Arc<Topic>, Place), SnsError> {
    let found = sns.topic(call, "ResourceArn", input.resource_arn.as_deref());
    found.map_err(|error| match error {
        SnsError::NotFound(_) => SnsError::ResourceNotFound,
        error => error,
    })
}

async fn store(
    sns: &Sns,
    call: &Call<'_>,
    topic: &Topic,
    place: &Place,
    tags: Vec<(String, String)>,
) -> Answered {
    let record = TopicRecord {
        tags,
        ..(*topic.record).clone()
    };
    let put = changes::put_topic(&place.name, &topic.name, &record);
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(SnsError::from)?;
    Ok(call.answer(NAMESPACE, 0, |_| ()))
}
