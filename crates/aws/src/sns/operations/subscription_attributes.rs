//! `GetSubscriptionAttributes`, `SetSubscriptionAttributes`

use std::sync::Arc;

use serde::Deserialize;

use super::{Answered, NAMESPACE, OF_PEOPLE, Place, Sns, SnsError, arn};
use crate::arn::Arn;
use crate::sns::delivery_policy::DeliveryPolicy;
use crate::sns::filter::{FilterPolicy, FilterScope, why_no_json};
use crate::sns::registry::changes;
use crate::sns::replay::{Replay, ReplayPolicy};
use crate::sns::subscription::{Protocol, Subscription, SubscriptionRecord, dead_letter_queue};
use crate::sns::topic::{FIFO_SUFFIX, Topic};
use crate::wire::{Call, Text};

/// What has the archive of a topic told again.
pub(super) const REPLAY_POLICY: &str = "ReplayPolicy";

/// Attributes that can be set.
const SETTABLE: [&str; 7] = [
    "DeliveryPolicy",
    "FilterPolicy",
    "FilterPolicyScope",
    "RawMessageDelivery",
    "RedrivePolicy",
    REPLAY_POLICY,
    "SubscriptionRoleArn",
];

/// Sets an attribute of a subscription, if it may have it. An empty value takes it away.
pub(super) fn put(
    record: &mut SubscriptionRecord,
    topic: &Topic,
    name: &str,
    value: &str,
) -> Result<(), String> {
    if !SETTABLE.contains(&name) {
        return Err("AttributeName".to_owned());
    }
    if value.is_empty() && name != "RawMessageDelivery" {
        record.attributes.remove(name);
        if name == REPLAY_POLICY {
            record.replay = None;
        }
        return Ok(());
    }
    match name {
        "RawMessageDelivery" => check_raw(record.protocol, value)?,
        "FilterPolicyScope" if FilterScope::from_name(value).is_none() => {
            return Err(format!(
                "FilterPolicyScope: Invalid value [{value}]. Please use either MessageBody or MessageAttributes"
            ));
        }
        "RedrivePolicy" => check_redrive(topic, value)?,
        REPLAY_POLICY => check_replay(topic, record.protocol, value)?,
        "DeliveryPolicy" => DeliveryPolicy::check(value, false).map_err(|error| match error {
            SnsError::InvalidParameter(why) => why.replacen("Invalid parameter: ", "", 1),
            _ => "DeliveryPolicy".to_owned(),
        })?,
        _ => {}
    }
    let value = match name {
        "RawMessageDelivery" => value.to_lowercase(),
        _ => value.to_owned(),
    };
    record.attributes.insert(name.to_owned(), value);
    Ok(())
}

/// Whether policy and scope go together: they may be set one after the other.
pub(super) fn check_filter(record: &SubscriptionRecord) -> Result<(), String> {
    let Some(policy) = record.attribute("FilterPolicy") else {
        return Ok(());
    };
    let scope = record.attribute("FilterPolicyScope");
    let scope = scope.and_then(FilterScope::from_name).unwrap_or_default();
    let compiled = FilterPolicy::compile(policy, scope);
    compiled.map(drop).map_err(|error| error.to_string())
}

fn check_raw(protocol: Protocol, value: &str) -> Result<(), String> {
    if !matches!(value.to_lowercase().as_str(), "true" | "false") {
        return Err(format!(
            "RawMessageDelivery: Invalid value [{value}]. Must be true or false."
        ));
    }
    let takes_raw = matches!(
        protocol,
        Protocol::Sqs | Protocol::Http | Protocol::Https | Protocol::Firehose
    );
    match takes_raw || value.eq_ignore_ascii_case("false") {
        true => Ok(()),
        false => Err(format!(
            "RawMessageDelivery: Delivery protocol [{}] does not support raw message delivery.",
            protocol.as_str()
        )),
    }
}

