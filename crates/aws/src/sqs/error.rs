//! Every error of SQS: what it is called by both protocols, and what people read.
//!
//! Sources: the service's model (names, codes and statuses),
//! <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>

use std::borrow::Cow;

use forebay_broker::access::AccessError;
use forebay_broker::host::{HostError, PublishError};

use crate::wire::Fault;

/// Why SQS refuses something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SqsError {
    AccessDenied(String),
    BatchEntryIdsNotDistinct(String),
    BatchRequestTooLong { bytes: usize, limit: usize },
    EmptyBatchRequest(&'static str),
    InvalidAddress(String),
    InvalidAttributeName(String),
    InvalidAttributeValue(String),
    InvalidBatchEntryId,
    InvalidMessageContents(&'static str),
    InvalidParameterValue(String),
    MessageNotInflight,
    MissingParameter(&'static str),
    OverLimit(String),
    PurgeQueueInProgress(String),
    QueueAlreadyExists(&'static str),
    QueueDeletedRecently,
    QueueDoesNotExist,
    ReceiptHandleIsInvalid(String),
    ResourceNotFound(&'static str),
    TooManyEntriesInBatchRequest(usize),
    UnsupportedOperation(&'static str),
    Internal,
    Unavailable(&'static str),
}

/// What stands in the model of an error: name of its shape, code of the query protocol, status.
struct Modelled(&'static str, &'static str, u16);

impl SqsError {
    /// A parameter that is invalid, in SQS's usual words.
    pub(crate) fn parameter(value: &str, name: &str, reason: &str) -> Self {
        Self::InvalidParameterValue(format!(
            "Value {value} for parameter {name} is invalid. Reason: {reason}"
        ))
    }

    fn modelled(&self) -> Modelled {
        match self {
            Self::AccessDenied(_) => Modelled(
                "com.amazonaws.sqs#AccessDeniedException",
                "AccessDenied",
                403,
            ),
            Self::BatchEntryIdsNotDistinct(_) => Modelled(
                "com.amazonaws.sqs#BatchEntryIdsNotDistinct",
                "AWS.SimpleQueueService.BatchEntryIdsNotDistinct",
                400,
            ),
            Self::BatchRequestTooLong { .. } => Modelled(
                "com.amazonaws.sqs#BatchRequestTooLong",
                "AWS.SimpleQueueService.BatchRequestTooLong",
                400,
            ),
            Self::EmptyBatchRequest(_) => Modelled(
                "com.amazonaws.sqs#EmptyBatchRequest",
                "AWS.SimpleQueueService.EmptyBatchRequest",
                400,
            ),
            Self::InvalidAddress(_) => {
                Modelled("com.amazonaws.sqs#InvalidAddress", "InvalidAddress", 404)
            }
            Self::InvalidAttributeName(_) => Modelled(
                "com.amazonaws.sqs#InvalidAttributeName",
                "InvalidAttributeName",
                400,
            ),
            Self::InvalidAttributeValue(_) => Modelled(
                "com.amazonaws.sqs#InvalidAttributeValue",
                "InvalidAttributeValue",
                400,
            ),
            Self::InvalidBatchEntryId => Modelled(
                "com.amazonaws.sqs#InvalidBatchEntryId",
                "AWS.SimpleQueueService.InvalidBatchEntryId",
                400,
            ),
            Self::InvalidMessageContents(_) => Modelled(
                "com.amazonaws.sqs#InvalidMessageContents",
                "InvalidMessageContents",
                400,
            ),
            Self::InvalidParameterValue(_) => Modelled(
                "com.amazonaws.sqs#InvalidParameterValueException",
                "InvalidParameterValue",
                400,
            ),
            Self::MessageNotInflight => Modelled(
                "com.amazonaws.sqs#MessageNotInflight",
                "AWS.SimpleQueueService.MessageNotInflight",
                400,
            ),
            Self::MissingParameter(_) => Modelled(
                "com.amazonaws.sqs#MissingRequiredParameterException",
                "MissingParameter",
                400,
            ),
            Self::OverLimit(_) => Modelled("com.amazonaws.sqs#OverLimit", "OverLimit", 403),
            Self::PurgeQueueInProgress(_) => Modelled(
                "com.amazonaws.sqs#PurgeQueueInProgress",
                "AWS.SimpleQueueService.PurgeQueueInProgress",
                403,
            ),
            Self::QueueAlreadyExists(_) => Modelled(
                "com.amazonaws.sqs#QueueNameExists",
                "QueueAlreadyExists",
                400,
            ),
            Self::QueueDeletedRecently => Modelled(
                "com.amazonaws.sqs#QueueDeletedRecently",
                "AWS.SimpleQueueService.QueueDeletedRecently",
                400,
            ),
            Self::QueueDoesNotExist => Modelled(
                "com.amazonaws.sqs#QueueDoesNotExist",
                "AWS.SimpleQueueService.NonExistentQueue",
                400,
            ),
            Self::ReceiptHandleIsInvalid(_) => Modelled(
                "com.amazonaws.sqs#ReceiptHandleIsInvalid",
                "ReceiptHandleIsInvalid",
                404,
            ),
            Self::ResourceNotFound(_) => Modelled(
                "com.amazonaws.sqs#ResourceNotFoundException",
                "ResourceNotFoundException",
                404,
            ),
            Self::TooManyEntriesInBatchRequest(_) => Modelled(
                "com.amazonaws.sqs#TooManyEntriesInBatchRequest",
                "AWS.SimpleQueueService.TooManyEntriesInBatchRequest",
                400,
            ),
            Self::UnsupportedOperation(_) => Modelled(
                "com.amazonaws.sqs#UnsupportedOperation",
                "AWS.SimpleQueueService.UnsupportedOperation",
                400,
            ),
            Self::Internal => Modelled(
                "com.amazon.coral.service#InternalFailure",
                "InternalFailure",
                500,
            ),
            Self::Unavailable(_) => Modelled(
                "com.amazon.coral.service#ServiceUnavailable",
                "ServiceUnavailable",
                503,
            ),
        }
    }

    fn message(&self) -> Cow<'static, str> {
        match self {
            Self::AccessDenied(why) => why.clone().into(),
            Self::BatchEntryIdsNotDistinct(id) => format!("Id {id} repeated.").into(),
            Self::BatchRequestTooLong { bytes, limit } => format!(
                "Batch requests cannot be longer than {limit} bytes. You have sent {bytes} bytes."
            )
            .into(),
            Self::EmptyBatchRequest(entry) => {
                format!("There should be at least one {entry} in the request.").into()
            }
            Self::InvalidAddress(address) => {
                format!("The address {address} is not valid for this endpoint.").into()
            }
            Self::InvalidAttributeName(name) => format!("Unknown Attribute {name}.").into(),
            Self::InvalidBatchEntryId => {
                "A batch entry id can only contain alphanumeric characters, hyphens and underscores. It can be at most \
                 80 letters long."
                    .into()
            }
            Self::MessageNotInflight => "The message referred to isn't in flight.".into(),
            Self::MissingParameter(name) => {
                format!("The request must contain the parameter {name}.").into()
            }
            Self::PurgeQueueInProgress(name) => {
                format!("Only one PurgeQueue operation on {name} is allowed every 60 seconds.").into()
            }
            Self::QueueAlreadyExists(attribute) => format!(
                "A queue already exists with the same name and a different value for attribute {attribute}"
            )
            .into(),
            Self::QueueDeletedRecently => {
                "You must wait 60 seconds after deleting a queue before you can create another with the same name."
                    .into()
            }
            Self::QueueDoesNotExist => "The specified queue does not exist.".into(),
            Self::ReceiptHandleIsInvalid(handle) => {
                format!("The input receipt handle \"{handle}\" is not a valid receipt handle.").into()
            }
            Self::TooManyEntriesInBatchRequest(count) => {
                format!("Maximum number of entries per request are 10. You have sent {count}.").into()
            }
            Self::Internal => {
                "The request processing has failed because of an unknown error, exception or failure.".into()
            }
            Self::InvalidAttributeValue(message)
            | Self::InvalidParameterValue(message)
            | Self::OverLimit(message) => message.clone().into(),
            Self::InvalidMessageContents(message)
            | Self::ResourceNotFound(message)
            | Self::UnsupportedOperation(message)
            | Self::Unavailable(message) => (*message).into(),
        }
    }

    /// The code of an entry of a batch that failed: entries have no other.
    pub(crate) fn entry_code(&self) -> &'static str {
        self.modelled().1
    }

    pub(crate) fn is_sender(&self) -> bool {
        !matches!(self, Self::Internal | Self::Unavailable(_))
    }

    /// What people read.
    pub(crate) fn text(&self) -> String {
        self.message().into_owned()
    }
}

impl From<SqsError> for Fault {
    fn from(error: SqsError) -> Self {
        let Modelled(shape, code, status) = error.modelled();
        Self {
            shape,
            code,
            status,
            is_sender: error.is_sender(),
            message: error.message(),
        }
    }
}

impl From<HostError> for SqsError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::NoQueue(_) | HostError::NoVirtualHost => Self::QueueDoesNotExist,
            HostError::ExclusiveToOther(_) => {
                Self::AccessDenied("Access to the resource is denied.".to_owned())
            }
            HostError::TooMany(_) => Self::OverLimit(error.to_string()),
            HostError::StorageFull => Self::Unavailable("The disk is full"),
            HostError::Stopped => Self::Unavailable("The server is stopping"),
            error => {
                tracing::warn!(%error, "the broker refuses what SQS asks");
                Self::Internal
            }
        }
    }
}

impl From<PublishError> for SqsError {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::TooLarge { .. } => Self::InvalidParameterValue(format!(
                "One or more parameters are invalid. Reason: {error}"
            )),
            PublishError::StorageFull => Self::Unavailable("The disk is full"),
            PublishError::Stopped => Self::Unavailable("The server is stopping"),
            error => {
                tracing::warn!(%error, "the broker does not take a message of SQS");
                Self::Internal
            }
        }
    }
}

impl From<AccessError> for SqsError {
    fn from(error: AccessError) -> Self {
        match error {
            AccessError::StorageFull => Self::Unavailable("The disk is full"),
            AccessError::Stopped => Self::Unavailable("The server is stopping"),
            AccessError::TooMany(_) => Self::OverLimit(error.to_string()),
            error => {
                tracing::warn!(%error, "an account's virtual host cannot be founded");
                Self::Internal
            }
        }
    }
}
