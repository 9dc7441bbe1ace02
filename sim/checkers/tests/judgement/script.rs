//! A history in a few words: one log `t-0`, an idempotent producer `p`, a plain one `plain`.

use forebay_checkers::history::{
    AcrossLives, Assigned, Commit, Committed, Drain, Expectations, Fault, KeepsOrder, Operation,
    Outcome, Producer, Receive, Send,
};
use forebay_checkers::{Anomaly, Checker, Verdict};

pub(crate) const LOG: &str = "t-0";
pub(crate) const GROUP: &str = "g";

/// Operations one after the other; each takes 10 microseconds.
pub(crate) struct Script {
    pub(crate) operations: Vec<Operation>,
    now: u64,
    pub(crate) life: u32,
    sent: u64,
}

impl Script {
    pub(crate) fn new() -> Self {
        Self::of_log(|log| log.dense = true)
    }

    pub(crate) fn of_log(expect: impl FnOnce(&mut Expectations)) -> Self {
        let mut log = Expectations {
            log: LOG.into(),
            ..Default::default()
        };
        expect(&mut log);
        let producer = |process: &str, once, keeps_order| {
            Operation::Producer(Producer {
                process: process.into(),
                once,
                keeps_order,
            })
        };
        Self {
            operations: vec![
                Operation::Log(log),
                producer("p", true, KeepsOrder::Log),
                producer("by-key", true, KeepsOrder::Key),
                producer("plain", false, KeepsOrder::No),
            ],
            now: 0,
            life: 0,
            sent: 0,
        }
    }

    pub(crate) fn across_lives(across: AcrossLives) -> Self {
        Self::of_log(|log| log.across_lives = across)
    }

    fn times(&mut self) -> (u64, u64) {
        self.now += 10;
        (self.now - 9, self.now)
    }

    /// Any send, for what the shorthands below do not say.
    pub(crate) fn send(
        &mut self,
        value: Option<&str>,
        outcome: Outcome,
        fill: impl FnOnce(&mut Send),
    ) -> &mut Self {
        let (invoked, completed) = self.times();
        self.sent += 1;
        let mut send = Send {
            process: "p".into(),
            log: LOG.into(),
            value: value.map(Into::into),
            outcome,
            sequence: Some(self.sent),
            life: self.life,
            invoked,
            completed,
            ..Default::default()
        };
        fill(&mut send);
        self.operations.push(Operation::Send(send));
        self
    }

    pub(crate) fn acked(&mut self, value: &str, offset: u64) -> &mut Self {
        self.send(Some(value), Outcome::Ok, |s| s.offset = Some(offset))
    }

    pub(crate) fn acked_by(&mut self, process: &str, value: &str, offset: u64) -> &mut Self {
        self.send(Some(value), Outcome::Ok, |s| {
            s.process = process.into();
            s.offset = Some(offset);
        })
    }

    pub(crate) fn keyed(&mut self, key: &str, value: Option<&str>, offset: u64) -> &mut Self {
        self.send(value, Outcome::Ok, |s| {
            s.process = "by-key".into();
            s.key = Some(key.into());
            s.offset = Some(offset);
        })
    }

    pub(crate) fn unknown(&mut self, value: &str) -> &mut Self {
        self.send(Some(value), Outcome::Unknown, |_| {})
    }

    pub(crate) fn failed(&mut self, value: &str) -> &mut Self {
        self.send(Some(value), Outcome::Failed, |_| {})
    }

    pub(crate) fn receive(&mut self, fill: impl FnOnce(&mut Receive)) -> &mut Self {
        let (invoked, completed) = self.times();
        let mut receive = Receive {
            process: "c".into(),
            log: LOG.into(),
            life: self.life,
            invoked,
            completed,
            ..Default::default()
        };
        fill(&mut receive);
        self.operations.push(Operation::Receive(receive));
        self
    }

    /// Each of `records` in a poll of its own.
    pub(crate) fn reads(&mut self, process: &str, records: &[(&str, u64)]) -> &mut Self {
        for (value, offset) in records {
            self.receive(|r| {
                r.process = process.into();
                r.value = Some((*value).into());
                r.offset = *offset;
            });
        }
        self
    }

    /// All of `records` in one poll.
    pub(crate) fn poll(&mut self, process: &str, records: &[(&str, u64)]) -> &mut Self {
        let call = self.now;
        for (value, offset) in records {
            self.receive(|r| {
                r.process = process.into();
                r.value = Some((*value).into());
                r.offset = *offset;
                r.call = Some(call);
            });
        }
        self
    }

