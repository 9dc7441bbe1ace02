//! The broker's refusals in Kafka's words: one exhaustive table each, so that a new refusal does not
//! compile until it has a code.

use forebay_broker::group::GroupError;
use forebay_broker::storage::ReadError;
use forebay_broker::topic::ConfigError;
use forebay_broker::{AppendError, DeleteRecordsError, NameError, TopicError};

use crate::protocol::ErrorCode;

pub(crate) fn append(error: &AppendError) -> ErrorCode {
    match error {
        AppendError::Corrupt(_) => ErrorCode::CorruptMessage,
        AppendError::Unsupported(_) => ErrorCode::UnsupportedForMessageFormat,
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
