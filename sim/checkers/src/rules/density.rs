//! Dense offsets: a reading to the end shows a record at every offset from the log's start to its end,
//! where the test says that there are no holes.
//!
//! An offset that the reading left out although somebody knows a record there is not reported here:
//! that record is lost, or the poll skipped it.

use std::collections::HashSet;

use super::Context;
use crate::facts::{Known, LogFacts};
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    if !log.expects.dense {
        return;
    }
    let somewhere: HashSet<u64> = known.sightings.iter().map(|seen| seen.offset).collect();
    for drain in log.drains.iter().filter(|drain| drain.group.is_none()) {
        let across = log.expects.across_lives;
        let shown: HashSet<u64> = log
            .reads()
            .filter(|read| drain.covers(read, across))
            .map(|read| read.offset)
            .collect();
        // Not every offset of what may be a wild range: holes next to what is there, and the ends.
        let mut edges: Vec<u64> = shown
            .iter()
            .copied()
            .filter(|offset| (drain.start..drain.end).contains(offset))
            .collect();
        edges.sort_unstable();
        edges.push(drain.end);
        let mut next = drain.start;
        for edge in edges {
            let known_there = known_in(&somewhere, next, edge);
            let hole = edge - next;
            if hole > known_there {
                verdict.found(Anomaly::NotDense, || {
                    let name = context.names.name(log.name);
                    let reader = context.names.name(drain.process);
                    let last = edge - 1;
                    format!("{name}: no record at {next} to {last}, as {reader} read it")
                });
            }
            next = edge + 1;
        }
    }
}

/// How many offsets of a range somebody knows a record at.
fn known_in(somewhere: &HashSet<u64>, from: u64, to: u64) -> u64 {
    if to - from > somewhere.len() as u64 {
        somewhere.iter().filter(|o| (from..to).contains(o)).count() as u64
    } else {
        (from..to).filter(|o| somewhere.contains(o)).count() as u64
    }
}
