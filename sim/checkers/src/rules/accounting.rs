//! Total accounting, as Jepsen's `total-queue`: what was attempted, acknowledged and read must add up.
//!
//! * *unexpected*: a record was read that nobody has sent, or with another key.
//! * *failed but read*: a record was read whose send had certainly failed (Jepsen: aborted read).
//! * *lost*: after somebody has read the log to its end, what had been acknowledged or read before is
//!   not among it. That a record was read once does not save it: a log keeps what it has shown.
//! * *undelivered*: the same for what a consumer group has received together.
//! * *recovered* (a figure): of unknown outcome, yet there.
//!
//! A reading to the end must show what was acknowledged or read before it began, and whatever lies
//! below the end that it found. Excused is what compaction or retention may have taken.
//!
//! Where a log keeps a prefix only, a record of an earlier life may be gone if nothing behind it that
//! was known in that life is still there: the tail may be cut, holes may not.

use std::collections::{BTreeMap, HashSet};

use super::Context;
use crate::facts::{DrainFact, Known, LogFacts, NameId, RecordId};
use crate::history::{AcrossLives, Outcome};
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    count(log, verdict);
    judge_reads(log, context, verdict);
    let mut lost = HashSet::new();
    let mut undelivered = HashSet::new();
    let mut lost_as_allowed = HashSet::new();
    for drain in &log.drains {
        verdict.counts.drains += 1;
        let reading = Reading::of(log, known, drain);
        for missing in reading.missing(log, known) {
            if reading.may_lose(&missing, log.expects.across_lives) {
                lost_as_allowed.insert(missing.record);
                continue;
            }
            let (anomaly, once) = match drain.group {
                None => (Anomaly::Lost, &mut lost),
                Some(_) => (Anomaly::Undelivered, &mut undelivered),
            };
            if once.insert(missing.record) {
                verdict.found(anomaly, || missing.describe(log, drain, context));
            }
        }
    }
    verdict.counts.lost_as_allowed += lost_as_allowed.difference(&lost).count() as u64;
}

fn count(log: &LogFacts, verdict: &mut Verdict) {
    let read: HashSet<_> = log.reads().map(|read| read.record).collect();
    let counts = &mut verdict.counts;
    for (record, attempt) in log.attempts() {
        match attempt.outcome {
            Outcome::Ok => counts.acknowledged += 1,
            Outcome::Failed => counts.failed += 1,
            Outcome::Unknown => {
                counts.unknown += 1;
                counts.recovered += u64::from(read.contains(&record));
            }
        }
    }
    let mut delivered: HashSet<(NameId, u64, RecordId)> = HashSet::new();
    for read in log.reads() {
        counts.received += 1;
        if let Some(group) = read.group {
            let again = !delivered.insert((group, read.offset, read.record));
            counts.redelivered += u64::from(again);
        }
    }
}

/// Was everything that was read sent, and not refused?
fn judge_reads(log: &LogFacts, context: &Context, verdict: &mut Verdict) {
    let mut judged = HashSet::new();
    for read in log.reads() {
        let attempt = log.records[read.record.index()].attempt;
        let anomaly = match attempt {
            None => Anomaly::Unexpected,
            Some(attempt) if attempt.key != read.key => Anomaly::Unexpected,
            Some(attempt) if attempt.outcome == Outcome::Failed => {
                // Tombstones share a record: another one of the key may have been stored.
                if log.is_tombstone(read.record) {
                    continue;
                }
                Anomaly::FailedButRead
            }
            Some(_) => continue,
        };
        if judged.insert(read.record) {
            verdict.found(anomaly, || {
                let record = context.show(log, read.record);
                let (offset, line) = (read.offset, read.line);
                let with_key = match (attempt, read.key) {
                    (Some(attempt), Some(key)) if attempt.key != read.key => {
                        format!(" with the key {:?}", context.names.name(key))
                    }
                    (Some(attempt), None) if attempt.key.is_some() => " without its key".into(),
                    _ => String::new(),
                };
                format!("{record}, read at offset {offset}{with_key} (line {line})")
            });
        }
    }
}

