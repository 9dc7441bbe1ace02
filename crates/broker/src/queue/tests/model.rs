//! A queue as a list of messages, each with what is known of it: slow, and simple enough to be right.
//!
//! The model does what a step asks for itself, then follows the effects of the real queue, and
//! objects to each that is not allowed. In the end it objects to what ought to have happened.

use std::collections::{BTreeMap, BTreeSet};

use super::harness::*;
use crate::queue::settings::Cause;
use crate::queue::*;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Ready,
    Locked {
        holder: HolderId,
        number: u64,
        until_ms: Option<i64>,
    },
    Delayed {
        until_ms: i64,
    },
    /// Its end was decided, and the queue has to say so.
    Dying(DeathReason),
    Settled,
}

#[derive(Clone, Debug)]
pub(super) struct Message {
    pub(super) state: State,
    pub(super) mark: Mark,
    bytes: u64,
    priority: u8,
    /// In whose order it is.
    group: Option<u64>,
    /// With whose turn it is delivered.
    fair_group: Option<u64>,
    expiry_ms: Option<i64>,
    /// When it expires wherever it stands.
    elsewhere_ms: Option<i64>,
}

#[derive(Clone, Debug)]
pub(super) struct Consumer {
    pub(super) settings: Subscription,
    pub(super) paused: bool,
    pub(super) subscribed: bool,
}

pub(super) struct Model {
    pub(super) settings: QueueSettings,
    pub(super) messages: Vec<Message>,
    pub(super) consumers: BTreeMap<HolderId, Consumer>,
    pub(super) pool: Option<u32>,
    /// Of each group who is ready or further, in the order in which they got there.
    groups: BTreeMap<u64, Vec<usize>>,
    numbers: BTreeSet<(HolderId, u64)>,
    acked: u64,
    /// Who was just given which message without a subscription: it may be given the next of its group.
    taking: Option<(HolderId, usize)>,
}

impl Model {
    pub(super) fn new(settings: QueueSettings) -> Self {
        Self {
            settings,
            messages: Vec::new(),
            consumers: BTreeMap::new(),
            pool: None,
            groups: BTreeMap::new(),
            numbers: BTreeSet::new(),
            acked: 0,
            taking: None,
        }
    }

    pub(super) fn enqueue(&mut self, arrival: &Arrival, now_ms: i64) {
        let Attributes {
            priority,
            ttl_ms,
            not_before_ms,
            group,
            born_ms,
            ..
        } = arrival.attributes;
        let ttl_ms = [ttl_ms, self.settings.ttl_ms].into_iter().flatten().min();
        let born_ms = born_ms.filter(|born_ms| self.settings.keeps_age && *born_ms < now_ms);
        let queue_ms = self.settings.ttl_ms.map(u64::cast_signed);
        let elsewhere_ms = born_ms.and_then(|born_ms| Some(born_ms + queue_ms?));
        let fair_group = group.filter(|_| self.settings.order == Order::FairGroups);
        let priority_max = match fair_group {
            Some(_) => 0,
            None => self.settings.max_priority,
        };
        for _ in 0..arrival.count {
            self.messages.push(Message {
                state: State::Settled,
                mark: Mark::default(),
                bytes: arrival.bytes_each.into(),
                priority: priority.min(priority_max),
                group: group.filter(|_| self.settings.order == Order::PerGroup),
                fair_group,
                expiry_ms: ttl_ms.map(|ttl_ms| born_ms.unwrap_or(now_ms) + ttl_ms as i64),
                elsewhere_ms,
            });
            let index = self.messages.len() - 1;
            match not_before_ms.filter(|until_ms| *until_ms > now_ms) {
                Some(until_ms) => self.messages[index].state = State::Delayed { until_ms },
                None => self.ready(index),
            }
        }
    }

