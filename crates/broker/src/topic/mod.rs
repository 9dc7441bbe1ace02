//! Topics: named sets of partitions, each of which is one log.

mod catalog;
pub mod config;
mod definition;
mod stream;

use std::sync::Arc;

use bytes::Bytes;
use forebay_storage::LogReader;
use uuid::Uuid;

pub use catalog::Catalog;
pub use config::{ConfigError, ConfigSource, TopicConfig};
pub use definition::{CONFIGS, ConfigDefinition, ConfigKind};
pub use stream::{MadeAs, StreamName};

use crate::host::VirtualHostId;
use crate::names::TopicName;

/// A topic as everyone sees it. A change makes a new value, so that whoever holds one sees a
/// consistent topic.
#[derive(Clone, Debug)]
pub struct Topic {
    /// Its identity; a topic that is deleted and created again is another.
    pub id: Uuid,
    /// Its name.
    pub name: TopicName,
    /// What it is called among the queues, if it was declared as one of them. Of one that was not, or that was
    /// before this was remembered, it is its own name in the default virtual host.
    pub stream: Option<Arc<StreamName>>,
    /// Its configuration.
    pub config: Arc<TopicConfig>,
    /// Its partitions, by index.
    pub partitions: Vec<LogReader>,
}

impl Topic {
    /// What it is called among the queues.
    pub fn queue_name(&self) -> Bytes {
        match &self.stream {
            Some(stream) => stream.queue.clone(),
            None => Bytes::copy_from_slice(self.name.as_str().as_bytes()),
        }
    }

    /// The virtual host whose queues it is one of, as long as it is a stream.
    pub fn virtual_host(&self) -> VirtualHostId {
        let stream = self.stream.as_ref();
        stream.map_or(VirtualHostId::DEFAULT, |stream| stream.virtual_host)
    }

    /// The log of a partition.
    pub fn partition(&self, index: i32) -> Option<&LogReader> {
        self.partitions.get(usize::try_from(index).ok()?)
    }
}
