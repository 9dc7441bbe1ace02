//! What happens because time passes.

use super::Queue;
use super::effect::{Effect, GoneReason, Turn};
use super::event::QueueEvent;
use super::limits::WOKEN_AT_ONCE_MAX;
use super::settings::Cause;

impl Queue {
    /// When [`Self::tick`] is next wanted, in milliseconds since the Unix epoch. May be earlier than
    /// something happens, never later.
    pub fn next_deadline(&self) -> Option<i64> {
        let settings = &self.messages.settings;
        let window_ms = settings.deduplication_ms;
        [
            self.messages.delayed.next_deadline(),
            self.messages.deadlines.next(),
            self.next_expiry(),
            window_ms.and_then(|window_ms| self.messages.dedup.next_deadline(window_ms)),
            self.idle_until(),
        ]
        .into_iter()
        .flatten()
        .min()
    }

    /// Does what the time has come for.
    pub fn tick(&mut self, turn: &mut Turn<'_>) {
        let now_ms = turn.now_ms;
        self.wake_due(turn);
        self.expire_locks(turn);
        if let Some(window_ms) = self.messages.settings.deduplication_ms {
            self.messages.dedup.expire(now_ms, window_ms);
        }
        self.expire_heads(now_ms, turn);
        self.distribute(turn);
        if self.idle_until().is_some_and(|until_ms| until_ms <= now_ms) {
            // Said again after as long, should the caller not have deleted it.
            self.used_ms = now_ms;
            let reason = GoneReason::Idle;
            turn.out.effects.push(Effect::Gone { reason });
        }
    }

    /// Has what is due be ready. When that is more than is done at once, the rest follows with the next tick, which is due
    /// already.
    pub(super) fn wake_due(&mut self, turn: &mut Turn<'_>) {
        self.messages.delayed.refill();
        for _ in 0..WOKEN_AT_ONCE_MAX {
            let Some(offset) = self.messages.delayed.due(turn.now_ms) else {
                break;
            };
            self.messages.wake(offset);
            turn.out.journal(QueueEvent::Woken { offset, count: 1 });
        }
    }

    fn expire_locks(&mut self, turn: &mut Turn<'_>) {
        while let Some(deadline) = self.messages.deadlines.pop_due(turn.now_ms) {
            let mut ended = 0;
            for number in deadline.number..deadline.number + deadline.count {
                let table = self.messages.tables.get(&deadline.holder);
                let lock = table.and_then(|table| table.get(number));
                if lock.is_some_and(|lock| lock.until_ms <= turn.now_ms) {
                    self.return_one(deadline.holder, number, Cause::LockExpired, None, turn);
                    ended += 1;
                }
            }
            self.regain(deadline.holder, ended, turn);
        }
    }

    /// When the queue is gone if nobody uses it.
    fn idle_until(&self) -> Option<i64> {
        let expires_ms = self.messages.settings.expires_ms?;
        let is_idle = self.consumers.subscribed() == 0;
        is_idle.then(|| self.used_ms.saturating_add_unsigned(expires_ms))
    }
}
