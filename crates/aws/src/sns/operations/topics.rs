//! `CreateTopic`, `DeleteTopic`, `ListTopics`

use std::collections::BTreeMap;

use serde::Deserialize;

use super::attributes::{check, normal};
use super::tags::{Tag, check_tags, merge};
use super::{Answered, NAMESPACE, Place, Sns, SnsError, namespace, page};
use crate::sns::registry::changes;
use crate::sns::topic::{Topic, TopicRecord, check_name};
use crate::wire::{Call, Entries, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Create<'a> {
    #[serde(borrow)]
    name: Text<'a>,
    #[serde(borrow)]
    attributes: Entries<'a, Text<'a>>,
    #[serde(borrow)]
    tags: Vec<Tag<'a>>,
    #[serde(borrow)]
    data_protection_policy: Option<Text<'a>>,
}

/// Makes a topic, or finds it: what is asked for has to be so then.
pub(super) async fn create(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Create<'_> = call.input()?;
    let mut attributes = BTreeMap::new();
    for (name, value) in input.attributes.iter() {
        // What is set to nothing is not set.
        if value.is_empty() && &**name != "DisplayName" {
            continue;
        }
        check(name, value).map_err(|why| SnsError::parameter("Attributes", why))?;
        attributes.insert(name.to_string(), normal(name, value));
    }
    let is_fifo = attributes
        .get("FifoTopic")
        .is_some_and(|value| value == "true");
    check_name(&input.name, is_fifo)?;
    if !is_fifo
        && let Some(name) = ONLY_FIFO
            .iter()
            .find(|name| attributes.contains_key(**name))
    {
        let why = format!("{name} is only supported for FIFO topics");
        return Err(SnsError::parameter("Attributes", why).into());
    }
    check_tags(&input.tags)?;

    let change = sns.changes.lock().await;
    let namespace = namespace(call);
    namespace
        .found(&sns.broker, &sns.region)
        .await
        .map_err(SnsError::from)?;
    let place = sns.place(&namespace).ok_or_else(SnsError::no_topic)?;
    let index = sns.registry.index();
    if let Some(known) = index.topic(place.host.id(), &input.name) {
        same(known, &attributes, &input.tags)?;
        // It may be older than logs are, or its log was deleted.
        if sns.lacks_log(place.host.id(), &input.name) {
            let record = (*known.record).clone();
            sns.make_topic(&place, &input.name, record).await?;
        }
        return Ok(created(call, &known.arn));
    }
    let record = TopicRecord {
        account: namespace.account,
        region: namespace.region,
        attributes,
        tags: merge(&[], input.tags),
        data_protection_policy: input.data_protection_policy.map(Text::into_string),
        subscriptions_deleted: 0,
        log: None,
    };
    let arn = Topic::arn_of(&record, &input.name);
    sns.make_topic(&place, &input.name, record).await?;
    drop(change);
    Ok(created(call, &arn))
}

impl Sns {
    /// Makes what a topic lacks: its log, and what is kept of it.
    async fn make_topic(
        &self,
        place: &Place,
        name: &str,
        mut record: TopicRecord,
    ) -> Result<(), SnsError> {
        let host = place.host.id();
        let log = self.make_log(host, name).await?;
        record.log = log.map(|id| id.to_string());
        let made = async {
            if let Some(policy) = record.attribute("ArchivePolicy") {
                self.archive(host, name, Some(policy)).await?;
            }
            let put = changes::put_topic(&place.name, name, &record);
            Ok(self.broker.change_access(vec![put]).await?)
        };
        let made: Result<(), SnsError> = made.await;
        if let (Err(_), Some(log)) = (&made, log) {
            self.delete_log(log).await?;
        }
        made
    }
}

/// Attributes that only FIFO topics have.
const ONLY_FIFO: [&str; 3] = [
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "FifoThroughputScope",
];

fn created(call: &Call<'_>, arn: &str) -> Vec<u8> {
    call.answer(NAMESPACE, 0, |answer| answer.text("TopicArn", arn))
}

/// Whether what is asked for is what there is.
fn same(
    known: &Topic,
    attributes: &BTreeMap<String, String>,
    tags: &[Tag<'_>],
) -> Result<(), SnsError> {
    let differs = |what: &str| {
        let why = format!(
            "Topic already exists with different {}",
            what.to_lowercase()
        );
        SnsError::parameter(what, why)
    };
    let mut attributes = attributes.iter();
    let is_fifo =
        |name: &str, value: &str| name == "FifoTopic" && (value == "true") == known.is_fifo;
    let has = |(name, value): (&String, &String)| {
        known.record.attribute(name) == Some(value) || is_fifo(name, value)
    };
    if !attributes.all(has) {
        return Err(differs("Attributes"));
    }
    let tagged = |tag: &Tag<'_>| {
        let mut known = known.record.tags.iter();
        known.any(|(key, value)| **key == *tag.key && **value == *tag.value)
    };
    match tags.iter().all(tagged) {
        true => Ok(()),
        false => Err(differs("Tags")),
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Delete<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
}

/// Deletes a topic with its subscriptions, and the log that was made for it; nothing happens if there is none.
pub(super) async fn delete(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Delete<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = match sns.topic(call, "TopicArn", input.topic_arn.as_deref()) {
        Ok(found) => found,
        Err(SnsError::NotFound(_)) => return Ok(call.done(NAMESPACE)),
        Err(error) => return Err(error.into()),
    };
    let index = sns.registry.index();
    let ended = index.ended(place.host.id(), &topic.name);
    let subscriptions: Vec<_> = topic.subscriptions.iter().chain(ended).collect();
    let mut deleted: Vec<_> = subscriptions
        .iter()
        .map(|subscription| changes::delete_subscription(&place.name, &subscription.id))
        .collect();
    deleted.push(changes::delete_topic(&place.name, &topic.name));
    sns.broker
        .change_access(deleted)
        .await
        .map_err(SnsError::from)?;
    for subscription in subscriptions {
        sns.forget_deliveries(&place.host, subscription).await?;
    }
    if let Some(id) = topic.record.log.as_deref().and_then(|id| id.parse().ok()) {
        sns.delete_log(id).await?;
    }
    Ok(call.done(NAMESPACE))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct List<'a> {
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
}

/// Lists topics, a page at a time.
pub(super) fn list(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: List<'_> = call.input()?;
    let index = sns.registry.index();
    let place = sns.place(&namespace(call));
    let all = place.iter().flat_map(|place| index.topics(place.host.id()));
    let (topics, next) = page(all, input.next_token.as_deref(), |topic| &topic.name);
    Ok(call.answer(NAMESPACE, 100 * topics.len(), |answer| {
        answer.members("Topics", topics, |answer, topic| {
            answer.text("TopicArn", &topic.arn);
        });
        answer.optional_text("NextToken", next.as_deref());
    }))
}
