//! Consumers come, change and go.

use super::Queue;
use super::credit::Credit;
use super::effect::{Effect, GoneReason, Turn};
use super::ids::{HolderId, PoolId};
use super::settings::Cause;

/// What a consumer asks for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Subscription {
    /// What bounds what it is given.
    pub credit: Credit,
    /// Credit that it shares with others, beside its own. Set by
    /// [`CreditPools::set`](super::CreditPools::set).
    pub pool: Option<PoolId>,
    /// Its messages are settled by being delivered. Neither windows nor pools bound them.
    pub no_ack: bool,
    /// Its gateway settles them when they are [sent](super::Outcome::Sent). It only counts.
    pub auto_ack: bool,
    /// Nobody else may be subscribed.
    pub exclusive: bool,
    /// Who has a higher one is given messages as long as there is room.
    pub priority: i32,
}

/// Why somebody may not subscribe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SubscribeError {
    /// Another consumer has the queue for itself.
    #[error("the queue has an exclusive consumer")]
    Exclusive,
    /// It asks for the queue for itself, and there are other consumers.
    #[error("the queue has consumers, so none can be exclusive")]
    InUse,
    /// Its id names somebody who is there.
    #[error("the consumer is there already")]
    Known,
}

/// There is no such consumer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no such consumer")]
pub struct UnknownConsumer;

impl Queue {
    /// Subscribes a consumer, and gives it what is ready and fits its credit.
    pub fn subscribe(
        &mut self,
        consumer: HolderId,
        settings: Subscription,
        turn: &mut Turn<'_>,
    ) -> Result<(), SubscribeError> {
        if self.consumers.get(consumer).is_some() {
            return Err(SubscribeError::Known);
        }
        if self.consumers.is_exclusive() {
            return Err(SubscribeError::Exclusive);
        }
        if settings.exclusive && self.consumers.subscribed() > 0 {
            return Err(SubscribeError::InUse);
        }
        self.consumers.add(consumer, settings);
        self.messages.counters.consumers = self.consumers.subscribed();
        self.elect(turn);
        self.dispatch(turn);
        Ok(())
    }

    /// Ends a subscription. What the consumer holds stays locked until it is settled or released.
    pub fn cancel(
        &mut self,
        consumer: HolderId,
        turn: &mut Turn<'_>,
    ) -> Result<(), UnknownConsumer> {
        if !self.consumers.cancel(consumer) {
            return Err(UnknownConsumer);
        }
        self.consumer_left(turn);
        self.dispatch(turn);
        Ok(())
    }

    /// A holder is gone: its subscription ends, and what it holds comes back.
    pub fn release_all(&mut self, holder: HolderId, turn: &mut Turn<'_>) {
        let was_subscribed = self.consumers.cancel(holder);
        let table = self.messages.tables.get(&holder);
        let numbers = table.map(|table| table.numbers()).unwrap_or_default();
        for number in &numbers {
            self.return_one(holder, *number, Cause::Released, None, turn);
        }
        self.regain(holder, numbers.len() as u64, turn);
        self.messages.forget_holder(holder);
        if was_subscribed {
            self.consumer_left(turn);
        }
        self.enforce_bounds(turn);
        self.dispatch(turn);
    }

    /// Changes what bounds a consumer.
    pub fn set_credit(
        &mut self,
        consumer: HolderId,
        credit: Credit,
        turn: &mut Turn<'_>,
    ) -> Result<(), UnknownConsumer> {
        self.subscribed(consumer)?.settings.credit = credit;
        self.consumers.enqueue(consumer);
        self.dispatch(turn);
        Ok(())
    }

    /// Keeps a consumer from being given anything while its connection cannot take it, or lets it go
    /// on.
    pub fn set_paused(
        &mut self,
        consumer: HolderId,
        paused: bool,
        turn: &mut Turn<'_>,
    ) -> Result<(), UnknownConsumer> {
        self.subscribed(consumer)?.paused = paused;
        self.consumers.enqueue(consumer);
        self.dispatch(turn);
        Ok(())
    }

    /// A pool was [set](super::CreditPools::set), or [freed](Effect::PoolFreed) by another queue.
    pub fn pool_changed(&mut self, pool: PoolId, turn: &mut Turn<'_>) {
        self.consumers.pool_freed(pool);
        self.dispatch(turn);
    }

    /// Somebody shows that the queue is needed without using it, for example declares it again.
    pub fn touch(&mut self, now_ms: i64) {
        self.used_ms = now_ms;
    }

    pub(super) fn elect(&mut self, turn: &mut Turn<'_>) {
        let single_active = self.messages.settings.single_active;
        if let Some(consumer) = self.consumers.elect(single_active) {
            turn.out.effects.push(Effect::Activated { consumer });
        }
    }

    /// A holder has so many messages less.
    pub(super) fn regain(&mut self, holder: HolderId, messages: u64, turn: &mut Turn<'_>) {
        let Some(consumer) = self.consumers.get_mut(holder) else {
            return;
        };
        consumer.unsettled = consumer.unsettled.saturating_sub(messages);
        let pool = consumer.pool();
        self.consumers.enqueue(holder);
        if let Some(pool) = pool
            && turn.pools.give_back(pool, messages)
        {
            self.consumers.pool_freed(pool);
            turn.out.effects.push(Effect::PoolFreed { pool });
        }
        self.consumers.drop_if_over(holder);
    }

    fn subscribed(
        &mut self,
        consumer: HolderId,
    ) -> Result<&mut super::consumers::Consumer, UnknownConsumer> {
        let consumer = self.consumers.get_mut(consumer);
        consumer
            .filter(|consumer| consumer.subscribed)
            .ok_or(UnknownConsumer)
    }

    fn consumer_left(&mut self, turn: &mut Turn<'_>) {
        self.messages.counters.consumers = self.consumers.subscribed();
        self.used_ms = turn.now_ms;
        self.elect(turn);
        if self.messages.settings.auto_delete && self.consumers.subscribed() == 0 {
            let reason = GoneReason::AutoDelete;
            turn.out.effects.push(Effect::Gone { reason });
        }
    }
}
