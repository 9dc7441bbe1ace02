//! A virtual host: exchanges, the queues that they route to, and who consumes them.
//!
//! | module | what it is |
//! |---|---|
//! | `definition` | what exchanges and queues are |
//! | `command`, `reply` | what can be asked, and what comes back |
//! | `inspect` | what operators look at |
//! | `peek`, `redrive` | messages that are looked at, and moved by hand |
//! | `leases` | messages that are taken for a time, by nobody who stays |
//! | `message` | a message as it is published, and as it lies in a queue's log |
//! | `run` | several that are routed alike, in one batch |
//! | `stored` | that, read and written again |
//! | `topic_subscription` | queues that are given what a topic gets |
//! | `deaths` | what a message remembers of the queues that it died in |
//! | `error` | why something is refused |
//!
//! A queue is a log with delivery state ([`crate::queue`]); an exchange is a router
//! ([`crate::routing`]) whose destinations are queues and other exchanges.

mod command;
mod deaths;
mod definition;
mod error;
mod handle;
mod inspect;
mod leases;
mod message;
mod peek;
mod redrive;
mod reply;
mod run;
mod stored;
mod topic_subscription;

pub use command::{Bind, GetMessage, HostCommand, Settlement, Subscribe};
pub use deaths::{Death, Deaths};
pub use definition::{
    ConnectionId, DeadLetterTarget, ExchangeDefinition, QueueDefinition, QueueId, VirtualHostId,
};
pub use error::{Difference, HostError, PublishError};
pub use handle::VirtualHost;
pub use inspect::{
    BindingDescription, BindingPlace, Bindings, BindingsPart, ExchangeDescription, HostTotals,
    Inspect, Inspected, Part, Passed, QueueDescription,
};
pub use leases::{Lease, LeaseError, LeaseOutcome, Leased, Receive, Received};
pub use message::{
    Envelope, ForTopics, MessageHeaders, Publication, Queueing, Recall, Recalled, TopicAddress,
    group_id, header, unchanged,
};
pub use peek::{Peek, Peeked, PeekedMessages};
pub use redrive::{Redrive, RedriveTarget, Redriven};
pub use reply::{
    Delivered, Got, HostReply, Notice, NoticeSender, Position, Published, QueueStatus, Subscribed,
};
pub use run::{BodySizes, Run};
pub use stored::StoredMessage;
pub(crate) use topic_subscription::{FollowedTopic, FollowedTopics, ForwardedMessage};
pub use topic_subscription::{
    Forward, Forwarded, SubscribeTopic, TopicStart, TopicSubscriptionDescription,
    TopicSubscriptionId,
};

/// The exchange that has every queue bound by its name.
pub const DEFAULT_EXCHANGE: &[u8] = b"";
