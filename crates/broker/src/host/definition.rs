//! What exchanges and queues are, as they were declared.

use bytes::Bytes;
use forebay_storage::LogId;

use crate::queue::QueueSettings;
use crate::routing::{Arguments, RouterKind, ValueRef};

/// Names a queue for as long as the broker's data lives: it is the id of its log.
pub type QueueId = LogId;

/// A namespace of exchanges and queues. The default one's is its own for ever; others are never used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VirtualHostId(pub u64);

impl VirtualHostId {
    /// The one that is there from the first start.
    pub const DEFAULT: Self = Self(0);
}

/// Who owns exclusive queues. The gateway chooses it, anew for every connection
/// ([`Broker::next_id`](crate::Broker::next_id)).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ConnectionId(pub u64);

impl ConnectionId {
    /// Who has no connection, such as an operator: no exclusive queue is its own.
    pub const NOBODY: Self = Self(0);
}

/// An exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ExchangeDefinition {
    /// Its name.
    pub name: Bytes,
    /// How it routes.
    pub kind: RouterKind,
    /// What declarers call that: several kinds may route alike.
    pub kind_name: Bytes,
    /// It survives a restart.
    pub durable: bool,
    /// It is gone when the last of its bindings is removed.
    pub auto_delete: bool,
    /// Only other exchanges publish to it.
    pub internal: bool,
    /// Where messages go that it has no binding for.
    pub alternate: Option<Bytes>,
    /// Everything it was declared with, for who asks whether another declaration is the same.
    pub arguments: Arguments,
}

/// A queue.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct QueueDefinition {
    /// Its name.
    pub name: Bytes,
    /// It survives a restart, with its messages.
    pub durable: bool,
    /// Only this connection uses it, and it ends with it.
    pub exclusive: Option<ConnectionId>,
    /// How it treats messages and consumers.
    pub settings: QueueSettings,
    /// Where the dead go. The settings' `dead_letter` says the same.
    pub dead_letter: Option<DeadLetterTarget>,
    /// Everything it was declared with, for who asks whether another declaration is the same.
    pub arguments: Arguments,
}

impl QueueDefinition {
    /// Whether it was declared as a quorum queue: another name for the same, with a few rules of its own.
    pub fn is_quorum(&self) -> bool {
        let queue_type = self.arguments.get(b"x-queue-type");
        matches!(queue_type, Some(ValueRef::Bytes(b"quorum")))
    }
}

/// Where the dead go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DeadLetterTarget {
    /// To this exchange.
    pub exchange: Bytes,
    /// Under this key; none keeps the message's own keys.
    pub routing_key: Option<Bytes>,
}
