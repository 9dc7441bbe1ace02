//! What a restart brings back, against what was promised.

use std::collections::{BTreeMap, BTreeSet};

use uuid::Uuid;

use super::history::Span;
use super::{Death, Kind, Ledger, PartitionLedger, Place, Presence};

/// A record as it was read: offset, value, and the timestamp it carries.
pub type Found = (u64, u64);

/// One partition as a restart shows it.
#[derive(Debug)]
pub struct FoundPartition {
    /// Its first offset.
    pub start: u64,
    /// The offset after its last record.
    pub end: u64,
    /// Its records in order; None where damage kept them from being read.
    pub records: Option<Vec<Found>>,
    /// When it was read.
    pub span: Span,
}

impl Ledger {
    /// The topics that are there after a restart: id, name, number of partitions.
    pub fn check_topics(&mut self, found: &[(Uuid, String, usize)]) {
        for (id, name, partitions) in found {
            if let Some(topic) = self.topics.get_mut(id) {
                assert_ne!(
                    topic.presence,
                    Presence::Deleted,
                    "topic {name} was deleted and is back"
                );
                assert!(
                    *partitions >= topic.partitions.len(),
                    "topic {name} lost partitions"
                );
                topic.presence = Presence::Exists;
                topic
                    .partitions
                    .resize_with(*partitions, PartitionLedger::default);
            } else {
                let Some((kind, _)) = self.maybe_created.get(name).copied() else {
                    panic!("topic {name} is there and nobody created it");
                };
                self.created(*id, name, kind, *partitions);
            }
        }
        let found: BTreeSet<Uuid> = found.iter().map(|(id, _, _)| *id).collect();
        for (id, topic) in &mut self.topics {
            if !found.contains(id) {
                assert_ne!(
                    topic.presence,
                    Presence::Exists,
                    "topic {} is lost",
                    topic.name
                );
                topic.presence = Presence::Deleted;
            }
        }
        self.maybe_created.clear();
    }

    /// Holds a partition against its promises. What is found counts from now on as promised.
    pub fn check_partition(
        &mut self,
        place: Place,
        death: Death,
        oldest_kept_ms: i64,
        found: &FoundPartition,
    ) {
        self.drained(place, found);
        let Some(topic) = self.topics.get_mut(&place.0) else {
            return;
        };
        let kind = topic.kind;
        let name = format!("{}-{}", topic.name, place.1);
        let partition = &mut topic.partitions[place.1 as usize];
        let promise = Promise {
            name: &name,
            kind,
            death,
            oldest_kept_ms,
        };
        self.counts.lost_as_allowed += partition.forgive(&promise, found);
        let Some(records) = &found.records else {
            return;
        };
        partition.check_order(&name, kind, found, records);
        partition.check_start(&promise, found.start);
        partition.check_kept(&promise, found, records);
        for (offset, value) in records {
            partition.learn(place, *offset, *value, "found");
        }
        self.counts.recovered += records.len() as u64;
    }
}

/// What is known about a partition that is checked.
struct Promise<'a> {
    name: &'a str,
    kind: Kind,
    death: Death,
    /// Records with a timestamp from here on are younger than the retention.
    oldest_kept_ms: i64,
}

impl PartitionLedger {
    /// Offsets are dense, no value is there twice, and each producer's values are in the order sent.
    fn check_order(&self, name: &str, kind: Kind, found: &FoundPartition, records: &[Found]) {
        let mut seen = BTreeSet::new();
        let mut newest: BTreeMap<u32, u64> = BTreeMap::new();
        let mut next = found.start;
        for (offset, value) in records {
            if kind == Kind::Compacted {
                assert!(*offset >= next, "{name}: offset {offset} after {next}");
            } else {
                assert_eq!(*offset, next, "{name}: a hole before offset {offset}");
            }
            next = offset + 1;
            assert!(
                seen.insert(*value),
                "{name}: value {value} is there twice, again at {offset}"
            );
            let Some(sent) = self.sent.get(value) else {
                panic!("{name}: value {value} at {offset} was never sent");
            };
            let before = newest.insert(sent.producer, *value);
            assert!(
                before.is_none_or(|before| before < *value),
                "{name}: value {value} at {offset} comes after {before:?} of the same producer"
            );
        }
        if kind == Kind::Compacted {
            assert!(next <= found.end, "{name}: records beyond the end");
        } else {
            assert_eq!(
                next, found.end,
                "{name}: the end is not after the last record"
            );
        }
    }

    fn check_start(&mut self, promise: &Promise<'_>, start: u64) {
        let name = promise.name;
        let least = self.start_least;
        if promise.kind == Kind::Memory {
            return;
        }
        assert!(
            start >= least,
            "{name}: records before {least} are back, the start is {start}"
        );
        match promise.kind {
            Kind::Trimmed => {
                let most = self.start_most;
                assert!(
                    start <= most,
                    "{name}: the start is {start}, nobody asked for more than {most}"
                );
            }
            Kind::Aged => {
                let young = self.at.range(..start).find(|(_, value)| {
                    let sent = self.sent.get(value);
                    sent.is_some_and(|sent| sent.timestamp >= promise.oldest_kept_ms)
                });
                assert!(
                    young.is_none(),
                    "{name}: {young:?} is gone before its retention, the start is {start}"
                );
            }
            Kind::Kept | Kind::Os | Kind::Memory | Kind::Compacted => {
                assert_eq!(start, 0, "{name}: nobody asked for a start");
            }
        }
        self.start_least = start;
        self.at = self.at.split_off(&start);
    }

    /// Forgets what this death may take at the topic's durability; returns how much that was.
    fn forgive(&mut self, promise: &Promise<'_>, found: &FoundPartition) -> u64 {
        let from = match (promise.kind, promise.death) {
            (Kind::Memory, _) => 0,
            // Only a tail may be gone.
            (Kind::Os, Death::PowerCut) => found.end,
            _ => return 0,
        };
        let lost = self.at.split_off(&from);
        for value in lost.values() {
            self.offset_of.remove(value);
        }
        lost.len() as u64
    }

    /// Everything that is promised is found where it was promised.
    fn check_kept(&self, promise: &Promise<'_>, found: &FoundPartition, records: &[Found]) {
        let name = promise.name;
        let records: BTreeMap<u64, u64> = records.iter().copied().collect();
        let mut newest_of_key = BTreeMap::new();
        if promise.kind == Kind::Compacted {
            let all = self.at.iter().chain(&records);
            for (offset, value) in all {
                let key = self.sent.get(value).map(|sent| sent.key);
                let newest: &mut u64 = newest_of_key.entry(key).or_default();
                *newest = (*newest).max(*offset);
            }
        }
        for (offset, value) in &self.at {
            let sent = self.sent.get(value);
            let key = sent.map(|sent| sent.key);
            if newest_of_key
                .get(&key)
                .is_some_and(|newest| newest > offset)
            {
                continue;
            }
            let acknowledged = sent.is_some_and(|sent| sent.acknowledged.is_some());
            let how = if acknowledged { "acknowledged" } else { "read" };
            assert!(
                records.get(offset) == Some(value),
                "{name}: value {value} was {how} at {offset}, and there is {:?} (start {}, end {})",
                records.get(offset),
                found.start,
                found.end
            );
        }
    }
}
