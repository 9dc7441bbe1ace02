//! A queue of SQS as a queue of the broker.
//!
//! How it treats messages stands in the broker's settings. What AWS knows of it and the broker does not stands in its
//! arguments, under [reserved names](ATTRIBUTE). A queue that was declared by another protocol has none of them and
//! is served with AWS's defaults.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay_broker::host::{DeadLetterTarget, QueueDefinition};
use forebay_broker::queue::{Causes, Order, QueueSettings};
use forebay_broker::routing::{Arguments, Value};

use super::attributes::{Attribute, Attributes};
use super::error::SqsError;
use super::redrive;

/// Before the name of an attribute.
const ATTRIBUTE: &str = "forebay.sqs.attribute.";
/// Before the name of a tag.
const TAG: &str = "forebay.sqs.tag.";
/// When it was made, in seconds since the Unix epoch.
const CREATED: &str = "forebay.sqs.created";
/// When its attributes were last changed.
const MODIFIED: &str = "forebay.sqs.modified";
/// How FIFO queues are called.
pub(super) const FIFO_SUFFIX: &str = ".fifo";
/// For how long a deduplication id is remembered.
const DEDUPLICATION_MS: u64 = 5 * 60 * 1_000;

/// What AWS knows of a queue.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Definition {
    pub(super) is_fifo: bool,
    pub(super) attributes: Attributes,
    pub(super) tags: BTreeMap<String, String>,
    /// In seconds since the Unix epoch.
    pub(super) created: i64,
    pub(super) modified: i64,
}

impl Definition {
    /// What the broker keeps of a queue as AWS sees it.
    pub(super) fn of(kept: &QueueDefinition) -> Self {
        let mut definition = Self {
            is_fifo: kept.settings.order == Order::PerGroup,
            ..Self::default()
        };
        for (name, value) in kept.arguments.iter() {
            let Ok(name) = std::str::from_utf8(name) else {
                continue;
            };
            let text = || match value {
                Value::Bytes(text) => String::from_utf8_lossy(text).into_owned(),
                _ => String::new(),
            };
            let seconds = || match value {
                Value::Integer(seconds) => i64::try_from(*seconds).unwrap_or_default(),
                _ => 0,
            };
            if let Some(name) = name.strip_prefix(ATTRIBUTE) {
                if let Some(attribute) = Attribute::named(name) {
                    definition.attributes.set(attribute, text());
                }
            } else if let Some(tag) = name.strip_prefix(TAG) {
                definition.tags.insert(tag.to_owned(), text());
            } else if name == CREATED {
                definition.created = seconds();
            } else if name == MODIFIED {
                definition.modified = seconds();
            }
        }
        if definition.is_fifo {
            definition.attributes.set(Attribute::FifoQueue, "true");
        }
        definition
    }

    /// What the broker is to keep under a name.
    pub(super) fn to_kept(&self, name: Bytes) -> Result<QueueDefinition, SqsError> {
        let redrive = self.redrive_policy()?;
        let number = |attribute| self.attributes.number(attribute);
        let settings = QueueSettings {
            lock_ms: Some(number(Attribute::VisibilityTimeout) * 1_000),
            // The broker counts how often a message failed, and AWS how often it was received: one more.
            delivery_limit: redrive.as_ref().map(|policy| policy.receives_max - 1),
            counted: Causes::ALL,
            dead_letter: redrive.is_some(),
            drops_expired: true,
            keeps_age: !self.is_fifo,
            order: match self.is_fifo {
                true => Order::PerGroup,
                false => Order::FairGroups,
            },
            delay_ms: number(Attribute::DelaySeconds) * 1_000,
            ttl_ms: Some(number(Attribute::MessageRetentionPeriod) * 1_000),
            deduplication_ms: self.is_fifo.then_some(DEDUPLICATION_MS),
            ..QueueSettings::default()
        };
        let dead_letter = redrive.map(|policy| DeadLetterTarget {
            exchange: Bytes::new(),
            routing_key: Some(policy.target.resource.into()),
        });
        Ok(QueueDefinition {
            name,
            durable: true,
            exclusive: None,
            settings,
            dead_letter,
            arguments: self.arguments(),
        })
    }

