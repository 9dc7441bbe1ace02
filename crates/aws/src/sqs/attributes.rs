//! Attributes of queues: which there are, what they may be, and what they are when nobody says.
//!
//! Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html>

use std::collections::BTreeMap;
use std::ops::RangeInclusive;

use super::error::SqsError;
use super::redrive;
use crate::policy::Policy;
use crate::wire::{Entries, Text};

/// An attribute that can be set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Attribute {
    VisibilityTimeout,
    MaximumMessageSize,
    MessageRetentionPeriod,
    DelaySeconds,
    ReceiveMessageWaitTimeSeconds,
    Policy,
    RedrivePolicy,
    RedriveAllowPolicy,
    FifoQueue,
    ContentBasedDeduplication,
    DeduplicationScope,
    FifoThroughputLimit,
    KmsMasterKeyId,
    KmsDataKeyReusePeriodSeconds,
    SqsManagedSseEnabled,
}

use Attribute as A;

/// What values an attribute may have.
enum Kind {
    Number(RangeInclusive<u64>),
    Boolean,
    OneOf(&'static [&'static str]),
    /// Text that others look into; an empty one is none.
    Document,
}

impl Attribute {
    pub(super) const ALL: [Self; 15] = [
        A::VisibilityTimeout,
        A::MaximumMessageSize,
        A::MessageRetentionPeriod,
        A::DelaySeconds,
        A::ReceiveMessageWaitTimeSeconds,
        A::Policy,
        A::RedrivePolicy,
        A::RedriveAllowPolicy,
        A::FifoQueue,
        A::ContentBasedDeduplication,
        A::DeduplicationScope,
        A::FifoThroughputLimit,
        A::KmsMasterKeyId,
        A::KmsDataKeyReusePeriodSeconds,
        A::SqsManagedSseEnabled,
    ];

    pub(super) fn name(self) -> &'static str {
        match self {
            A::VisibilityTimeout => "VisibilityTimeout",
            A::MaximumMessageSize => "MaximumMessageSize",
            A::MessageRetentionPeriod => "MessageRetentionPeriod",
            A::DelaySeconds => "DelaySeconds",
            A::ReceiveMessageWaitTimeSeconds => "ReceiveMessageWaitTimeSeconds",
            A::Policy => "Policy",
            A::RedrivePolicy => "RedrivePolicy",
            A::RedriveAllowPolicy => "RedriveAllowPolicy",
            A::FifoQueue => "FifoQueue",
            A::ContentBasedDeduplication => "ContentBasedDeduplication",
            A::DeduplicationScope => "DeduplicationScope",
            A::FifoThroughputLimit => "FifoThroughputLimit",
            A::KmsMasterKeyId => "KmsMasterKeyId",
            A::KmsDataKeyReusePeriodSeconds => "KmsDataKeyReusePeriodSeconds",
            A::SqsManagedSseEnabled => "SqsManagedSseEnabled",
        }
    }

    pub(super) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|known| known.name() == name)
    }

    fn kind(self) -> Kind {
        match self {
            A::VisibilityTimeout => Kind::Number(0..=43_200),
            A::MaximumMessageSize => Kind::Number(1_024..=1_048_576),
            A::MessageRetentionPeriod => Kind::Number(60..=1_209_600),
            A::DelaySeconds => Kind::Number(0..=900),
            A::ReceiveMessageWaitTimeSeconds => Kind::Number(0..=20),
            A::KmsDataKeyReusePeriodSeconds => Kind::Number(60..=86_400),
            A::FifoQueue | A::ContentBasedDeduplication | A::SqsManagedSseEnabled => Kind::Boolean,
            A::DeduplicationScope => Kind::OneOf(&["queue", "messageGroup"]),
            A::FifoThroughputLimit => Kind::OneOf(&["perQueue", "perMessageGroupId"]),
            A::Policy | A::RedrivePolicy | A::RedriveAllowPolicy | A::KmsMasterKeyId => {
                Kind::Document
            }
        }
    }

    /// Whether only FIFO queues have it.
    fn is_of_fifo(self) -> bool {
        matches!(
            self,
            A::FifoQueue
                | A::ContentBasedDeduplication
                | A::DeduplicationScope
                | A::FifoThroughputLimit
        )
    }

    /// What it is when nobody says; none if there is none then.
    fn default(self) -> Option<&'static str> {
        match self {
            A::VisibilityTimeout => Some("30"),
            A::MaximumMessageSize => Some("1048576"),
            A::MessageRetentionPeriod => Some("345600"),
            A::DelaySeconds | A::ReceiveMessageWaitTimeSeconds => Some("0"),
            A::KmsDataKeyReusePeriodSeconds => Some("300"),
            A::ContentBasedDeduplication | A::FifoQueue => Some("false"),
            A::DeduplicationScope => Some("queue"),
            A::FifoThroughputLimit => Some("perQueue"),
            A::SqsManagedSseEnabled => Some("true"),
            A::Policy | A::RedrivePolicy | A::RedriveAllowPolicy | A::KmsMasterKeyId => None,
        }
    }

    /// The value in its usual form, if it may be one.
    fn read(self, value: &str) -> Option<String> {
        match self.kind() {
            Kind::Number(bounds) => {
                let number = value.parse().ok()?;
                bounds.contains(&number).then(|| number.to_string())
            }
            Kind::Boolean => {
                let value = value.to_ascii_lowercase();
                ["true", "false"].contains(&&value[..]).then_some(value)
            }
            Kind::OneOf(known) => known.contains(&value).then(|| value.to_owned()),
            Kind::Document => Some(value.to_owned()),
        }
    }
}

