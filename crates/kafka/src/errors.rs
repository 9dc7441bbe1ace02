//! The broker's refusals in Kafka's words: one exhaustive table each, so that a new refusal does not
//! compile until it has a code.

use forebay_broker::group::GroupError;
use forebay_broker::storage::ReadError;
use forebay_broker::topic::ConfigError;
use forebay_broker::{AppendError, DeleteRecordsError, NameError, TopicError};

use crate::limits::ERROR_MESSAGE_BYTES_MAX;
use crate::protocol::{ErrorCode, Str};

/// Why something a client asked for is not done, for answers that have room for a message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refusal {
    pub(crate) code: ErrorCode,
    pub(crate) message: String,
}

impl Refusal {
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        let mut message = message.into();
        if message.len() > ERROR_MESSAGE_BYTES_MAX {
            let end = message.floor_char_boundary(ERROR_MESSAGE_BYTES_MAX);
            message.truncate(end);
        }
        Self { code, message }
    }

    /// A request that contradicts itself.
    pub(crate) fn invalid(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::InvalidRequest, message)
    }

    /// The two fields of an answer.
    pub(crate) fn into_fields(self) -> (i16, Option<Str<'static>>) {
        (self.code as i16, Some(self.message.into()))
    }
}

/// To a client that asks a controller for something, which answers for a stopping broker in its own
/// way: clients look for the new controller, and ask again.
impl From<TopicError> for Refusal {
    fn from(error: TopicError) -> Self {
        let code = match &error {
            TopicError::Stopped => ErrorCode::NotController,
            other => topic(other),
        };
        Self::new(code, error.to_string())
    }
}

/// The error fields of an answer to something that worked or did not.
pub(crate) fn fields(result: Result<(), Refusal>) -> (i16, Option<Str<'static>>) {
    match result {
        Ok(()) => (ErrorCode::None as i16, None),
        Err(refusal) => refusal.into_fields(),
    }
}

pub(crate) fn append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Corrupt(_) => ErrorCode::CorruptMessage,
        AppendError::UnknownCodec(_) => ErrorCode::UnsupportedCompressionType,
        AppendError::Invalid(_) => ErrorCode::InvalidRecord,
        AppendError::Timestamp(_) => ErrorCode::InvalidTimestamp,
        AppendError::TooLarge { .. } => ErrorCode::MessageTooLarge,
        AppendError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        AppendError::OutOfOrder => ErrorCode::OutOfOrderSequenceNumber,
        AppendError::Fenced => ErrorCode::InvalidProducerEpoch,
        // Retriable: the client tries again until its own time-out, and meanwhile space may return
        // or the broker be back.
        AppendError::StorageFull | AppendError::Failed => ErrorCode::KafkaStorageError,
    }
}

pub(crate) fn topic(error: &TopicError) -> ErrorCode {
    match error {
        TopicError::Name(
            NameError::Empty
            | NameError::Reserved(_)
            | NameError::TooLong { .. }
            | NameError::Character(_),
        ) => ErrorCode::InvalidTopicException,
        TopicError::Exists(_) => ErrorCode::TopicAlreadyExists,
        TopicError::IsQueue(_) | TopicError::NoVirtualHost => ErrorCode::InvalidTopicException,
        TopicError::Unknown(_) => ErrorCode::UnknownTopicOrPartition,
        TopicError::Partitions(_) => ErrorCode::InvalidPartitions,
        TopicError::Config(
            ConfigError::Unknown(_) | ConfigError::Invalid { .. } | ConfigError::NotAList(_),
        ) => ErrorCode::InvalidConfig,
        TopicError::StorageFull | TopicError::Stopped => ErrorCode::KafkaStorageError,
    }
}

pub(crate) fn read(error: &ReadError) -> ErrorCode {
    match error {
        ReadError::OutOfRange { .. } => ErrorCode::OffsetOutOfRange,
        ReadError::Deleted => ErrorCode::UnknownTopicOrPartition,
        ReadError::Storage(_) => ErrorCode::KafkaStorageError,
    }
}

pub(crate) fn delete_records(error: &DeleteRecordsError) -> ErrorCode {
    match error {
        DeleteRecordsError::UnknownPartition => ErrorCode::UnknownTopicOrPartition,
        DeleteRecordsError::OutOfRange => ErrorCode::OffsetOutOfRange,
        DeleteRecordsError::Stopped => ErrorCode::NotLeaderOrFollower,
    }
}

pub(crate) fn group(error: &GroupError) -> ErrorCode {
    match error {
        GroupError::UnknownMemberId => ErrorCode::UnknownMemberId,
        GroupError::IllegalGeneration => ErrorCode::IllegalGeneration,
        GroupError::RebalanceInProgress => ErrorCode::RebalanceInProgress,
        GroupError::MemberIdRequired { .. } => ErrorCode::MemberIdRequired,
        GroupError::FencedInstanceId => ErrorCode::FencedInstanceId,
        GroupError::InconsistentGroupProtocol => ErrorCode::InconsistentGroupProtocol,
        GroupError::InvalidSessionTimeout => ErrorCode::InvalidSessionTimeout,
        GroupError::GroupMaxSizeReached => ErrorCode::GroupMaxSizeReached,
        // Retriable: there is room again once other groups have gone.
        GroupError::GroupLimitReached => ErrorCode::CoordinatorNotAvailable,
        GroupError::GroupIdNotFound => ErrorCode::GroupIdNotFound,
        GroupError::NonEmptyGroup => ErrorCode::NonEmptyGroup,
        GroupError::GroupSubscribedToTopic => ErrorCode::GroupSubscribedToTopic,
        GroupError::OffsetMetadataTooLarge => ErrorCode::OffsetMetadataTooLarge,
        GroupError::UnknownTopicOrPartition => ErrorCode::UnknownTopicOrPartition,
        // Kafka says UNKNOWN_SERVER_ERROR. Clients give up on either, but this one says why.
        GroupError::MemberMetadataTooLarge | GroupError::AssignmentTooLarge => {
            ErrorCode::MessageTooLarge
        }
    }
}

/// Whether a client knows the partition's leader as it is; its epoch is -1 if it does not say.
pub(crate) fn leader_epoch(epoch: i32) -> Result<(), ErrorCode> {
    use crate::gateway::LEADER_EPOCH;
    match epoch {
        -1 | LEADER_EPOCH => Ok(()),
        newer if newer > LEADER_EPOCH => Err(ErrorCode::UnknownLeaderEpoch),
        _ => Err(ErrorCode::FencedLeaderEpoch),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_message_is_cut_between_characters() {
        let refusal = Refusal::invalid("é".repeat(ERROR_MESSAGE_BYTES_MAX));
        assert_eq!(refusal.message, "é".repeat(ERROR_MESSAGE_BYTES_MAX / 2));
        let odd = Refusal::invalid(format!("x{}", "é".repeat(ERROR_MESSAGE_BYTES_MAX)));
        assert_eq!(odd.message.len(), ERROR_MESSAGE_BYTES_MAX - 1);
    }

    #[test]
    fn a_stopping_broker_is_no_controller_any_more_and_a_full_disk_is_a_storage_error() {
        assert_eq!(
            Refusal::from(TopicError::Stopped).code,
            ErrorCode::NotController
        );
        let full = Refusal::from(TopicError::StorageFull);
        assert_eq!(full.code, ErrorCode::KafkaStorageError);
        assert!(full.code.is_retriable() && ErrorCode::NotController.is_retriable());
    }
}