    /// As a member of the group.
    pub(crate) fn delivered(&mut self, process: &str, records: &[(&str, u64)]) -> &mut Self {
        for (value, offset) in records {
            self.receive(|r| {
                r.process = process.into();
                r.group = Some(GROUP.into());
                r.value = Some((*value).into());
                r.offset = *offset;
            });
        }
        self
    }

    pub(crate) fn reads_keyed(&mut self, records: &[(&str, Option<&str>, u64)]) -> &mut Self {
        for (key, value, offset) in records {
            self.receive(|r| {
                r.key = Some((*key).into());
                r.value = value.map(Into::into);
                r.offset = *offset;
            });
        }
        self
    }

    pub(crate) fn assigned(&mut self, process: &str, offset: Option<u64>) -> &mut Self {
        self.operations.push(Operation::Assigned(Assigned {
            process: process.into(),
            log: LOG.into(),
            offset,
        }));
        self
    }

    fn drained(&mut self, process: &str, group: Option<&str>, start: u64, end: u64) -> &mut Self {
        let (invoked, completed) = self.times();
        self.operations.push(Operation::Drain(Drain {
            process: process.into(),
            group: group.map(Into::into),
            log: LOG.into(),
            start,
            end,
            life: self.life,
            invoked,
            completed,
        }));
        self
    }

    /// `process` has read the log from `start` to `end`.
    pub(crate) fn drain(&mut self, process: &str, start: u64, end: u64) -> &mut Self {
        self.drained(process, None, start, end)
    }

    pub(crate) fn drain_of_group(&mut self, start: u64, end: u64) -> &mut Self {
        self.drained("c", Some(GROUP), start, end)
    }

    /// Reads these to the end of the log with a reader of its own.
    pub(crate) fn drains(&mut self, records: &[(&str, u64)]) -> &mut Self {
        let start = records.first().map_or(0, |(_, offset)| *offset);
        let end = records.last().map_or(0, |(_, offset)| offset + 1);
        self.reads("drain", records).drain("drain", start, end)
    }

    /// A commit that takes from now to `took` operations from now.
    pub(crate) fn commit_over(&mut self, offset: u64, outcome: Outcome, took: u64) -> &mut Self {
        let (invoked, completed) = self.times();
        self.operations.push(Operation::Commit(Commit {
            process: "c".into(),
            group: GROUP.into(),
            log: LOG.into(),
            offset,
            outcome,
            invoked,
            completed: completed + 10 * took,
        }));
        self
    }

    pub(crate) fn commit(&mut self, offset: u64, outcome: Outcome) -> &mut Self {
        self.commit_over(offset, outcome, 0)
    }

    /// The server is ended and starts again.
    pub(crate) fn restart(&mut self) -> &mut Self {
        let (_, completed) = self.times();
        self.operations.push(Operation::Fault(Fault {
            fault: "kill".into(),
            ends_life: true,
            completed,
        }));
        self.life += 1;
        self
    }

    pub(crate) fn committed(&mut self, offset: Option<u64>) -> &mut Self {
        let (invoked, completed) = self.times();
        self.operations.push(Operation::Committed(Committed {
            process: "c".into(),
            group: GROUP.into(),
            log: LOG.into(),
            offset,
            invoked,
            completed,
        }));
        self
    }

    pub(crate) fn verdict(&self) -> Verdict {
        verdict_of(&self.operations)
    }

    /// Asserts that exactly this anomaly is found, this often.
    pub(crate) fn has_only(&self, anomaly: Anomaly, count: u64) {
        let verdict = self.verdict();
        let found: Vec<_> = verdict.anomalies.keys().collect();
        assert_eq!(found, [&anomaly], "{verdict}");
        assert_eq!(verdict.count(anomaly), count, "{verdict}");
    }

    pub(crate) fn is_good(&self) -> Verdict {
        let verdict = self.verdict();
        assert!(verdict.is_valid(), "{verdict}");
        verdict
    }
}

pub(crate) fn verdict_of(operations: &[Operation]) -> Verdict {
    let mut checker = Checker::default();
    for operation in operations {
        checker
            .observe(operation.clone())
            .expect("the history can be judged");
    }
    checker.verdict()
}