    pub(super) fn locked_by(&self, holder: HolderId) -> Vec<(u64, usize)> {
        let mut locked = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            if let State::Locked {
                holder: by, number, ..
            } = message.state
                && by == holder
            {
                locked.push((number, index));
            }
        }
        locked.sort_unstable();
        locked
    }

    pub(super) fn come_back(
        &mut self,
        index: usize,
        cause: Cause,
        now_ms: i64,
        delay_ms: Option<u64>,
    ) {
        let settings = self.settings.clone();
        let counted = settings.counted.includes(cause);
        let mark = &mut self.messages[index].mark;
        let failures = mark.failures + u32::from(counted);
        if counted
            && settings
                .delivery_limit
                .is_some_and(|limit| failures > limit)
        {
            self.messages[index].state = State::Dying(DeathReason::DeliveryLimit);
            return;
        }
        mark.failures = failures;
        mark.deliveries += 1;
        let policy_ms = if settings.retry.after.includes(cause) {
            settings.retry.delay_ms(failures, index as u64, 7)
        } else {
            0
        };
        match delay_ms.unwrap_or(policy_ms) {
            0 => self.ready(index),
            delay_ms => {
                let until_ms = now_ms + delay_ms as i64;
                self.messages[index].state = State::Delayed { until_ms };
            }
        }
    }

    pub(super) fn settle(&mut self, index: usize) {
        self.messages[index].state = State::Settled;
        if let Some(group) = self.messages[index].group
            && let Some(order) = self.groups.get_mut(&group)
        {
            order.retain(|other| *other != index);
        }
    }

    pub(super) fn ack(&mut self, index: usize) {
        self.acked += 1;
        self.settle(index);
    }

    pub(super) fn purge(&mut self) -> u64 {
        let ready = self.with(|state| state == State::Ready);
        ready.iter().for_each(|index| self.settle(*index));
        ready.len() as u64
    }

    /// Takes a message out that is ready and first in line of its group. Says whether it was.
    pub(super) fn take_out(&mut self, index: usize) -> bool {
        let taken = self.deliverable().any(|other| other == index);
        if taken {
            self.settle(index);
        }
        taken
    }

    /// Ends a message for somebody who has had it once. Says whether that is possible.
    pub(super) fn discard(&mut self, index: usize) -> bool {
        let found = self.messages.get(index);
        let may = found.is_some_and(|found| match found.state {
            State::Ready => self.deliverable().any(|other| other == index),
            State::Locked { .. } => true,
            State::Delayed { .. } => found.group.is_none(),
            State::Dying(_) | State::Settled => false,
        });
        if may {
            self.ack(index);
        }
        may
    }

    pub(super) fn purge_everything(&mut self) {
        let all = self.with(|state| state != State::Settled);
        all.into_iter().for_each(|index| self.settle(index));
    }

    /// What time alone does: those that are delayed become ready, locks end.
    pub(super) fn pass_to(&mut self, now_ms: i64) {
        let mut woken = Vec::new();
        let mut ended = Vec::new();
        for (index, message) in self.messages.iter().enumerate() {
            match message.state {
                State::Delayed { until_ms } if until_ms <= now_ms => woken.push((until_ms, index)),
                State::Locked {
                    until_ms: Some(until_ms),
                    ..
                } if until_ms <= now_ms => ended.push(index),
                _ => {}
            }
        }
        woken.sort_unstable();
        woken.into_iter().for_each(|(_, index)| self.ready(index));
        for index in ended {
            self.come_back(index, Cause::LockExpired, now_ms, None);
        }
    }

    /// The queue says that this followed.
    pub(super) fn follow(&mut self, effects: &[Effect], now_ms: i64, active: Option<HolderId>) {
        self.taking = None;
        for effect in effects {
            match *effect {
                Effect::Deliver(_) => {
                    let one = [*effect];
                    for (holder, offset, delivery) in deliveries(&one) {
                        self.delivered(holder, offset as usize, delivery, now_ms, active);
                    }
                }
                Effect::DeadLettered {
                    offset,
                    count,
                    reason,
                    ..
                } => {
                    assert!(self.settings.dead_letter);
                    (offset..offset + count).for_each(|it| self.died(it as usize, reason, now_ms));
                }
                Effect::Dropped {
                    offset,
                    count,
                    reason,
                } => {
                    assert!(!self.settings.dead_letter);
                    (offset..offset + count).for_each(|it| self.died(it as usize, reason, now_ms));
                }
                _ => {}
            }
        }
    }

    fn delivered(
        &mut self,
        holder: HolderId,
        index: usize,
        delivery: Delivery,
        now_ms: i64,
        active: Option<HolderId>,
    ) {
        let group = self.messages[index].group;
        let follows = group.is_some_and(|group| {
            let mut order = self.groups[&group].windows(2);
            let before = order.find(|pair| pair[1] == index).map(|pair| pair[0]);
            let is_ready = self.messages[index].state == State::Ready;
            is_ready && before.is_some() && self.taking == before.map(|before| (holder, before))
        });
        if !follows {
            assert_eq!(
                Some(index),
                self.head(),
                "only the first in line is delivered"
            );
        }
        assert_eq!(delivery.mark, self.messages[index].mark);
        let expiry_ms = self.messages[index].expiry_ms;
        assert!(
            expiry_ms.is_none_or(|expiry_ms| expiry_ms >= now_ms),
            "{index} has expired"
        );
        if self.settings.order == Order::Fifo {
            assert!(
                self.with(|state| matches!(state, State::Locked { .. }))
                    .is_empty()
            );
        }
        let subscribed = self
            .consumers
            .get(&holder)
            .filter(|consumer| consumer.subscribed);
        if let Some(consumer) = subscribed {
            assert!(
                self.has_room(holder, active),
                "{holder:?} had no room for {index}"
            );
            let priority = consumer.settings.priority;
            let mut others = self.consumers.iter();
            let preferred = others.find(|(id, other)| {
                other.settings.priority > priority && self.has_room(**id, active)
            });
            assert_eq!(
                preferred.map(|(id, _)| id),
                None,
                "who has a higher priority goes first"
            );
        }
        match delivery.number {
            None => self.ack(index),
            Some(number) => {
                assert!(
                    self.numbers.insert((holder, number)),
                    "numbers are used once"
                );
                let lock_ms = self.settings.lock_ms;
                let until_ms = lock_ms.map(|lock_ms| now_ms + lock_ms as i64 + 1);
                let mark = &mut self.messages[index].mark;
                mark.first_ms = mark.first_ms.or(until_ms.map(|_| now_ms));
                if !self.consumers.contains_key(&holder) {
                    self.taking = Some((holder, index));
                }
                self.messages[index].state = State::Locked {
                    holder,
                    number,
                    until_ms,
                };
            }
        }
    }

    fn died(&mut self, index: usize, reason: DeathReason, now_ms: i64) {
        match reason {
            DeathReason::Rejected | DeathReason::DeliveryLimit => {
                assert_eq!(self.messages[index].state, State::Dying(reason));
            }
            DeathReason::Expired => {
                let message = &self.messages[index];
                let is_due = |expiry_ms: Option<i64>| expiry_ms.is_some_and(|it| it <= now_ms);
                let is_first = self.heads().contains(&index);
                let may_stand_anywhere = is_due(message.elsewhere_ms);
                assert!(is_first || may_stand_anywhere, "expiry is at the head");
                assert!(self.deliverable().any(|other| other == index));
                assert!(is_due(message.expiry_ms));
            }
            DeathReason::MaxLength => {
                assert_eq!(Some(index), self.head(), "the head makes way");
                assert!(self.is_over_bounds());
            }
        }
        self.settle(index);
    }

    /// What must be true when a step is over.
    pub(super) fn judge(&self, queue: &Queue, now_ms: i64, ticked: bool) {
        let counters = queue.counters();
        let ready = self.with(|state| state == State::Ready);
        let bytes =
            |of: &[usize]| -> u64 { of.iter().map(|index| self.messages[*index].bytes).sum() };
        let locked = self.with(|state| matches!(state, State::Locked { .. }));
        let delayed = self.with(|state| matches!(state, State::Delayed { .. }));
        assert_eq!(counters.ready, ready.len() as u64);
        assert_eq!(counters.ready_bytes, bytes(&ready));
        assert_eq!(counters.locked, locked.len() as u64);
        assert_eq!(counters.locked_bytes(), bytes(&locked));
        assert_eq!(counters.delayed, delayed.len() as u64);
        assert_eq!(counters.delayed_bytes, bytes(&delayed));
        assert_eq!(counters.totals.acked, self.acked);
        assert_eq!(counters.totals.enqueued, self.messages.len() as u64);
        let standing = self
            .messages
            .iter()
            .enumerate()
            .filter_map(|(index, message)| {
                let place = match message.state {
                    State::Ready => Place::Ready,
                    State::Locked { .. } => Place::Locked,
                    State::Delayed { .. } => Place::Delayed,
                    State::Dying(_) | State::Settled => return None,
                };
                Some(Standing {
                    offset: index as u64,
                    place,
                    mark: message.mark,
                })
            });
        let standing: Vec<_> = standing.collect();
        assert_eq!(queue.look(0, u64::MAX, usize::MAX), standing);
        let dying = self.with(|state| matches!(state, State::Dying(_)));
        assert!(dying.is_empty(), "{dying:?} ought to have died");
        let unsettled = self
            .messages
            .iter()
            .position(|it| it.state != State::Settled);
        let log_start = unsettled.unwrap_or(self.messages.len());
        assert_eq!(queue.log_start(), log_start as u64);

        let blocked = self.settings.order == Order::Fifo && !locked.is_empty();
        if let Some(head) = self.head().filter(|_| !blocked) {
            let active = queue.active_consumer();
            let mut ids = self.consumers.keys();
            let idle = ids.find(|id| self.has_room(**id, active));
            assert_eq!(idle, None, "there is room, and {head} waits");
        }
        if self.settings.bounds.overflow == Overflow::DropHead && self.head().is_some() {
            assert!(!self.is_over_bounds());
        }
        let heads = self.heads().into_iter();
        let expiries = heads.filter_map(|head| self.messages[head].expiry_ms);
        let elsewhere = |index: usize| self.messages[index].elsewhere_ms;
        let expiries = expiries.chain(self.deliverable().filter_map(elsewhere));
        let expiries: Vec<i64> = expiries.collect();
        if ticked {
            assert!(expiries.iter().all(|expiry_ms| *expiry_ms > now_ms));
        }
        let times = self
            .messages
            .iter()
            .filter_map(|message| match message.state {
                State::Delayed { until_ms } => Some(until_ms),
                State::Locked { until_ms, .. } => until_ms,
                _ => None,
            });
        if let Some(next_ms) = times.chain(expiries).min() {
            assert!(
                queue
                    .next_deadline()
                    .is_some_and(|due_ms| due_ms <= next_ms)
            );
        }
    }

    pub(super) fn holders(&self) -> BTreeSet<HolderId> {
        let states = self.messages.iter().map(|message| message.state);
        let holders = states.filter_map(|state| match state {
            State::Locked { holder, .. } => Some(holder),
            _ => None,
        });
        holders.collect()
    }

    fn ready(&mut self, index: usize) {
        self.messages[index].state = State::Ready;
        if let Some(group) = self.messages[index].group {
            let order = self.groups.entry(group).or_default();
            if !order.contains(&index) {
                order.push(index);
            }
        }
    }

    fn with(&self, is: impl Fn(State) -> bool) -> Vec<usize> {
        let indexes = 0..self.messages.len();
        indexes
            .filter(|index| is(self.messages[*index].state))
            .collect()
    }

    /// Ready, and the first of its group.
    fn deliverable(&self) -> impl Iterator<Item = usize> {
        let ready = self.with(|state| state == State::Ready).into_iter();
        ready.filter(|index| match self.messages[*index].group {
            Some(group) => self.groups[&group].first() == Some(index),
            None => true,
        })
    }

    fn head(&self) -> Option<usize> {
        self.deliverable().min_by_key(|index| self.turn_of(*index))
    }

    /// Whose turn it is comes first; then priorities, then the order of arrival.
    fn turn_of(&self, index: usize) -> (usize, std::cmp::Reverse<u8>, usize) {
        let message = &self.messages[index];
        let in_flight = message.fair_group.map_or(0, |group| {
            let of_group = |other: &&Message| {
                other.fair_group == Some(group) && matches!(other.state, State::Locked { .. })
            };
            self.messages.iter().filter(of_group).count()
        });
        (in_flight, std::cmp::Reverse(message.priority), index)
    }

    /// Where expiry is looked at: who is the first of a priority, and of those whose groups take turns the first, and the
    /// one whose turn it is.
    fn heads(&self) -> Vec<usize> {
        let (grouped, others): (Vec<_>, Vec<_>) = self
            .deliverable()
            .partition(|index| self.messages[*index].fair_group.is_some());
        let next = grouped.iter().min_by_key(|index| self.turn_of(**index));
        let mut heads: Vec<_> = grouped.first().into_iter().chain(next).copied().collect();
        let mut seen = BTreeSet::new();
        let is_first = |index: &usize| seen.insert(self.messages[*index].priority);
        heads.extend(others.into_iter().filter(is_first));
        heads
    }

    fn has_room(&self, id: HolderId, active: Option<HolderId>) -> bool {
        let consumer = &self.consumers[&id];
        if !consumer.subscribed
            || consumer.paused
            || (self.settings.single_active && active != Some(id))
        {
            return false;
        }
        if consumer.settings.no_ack {
            return true;
        }
        let held = self.locked_by(id).len() as u64;
        let own = match consumer.settings.credit {
            Credit::Window(limit) => held < limit.into(),
            Credit::Unlimited => true,
            Credit::Grant(_) => unreachable!("the model knows windows only"),
        };
        let pooled = consumer.settings.pool.is_some();
        own && (!pooled
            || self
                .pool
                .is_none_or(|limit| self.pool_used() < limit.into()))
    }

    fn pool_used(&self) -> u64 {
        let pooled = self
            .consumers
            .iter()
            .filter(|(_, consumer)| consumer.settings.pool.is_some() && !consumer.settings.no_ack);
        pooled.map(|(id, _)| self.locked_by(*id).len() as u64).sum()
    }

    fn is_over_bounds(&self) -> bool {
        let ready = self.with(|state| state == State::Ready);
        let bytes: u64 = ready.iter().map(|index| self.messages[*index].bytes).sum();
        let bounds = self.settings.bounds;
        bounds
            .messages
            .is_some_and(|limit| ready.len() as u64 > limit)
            || bounds.bytes.is_some_and(|limit| bytes > limit)
    }
}
