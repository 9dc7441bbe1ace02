//! What FIFO topics took lately, so that what is published again goes nowhere again.
//!
//! It is remembered in memory: after a restart the queues that a topic goes to still know what they took, so that none
//! of them is given a message twice.

use std::collections::{HashMap, VecDeque};

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
    /// In the order in which they are forgotten.
    order: VecDeque<(i64, Key)>,
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
        if let Some(earlier) = remembered.by_key.get(key) {
            return Err(earlier.clone());
        }
        let (sender, outcome) = watch::channel(None);
        let entry = Earlier {
            stamp: stamp.clone(),
            outcome,
        };
        remembered.by_key.insert(key.clone(), entry);
        let until = stamp.timestamp_ms + SNS_DEDUPLICATION_MS;
        remembered.order.push_back((until, key.clone()));
        Ok(sender)
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

impl Remembered {
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
