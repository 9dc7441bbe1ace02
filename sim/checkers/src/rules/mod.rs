//! The rules. Each is a function of what is known about one log, or about the offsets of one group.
//!
//! Two rules never report the same cause under two names where that can be told: a lost record is
//! `lost` when somebody has read the log to its end and `lost write` when nobody has; a hole is
//! `hole in dense offsets` only if nobody ever knew a record there.

pub mod accounting;
pub mod commits;
pub mod density;
pub mod lost_writes;
pub mod offsets;
pub mod order;
pub mod polls;
pub mod sends;

use std::collections::BTreeMap;

use crate::facts::{Known, LogFacts, NameId, Names, ProducerFact, RecordId};
use crate::limits::SHOWN_BYTES;
use crate::verdict::Verdict;

/// What all rules need beside the log.
pub(crate) struct Context<'a> {
    pub(crate) names: &'a Names,
    pub(crate) producers: &'a BTreeMap<NameId, ProducerFact>,
    /// When a life of the server ended, in ascending order.
    pub(crate) ends_of_lives: Vec<u64>,
}

impl Context<'_> {
    /// Whether the producer of `record` stores a record once. What nobody has sent has no producer,
    /// and no excuse.
    pub(crate) fn is_stored_once(&self, log: &LogFacts, record: RecordId) -> bool {
        let attempt = log.records[record.index()].attempt;
        attempt.is_none_or(|attempt| self.producers[&attempt.process].once)
    }

    /// The end of the life in which `time` lies; `None` if it has not ended.
    pub(crate) fn end_of_life(&self, time: u64) -> Option<u64> {
        let next = self.ends_of_lives.partition_point(|end| *end < time);
        self.ends_of_lives.get(next).copied()
    }

    /// A record for an example: log, value, and where it was sent.
    pub(crate) fn show(&self, log: &LogFacts, record: RecordId) -> String {
        let name = self.names.name(log.name);
        let record = &log.records[record.index()];
        let value = match &record.value {
            Some(value) => format!("{:?}", shortened(value)),
            None => "a tombstone".to_owned(),
        };
        match &record.attempt {
            Some(attempt) => format!(
                "{name}: {value}, sent by {} (line {})",
                self.names.name(attempt.process),
                attempt.line
            ),
            None => format!("{name}: {value}"),
        }
    }
}

fn shortened(text: &str) -> String {
    let cut = text.floor_char_boundary(SHOWN_BYTES);
    if cut == text.len() {
        text.to_owned()
    } else {
        format!("{}...", &text[..cut])
    }
}

/// Every rule about a log.
pub(crate) fn judge_log(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    if log.records.is_empty() && log.drains.is_empty() {
        return;
    }
    verdict.counts.logs += 1;
    accounting::judge(log, known, context, verdict);
    lost_writes::judge(log, known, context, verdict);
    offsets::judge(log, known, context, verdict);
    density::judge(log, known, context, verdict);
    polls::judge(log, known, context, verdict);
    sends::judge(log, known, context, verdict);
    order::judge(log, context, verdict);
}
