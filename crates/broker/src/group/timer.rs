//! Deadlines of members and groups.
//!
//! A heartbeat only writes a later deadline into its member's [`Alarm`]; the ordered set of wake-ups
//! is touched when an alarm first is set, when it moves closer, when it is cleared, and once each
//! time it rings to find that its deadline has moved. So ten thousand members that heartbeat every
//! three seconds cost one tree operation each per session time-out, and the set holds exactly one
//! entry for each alarm that is set.

use std::collections::BTreeMap;
use std::time::Duration;

use super::ids::MemberId;
use crate::names::GroupId;

/// What rings.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TimerKey {
    /// A member has been silent too long, or a reserved member id was not used.
    Member(GroupId, MemberId),
    /// A group's members had time enough to join.
    Join(GroupId),
    /// A group's members had time enough to sync.
    Sync(GroupId),
    /// It is time to look for old offsets.
    Retention,
}

/// The place of a wake-up: its time, then the order of setting.
pub(super) type Slot = (Duration, u64);

/// A deadline that can be set, moved and cleared.
#[derive(Debug, Default)]
pub(super) struct Alarm {
    due: Duration,
    armed: Option<Slot>,
}

impl Alarm {
    /// Where its wake-up stands.
    #[cfg(test)]
    pub(super) fn slot(&self) -> Option<Slot> {
        self.armed
    }
}

/// All wake-ups in order of time.
#[derive(Debug, Default)]
pub(super) struct Timers {
    slots: BTreeMap<Slot, TimerKey>,
    next_order: u64,
}

impl Timers {
    /// Sets `alarm` to ring at `due`, wherever it stood before. `key` is asked for only if a new
    /// wake-up is needed.
    pub(super) fn set(&mut self, alarm: &mut Alarm, due: Duration, key: impl FnOnce() -> TimerKey) {
        alarm.due = due;
        if alarm.armed.is_some_and(|(wake_up, _)| wake_up <= due) {
            return;
        }
        self.clear(alarm);
        let slot = (due, self.next_order);
        self.next_order += 1;
        self.slots.insert(slot, key());
        alarm.armed = Some(slot);
    }

    /// Keeps `alarm` from ringing. Must be called before an alarm is dropped.
    pub(super) fn clear(&mut self, alarm: &mut Alarm) {
        if let Some(slot) = alarm.armed.take() {
            self.slots.remove(&slot);
        }
    }

    /// The time of the next wake-up. It may prove early, never late.
    pub(super) fn next(&self) -> Option<Duration> {
        self.slots
            .first_key_value()
            .map(|((wake_up, _), _)| *wake_up)
    }

    /// Takes the next wake-up that is due.
    pub(super) fn pop(&mut self, now: Duration) -> Option<(Slot, TimerKey)> {
        let entry = self.slots.first_entry()?;
        (entry.key().0 <= now).then(|| entry.remove_entry())
    }

    /// Whether the wake-up taken from `slot` is `alarm` ringing. If its deadline has moved on
    /// meanwhile, this sets the next wake-up instead.
    pub(super) fn rings(
        &mut self,
        alarm: &mut Alarm,
        slot: Slot,
        now: Duration,
        key: impl FnOnce() -> TimerKey,
    ) -> bool {
        if alarm.armed != Some(slot) {
            return false;
        }
        alarm.armed = None;
        if alarm.due > now {
            self.set(alarm, alarm.due, key);
            return false;
        }
        true
    }

    /// How many alarms are set.
    pub(super) fn len(&self) -> usize {
        self.slots.len()
    }

    /// What rings at `slot`.
    #[cfg(test)]
    pub(super) fn at(&self, slot: Slot) -> Option<&TimerKey> {
        self.slots.get(&slot)
    }
}
