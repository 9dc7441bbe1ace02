//! Which queues the dead of a queue go to, and which queues' dead a queue takes.

use serde::Deserialize;
use serde_json::Value;

use super::error::SqsError;
use crate::arn::Arn;

/// `RedrivePolicy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Policy {
    pub(super) target: Arn,
    /// So often a message may be received and is not deleted.
    pub(super) receives_max: u32,
}

/// `RedriveAllowPolicy`
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Allowance {
    All,
    None,
    Of(Vec<String>),
}

const RECEIVES: std::ops::RangeInclusive<u32> = 1..=1_000;
const SOURCES_MAX: usize = 10;

impl Policy {
    pub(super) fn parse(text: &str) -> Result<Self, SqsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Said {
            dead_letter_target_arn: Option<String>,
            max_receive_count: Option<Value>,
        }
        let invalid = |reason: &str| SqsError::parameter(text, "RedrivePolicy", reason);
        let said: Said = serde_json::from_str(text)
            .map_err(|_| invalid("Redrive policy is not a valid JSON map."))?;
        let missing = |name: &str| {
            invalid(&format!(
                "Redrive policy does not contain mandatory attribute: {name}."
            ))
        };
        let target = said
            .dead_letter_target_arn
            .ok_or_else(|| missing("deadLetterTargetArn"))?;
        let count = said
            .max_receive_count
            .ok_or_else(|| missing("maxReceiveCount"))?;
        // Both are usual: console and CloudFormation write a number, older scripts a string.
        let number = match &count {
            Value::String(text) => text.parse().ok(),
            number => number.as_u64().and_then(|number| number.try_into().ok()),
        };
        let receives_max = number.filter(|number| RECEIVES.contains(number));
        let receives_max = receives_max.ok_or_else(|| {
            invalid(&format!(
                "Invalid value for maxReceiveCount: {}, valid values are from 1 to 1000 both inclusive.",
                count.as_str().map_or_else(|| count.to_string(), str::to_owned)
            ))
        })?;
        let target = target.parse::<Arn>().ok();
        let target = target.filter(|arn| arn.service == "sqs");
        let target = target.ok_or_else(|| invalid("Invalid value for deadLetterTargetArn."))?;
        Ok(Self {
            target,
            receives_max,
        })
    }
}

impl Allowance {
    pub(super) fn parse(text: &str) -> Result<Self, SqsError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Said {
            redrive_permission: Option<String>,
            source_queue_arns: Option<Vec<String>>,
        }
        let invalid = |reason: &str| SqsError::parameter(text, "RedriveAllowPolicy", reason);
        let said: Said = serde_json::from_str(text)
            .map_err(|_| invalid("Redrive allow policy is not a valid JSON map."))?;
        let sources = said.source_queue_arns;
        match (said.redrive_permission.as_deref(), sources) {
            (Some("allowAll"), None) => Ok(Self::All),
            (Some("denyAll"), None) => Ok(Self::None),
            (Some("byQueue"), Some(sources)) if (1..=SOURCES_MAX).contains(&sources.len()) => {
                match sources.iter().all(|source| source.parse::<Arn>().is_ok()) {
                    true => Ok(Self::Of(sources)),
                    false => Err(invalid(
                        "Amazon Resource Names of the source queues are not valid.",
                    )),
                }
            }
            (Some("byQueue"), _) => Err(invalid(
                "sourceQueueArns has to have 1 to 10 queues when redrivePermission is byQueue.",
            )),
            (Some("allowAll" | "denyAll"), Some(_)) => Err(invalid(
                "sourceQueueArns can be specified only when redrivePermission is byQueue.",
            )),
            _ => Err(invalid(
                "redrivePermission has to be one of allowAll, denyAll and byQueue.",
            )),
        }
    }

    /// Whether the dead of this queue may come.
    pub(super) fn allows(&self, source: &str) -> bool {
        match self {
            Self::All => true,
            Self::None => false,
            Self::Of(sources) => sources.iter().any(|known| known == source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_may_be_written_as_a_string() {
        for count in ["3", "\"3\""] {
            let text = format!(
                "{{\"deadLetterTargetArn\":\"arn:aws:sqs:us-east-1:000000000000:dead\",\"maxReceiveCount\":{count}}}"
            );
            let policy = Policy::parse(&text).unwrap();
            assert_eq!(policy.receives_max, 3);
            assert_eq!(policy.target.resource, "dead");
        }
    }

    #[test]
    fn a_policy_that_is_not_whole_is_refused_with_the_reason() {
        for (text, reason) in [
            ("[]", "Redrive policy is not a valid JSON map."),
            (
                "{}",
                "Redrive policy does not contain mandatory attribute: deadLetterTargetArn.",
            ),
            (
                "{\"deadLetterTargetArn\":\"arn:aws:sqs:a:1:b\",\"maxReceiveCount\":0}",
                "Invalid value for maxReceiveCount: 0, valid values are from 1 to 1000 both inclusive.",
            ),
            (
                "{\"deadLetterTargetArn\":\"dead\",\"maxReceiveCount\":\"5\"}",
                "Invalid value for deadLetterTargetArn.",
            ),
        ] {
            let expected = SqsError::parameter(text, "RedrivePolicy", reason);
            assert_eq!(Policy::parse(text), Err(expected));
        }
    }

    #[test]
    fn a_queue_takes_the_dead_of_whom_it_says() {
        let source = "arn:aws:sqs:us-east-1:000000000000:source";
        let of =
            format!("{{\"redrivePermission\":\"byQueue\",\"sourceQueueArns\":[\"{source}\"]}}");
        assert!(Allowance::parse(&of).unwrap().allows(source));
        assert!(
            !Allowance::parse(&of)
                .unwrap()
                .allows("arn:aws:sqs:us-east-1:000000000000:other")
        );
        let none = Allowance::parse("{\"redrivePermission\":\"denyAll\"}").unwrap();
        assert!(!none.allows(source));
        for wrong in [
            "",
            "{}",
            "{\"redrivePermission\":\"byQueue\"}",
            "{\"redrivePermission\":\"some\"}",
        ] {
            assert!(Allowance::parse(wrong).is_err(), "{wrong}");
        }
    }
}
