//! `ListSubscriptions`, `ListSubscriptionsByTopic`

use std::sync::Arc;

use serde::Deserialize;

use super::{Answered, NAMESPACE, Sns, namespace, page};
use crate::sns::subscription::Subscription;
use crate::sns::topic::Topic;
use crate::wire::{Call, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    next_token: Option<Text<'a>>,
}

/// Lists all subscriptions, a page at a time.
pub(super) fn list(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let index = sns.registry.index();
    let place = sns.place(&namespace(call));
    let host = place.as_ref().map(|place| place.host.id());
    let all = host.iter().flat_map(|host| index.subscriptions(*host));
    let arn = |subscription: &Subscription| {
        let topic = index.topic(
            host.unwrap_or(forebay_broker::host::VirtualHostId::DEFAULT),
            &subscription.record.topic,
        );
        topic.map(|topic| topic.arn.clone()).unwrap_or_default()
    };
    Ok(listed(call, all, arn, input.next_token.as_deref()))
}

/// The same of one topic.
pub(super) fn list_by_topic(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let (topic, _) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let topic: &Topic = &topic;
    let arn = |_: &Subscription| topic.arn.clone();
    let all = topic.subscriptions.iter();
    Ok(listed(call, all, arn, input.next_token.as_deref()))
}

fn listed<'i>(
    call: &Call<'_>,
    all: impl Iterator<Item = &'i Arc<Subscription>>,
    topic_arn: impl Fn(&Subscription) -> String,
    token: Option<&str>,
) -> Vec<u8> {
    let (subscriptions, next) = page(all, token, |subscription| &subscription.id);
    call.answer(NAMESPACE, 300 * subscriptions.len(), |answer| {
        answer.members("Subscriptions", subscriptions, |answer, subscription| {
            answer.text("SubscriptionArn", subscription.shown_arn());
            answer.text("Owner", &subscription.record.owner);
            answer.text("Protocol", subscription.record.protocol.as_str());
            answer.text("Endpoint", &subscription.record.endpoint);
            answer.text("TopicArn", &topic_arn(subscription));
        });
        answer.optional_text("NextToken", next.as_deref());
    })
}
