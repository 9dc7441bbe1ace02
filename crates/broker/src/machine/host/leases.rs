//! Messages that are taken for a time, and who waits for some. All leases of a queue have one holder, which is
//! never gone.

use std::collections::BTreeMap;

use bytes::Bytes;
use forebay_storage::Durability;
use tokio::sync::oneshot;

use super::{Cx, Host};
use crate::host::{
    ConnectionId, HostError, HostReply, Lease, LeaseError, LeaseOutcome, Leased, QueueId, Receive,
    Received, VirtualHostId,
};
use crate::machine::command::{Answer, HostResult};
use crate::queue::{Delivery, Effect, Get, HolderId, Outcome};

/// Who holds what is leased. Gateways choose from 1 on.
const LEASES: HolderId = HolderId(0);

/// Who waits for messages of a queue, by the order in which they came.
pub(super) type Waiters = BTreeMap<u64, Waiter>;

pub(super) struct Waiter {
    receive: Receive,
    told: oneshot::Sender<Received>,
}

impl Host {
    pub(super) fn receive(
        &mut self,
        vhost: VirtualHostId,
        receive: Receive,
        waiter: Option<oneshot::Sender<Received>>,
    ) -> (Durability, HostResult) {
        let taken = self
            .queue_for(vhost, &receive.queue, ConnectionId::NOBODY)
            .and_then(|id| Ok((id, self.lease(id, &receive)?)));
        let id = match taken {
            Ok((_, Some((durability, received)))) => {
                return (durability, Ok(HostReply::Received(received)));
            }
            Ok((id, None)) => id,
            Err(error) => return (Durability::Memory, Err(error)),
        };
        self.next_waiter += 1;
        if let Some(told) = waiter {
            let waiters = self.waiters.entry(id).or_default();
            waiters.insert(self.next_waiter, Waiter { receive, told });
        }
        let reply = HostReply::Waiting(self.next_waiter);
        (Durability::Memory, Ok(reply))
    }

    pub(super) fn stop_waiting(
        &mut self,
        vhost: VirtualHostId,
        queue: &Bytes,
        waiter: u64,
    ) -> HostReply {
        if let Ok(id) = self.queue_for(vhost, queue, ConnectionId::NOBODY)
            && let Some(waiters) = self.waiters.get_mut(&id)
        {
            waiters.remove(&waiter);
            if waiters.is_empty() {
                self.waiters.remove(&id);
            }
        }
        HostReply::Done
    }

    /// Gives what came meanwhile to who waits for it.
    pub(super) fn serve_waiters(&mut self, cx: &mut Cx<'_>) {
        let touched: Vec<_> = self.touched.clone();
        for id in touched {
            while let Some(waiters) = self.waiters.get_mut(&id)
                && let Some((number, waiter)) = waiters.pop_first()
            {
                if waiter.told.is_closed() {
                    continue;
                }
                match self.lease(id, &waiter.receive) {
                    Ok(Some((durability, received))) => {
                        let answer = Answer::Received(waiter.told, received);
                        cx.replies.after(durability, answer);
                    }
                    // It goes on waiting, before all who came later.
                    Ok(None) | Err(_) => {
                        let waiters = self.waiters.entry(id).or_default();
                        waiters.insert(number, waiter);
                        break;
                    }
                }
            }
            if self.waiters.get(&id).is_some_and(BTreeMap::is_empty) {
                self.waiters.remove(&id);
            }
        }
    }

