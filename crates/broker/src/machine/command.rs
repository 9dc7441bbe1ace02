//! What the machine can be asked, and the answers on their way back.

use std::sync::Arc;

use bytes::BytesMut;
use forebay_record::BatchHeader;
use forebay_storage::{LogId, shard};
use tokio::sync::oneshot;
use uuid::Uuid;

use crate::access::{AccessChange, AccessError};
use crate::error::{AppendError, DeleteRecordsError, TopicError};
use crate::group::{GroupCommand, GroupReply};
use crate::host::{
    HostCommand, HostError, HostReply, Notice, NoticeSender, Publication, PublishError, Published,
    Received, VirtualHostId,
};
use crate::limits::TOPIC_PARTITIONS_MAX;
use crate::names::{TOPIC_NAME_BYTES_MAX, TopicName};
use crate::topic::config::{ConfigChange, Values};
use crate::topic::{MadeAs, StreamName, Topic};

/// A topic by name or by id.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TopicRef {
    /// By name.
    Name(String),
    /// By id.
    Id(Uuid),
}

/// A topic to be created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; none takes the broker's default.
    pub partitions: Option<usize>,
    /// What is set for it.
    pub configs: Values,
}

/// A topic that was created, or that would have been.
#[derive(Clone, Debug)]
pub struct CreatedTopic {
    /// Its identity; nil when it was only validated.
    pub id: Uuid,
    /// How many partitions it has.
    pub partitions: usize,
    /// Its configuration.
    pub config: Arc<crate::topic::TopicConfig>,
}

/// Changes of one topic's configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AlterConfig {
    /// The topic.
    pub topic: String,
    /// Whether everything not named falls back to its default first (`AlterConfigs`), or stays
    /// (`IncrementalAlterConfigs`).
    pub replace: bool,
    /// The changes, in order.
    pub changes: Vec<ConfigChange>,
}

/// One batch for one partition.
#[derive(Clone, Debug)]
pub struct Append {
    /// The topic.
    pub topic: Arc<Topic>,
    /// The partition's index.
    pub partition: i32,
    /// Exactly one record batch, as the producer sent it.
    pub batch: BytesMut,
}

/// A batch that was stored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct AppendedBatch {
    /// The offset of its first record.
    pub base_offset: u64,
    /// The timestamp the broker gave it, if the topic has log append time.
    pub log_append_time_ms: Option<i64>,
    /// The first offset of the partition.
    pub log_start_offset: u64,
}

/// An idempotent producer's identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ProducerIdentity {
    /// Its id.
    pub id: i64,
    /// Its epoch.
    pub epoch: i16,
}

/// A batch that passed all checks that need no state, with where it goes.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) log: LogId,
    pub(crate) header: BatchHeader,
    pub(crate) batch: BytesMut,
    pub(crate) durability: forebay_storage::Durability,
    pub(crate) log_append_time_ms: Option<i64>,
}

pub(crate) type AppendResults = Vec<Result<AppendedBatch, AppendError>>;
pub(crate) type TopicResults<T> = Vec<Result<T, TopicError>>;
pub(crate) type PublishResults = Vec<Result<Published, PublishError>>;
pub(crate) type HostResult = Result<HostReply, HostError>;
pub(crate) type DeleteRecordsResults = Vec<Result<u64, DeleteRecordsError>>;

