//! Who is subscribed, and whose turn it is.

use std::cmp::Reverse;
use std::collections::{BTreeMap, VecDeque};

use forebay_storage::IdMap;

use super::credit::{Credit, CreditPools};
use super::ids::{HolderId, PoolId};
use super::subscribe::Subscription;

#[derive(Debug)]
pub(super) struct Consumer {
    pub(super) settings: Subscription,
    /// False once it was cancelled: what it holds is still its own.
    pub(super) subscribed: bool,
    pub(super) paused: bool,
    /// Messages it was given and has not settled.
    pub(super) unsettled: u64,
    /// Waits in the ring.
    queued: bool,
    /// The order of subscriptions.
    since: u64,
}

impl Consumer {
    /// How many messages it may be given now.
    pub(super) fn room(&self, pools: &CreditPools) -> u64 {
        // A window is of messages that wait for their settlement; there are none without it.
        let own = match self.settings.credit {
            Credit::Grant(left) => left.into(),
            Credit::Window(limit) if !self.settings.no_ack => {
                u64::from(limit).saturating_sub(self.unsettled)
            }
            Credit::Window(_) | Credit::Unlimited => u64::MAX,
        };
        own.min(self.pool().map_or(u64::MAX, |pool| pools.room(pool)))
    }

    /// The pool that bounds it.
    pub(super) fn pool(&self) -> Option<PoolId> {
        self.settings.pool.filter(|_| !self.settings.no_ack)
    }
}

#[derive(Debug, Default)]
pub(super) struct Consumers {
    consumers: IdMap<HolderId, Consumer>,
    /// Who may be given a message, by priority, in turns. Who has no room is found out when its turn
    /// comes, and waits elsewhere until it has.
    ring: BTreeMap<Reverse<i32>, VecDeque<HolderId>>,
    subscribed: u64,
    next_since: u64,
    single_active: bool,
    active: Option<HolderId>,
}

impl Consumers {
    pub(super) fn get(&self, id: HolderId) -> Option<&Consumer> {
        self.consumers.get(&id)
    }

    pub(super) fn get_mut(&mut self, id: HolderId) -> Option<&mut Consumer> {
        self.consumers.get_mut(&id)
    }

    pub(super) fn subscribed(&self) -> u64 {
        self.subscribed
    }

    pub(super) fn active(&self) -> Option<HolderId> {
        self.active
    }

    /// Whether one consumer has the queue for itself.
    pub(super) fn is_exclusive(&self) -> bool {
        let mut consumers = self.consumers.values();
        consumers.any(|consumer| consumer.subscribed && consumer.settings.exclusive)
    }

    pub(super) fn add(&mut self, id: HolderId, settings: Subscription) {
        let since = self.next_since;
        self.next_since += 1;
        self.subscribed += 1;
        let consumer = Consumer {
            settings,
            subscribed: true,
            paused: false,
            unsettled: 0,
            queued: false,
            since,
        };
        self.consumers.insert(id, consumer);
        self.enqueue(id);
    }

    /// Ends a subscription. Returns whether there was one.
    pub(super) fn cancel(&mut self, id: HolderId) -> bool {
        let Some(consumer) = self.consumers.get_mut(&id) else {
            return false;
        };
        if !std::mem::take(&mut consumer.subscribed) {
            return false;
        }
        self.subscribed -= 1;
        let (queued, priority) = (consumer.queued, consumer.settings.priority);
        consumer.queued = false;
        if queued && let Some(ring) = self.ring.get_mut(&Reverse(priority)) {
            ring.retain(|other| *other != id);
        }
        if self.active == Some(id) {
            self.active = None;
        }
        self.drop_if_over(id);
        true
    }

    /// Forgets a consumer that was cancelled and holds nothing.
    pub(super) fn drop_if_over(&mut self, id: HolderId) {
        let over = |consumer: &Consumer| !consumer.subscribed && consumer.unsettled == 0;
        if self.consumers.get(&id).is_some_and(over) {
            self.consumers.remove(&id);
        }
    }

