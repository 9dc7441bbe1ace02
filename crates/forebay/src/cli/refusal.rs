//! What the client's errors mean to somebody at a command line: exit code, and what to do next.

use forebay_kafka::client::{ClientError, Subject};
use forebay_kafka::protocol::ErrorCode;

use super::failure::{Cause, Failure};

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        let failure = Self::new(cause(&error), error.to_string());
        match next_step(&error) {
            Some(hint) => failure.hint(hint),
            None => failure,
        }
    }
}

fn cause(error: &ClientError) -> Cause {
    match error {
        ClientError::Unreachable { .. } | ClientError::Lost { .. } => Cause::Unreachable,
        ClientError::TimedOut { .. } => Cause::TimedOut,
        ClientError::NotFound(_) => Cause::NotFound,
        ClientError::Denied { .. } => Cause::Denied,
        ClientError::Refused { .. } if error.code() == Some(ErrorCode::RequestTimedOut) => {
            Cause::TimedOut
        }
        ClientError::AlreadyExists(_)
        | ClientError::Refused { .. }
        | ClientError::Unsupported(_)
        | ClientError::Protocol { .. } => Cause::Failed,
    }
}

fn next_step(error: &ClientError) -> Option<String> {
    Some(match error {
        ClientError::Unreachable { .. } => {
            "forebay serve starts a broker; --server HOST:PORT names another one".to_owned()
        }
        ClientError::Lost { .. } => "is a Kafka listener at this address? --server HOST:PORT \
                                     names another one"
            .to_owned(),
        ClientError::TimedOut { .. } => "--timeout gives it more time".to_owned(),
        ClientError::NotFound(Subject::Topic(_)) => {
            "forebay topic list shows those that do".to_owned()
        }
        ClientError::NotFound(Subject::Partition(topic, _)) => {
            format!("forebay topic describe {topic} shows those that do")
        }
        ClientError::NotFound(Subject::Group(_)) => {
            "forebay group list shows those that do".to_owned()
        }
        ClientError::Refused { subject, .. } => return refused(error.code()?, subject),
        _ => return None,
    })
}

fn refused(code: ErrorCode, subject: &Subject) -> Option<String> {
    let topic = match subject {
        Subject::Topic(topic) | Subject::Partition(topic, _) => topic.as_str(),
        _ => "TOPIC",
    };
    Some(match code {
        ErrorCode::MessageTooLarge | ErrorCode::RecordListTooLarge => {
            format!("forebay topic alter {topic} --config max.message.bytes=N lets it take more")
        }
        ErrorCode::UnknownMemberId | ErrorCode::NonEmptyGroup => {
            "the group has active members; end its consumers first".to_owned()
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scripts_can_tell_failures_apart() {
        let topic = || Subject::Topic("orders".to_owned());
        let address = || "127.0.0.1:1".to_owned();
        let reason = || "connection refused".to_owned();
        let cases = [
            (ClientError::NotFound(topic()), Cause::NotFound),
            (ClientError::AlreadyExists(topic()), Cause::Failed),
            (
                ClientError::Unreachable {
                    address: address(),
                    reason: reason(),
                },
                Cause::Unreachable,
            ),
            (
                ClientError::Refused {
                    subject: topic(),
                    code: ErrorCode::RequestTimedOut as i16,
                    message: String::new(),
                },
                Cause::TimedOut,
            ),
        ];
        for (error, cause) in cases {
            assert_eq!(Failure::from(error.clone()).cause, cause, "{error}");
        }
    }

    #[test]
    fn a_failure_says_what_to_do_next() {
        let partition = Subject::Partition("orders".to_owned(), 9);
        assert_eq!(
            Failure::from(ClientError::NotFound(partition)).to_string(),
            "partition 9 of topic orders does not exist; \
             forebay topic describe orders shows those that do"
        );
    }
}
