//! `GetTopicAttributes`, `SetTopicAttributes`

use serde::Deserialize;
use serde_json::Value;

use super::{Answered, NAMESPACE, Sns, SnsError};
use crate::sns::delivery_policy::DeliveryPolicy;
use crate::sns::policy::default_policy;
use crate::sns::registry::changes;
use crate::sns::topic::Topic;
use crate::wire::{Call, Text};

/// Attributes that can be set, beside those of [`FEEDBACK`].
const SETTABLE: [&str; 10] = [
    "ArchivePolicy",
    "ContentBasedDeduplication",
    "DeliveryPolicy",
    "DisplayName",
    "FifoThroughputScope",
    "FifoTopic",
    "KmsMasterKeyId",
    "Policy",
    "SignatureVersion",
    "TracingConfig",
];
/// What is told of deliveries by these is told nobody here; they are kept and shown.
const FEEDBACK: [&str; 3] = [
    "SuccessFeedbackRoleArn",
    "SuccessFeedbackSampleRate",
    "FailureFeedbackRoleArn",
];
const FEEDBACK_OF: [&str; 5] = ["HTTP", "Firehose", "Lambda", "Application", "SQS"];

/// Says what is wrong with an attribute's value.
pub(super) fn check(name: &str, value: &str) -> Result<(), String> {
    let one_of = |allowed: &[&str]| match allowed.contains(&value.to_lowercase().as_str()) {
        true => Ok(()),
        false => Err(format!(
            "{name}: Invalid value [{value}]. Must be {}.",
            allowed.join(" or ")
        )),
    };
    match name {
        "FifoTopic" | "ContentBasedDeduplication" => one_of(&["true", "false"]),
        "FifoThroughputScope" => one_of(&["topic", "messagegroup"]),
        "SignatureVersion" => one_of(&["1", "2"]),
        "TracingConfig" => one_of(&["passthrough", "active"]),
        "Policy" => match serde_json::from_str::<Value>(value) {
            Ok(policy) if policy["Statement"].is_array() || policy["Statement"].is_object() => {
                Ok(())
            }
            _ => Err("Policy Error: null".to_owned()),
        },
        "ArchivePolicy" => archive_days(value).map(drop),
        "DeliveryPolicy" => DeliveryPolicy::check(value, true).map_err(|error| match error {
            SnsError::InvalidParameter(why) => why.replacen("Invalid parameter: ", "", 1),
            _ => "DeliveryPolicy".to_owned(),
        }),
        "DisplayName" if value.len() > 100 => Err("DisplayName".to_owned()),
        _ if SETTABLE.contains(&name) => Ok(()),
        _ if is_feedback(name) => Ok(()),
        _ => Err(format!("Unknown attribute: {name}")),
    }
}

/// A value as it is kept.
pub(super) fn normal(name: &str, value: &str) -> String {
    match name {
        "FifoTopic" | "ContentBasedDeduplication" => value.to_lowercase(),
        _ => value.to_owned(),
    }
}

fn is_feedback(name: &str) -> bool {
    let mut services = FEEDBACK_OF.into_iter();
    services.any(|service| {
        let rest = name.strip_prefix(service);
        rest.is_some_and(|rest| FEEDBACK.contains(&rest))
    })
}

/// Days that an archive keeps messages.
pub(crate) fn archive_days(policy: &str) -> Result<u32, String> {
    let wrong = || "ArchivePolicy: MessageRetentionPeriod must be between 1 and 365".to_owned();
    let policy: Value = serde_json::from_str(policy).map_err(|_| wrong())?;
    let days = match &policy["MessageRetentionPeriod"] {
        Value::String(text) => text.parse().ok(),
        number => number.as_u64(),
    };
    let days = days.and_then(|days| u32::try_from(days).ok());
    days.filter(|days| (1..=365).contains(days))
        .ok_or_else(wrong)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Get<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
}

/// Shows everything about a topic.
pub(super) fn get(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Get<'_> = call.input()?;
    let (topic, _) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let attributes = shown(&topic);
    Ok(call.answer(NAMESPACE, 2048, |answer| {
        let entries = attributes.iter();
        answer.entry_map("Attributes", entries.map(|(name, value)| (*name, &**value)));
    }))
}

fn shown(topic: &Topic) -> Vec<(&str, String)> {
    let record = &topic.record;
    let confirmed = topic.subscriptions.iter();
    let confirmed = confirmed
        .filter(|subscription| subscription.is_confirmed())
        .count();
    let pending = topic.subscriptions.len() - confirmed;
    let delivery = record.attribute("DeliveryPolicy");
    let overrides_disabled = delivery
        .and_then(|policy| serde_json::from_str::<Value>(policy).ok())
        .is_some_and(|policy| policy["http"]["disableSubscriptionOverrides"] == true);
    let effective = DeliveryPolicy::effective(delivery, None);
    let mut shown: Vec<(&str, String)> = vec![
        ("TopicArn", topic.arn.clone()),
        ("Owner", record.account.clone()),
        ("DisplayName", String::new()),
        (
            "Policy",
            default_policy(&topic.arn, &record.account).to_string(),
        ),
        ("SubscriptionsConfirmed", confirmed.to_string()),
        ("SubscriptionsPending", pending.to_string()),
        (
            "SubscriptionsDeleted",
            record.subscriptions_deleted.to_string(),
        ),
        (
            "EffectiveDeliveryPolicy",
            effective.shown_of_topic(overrides_disabled),
        ),
    ];
    if topic.is_fifo {
        shown.push(("ContentBasedDeduplication", "false".to_owned()));
        shown.push(("FifoTopic", "true".to_owned()));
    }
    for (name, value) in &record.attributes {
        match shown.iter_mut().find(|(known, _)| known == name) {
            Some((_, there)) => there.clone_from(value),
            None if name == "FifoTopic" => {}
            None => shown.push((name, value.clone())),
        }
    }
    shown
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Set<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_name: Text<'a>,
    #[serde(borrow)]
    attribute_value: Option<Text<'a>>,
}

/// Sets one attribute; one without a value has its default again.
pub(super) async fn set(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Set<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let name = &*input.attribute_name;
    if name == "FifoTopic" || !(SETTABLE.contains(&name) || is_feedback(name)) {
        return Err(SnsError::invalid("AttributeName").into());
    }
    let mut record = (*topic.record).clone();
    match input
        .attribute_value
        .as_deref()
        .filter(|value| !value.is_empty() && (name != "ArchivePolicy" || *value != "{}"))
    {
        Some(value) => {
            check(name, value).map_err(SnsError::invalid)?;
            record
                .attributes
                .insert(name.to_owned(), normal(name, value));
        }
        None => drop(record.attributes.remove(name)),
    }
    if name == "ArchivePolicy" && topic.is_fifo {
        sns.archive(topic.virtual_host, &topic.name, record.attribute(name))
            .await?;
    }
    let put = changes::put_topic(&place.name, &topic.name, &record);
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(SnsError::from)?;
    Ok(call.done(NAMESPACE))
}
