//! What an operator may set about consumer groups.

use std::time::Duration;

/// The coordinator's settings. The defaults are Kafka's, with the exceptions that are noted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GroupConfig {
    /// How long the first rebalance of an empty group waits for more members (KIP-134,
    /// `group.initial.rebalance.delay.ms`). Zero, unlike Kafka's three seconds: a lone consumer
    /// starts at once, and a fleet pays a few cheap rebalances instead.
    pub initial_rebalance_delay: Duration,
    /// The shortest session time-out a member may ask for (`group.min.session.timeout.ms`).
    pub session_timeout_min: Duration,
    /// The longest session time-out a member may ask for (`group.max.session.timeout.ms`).
    pub session_timeout_max: Duration,
    /// Members a group may have (KIP-389, `group.max.size`). Kafka sets no bound.
    pub group_size_max: usize,
    /// Groups the coordinator keeps. Kafka sets no bound.
    pub groups_max: usize,
    /// Bytes of metadata a client may store with an offset (`offset.metadata.max.bytes`).
    pub offset_metadata_bytes_max: usize,
    /// How long the offsets of an empty group, and those committed without a group, are kept
    /// (KIP-211, `offsets.retention.minutes`).
    pub offsets_retention: Duration,
    /// How often the coordinator looks for offsets past their retention
    /// (`offsets.retention.check.interval.ms`).
    pub offsets_retention_check_interval: Duration,
}

impl Default for GroupConfig {
    fn default() -> Self {
        Self {
            initial_rebalance_delay: Duration::ZERO,
            session_timeout_min: Duration::from_secs(6),
            session_timeout_max: Duration::from_secs(30 * 60),
            group_size_max: 10_000,
            groups_max: 100_000,
            offset_metadata_bytes_max: 4096,
            offsets_retention: Duration::from_secs(7 * 24 * 60 * 60),
            offsets_retention_check_interval: Duration::from_secs(10 * 60),
        }
    }
}
