//! A queue at one point of the journal.
//!
//! Layout: `version u8 (8), QueueSettings, seed u64, next varint, next number varint, floor varint, settled above
//! it SET, ready LEVELS, delayed (see `Delayed::snapshot`), locks
//! list<holder u64, list<number varint, offset varint, until i64, priority u8>>, marks list<offset varint, deliveries u32,
//! failures u32, first option<i64>>, sizes folded and exact list<first varint, count varint, bytes varint>, arrivals
//! list<first varint, last i64, closes i64>, ttls list<first varint, end varint, ttl varint>,
//! groups list<offset varint, group u64, priority u8, standing u8 (1 apart, 2 lead, 3 parked)>, deduplication list<id 16, offset
//! varint, time i64>, totals, unburied list<first varint, count varint, reason u8>, moved varint,
//! births list<offset varint, time i64>, fair groups list<group u64, ready RUNS>, not ready of them list<offset varint,
//! group u64>`. LEVELS is `list<priority u8, SET>`, and SET and RUNS are what `OffsetSet::snapshot` says. Lists of runs and
//! of locks are in order, so that the same queue is the same bytes, but for how what is delayed is divided into pages.
//!
//! Version 1 has nothing unburied, up to version 2 nothing was moved, and up to version 3 there are no first times, and a
//! standing is 1 apart, or 0 for what follows from the order. Up to version 4 all were born here, up to version 5 no groups
//! took turns, up to version 6 nothing is in pages, and up to version 7 every SET is RUNS.

use std::sync::Arc;

use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::limits::NUMBER_MAX;
use forebay_storage::{IdMap, Scratch};

use super::Queue;
use super::arrivals::Span;
use super::counters::{DeathReason, Totals};
use super::delayed::Delayed;
use super::frontier::Frontier;
use super::groups::{Member, Standing};
use super::ids::HolderId;
use super::levels::Levels;
use super::limits::{DELAYED_IN_MEMORY_BYTES, HOLES_IN_MEMORY_BYTES};
use super::locks::{Lock, LockTable, SparePages};
use super::messages::{Mark, Messages};
use super::offset_set::{OffsetSet, put_runs, take_runs};
use super::settings::QueueSettings;
use super::sizes::SizeRun;
use super::ttls::TtlRun;

pub(super) const VERSION: u8 = 8;

impl Queue {
    /// Appends everything that messages and events so far have built.
    pub fn snapshot(&self, encoder: &mut Encoder) {
        let messages = &self.messages;
        messages.settings.encode(encoder.u8(VERSION));
        let tables = messages.tables.values();
        let next_number = tables.fold(messages.next_number, |next, table| next.max(table.next()));
        encoder
            .u64(self.seed)
            .varint(messages.next)
            .varint(next_number)
            .varint(messages.frontier.floor());
        messages.frontier.done().snapshot(encoder);
        put_levels(encoder, &messages.levels);
        messages.delayed.snapshot(encoder);
        put_locks(encoder, &messages.tables);
        let mut marks: Vec<_> = messages.marks.iter().collect();
        marks.sort_unstable_by_key(|(offset, _)| **offset);
        encoder.list(marks, |encoder, (offset, mark)| {
            encoder
                .varint(*offset)
                .u32(mark.deliveries)
                .u32(mark.failures)
                .option(mark.first_ms, |encoder, first_ms| {
                    encoder.i64(first_ms);
                });
        });
        for runs in [&messages.sizes.folded, &messages.sizes.exact] {
            encoder.list(runs, |encoder, run| {
                encoder
                    .varint(run.first)
                    .varint(run.count)
                    .varint(run.bytes);
            });
        }
        encoder.list(&messages.arrivals.spans, |encoder, span| {
            encoder
                .varint(span.first)
                .i64(span.last_ms)
                .i64(span.closes_ms);
        });
        encoder.list(&messages.ttls.runs, |encoder, run| {
            encoder.varint(run.first).varint(run.end).varint(run.ttl_ms);
        });
        encoder.list(
            messages.groups.members(),
            |encoder, (offset, member, standing)| {
                encoder
                    .varint(offset)
                    .u64(member.group)
                    .u8(member.priority)
                    .u8(match standing {
                        Standing::Apart => 1,
                        Standing::Lead => 2,
                        Standing::Parked => 3,
                    });
            },
        );
        let seen: Vec<_> = messages.dedup.iter().collect();
        encoder.list(seen, |encoder, (id, offset, at_ms)| {
            encoder.bytes16(&id.to_le_bytes()).varint(offset).i64(at_ms);
        });
        put_totals(encoder, &messages.counters.totals);
        encoder.list(messages.unburied.runs(), |encoder, (run, reason)| {
            let count = run.end - run.start;
            encoder.varint(run.start).varint(count).u8(reason as u8);
        });
        encoder.varint(messages.counters.totals.moved).list(
            messages.births.iter(),
            |encoder, (offset, born_ms)| {
                encoder.varint(offset).i64(born_ms);
            },
        );
        encoder.list(messages.fair.all_ready(), |encoder, (group, ready)| {
            put_runs(encoder.u64(group), || ready.runs());
        });
        encoder.list(messages.fair.all_apart(), |encoder, (offset, group)| {
            encoder.varint(offset).u64(group);
        });
    }

