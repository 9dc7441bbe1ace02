//! Topics: named sets of partitions, each of which is one log.

mod catalog;
pub mod config;
mod definition;

use std::sync::Arc;

use forebay_storage::LogReader;
use uuid::Uuid;

pub use catalog::Catalog;
pub use config::{ConfigError, ConfigSource, TopicConfig};
pub use definition::{CONFIGS, ConfigDefinition, ConfigKind};

use crate::names::TopicName;

/// A topic as everyone sees it. A change makes a new value, so that whoever holds one sees a
/// consistent topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its identity; a topic that is deleted and created again is another.
    pub id: Uuid,
    /// Its name.
    pub name: TopicName,
    /// Its configuration.
    pub config: Arc<TopicConfig>,
    /// Its partitions, by index.
    pub partitions: Vec<LogReader>,
}

impl Topic {
    /// The log of a partition.
    pub fn partition(&self, index: i32) -> Option<&LogReader> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}
