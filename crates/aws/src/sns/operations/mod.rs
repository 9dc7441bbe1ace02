//! What SNS can be asked: one file a resource.

mod attributes;
mod data_protection;
mod permissions;
mod publish;
mod subscribe;
mod subscription_attributes;
mod subscriptions;
mod tags;
mod topics;

use std::sync::Arc;

pub(crate) use attributes::archive_days;
use forebay_broker::host::VirtualHost;

use super::topic::Topic;
use super::{Sns, SnsError};
use crate::arn::Arn;
use crate::namespace::Namespace;
use crate::wire::{Call, Fault, faults};

/// Everything that AWS can be asked, by name.
pub(crate) const OPERATIONS: [&str; 42] = [
    "AddPermission",
    "CheckIfPhoneNumberIsOptedOut",
    "ConfirmSubscription",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "CreateTopic",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "DeleteTopic",
    "GetDataProtectionPolicy",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "GetSubscriptionAttributes",
    "GetTopicAttributes",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "ListSubscriptions",
    "ListSubscriptionsByTopic",
    "ListTagsForResource",
    "ListTopics",
    "OptInPhoneNumber",
    "Publish",
    "PublishBatch",
    "PutDataProtectionPolicy",
    "RemovePermission",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
    "SetSubscriptionAttributes",
    "SetTopicAttributes",
    "Subscribe",
    "TagResource",
    "Unsubscribe",
    "UntagResource",
    "VerifySMSSandboxPhoneNumber",
];

/// What people ask for who were sent a link: they have no access key, but a token, or nothing to lose.
pub(crate) const OF_PEOPLE: [&str; 2] = ["ConfirmSubscription", "Unsubscribe"];

/// What is about telephones: refused.
const OF_TELEPHONES: [&str; 21] = [
    "CheckIfPhoneNumberIsOptedOut",
    "CreatePlatformApplication",
    "CreatePlatformEndpoint",
    "CreateSMSSandboxPhoneNumber",
    "DeleteEndpoint",
    "DeletePlatformApplication",
    "DeleteSMSSandboxPhoneNumber",
    "GetEndpointAttributes",
    "GetPlatformApplicationAttributes",
    "GetSMSAttributes",
    "GetSMSSandboxAccountStatus",
    "ListEndpointsByPlatformApplication",
    "ListOriginationNumbers",
    "ListPhoneNumbersOptedOut",
    "ListPlatformApplications",
    "ListSMSSandboxPhoneNumbers",
    "OptInPhoneNumber",
    "SetEndpointAttributes",
    "SetPlatformApplicationAttributes",
    "SetSMSAttributes",
    "VerifySMSSandboxPhoneNumber",
];

/// The namespace of answers in XML.
pub(crate) const NAMESPACE: &str = "http://sns.amazonaws.com/doc/2010-03-31/";

/// An answer, or why there is none.
type Answered = Result<Vec<u8>, Fault>;

/// Does what a request asks, and says so in the body of an answer.
pub(crate) async fn call(sns: &Arc<Sns>, call: &Call<'_>) -> Answered {
    match call.operation {
        "AddPermission" => permissions::add(sns, call).await,
        "ConfirmSubscription" => subscribe::confirm(sns, call).await,
        "CreateTopic" => topics::create(sns, call).await,
        "DeleteTopic" => topics::delete(sns, call).await,
        "GetDataProtectionPolicy" => data_protection::get(sns, call),
        "GetSubscriptionAttributes" => subscription_attributes::get(sns, call),
        "GetTopicAttributes" => attributes::get(sns, call),
        "ListSubscriptions" => subscriptions::list(sns, call),
        "ListSubscriptionsByTopic" => subscriptions::list_by_topic(sns, call),
        "ListTagsForResource" => tags::list(sns, call),
        "ListTopics" => topics::list(sns, call),
        "Publish" => publish::one(sns, call).await,
        "PublishBatch" => publish::batch(sns, call).await,
        "PutDataProtectionPolicy" => data_protection::put(sns, call).await,
        "RemovePermission" => permissions::remove(sns, call).await,
        "SetSubscriptionAttributes" => subscription_attributes::set(sns, call).await,
        "SetTopicAttributes" => attributes::set(sns, call).await,
        "Subscribe" => subscribe::subscribe(sns, call).await,
        "TagResource" => tags::tag(sns, call).await,
        "Unsubscribe" => subscribe::unsubscribe(sns, call).await,
        "UntagResource" => tags::untag(sns, call).await,
        other if OF_TELEPHONES.contains(&other) => {
            let why = format!("{other} is not supported: Forebay reaches no telephones");
            Err(SnsError::UnsupportedOperation(why).into())
        }
        other => Err(faults::invalid_action(other)),
    }
}

