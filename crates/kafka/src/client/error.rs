//! Why a call failed, told apart by what the caller can do about it.

use std::fmt;
use std::time::Duration;

use crate::protocol::{ApiKey, DecodeError, EncodeError, ErrorCode};

/// What a request was about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// The cluster as a whole.
    Cluster,
    /// A topic.
    Topic(String),
    /// A partition of a topic.
    Partition(String, i32),
    /// A consumer group.
    Group(String),
}

impl fmt::Display for Subject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cluster => f.write_str("the cluster"),
            Self::Topic(topic) => write!(f, "topic {topic}"),
            Self::Partition(topic, partition) => {
                write!(f, "partition {partition} of topic {topic}")
            }
            Self::Group(group) => write!(f, "group {group}"),
        }
    }
}

/// Why a call failed.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ClientError {
    /// Nobody answers at the address.
    #[error("cannot reach the broker at {address}: {reason}")]
    Unreachable {
        /// Host and port.
        address: String,
        /// What the operating system says.
        reason: String,
    },
    /// The connection ended before the answer came. The request may have been carried out.
    #[error("lost the connection to the broker at {address}: {reason}")]
    Lost {
        /// Host and port.
        address: String,
        /// How it ended.
        reason: String,
    },
    /// The time that the caller gave is over.
    #[error("no answer within {after:?}: {what}")]
    TimedOut {
        /// What was asked for.
        what: String,
        /// The time that was given.
        after: Duration,
    },
    /// The topic, partition or group does not exist.
    #[error("{0} does not exist")]
    NotFound(Subject),
    /// The broker does not allow it.
    #[error("not allowed on {subject}: {message}")]
    Denied {
        /// What it was about.
        subject: Subject,
        /// The broker's words.
        message: String,
    },
    /// What was to be created exists.
    #[error("{0} exists already")]
    AlreadyExists(Subject),
    /// Any other refusal.
    #[error("{subject}: {message} ({})", code_name(*.code))]
    Refused {
        /// What it was about.
        subject: Subject,
        /// Kafka's error code.
        code: i16,
        /// The broker's words, or else the code's meaning.
        message: String,
    },
    /// The broker has no version of a request that this client knows.
    #[error("the broker does not serve {0} in a version that this client speaks")]
    Unsupported(ApiKey),
    /// What the broker sent makes no sense, or what was to be sent cannot be said.
    #[error("the broker at {address} does not speak Kafka's protocol as expected: {reason}")]
    Protocol {
        /// Host and port.
        address: String,
        /// What is wrong.
        reason: String,
    },
}

/// `NAME` for a known code, `error 1234` for another.
fn code_name(code: i16) -> String {
    ErrorCode::from_code(code)
        .map_or_else(|| format!("error {code}"), |code| code.name().to_owned())
}

impl ClientError {
    /// Whether the broker refused with this code.
    pub fn is_refused_with(&self, wanted: ErrorCode) -> bool {
        self.code() == Some(wanted)
    }

    /// Whether there is no connection to the broker.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::Unreachable { .. } | Self::Lost { .. })
    }

    /// Whether the broker said that the same request may succeed later.
    pub fn is_transient(&self) -> bool {
        self.code().is_some_and(ErrorCode::is_retriable)
    }

    /// The code of a refusal, if it is a known one and stands for nothing more telling.
    pub fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Refused { code, .. } => ErrorCode::from_code(*code),
            _ => None,
        }
    }

    /// The error of a response's code; nothing for code 0.
    pub(super) fn check(code: i16, message: Option<&str>, subject: Subject) -> Result<(), Self> {
        let known = ErrorCode::from_code(code);
        let message = || {
            let said = message.filter(|message| !message.is_empty());
            let meaning = known.map_or(
                "an error that this client does not know",
                ErrorCode::message,
            );
            said.unwrap_or(meaning).trim_end_matches('.').to_owned()
        };
        Err(match known {
            Some(ErrorCode::None) => return Ok(()),
            Some(
                ErrorCode::UnknownTopicOrPartition
                | ErrorCode::UnknownTopicId
                | ErrorCode::GroupIdNotFound,
            ) => Self::NotFound(subject),
            Some(ErrorCode::TopicAlreadyExists) => Self::AlreadyExists(subject),
            Some(
                ErrorCode::TopicAuthorizationFailed
                | ErrorCode::GroupAuthorizationFailed
                | ErrorCode::ClusterAuthorizationFailed
                | ErrorCode::TransactionalIdAuthorizationFailed
                | ErrorCode::SaslAuthenticationFailed
                | ErrorCode::TopicDeletionDisabled,
            ) => Self::Denied {
                subject,
                message: message(),
            },
            _ => Self::Refused {
                subject,
                code,
                message: message(),
            },
        })
    }

    /// A refusal in our own name, as if the broker had made it.
    pub(super) fn refused(code: ErrorCode, subject: Subject) -> Self {
        Self::Refused {
            subject,
            code: code as i16,
            message: code.message().trim_end_matches('.').to_owned(),
        }
    }

    pub(super) fn undecodable(address: &str, error: &DecodeError) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            reason: error.to_string(),
        }
    }

    pub(super) fn unsayable(address: &str, error: &EncodeError) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            reason: error.to_string(),
        }
    }

    /// An answer without a part that was asked for.
    pub(super) fn missing(address: &str, subject: &Subject) -> Self {
        Self::Protocol {
            address: address.to_owned(),
            reason: format!("the answer says nothing about {subject}"),
        }
    }
}

/// `connection refused` in place of `Connection refused (os error 111)`.
pub(super) fn plain_reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    let text = text.split(" (os error").next().unwrap_or(&text);
    let mut chars = text.chars();
    let first = chars.next().map(|c| c.to_ascii_lowercase());
    first.into_iter().chain(chars).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn error(code: ErrorCode, message: Option<&str>) -> ClientError {
        ClientError::check(code as i16, message, Subject::Topic("orders".into())).unwrap_err()
    }

    #[test]
    fn codes_become_what_the_caller_can_do() {
        let subject = || Subject::Topic("orders".into());
        assert_eq!(ClientError::check(0, None, subject()), Ok(()));
        let missing = error(ErrorCode::UnknownTopicOrPartition, None);
        assert_eq!(missing.to_string(), "topic orders does not exist");
        assert_eq!(
            error(
                ErrorCode::TopicAlreadyExists,
                Some("Topic 'orders' already exists.")
            ),
            ClientError::AlreadyExists(subject())
        );
        let denied = error(ErrorCode::TopicAuthorizationFailed, None);
        assert_eq!(
            denied.to_string(),
            "not allowed on topic orders: Topic authorization failed"
        );
    }

    #[test]
    fn the_brokers_own_words_come_first() {
        assert_eq!(
            error(
                ErrorCode::InvalidPartitions,
                Some("Topic has 3 partitions.")
            )
            .to_string(),
            "topic orders: Topic has 3 partitions (INVALID_PARTITIONS)"
        );
        let bare = error(ErrorCode::NotLeaderOrFollower, Some(""));
        assert!(bare.is_transient() && bare.is_refused_with(ErrorCode::NotLeaderOrFollower));
        let strange = ClientError::check(9999, None, Subject::Cluster).unwrap_err();
        assert!(strange.to_string().ends_with("(error 9999)"), "{strange}");
    }
}