    fn arguments(&self) -> Arguments {
        let text = |prefix: &str, name: &str, value: &str| {
            let name = Bytes::from(format!("{prefix}{name}"));
            (name, Value::Bytes(Bytes::copy_from_slice(value.as_bytes())))
        };
        let attributes = self.attributes.iter();
        let attributes = attributes.map(|(name, value)| text(ATTRIBUTE, name.name(), value));
        let tags = self.tags.iter().map(|(name, value)| text(TAG, name, value));
        let times = [(CREATED, self.created), (MODIFIED, self.modified)];
        let times = times.map(|(name, time)| (Bytes::from(name), Value::Integer(time.into())));
        Arguments::new(attributes.chain(tags).chain(times))
    }

    pub(super) fn redrive_policy(&self) -> Result<Option<redrive::Policy>, SqsError> {
        let text = self.attributes.get(Attribute::RedrivePolicy);
        text.map(redrive::Policy::parse).transpose()
    }

    /// Whether the dead of this queue may come to it.
    pub(super) fn allows_dead_of(&self, source: &str) -> bool {
        let text = self.attributes.get(Attribute::RedriveAllowPolicy);
        let allowance = text.map(redrive::Allowance::parse);
        allowance.is_none_or(|allowance| allowance.is_ok_and(|known| known.allows(source)))
    }
}

/// Whether a queue may be called so.
pub(super) fn check_name(name: &str, is_fifo: bool) -> Result<(), SqsError> {
    const NAME_BYTES_MAX: usize = 80;
    let stem = match is_fifo {
        true => name.strip_suffix(FIFO_SUFFIX),
        false => Some(name),
    };
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
    let is_name =
        |stem: &str| !stem.is_empty() && name.len() <= NAME_BYTES_MAX && stem.bytes().all(is_plain);
    if stem.is_some_and(is_name) {
        return Ok(());
    }
    Err(SqsError::InvalidParameterValue(
        match is_fifo {
            true => {
                "The name of a FIFO queue can only include alphanumeric characters, hyphens, or underscores, must end \
                 with .fifo suffix and be 1 to 80 in length."
            }
            false => {
                "Can only include alphanumeric characters, hyphens, or underscores. 1 to 80 in length"
            }
        }
        .to_owned(),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_kept_is_known_again() {
        let mut definition = Definition {
            is_fifo: true,
            tags: [("team".to_owned(), "ours".to_owned())].into(),
            created: 1_700_000_000,
            modified: 1_700_000_001,
            ..Definition::default()
        };
        definition.attributes.set(Attribute::FifoQueue, "true");
        definition.attributes.set(Attribute::VisibilityTimeout, "7");
        let policy = "{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead.fifo\",\"maxReceiveCount\":3}";
        definition.attributes.set(Attribute::RedrivePolicy, policy);
        let kept = definition.to_kept("q.fifo".into()).unwrap();
        assert_eq!(kept.settings.lock_ms, Some(7_000));
        assert_eq!(kept.settings.delivery_limit, Some(2));
        assert_eq!(kept.settings.order, Order::PerGroup);
        let target = kept.dead_letter.clone().unwrap();
        assert_eq!(target.routing_key.unwrap(), "dead.fifo");
        assert_eq!(Definition::of(&kept), definition);
    }

    #[test]
    fn names_are_aws_s() {
        for (name, is_fifo) in [("jobs", false), ("a-b_C9", false), ("a.fifo", true)] {
            assert!(check_name(name, is_fifo).is_ok(), "{name}");
        }
        let long = "a".repeat(81);
        for (name, is_fifo) in [
            ("", false),
            ("a.b", false),
            ("a.fifo", false),
            ("a", true),
            (".fifo", true),
            (&long, false),
        ] {
            assert!(check_name(name, is_fifo).is_err(), "{name}");
        }
        assert!(check_name(&format!("{}.fifo", "a".repeat(75)), true).is_ok());
        assert!(check_name(&format!("{}.fifo", "a".repeat(76)), true).is_err());
    }
}
