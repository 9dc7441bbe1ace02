//! What a message remembers of the queues that it died in.
//!
//! Layout of the reserved header: `version u8 (1), death*`, newest first; a death is `queue, reason u8,
//! count u64, time i64, exchange, routing key*, original expiration (presence)`.

use bytes::Bytes;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};

use crate::queue::DeathReason;

const VERSION: u8 = 1;

/// The deaths of one message, one entry for each queue and reason, the newest first.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Deaths(pub Vec<Death>);

/// A message died in a queue of a reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    /// The queue.
    pub queue: Bytes,
    /// The reason.
    pub reason: DeathReason,
    /// How often.
    pub count: u64,
    /// When first, in milliseconds since the Unix epoch.
    pub time_ms: i64,
    /// The exchange that it had been published to.
    pub exchange: Bytes,
    /// The keys that it had been published with.
    pub routing_keys: Vec<Bytes>,
    /// The time to live that it had brought, and lost with its death.
    pub original_expiration_ms: Option<u64>,
}
