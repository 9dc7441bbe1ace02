//! Giving messages to those who wait for them.

use std::ops::Range;

use super::Queue;
use super::counters::Removal;
use super::credit::Credit;
use super::effect::{Delivery, Turn};
use super::event::QueueEvent;
use super::ids::HolderId;
use super::limits::{QUANTUM_MAX, QUANTUM_SHARE};
use super::locks::{NEVER, lock_end};
use super::settings::Order;

/// Somebody asks for messages without subscribing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Get {
    /// Who. Not a consumer: what is got counts for nobody's credit.
    pub holder: HolderId,
    /// The most messages it takes.
    pub messages_max: u64,
    /// For how long they are locked, if not for as long as the queue's settings say.
    pub lock_ms: Option<u64>,
    /// They are settled by being delivered.
    pub no_ack: bool,
    /// A gateway settles them when they are [sent](super::Outcome::Sent). It only counts.
    pub auto_ack: bool,
}

impl Queue {
    /// Delivers what is ready to whoever asks. Returns how many messages.
    pub fn get(&mut self, get: Get, turn: &mut Turn<'_>) -> u64 {
        self.used_ms = turn.now_ms;
        let until_ms = self.lock_until(get.lock_ms, turn.now_ms);
        let mut given = 0;
        while given < get.messages_max {
            let Some((priority, run)) = self.next_run(get.messages_max - given, turn) else {
                break;
            };
            given += run.end - run.start;
            let first = run.end - 1;
            self.deliver(get.holder, get.no_ack, priority, run, until_ms, turn);
            if !get.no_ack {
                given += self.get_line(get, first, get.messages_max - given, until_ms, turn);
            }
        }
        let served = &mut self.messages.counters.served;
        *match get.no_ack || get.auto_ack {
            true => &mut served.got_no_ack,
            false => &mut served.got,
        } += given;
        given
    }

    /// Whoever has the first of a group may take what stands in line behind it in the same go: nobody else gets
    /// any of it before that is settled.
    fn get_line(
        &mut self,
        get: Get,
        mut last: u64,
        messages_max: u64,
        until_ms: i64,
        turn: &mut Turn<'_>,
    ) -> u64 {
        let mut given = 0;
        while given < messages_max
            && let Some((next, priority)) = self.messages.groups.next_of(last)
        {
            let (expiry_ms, _) = self.messages.expiry(next);
            // It is dropped when it is first in line.
            if expiry_ms.is_some_and(|expiry_ms| expiry_ms < turn.now_ms) {
                break;
            }
            self.deliver(get.holder, false, priority, next..next + 1, until_ms, turn);
            given += 1;
            last = next;
        }
        given
    }

    /// Gives what is ready to consumers, then drops what has expired and what is too much.
    pub(super) fn distribute(&mut self, turn: &mut Turn<'_>) {
        self.dispatch(turn);
        self.expire_heads(turn.now_ms, turn);
        if self.enforce_bounds(turn) {
            self.expire_heads(turn.now_ms, turn);
        }
    }

    /// Gives what is ready to consumers as long as there is room.
    pub(super) fn dispatch(&mut self, turn: &mut Turn<'_>) {
        if self.messages.is_drained() {
            return;
        }
        let until_ms = self.lock_until(None, turn.now_ms);
        while let Some((id, room, waiting)) = self.consumers.turn(turn.pools) {
            let length_max = match waiting {
                1 => room,
                _ => room.min(
                    (self.messages.counters.ready / (waiting * QUANTUM_SHARE))
                        .clamp(1, QUANTUM_MAX),
                ),
            };
            let Some((priority, run)) = self.next_run(length_max, turn) else {
                break;
            };
            let count = run.end - run.start;
            let Some(consumer) = self.consumers.get_mut(id) else {
                break;
            };
            let no_ack = consumer.settings.no_ack;
            let auto_ack = consumer.settings.auto_ack;
            if let Credit::Grant(left) = &mut consumer.settings.credit {
                *left = left.saturating_sub(u32::try_from(count).unwrap_or(u32::MAX));
            }
            if !no_ack {
                consumer.unsettled += count;
                if let Some(pool) = consumer.pool() {
                    turn.pools.take(pool, count);
                }
            }
            let served = &mut self.messages.counters.served;
            *match no_ack || auto_ack {
                true => &mut served.delivered_no_ack,
                false => &mut served.delivered,
            } += count;
            self.deliver(id, no_ack, priority, run, until_ms, turn);
            if waiting > 1 {
                self.consumers.rotate(id);
            }
        }
    }

    /// The next messages to deliver, of one priority and at most so many, none of them expired.
    fn next_run(&mut self, length_max: u64, turn: &mut Turn<'_>) -> Option<(u8, Range<u64>)> {
        let length_max = match self.messages.settings.order {
            Order::Fifo if self.messages.counters.locked > 0 => return None,
            Order::Fifo => 1,
            Order::None | Order::PerGroup | Order::FairGroups => self.messages.stride(length_max),
        };
        if !self.messages.expires() {
            return self.messages.first_run(length_max);
        }
        // What expires this very millisecond is still delivered: a TTL of 0 is "at once or never".
        self.expire_heads(turn.now_ms.saturating_sub(1), turn);
        let (priority, run) = self.messages.first_run(length_max)?;
        let (_, alike) = self.messages.expiry(run.start);
        Some((priority, run.start..run.end.min(alike)))
    }

    fn deliver(
        &mut self,
        holder: HolderId,
        no_ack: bool,
        priority: u8,
        run: Range<u64>,
        until_ms: i64,
        turn: &mut Turn<'_>,
    ) {
        let mut start = run.start;
        while start < run.end {
            let (mark, end) = self.messages.marked_alike(start..run.end);
            let (offset, count) = (start, end - start);
            let run = start..end;
            start = end;
            let number = if no_ack {
                let removal = Removal::Acked;
                self.messages.remove_ready(priority, run, removal);
                turn.out.journal(QueueEvent::Removed {
                    offset,
                    count,
                    removal,
                });
                None
            } else {
                let at_ms = (until_ms != NEVER).then_some(turn.now_ms);
                let number = self
                    .messages
                    .lock(holder, priority, run, until_ms, at_ms, None);
                let locked = QueueEvent::Locked {
                    holder,
                    number,
                    offset,
                    count,
                    until_ms: at_ms.map(|_| until_ms),
                    at_ms,
                };
                self.journal_unordered(locked, turn);
                Some(number)
            };
            turn.out.deliver(Delivery {
                holder,
                offset,
                count,
                number,
                mark,
            });
        }
    }

    /// Journals a lock or a settlement.
    pub(super) fn journal_unordered(&self, event: QueueEvent, turn: &mut Turn<'_>) {
        if self.messages.groups.is_empty() {
            turn.out.journal_unordered(event);
        } else {
            turn.out.journal(event);
        }
    }

    fn lock_until(&self, lock_ms: Option<u64>, now_ms: i64) -> i64 {
        match lock_ms.or(self.messages.settings.lock_ms) {
            Some(lock_ms) => lock_end(now_ms, lock_ms),
            None => NEVER,
        }
    }
}
