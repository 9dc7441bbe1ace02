//! Takes operations in, one by one, and hands what they say to the rules.

use std::collections::BTreeMap;

use crate::error::{HistoryError, Result};
use crate::facts::{
    Attempt, CommitFact, CommittedFact, CommittedOffsets, DrainFact, Known, LogFacts, NameId,
    Names, ProducerFact, Read, Step,
};
use crate::history::{Commit, Committed, Drain, Operation, Outcome, Receive, Send};
use crate::rules::{self, Context};
use crate::verdict::{Counts, Verdict};

/// Gathers a history and judges it.
#[derive(Debug, Default)]
pub struct Checker {
    names: Names,
    producers: BTreeMap<NameId, ProducerFact>,
    logs: BTreeMap<NameId, LogFacts>,
    /// By group and log.
    committed: BTreeMap<(NameId, NameId), CommittedOffsets>,
    operations: u64,
    faults: u64,
    /// When a life of the server ended.
    ends_of_lives: Vec<u64>,
}

impl Checker {
    /// Takes one operation in.
    ///
    /// # Errors
    /// If it contradicts what came before: a value that was sent twice, a producer of which the test
    /// has not said what it expects. The history cannot be judged then.
    pub fn observe(&mut self, operation: Operation) -> Result<()> {
        self.operations += 1;
        // After the header.
        let line = self.operations + 1;
        match operation {
            Operation::Log(expects) => {
                let log = self.names.id(&expects.log);
                self.facts_of(log).expects = expects;
            }
            Operation::Producer(producer) => {
                let fact = ProducerFact {
                    once: producer.once,
                    keeps_order: producer.keeps_order,
                };
                let process = self.names.id(&producer.process);
                self.producers.insert(process, fact);
            }
            Operation::Send(send) => self.send(&send, line)?,
            Operation::Receive(receive) => self.receive(&receive, line),
            Operation::Assigned(assigned) => {
                let process = self.names.id(&assigned.process);
                let offset = assigned.offset;
                let step = Step::Assigned { process, offset };
                self.log(&assigned.log).steps.push(step);
            }
            Operation::Commit(commit) => self.commit(&commit, line),
            Operation::Committed(committed) => self.look_at_committed(&committed, line),
            Operation::Drain(drain) => self.drain(&drain, line)?,
            Operation::Fault(fault) => {
                self.faults += 1;
                if fault.ends_life {
                    self.ends_of_lives.push(fault.completed);
                }
            }
        }
        Ok(())
    }

    /// Judges everything that was observed.
    pub fn verdict(&self) -> Verdict {
        let mut ends_of_lives = self.ends_of_lives.clone();
        ends_of_lives.sort_unstable();
        let context = Context {
            names: &self.names,
            producers: &self.producers,
            ends_of_lives,
        };
        let mut verdict = Verdict {
            counts: Counts {
                operations: self.operations,
                faults: self.faults,
                ..Counts::default()
            },
            ..Verdict::default()
        };
        for log in self.logs.values() {
            let known = Known::of(log);
            rules::judge_log(log, &known, &context, &mut verdict);
        }
        for ((group, log), offsets) in &self.committed {
            rules::commits::judge(*group, *log, offsets, &context, &mut verdict);
        }
        verdict
    }

    fn log(&mut self, name: &str) -> &mut LogFacts {
        let name = self.names.id(name);
        self.facts_of(name)
    }

    fn facts_of(&mut self, log: NameId) -> &mut LogFacts {
        self.logs.entry(log).or_insert_with(|| LogFacts::new(log))
    }

    fn send(&mut self, send: &Send, line: u64) -> Result<()> {
        let process = self.names.id(&send.process);
        if !self.producers.contains_key(&process) {
            let reason = format!(
                "{:?} sends, but the history does not say what is expected of that producer",
                send.process
            );
            return Err(HistoryError::Contradiction { line, reason });
        }
        let attempt = Attempt {
            process,
            key: send.key.as_deref().map(|key| self.names.id(key)),
            outcome: send.outcome,
            offset: send.offset,
            sequence: send.sequence,
            call: send.call,
            life: send.life,
            invoked: send.invoked,
            completed: send.completed,
            line,
        };
        let log = self.log(&send.log);
        let record = log.record(attempt.key, send.value.as_deref());
        match log.attempted(record, attempt) {
            None => Ok(()),
            Some(earlier) => {
                let value = send.value.as_deref().unwrap_or_default();
                let reason = format!(
                    "the value {value:?} was sent to {} before, in line {}",
                    send.log, earlier.line
                );
                Err(HistoryError::Contradiction { line, reason })
            }
        }
    }

    fn receive(&mut self, receive: &Receive, line: u64) {
        let process = self.names.id(&receive.process);
        let group = receive.group.as_deref().map(|group| self.names.id(group));
        let key = receive.key.as_deref().map(|key| self.names.id(key));
        let log = self.log(&receive.log);
        let record = log.record(key, receive.value.as_deref());
        log.steps.push(Step::Read(Read {
            record,
            key,
            offset: receive.offset,
            process,
            group,
            call: receive.call,
            life: receive.life,
            completed: receive.completed,
            line,
        }));
    }

    fn commit(&mut self, commit: &Commit, line: u64) {
        if commit.outcome != Outcome::Failed {
            let fact = CommitFact {
                offset: commit.offset,
                outcome: commit.outcome,
                invoked: commit.invoked,
                completed: commit.completed,
                line,
            };
            self.offsets(&commit.group, &commit.log).commits.push(fact);
        }
    }

    fn look_at_committed(&mut self, committed: &Committed, line: u64) {
        let fact = CommittedFact {
            offset: committed.offset,
            invoked: committed.invoked,
            completed: committed.completed,
            line,
        };
        let offsets = self.offsets(&committed.group, &committed.log);
        offsets.answers.push(fact);
    }

    fn offsets(&mut self, group: &str, log: &str) -> &mut CommittedOffsets {
        let key = (self.names.id(group), self.names.id(log));
        self.committed.entry(key).or_default()
    }

    fn drain(&mut self, drain: &Drain, line: u64) -> Result<()> {
        if drain.start > drain.end {
            let reason = format!("a log from {} to {}", drain.start, drain.end);
            return Err(HistoryError::Contradiction { line, reason });
        }
        let fact = DrainFact {
            process: self.names.id(&drain.process),
            group: drain.group.as_deref().map(|group| self.names.id(group)),
            start: drain.start,
            end: drain.end,
            life: drain.life,
            invoked: drain.invoked,
            line,
        };
        self.log(&drain.log).drains.push(fact);
        Ok(())
    }
}