    /// Takes what [`Self::snapshot`] wrote. What the journal has after it is replayed, then the queue
    /// is [opened](Self::open).
    pub fn restore(decoder: &mut Decoder<'_>, scratch: &Arc<Scratch>) -> Result<Self, DecodeError> {
        let version = decoder.u8()?;
        if !(1..=VERSION).contains(&version) {
            return Err(invalid("version of queue snapshot"));
        }
        let settings = QueueSettings::decode(decoder)?;
        let seed = decoder.u64()?;
        let mut messages = Messages::new(settings, 0);
        messages.next = number(decoder)?;
        messages.next_number = number(decoder)?;
        messages.frontier = take_frontier(version, decoder, scratch)?;
        messages.levels = take_levels(version, decoder, scratch)?;
        messages.delayed = Delayed::restore(version, decoder, DELAYED_IN_MEMORY_BYTES, scratch)?;
        take_locks(decoder, &mut messages)?;
        decoder.each(|decoder| {
            let offset = number(decoder)?;
            let mark = Mark {
                deliveries: decoder.u32()?,
                failures: decoder.u32()?,
                first_ms: match version {
                    1..=3 => None,
                    _ => decoder.option(Decoder::i64)?,
                },
            };
            messages.marks.insert(offset, mark);
            Ok(())
        })?;
        take_sizes(decoder, &mut messages)?;
        decoder.each(|decoder| {
            messages.arrivals.spans.push_back(Span {
                first: number(decoder)?,
                last_ms: decoder.i64()?,
                closes_ms: decoder.i64()?,
            });
            Ok(())
        })?;
        decoder.each(|decoder| {
            messages.ttls.runs.push_back(TtlRun {
                first: number(decoder)?,
                end: number(decoder)?,
                ttl_ms: decoder.varint()?,
            });
            Ok(())
        })?;
        decoder.each(|decoder| {
            let offset = number(decoder)?;
            let member = Member {
                group: decoder.u64()?,
                priority: decoder.u8()?,
            };
            match decoder.u8()? {
                0 if version <= 3 => {
                    messages.groups.join(offset, member);
                    messages.groups.admit(offset);
                }
                1 => messages.groups.restore(offset, member, Standing::Apart),
                2 => messages.groups.restore(offset, member, Standing::Lead),
                3 => messages.groups.restore(offset, member, Standing::Parked),
                _ => return Err(invalid("standing in a group")),
            }
            Ok(())
        })?;
        decoder.each(|decoder| {
            let id = u128::from_le_bytes(decoder.bytes16()?);
            messages.dedup.record(id, number(decoder)?, decoder.i64()?);
            Ok(())
        })?;
        messages.counters.totals = take_totals(decoder)?;
        if version >= 2 {
            decoder.each(|decoder| take_unburied(decoder, &mut messages))?;
        }
        if version >= 3 {
            messages.counters.totals.moved = number(decoder)?;
        }
        if version >= 5 {
            decoder.each(|decoder| {
                let offset = number(decoder)?;
                messages.births.insert(offset, decoder.i64()?);
                Ok(())
            })?;
        }
        if version >= 6 {
            take_fair(decoder, &mut messages)?;
        }
        messages.line_up_births();
        messages.recount();
        let queue = Self {
            messages,
            consumers: Default::default(),
            seed,
            used_ms: 0,
        };
        queue.check().map_err(|_| invalid("queue snapshot"))?;
        Ok(queue)
    }
}

