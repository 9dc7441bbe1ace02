//! Amazon resource names: how queues, topics and subscriptions are called.
//!
//! Source: <https://docs.aws.amazon.com/IAM/latest/UserGuide/reference-arns.html>

use std::fmt;
use std::str::FromStr;

/// `arn:PARTITION:SERVICE:REGION:ACCOUNT:RESOURCE`
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Arn {
    /// `aws`, `aws-cn`, `aws-us-gov`.
    pub partition: String,
    /// `sqs`, `sns`.
    pub service: String,
    /// For example `us-east-1`.
    pub region: String,
    /// Twelve digits.
    pub account: String,
    /// What of the service: it may have colons of its own.
    pub resource: String,
}

/// A text that is not an ARN.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not an ARN")]
pub struct NotAnArn;

impl Arn {
    /// The name of something in the usual partition.
    pub fn new(service: &str, region: &str, account: &str, resource: &str) -> Self {
        Self {
            partition: "aws".to_owned(),
            service: service.to_owned(),
            region: region.to_owned(),
            account: account.to_owned(),
            resource: resource.to_owned(),
        }
    }
}

impl fmt::Display for Arn {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            partition,
            service,
            region,
            account,
            resource,
        } = self;
        write!(
            formatter,
            "arn:{partition}:{service}:{region}:{account}:{resource}"
        )
    }
}

impl FromStr for Arn {
    type Err = NotAnArn;

    fn from_str(text: &str) -> Result<Self, NotAnArn> {
        let mut parts = text.splitn(6, ':');
        let mut next = || parts.next().ok_or(NotAnArn);
        if next()? != "arn" {
            return Err(NotAnArn);
        }
        let arn = Self {
            partition: next()?.to_owned(),
            service: next()?.to_owned(),
            region: next()?.to_owned(),
            account: next()?.to_owned(),
            resource: next()?.to_owned(),
        };
        let is_whole = !arn.partition.is_empty() && !arn.service.is_empty();
        match is_whole && !arn.resource.is_empty() {
            true => Ok(arn),
            false => Err(NotAnArn),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let text = "arn:aws:sns:eu-west-1:123456789012:orders:0b5e1c9e";
        let arn: Arn = text.parse().unwrap();
        assert_eq!(arn.resource, "orders:0b5e1c9e");
        assert_eq!(arn.to_string(), text);
    }

    #[test]
    fn what_is_no_arn_is_refused() {
        for text in [
            "",
            "arn",
            "arn:aws:sqs:us-east-1:000000000000",
            "urn:aws:sqs:a:b:c",
            "arn:aws:sqs:a:b:",
        ] {
            assert_eq!(text.parse::<Arn>(), Err(NotAnArn), "{text}");
        }
    }
}
