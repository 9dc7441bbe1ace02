//! What the clients were promised and what they saw, held against what a restart brings back.
//!
//! Every value is written once and numbered, so a value says who sent it and when. The ledger outlives
//! the broker's lives; a broken promise is a panic that says what was promised.

mod check;
mod commits;
mod followed;
mod history;
mod queues;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::AddAssign;

use uuid::Uuid;

pub use check::{Found, FoundPartition};
pub use commits::{CommitKey, Commits};
pub use followed::{FollowedLedger, Forwarded};
pub use history::{History, Span};
pub use queues::{Key, Look, QueuesLedger, Route, Sighting};

/// How a life ended, as far as durability is concerned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Death {
    /// The process ended, whatever it had written is there.
    #[default]
    Kill,
    /// What was not synced may be gone.
    PowerCut,
}

/// What a topic promises.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Durability `fsync`, keeps everything.
    Kept,
    /// Durability `os`.
    Os,
    /// Durability `memory`.
    Memory,
    /// Durability `fsync`; clients delete records from the front.
    Trimmed,
    /// Durability `fsync`, with `retention.ms`.
    Aged,
    /// Durability `fsync`, compacted by key.
    Compacted,
}

/// A partition of a topic that existed at some time.
pub type Place = (Uuid, i32);

/// Everything that was promised.
#[derive(Debug, Default)]
pub struct Ledger {
    /// Topics by id; a deleted one stays here.
    pub topics: BTreeMap<Uuid, TopicLedger>,
    /// Names whose creation was asked for and not answered, with what was asked.
    pub maybe_created: BTreeMap<String, (Kind, usize)>,
    /// What consumers committed.
    pub commits: Commits,
    /// Producer ids given out.
    pub producer_ids: BTreeSet<i64>,
    /// Generations of groups: the newest, and who was assigned which partition in it.
    generations: BTreeMap<String, Generation>,
    /// What was promised of queues.
    pub queues: QueuesLedger,
    /// What was forwarded from topics to a queue.
    pub followed: FollowedLedger,
    /// The run as the checkers see it.
    pub history: History,
    next_value: u64,
    /// Totals, for the report.
    pub counts: Counts,
}

#[derive(Debug, Default)]
struct Generation {
    newest: i32,
    owners: BTreeMap<(i32, u8), String>,
}

/// What a run did.
#[derive(Clone, Copy, Debug, Default)]
#[allow(missing_docs, reason = "each name says it")]
pub struct Counts {
    pub acknowledged: u64,
    pub unknown: u64,
    pub refused: u64,
    pub read: u64,
    pub commits: u64,
    pub recovered: u64,
    pub lost_as_allowed: u64,
    pub published: u64,
    pub delivered: u64,
    pub looked_at: u64,
    pub forwarded: u64,
}

impl AddAssign for Counts {
    fn add_assign(&mut self, other: Self) {
        self.acknowledged += other.acknowledged;
        self.unknown += other.unknown;
        self.refused += other.refused;
        self.read += other.read;
        self.commits += other.commits;
        self.recovered += other.recovered;
        self.lost_as_allowed += other.lost_as_allowed;
        self.published += other.published;
        self.delivered += other.delivered;
        self.looked_at += other.looked_at;
        self.forwarded += other.forwarded;
    }
}

/// One topic.
#[derive(Debug)]
pub struct TopicLedger {
    /// Its name.
    pub name: String,
    /// What it promises.
    pub kind: Kind,
    /// Whether it is there.
    pub presence: Presence,
    /// Its partitions.
    pub partitions: Vec<PartitionLedger>,
}

/// Whether a topic is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Presence {
    /// It is.
    Exists,
    /// Its deletion was asked for and not answered.
    MaybeDeleted,
    /// It is not.
    Deleted,
}

/// One partition.
#[derive(Debug, Default)]
pub struct PartitionLedger {
    /// Every value sent to it, by number.
    pub sent: BTreeMap<u64, Sent>,
    /// What is known to be at an offset, because a producer was told so or a consumer read it.
    pub at: BTreeMap<u64, u64>,
    /// Where each value is, as far as known.
    pub offset_of: BTreeMap<u64, u64>,
    /// No start below this any more: a deletion was answered, or retention was seen.
    pub start_least: u64,
    /// Nobody asked for a start above this.
    pub start_most: u64,
}