/// Attributes that were given to a queue, in their usual form. What is not in it is as it is by default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Attributes(BTreeMap<Attribute, String>);

impl Attributes {
    /// Reads what a client gives, each by itself. An empty document is kept: it takes one away that was there.
    pub(super) fn given(entries: &Entries<'_, Text<'_>>) -> Result<Self, SqsError> {
        let mut attributes = Self::default();
        for (name, value) in entries.iter() {
            let unknown = || SqsError::InvalidAttributeName(name.to_string());
            let attribute = Attribute::named(name).ok_or_else(unknown)?;
            let invalid = || {
                SqsError::InvalidAttributeValue(format!("Invalid value for the parameter {name}."))
            };
            let value = attribute.read(value).ok_or_else(invalid)?;
            match attribute {
                A::Policy => check_policy(&value)?,
                A::RedrivePolicy if !value.is_empty() => {
                    redrive::Policy::parse(&value)?;
                }
                A::RedriveAllowPolicy if !value.is_empty() => {
                    redrive::Allowance::parse(&value)?;
                }
                _ => {}
            }
            attributes.0.insert(attribute, value);
        }
        Ok(attributes)
    }

    /// What is given to a queue that is there already.
    pub(super) fn changed_by(&self, given: &Self) -> Self {
        let mut changed = self.clone();
        for (attribute, value) in &given.0 {
            match value.is_empty() {
                true => changed.0.remove(attribute),
                false => changed.0.insert(*attribute, value.clone()),
            };
        }
        // One key or the other.
        if given.get(A::KmsMasterKeyId).is_some()
            && given.given_value(A::SqsManagedSseEnabled).is_none()
        {
            changed
                .0
                .insert(A::SqsManagedSseEnabled, "false".to_owned());
        }
        if given.is_true(A::SqsManagedSseEnabled)
            && given.given_value(A::SqsManagedSseEnabled).is_some()
        {
            changed.0.remove(&A::KmsMasterKeyId);
        }
        changed
    }

    /// Whether together they make sense for a queue of this kind.
    pub(super) fn check(&self, is_fifo: bool) -> Result<(), SqsError> {
        if !is_fifo && let Some(attribute) = self.0.keys().find(|known| known.is_of_fifo()) {
            return Err(SqsError::InvalidAttributeName(attribute.name().to_owned()));
        }
        let per_group = self.get(A::FifoThroughputLimit) == Some("perMessageGroupId");
        if per_group && self.get(A::DeduplicationScope) != Some("messageGroup") {
            return Err(SqsError::InvalidAttributeValue(
                "Invalid value for the parameter FifoThroughputLimit. Reason: The perMessageGroupId value is allowed \
                 only when the value for DeduplicationScope is messageGroup."
                    .to_owned(),
            ));
        }
        let has_key = self
            .given_value(A::KmsMasterKeyId)
            .is_some_and(|key| !key.is_empty());
        if has_key && self.given_value(A::SqsManagedSseEnabled) == Some("true") {
            return Err(SqsError::InvalidAttributeValue(
                "You can use one type of server-side encryption (SSE) at one time. You can either enable KMS SSE or SQS \
                 SSE."
                .to_owned(),
            ));
        }
        Ok(())
    }

    /// The first of these that a queue has another value for.
    pub(super) fn first_difference(&self, of_queue: &Self) -> Option<&'static str> {
        let differs = |attribute: &&Attribute| self.get(**attribute) != of_queue.get(**attribute);
        self.0
            .keys()
            .find(differs)
            .map(|attribute| attribute.name())
    }

    /// The value, also if nobody gave one.
    pub(super) fn get(&self, attribute: Attribute) -> Option<&str> {
        let value = self.given_value(attribute).or(attribute.default());
        value.filter(|value| !value.is_empty())
    }

    /// The value that somebody gave.
    pub(super) fn given_value(&self, attribute: Attribute) -> Option<&str> {
        self.0.get(&attribute).map(String::as_str)
    }

    /// Those that somebody gave.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Attribute, &str)> {
        self.0
            .iter()
            .map(|(attribute, value)| (*attribute, value.as_str()))
    }

    pub(super) fn set(&mut self, attribute: Attribute, value: impl Into<String>) {
        self.0.insert(attribute, value.into());
    }

    pub(super) fn remove(&mut self, attribute: Attribute) {
        self.0.remove(&attribute);
    }

    /// The value of one that is a number.
    pub(super) fn number(&self, attribute: Attribute) -> u64 {
        let value = self.get(attribute).and_then(|value| value.parse().ok());
        value.unwrap_or_default()
    }

    pub(super) fn is_true(&self, attribute: Attribute) -> bool {
        self.get(attribute) == Some("true")
    }

    /// What who asks for all of them is shown: those that mean something to the queue.
    pub(super) fn shown(&self, is_fifo: bool) -> impl Iterator<Item = (Attribute, &str)> {
        let has_key = self.get(A::KmsMasterKeyId).is_some();
        let all = Attribute::ALL.into_iter();
        let all = all.filter(move |attribute| match attribute {
            A::KmsDataKeyReusePeriodSeconds => has_key,
            attribute => is_fifo || !attribute.is_of_fifo(),
        });
        all.filter_map(|attribute| Some((attribute, self.get(attribute)?)))
    }
}

