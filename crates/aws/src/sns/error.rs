//! Why SNS refuses something, in AWS's codes and words.
//!
//! Source: the errors of <https://docs.aws.amazon.com/sns/latest/api/API_Operations.html>; texts as AWS answers them.

use std::borrow::Cow;

use forebay_broker::TopicError;
use forebay_broker::access::AccessError;
use forebay_broker::host::{HostError, PublishError};

use super::filter::FilterError;
use super::signature::KeyError;
use crate::wire::Fault;

/// Why something is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SnsError {
    /// Somebody may not.
    AuthorizationError(String),
    /// Two entries of a batch have the same id.
    BatchEntryIdsNotDistinct,
    /// The entries of a batch are too much together.
    BatchRequestTooLong,
    /// A batch has no entry.
    EmptyBatchRequest,
    /// Something here went wrong.
    InternalError(String),
    /// The id of an entry is none.
    InvalidBatchEntryId(String),
    /// A parameter is not what it is to be.
    InvalidParameter(String),
    /// The same of what a parameter holds: attributes of messages.
    ParameterValueInvalid(String),
    /// There is no such topic or subscription.
    NotFound(&'static str),
    /// The same, where tags are asked for.
    ResourceNotFound,
    /// There are as many subscriptions as there may be.
    SubscriptionLimitExceeded,
    /// A topic has as many tags as it may have.
    TagLimitExceeded,
    /// A batch has more entries than it may have.
    TooManyEntriesInBatchRequest,
    /// There are as many topics as there may be.
    TopicLimitExceeded,
    /// A topic has as many filter policies as it may have.
    FilterPolicyLimitExceeded,
    /// What AWS does, and nothing here.
    UnsupportedOperation(String),
    /// A parameter that has to be there is not.
    ValidationError(String),
    /// Nothing is stored at the moment.
    Throttled,
}

impl SnsError {
    /// `Invalid parameter: WHY`
    pub(crate) fn invalid(why: impl AsRef<str>) -> Self {
        Self::InvalidParameter(format!("Invalid parameter: {}", why.as_ref()))
    }

    /// `Invalid parameter: NAME Reason: WHY`
    pub(crate) fn parameter(name: &str, why: impl AsRef<str>) -> Self {
        Self::invalid(format!("{name} Reason: {}", why.as_ref()))
    }

    pub(crate) fn no_topic() -> Self {
        Self::NotFound("Topic does not exist")
    }

    pub(crate) fn no_subscription() -> Self {
        Self::NotFound("Subscription does not exist")
    }

    /// A parameter is missing.
    pub(crate) fn missing(name: &str) -> Self {
        Self::ValidationError(format!(
            "1 validation error detected: Value null at '{name}' failed to satisfy constraint: Member must not be null"
        ))
    }

