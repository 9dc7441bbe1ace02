//! What becomes of messages that were delivered.

use std::ops::Range;

use super::Queue;
use super::counters::{DeathReason, Removal};
use super::effect::Turn;
use super::event::QueueEvent;
use super::ids::{HolderId, Token};
use super::locks::lock_end;
use super::settings::Cause;

/// What a holder says of messages that it was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// They are consumed.
    Ack,
    /// The same, by being sent to somebody who acknowledges nothing.
    Sent,
    /// They come back, without blame.
    Nack {
        /// For how long they wait, if not as the retry policy says.
        delay_ms: Option<u64>,
    },
    /// They come back, and it failed with them.
    Fail {
        /// For how long they wait, if not as the retry policy says.
        delay_ms: Option<u64>,
    },
    /// They are dead.
    Reject,
    /// It keeps them for so long from now on.
    Extend {
        /// In milliseconds.
        lock_ms: u64,
    },
}

/// Why messages were not settled. Nothing has happened to any of them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SettleError {
    /// The token was never given out, or its lock ended.
    #[error("holder {} has no message under number {}", .0.holder.0, .0.number)]
    UnknownToken(Token),
}

impl Queue {
    /// Settles messages that were delivered to `holder` under consecutive `numbers`, or changes
    /// their locks.
    pub fn settle(
        &mut self,
        holder: HolderId,
        numbers: Range<u64>,
        outcome: Outcome,
        turn: &mut Turn<'_>,
    ) -> Result<(), SettleError> {
        self.check_tokens(holder, numbers.clone())?;
        let count = numbers.end.saturating_sub(numbers.start);
        if count == 0 {
            return Ok(());
        }
        match outcome {
            Outcome::Ack => {
                self.finish(holder, numbers, Removal::Acked, turn);
                self.messages.counters.served.acked += count;
            }
            Outcome::Sent => self.finish(holder, numbers, Removal::Acked, turn),
            Outcome::Reject => {
                let removal = self.death(DeathReason::Rejected);
                self.finish(holder, numbers, removal, turn);
            }
            Outcome::Nack { delay_ms } => {
                self.give_back(holder, numbers, Cause::Nacked, delay_ms, turn);
            }
            Outcome::Fail { delay_ms } => {
                self.give_back(holder, numbers, Cause::Failed, delay_ms, turn);
            }
            Outcome::Extend { lock_ms } => {
                let until_ms = lock_end(turn.now_ms, lock_ms);
                let number = numbers.start;
                self.messages.extend(holder, numbers, until_ms);
                turn.out.journal(QueueEvent::Extended {
                    holder,
                    number,
                    count,
                    until_ms,
                });
                return Ok(());
            }
        }
        self.regain(holder, count, turn);
        if self.messages.groups.is_empty() {
            self.dispatch(turn);
        } else {
            // What waited behind it in its group can be dropped now.
            self.distribute(turn);
        }
        Ok(())
    }

    /// Ends a message wherever it stands, for somebody who has had it before. Returns whether it was there;
    /// what waits for others of its group stays.
    pub fn discard(&mut self, offset: u64, turn: &mut Turn<'_>) -> bool {
        let messages = &mut self.messages;
        if let Some(token) = messages.token_of(offset) {
            let numbers = token.number..token.number + 1;
            self.finish(token.holder, numbers, Removal::Acked, turn);
            self.regain(token.holder, 1, turn);
        } else {
            if messages.delayed.contains(offset) && !messages.groups.has(offset) {
                messages.wake(offset);
                turn.out.journal(QueueEvent::Woken { offset, count: 1 });
            }
            let Some(priority) = messages.priority_of(offset) else {
                return false;
            };
            let removal = Removal::Acked;
            turn.out.journal(QueueEvent::Removed {
                offset,
                count: 1,
                removal,
            });
            messages.remove_ready(priority, offset..offset + 1, removal);
        }
        self.distribute(turn);
        true
    }

    /// Dead messages were moved to where the dead go.
    pub fn buried(&mut self, offsets: Range<u64>, turn: &mut Turn<'_>) {
        let (offset, count) = (offsets.start, offsets.end - offsets.start);
        self.messages.unburied.remove(offsets);
        turn.out.journal(QueueEvent::Buried { offset, count });
    }

    /// A locked message comes back, or dies of it.
    pub(super) fn return_one(
        &mut self,
        holder: HolderId,
        number: u64,
        cause: Cause,
        delay_ms: Option<u64>,
        turn: &mut Turn<'_>,
    ) {
        let lock = self.messages.tables.get(&holder);
        let Some(lock) = lock.and_then(|table| table.get(number)) else {
            return;
        };
        let settings = &self.messages.settings;
        let counted = settings.counted.includes(cause);
        let failures = self.messages.mark(lock.offset).failures;
        let failures = failures.saturating_add(counted.into());
        if counted
            && settings
                .delivery_limit
                .is_some_and(|limit| failures > limit)
        {
            let removal = self.death(DeathReason::DeliveryLimit);
            self.finish(holder, number..number + 1, removal, turn);
            return;
        }
        let retry = settings.retry;
        let delay_ms = delay_ms.unwrap_or_else(|| match retry.after.includes(cause) {
            true => retry.delay_ms(failures, lock.offset, self.seed),
            false => 0,
        });
        let until_ms = (delay_ms > 0).then(|| turn.now_ms.saturating_add_unsigned(delay_ms));
        self.messages.return_one(holder, number, counted, until_ms);
        turn.out.journal(QueueEvent::Returned {
            holder,
            number,
            count: 1,
            counted,
            until_ms,
        });
    }

    /// What becomes of a message that dies.
    pub(super) fn death(&self, reason: DeathReason) -> Removal {
        let settings = &self.messages.settings;
        let is_dropped = settings.drops_expired && reason == DeathReason::Expired;
        match settings.dead_letter && !is_dropped {
            true => Removal::Dead(reason),
            false => Removal::Dropped(reason),
        }
    }

    fn check_tokens(&self, holder: HolderId, numbers: Range<u64>) -> Result<(), SettleError> {
        let table = self.messages.tables.get(&holder);
        for number in numbers {
            if !table.is_some_and(|table| table.contains(number)) {
                return Err(SettleError::UnknownToken(Token { holder, number }));
            }
        }
        Ok(())
    }

    fn give_back(
        &mut self,
        holder: HolderId,
        numbers: Range<u64>,
        cause: Cause,
        delay_ms: Option<u64>,
        turn: &mut Turn<'_>,
    ) {
        for number in numbers {
            self.return_one(holder, number, cause, delay_ms, turn);
        }
        self.enforce_bounds(turn);
    }

    pub(super) fn finish(
        &mut self,
        holder: HolderId,
        numbers: Range<u64>,
        removal: Removal,
        turn: &mut Turn<'_>,
    ) {
        let (number, count) = (numbers.start, numbers.end - numbers.start);
        let is_death = matches!(removal, Removal::Dead(_) | Removal::Dropped(_));
        self.messages
            .settle(holder, numbers, removal, |offset, mark| {
                if is_death {
                    turn.out.died(offset, 1, removal, mark);
                }
            });
        let settled = QueueEvent::Settled {
            holder,
            number,
            count,
            removal,
        };
        self.journal_unordered(settled, turn);
    }
}
