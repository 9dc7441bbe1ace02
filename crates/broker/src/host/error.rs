//! Why something is refused.

use bytes::Bytes;

use crate::queue::SubscribeError;
use crate::routing::{BindError, Value};

/// Why a virtual host does not do something.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
pub enum HostError {
    /// The virtual host is gone.
    #[error("the virtual host is gone")]
    NoVirtualHost,
    /// There is no such queue.
    #[error("no queue '{}'", String::from_utf8_lossy(.0))]
    NoQueue(Bytes),
    /// There is no such exchange.
    #[error("no exchange '{}'", String::from_utf8_lossy(.0))]
    NoExchange(Bytes),
    /// There is no such topic.
    #[error("no topic '{}'", String::from_utf8_lossy(.0))]
    NoTopic(Bytes),
    /// A queue is not subscribed to a topic any more.
    #[error("the subscription is gone")]
    NoSubscription,
    /// The queue is another connection's.
    #[error("queue '{}' is exclusive to another connection", String::from_utf8_lossy(.0))]
    ExclusiveToOther(Bytes),
    /// It is there, and is not what was declared.
    #[error("it is there, and is not the same")]
    Inequivalent(Box<Difference>),
    /// It was to be deleted if nobody uses it, and somebody does.
    #[error("it is in use")]
    InUse,
    /// It was to be deleted if it is empty, and it is not.
    #[error("it is not empty")]
    NotEmpty,
    /// A binding makes no sense to its exchange.
    #[error(transparent)]
    Binding(#[from] BindError),
    /// Somebody may not consume.
    #[error(transparent)]
    Subscribe(#[from] SubscribeError),
    /// A quorum queue with a single active consumer gives nothing to who does not subscribe.
    #[error("the queue has a single active consumer")]
    SingleActive,
    /// What was to be settled is not held by who settles it.
    #[error("unknown delivery")]
    UnknownDelivery,
    /// As many messages are locked as its receivers said may be.
    #[error("too many messages are in flight")]
    TooManyInFlight,
    /// There are as many queues, exchanges or bindings as there may be.
    #[error("there are {0} already, which is as many as there may be")]
    TooMany(&'static str),
    /// There are as many queues in the virtual host as an operator said that there may be.
    #[error("there are {0} queues in the virtual host, which is as many as there may be")]
    QueueLimit(u64),
    /// The medium is full.
    #[error("the disk is full")]
    StorageFull,
    /// The broker has stopped.
    #[error("the broker has stopped")]
    Stopped,
}

/// In what two declarations of the same name differ.
#[derive(Clone, Debug, PartialEq)]
pub enum Difference {
    /// The kind of an exchange.
    Kind {
        /// What was asked for.
        received: Bytes,
        /// What it is.
        current: Bytes,
    },
    /// Whether it is durable; what was asked for.
    Durable(bool),
    /// Whether it deletes itself; what was asked for.
    AutoDelete(bool),
    /// Whether only exchanges publish to it; what was asked for.
    Internal(bool),
    /// Whether it is exclusive; what was asked for.
    Exclusive(bool),
    /// An argument.
    Argument {
        /// Its name.
        name: Bytes,
        /// What was asked for.
        received: Option<Value>,
        /// What it is.
        current: Option<Value>,
    },
}

/// Why a message was not published.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PublishError {
    /// There is no such exchange.
    #[error("no exchange '{}'", String::from_utf8_lossy(.0))]
    NoExchange(Bytes),
    /// Only exchanges publish to it.
    #[error("exchange '{}' is internal", String::from_utf8_lossy(.0))]
    Internal(Bytes),
    /// It is larger than the journal can hold.
    #[error("{bytes} bytes are more than {limit}")]
    TooLarge {
        /// What it has.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
    /// A topic does not take it.
    #[error("{0}")]
    Topic(String),
    /// The medium is full.
    #[error("the disk is full")]
    StorageFull,
    /// The broker has stopped, or cannot write any more.
    #[error("the broker has stopped")]
    Stopped,
}