/// The account and region of who asks.
fn namespace(call: &Call<'_>) -> Namespace {
    Namespace {
        account: call.caller.account.clone(),
        region: call.caller.region.clone(),
    }
}

/// Reads an ARN. `parameter` is where it stands.
fn arn(parameter: &str, text: Option<&str>) -> Result<Arn, SnsError> {
    let text = text.unwrap_or_default();
    if text.is_empty() {
        return Err(SnsError::parameter(
            parameter,
            "no value for required parameter",
        ));
    }
    let parts = text.split(':').count();
    if parts < 6 {
        let why = format!("An ARN must have at least 6 elements, not {parts}");
        return Err(SnsError::parameter(parameter, why));
    }
    text.parse().map_err(|_| SnsError::invalid(parameter))
}

/// A virtual host, with its name.
struct Place {
    host: VirtualHost,
    name: String,
}

impl Sns {
    /// The virtual host of an account and region, if there is one.
    fn place(&self, namespace: &Namespace) -> Option<Place> {
        let host = namespace.find(&self.broker, &self.region)?;
        let name = self.broker.directory().name_of(host.id())?.to_owned();
        Some(Place { host, name })
    }

    /// The one that an ARN is of.
    fn place_of(&self, arn: &Arn) -> Option<Place> {
        self.place(&Namespace {
            account: arn.account.clone(),
            region: arn.region.clone(),
        })
    }

    /// The topic of an ARN, and where it is.
    fn topic(
        &self,
        call: &Call<'_>,
        parameter: &str,
        text: Option<&str>,
    ) -> Result<(Arc<Topic>, Place), SnsError> {
        let arn = arn(parameter, text)?;
        if arn.service != "sns" || arn.region != call.caller.region {
            return Err(SnsError::invalid(parameter));
        }
        let found = self.place_of(&arn).and_then(|place| {
            let index = self.registry.index();
            let topic = index.topic(place.host.id(), &arn.resource)?;
            Some((Arc::clone(topic), place))
        });
        // Before it is said whether there is one.
        self.admit(call, &arn, found.as_ref().map(|(topic, _)| &**topic))?;
        found.ok_or_else(SnsError::no_topic)
    }
}

/// A page of what follows `token`, and the token of the next page. Tokens are names of what a page ended with.
fn page<'i, T>(
    all: impl Iterator<Item = &'i T>,
    token: Option<&str>,
    name: impl Fn(&T) -> &str,
) -> (Vec<&'i T>, Option<String>) {
    let after = token.unwrap_or_default();
    let mut rest = all.filter(|item| after.is_empty() || name(item) > after);
    let items: Vec<&T> = rest.by_ref().take(crate::limits::SNS_PAGE_MAX).collect();
    let last = items.last().map(|item| name(item).to_owned());
    let next = rest.next().and(last);
    (items, next)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_operation_is_named_once() {
        assert!(OPERATIONS.is_sorted());
        assert!(OF_TELEPHONES.iter().all(|name| OPERATIONS.contains(name)));
    }

    #[test]
    fn pages_follow_each_other() {
        let names: Vec<String> = (0..250).map(|number| format!("t{number:03}")).collect();
        let mut seen = Vec::new();
        let mut token = None;
        loop {
            let (items, next) = page(names.iter(), token.as_deref(), |name| name);
            seen.extend(items.into_iter().cloned());
            token = next;
            if token.is_none() {
                break;
            }
        }
        assert_eq!(seen, names);
        let (_, next) = page(names[..100].iter(), None, |name| name);
        assert_eq!(next, None);
    }
}
