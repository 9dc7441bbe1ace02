//! `AddPermission`, `RemovePermission`: statements of a topic's policy.

use serde::Deserialize;
use serde_json::Value;

use super::{Answered, NAMESPACE, Place, Sns, SnsError};
use crate::sns::policy::{default_policy, with_permission, without_permission};
use crate::sns::registry::changes;
use crate::sns::topic::Topic;
use crate::wire::{Call, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    label: Option<Text<'a>>,
    #[serde(borrow, rename = "AWSAccountId")]
    accounts: Vec<Text<'a>>,
    #[serde(borrow, rename = "ActionName")]
    actions: Vec<Text<'a>>,
}

pub(super) async fn add(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let label = label(&input)?;
    if input.accounts.is_empty() {
        return Err(SnsError::missing("aWSAccountId").into());
    }
    if input.actions.is_empty() {
        return Err(SnsError::missing("actionName").into());
    }
    let accounts: Vec<&str> = input.accounts.iter().map(|text| &**text).collect();
    let actions: Vec<&str> = input.actions.iter().map(|text| &**text).collect();
    let policy = with_permission(policy(&topic), label, &accounts, &actions, &topic.arn)?;
    store(sns, call, &topic, &place, &policy).await
}

pub(super) async fn remove(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let policy = without_permission(policy(&topic), label(&input)?);
    store(sns, call, &topic, &place, &policy).await
}

fn label<'i>(input: &'i Input<'_>) -> Result<&'i str, SnsError> {
    let label = input.label.as_deref().filter(|label| !label.is_empty());
    label.ok_or_else(|| SnsError::missing("label"))
}

fn policy(topic: &Topic) -> Value {
    let set = topic.record.attribute("Policy");
    let set = set.and_then(|policy| serde_json::from_str(policy).ok());
    set.unwrap_or_else(|| default_policy(&topic.arn, &topic.record.account))
}

async fn store(
    sns: &Sns,
    call: &Call<'_>,
    topic: &Topic,
    place: &Place,
    policy: &Value,
) -> Answered {
    let mut record = (*topic.record).clone();
    record
        .attributes
        .insert("Policy".to_owned(), policy.to_string());
    let put = changes::put_topic(&place.name, &topic.name, &record);
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(SnsError::from)?;
    Ok(call.done(NAMESPACE))
}
