//! What FIFO topics took lately, so that what is published again goes nowhere again.
//!
//! It is remembered in memory, and read from the log of a topic after a restart.

use std::collections::{HashMap, HashSet, VecDeque};

use parking_lot::Mutex;
use tokio::sync::watch;

use super::envelope::Stamp;
use crate::limits::{SNS_DEDUPLICATED_MAX, SNS_DEDUPLICATION_MS};

/// What a message is known by.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Key {
    pub(crate) topic_arn: String,
    /// If groups are told apart (`FifoThroughputScope` `MessageGroup`).
    pub(crate) group: Option<String>,
    pub(crate) id: String,
}

/// Whether it is stored; not said yet while it is on its way.
pub(crate) type Outcome = watch::Receiver<Option<bool>>;

/// What was published before.
#[derive(Clone, Debug)]
pub(crate) struct Earlier {
    pub(crate) stamp: Stamp,
    pub(crate) outcome: Outcome,
}

#[derive(Debug, Default)]
pub(crate) struct Deduplication {
    remembered: Mutex<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    by_key: HashMap<Key, Earlier>,
    /// About in the order in which they are forgotten.
    order: VecDeque<(i64, Key)>,
    /// ARNs of topics whose logs were read.
    recalled: HashSet<String>,
}

impl Deduplication {
    /// What was published under this key, or nothing: then it is remembered from now on, and the sender is to say
    /// whether it was stored.
    pub(crate) fn remember(
        &self,
        key: &Key,
        stamp: &Stamp,
    ) -> Result<watch::Sender<Option<bool>>, Earlier> {
        let mut remembered = self.remembered.lock();
        remembered.forget_until(stamp.timestamp_ms);
        let earlier = remembered.by_key.get(key);
        // What was recalled may be older than what is forgotten next.
        let is_known = |earlier: &&Earlier| until(&earlier.stamp) > stamp.timestamp_ms;
        if let Some(earlier) = earlier.filter(is_known) {
            return Err(earlier.clone());
        }
        let (sender, outcome) = watch::channel(None);
        remembered.insert(key.clone(), stamp.clone(), outcome);
        Ok(sender)
    }

    /// Whether what a topic took before this process began is remembered.
    pub(crate) fn is_recalled(&self, topic_arn: &str) -> bool {
        self.remembered.lock().recalled.contains(topic_arn)
    }

    /// It is from now on.
    pub(crate) fn recalled(&self, topic_arn: &str) {
        let mut remembered = self.remembered.lock();
        remembered.recalled.insert(topic_arn.to_owned());
    }

    /// A message was published, and stored, before this process began.
    pub(crate) fn recall(&self, key: Key, stamp: Stamp) {
        let (_, outcome) = watch::channel(Some(true));
        self.remembered.lock().insert(key, stamp, outcome);
    }

    /// It was not stored, and may be published again.
    pub(crate) fn forget(&self, key: &Key, message_id: &str) {
        let mut remembered = self.remembered.lock();
        let known = remembered.by_key.get(key);
        if known.is_some_and(|earlier| earlier.stamp.message_id == message_id) {
            remembered.by_key.remove(key);
        }
    }
}

/// When a message is forgotten.
fn until(stamp: &Stamp) -> i64 {
    stamp.timestamp_ms + SNS_DEDUPLICATION_MS
}

impl Remembered {
    fn insert(&mut self, key: Key, stamp: Stamp, outcome: Outcome) {
        self.order.push_back((until(&stamp), key.clone()));
        self.by_key.insert(key, Earlier { stamp, outcome });
    }

    fn forget_until(&mut self, now_ms: i64) {
        while let Some((until, _)) = self.order.front() {
            if *until > now_ms && self.order.len() < SNS_DEDUPLICATED_MAX {
                break;
            }
            let Some((until, key)) = self.order.pop_front() else {
                break;
            };
            // It may have been forgotten before, and remembered again.
            let since = until - SNS_DEDUPLICATION_MS;
            let known = self.by_key.get(&key);
            if known.is_some_and(|earlier| earlier.stamp.timestamp_ms == since) {
                self.by_key.remove(&key);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stamp(message_id: &str, timestamp_ms: i64) -> Stamp {
        Stamp {
            message_id: message_id.to_owned(),
            sequence_number: None,
            timestamp_ms,
        }
    }

    fn key(id: &str) -> Key {
        Key {
            topic_arn: "arn:aws:sns:us-east-1:000000000000:t.fifo".to_owned(),
            group: None,
            id: id.to_owned(),
        }
    }

    #[test]
    fn a_message_is_known_for_five_minutes() {
        let known = Deduplication::default();
        known.remember(&key("a"), &stamp("1", 0)).unwrap();
        let earlier = known.remember(&key("a"), &stamp("2", SNS_DEDUPLICATION_MS - 1));
        assert_eq!(earlier.unwrap_err().stamp.message_id, "1");
        known.remember(&key("b"), &stamp("3", 1)).unwrap();
        known
            .remember(&key("a"), &stamp("4", SNS_DEDUPLICATION_MS))
            .unwrap();
    }

    #[tokio::test]
    async fn what_is_recalled_is_forgotten_when_its_time_is_over() {
        let known = Deduplication::default();
        known.remember(&key("new"), &stamp("1", 1_000)).unwrap();
        known.recall(key("old"), stamp("2", 0));
        let earlier = known.remember(&key("old"), &stamp("3", 500)).unwrap_err();
        assert_eq!(earlier.stamp.message_id, "2");
        let stored = earlier
            .outcome
            .clone()
            .wait_for(Option::is_some)
            .await
            .map(|stored| *stored);
        assert_eq!(stored.unwrap(), Some(true));
        known
            .remember(&key("old"), &stamp("4", SNS_DEDUPLICATION_MS))
            .unwrap();
    }

    #[test]
    fn what_was_not_stored_may_come_again() {
        let known = Deduplication::default();
        known.remember(&key("a"), &stamp("1", 0)).unwrap();
        known.forget(&key("a"), "another");
        assert!(known.remember(&key("a"), &stamp("2", 1)).is_err());
        known.forget(&key("a"), "1");
        known.remember(&key("a"), &stamp("3", 2)).unwrap();
        // The first one's time is over, and not the third's.
        let earlier = known.remember(&key("a"), &stamp("4", SNS_DEDUPLICATION_MS + 1));
        assert_eq!(earlier.unwrap_err().stamp.message_id, "3");
    }
}
