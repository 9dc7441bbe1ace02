//! `Subscribe`, `ConfirmSubscription`, `Unsubscribe`

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_broker::access::AccessError;
use serde::Deserialize;

use super::subscription_attributes::{REPLAY_POLICY, check_filter, check_filters_of, put};
use super::{Answered, NAMESPACE, Sns, SnsError, arn};
use crate::arn::Arn;
use crate::limits::SNS_TOKEN_TTL_MS;
use crate::sns::envelope::Question;
use crate::sns::registry::changes;
use crate::sns::subscription::{Protocol, Subscription, SubscriptionRecord, Token};
use crate::sns::topic::{FIFO_SUFFIX, Topic, TopicRecord};
use crate::wire::{Call, Entries, Text};

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    protocol: Text<'a>,
    #[serde(borrow)]
    endpoint: Text<'a>,
    #[serde(borrow)]
    attributes: Entries<'a, Text<'a>>,
    return_subscription_arn: bool,
}

/// Subscribes an endpoint, or finds its subscription: what is asked for has to be so then.
pub(super) async fn subscribe(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Input<'_> = call.input()?;
    let mut names = input.attributes.iter().map(|(name, _)| &**name);
    let starts_replay = names.any(|name| name == REPLAY_POLICY);
    let _publishers = sns.hold_publishers(starts_replay).await;
    let _change = sns.changes.lock().await;
    let (topic, place) = sns.topic(call, "TopicArn", input.topic_arn.as_deref())?;
    let Some(protocol) = Protocol::from_name(&input.protocol) else {
        let why = format!(
            "Amazon SNS does not support this protocol string: {}",
            input.protocol
        );
        return Err(SnsError::invalid(why).into());
    };
    check_endpoint(&topic, protocol, &input.endpoint)?;
    let waits = protocol.is_confirmed_by_endpoint();
    let mut record = SubscriptionRecord {
        topic: topic.name.clone(),
        protocol,
        endpoint: input.endpoint.to_string(),
        owner: call.caller.account.clone(),
        attributes: BTreeMap::new(),
        token: waits.then(|| new_token(sns)),
        is_confirmed: !waits,
        is_authenticated: false,
        is_ended: false,
        replay: None,
    };
    let refuse = |why: String| SnsError::parameter("Attributes", why);
    for (name, value) in input.attributes.iter() {
        put(&mut record, &topic, name, value).map_err(refuse)?;
    }
    check_filter(&record).map_err(refuse)?;
    sns.admit_queues(call, &topic, &record).await?;
    let known = topic.subscriptions.iter().find(|known| {
        known.record.protocol == protocol && known.record.endpoint == record.endpoint
    });
    if let Some(known) = known {
        let mut asked = record.attributes.iter();
        if !asked.all(|(name, value)| known.record.attribute(name) == Some(value)) {
            let why = "Subscription already exists with different attributes";
            return Err(refuse(why.to_owned()).into());
        }
        if !known.is_confirmed() {
            let question = Question::Subscribe;
            sns.ask_endpoint(question, &place.host, &topic, known, call.endpoint)
                .await?;
        }
        return Ok(subscribed(call, known, input.return_subscription_arn));
    }
    check_filters_of(&topic, "", &record)?;
    let id = sns.new_id();
    let replayed = record.attribute(REPLAY_POLICY).map(|_| record.clone());
    let put = changes::put_subscription(&place.name, &id, &record);
    let delivery_policy = topic.record.attribute("DeliveryPolicy");
    let subscription = Subscription::new(&id, &topic.arn, record, delivery_policy);
    sns.prepare_deliveries(&place.host, &subscription).await?;
    sns.broker
        .change_access(vec![put])
        .await
        .map_err(|error| match error {
            AccessError::TooMany(_) => SnsError::SubscriptionLimitExceeded,
            error => error.into(),
        })?;
    if let Some(record) = replayed {
        let start = sns.start_replay(&place, &topic, &id, record, call.endpoint);
        start.await?;
    }
    if !subscription.is_confirmed() {
        let question = Question::Subscribe;
        sns.ask_endpoint(question, &place.host, &topic, &subscription, call.endpoint)
            .await?;
    }
    Ok(subscribed(
        call,
        &subscription,
        input.return_subscription_arn,
    ))
}

