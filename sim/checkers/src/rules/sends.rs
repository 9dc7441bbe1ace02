//! Jepsen's *nonmonotonic send* and *skipped send*, by what acknowledgements say.
//!
//! * *nonmonotonic send*: a producer that keeps order (in the log, or among the records of a key) was
//!   told a lower offset for a later send.
//! * *skipped send*: between two records that one call sent side by side to one log, there is another
//!   record.

use std::collections::HashMap;

use super::Context;
use super::order::in_order_of_sending;
use crate::facts::{Attempt, Known, LogFacts, NameId, RecordId};
use crate::history::{AcrossLives, KeepsOrder};
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    for (process, sends) in in_order_of_sending(log) {
        nonmonotonic(log, process, &sends, context, verdict);
        skipped(log, known, &sends, context, verdict);
    }
}

fn nonmonotonic(
    log: &LogFacts,
    process: NameId,
    sends: &[(RecordId, Attempt)],
    context: &Context,
    verdict: &mut Verdict,
) {
    let keeps_order = context.producers[&process].keeps_order;
    if keeps_order == KeepsOrder::No {
        return;
    }
    let by_life = log.expects.across_lives != AcrossLives::Everything;
    // The send with the highest acknowledged offset so far.
    let mut highest: HashMap<(Option<NameId>, u32), (u64, RecordId, &Attempt)> = HashMap::new();
    for (record, attempt) in sends {
        let Some(offset) = attempt.acknowledged_offset() else {
            continue;
        };
        let key = (keeps_order == KeepsOrder::Key).then_some(attempt.key);
        let scope = (key.flatten(), if by_life { attempt.life } else { 0 });
        let (last, earlier, sent) = highest.entry(scope).or_insert((offset, *record, attempt));
        if offset >= *last {
            (*last, *earlier, *sent) = (offset, *record, attempt);
        } else if sent.was_sent_before(attempt) {
            verdict.found(Anomaly::NonmonotonicSend, || {
                let (one, other) = (context.show(log, *earlier), context.show(log, *record));
                format!("{one}, acknowledged at {last}; then {other}, acknowledged at {offset}")
            });
        }
    }
}

fn skipped(
    log: &LogFacts,
    known: &Known,
    sends: &[(RecordId, Attempt)],
    context: &Context,
    verdict: &mut Verdict,
) {
    for pair in sends.windows(2) {
        let [(one, first), (_, second)] = pair else {
            continue;
        };
        let (Some(from), Some(to)) = (first.acknowledged_offset(), second.acknowledged_offset())
        else {
            continue;
        };
        if first.call.is_none() || first.call != second.call || first.life != second.life {
            continue;
        }
        let by_life = log.expects.across_lives != AcrossLives::Everything;
        let between = known
            .between(from + 1, to)
            .iter()
            .find(|seen| !by_life || seen.life == first.life);
        if let Some(between) = between {
            verdict.found(Anomaly::SkippedSend, || {
                let (one, other) = (context.show(log, *one), context.show(log, between.record));
                format!("{one}, at {from}; the next of its call is at {to}, between is {other}")
            });
        }
    }
}
