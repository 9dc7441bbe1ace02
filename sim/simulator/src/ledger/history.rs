//! The run as a history, for the checkers that also judge what real clients see. They know nothing of
//! the ledger, so each is held against the other.

use std::collections::BTreeSet;

use forebay_checkers::Checker;
use forebay_checkers::history::{
    AcrossLives, Assigned, Commit, Committed, Drain, Expectations, Fault, KeepsOrder, Operation,
    Outcome, Producer, Receive, Send,
};

use super::check::{Found, FoundPartition};
use super::{CommitKey, Kind, Ledger, Place};

/// When an operation began and ended, in microseconds of the wall clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    /// Before the call.
    pub invoked: u64,
    /// After the answer.
    pub completed: u64,
}

/// Offset, value, and the key that the value was sent with.
type Read = (u64, u64, Option<u64>);

/// What clients saw, in order. What they sent is in the ledger.
#[derive(Debug, Default)]
pub struct History {
    seen: Vec<Operation>,
    /// The life of the broker.
    life: u32,
    calls: u64,
    /// The newest moment.
    newest: u64,
}

fn log(place: Place) -> String {
    format!("{}-{}", place.0, place.1)
}

impl History {
    /// A moment at or after `micros`, and after every moment before.
    pub fn moment(&mut self, micros: u64) -> u64 {
        self.newest = micros.max(self.newest + 1);
        self.newest
    }

    /// The life that answers now.
    pub fn life(&self) -> u32 {
        self.life
    }

    /// A consumer goes on at an offset of its own choice.
    pub fn assigned(&mut self, process: &str, place: Place, offset: u64) {
        self.seen.push(Operation::Assigned(Assigned {
            process: process.to_owned(),
            log: log(place),
            offset: Some(offset),
        }));
    }

    /// A consumer read records in one call.
    fn polled(&mut self, process: &str, place: Place, records: &[Read], span: Span) {
        self.calls += 1;
        for (offset, value, key) in records {
            self.seen.push(Operation::Receive(Receive {
                process: process.to_owned(),
                log: log(place),
                key: key.map(|key| key.to_string()),
                value: Some(value.to_string()),
                offset: *offset,
                call: Some(self.calls),
                life: self.life,
                invoked: span.invoked,
                completed: span.completed,
                ..Receive::default()
            }));
        }
    }

    /// A partition was read from its start to its end.
    fn drained(&mut self, place: Place, found: &FoundPartition, records: &[Read]) {
        let process = format!("look-{}", self.life);
        self.assigned(&process, place, found.start);
        self.polled(&process, place, records, found.span);
        self.seen.push(Operation::Drain(Drain {
            process,
            group: None,
            log: log(place),
            start: found.start,
            end: found.end,
            life: self.life,
            invoked: found.span.invoked,
            completed: found.span.completed,
        }));
    }

    /// An offset was committed, or not.
    pub fn commit(
        &mut self,
        process: &str,
        key: &CommitKey,
        offset: i64,
        outcome: Outcome,
        span: Span,
    ) {
        self.seen.push(Operation::Commit(Commit {
            process: process.to_owned(),
            group: key.0.clone(),
            log: log((key.1, key.2)),
            offset: offset as u64,
            outcome,
            invoked: span.invoked,
            completed: span.completed,
        }));
    }

    /// A committed offset was asked for.
    pub fn committed(&mut self, process: &str, key: &CommitKey, offset: Option<i64>, span: Span) {
        self.seen.push(Operation::Committed(Committed {
            process: process.to_owned(),
            group: key.0.clone(),
            log: log((key.1, key.2)),
            offset: offset.map(|offset| offset as u64),
            invoked: span.invoked,
            completed: span.completed,
        }));
    }

    /// A life of the broker ended.
    pub fn ended(&mut self, how: &str, at: u64) {
        let at = self.moment(at);
        self.seen.push(Operation::Fault(Fault {
            fault: how.to_owned(),
            ends_life: true,
            completed: at,
        }));
        self.life += 1;
    }
}

