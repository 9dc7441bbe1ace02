//! Order in the log: the records of a producer that keeps order lie in it as they were sent, per
//! partition or per key, as it says.
//!
//! Where both of two records were acknowledged with offsets, [`super::sends`] compares these. This rule
//! adds the records whose place is known from reading only: of an idempotent producer, also those whose
//! outcome is unknown. (A producer that may store twice may also have a send that it has given up
//! stored late, which is why such sends are left out.)

use std::collections::{BTreeMap, HashMap};

use super::Context;
use crate::facts::{Attempt, LogFacts, NameId, RecordId};
use crate::history::{AcrossLives, KeepsOrder, Outcome};
use crate::verdict::{Anomaly, Verdict};

/// The sends of each producer to a log, in the order in which it sent them.
pub(crate) fn in_order_of_sending(log: &LogFacts) -> BTreeMap<NameId, Vec<(RecordId, Attempt)>> {
    let mut by_process: BTreeMap<NameId, Vec<(RecordId, Attempt)>> = BTreeMap::new();
    for (record, attempt) in log.attempts() {
        let sends = by_process.entry(attempt.process).or_default();
        sends.push((record, *attempt));
    }
    for sends in by_process.values_mut() {
        sends.sort_unstable_by_key(|(_, attempt)| (attempt.sequence, attempt.invoked));
    }
    by_process
}

/// Where a record is.
#[derive(Clone, Copy)]
struct Place {
    offset: u64,
    /// Whether that is known from its acknowledgement.
    acknowledged: bool,
}

/// A send whose record has a place.
#[derive(Clone, Copy)]
struct Placed<'a> {
    record: RecordId,
    attempt: &'a Attempt,
    offset: u64,
}

/// The sends furthest into the log so far, among those that are compared with each other.
#[derive(Default)]
struct Furthest<'a> {
    acknowledged: Option<Placed<'a>>,
    read: Option<Placed<'a>>,
}

pub(crate) fn judge(log: &LogFacts, context: &Context, verdict: &mut Verdict) {
    let places = Places::of(log);
    for (process, sends) in in_order_of_sending(log) {
        let producer = context.producers[&process];
        if producer.keeps_order == KeepsOrder::No {
            continue;
        }
        let mut furthest: HashMap<Option<NameId>, Furthest> = HashMap::new();
        for (record, attempt) in &sends {
            let certain = producer.once || attempt.outcome == Outcome::Ok;
            let Some(place) = places.of_send(log, *record, attempt).filter(|_| certain) else {
                continue;
            };
            let placed = Placed {
                record: *record,
                attempt,
                offset: place.offset,
            };
            let key = (producer.keeps_order == KeepsOrder::Key).then_some(attempt.key);
            let scope = furthest.entry(key.flatten()).or_default();
            let compared = [
                scope.read,
                scope.acknowledged.filter(|_| !place.acknowledged),
            ];
            let overtaken = compared.into_iter().flatten().find(|earlier| {
                earlier.offset > place.offset && earlier.attempt.was_sent_before(attempt)
            });
            if let Some(earlier) = overtaken {
                verdict.found(Anomaly::OutOfOrder, || {
                    let (one, at) = (context.show(log, earlier.record), earlier.offset);
                    let (other, offset) = (context.show(log, *record), place.offset);
                    format!("{one}, at offset {at}; then {other}, at offset {offset}")
                });
            }
            let last = if place.acknowledged {
                &mut scope.acknowledged
            } else {
                &mut scope.read
            };
            if last.is_none_or(|last| last.offset < place.offset) {
                *last = Some(placed);
            }
        }
    }
}

/// Where the records of a log are.
struct Places {
    /// The life in which it was read last, and the lowest offset there.
    read: HashMap<RecordId, (u32, u64)>,
    last_life: u32,
}

impl Places {
    fn of(log: &LogFacts) -> Self {
        let mut read: HashMap<RecordId, (u32, u64)> = HashMap::new();
        for seen in log.reads() {
            let place = (seen.life, seen.offset);
            let last = read.entry(seen.record).or_insert(place);
            if place.0 > last.0 || (place.0 == last.0 && place.1 < last.1) {
                *last = place;
            }
        }
        let last_life = read.values().map(|(life, _)| *life).max().unwrap_or(0);
        Self { read, last_life }
    }

    fn of_send(&self, log: &LogFacts, record: RecordId, attempt: &Attempt) -> Option<Place> {
        if log.is_tombstone(record) {
            return None;
        }
        let acknowledged = attempt.acknowledged_offset();
        let read = self.read.get(&record);
        if log.expects.across_lives == AcrossLives::Everything {
            let offset = acknowledged.or(read.map(|(_, offset)| *offset))?;
            let acknowledged = acknowledged.is_some();
            return Some(Place {
                offset,
                acknowledged,
            });
        }
        // Places of different lives cannot be compared: only what is there in the end has one.
        let (_, offset) = *read.filter(|(life, _)| *life == self.last_life)?;
        Some(Place {
            offset,
            acknowledged: acknowledged == Some(offset),
        })
    }
}
