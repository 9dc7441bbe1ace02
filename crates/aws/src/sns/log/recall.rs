//! What a FIFO topic took in the last minutes before a restart: its log knows.

use super::blocking;
use super::read::since;
use crate::limits::SNS_DEDUPLICATION_MS;
use crate::sns::deduplication::Key;
use crate::sns::topic::Topic;
use crate::sns::{Sns, SnsError};

impl Sns {
    /// Remembers what a topic took before this process began, and goes on after its last sequence number. The first
    /// time that something is published to the topic; later there is nothing to do.
    pub(in crate::sns) async fn recall(
        &self,
        topic: &Topic,
        sequence: &mut u64,
    ) -> Result<(), SnsError> {
        if self.deduplication.is_recalled(&topic.arn) {
            return Ok(());
        }
        let since_ms = self.broker.now().wall_ms - SNS_DEDUPLICATION_MS;
        for log in self.log_of(topic).iter().flat_map(|log| &log.partitions) {
            let log = log.clone();
            for logged in blocking(move || since(&log, since_ms)).await? {
                let number = logged.stamp.sequence_number.as_ref();
                let number = number.and_then(|number| number.parse::<u64>().ok());
                *sequence = number.unwrap_or_default().max(*sequence);
                let group = logged.message.group;
                let Some(id) = logged.message.deduplication else {
                    continue;
                };
                let key = Key {
                    topic_arn: topic.arn.clone(),
                    group: group.filter(|_| topic.deduplicates_by_group()),
                    id,
                };
                self.deduplication.recall(key, logged.stamp);
            }
        }
        self.deduplication.recalled(&topic.arn);
        Ok(())
    }
}