impl Messages {
    /// What was born elsewhere and can be delivered is found by its age.
    fn line_up_births(&mut self) {
        let born: Vec<u64> = self.births.iter().map(|(offset, _)| offset).collect();
        for offset in born {
            if self.priority_of(offset).is_some() {
                self.births.enter(offset..offset + 1);
            }
        }
    }

    /// Counts what is there.
    fn recount(&mut self) {
        let parked = self.groups.parked().runs();
        let ready = self.deliverable_within(0..u64::MAX).map(|(_, run)| run);
        let (mut count, mut bytes) = (0u64, 0u64);
        for run in ready.chain(parked) {
            // What was not written by a queue may overlap; the check that follows refuses it.
            count = count.saturating_add(run.end - run.start);
            bytes = bytes.saturating_add(self.sizes.bytes(run));
        }
        let delayed_bytes = self.delayed_bytes_within(0..u64::MAX);
        let floor = self.frontier.floor().min(self.next);
        let held_bytes = self.held_bytes_within(floor..self.next);
        let counters = &mut self.counters;
        counters.ready = counters.ready.saturating_add(count);
        counters.ready_bytes = counters.ready_bytes.saturating_add(bytes);
        counters.locked = self.tables.values().map(|table| table.len()).sum();
        counters.delayed = self.delayed.len();
        (counters.delayed_bytes, counters.held_bytes) = (delayed_bytes, held_bytes);
    }
}

pub(super) fn put_levels(encoder: &mut Encoder, levels: &Levels) {
    let priorities: Vec<_> = levels.priorities().collect();
    encoder.list(priorities, |encoder, priority| {
        encoder.u8(priority);
        if let Some(level) = levels.level(priority) {
            level.snapshot(encoder);
        }
    });
}

pub(super) fn take_levels(
    version: u8,
    decoder: &mut Decoder<'_>,
    scratch: &Arc<Scratch>,
) -> Result<Levels, DecodeError> {
    let mut levels = Levels::default();
    decoder.each(|decoder| {
        let priority = decoder.u8()?;
        if version < 8 {
            return take_runs(decoder, NUMBER_MAX, |run| levels.insert(priority, run));
        }
        let level = OffsetSet::restore(decoder, HOLES_IN_MEMORY_BYTES, scratch)?;
        levels.put(priority, level);
        levels.page_out(HOLES_IN_MEMORY_BYTES, scratch);
        Ok(())
    })?;
    Ok(levels)
}

fn take_frontier(
    version: u8,
    decoder: &mut Decoder<'_>,
    scratch: &Arc<Scratch>,
) -> Result<Frontier, DecodeError> {
    let floor = number(decoder)?;
    if version >= 8 {
        let done = OffsetSet::restore(decoder, HOLES_IN_MEMORY_BYTES, scratch)?;
        return Frontier::restore(floor, done).ok_or(invalid("settled messages"));
    }
    let mut frontier = Frontier::new(floor);
    take_runs(decoder, NUMBER_MAX, |run| frontier.finish(run))?;
    Ok(frontier)
}

fn put_locks(encoder: &mut Encoder, tables: &IdMap<HolderId, LockTable>) {
    let mut tables: Vec<_> = tables
        .iter()
        .filter(|(_, table)| !table.is_empty())
        .collect();
    tables.sort_unstable_by_key(|(holder, _)| **holder);
    encoder.list(tables, |encoder, (holder, table)| {
        encoder
            .u64(holder.0)
            .list(table.numbers(), |encoder, number| {
                if let Some(lock) = table.get(number) {
                    encoder
                        .varint(number)
                        .varint(lock.offset)
                        .i64(lock.until_ms)
                        .u8(lock.priority);
                }
            });
    });
}

