//! What can be asked of a virtual host.

use std::ops::Range;

use bytes::Bytes;
use tokio::sync::oneshot;

use super::definition::{ConnectionId, ExchangeDefinition, QueueDefinition};
use super::inspect::Inspect;
use super::leases::{Lease, LeaseOutcome, Receive, Received};
use super::peek::Peek;
use super::redrive::Redrive;
use super::reply::NoticeSender;
use super::topic_subscription::{Forward, SubscribeTopic};
use crate::queue::{Credit, HolderId, Outcome, PoolId, Subscription};
use crate::routing::Arguments;

/// A question or a change.
#[derive(Debug)]
pub enum HostCommand {
    /// Makes an exchange; nothing happens if it is there and the same.
    DeclareExchange(ExchangeDefinition),
    /// Says whether there is such an exchange.
    CheckExchange {
        /// Its name.
        name: Bytes,
    },
    /// Deletes an exchange with its bindings; nothing happens if there is none.
    DeleteExchange {
        /// Its name.
        name: Bytes,
        /// Only if nothing is bound to it.
        if_unused: bool,
    },
    /// Binds a queue or an exchange to an exchange.
    Bind(Bind),
    /// Removes a binding; nothing happens if there is none.
    Unbind(Bind),
    /// Makes a queue; says what there is if it is there and the same.
    DeclareQueue {
        /// The queue.
        definition: QueueDefinition,
        /// Who asks.
        connection: ConnectionId,
    },
    /// Says what there is of a queue.
    CheckQueue {
        /// Its name.
        name: Bytes,
        /// Who asks.
        connection: ConnectionId,
    },
    /// Deletes a queue with its messages and bindings; nothing happens if there is none.
    DeleteQueue {
        /// Its name.
        name: Bytes,
        /// Only if it has no consumers.
        if_unused: bool,
        /// Only if nothing is ready.
        if_empty: bool,
        /// Who asks.
        connection: ConnectionId,
    },
    /// Gives a queue other settings, arguments and another place for its dead.
    AlterQueue(QueueDefinition),
    /// Drops what is ready.
    PurgeQueue {
        /// The queue's name.
        name: Bytes,
        /// And what is locked or delayed, and what is known of messages that came before.
        everything: bool,
        /// Who asks.
        connection: ConnectionId,
    },
    /// Subscribes a consumer.
    Subscribe(Subscribe),
    /// Ends a subscription. What the consumer holds stays its own until it is settled or released.
    Cancel {
        /// Whose.
        holder: HolderId,
    },
    /// Takes one message.
    Get(GetMessage),
    /// Settles what was delivered, in order; what is not held ends it there.
    Settle {
        /// What.
        settlements: Vec<Settlement>,
        /// The answer waits until that survives a power cut.
        durably: bool,
    },
    /// Changes what bounds a consumer.
    SetCredit {
        /// Whose.
        holder: HolderId,
        /// To what.
        credit: Credit,
    },
    /// Changes how much the consumers of a pool may hold together; none is any number.
    SetPool {
        /// Which.
        pool: PoolId,
        /// To what.
        limit: Option<u32>,
    },
    /// Holders are gone: their subscriptions end, and what they hold comes back.
    Release {
        /// Which.
        holders: Vec<HolderId>,
        /// And pools with them.
        pools: Vec<PoolId>,
    },
    /// A connection is gone, and its exclusive queues with it.
    Disconnected {
        /// Which.
        connection: ConnectionId,
    },
    /// Looks, and changes nothing.
    Inspect(Inspect),
    /// Looks at messages, and changes nothing.
    Peek(Peek),
    /// Moves messages from one queue to others.
    Redrive(Redrive),
    /// Takes messages for a time.
    Receive {
        /// Which.
        receive: Receive,
        /// Who waits if there are none.
        waiter: Option<oneshot::Sender<Received>>,
    },
    /// Somebody waits no longer.
    StopWaiting {
        /// For messages of this queue.
        queue: Bytes,
        /// Under which number.
        waiter: u64,
    },
    /// Says what becomes of messages that were taken for a time.
    Leases {
        /// Their queue.
        queue: Bytes,
        /// What becomes of each.
        leases: Vec<(Lease, LeaseOutcome)>,
    },
    /// Gives a queue what a topic gets.
    SubscribeTopic(SubscribeTopic),
    /// Ends that; nothing happens if it was not so.
    UnsubscribeTopic {
        /// The queue's name.
        queue: Bytes,
        /// The topic's name.
        topic: Bytes,
        /// Who asks.
        connection: ConnectionId,
    },
    /// Gives a queue the next records of a topic that it is subscribed to.
    Forward(Forward),
}

