//! What the history says about one log: its records, who saw them where, and who read to the end.

use std::collections::HashMap;

use super::NameId;
use crate::history::{AcrossLives, Expectations, Outcome};

/// The number of a record within its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct RecordId(u32);

impl RecordId {
    pub(crate) fn index(self) -> usize {
        self.0 as usize
    }
}

/// A record that was sent, read or both.
#[derive(Debug, Default)]
pub(crate) struct Record {
    /// `None` for the tombstones of one key, which nothing tells apart.
    pub(crate) value: Option<Box<str>>,
    /// The first attempt to send it. A value has one at most; tombstones may have more.
    pub(crate) attempt: Option<Attempt>,
}

/// A send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Attempt {
    pub(crate) process: NameId,
    pub(crate) key: Option<NameId>,
    pub(crate) outcome: Outcome,
    /// Of the acknowledgement.
    pub(crate) offset: Option<u64>,
    pub(crate) sequence: Option<u64>,
    pub(crate) call: Option<u64>,
    pub(crate) life: u32,
    pub(crate) invoked: u64,
    pub(crate) completed: u64,
    pub(crate) line: u64,
}

impl Attempt {
    pub(crate) fn is_acknowledged(&self) -> bool {
        self.outcome == Outcome::Ok
    }

    /// Where the server said that it is.
    pub(crate) fn acknowledged_offset(&self) -> Option<u64> {
        self.offset.filter(|_| self.is_acknowledged())
    }

    /// Whether the same process sent `later` after this. Sends of one microsecond have no order
    /// unless they are numbered.
    pub(crate) fn was_sent_before(&self, later: &Self) -> bool {
        match (self.sequence, later.sequence) {
            (Some(one), Some(other)) => one < other,
            _ => self.invoked < later.invoked,
        }
    }
}

/// A record in the answer to a poll.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Read {
    pub(crate) record: RecordId,
    pub(crate) key: Option<NameId>,
    pub(crate) offset: u64,
    pub(crate) process: NameId,
    pub(crate) group: Option<NameId>,
    pub(crate) call: Option<u64>,
    pub(crate) life: u32,
    pub(crate) completed: u64,
    pub(crate) line: u64,
}

/// What moved a consumer's position, in the order of the history.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Step {
    Read(Read),
    Assigned {
        process: NameId,
        offset: Option<u64>,
    },
}

/// A reading from start to end.
#[derive(Clone, Copy, Debug)]
pub(crate) struct DrainFact {
    pub(crate) process: NameId,
    pub(crate) group: Option<NameId>,
    pub(crate) start: u64,
    pub(crate) end: u64,
    pub(crate) life: u32,
    pub(crate) invoked: u64,
    pub(crate) line: u64,
}

impl DrainFact {
    /// Whether `read` is part of this reading. In a log whose offsets may go to other records, what a
    /// process read in another life is no part of it.
    pub(crate) fn covers(&self, read: &Read, across: AcrossLives) -> bool {
        match self.group {
            Some(_) => read.group == self.group,
            None => {
                read.process == self.process
                    && (across == AcrossLives::Everything || read.life == self.life)
            }
        }
    }
}

/// Who says that a record is at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Witness {
    /// The acknowledgement of its send.
    Acknowledgement,
    /// A consumer.
    Reader(NameId),
}

/// Somebody learnt that a record is at an offset.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Sighting {
    pub(crate) offset: u64,
    pub(crate) record: RecordId,
    pub(crate) key: Option<NameId>,
    pub(crate) life: u32,
    pub(crate) witness: Witness,
    pub(crate) completed: u64,
    pub(crate) line: u64,
}

/// All about one log.
#[derive(Debug)]
pub(crate) struct LogFacts {
    pub(crate) name: NameId,
    pub(crate) expects: Expectations,
    pub(crate) records: Vec<Record>,
    pub(crate) steps: Vec<Step>,
    pub(crate) drains: Vec<DrainFact>,
    by_value: HashMap<Box<str>, RecordId>,
    tombstones: HashMap<Option<NameId>, RecordId>,
    /// Acknowledged tombstones: they share one record, and their attempts would hide each other.
    tombstone_attempts: Vec<(RecordId, Attempt)>,
}

impl LogFacts {
    pub(crate) fn new(name: NameId) -> Self {
        Self {
            name,
            expects: Expectations::default(),
            records: Vec::new(),
            steps: Vec::new(),
            drains: Vec::new(),
            by_value: HashMap::new(),
            tombstones: HashMap::new(),
            tombstone_attempts: Vec::new(),
        }
    }