fn check_policy(policy: &str) -> Result<(), SqsError> {
    if policy.is_empty() {
        return Ok(());
    }
    let read = Policy::parse(policy, "sqs");
    read.map(drop).map_err(|error| {
        let message = format!("Invalid value for the parameter Policy. Reason: {error}");
        SqsError::InvalidAttributeValue(message)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn given(entries: &[(&'static str, &'static str)]) -> Result<Attributes, SqsError> {
        let entries = entries
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()));
        Attributes::given(&Entries(entries.collect()))
    }

    #[test]
    fn every_bound_is_aws_s() {
        for (name, least, most) in [
            ("VisibilityTimeout", "0", "43200"),
            ("MaximumMessageSize", "1024", "1048576"),
            ("MessageRetentionPeriod", "60", "1209600"),
            ("DelaySeconds", "0", "900"),
            ("ReceiveMessageWaitTimeSeconds", "0", "20"),
            ("KmsDataKeyReusePeriodSeconds", "60", "86400"),
        ] {
            assert!(given(&[(name, least)]).is_ok());
            assert!(given(&[(name, most)]).is_ok());
            for wrong in [
                least.parse::<i64>().unwrap() - 1,
                most.parse::<i64>().unwrap() + 1,
            ] {
                let wrong = wrong.to_string().leak();
                let expected = format!("Invalid value for the parameter {name}.");
                assert_eq!(
                    given(&[(name, wrong)]),
                    Err(SqsError::InvalidAttributeValue(expected))
                );
            }
            assert!(given(&[(name, "many")]).is_err());
        }
    }

    #[test]
    fn what_nobody_can_set_is_unknown() {
        for name in [
            "QueueArn",
            "ApproximateNumberOfMessages",
            "All",
            "visibilityTimeout",
            "",
        ] {
            let expected = SqsError::InvalidAttributeName(name.to_owned());
            assert_eq!(given(&[(name, "1")]), Err(expected));
        }
    }

    #[test]
    fn attributes_of_fifo_queues_are_unknown_to_others() {
        let attributes = given(&[("ContentBasedDeduplication", "true")]).unwrap();
        assert!(attributes.check(true).is_ok());
        assert_eq!(
            attributes.check(false),
            Err(SqsError::InvalidAttributeName(
                "ContentBasedDeduplication".to_owned()
            ))
        );
        let limit = given(&[("FifoThroughputLimit", "perMessageGroupId")]).unwrap();
        assert!(limit.check(true).is_err());
    }

    #[test]
    fn an_empty_document_takes_one_away() {
        let there = given(&[
            ("Policy", "{\"Version\":\"2012-10-17\",\"Statement\":[]}"),
            ("DelaySeconds", "5"),
        ])
        .unwrap();
        let changed = there.changed_by(&given(&[("Policy", "")]).unwrap());
        assert_eq!(changed.get(A::Policy), None);
        assert_eq!(changed.number(A::DelaySeconds), 5);
        assert!(given(&[("Policy", "allow")]).is_err());
    }

    #[test]
    fn one_kind_of_encryption_takes_the_place_of_the_other() {
        let key = given(&[("KmsMasterKeyId", "alias/ours")]).unwrap();
        let with_key = Attributes::default().changed_by(&key);
        assert!(!with_key.is_true(A::SqsManagedSseEnabled));
        let managed = given(&[("SqsManagedSseEnabled", "true")]).unwrap();
        let managed = with_key.changed_by(&managed);
        assert_eq!(managed.get(A::KmsMasterKeyId), None);
        assert!(
            given(&[("KmsMasterKeyId", "k"), ("SqsManagedSseEnabled", "true")])
                .unwrap()
                .check(false)
                .is_err()
        );
    }

    #[test]
    fn a_default_is_the_same_as_the_value_said() {
        let said = given(&[("VisibilityTimeout", "030"), ("DelaySeconds", "1")]).unwrap();
        assert_eq!(
            said.first_difference(&Attributes::default()),
            Some("DelaySeconds")
        );
        let same = given(&[("VisibilityTimeout", "30")]).unwrap();
        assert_eq!(same.first_difference(&Attributes::default()), None);
    }
}