/// What an event takes beside the names in it.
const EVENT_BYTES: usize = 256;

impl HostCommand {
    /// What it may store, at most.
    pub(crate) fn stored_bytes(&self) -> usize {
        EVENT_BYTES
            + match self {
                Self::DeclareExchange(definition) => {
                    2 * definition.name.len() + definition.arguments.stored_bytes()
                }
                Self::Bind(bind) | Self::Unbind(bind) => {
                    bind.key.len() + bind.arguments.stored_bytes()
                }
                Self::DeclareQueue { definition, .. } | Self::AlterQueue(definition) => {
                    2 * definition.name.len() + definition.arguments.stored_bytes()
                }
                Self::Settle { settlements, .. } => 64 * settlements.len(),
                Self::Receive { receive, .. } => {
                    64 * usize::try_from(receive.messages_max).unwrap_or(usize::MAX)
                }
                Self::Leases { leases, .. } => 64 * leases.len(),
                Self::Release { holders, .. } => 64 * holders.len(),
                Self::SubscribeTopic(subscribe) => 10 * subscribe.partitions,
                Self::Forward(forward) => forward.stored_bytes(),
                _ => 0,
            }
    }

    /// Whether its answer tells a client that everything before it was done. What gateways ask for their
    /// own sake is not answered to anybody.
    pub(crate) fn answers_settlements(&self) -> bool {
        !matches!(
            self,
            Self::Settle { durably: false, .. }
                | Self::Release { .. }
                | Self::Disconnected { .. }
                | Self::SetCredit { .. }
                | Self::Inspect(_)
                | Self::Peek(_)
                | Self::Receive { .. }
                | Self::StopWaiting { .. }
                | Self::Leases { .. }
                | Self::Forward(_)
        )
    }

    /// Whether it is soon done: what clients do with every message.
    pub(crate) fn is_quick(&self) -> bool {
        matches!(
            self,
            Self::Settle { .. }
                | Self::SetCredit { .. }
                | Self::Get(_)
                | Self::Receive { .. }
                | Self::StopWaiting { .. }
                | Self::Leases { .. }
        )
    }

    /// Whether it is done when the medium is full: everything but what makes something new, or stores
    /// messages again.
    pub(crate) fn is_essential(&self) -> bool {
        !matches!(
            self,
            Self::DeclareExchange(_)
                | Self::DeclareQueue { .. }
                | Self::AlterQueue(_)
                | Self::Bind(_)
                | Self::Redrive(_)
                | Self::SubscribeTopic(_)
                | Self::Forward(_)
        )
    }
}

/// A binding by names.
#[derive(Clone, Debug, PartialEq)]
pub struct Bind {
    /// The exchange that messages come from.
    pub source: Bytes,
    /// Where they go.
    pub destination: Bytes,
    /// Whether that is an exchange, and not a queue.
    pub to_exchange: bool,
    /// The key, pattern or weight.
    pub key: Bytes,
    /// What some exchanges look at.
    pub arguments: Arguments,
    /// Who asks.
    pub connection: ConnectionId,
}

/// A subscription.
#[derive(Debug)]
pub struct Subscribe {
    /// The queue's name.
    pub queue: Bytes,
    /// Who consumes; see [`Broker::next_id`](crate::Broker::next_id).
    pub holder: HolderId,
    /// What it asks for. A consumer that does not acknowledge settles what it has written out, too: its
    /// subscription is bounded, and has `no_ack` unset.
    pub subscription: Subscription,
    /// Where its deliveries go.
    pub notices: NoticeSender,
    /// Who asks.
    pub connection: ConnectionId,
}

/// Takes one message without a subscription.
#[derive(Debug)]
pub struct GetMessage {
    /// The queue's name.
    pub queue: Bytes,
    /// Who holds it then.
    pub holder: HolderId,
    /// It is settled when it is [sent](crate::queue::Outcome::Sent). It only counts.
    pub auto_ack: bool,
    /// Who asks.
    pub connection: ConnectionId,
}

/// Settles messages that were delivered to one holder under numbers in a row.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settlement {
    /// Who was given them.
    pub holder: HolderId,
    /// The numbers of the deliveries.
    pub numbers: Range<u64>,
    /// What becomes of them.
    pub outcome: Outcome,
}
