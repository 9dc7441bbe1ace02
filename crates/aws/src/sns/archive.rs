//! The archive of a FIFO topic: its log, which clients of Kafka read as the topic of the same name.

use std::collections::BTreeMap;

use forebay_broker::host::VirtualHostId;
use forebay_broker::{NewTopic, TopicError};

use super::operations::archive_days;
use super::{Sns, SnsError};

const MS_PER_DAY: u64 = 24 * 60 * 60 * 1000;

impl Sns {
    /// Has a topic kept in a log, for as long as its policy says. A topic whose policy is taken away keeps its log:
    /// somebody may read it.
    pub(super) async fn archive(
        &self,
        host: VirtualHostId,
        topic: &str,
        policy: Option<&str>,
    ) -> Result<(), SnsError> {
        let Some(policy) = policy else {
            return Ok(());
        };
        let days = archive_days(policy).map_err(SnsError::invalid)?;
        if host != VirtualHostId::DEFAULT {
            let why = "topics are archived in the default account and region only";
            return Err(SnsError::parameter("ArchivePolicy", why));
        }
        let retention = (
            "retention.ms".to_owned(),
            (u64::from(days) * MS_PER_DAY).to_string(),
        );
        let log = NewTopic {
            name: topic.to_owned(),
            // One, which is in order.
            partitions: Some(1),
            configs: BTreeMap::from([retention]),
        };
        for created in self.broker.create_topics(vec![log], false).await {
            match created {
                Ok(_) | Err(TopicError::Exists(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }
}