fn take_locks(decoder: &mut Decoder<'_>, messages: &mut Messages) -> Result<(), DecodeError> {
    let mut spare = SparePages::default();
    decoder.each(|decoder| {
        let holder = HolderId(decoder.u64()?);
        let mut table = LockTable::new(messages.next_number);
        decoder.each(|decoder| {
            let given = number(decoder)?;
            let lock = Lock {
                offset: number(decoder)?,
                until_ms: decoder.i64()?,
                priority: decoder.u8()?,
            };
            if table.contains(given) {
                return Err(invalid("lock"));
            }
            table.insert(given, lock, &mut spare);
            messages.watch(holder, given, 1, lock.until_ms);
            Ok(())
        })?;
        match messages.tables.insert(holder, table) {
            Some(_) => Err(invalid("holder")),
            None => Ok(()),
        }
    })
}

fn take_sizes(decoder: &mut Decoder<'_>, messages: &mut Messages) -> Result<(), DecodeError> {
    let mut end = 0;
    let mut bytes = 0u64;
    for runs in [&mut messages.sizes.folded, &mut messages.sizes.exact] {
        decoder.each(|decoder| {
            let run = SizeRun {
                first: number(decoder)?,
                count: number(decoder)?,
                bytes: number(decoder)?,
            };
            bytes = bytes.saturating_add(run.bytes);
            if run.first < end
                || run.count == 0
                || run.first + run.count > NUMBER_MAX
                || bytes > NUMBER_MAX
            {
                return Err(invalid("sizes"));
            }
            end = run.first + run.count;
            runs.push_back(run);
            Ok(())
        })?;
    }
    Ok(())
}

fn put_totals(encoder: &mut Encoder, totals: &Totals) {
    encoder
        .varint(totals.enqueued)
        .varint(totals.delivered)
        .varint(totals.redelivered)
        .varint(totals.acked)
        .varint(totals.purged);
    for count in totals.dead.iter().chain(&totals.dropped) {
        encoder.varint(*count);
    }
}

fn take_totals(decoder: &mut Decoder<'_>) -> Result<Totals, DecodeError> {
    let mut totals = Totals {
        enqueued: number(decoder)?,
        delivered: number(decoder)?,
        redelivered: number(decoder)?,
        acked: number(decoder)?,
        purged: number(decoder)?,
        ..Totals::default()
    };
    for count in totals.dead.iter_mut().chain(&mut totals.dropped) {
        *count = number(decoder)?;
    }
    let died = totals.dead.iter().chain(&totals.dropped);
    let settled = died.chain([&totals.acked, &totals.purged]);
    let settled = settled.fold(0u64, |sum, count| sum.saturating_add(*count));
    if settled > NUMBER_MAX {
        return Err(invalid("totals"));
    }
    Ok(totals)
}

fn take_unburied(decoder: &mut Decoder<'_>, messages: &mut Messages) -> Result<(), DecodeError> {
    let (first, count) = (number(decoder)?, number(decoder)?);
    let reason = DeathReason::ALL.get(usize::from(decoder.u8()?));
    let reason = *reason.ok_or(invalid("reason of a death"))?;
    let run = first..first + count;
    // What is not settled is not dead, and what is dead is so once.
    if count == 0 || !messages.frontier.has_done(run.clone()) || messages.unburied.meets(&run) {
        return Err(invalid("dead messages"));
    }
    messages.unburied.insert(run, reason);
    Ok(())
}

fn take_fair(decoder: &mut Decoder<'_>, messages: &mut Messages) -> Result<(), DecodeError> {
    decoder.each(|decoder| {
        let group = decoder.u64()?;
        take_runs(decoder, NUMBER_MAX, |run| messages.fair.enter(run, group))
    })?;
    decoder.each(|decoder| {
        let offset = number(decoder)?;
        messages.fair.join(offset, decoder.u64()?);
        Ok(())
    })?;
    // In flight is what somebody has.
    for table in messages.tables.values() {
        for lock in table
            .numbers()
            .into_iter()
            .filter_map(|number| table.get(number))
        {
            messages.fair.restore_in_flight(lock.offset);
        }
    }
    Ok(())
}

/// A varint that counts something.
pub(super) fn number(decoder: &mut Decoder<'_>) -> Result<u64, DecodeError> {
    match decoder.varint()? {
        number @ 0..=NUMBER_MAX => Ok(number),
        _ => Err(invalid("number")),
    }
}

fn invalid(what: &'static str) -> DecodeError {
    DecodeError::Invalid { what }
}
