//! Coming to life again from the journal.

use std::ops::Range;

use super::Queue;
use super::effect::{Effect, Turn};
use super::enqueue::Arrival;
use super::event::QueueEvent;
use super::ids::HolderId;
use super::locks::NEVER;
use super::messages::{Mark, Messages};
use super::settings::Cause;

impl Queue {
    /// The journal says that messages were appended to the queue's log, at that time. Their attributes
    /// follow as an event.
    pub fn replay_arrival(&mut self, arrival: &Arrival, at_ms: i64) {
        let run = arrival.first..arrival.first + arrival.count;
        self.messages.arrive(run, arrival.bytes_each, at_ms);
    }

    /// Applies an event from the journal, before the queue is [opened](Self::open). Events that
    /// changes put out are already applied.
    pub fn apply(&mut self, event: &QueueEvent) {
        let messages = &mut self.messages;
        match event {
            QueueEvent::Locked {
                holder,
                number,
                offset,
                count,
                until_ms,
                at_ms,
            } => {
                for (priority, run) in messages.ready_within(*offset..offset + count) {
                    let number = number + (run.start - offset);
                    let numbers = number..number + (run.end - run.start);
                    if held(messages, *holder, numbers).is_empty() {
                        let until_ms = until_ms.unwrap_or(NEVER);
                        messages.lock(*holder, priority, run, until_ms, *at_ms, Some(number));
                    }
                }
            }
            QueueEvent::Settled {
                holder,
                number,
                count,
                removal,
            } => {
                for numbers in held(messages, *holder, *number..number + count) {
                    messages.settle(*holder, numbers, *removal, |_, _| {});
                }
            }
            QueueEvent::Returned {
                holder,
                number,
                count,
                counted,
                until_ms,
            } => {
                let held = held(messages, *holder, *number..number + count);
                for number in held.into_iter().flatten() {
                    messages.return_one(*holder, number, *counted, *until_ms);
                }
            }
            QueueEvent::Removed {
                offset,
                count,
                removal,
            } => loop {
                let runs = messages.deliverable_within(*offset..offset + count);
                let runs: Vec<_> = runs.collect();
                if runs.is_empty() {
                    break;
                }
                // Within a group the next is ready when the one before it was removed.
                for (priority, run) in runs {
                    messages.remove_ready(priority, run, *removal);
                }
            },
            QueueEvent::Attributed {
                offset,
                count,
                at_ms,
                attributes,
            } => messages.attribute(*offset..offset + count, *at_ms, attributes),
            QueueEvent::Extended {
                holder,
                number,
                count,
                until_ms,
            } => {
                for numbers in held(messages, *holder, *number..number + count) {
                    messages.extend(*holder, numbers, *until_ms);
                }
            }
            QueueEvent::Woken { offset, count } => {
                messages.wake_within(*offset..offset + count);
            }
            QueueEvent::Purged { below } => messages.purge(*below),
            QueueEvent::DeduplicationForgotten => messages.dedup.clear(),
            QueueEvent::Buried { offset, count } => {
                let end = offset.saturating_add(*count);
                messages.unburied.remove(*offset..end);
            }
            QueueEvent::Reconfigured { settings } => {
                messages.reconfigure(settings.as_ref().clone());
            }
        }
    }

    /// Begins work after the last event of the journal. Holders are gone with the connections that they
    /// were of: what they held comes back, unless its lock ends by itself (then its token is still
    /// good).
    pub fn open(&mut self, turn: &mut Turn<'_>) {
        self.used_ms = turn.now_ms;
        for (run, reason) in self.messages.unburied.runs() {
            turn.out.effects.push(Effect::DeadLettered {
                offset: run.start,
                count: run.end - run.start,
                reason,
                mark: Mark::default(),
            });
        }
        let mut holders: Vec<_> = self.messages.tables.keys().copied().collect();
        holders.sort_unstable();
        for holder in holders {
            let table = self.messages.tables.get(&holder);
            let numbers = table.map(|table| table.numbers()).unwrap_or_default();
            for number in numbers {
                let table = self.messages.tables.get(&holder);
                let lock = table.and_then(|table| table.get(number));
                if lock.is_some_and(|lock| lock.until_ms == NEVER) {
                    self.return_one(holder, number, Cause::Released, None, turn);
                }
            }
            let table = self.messages.tables.get(&holder);
            if table.is_some_and(|table| table.is_empty()) {
                self.messages.forget_holder(holder);
            }
        }
        self.tick(turn);
    }
}

/// What of `numbers` a holder has, in runs. Takes time by what there is, whatever an event says.
fn held(messages: &Messages, holder: HolderId, numbers: Range<u64>) -> Vec<Range<u64>> {
    let Some(table) = messages.tables.get(&holder) else {
        return Vec::new();
    };
    let mut runs: Vec<Range<u64>> = Vec::new();
    let mut add = |number: u64| match runs.last_mut() {
        Some(last) if last.end == number => last.end += 1,
        _ => runs.push(number..number + 1),
    };
    if numbers.end - numbers.start <= table.len() {
        numbers
            .filter(|number| table.contains(*number))
            .for_each(&mut add);
    } else {
        let all = table.numbers().into_iter();
        all.filter(|number| numbers.contains(number))
            .for_each(&mut add);
    }
    runs
}
