//! A subscription as it is kept, and as publishers need it.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::delivery_policy::DeliveryPolicy;
use super::filter::{FilterPolicy, FilterScope};
use super::replay::Replay;
use crate::arn::Arn;

/// How subscribers are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Protocol {
    /// A queue.
    Sqs,
    /// A request.
    Http,
    /// The same over TLS.
    Https,
    /// A letter.
    Email,
    /// The same, with the whole notification.
    EmailJson,
    /// A text message.
    Sms,
    /// A function.
    Lambda,
    /// An app on a telephone.
    Application,
    /// A stream.
    Firehose,
}

impl Protocol {
    pub(crate) const ALL: [Self; 9] = [
        Self::Sqs,
        Self::Http,
        Self::Https,
        Self::Email,
        Self::EmailJson,
        Self::Sms,
        Self::Lambda,
        Self::Application,
        Self::Firehose,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Sqs => "sqs",
            Self::Http => "http",
            Self::Https => "https",
            Self::Email => "email",
            Self::EmailJson => "email-json",
            Self::Sms => "sms",
            Self::Lambda => "lambda",
            Self::Application => "application",
            Self::Firehose => "firehose",
        }
    }

    pub(crate) fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.as_str() == name)
    }

    /// Whether the endpoint has to say that it wants this.
    pub(crate) fn is_confirmed_by_endpoint(self) -> bool {
        matches!(
            self,
            Self::Http | Self::Https | Self::Email | Self::EmailJson
        )
    }

    /// Whether it is a request.
    pub(crate) fn is_http(self) -> bool {
        matches!(self, Self::Http | Self::Https)
    }
}

/// What is kept of a subscription: the value of a parameter, as JSON.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SubscriptionRecord {
    /// The topic's name.
    pub(crate) topic: String,
    pub(crate) protocol: Protocol,
    pub(crate) endpoint: String,
    /// Who subscribed.
    pub(crate) owner: String,
    /// As they were set; what was not has AWS's default.
    #[serde(default)]
    pub(crate) attributes: BTreeMap<String, String>,
    /// What it is confirmed with; it is known afterwards, too, for an endpoint that does so again.
    #[serde(default)]
    pub(crate) token: Option<Token>,
    pub(crate) is_confirmed: bool,
    /// Whether it was confirmed so that only its owner unsubscribes it.
    #[serde(default)]
    pub(crate) is_authenticated: bool,
    /// It was ended, and its endpoint may take that back with its token, as long as that is good.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) is_ended: bool,
    /// Of FIFO topics: the last replay that was asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) replay: Option<Replay>,
}

/// What an endpoint confirms a subscription with.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Token {
    pub(crate) text: String,
    /// In milliseconds since the Unix epoch.
    pub(crate) expires_ms: i64,
}

impl SubscriptionRecord {
    pub(crate) fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.get(name).map(String::as_str)
    }
}

/// A subscription.
#[derive(Debug)]
pub(crate) struct Subscription {
    pub(crate) id: String,
    pub(crate) arn: String,
    pub(crate) record: Arc<SubscriptionRecord>,
    pub(crate) is_raw: bool,
    pub(crate) filter: Option<FilterPolicy>,
    /// The queue that an `sqs` subscription goes to.
    pub(crate) queue: Option<Arn>,
    /// Where what cannot be delivered goes.
    pub(crate) dead_letter_queue: Option<Arn>,
    /// Of `http` and `https`.
    pub(crate) delivery_policy: DeliveryPolicy,
}

impl Subscription {
    pub(crate) fn new(
        id: &str,
        topic_arn: &str,
        record: SubscriptionRecord,
        topic_delivery_policy: Option<&str>,
    ) -> Self {
        let scope = record.attribute("FilterPolicyScope");
        let scope = scope.and_then(FilterScope::from_name).unwrap_or_default();
        let policy = record.attribute("FilterPolicy");
        // It was compiled before it was kept.
        let filter = policy.and_then(|policy| FilterPolicy::compile(policy, scope).ok());
        let queue = match record.protocol {
            Protocol::Sqs => record.endpoint.parse().ok(),
            _ => None,
        };
        let redrive = record.attribute("RedrivePolicy");
        let own = record.attribute("DeliveryPolicy");
        Self {
            arn: format!("{topic_arn}:{id}"),
            id: id.to_owned(),
            is_raw: record.attribute("RawMessageDelivery") == Some("true"),
            filter,
            queue,
            dead_letter_queue: redrive.and_then(dead_letter_queue),
            delivery_policy: DeliveryPolicy::effective(topic_delivery_policy, own),
            record: Arc::new(record),
        }
    }

    /// Whether an archive is being told to it, and nothing else.
    pub(crate) fn is_replaying(&self) -> bool {
        self.record.replay.as_ref().is_some_and(Replay::is_going_on)
    }

    /// Whether it was ended, and cannot come back any more.
    pub(crate) fn may_be_forgotten(&self, now_ms: i64) -> bool {
        let token = self.record.token.as_ref();
        self.record.is_ended && token.is_none_or(|token| token.expires_ms <= now_ms)
    }

    pub(crate) fn is_confirmed(&self) -> bool {
        self.record.is_confirmed
    }

    /// Its ARN, or what is said in its place of one that nobody has confirmed.
    pub(crate) fn shown_arn(&self) -> &str {
        match self.is_confirmed() {
            true => &self.arn,
            false => "PendingConfirmation",
        }
    }
}

/// The queue of a redrive policy.
pub(crate) fn dead_letter_queue(policy: &str) -> Option<Arn> {
    #[derive(Deserialize)]
    struct RedrivePolicy {
        #[serde(rename = "deadLetterTargetArn")]
        target: String,
    }
    let policy: RedrivePolicy = serde_json::from_str(policy).ok()?;
    let arn: Arn = policy.target.parse().ok()?;
    (arn.service == "sqs").then_some(arn)
}