fn subscribed(call: &Call<'_>, subscription: &Subscription, wants_arn: bool) -> Vec<u8> {
    let arn = match wants_arn || subscription.is_confirmed() {
        true => &subscription.arn,
        false => "pending confirmation",
    };
    call.answer(NAMESPACE, 0, |answer| answer.text("SubscriptionArn", arn))
}

fn new_token(sns: &Sns) -> Token {
    let halves = [sns.broker.random(), sns.broker.random()];
    let bytes = halves.iter().flatten();
    Token {
        text: bytes.map(|byte| format!("{byte:02x}")).collect(),
        expires_ms: sns.broker.now().wall_ms + SNS_TOKEN_TTL_MS,
    }
}

/// Whether an endpoint can be one of a protocol.
fn check_endpoint(topic: &Topic, protocol: Protocol, endpoint: &str) -> Result<(), SnsError> {
    let arn_of = |service: &str| -> Option<Arn> {
        let arn: Arn = endpoint.parse().ok()?;
        (arn.service == service).then_some(arn)
    };
    let is_fine = |fine: bool, why: &str| match fine {
        true => Ok(()),
        false => Err(SnsError::invalid(why)),
    };
    match protocol {
        Protocol::Sqs => {
            let queue = arn_of("sqs").ok_or_else(|| SnsError::invalid("SQS endpoint ARN"))?;
            let fits = topic.is_fifo || !queue.resource.ends_with(FIFO_SUFFIX);
            is_fine(
                fits,
                "Invalid parameter: Endpoint Reason: FIFO SQS Queues can not be subscribed to standard SNS topics",
            )
        }
        _ if topic.is_fifo => is_fine(
            false,
            "Invalid parameter: Endpoint Reason: Please use FIFO SQS queue or standard SQS queue",
        ),
        Protocol::Http | Protocol::Https => {
            let scheme = format!("{}://", protocol.as_str());
            let rest = endpoint.strip_prefix(&scheme);
            is_fine(
                rest.is_some_and(|rest| !rest.is_empty()),
                "Endpoint must match the specified protocol",
            )
        }
        Protocol::Email | Protocol::EmailJson => {
            let (user, host) = endpoint.split_once('@').unwrap_or_default();
            is_fine(!user.is_empty() && !host.is_empty(), "Email address")
        }
        Protocol::Sms if !is_telephone(endpoint) => Err(SnsError::InvalidParameter(format!(
            "Invalid SMS endpoint: {endpoint}"
        ))),
        Protocol::Sms => Ok(()),
        Protocol::Lambda => is_fine(arn_of("lambda").is_some(), "Lambda endpoint ARN"),
        Protocol::Application => is_fine(arn_of("sns").is_some(), "Application endpoint arn"),
        Protocol::Firehose => is_fine(arn_of("firehose").is_some(), "Firehose endpoint ARN"),
    }
}

/// Digits, with single hyphens, dots or spaces between them.
fn is_telephone(number: &str) -> bool {
    let number = number.strip_prefix('+').unwrap_or(number);
    let parts = number.split(['-', '.', ' ']);
    let mut parts = parts.map(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_digit()));
    parts.all(|is_number| is_number)
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Confirm<'a> {
    #[serde(borrow)]
    topic_arn: Option<Text<'a>>,
    #[serde(borrow)]
    token: Option<Text<'a>>,
    #[serde(borrow)]
    authenticate_on_unsubscribe: Option<Text<'a>>,
}