    /// Code, status, whether the client is to blame, text.
    fn row(self) -> (&'static str, &'static str, u16, Cow<'static, str>) {
        macro_rules! row {
            ($shape:literal, $code:literal, $status:literal, $text:expr) => {
                (
                    concat!("com.amazonaws.sns#", $shape),
                    $code,
                    $status,
                    Cow::from($text),
                )
            };
        }
        match self {
            Self::AuthorizationError(text) => {
                row!(
                    "AuthorizationErrorException",
                    "AuthorizationError",
                    403,
                    text
                )
            }
            Self::BatchEntryIdsNotDistinct => row!(
                "BatchEntryIdsNotDistinctException",
                "BatchEntryIdsNotDistinct",
                400,
                "Two or more batch entries in the request have the same Id."
            ),
            Self::BatchRequestTooLong => row!(
                "BatchRequestTooLongException",
                "BatchRequestTooLong",
                400,
                "The length of all the messages put together is more than the limit."
            ),
            Self::EmptyBatchRequest => row!(
                "EmptyBatchRequestException",
                "EmptyBatchRequest",
                400,
                "The batch request doesn't contain any entries."
            ),
            Self::InternalError(text) => row!("InternalErrorException", "InternalError", 500, text),
            Self::InvalidBatchEntryId(text) => {
                row!(
                    "InvalidBatchEntryIdException",
                    "InvalidBatchEntryId",
                    400,
                    text
                )
            }
            Self::InvalidParameter(text) => {
                row!("InvalidParameterException", "InvalidParameter", 400, text)
            }
            Self::ParameterValueInvalid(text) => {
                row!(
                    "InvalidParameterValueException",
                    "ParameterValueInvalid",
                    400,
                    text
                )
            }
            Self::NotFound(text) => row!("NotFoundException", "NotFound", 404, text),
            Self::ResourceNotFound => row!(
                "ResourceNotFoundException",
                "ResourceNotFound",
                404,
                "Resource does not exist"
            ),
            Self::SubscriptionLimitExceeded => row!(
                "SubscriptionLimitExceededException",
                "SubscriptionLimitExceeded",
                403,
                "Subscription limit exceeded"
            ),
            Self::TagLimitExceeded => row!(
                "TagLimitExceededException",
                "TagLimitExceeded",
                400,
                "Could not complete request: tag quota of per resource exceeded"
            ),
            Self::TooManyEntriesInBatchRequest => row!(
                "TooManyEntriesInBatchRequestException",
                "TooManyEntriesInBatchRequest",
                400,
                "The batch request contains more entries than permissible."
            ),
            Self::TopicLimitExceeded => row!(
                "TopicLimitExceededException",
                "TopicLimitExceeded",
                403,
                "Topic limit exceeded"
            ),
            Self::FilterPolicyLimitExceeded => row!(
                "FilterPolicyLimitExceededException",
                "FilterPolicyLimitExceeded",
                403,
                "Filter policy limit exceeded"
            ),
            Self::UnsupportedOperation(text) => {
                row!(
                    "UnsupportedOperationException",
                    "UnsupportedOperation",
                    400,
                    text
                )
            }
            Self::ValidationError(text) => row!("ValidationError", "ValidationError", 400, text),
            Self::Throttled => row!(
                "ThrottledException",
                "Throttled",
                429,
                "The disk is full. Try again later."
            ),
        }
    }

    /// Code and text, as an entry of a batch is refused with.
    pub(crate) fn code_and_text(self) -> (&'static str, Cow<'static, str>, bool) {
        let (_, code, status, text) = self.row();
        (code, text, status < 500)
    }
}

impl From<SnsError> for Fault {
    fn from(error: SnsError) -> Self {
        let (shape, code, status, message) = error.row();
        Self {
            shape,
            code,
            status,
            is_sender: status < 500,
            message,
        }
    }
}

/// What a change of definitions runs into. Who makes topics or subscriptions says which of them are too many.
impl From<AccessError> for SnsError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::TooMany(_) => Self::TopicLimitExceeded,
            AccessError::TooLarge { what, limit } => {
                Self::invalid(format!("{what} has more than {limit} bytes"))
            }
            AccessError::Name(bytes) => Self::invalid(format!("a name has 1 to {bytes} bytes")),
            AccessError::StorageFull => Self::Throttled,
            AccessError::NoVirtualHost(_)
            | AccessError::NoUser(_)
            | AccessError::NotFound
            | AccessError::Pattern { .. }
            | AccessError::Stopped => Self::InternalError(error.to_string()),
        }
    }
}

impl From<KeyError> for SnsError {
    fn from(error: KeyError) -> Self {
        Self::InternalError(error.to_string())
    }
}

impl From<PublishError> for SnsError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooLarge { .. } => Self::invalid("Message too long"),
            PublishError::StorageFull => Self::Throttled,
            // What the configuration of its log forbids.
            PublishError::Topic(why) => Self::invalid(why),
            error => Self::InternalError(error.to_string()),
        }
    }
}

impl From<HostError> for SnsError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::StorageFull => Self::Throttled,
            error => Self::InternalError(error.to_string()),
        }
    }
}

impl From<TopicError> for SnsError {
    fn from(error: TopicError) -> Self {
        match error {
            TopicError::StorageFull => Self::Throttled,
            error => Self::InternalError(error.to_string()),
        }
    }
}

impl From<FilterError> for SnsError {
    fn from(error: FilterError) -> Self {
        Self::invalid(error.to_string())
    }
}
