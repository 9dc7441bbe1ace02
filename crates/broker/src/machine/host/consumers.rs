//! Who takes messages, and what becomes of them.

use forebay_storage::Durability;

use super::{Holder, Host};
use crate::host::{
    GetMessage, Got, HostError, HostReply, Settlement, Subscribe, Subscribed, VirtualHostId,
};
use crate::machine::command::HostResult;
use crate::queue::{Credit, Effect, Get, HolderId, PoolId, SubscribeError};

impl Host {
    pub(super) fn subscribe(&mut self, vhost: VirtualHostId, subscribe: Subscribe) -> HostResult {
        let Subscribe {
            queue,
            holder,
            subscription,
            notices,
            connection,
        } = subscribe;
        let id = self.queue_for(vhost, &queue, connection)?;
        let state = self.queues.get(&id).ok_or(HostError::Stopped)?;
        let log = state.reader.clone().ok_or(HostError::Stopped)?;
        let tells_counts = state.definition.is_quorum();
        if self.holders.contains_key(&holder) {
            return Err(HostError::Subscribe(SubscribeError::Known));
        }
        // Where one is active, the others wait for it to go: none can keep them out.
        if subscription.exclusive && state.queue.settings().single_active {
            return Err(HostError::Subscribe(SubscribeError::InUse));
        }
        let notices = Some(notices);
        self.holders.insert(holder, Holder { queue: id, notices });
        let subscribed = self.turn(id, |queue, turn| {
            queue.subscribe(holder, subscription, turn)
        });
        if let Some(Err(error)) = subscribed {
            self.holders.remove(&holder);
            return Err(error.into());
        }
        if let Some(pool) = subscription.pool {
            let queues = self.pool_queues.entry(pool).or_default();
            if !queues.contains(&id) {
                queues.push(id);
            }
        }
        Ok(HostReply::Subscribed(Subscribed { log, tells_counts }))
    }

    /// Nothing happens if the consumer is not there (any more).
    pub(super) fn cancel(&mut self, holder: HolderId) -> HostResult {
        if let Some(id) = self.holders.get(&holder).map(|holder| holder.queue) {
            let _ = self.turn(id, |queue, turn| queue.cancel(holder, turn));
        }
        Ok(HostReply::Done)
    }

    pub(super) fn get(
        &mut self,
        vhost: VirtualHostId,
        get: GetMessage,
    ) -> (Durability, HostResult) {
        match self.take_one(vhost, get) {
            Ok((durability, got)) => (durability, Ok(HostReply::Got(got))),
            Err(error) => (Durability::Memory, Err(error)),
        }
    }

    fn take_one(
        &mut self,
        vhost: VirtualHostId,
        get: GetMessage,
    ) -> Result<(Durability, Option<Got>), HostError> {
        let GetMessage {
            queue,
            holder,
            auto_ack,
            connection,
        } = get;
        let id = self.queue_for(vhost, &queue, connection)?;
        let state = self.queues.get(&id).ok_or(HostError::Stopped)?;
        let tells_counts = state.definition.is_quorum();
        if state.queue.settings().single_active && state.definition.is_quorum() {
            return Err(HostError::SingleActive);
        }
        let log = state.reader.clone().ok_or(HostError::Stopped)?;
        let get = Get {
            holder,
            messages_max: 1,
            lock_ms: None,
            no_ack: false,
            auto_ack,
        };
        self.turn(id, |queue, turn| queue.get(get, turn));
        let is_it = |effect: &(_, Effect)| matches!(effect, (_, Effect::Deliver(delivery)) if delivery.holder == holder);
        let at = self.work.iter().rposition(is_it);
        let Some((_, Effect::Deliver(delivery))) = at.and_then(|at| self.work.remove(at)) else {
            return Ok((Durability::Memory, None));
        };
        let notices = None;
        self.holders.insert(holder, Holder { queue: id, notices });
        let end = delivery.offset + delivery.count;
        let ready = self
            .queues
            .get(&id)
            .map_or(0, |state| state.queue.counters().ready);
        let got = Got {
            log,
            delivery,
            tells_counts,
            ready,
        };
        Ok((self.readable_after(id, end), Some(got)))
    }

    /// Settles until something is not held. What a queue held that is gone has been settled by that.
    pub(super) fn settle(&mut self, settlements: Vec<Settlement>) -> HostResult {
        for settlement in settlements {
            let Settlement {
                holder,
                numbers,
                outcome,
            } = settlement;
            let Some(of) = self.holders.get(&holder) else {
                continue;
            };
            let (id, is_consumer) = (of.queue, of.notices.is_some());
            let settled = self.turn(id, |queue, turn| {
                let settled = queue.settle(holder, numbers, outcome, turn);
                let is_done = !is_consumer && queue.held_by(holder) == 0;
                if is_done {
                    queue.release_all(holder, turn);
                }
                settled.map(|()| is_done)
            });
            match settled {
                Some(Ok(true)) => drop(self.holders.remove(&holder)),
                Some(Ok(false)) | None => {}
                Some(Err(_)) => return Err(HostError::UnknownDelivery),
            }
        }
        Ok(HostReply::Done)
    }

    pub(super) fn set_credit(&mut self, holder: HolderId, credit: Credit) -> HostResult {
        if let Some(id) = self.holders.get(&holder).map(|holder| holder.queue) {
            let _ = self.turn(id, |queue, turn| queue.set_credit(holder, credit, turn));
        }
        Ok(HostReply::Done)
    }

    pub(super) fn set_pool(&mut self, pool: PoolId, limit: Option<u32>) -> HostResult {
        self.pools.set(pool, limit);
        self.tell_pool(pool);
        Ok(HostReply::Done)
    }

    /// Has every queue whose consumers share a pool look at it.
    pub(super) fn tell_pool(&mut self, pool: PoolId) {
        for id in self.pool_queues.get(&pool).cloned().unwrap_or_default() {
            self.turn(id, |queue, turn| queue.pool_changed(pool, turn));
        }
    }

    pub(super) fn release(&mut self, holders: &[HolderId], pools: &[PoolId]) -> HostResult {
        for holder in holders {
            if let Some(of) = self.holders.remove(holder) {
                self.turn(of.queue, |queue, turn| queue.release_all(*holder, turn));
            }
        }
        for pool in pools {
            self.pools.remove(*pool);
            self.pool_queues.remove(pool);
        }
        Ok(HostReply::Done)
    }
}