fn check_replay(topic: &Topic, protocol: Protocol, policy: &str) -> Result<(), String> {
    let refuse = |why: &str| Err(format!("ReplayPolicy: {why}"));
    if topic.record.attribute("ArchivePolicy").is_none() {
        return refuse("the topic has no ArchivePolicy");
    }
    if protocol != Protocol::Sqs {
        return refuse("archives are replayed to queues");
    }
    ReplayPolicy::parse(policy).map(drop)
}

fn check_redrive(topic: &Topic, policy: &str) -> Result<(), String> {
    if let Some(why) = why_no_json(policy) {
        return Err(format!("RedrivePolicy: {why}"));
    }
    let Some(queue) = dead_letter_queue(policy) else {
        return Err("RedrivePolicy: deadLetterTargetArn is an invalid arn".to_owned());
    };
    match topic.is_fifo && !queue.resource.ends_with(FIFO_SUFFIX) {
        true => Err(
            "RedrivePolicy: must use a FIFO queue as DLQ for a FIFO Subscription to a FIFO Topic."
                .to_owned(),
        ),
        false => Ok(()),
    }
}

impl Sns {
    /// The subscription of an ARN, its topic, and where they are.
    pub(super) fn subscription(
        &self,
        call: &Call<'_>,
        text: Option<&str>,
    ) -> Result<(Arc<Subscription>, Arc<Topic>, Place), SnsError> {
        let arn = arn("SubscriptionArn", text)?;
        if arn.service != "sns" {
            return Err(SnsError::invalid("SubscriptionArn"));
        }
        let id = arn.resource.rsplit_once(':').map(|(_, id)| id);
        let id = id.ok_or_else(|| SnsError::invalid("SubscriptionId"))?;
        // People who were sent a link are of no account; what they may end is asked there.
        if call.caller.access_key.is_some() || !OF_PEOPLE.contains(&call.operation) {
            self.admit(call, &arn, None)?;
        }
        let place = self.place_of(&arn).ok_or_else(SnsError::no_subscription)?;
        let index = self.registry.index();
        let found = index.subscription(place.host.id(), id);
        let found = found.filter(|found| Some(&*found.arn) == text);
        let found = found.ok_or_else(SnsError::no_subscription)?;
        let topic = index.topic(place.host.id(), &found.record.topic);
        let topic = topic.ok_or_else(SnsError::no_subscription)?;
        Ok((Arc::clone(found), Arc::clone(topic), place))
    }
}

impl Sns {
    /// Whether a caller may have what is published to a topic put into the queues that a subscription names.
    pub(super) async fn admit_queues(
        &self,
        call: &Call<'_>,
        topic: &Topic,
        record: &SubscriptionRecord,
    ) -> Result<(), SnsError> {
        let endpoint: Option<Arn> = match record.protocol {
            Protocol::Sqs => record.endpoint.parse().ok(),
            _ => None,
        };
        let dead = record.attribute("RedrivePolicy");
        let dead = dead.and_then(dead_letter_queue);
        for queue in endpoint.iter().chain(&dead) {
            self.admit_to_queue(call, topic, queue).await?;
        }
        Ok(())
    }
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    subscription_arn: Option<Text<'a>>,
    #[serde(borrow)]
    attribute_name: Text<'a>,
    #[serde(borrow)]
    attribute_value: Option<Text<'a>>,
}

