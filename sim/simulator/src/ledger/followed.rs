//! What a queue is given that is subscribed to topics: every record once, in the order of its partition.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::{Kind, Ledger, Place, Presence};

/// What is known of the queue.
#[derive(Debug, Default)]
pub struct FollowedLedger {
    /// The queue is there.
    pub declared: bool,
    /// The topics that it is surely subscribed to, from their beginning on.
    pub topics: BTreeSet<Uuid>,
    /// Where in the queue each value came.
    given: BTreeMap<u64, u64>,
    /// Values that nobody has taken out of it.
    kept: BTreeSet<u64>,
}

/// A message of the queue.
#[derive(Clone, Copy, Debug)]
pub struct Forwarded {
    /// Its offset in the queue.
    pub queue_offset: u64,
    /// The partition that it comes from.
    pub partition: i32,
    /// Its offset there.
    pub offset: u64,
    /// Which value it is.
    pub value: u64,
}

impl FollowedLedger {
    /// Somebody takes everything out of it.
    pub fn purges(&mut self) {
        self.kept.clear();
    }
}

impl Ledger {
    /// Everything that is in the queue. With `complete` it has been given all there is.
    pub fn forwarded(&mut self, found: &[Forwarded], complete: bool) {
        let mut last: BTreeMap<Place, u64> = BTreeMap::new();
        let mut there = BTreeSet::new();
        for message in found {
            let Some((place, kind)) = self.sent_to(message) else {
                panic!("nobody sent what was forwarded: {message:?}");
            };
            // What may be lost may be sent again.
            if matches!(kind, Kind::Os | Kind::Memory) {
                continue;
            }
            there.insert(message.value);
            let given = self
                .followed
                .given
                .insert(message.value, message.queue_offset);
            assert!(
                given.is_none_or(|given| given == message.queue_offset),
                "value {} of {place:?} was forwarded twice: at {given:?} and {}",
                message.value,
                message.queue_offset
            );
            if let Some(partition) = self.partition(place) {
                partition.learn(place, message.offset, message.value, "forwarded");
            }
            let before = last.insert(place, message.offset);
            assert!(
                before.is_none_or(|before| before < message.offset),
                "{place:?}: {} was forwarded after {before:?}",
                message.offset
            );
        }
        let lost = self.followed.kept.difference(&there).next();
        assert_eq!(lost, None, "a value that was forwarded is lost");
        self.followed.kept = there;
        self.counts.forwarded += found.len() as u64;
        if complete {
            self.check_complete();
        }
    }

    /// The partition that a value was sent to.
    fn sent_to(&self, message: &Forwarded) -> Option<(Place, Kind)> {
        let mut topics = self.topics.iter();
        topics.find_map(|(id, topic)| {
            let partition = topic.partitions.get(message.partition as usize)?;
            let was_sent = partition.sent.contains_key(&message.value);
            was_sent.then_some(((*id, message.partition), topic.kind))
        })
    }

    fn check_complete(&self) {
        for id in &self.followed.topics {
            let Some(topic) = self.topics.get(id) else {
                continue;
            };
            // What is deleted, cut from the front, expired or compacted may never come.
            if topic.kind != Kind::Kept || topic.presence != Presence::Exists {
                continue;
            }
            for (index, partition) in topic.partitions.iter().enumerate() {
                let missing = partition
                    .at
                    .iter()
                    .find(|(_, value)| !self.followed.given.contains_key(value));
                assert_eq!(
                    missing, None,
                    "{} {index}: this offset and value was never forwarded",
                    topic.name
                );
            }
        }
    }
}
