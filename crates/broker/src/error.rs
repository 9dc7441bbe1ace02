//! What the broker refuses, one variant for each thing a client is told.

use crate::names::NameError;
use crate::topic::ConfigError;

/// Why something about a topic cannot be done.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TopicError {
    /// The name is not one.
    #[error("invalid topic name: {0}")]
    Name(#[from] NameError),
    /// There is a topic of this name.
    #[error("topic `{0}` already exists")]
    Exists(String),
    /// A queue has this name.
    #[error("`{0}` is a queue")]
    IsQueue(String),
    /// There is no such topic.
    #[error("topic `{0}` does not exist")]
    Unknown(String),
    /// The virtual host of the stream is gone.
    #[error("the virtual host does not exist")]
    NoVirtualHost,
    /// The number of partitions cannot be.
    #[error("{0}")]
    Partitions(String),
    /// A configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The medium is full.
    #[error("the disk is full")]
    StorageFull,
    /// The broker cannot store anything any more, or is stopping.
    #[error("the broker is stopping")]
    Stopped,
}

/// Why a batch is not appended.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AppendError {
    /// The bytes are damaged.
    #[error("{0}")]
    Corrupt(String),
    /// A compression codec that nobody has defined.
    #[error("{0}")]
    UnknownCodec(String),
    /// A record or a batch header that may not be.
    #[error("{0}")]
    Invalid(String),
    /// A timestamp too far from the broker's clock.
    #[error("{0}")]
    Timestamp(String),
    /// Larger than the topic allows.
    #[error("the batch has {bytes} bytes, the topic allows {limit}")]
    TooLarge {
        /// Size of the batch.
        bytes: usize,
        /// What is allowed.
        limit: usize,
    },
    /// No such topic or partition, any more.
    #[error("the partition does not exist")]
    UnknownPartition,
    /// The producer's sequence has a gap.
    #[error("the batch does not follow the producer's last one")]
    OutOfOrder,
    /// A newer incarnation of the producer has taken over.
    #[error("a newer incarnation of the producer has taken over")]
    Fenced,
    /// The medium is full.
    #[error("the disk is full")]
    StorageFull,
    /// The batch did not become durable, or the broker is stopping.
    #[error("the broker could not store the batch")]
    Failed,
}

/// Why records are not deleted.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DeleteRecordsError {
    /// No such topic or partition.
    #[error("the partition does not exist")]
    UnknownPartition,
    /// The offset is beyond the end.
    #[error("the offset is beyond the end of the log")]
    OutOfRange,
    /// The broker is stopping.
    #[error("the broker is stopping")]
    Stopped,
}

/// The broker is stopping, or cannot store anything any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the broker is stopping")]
pub struct Stopped;