/// A value that was sent.
#[derive(Clone, Copy, Debug)]
pub struct Sent {
    /// By whom.
    pub producer: u32,
    /// Its key.
    pub key: u64,
    /// Its timestamp.
    pub timestamp: i64,
    /// The broker said that it did not take it.
    pub refused: bool,
    /// The broker said that it has it: at which offset, and in which life.
    pub acknowledged: Option<(u64, u32)>,
    /// From the first attempt to the answer.
    pub span: Span,
}

impl Ledger {
    /// The number of a new value.
    pub fn number(&mut self) -> u64 {
        self.next_value += 1;
        self.next_value
    }

    /// A topic was created.
    pub fn created(&mut self, id: Uuid, name: &str, kind: Kind, partitions: usize) {
        self.maybe_created.remove(name);
        self.topics.entry(id).or_insert_with(|| TopicLedger {
            name: name.to_owned(),
            kind,
            presence: Presence::Exists,
            partitions: (0..partitions)
                .map(|_| PartitionLedger::default())
                .collect(),
        });
    }

    /// The partition, if it is known.
    pub fn partition(&mut self, place: Place) -> Option<&mut PartitionLedger> {
        let topic = self.topics.get_mut(&place.0)?;
        topic.partitions.get_mut(place.1 as usize)
    }

    /// A value is on its way.
    pub fn sent(&mut self, place: Place, value: u64, sent: Sent) {
        if let Some(partition) = self.partition(place) {
            partition.sent.insert(value, sent);
        }
    }

    /// The broker took values, the first at `base`.
    pub fn acknowledged(&mut self, place: Place, values: &[u64], base: u64, at: u64) {
        let life = self.history.life();
        self.counts.acknowledged += values.len() as u64;
        if let Some(partition) = self.partition(place) {
            for (value, offset) in values.iter().zip(base..) {
                partition.learn(place, offset, *value, "acknowledged");
                if let Some(sent) = partition.sent.get_mut(value) {
                    sent.acknowledged = Some((offset, life));
                    sent.span.completed = at;
                }
            }
        }
    }

    /// The broker said that it did not take values.
    pub fn refused(&mut self, place: Place, values: &[u64], at: u64) {
        self.counts.refused += values.len() as u64;
        if let Some(partition) = self.partition(place) {
            for value in values {
                if let Some(sent) = partition.sent.get_mut(value) {
                    sent.refused = true;
                    sent.span.completed = at;
                }
            }
        }
    }

    /// A member was assigned partitions. Only now is the generation stored (Kafka's
    /// GroupCoordinator does it at the leader's SyncGroup, too): one whose members have only joined
    /// may be given out again after a crash.
    pub fn assigned(&mut self, group: &str, generation: i32, member: &str, partitions: &[u8]) {
        let known = self.generations.entry(group.to_owned()).or_default();
        // A group without members and offsets is forgotten, and begins anew.
        assert!(
            generation >= known.newest || !self.commits.any_answered(group),
            "{group}: generation {generation} after {}",
            known.newest
        );
        if generation < known.newest {
            known.owners.clear();
        }
        known.newest = generation;
        for partition in partitions {
            let owner = known.owners.entry((generation, *partition));
            let owner = owner.or_insert_with(|| member.to_owned());
            assert_eq!(
                owner, member,
                "{group}: partition {partition} has two owners in generation {generation}"
            );
        }
    }

    /// A consumer read a value.
    fn read(&mut self, place: Place, offset: u64, value: u64) {
        self.counts.read += 1;
        if let Some(partition) = self.partition(place) {
            partition.learn(place, offset, value, "read");
        }
    }
}

impl PartitionLedger {
    /// A value is at an offset, once and for all.
    fn learn(&mut self, place: Place, offset: u64, value: u64, how: &str) {
        let Some(sent) = self.sent.get(&value) else {
            panic!("{place:?}: value {value} is {how} at {offset}, and nobody sent it");
        };
        assert!(
            !sent.refused,
            "{place:?}: value {value} is {how} at {offset}, and was refused"
        );
        if let Some(other) = self.at.insert(offset, value) {
            assert_eq!(
                other, value,
                "{place:?}: at offset {offset} was {other}, and now {value} is {how}"
            );
        }
        if let Some(other) = self.offset_of.insert(value, offset) {
            assert_eq!(
                other, offset,
                "{place:?}: value {value} was at {other}, and now is {how} at {offset}"
            );
        }
    }
}