impl Ledger {
    /// A consumer read records in one call.
    pub fn polled(&mut self, process: &str, place: Place, found: &[Found], span: Span) {
        let records = self.with_keys(place, found);
        self.history.polled(process, place, &records, span);
        for (offset, value) in found {
            self.read(place, *offset, *value);
        }
    }

    /// A partition was read from its start to its end, if it could be read.
    pub(super) fn drained(&mut self, place: Place, found: &FoundPartition) {
        if let Some(records) = &found.records {
            let records = self.with_keys(place, records);
            self.history.drained(place, found, &records);
        }
    }

    fn with_keys(&mut self, place: Place, found: &[Found]) -> Vec<Read> {
        let sent = self.partition(place).map(|partition| &partition.sent);
        let key = |value| sent.and_then(|sent| sent.get(value)).map(|sent| sent.key);
        let records = found.iter();
        records
            .map(|(offset, value)| (*offset, *value, key(value)))
            .collect()
    }

    /// What the checkers say of the whole run; None when they find nothing.
    pub fn judge(&self, producers: u32) -> Option<String> {
        // Of what nobody ever read to its end, the checkers expect consumers that leave nothing out;
        // ours begin anywhere. Such a topic was created and deleted within one life.
        let seen = self.history.seen.iter();
        let drained: BTreeSet<String> = seen
            .filter_map(|operation| match operation {
                Operation::Drain(drain) => Some(drain.log.clone()),
                _ => None,
            })
            .collect();
        let mut checker = Checker::default();
        let mut observe = |operation| {
            let taken = checker.observe(operation);
            taken.expect("a history without contradictions");
        };
        for number in 0..producers {
            observe(Operation::Producer(Producer {
                process: format!("producer-{number}"),
                once: true,
                keeps_order: KeepsOrder::Log,
            }));
        }
        for (id, topic) in &self.topics {
            for (index, partition) in topic.partitions.iter().enumerate() {
                let name = log((*id, index as i32));
                if !drained.contains(&name) {
                    continue;
                }
                observe(Operation::Log(expectations(name.clone(), topic.kind)));
                for (value, sent) in &partition.sent {
                    observe(Operation::Send(Send {
                        process: format!("producer-{}", sent.producer),
                        log: name.clone(),
                        key: Some(sent.key.to_string()),
                        value: Some(value.to_string()),
                        outcome: match (sent.acknowledged, sent.refused) {
                            (Some(_), _) => Outcome::Ok,
                            (None, true) => Outcome::Failed,
                            (None, false) => Outcome::Unknown,
                        },
                        offset: sent.acknowledged.map(|(offset, _)| offset),
                        sequence: Some(*value),
                        call: None,
                        life: sent.acknowledged.map_or(0, |(_, life)| life),
                        invoked: sent.span.invoked,
                        completed: sent.span.completed,
                    }));
                }
            }
        }
        for operation in &self.history.seen {
            let read = match operation {
                Operation::Receive(receive) => Some(&receive.log),
                Operation::Assigned(assigned) => Some(&assigned.log),
                _ => None,
            };
            if read.is_none_or(|log| drained.contains(log)) {
                observe(operation.clone());
            }
        }
        let verdict = checker.verdict();
        (!verdict.is_valid()).then(|| verdict.to_string())
    }
}

fn expectations(log: String, kind: Kind) -> Expectations {
    Expectations {
        log,
        dense: kind != Kind::Compacted,
        compacted: kind == Kind::Compacted,
        start_advances: matches!(kind, Kind::Trimmed | Kind::Aged | Kind::Memory),
        across_lives: match kind {
            Kind::Os => AcrossLives::Prefix,
            Kind::Memory => AcrossLives::Nothing,
            Kind::Kept | Kind::Trimmed | Kind::Aged | Kind::Compacted => AcrossLives::Everything,
        },
    }
}