#[derive(Debug)]
pub(crate) enum Command {
    Append {
        batches: Vec<Result<Prepared, AppendError>>,
        answer: oneshot::Sender<AppendResults>,
    },
    CreateTopics {
        topics: Vec<(NewTopic, Uuid)>,
        validate_only: bool,
        answer: oneshot::Sender<TopicResults<CreatedTopic>>,
    },
    /// A topic of one partition, for a name among the queues.
    CreateStream {
        stream: StreamName,
        made_as: MadeAs,
        configs: Values,
        id: Uuid,
        answer: oneshot::Sender<Result<CreatedTopic, TopicError>>,
    },
    DeleteTopics {
        topics: Vec<TopicRef>,
        /// How many partitions they have, as far as whoever asks can see.
        partitions: usize,
        answer: oneshot::Sender<TopicResults<(TopicName, Uuid)>>,
    },
    CreatePartitions {
        topic: String,
        total: usize,
        validate_only: bool,
        answer: oneshot::Sender<Result<(), TopicError>>,
    },
    AlterConfigs {
        changes: Vec<AlterConfig>,
        validate_only: bool,
        answer: oneshot::Sender<TopicResults<()>>,
    },
    DeleteRecords {
        /// Topic, partition, and the first offset to keep; none keeps nothing.
        positions: Vec<(Arc<Topic>, i32, Option<u64>)>,
        answer: oneshot::Sender<DeleteRecordsResults>,
    },
    Publish {
        virtual_host: VirtualHostId,
        messages: Vec<Publication>,
        /// Each goes to one queue, and its publisher is told where it is.
        tells_positions: bool,
        answer: oneshot::Sender<PublishResults>,
    },
    Host {
        virtual_host: VirtualHostId,
        command: HostCommand,
        answer: oneshot::Sender<HostResult>,
    },
    Access {
        changes: Vec<AccessChange>,
        /// How many logs go with virtual hosts, as far as whoever asks can see.
        logs: usize,
        answer: oneshot::Sender<Result<(), AccessError>>,
    },
    InitProducer {
        answer: oneshot::Sender<ProducerIdentity>,
    },
    Group {
        command: GroupCommand,
        answer: oneshot::Sender<GroupReply>,
    },
}

impl shard::Command for Command {
    fn batch_bytes(&self) -> usize {
        match self {
            Self::Append { batches, .. } => batches
                .iter()
                .flatten()
                .map(|prepared| prepared.batch.len() + 64)
                .sum(),
            Self::CreateTopics { topics, .. } => topics
                .iter()
                .map(|(topic, _)| {
                    let partitions = topic.partitions.unwrap_or(1);
                    created_bytes(partitions, topic.name.len(), &topic.configs)
                })
                .sum(),
            Self::CreateStream {
                stream, configs, ..
            } => created_bytes(1, 2 * stream.queue.len() + VIRTUAL_HOST_NAME_BYTES, configs),
            Self::CreatePartitions { total, .. } => logs_bytes(*total),
            Self::AlterConfigs { changes, .. } => changes
                .iter()
                .flat_map(|change| &change.changes)
                .map(ConfigChange::bytes)
                .sum(),
            Self::Group { command, .. } => command.stored_bytes(),
            Self::DeleteTopics {
                topics, partitions, ..
            } => LOG_RECORD_BYTES * (topics.len() + partitions),
            Self::DeleteRecords { positions, .. } => LOG_RECORD_BYTES * positions.len(),
            // What routing multiplies is looked at when it is known.
            Self::Publish { .. } | Self::InitProducer { .. } => 0,
            Self::Host { command, .. } => command.stored_bytes(),
            Self::Access { changes, logs, .. } => {
                let changes = changes.iter().map(AccessChange::stored_bytes);
                // Its log and its topic.
                changes.sum::<usize>() + 2 * LOG_RECORD_BYTES * logs
            }
        }
    }

    fn is_essential(&self) -> bool {
        match self {
            Self::Append { .. }
            | Self::CreateTopics { .. }
            | Self::CreateStream { .. }
            | Self::CreatePartitions { .. } => false,
            Self::Host { command, .. } => command.is_essential(),
            Self::Access { changes, .. } => changes.iter().all(AccessChange::is_essential),
            _ => true,
        }
    }

    fn is_quick(&self) -> bool {
        match self {
            Self::Append { .. } | Self::Publish { .. } | Self::InitProducer { .. } => true,
            Self::Host { command, .. } => command.is_quick(),
            _ => false,
        }
    }
}

/// What a record of the journal about a log takes, and its id in an event.
const LOG_RECORD_BYTES: usize = 64;

/// What a virtual host adds to the name of a topic, which is refused if it is longer than topics' names are.
const VIRTUAL_HOST_NAME_BYTES: usize = TOPIC_NAME_BYTES_MAX;

fn created_bytes(partitions: usize, name_bytes: usize, configs: &Values) -> usize {
    let values = configs.iter();
    let configs: usize = values.map(|(name, value)| name.len() + value.len()).sum();
    logs_bytes(partitions) + 64 + name_bytes + configs
}

/// A log costs a record of the journal, and its id in the event. More than the limit is refused, and
/// then costs nothing.
fn logs_bytes(partitions: usize) -> usize {
    LOG_RECORD_BYTES * partitions.min(TOPIC_PARTITIONS_MAX)
}

