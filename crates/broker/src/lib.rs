//! Topics, groups, producers, policies as pure state machines over the storage engine. Knows no wire protocol.

pub mod group;
pub mod names;

pub use names::{GroupId, NameError, TopicName};