/// What one reading to the end has shown.
struct Reading<'a> {
    drain: &'a DrainFact,
    shown: HashSet<RecordId>,
    shown_at: HashSet<(RecordId, u64)>,
    /// For each life, the highest offset of a record that was seen in it and is still shown there.
    survived: BTreeMap<u32, u64>,
}

/// A record that should be there and is not.
struct Missing {
    record: RecordId,
    offset: Option<u64>,
    life: u32,
    line: u64,
}

impl<'a> Reading<'a> {
    fn of(log: &LogFacts, known: &Known, drain: &'a DrainFact) -> Self {
        let across = log.expects.across_lives;
        let covered = log.reads().filter(|read| drain.covers(read, across));
        let shown_at: HashSet<_> = covered.map(|read| (read.record, read.offset)).collect();
        let mut survived = BTreeMap::new();
        if across == AcrossLives::Prefix {
            for seen in &known.sightings {
                if shown_at.contains(&(seen.record, seen.offset)) {
                    // In ascending order of offsets: the last one stays.
                    survived.insert(seen.life, seen.offset);
                }
            }
        }
        Self {
            drain,
            shown: shown_at.iter().map(|(record, _)| *record).collect(),
            shown_at,
            survived,
        }
    }

    fn shows(&self, log: &LogFacts, record: RecordId, offset: u64) -> bool {
        // The tombstones of a key share a record: they are told apart by where they are.
        if log.is_tombstone(record) {
            self.shown_at.contains(&(record, offset))
        } else {
            self.shown.contains(&record)
        }
    }

    fn missing(&self, log: &LogFacts, known: &Known) -> Vec<Missing> {
        let across = log.expects.across_lives;
        let in_time = |life, completed: u64, offset: Option<u64>| {
            let at_all = across == AcrossLives::Everything || life <= self.drain.life;
            let below_end = offset.is_some_and(|offset| offset < self.drain.end);
            at_all && (completed <= self.drain.invoked || below_end)
        };
        let somewhere = known
            .sightings
            .iter()
            .filter(|seen| in_time(seen.life, seen.completed, Some(seen.offset)))
            .filter(|seen| !self.shows(log, seen.record, seen.offset))
            .filter(|seen| {
                let tombstone = log.is_tombstone(seen.record);
                !known.may_be_gone(seen.offset, seen.key, tombstone)
            })
            .map(|seen| Missing {
                record: seen.record,
                offset: Some(seen.offset),
                life: seen.life,
                line: seen.line,
            });
        // An acknowledgement without an offset could be of anything that is excused.
        let nothing_is_excused = !log.expects.compacted && !log.expects.start_advances;
        let anywhere = log
            .attempts()
            .filter(|_| nothing_is_excused)
            .filter(|(_, attempt)| attempt.is_acknowledged() && attempt.offset.is_none())
            .filter(|(_, attempt)| in_time(attempt.life, attempt.completed, None))
            .filter(|(record, _)| !self.shown.contains(record))
            .map(|(record, attempt)| Missing {
                record,
                offset: None,
                life: attempt.life,
                line: attempt.line,
            });
        somewhere.chain(anywhere).collect()
    }

    /// Whether a start of the server may have taken the record away.
    fn may_lose(&self, missing: &Missing, across: AcrossLives) -> bool {
        if missing.life >= self.drain.life {
            return false;
        }
        match across {
            AcrossLives::Everything => false,
            AcrossLives::Nothing => true,
            AcrossLives::Prefix => {
                let survived = self.survived.range(..=missing.life).map(|(_, last)| *last);
                let last = survived.max();
                missing
                    .offset
                    .is_none_or(|offset| last.is_none_or(|last| offset > last))
            }
        }
    }
}

impl Missing {
    fn describe(&self, log: &LogFacts, drain: &DrainFact, context: &Context) -> String {
        let record = context.show(log, self.record);
        let known = match self.offset {
            Some(offset) => format!("known at offset {offset} (line {})", self.line),
            None => "acknowledged without an offset".to_owned(),
        };
        let reader = context.names.name(drain.group.unwrap_or(drain.process));
        let (start, end, line) = (drain.start, drain.end, drain.line);
        format!(
            "{record}, {known}, not among what {reader} read from {start} to {end} (line {line})"
        )
    }
}