impl Command {
    /// Answers that the medium is full. Dropping an answer says that the broker is stopping, which
    /// clients also try again.
    pub(crate) fn refuse(self) {
        match self {
            Self::Append { batches, answer } => {
                let refused = batches.into_iter().map(|prepared| match prepared {
                    Ok(_) => Err(AppendError::StorageFull),
                    Err(error) => Err(error),
                });
                let _ = answer.send(refused.collect());
            }
            Self::CreateTopics { topics, answer, .. } => {
                let refused = topics.iter().map(|_| Err(TopicError::StorageFull));
                let _ = answer.send(refused.collect());
            }
            Self::CreateStream { answer, .. } => {
                let _ = answer.send(Err(TopicError::StorageFull));
            }
            Self::CreatePartitions { answer, .. } => {
                let _ = answer.send(Err(TopicError::StorageFull));
            }
            Self::Host { answer, .. } => {
                let _ = answer.send(Err(HostError::StorageFull));
            }
            Self::Publish {
                messages, answer, ..
            } => {
                let refused = messages.iter().map(|_| Err(PublishError::StorageFull));
                let _ = answer.send(refused.collect());
            }
            Self::Access { answer, .. } => {
                let _ = answer.send(Err(AccessError::StorageFull));
            }
            Self::DeleteTopics { .. }
            | Self::AlterConfigs { .. }
            | Self::DeleteRecords { .. }
            | Self::InitProducer { .. }
            | Self::Group { .. } => {}
        }
    }
}

/// An answer with the way back to who asked. Dropped, it says that nothing was promised.
#[derive(Debug)]
pub(crate) enum Answer {
    Append(oneshot::Sender<AppendResults>, AppendResults),
    CreateTopics(
        oneshot::Sender<TopicResults<CreatedTopic>>,
        TopicResults<CreatedTopic>,
    ),
    CreateStream(
        oneshot::Sender<Result<CreatedTopic, TopicError>>,
        Result<CreatedTopic, TopicError>,
    ),
    DeleteTopics(
        oneshot::Sender<TopicResults<(TopicName, Uuid)>>,
        TopicResults<(TopicName, Uuid)>,
    ),
    CreatePartitions(
        oneshot::Sender<Result<(), TopicError>>,
        Result<(), TopicError>,
    ),
    AlterConfigs(oneshot::Sender<TopicResults<()>>, TopicResults<()>),
    DeleteRecords(oneshot::Sender<DeleteRecordsResults>, DeleteRecordsResults),
    Publish(oneshot::Sender<PublishResults>, PublishResults),
    Host(oneshot::Sender<HostResult>, HostResult),
    Access(
        oneshot::Sender<Result<(), AccessError>>,
        Result<(), AccessError>,
    ),
    Notice(NoticeSender, Notice),
    Received(oneshot::Sender<Received>, Received),
    InitProducer(oneshot::Sender<ProducerIdentity>, ProducerIdentity),
    Group(oneshot::Sender<GroupReply>, GroupReply),
}

impl Answer {
    /// Sends it, unless what it promises did not become durable. Nobody may be there any more to
    /// take it, which is no concern of ours.
    pub(crate) fn send(self, durable: bool) {
        if !durable {
            return;
        }
        match self {
            Self::Append(to, results) => drop(to.send(results)),
            Self::CreateTopics(to, results) => drop(to.send(results)),
            Self::CreateStream(to, result) => drop(to.send(result)),
            Self::DeleteTopics(to, results) => drop(to.send(results)),
            Self::CreatePartitions(to, result) => drop(to.send(result)),
            Self::AlterConfigs(to, results) => drop(to.send(results)),
            Self::DeleteRecords(to, results) => drop(to.send(results)),
            Self::Publish(to, results) => drop(to.send(results)),
            Self::Host(to, result) => drop(to.send(result)),
            Self::Access(to, result) => drop(to.send(result)),
            Self::Notice(to, notice) => drop(to.send(notice)),
            Self::Received(to, received) => drop(to.send(received)),
            Self::InitProducer(to, identity) => drop(to.send(identity)),
            Self::Group(to, reply) => drop(to.send(reply)),
        }
    }
}
