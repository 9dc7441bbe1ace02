//! The log of a topic: everything that is published, which clients of Kafka read as the topic of the same name.
//!
//! A topic of SNS and a topic of Kafka of one name are one object, whoever made it first. One that SNS made is no stream
//! among the queues, so that queues may be called like the topics that they are subscribed to; it goes with its topic.
//! Kafka names topics of the default account and region only, so others have no log.
//!
//! | module | what it is |
//! |---|---|
//! | `record` | a message as the log has it, and read again |
//! | `read` | the messages of a log, a part at a time |
//! | `recall` | what a FIFO topic took before a restart |

mod read;
mod recall;
mod record;

use std::collections::BTreeMap;
use std::fmt::Display;
use std::sync::Arc;

use forebay_broker::host::VirtualHostId;
use forebay_broker::storage::ReadError;
use forebay_broker::topic::config::ConfigChange;
use forebay_broker::{AlterConfig, NewTopic, TopicError, TopicRef};
use uuid::Uuid;

pub(super) use self::read::page;
pub(super) use self::record::{Logged, MESSAGE_ID, publication};
use super::operations::archive_days;
use super::topic::{FIFO_SUFFIX, Topic};
use super::{Sns, SnsError};

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;
/// How long records are kept.
const RETENTION: &str = "retention.ms";
/// The longest name of a topic of Kafka. SNS's may be a little longer.
const NAME_BYTES_MAX: usize = 249;

impl Sns {
    /// Whether a topic could have a log, and does not.
    pub(super) fn lacks_log(&self, host: VirtualHostId, name: &str) -> bool {
        let can_have_one = host == VirtualHostId::DEFAULT && name.len() <= NAME_BYTES_MAX;
        can_have_one && self.broker.topic(name).is_none()
    }

    /// Makes the log of a topic, if it can have one and does not. Returns the id of what was made.
    pub(super) async fn make_log(
        &self,
        host: VirtualHostId,
        name: &str,
    ) -> Result<Option<Uuid>, SnsError> {
        if !self.lacks_log(host, name) {
            return Ok(None);
        }
        let apart = ("forebay.stream".to_owned(), "false".to_owned());
        let log = NewTopic {
            name: name.to_owned(),
            // One is in order; of others the operator says how many they are.
            partitions: name.ends_with(FIFO_SUFFIX).then_some(1),
            configs: BTreeMap::from([apart]),
        };
        match self.broker.create_topics(vec![log], false).await.pop() {
            Some(Ok(created)) => Ok(Some(created.id)),
            // Somebody was quicker.
            Some(Err(TopicError::Exists(_))) => Ok(None),
            Some(Err(error)) => Err(error.into()),
            None => Err(TopicError::Stopped.into()),
        }
    }

    /// The log of a topic, if it has one.
    pub(super) fn log_of(&self, topic: &Topic) -> Option<Arc<forebay_broker::topic::Topic>> {
        match topic.virtual_host {
            VirtualHostId::DEFAULT => self.broker.topic(&topic.name),
            _ => None,
        }
    }

    /// Deletes the log that was made for a topic, if that is the one that is there.
    pub(super) async fn delete_log(&self, id: Uuid) -> Result<(), SnsError> {
        match self
            .broker
            .delete_topics(vec![TopicRef::Id(id)])
            .await
            .pop()
        {
            Some(Ok(_) | Err(TopicError::Unknown(_))) => Ok(()),
            Some(Err(error)) => Err(error.into()),
            None => Err(TopicError::Stopped.into()),
        }
    }

    /// Has the log of a topic kept for as long as its policy says, or as long as others if it has none.
    pub(super) async fn archive(
        &self,
        host: VirtualHostId,
        topic: &str,
        policy: Option<&str>,
    ) -> Result<(), SnsError> {
        let change = match policy {
            Some(policy) => {
                let days = archive_days(policy).map_err(SnsError::invalid)?;
                self.check_archive(host, topic)?;
                let kept_ms = u64::from(days) * MS_PER_DAY;
                ConfigChange::Set(RETENTION.to_owned(), kept_ms.to_string())
            }
            None => ConfigChange::Delete(RETENTION.to_owned()),
        };
        let alter = AlterConfig {
            topic: topic.to_owned(),
            replace: false,
            changes: vec![change],
        };
        match self.broker.alter_configs(vec![alter], false).await.pop() {
            Some(Ok(())) => Ok(()),
            Some(Err(TopicError::Unknown(_))) if policy.is_none() => Ok(()),
            Some(Err(error)) => Err(error.into()),
            None => Err(TopicError::Stopped.into()),
        }
    }

    /// Whether a topic's log can be its archive.
    fn check_archive(&self, host: VirtualHostId, topic: &str) -> Result<(), SnsError> {
        let refuse = |why: &str| Err(SnsError::parameter("ArchivePolicy", why));
        if host != VirtualHostId::DEFAULT {
            return refuse("topics are archived in the default account and region only");
        }
        match self.broker.topic(topic) {
            None => refuse("the topic of Kafka of this name, which is the archive, was deleted"),
            Some(log) if log.partitions.len() != 1 => refuse(
                "the topic of Kafka of this name has several partitions, which are in no order",
            ),
            Some(_) => Ok(()),
        }
    }
}

/// Reads a log where it may take its time.
pub(super) async fn blocking<T: Send + 'static>(
    read: impl FnOnce() -> Result<T, ReadError> + Send + 'static,
) -> Result<T, SnsError> {
    let failed = |why: &dyn Display| {
        SnsError::InternalError(format!("the topic's log cannot be read: {why}"))
    };
    let read = tokio::task::spawn_blocking(read).await;
    let read = read.map_err(|error| failed(&error))?;
    read.map_err(|error| failed(&error))
}