/// An endpoint says that it wants what it was subscribed to.
pub(super) async fn confirm(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: Confirm<'_> = call.input()?;
    let arn = arn("TopicArn", input.topic_arn.as_deref())
        .ok()
        .filter(|arn| arn.service == "sns");
    let arn = arn.ok_or_else(|| SnsError::invalid("Topic"))?;
    let token = input.token.as_deref().unwrap_or_default();
    let no_token = || SnsError::invalid("Token");
    let _change = sns.changes.lock().await;
    let place = sns.place_of(&arn).ok_or_else(no_token)?;
    let index = sns.registry.index();
    let topic = index.topic(place.host.id(), &arn.resource);
    let topic = topic.ok_or_else(no_token)?;
    let now_ms = sns.broker.now().wall_ms;
    let ended = index.ended(place.host.id(), &topic.name);
    let found = topic
        .subscriptions
        .iter()
        .chain(ended)
        .find(|subscription| {
            let known = subscription.record.token.as_ref();
            known.is_some_and(|known| known.text == token && known.expires_ms > now_ms)
        });
    let mut found = found.ok_or_else(no_token)?;
    let is_same = |other: &&Arc<Subscription>| {
        let (one, other) = (&found.record, &other.record);
        (one.protocol, &one.endpoint) == (other.protocol, &other.endpoint)
    };
    // What was ended, and was subscribed again since, is there.
    if let Some(again) = topic.subscriptions.iter().find(is_same) {
        found = again;
    }
    if !found.is_confirmed() || found.record.is_ended {
        let asks = input.authenticate_on_unsubscribe.as_deref();
        let record = SubscriptionRecord {
            is_confirmed: true,
            is_ended: false,
            is_authenticated: asks.is_some_and(|asks| asks.eq_ignore_ascii_case("true")),
            ..(*found.record).clone()
        };
        let put = changes::put_subscription(&place.name, &found.id, &record);
        sns.broker
            .change_access(vec![put])
            .await
            .map_err(SnsError::from)?;
    }
    Ok(call.answer(NAMESPACE, 0, |answer| {
        answer.text("SubscriptionArn", &found.arn);
    }))
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct End<'a> {
    #[serde(borrow)]
    subscription_arn: Option<Text<'a>>,
}

/// Ends a subscription; nothing happens if there is none. An endpoint that had confirmed it is told, and may take that
/// back for as long as it may confirm one.
pub(super) async fn unsubscribe(sns: &Sns, call: &Call<'_>) -> Answered {
    let input: End<'_> = call.input()?;
    let _change = sns.changes.lock().await;
    let found = sns.subscription(call, input.subscription_arn.as_deref());
    let (subscription, topic, place) = match found {
        Ok(found) => found,
        Err(SnsError::NotFound(_)) => return Ok(call.done(NAMESPACE)),
        Err(error) => return Err(error.into()),
    };
    let record = &subscription.record;
    let is_owned = record.is_authenticated || !record.protocol.is_confirmed_by_endpoint();
    if sns.is_verified && call.caller.access_key.is_none() && is_owned {
        let why = "Unsubscribe requires authentication for this subscription".to_owned();
        return Err(SnsError::AuthorizationError(why).into());
    }
    let topic_record = TopicRecord {
        subscriptions_deleted: topic.record.subscriptions_deleted + 1,
        ..(*topic.record).clone()
    };
    let may_return = record.protocol.is_confirmed_by_endpoint() && subscription.is_confirmed();
    let ended = match may_return {
        true => changes::put_subscription(
            &place.name,
            &subscription.id,
            &SubscriptionRecord {
                token: Some(new_token(sns)),
                is_ended: true,
                ..(**record).clone()
            },
        ),
        false => changes::delete_subscription(&place.name, &subscription.id),
    };
    let put = changes::put_topic(&place.name, &topic.name, &topic_record);
    sns.broker
        .change_access(vec![ended, put])
        .await
        .map_err(SnsError::from)?;
    let index = sns.registry.index();
    let ended = index.told(place.host.id(), &subscription.id);
    if let Some(ended) = ended.filter(|_| may_return) {
        sns.ask_endpoint(Question::Return, &place.host, &topic, ended, call.endpoint)
            .await?;
        return Ok(call.done(NAMESPACE));
    }
    sns.forget_deliveries(&place.host, &subscription).await?;
    Ok(call.done(NAMESPACE))
}

#[cfg(test)]
mod tests {
    use super::is_telephone;

    #[test]
    fn telephones_have_numbers() {
        for number in [
            "+15551234567",
            "15551234567",
            "+1-555-123-4567",
            "+1 555.123",
        ] {
            assert!(is_telephone(number), "{number}");
        }
        for wrong in [
            "",
            "+",
            "NAA+15551234567",
            "+15--551234567",
            "+15551234567.",
            "/+1555",
            "+1a234",
        ] {
            assert!(!is_telephone(wrong), "{wrong}");
        }
    }
}
