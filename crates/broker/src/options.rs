//! What an operator may set about the broker.

use std::sync::Arc;
use std::time::Duration;

use crate::group::GroupConfig;
use crate::host::{Recall, Recalled};
use crate::topic::config::Values;

/// The broker's settings.
#[derive(Clone, Debug)]
pub struct BrokerOptions {
    /// Partitions of a topic whose creator does not say (`num.partitions`).
    pub default_partitions: usize,
    /// Whether asking for a topic creates it (`auto.create.topics.enable`).
    pub auto_create_topics: bool,
    /// Defaults of topic configurations that differ from the built-in ones.
    pub topic_defaults: Arc<Values>,
    /// Consumer groups.
    pub groups: GroupConfig,
    /// How long an idempotent producer that does not write is remembered
    /// (`producer.id.expiration.ms`).
    pub producer_id_expiration: Duration,
    /// How messages that move from queue to queue are read, to be routed again.
    pub recall: Recall,
}

impl Default for BrokerOptions {
    fn default() -> Self {
        Self {
            default_partitions: 1,
            auto_create_topics: true,
            topic_defaults: Arc::default(),
            groups: GroupConfig::default(),
            producer_id_expiration: Duration::from_secs(24 * 3600),
            recall: |_| Recalled::default(),
        }
    }
}