/// Shows everything about a subscription.
pub(super) fn get(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let (subscription, topic, _) = sns.subscription(call, input.subscription_arn.as_deref())?;
    let record = &subscription.record;
    let yes_or_no = |yes: bool| if yes { "true" } else { "false" }.to_owned();
    let authenticated = record.is_authenticated || !record.protocol.is_confirmed_by_endpoint();
    let mut shown: Vec<(&str, String)> = vec![
        ("SubscriptionArn", subscription.arn.clone()),
        ("TopicArn", topic.arn.clone()),
        ("Protocol", record.protocol.as_str().to_owned()),
        ("Endpoint", record.endpoint.clone()),
        ("Owner", record.owner.clone()),
        ("ConfirmationWasAuthenticated", yes_or_no(authenticated)),
        (
            "PendingConfirmation",
            yes_or_no(!subscription.is_confirmed()),
        ),
        ("RawMessageDelivery", yes_or_no(subscription.is_raw)),
        (
            "SubscriptionPrincipal",
            format!("arn:aws:iam::{}:root", record.owner),
        ),
    ];
    if record.attributes.contains_key("FilterPolicy") {
        let scope = record.attribute("FilterPolicyScope");
        let scope = scope.unwrap_or(FilterScope::default().as_str());
        shown.push(("FilterPolicyScope", scope.to_owned()));
    }
    if let Some(replay) = &record.replay {
        shown.push(("ReplayStatus", replay.status.as_str().to_owned()));
    }
    if record.protocol.is_http() {
        let effective = subscription.delivery_policy.shown_of_subscription();
        shown.push(("EffectiveDeliveryPolicy", effective));
    }
    for (name, value) in &record.attributes {
        if !shown.iter().any(|(known, _)| known == name) {
            shown.push((name, value.clone()));
        }
    }
    Ok(call.answer(NAMESPACE, 1024, |answer| {
        let entries = shown.iter();
        answer.entry_map("Attributes", entries.map(|(name, value)| (*name, &**value)));
    }))
}

/// Sets one attribute.
pub(super) async fn set(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let starts_replay = *input.attribute_name == *REPLAY_POLICY;
    let _publishers = sns.hold_publishers(starts_replay).await;
    let _change = sns.changes.lock().await;
    let (subscription, topic, place) = sns.subscription(call, input.subscription_arn.as_deref())?;
    let mut record = (*subscription.record).clone();
    let value = input.attribute_value.as_deref().unwrap_or_default();
    let value = if starts_replay && value == "{}" {
        ""
    } else {
        value
    };
    put(&mut record, &topic, &input.attribute_name, value).map_err(SnsError::invalid)?;
    check_filter(&record).map_err(SnsError::invalid)?;
    check_filters_of(&topic, &subscription.id, &record)?;
    sns.admit_queues(call, &topic, &record).await?;
    if starts_replay && record.attribute(REPLAY_POLICY).is_some() {
        let start = sns.start_replay(&place, &topic, &subscription.id, record, call.endpoint);
        start.await?;
        return Ok(call.done(NAMESPACE));
    }
    let put = changes::put_subscription(&place.name, &subscription.id, &record);
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(SnsError::from)?;
    Ok(call.done(NAMESPACE))
}

impl Sns {
    /// Keeps publishers to FIFO topics waiting, if a replay is to begin. It comes before the lock of changes.
    pub(super) async fn hold_publishers(
        &self,
        starts_replay: bool,
    ) -> Option<tokio::sync::MutexGuard<'_, u64>> {
        match starts_replay {
            true => Some(self.sequence.lock().await),
            false => None,
        }
    }

    /// Keeps a subscription whose replay begins, while nobody publishes.
    pub(super) async fn start_replay(
        &self,
        place: &Place,
        topic: &Topic,
        id: &str,
        mut record: SubscriptionRecord,
        endpoint: &str,
    ) -> Result<(), SnsError> {
        let put = |record: &SubscriptionRecord| {
            let put = changes::put_subscription(&place.name, id, record);
            self.broker.change_access(vec![put])
        };
        // When this is stored, all that was published before can be read.
        record.replay = None;
        put(&record).await?;
        let log = self.log_of(topic);
        let log = log.as_ref().and_then(|log| log.partition(0));
        let mut replay = Replay::new(self.new_id(), endpoint);
        replay.live_from = log.map_or(0, |log| log.end_offset());
        record.replay = Some(replay);
        Ok(put(&record).await?)
    }
}

/// Whether a topic may have one filter policy more.
pub(super) fn check_filters_of(
    topic: &Topic,
    id: &str,
    record: &SubscriptionRecord,
) -> Result<(), SnsError> {
    if record.attribute("FilterPolicy").is_none() {
        return Ok(());
    }
    let others = topic.subscriptions.iter().filter(|other| other.id != id);
    let filters = others.filter(|other| other.filter.is_some()).count();
    match filters >= crate::limits::SNS_FILTER_POLICIES_PER_TOPIC_MAX {
        true => Err(SnsError::FilterPolicyLimitExceeded),
        false => Ok(()),
    }
}
