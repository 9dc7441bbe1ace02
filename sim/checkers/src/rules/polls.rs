//! Jepsen's *nonmonotonic poll* and *skipped poll*: a consumer reads a log forwards, and leaves nothing
//! out.
//!
//! From one record that a process received to the next of the same log, the offset grows, and no record
//! that anybody knows lies between, unless the process's position was set anew. Within the records of
//! one poll the anomaly is called *internal*.
//!
//! Excused is what compaction or retention may have taken. Where a start of the server may take the tail
//! away, each life is judged by itself.

use std::collections::BTreeMap;

use super::Context;
use crate::facts::{Known, LogFacts, NameId, Read, Step};
use crate::history::AcrossLives;
use crate::verdict::{Anomaly, Verdict};

/// What a consumer has read last: the next record lies behind it.
#[derive(Clone, Copy)]
enum Position {
    /// Before this offset.
    At(u64),
    /// Behind this record.
    Behind(Read),
}

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    let mut positions: BTreeMap<NameId, Position> = BTreeMap::new();
    for step in &log.steps {
        match *step {
            Step::Assigned {
                process,
                offset: Some(offset),
            } => {
                positions.insert(process, Position::At(offset));
            }
            Step::Assigned {
                process,
                offset: None,
            } => {
                positions.remove(&process);
            }
            Step::Read(read) => {
                let before = positions.insert(read.process, Position::Behind(read));
                if let Some(before) = before {
                    judge_step(log, known, before, read, context, verdict);
                }
            }
        }
    }
}

fn judge_step(
    log: &LogFacts,
    known: &Known,
    before: Position,
    read: Read,
    context: &Context,
    verdict: &mut Verdict,
) {
    let by_life = log.expects.across_lives != AcrossLives::Everything;
    let (next, same_call) = match before {
        Position::At(offset) => (offset, false),
        Position::Behind(last) if by_life && last.life != read.life => return,
        Position::Behind(last) => (
            last.offset + 1,
            last.call.is_some() && last.call == read.call,
        ),
    };
    let describe = |what: &str| {
        let process = context.names.name(read.process);
        let name = context.names.name(log.name);
        let (offset, line) = (read.offset, read.line);
        format!("{process} read {name} at {offset} when {next} was next{what} (line {line})")
    };
    if read.offset < next {
        let anomaly = if same_call {
            Anomaly::InternalNonmonotonicPoll
        } else {
            Anomaly::NonmonotonicPoll
        };
        verdict.found(anomaly, || describe(""));
        return;
    }
    let skipped = known
        .between(next, read.offset)
        .iter()
        .filter(|seen| !by_life || seen.life == read.life)
        // The record itself at another offset is a matter of offsets.
        .filter(|seen| seen.record != read.record)
        .find(|seen| {
            let tombstone = log.is_tombstone(seen.record);
            !known.may_be_gone(seen.offset, seen.key, tombstone)
        });
    if let Some(skipped) = skipped {
        let anomaly = if same_call {
            Anomaly::InternalSkippedPoll
        } else {
            Anomaly::SkippedPoll
        };
        verdict.found(anomaly, || {
            let record = context.show(log, skipped.record);
            describe(&format!("; at {} there is {record}", skipped.offset))
        });
    }
}