    /// Takes messages of a queue, if it has any. Returns when its taker may be told.
    fn lease(
        &mut self,
        id: QueueId,
        receive: &Receive,
    ) -> Result<Option<(Durability, Received)>, HostError> {
        let state = self.queues.get(&id).ok_or(HostError::Stopped)?;
        let counters = state.queue.counters();
        if counters.ready == 0 {
            return Ok(None);
        }
        if receive
            .in_flight_max
            .is_some_and(|most| counters.locked >= most)
        {
            return Err(HostError::TooManyInFlight);
        }
        let log = state.reader.clone().ok_or(HostError::Stopped)?;
        let lock_ms = receive.lock_ms.or(state.queue.settings().lock_ms);
        let get = Get {
            holder: LEASES,
            messages_max: receive.messages_max.into(),
            lock_ms: Some(lock_ms.unwrap_or(receive.default_lock_ms)),
            no_ack: false,
            auto_ack: false,
        };
        let worked_off = self.work.len();
        self.turn(id, |queue, turn| queue.get(get, turn));
        let mut messages = Vec::new();
        let mut end = 0;
        for (of, effect) in self.work.split_off(worked_off) {
            match effect {
                Effect::Deliver(delivery) if delivery.holder == LEASES => {
                    end = end.max(delivery.offset + delivery.count);
                    messages.extend(leased(id, &delivery, self.now.aging_ms));
                }
                effect => self.work.push_back((of, effect)),
            }
        }
        if messages.is_empty() {
            return Ok(None);
        }
        let received = Received { log, messages };
        // Nobody is there to hold the lock for: it and its count outlive the process from the answer on. What a power
        // cut takes comes back sooner, and is counted once less.
        let durability = self.readable_after(id, end).max(Durability::Os);
        Ok(Some((durability, received)))
    }

    pub(super) fn settle_leases(
        &mut self,
        vhost: VirtualHostId,
        queue: &Bytes,
        leases: Vec<(Lease, LeaseOutcome)>,
    ) -> (Durability, HostResult) {
        let id = match self.queue_for(vhost, queue, ConnectionId::NOBODY) {
            Ok(id) => id,
            Err(error) => return (Durability::Memory, Err(error)),
        };
        let promised = self.queues.get(&id).map(|state| state.durability);
        let mut durability = Durability::Memory;
        let mut results = Vec::with_capacity(leases.len());
        for (lease, outcome) in leases {
            let result = self.settle_lease(id, lease, outcome);
            // That it is gone may be somebody else's doing, and not yet durable either.
            let is_over = matches!(result, Ok(()) | Err(LeaseError::Gone));
            if is_over && matches!(outcome, LeaseOutcome::Delete { .. }) {
                durability = promised.unwrap_or(Durability::Memory);
            }
            results.push(result);
        }
        (durability, Ok(HostReply::Leases(results)))
    }

    fn settle_lease(
        &mut self,
        id: QueueId,
        lease: Lease,
        outcome: LeaseOutcome,
    ) -> Result<(), LeaseError> {
        if lease.queue != id {
            return Err(LeaseError::Unknown);
        }
        let numbers = lease.number..lease.number.saturating_add(1);
        let settled = self.turn(id, |queue, turn| {
            let settlement = match outcome {
                LeaseOutcome::Delete { .. } => Outcome::Ack,
                // Whoever had it has had it: that counts.
                LeaseOutcome::Extend { lock_ms: 0 } => Outcome::Fail { delay_ms: Some(0) },
                LeaseOutcome::Extend { lock_ms } => Outcome::Extend { lock_ms },
            };
            if queue.settle(LEASES, numbers, settlement, turn).is_ok() {
                return Ok(());
            }
            let is_gone = queue.is_gone(lease.offset);
            match outcome {
                _ if is_gone => Err(LeaseError::Gone),
                LeaseOutcome::Delete {
                    even_if_stale: true,
                } if queue.discard(lease.offset, turn) => Ok(()),
                _ => Err(LeaseError::Stale),
            }
        });
        settled.unwrap_or(Err(LeaseError::Gone))
    }
}

fn leased(queue: QueueId, delivery: &Delivery, now_ms: i64) -> impl Iterator<Item = Leased> {
    let Delivery {
        offset,
        count,
        number,
        mark,
        ..
    } = *delivery;
    (0..count).map(move |index| Leased {
        lease: Lease {
            queue,
            number: number.unwrap_or_default() + index,
            offset: offset + index,
        },
        deliveries: mark.deliveries,
        first_ms: mark.first_ms.unwrap_or(now_ms),
    })
}
