//! Where messages stand, for who looks without taking any.

use super::Queue;
use super::limits::LOCKED_SEARCH_STEPS_MAX;
use super::messages::{Mark, Messages};

/// A message that a queue holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Standing {
    /// The message.
    pub offset: u64,
    /// What it waits for.
    pub place: Place,
    /// How often it came back.
    pub mark: Mark,
}

/// What a message waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// For a consumer, or for others of its group.
    Ready,
    /// For who was given it.
    Locked,
    /// For a time of its own.
    Delayed,
}

impl Queue {
    /// The priority of a message that could be delivered now; None if it could not.
    pub fn priority_of_ready(&self, offset: u64) -> Option<u8> {
        self.messages.priority_of(offset)
    }

    /// Whether a message left the queue, or never was in it.
    pub fn is_gone(&self, offset: u64) -> bool {
        offset >= self.messages.next || self.messages.frontier.is_done(offset)
    }

    /// The message that is delivered next.
    pub fn first_ready(&self) -> Option<u64> {
        let (_, run) = self.messages.first_run(1)?;
        Some(run.start)
    }

    /// The first of the messages that are locked, by when they came in. It is near the front of what the queue holds unless
    /// much has come back, and is looked for nowhere else.
    pub fn first_locked(&self) -> Option<u64> {
        let messages = &self.messages;
        if messages.counters.locked == 0 {
            return None;
        }
        let mut offset = messages.frontier.floor();
        for _ in 0..LOCKED_SEARCH_STEPS_MAX {
            offset = messages.frontier.next_open(offset);
            if offset >= messages.next {
                break;
            }
            match messages.waiting_until(offset) {
                end if end == offset => return Some(offset),
                end => offset = end,
            }
        }
        None
    }

    /// Messages that the queue holds, in the order in which they came in: from an offset on, below
    /// another, and at most so many. Takes time by how many are shown.
    pub fn look(&self, from: u64, below: u64, count_max: usize) -> Vec<Standing> {
        let messages = &self.messages;
        let below = below.min(messages.next);
        let mut standings = Vec::new();
        let mut offset = messages.frontier.next_open(from);
        while offset < below && standings.len() < count_max {
            let is_ready =
                messages.priority_of(offset).is_some() || messages.groups.parked().contains(offset);
            let place = if is_ready {
                Place::Ready
            } else if messages.delayed.contains(offset) {
                Place::Delayed
            } else {
                Place::Locked
            };
            standings.push(Standing {
                offset,
                place,
                mark: messages.mark(offset),
            });
            offset = messages.frontier.next_open(offset + 1);
        }
        standings
    }
}

impl Messages {
    /// Where a run ends of messages that are ready alike, or of one that is delayed; `offset` itself if that is neither.
    fn waiting_until(&self, offset: u64) -> u64 {
        let levels = self.levels.priorities();
        let levels = levels.filter_map(|priority| self.levels.level(priority));
        let mut ready = levels.chain([self.fair.ready(), self.groups.parked()]);
        match ready.find(|ready| ready.contains(offset)) {
            Some(ready) => ready.run_end(offset, u64::MAX),
            None => offset + u64::from(self.delayed.contains(offset)),
        }
    }
}
