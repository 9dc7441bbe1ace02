//! Where messages stand, for who looks without taking any.

use super::Queue;
use super::messages::Mark;

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
