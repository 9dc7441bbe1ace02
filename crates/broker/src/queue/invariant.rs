//! What is true of a queue between any two changes.

use std::ops::Range;

use super::Queue;
use super::offset_set::OffsetSet;

/// A message is not where it must be, or something was counted wrongly.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{what}")]
pub struct Violation {
    /// What is wrong.
    pub what: String,
}

impl Queue {
    /// Checks that every message is exactly one of ready, locked, delayed and settled, and that what is
    /// counted is what is there. Takes time by the fragmentation of the queue and by what is locked
    /// and delayed.
    pub fn check(&self) -> Result<(), Violation> {
        let messages = &self.messages;
        let mut placed = Places::default();
        placed.add("settled", 0..messages.frontier.floor())?;
        for run in messages.frontier.done().runs() {
            placed.add("settled", run)?;
        }
        let done = placed.set.len();
        let mut ready_bytes = 0;
        let parked = messages.groups.parked().runs().map(|run| ("parked", run));
        let ready = messages.deliverable_within(0..u64::MAX);
        for (place, run) in ready.map(|(_, run)| ("ready", run)).chain(parked) {
            placed.add(place, run.clone())?;
            ready_bytes += messages.sizes.bytes(run);
        }
        let ready = placed.set.len() - done;
        let (mut locked, mut locked_bytes) = (0, 0);
        for table in messages.tables.values() {
            for number in table.numbers() {
                let lock = table.get(number).expect("the table names it");
                let run = lock.offset..lock.offset + 1;
                placed.add("locked", run.clone())?;
                locked_bytes += messages.sizes.bytes(run);
                locked += 1;
            }
        }
        let (mut delayed, mut delayed_bytes) = (0, 0);
        for (offset, _, _) in messages.delayed.iter() {
            placed.add("delayed", offset..offset + 1)?;
            delayed_bytes += messages.sizes.bytes(offset..offset + 1);
            delayed += 1;
        }
        if !messages.fair.is_sound() {
            return Err(violation("groups do not take their turns".to_owned()));
        }
        let all = placed.set.first_run(u64::MAX).unwrap_or(0..0);
        let counters = &messages.counters;
        equal("messages", placed.set.len(), messages.next)?;
        equal("the end of the messages", all.end, messages.next)?;
        equal("ready", ready, counters.ready)?;
        equal("ready bytes", ready_bytes, counters.ready_bytes)?;
        equal("locked", locked, counters.locked)?;
        equal("delayed", delayed, counters.delayed)?;
        equal("delayed bytes", delayed_bytes, counters.delayed_bytes)?;
        let held_bytes = ready_bytes + locked_bytes + delayed_bytes;
        equal("held bytes", held_bytes, counters.held_bytes)?;
        equal("consumers", self.consumers.subscribed(), counters.consumers)?;
        let held = ready + locked + delayed;
        equal(
            "enqueued",
            held + counters.totals.settled(),
            counters.totals.enqueued,
        )?;
        let remembered = messages
            .marks
            .keys()
            .copied()
            .chain(messages.births.iter().map(|(offset, _)| offset))
            .chain(
                messages
                    .fair
                    .all_apart()
                    .into_iter()
                    .map(|(offset, _)| offset),
            );
        match remembered
            .into_iter()
            .find(|offset| messages.frontier.is_done(*offset))
        {
            Some(offset) => Err(violation(format!("{offset} is settled and remembered"))),
            None => Ok(()),
        }
    }

    /// About the memory that the queue takes, in bytes.
    pub fn memory_bytes(&self) -> usize {
        let messages = &self.messages;
        let per_entry = |entries: usize, bytes: usize| entries * (bytes + 1);
        let tables = messages.tables.values().map(|table| table.memory_bytes());
        size_of::<Self>()
            + messages.levels.memory_bytes()
            + messages.frontier.done().memory_bytes()
            + messages.groups.parked().memory_bytes()
            + messages.fair.memory_bytes()
            + messages.sizes.memory_bytes()
            + messages.arrivals.spans.capacity() * size_of::<super::arrivals::Span>()
            + messages.ttls.runs.capacity() * size_of::<super::ttls::TtlRun>()
            + per_entry(
                messages.marks.capacity(),
                size_of::<(u64, super::messages::Mark)>(),
            )
            + messages.delayed.memory_bytes()
            + messages.births.len() * 80
            + tables.sum::<usize>()
            + self.consumers.memory_bytes()
    }
}

/// Where messages were found so far.
#[derive(Default)]
struct Places {
    set: OffsetSet,
}

impl Places {
    fn add(&mut self, place: &str, run: Range<u64>) -> Result<(), Violation> {
        if self.set.runs_within(run.clone()).next().is_some() {
            return Err(violation(format!("{run:?} is {place} and something else")));
        }
        self.set.insert(run);
        Ok(())
    }
}

fn equal(what: &str, found: u64, counted: u64) -> Result<(), Violation> {
    if found == counted {
        return Ok(());
    }
    Err(violation(format!(
        "{what}: {found} found, {counted} counted"
    )))
}

fn violation(what: String) -> Violation {
    Violation { what }
}
