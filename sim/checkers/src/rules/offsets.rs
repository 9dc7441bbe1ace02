//! Jepsen's *inconsistent offsets* and *duplicate*: an offset has one record, and a record one offset.
//!
//! Acknowledgements and all consumers must agree, over the whole history; for a log that may lose its
//! tail when the server starts again, within each life of the server.
//!
//! * *inconsistent offset*: two values at one offset, or one value at two, as far as no single consumer
//!   has seen both.
//! * *duplicate*: one consumer has read one value at two offsets, so the log holds it twice. A producer
//!   that may store again when it retries is allowed that, and it is counted; but what such a producer
//!   was told to be at an offset must be there too.

use std::collections::{BTreeMap, BTreeSet};

use super::Context;
use crate::facts::{Known, LogFacts, NameId, RecordId, Sighting, Witness};
use crate::history::AcrossLives;
use crate::verdict::{Anomaly, Verdict};

pub(crate) fn judge(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    one_value_at_an_offset(log, known, context, verdict);
    let mut by_record = known.sightings.clone();
    by_record.retain(|seen| !log.is_tombstone(seen.record));
    by_record.sort_unstable_by_key(|seen| (seen.record, seen.offset));
    for of_record in by_record.chunk_by(|a, b| a.record == b.record) {
        // Nearly every record: seen at one offset only.
        if of_record[0].offset != of_record[of_record.len() - 1].offset {
            one_offset_of_a_value(log, of_record, context, verdict);
        }
    }
}

/// Sightings are compared within this; 0 where lives do not matter.
fn scope(log: &LogFacts, life: u32) -> u32 {
    match log.expects.across_lives {
        AcrossLives::Everything => 0,
        AcrossLives::Prefix | AcrossLives::Nothing => life,
    }
}

fn one_value_at_an_offset(log: &LogFacts, known: &Known, context: &Context, verdict: &mut Verdict) {
    for at_offset in known.sightings.chunk_by(|a, b| a.offset == b.offset) {
        let mut first: BTreeMap<u32, RecordId> = BTreeMap::new();
        // Sorted by record: each further one is reported once.
        for of_record in at_offset.chunk_by(|a, b| a.record == b.record) {
            let lives: BTreeSet<_> = of_record.iter().map(|s| scope(log, s.life)).collect();
            let others: BTreeSet<_> = lives
                .into_iter()
                .map(|life| *first.entry(life).or_insert(of_record[0].record))
                .filter(|other| *other != of_record[0].record)
                .collect();
            for other in others {
                verdict.found(Anomaly::InconsistentOffset, || {
                    let (offset, line) = (of_record[0].offset, of_record[0].line);
                    let (one, other) = (
                        context.show(log, other),
                        context.show(log, of_record[0].record),
                    );
                    format!("offset {offset} has {one} and {other} (line {line})")
                });
            }
        }
    }
}

fn one_offset_of_a_value(
    log: &LogFacts,
    of_record: &[Sighting],
    context: &Context,
    verdict: &mut Verdict,
) {
    let record = of_record[0].record;
    let once = context.is_stored_once(log, record);
    let was_read_to_the_end = log.drains.iter().any(|drain| drain.group.is_none());
    let mut stored_twice = false;
    let mut moved = None;
    let lives: BTreeSet<_> = of_record.iter().map(|s| scope(log, s.life)).collect();
    for life in lives {
        let acknowledged = acknowledged_offset(log, of_record, life, once);
        let mut by_reader: BTreeMap<NameId, BTreeSet<u64>> = BTreeMap::new();
        for seen in of_record {
            if let Witness::Reader(process) = seen.witness
                && scope(log, seen.life) == life
            {
                by_reader.entry(process).or_default().insert(seen.offset);
            }
        }
        let mut offsets: BTreeSet<u64> = by_reader.values().flatten().copied().collect();
        let twice = by_reader.values().any(|offsets| offsets.len() > 1);
        stored_twice |= twice;
        let disagree = if once {
            offsets.extend(acknowledged);
            !twice && offsets.len() > 1
        } else {
            let elsewhere = acknowledged.is_some_and(|offset| !offsets.contains(&offset));
            let elsewhere = elsewhere && was_read_to_the_end && !offsets.is_empty();
            offsets.extend(acknowledged);
            elsewhere
        };
        if disagree {
            moved = moved.or(Some(offsets));
        }
    }
    if stored_twice && !once {
        verdict.counts.stored_again += 1;
    } else if stored_twice {
        verdict.found(Anomaly::Duplicate, || {
            let offsets: BTreeSet<_> = of_record.iter().map(|seen| seen.offset).collect();
            format!("{}, at the offsets {offsets:?}", context.show(log, record))
        });
    }
    if let Some(offsets) = moved {
        verdict.found(Anomaly::InconsistentOffset, || {
            let seen: Vec<_> = of_record.iter().map(|s| describe(s, context)).collect();
            let record = context.show(log, record);
            format!("{record}, at the offsets {offsets:?}: {}", seen.join(", "))
        });
    }
}

/// The offset at which the record was acknowledged, if that must hold in this life. What is stored
/// once stays where it was acknowledged, or is lost; what is sent again can also get another offset in
/// a later life.
fn acknowledged_offset(
    log: &LogFacts,
    of_record: &[Sighting],
    life: u32,
    once: bool,
) -> Option<u64> {
    let kept = once && log.expects.across_lives == AcrossLives::Prefix;
    of_record
        .iter()
        .filter(|seen| seen.witness == Witness::Acknowledgement)
        .find(|seen| {
            let acknowledged = scope(log, seen.life);
            acknowledged == life || (kept && acknowledged < life)
        })
        .map(|seen| seen.offset)
}

fn describe(seen: &Sighting, context: &Context) -> String {
    let (offset, line) = (seen.offset, seen.line);
    match seen.witness {
        Witness::Acknowledgement => format!("acknowledged at {offset} (line {line})"),
        Witness::Reader(process) => {
            let process = context.names.name(process);
            format!("{process} read it at {offset} (line {line})")
        }
    }
}