    /// The record with this value, or the one that stands for the tombstones of this key.
    pub(crate) fn record(&mut self, key: Option<NameId>, value: Option<&str>) -> RecordId {
        let known = match value {
            Some(value) => self.by_value.get(value),
            None => self.tombstones.get(&key),
        };
        if let Some(id) = known {
            return *id;
        }
        let number = u32::try_from(self.records.len()).expect("a log has fewer than 2^32 records");
        let id = RecordId(number);
        self.records.push(Record {
            value: value.map(Into::into),
            attempt: None,
        });
        match value {
            Some(value) => self.by_value.insert(value.into(), id),
            None => self.tombstones.insert(key, id),
        };
        id
    }

    /// Takes in a send; answers the earlier one of the same value, which there must not be.
    pub(crate) fn attempted(&mut self, id: RecordId, attempt: Attempt) -> Option<Attempt> {
        let record = &mut self.records[id.index()];
        let is_tombstone = record.value.is_none();
        let earlier = record.attempt.filter(|_| !is_tombstone);
        record.attempt.get_or_insert(attempt);
        if is_tombstone {
            self.tombstone_attempts.push((id, attempt));
        }
        earlier
    }

    /// All sends: of values, then of tombstones.
    pub(crate) fn attempts(&self) -> impl Iterator<Item = (RecordId, &Attempt)> {
        let of_values = self
            .records
            .iter()
            .zip(0..)
            .filter(|(record, _)| record.value.is_some())
            .filter_map(|(record, id)| Some((RecordId(id), record.attempt.as_ref()?)));
        of_values.chain(self.tombstone_attempts.iter().map(|(id, a)| (*id, a)))
    }

    pub(crate) fn reads(&self) -> impl Iterator<Item = &Read> {
        self.steps.iter().filter_map(|step| match step {
            Step::Read(read) => Some(read),
            Step::Assigned { .. } => None,
        })
    }

    pub(crate) fn is_tombstone(&self, id: RecordId) -> bool {
        self.records[id.index()].value.is_none()
    }
}

/// What several rules ask about a log, worked out once.
#[derive(Debug)]
pub(crate) struct Known {
    /// By offset, then by record.
    pub(crate) sightings: Vec<Sighting>,
    /// The highest offset at which a record of each key was seen.
    last_of_key: HashMap<NameId, u64>,
    /// The furthest that the log's start has come; `None` if nobody has read the log to its end.
    start: Option<u64>,
    compacted: bool,
    start_advances: bool,
}

impl Known {
    pub(crate) fn of(log: &LogFacts) -> Self {
        let acknowledged = log.attempts().filter_map(|(record, attempt)| {
            Some(Sighting {
                offset: attempt.acknowledged_offset()?,
                record,
                key: attempt.key,
                life: attempt.life,
                witness: Witness::Acknowledgement,
                completed: attempt.completed,
                line: attempt.line,
            })
        });
        let read = log.reads().map(|read| Sighting {
            offset: read.offset,
            record: read.record,
            key: read.key,
            life: read.life,
            witness: Witness::Reader(read.process),
            completed: read.completed,
            line: read.line,
        });
        let mut sightings: Vec<_> = acknowledged.chain(read).collect();
        sightings.sort_unstable();
        let mut last_of_key = HashMap::new();
        if log.expects.compacted {
            // In ascending order of offsets: the last one stays.
            let keyed = sightings.iter().filter_map(|s| Some((s.key?, s.offset)));
            last_of_key.extend(keyed);
        }
        Self {
            sightings,
            last_of_key,
            start: log.drains.iter().map(|drain| drain.start).max(),
            compacted: log.expects.compacted,
            start_advances: log.expects.start_advances,
        }
    }

    /// The sightings at offsets from `from` to below `before`.
    pub(crate) fn between(&self, from: u64, before: u64) -> &[Sighting] {
        let from = self.sightings.partition_point(|s| s.offset < from);
        let to = self.sightings.partition_point(|s| s.offset < before);
        self.sightings.get(from..to).unwrap_or_default()
    }

    /// Whether the log may have let go of what was at `offset`: by compaction, or from its start.
    pub(crate) fn may_be_gone(&self, offset: u64, key: Option<NameId>, tombstone: bool) -> bool {
        let superseded = || {
            let last = key.and_then(|key| self.last_of_key.get(&key));
            last.is_some_and(|last| *last > offset)
        };
        let before_start = || self.start.is_none_or(|start| offset < start);
        (self.compacted && (tombstone || superseded())) || (self.start_advances && before_start())
    }
}
