//! Topics, groups, producers and policies as pure state machines over the storage engine. Knows no
//! wire protocol.
//!
//! | module | what it is |
//! |---|---|
//! | [`broker`] | the handle that gateways hold |
//! | `machine` | the state machine behind it: commands, state, replay |
//! | [`topic`] | topics, their configuration, the catalog everyone reads |
//! | [`group`] | consumer groups and committed offsets |
//! | [`access`] | virtual hosts, users, and who may do what |
//! | [`policy`] | what holds for many queues and exchanges by their names |
//! | [`host`] | virtual hosts: exchanges, bindings, queues and their consumers |
//! | [`queue`] | queues: delivery state over a log |
//! | [`routing`] | exchanges: which bindings a message matches |
//! | [`forwarding`] | from topics to the queues that are subscribed to them |
//! | `producer` | idempotent producers |
//! | `prepare` | what is checked about a batch before it reaches the shard |
//! | `event` | what the broker journals about itself |

pub mod access;
pub mod broker;
mod error;
mod event;
pub mod forwarding;
pub mod group;
pub mod host;
pub mod limits;
mod machine;
pub mod names;
mod options;
pub mod policy;
mod prepare;
mod producer;
pub mod queue;
pub mod routing;
pub mod topic;

pub use broker::{Broker, BrokerShard, CountedRandomness, Environment, Randomness};
pub use error::{AppendError, DeleteRecordsError, Stopped, TopicError};
pub use machine::{
    AlterConfig, Append, AppendedBatch, CreatedTopic, NewTopic, ProducerIdentity, TopicRef,
};
pub use names::{GroupId, NameError, TopicName};
pub use options::BrokerOptions;

/// What gateways need of the floor below: reading logs, time, durability.
pub use forebay_storage as storage;
