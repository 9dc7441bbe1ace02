//! Every bound of the group coordinator that is not a setting, in one place, each with its reason.
//!
//! Committed offsets need no bound of their own: the gateway lets only existing partitions through,
//! so a group holds at most one offset for each partition of the broker.

use std::time::Duration;

/// Assignment strategies one member may offer. Real clients offer one to four.
pub const PROTOCOLS_PER_MEMBER_MAX: usize = 64;

/// Bytes of protocol names and metadata one member may bring. A consumer of 10,000 topics with long
/// names and owned partitions stays below; Kafka's bound is its record size, also about 1 MB.
pub const MEMBER_METADATA_BYTES_MAX: usize = 1024 * 1024;

/// Bytes of metadata a whole group may hold, so that the leader's reply and the journal entry of a
/// generation stay far below any frame limit.
pub const GROUP_METADATA_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes of assignments a leader may hand out in one generation; same reason.
pub const GROUP_ASSIGNMENT_BYTES_MAX: usize = 32 * 1024 * 1024;

/// Bytes kept of a client's id and of its host. They are for people to read; the client id is also
/// the head of every member id made for it.
pub const CLIENT_TEXT_BYTES_MAX: usize = 255;

/// Longest group instance id in bytes (Kafka checks it as it checks a topic's name, KIP-345).
pub const INSTANCE_ID_BYTES_MAX: usize = 249;

/// Longest protocol type or protocol name in bytes. The known ones have at most twenty.
pub const PROTOCOL_NAME_BYTES_MAX: usize = 255;

/// Deadlines the coordinator keeps at once. Each member and each reserved id has one, so this bounds
/// the members of all groups together: the product of the configured limits is far too much memory.
pub const ALARMS_MAX: usize = 1_000_000;

/// How long a new member's first join may wait for the rebalance before the member is given up.
/// Until it is answered the client cannot heartbeat, so its session time-out says nothing (KAFKA-7610).
pub const NEW_MEMBER_JOIN_TIMEOUT: Duration = Duration::from_secs(5 * 60);

/// Longest rebalance time-out kept: what the protocols can express (31 bits of milliseconds).
pub const REBALANCE_TIMEOUT_MAX: Duration = Duration::from_millis(i32::MAX as u64);

/// The least time between two attempts to finish a rebalance that nobody has joined, so that a
/// member with a rebalance time-out of nothing cannot make the coordinator spin.
pub const REBALANCE_RETRY_MIN: Duration = Duration::from_secs(1);

/// Distinct topics a group's subscription is tracked for. Beyond it the group counts as subscribed
/// to every topic, which only means that its offsets cannot be deleted while it is active.
pub const SUBSCRIBED_TOPICS_MAX: usize = 100_000;

/// Groups looked at in one step of the retention pass, so that a hundred thousand groups never hold
/// up the shard's thread for long.
pub const RETENTION_GROUPS_PER_STEP: usize = 256;

/// The pause between two steps of one retention pass.
pub const RETENTION_STEP_PAUSE: Duration = Duration::from_millis(10);

/// Bytes shown of a client's reason for joining or leaving (KIP-800), which goes to the log only.
pub const REASON_BYTES_SHOWN: usize = 255;

/// How long nobody is given up after the coordinator itself stood still: signs of life that came
/// meanwhile are still on their way from the sockets. It takes milliseconds unless the machine is
/// overloaded, and a member that is really gone is noticed that much later.
pub const EXCUSE_AFTER_STANDSTILL: Duration = Duration::from_secs(1);

/// How long after one excuse begins the next may. A coordinator that stands still for a moment again and
/// again is slow rather than stopped, and must still give up who is gone and end its rebalances. Shorter
/// than the shortest session, so that of two standstills, each too long for a session, both are excused.
pub const EXCUSE_INTERVAL: Duration = Duration::from_secs(5);
