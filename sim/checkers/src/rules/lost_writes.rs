//! Jepsen's *lost write*: a record was acknowledged at an offset below the highest that anybody has
//! read, and nobody ever read it.
//!
//! Only for logs that nobody has read to the end; where somebody has, [`super::accounting`] is
//! stricter. Only between the lowest and the highest offset that were read: readers of a log without a
//! reading to the end are expected to leave nothing out between them. Where a start of the server may
//! take the tail away, within one life.

use std::collections::{BTreeMap, HashSet};

use super::Context;
use crate::facts::{Known, LogFacts};
use crate::history::AcrossLives;
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    if log.drains.iter().any(|drain| drain.group.is_none()) {
        return;
    }
    let scope = |life| match log.expects.across_lives {
        AcrossLives::Everything => 0,
        AcrossLives::Prefix | AcrossLives::Nothing => life,
    };
    let mut read = HashSet::new();
    let mut stretch: BTreeMap<u32, (u64, u64)> = BTreeMap::new();
    for seen in log.reads() {
        read.insert(seen.record);
        let (low, high) = stretch
            .entry(scope(seen.life))
            .or_insert((seen.offset, seen.offset));
        *low = (*low).min(seen.offset);
        *high = (*high).max(seen.offset);
    }
    for (record, attempt) in log.attempts() {
        let Some(offset) = attempt.acknowledged_offset() else {
            continue;
        };
        let Some((low, high)) = stretch.get(&scope(attempt.life)) else {
            continue;
        };
        let tombstone = log.is_tombstone(record);
        if (*low..*high).contains(&offset)
            && !read.contains(&record)
            && !known.may_be_gone(offset, attempt.key, tombstone)
        {
            verdict.found(Anomaly::LostWrite, || {
                let record = context.show(log, record);
                format!("{record}, acknowledged at offset {offset}, never read; {high} was read")
            });
        }
    }
}
