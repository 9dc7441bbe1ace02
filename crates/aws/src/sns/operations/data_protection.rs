//! `GetDataProtectionPolicy`, `PutDataProtectionPolicy`: kept and shown. Nothing is audited or masked by it.

use serde::Deserialize;

use super::{Answered, NAMESPACE, Sns, SnsError};
use crate::sns::registry::changes;
use crate::sns::topic::TopicRecord;
use crate::wire::{Call, Text};

/// The largest policy (AWS: the same).
const POLICY_CHARACTERS_MAX: usize = 30_720;

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    resource_arn: Option<Text<'a>>,
    #[serde(borrow)]
    data_protection_policy: Option<Text<'a>>,
}

pub(super) fn get(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let (topic, _) = sns.topic(call, "ResourceArn", input.resource_arn.as_deref())?;
    let policy = topic.record.data_protection_policy.as_deref();
    Ok(
        call.answer(NAMESPACE, policy.map_or(0, str::len), |answer| {
            answer.text("DataProtectionPolicy", policy.unwrap_or_default());
        }),
    )
}

pub(super) async fn put(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let (topic, place) = sns.topic(call, "ResourceArn", input.resource_arn.as_deref())?;
    let policy = input.data_protection_policy.map(Text::into_string);
    let policy = policy.filter(|policy| !policy.is_empty());
    let is_object = |policy: &String| {
        policy.chars().count() <= POLICY_CHARACTERS_MAX
            && serde_json::from_str::<serde_json::Map<_, _>>(policy).is_ok()
    };
    if !policy.as_ref().is_none_or(is_object) {
        return Err(SnsError::invalid("DataProtectionPolicy").into());
    }
    let record = TopicRecord {
        data_protection_policy: policy,
        ..(*topic.record).clone()
    };
    let put = changes::put_topic(&place.name, &topic.name, &record);
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(SnsError::from)?;
    Ok(call.done(NAMESPACE))
}