    /// One at a time, or all of them. Returns who is newly active.
    pub(super) fn elect(&mut self, single_active: bool) -> Option<HolderId> {
        if self.single_active != single_active {
            self.single_active = single_active;
            self.active = None;
            self.ring.values_mut().for_each(VecDeque::clear);
            let mut ids: Vec<_> = self.subscribed_ids();
            ids.sort_unstable_by_key(|id| self.consumers[id].since);
            for id in ids {
                if let Some(consumer) = self.consumers.get_mut(&id) {
                    consumer.queued = false;
                }
                self.enqueue(id);
            }
        }
        if !single_active || self.active.is_some() {
            return None;
        }
        let candidates = self.consumers.iter().filter(|(_, c)| c.subscribed);
        let first = candidates.min_by_key(|(_, c)| (Reverse(c.settings.priority), c.since));
        let id = *first?.0;
        self.active = Some(id);
        self.enqueue(id);
        Some(id)
    }

    /// Lets a consumer wait for its turn, if it may be given anything at all.
    pub(super) fn enqueue(&mut self, id: HolderId) {
        if self.single_active && self.active != Some(id) {
            return;
        }
        if let Some(consumer) = self.consumers.get_mut(&id)
            && consumer.subscribed
            && !consumer.paused
            && !consumer.queued
        {
            consumer.queued = true;
            let priority = Reverse(consumer.settings.priority);
            self.ring.entry(priority).or_default().push_back(id);
        }
    }

    /// Whose turn it is: the consumer, its room, and how many of its priority wait.
    pub(super) fn turn(&mut self, pools: &CreditPools) -> Option<(HolderId, u64, u64)> {
        for ring in self.ring.values_mut() {
            while let Some(id) = ring.front() {
                if let Some(consumer) = self.consumers.get_mut(id) {
                    let room = consumer.room(pools);
                    if room > 0 && !consumer.paused {
                        return Some((*id, room, ring.len() as u64));
                    }
                    consumer.queued = false;
                }
                ring.pop_front();
            }
        }
        None
    }

    /// It was somebody's turn: the next of its priority is next.
    pub(super) fn rotate(&mut self, id: HolderId) {
        let priority = self
            .consumers
            .get(&id)
            .map(|c| Reverse(c.settings.priority));
        if let Some(ring) = priority.and_then(|priority| self.ring.get_mut(&priority))
            && ring.len() > 1
            && ring.front() == Some(&id)
        {
            ring.rotate_left(1);
        }
    }

    /// Whether a message would be delivered at once.
    pub(super) fn any_room(&self, pools: &CreditPools) -> bool {
        let mut waiting = self.ring.values().flatten();
        waiting.any(|id| {
            let consumer = self.consumers.get(id);
            consumer.is_some_and(|consumer| !consumer.paused && consumer.room(pools) > 0)
        })
    }

    /// Those who share a pool may have room again.
    pub(super) fn pool_freed(&mut self, pool: PoolId) {
        let sharing = self
            .consumers
            .iter()
            .filter(|(_, c)| c.pool() == Some(pool));
        let mut sharing: Vec<_> = sharing.map(|(id, c)| (c.since, *id)).collect();
        sharing.sort_unstable();
        sharing.into_iter().for_each(|(_, id)| self.enqueue(id));
    }

    /// All who are subscribed, in order of their ids.
    pub(super) fn subscribed_ids(&self) -> Vec<HolderId> {
        let subscribed = self.consumers.iter().filter(|(_, c)| c.subscribed);
        let mut ids: Vec<_> = subscribed.map(|(id, _)| *id).collect();
        ids.sort_unstable();
        ids
    }

    pub(super) fn memory_bytes(&self) -> usize {
        self.consumers.capacity() * (size_of::<Consumer>() + 2 * size_of::<HolderId>())
    }
}
