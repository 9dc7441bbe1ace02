//! How much a consumer may be given: its own credit, and credit that it shares.

use forebay_storage::IdMap;

use super::ids::PoolId;

/// What bounds the deliveries to one consumer.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Credit {
    /// Nothing does.
    #[default]
    Unlimited,
    /// So many messages may be unsettled at a time (AMQP's prefetch count).
    Window(u32),
    /// So many more deliveries; settling gives none back (AMQP 1.0's link credit).
    Grant(u32),
}

/// Credit that several consumers share, of one queue or of several (`basic.qos` with `global`).
#[derive(Debug, Default)]
pub struct CreditPools {
    pools: IdMap<PoolId, Pool>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Pool {
    limit: Option<u32>,
    used: u64,
}

impl CreditPools {
    /// So many messages may be unsettled by all who share the pool; none means any number. Queues
    /// whose consumers share it [want to know](super::Queue::pool_changed).
    pub fn set(&mut self, pool: PoolId, limit: Option<u32>) {
        self.pools.entry(pool).or_default().limit = limit;
    }

    /// Forgets a pool whose consumers are gone.
    pub fn remove(&mut self, pool: PoolId) {
        self.pools.remove(&pool);
    }

    /// How many messages are unsettled.
    pub fn used(&self, pool: PoolId) -> u64 {
        self.pools.get(&pool).map_or(0, |pool| pool.used)
    }

    pub(super) fn room(&self, pool: PoolId) -> u64 {
        match self.pools.get(&pool) {
            Some(Pool {
                limit: Some(limit),
                used,
            }) => u64::from(*limit).saturating_sub(*used),
            _ => u64::MAX,
        }
    }

    pub(super) fn take(&mut self, pool: PoolId, messages: u64) {
        self.pools.entry(pool).or_default().used += messages;
    }

    /// Returns whether there is credit again where there was none.
    pub(super) fn give_back(&mut self, pool: PoolId, messages: u64) -> bool {
        let was_exhausted = self.room(pool) == 0;
        if let Some(pool) = self.pools.get_mut(&pool) {
            pool.used = pool.used.saturating_sub(messages);
        }
        was_exhausted && self.room(pool) > 0
    }
}
