//! All topics, by name and by id, for any thread to look into.

use std::collections::BTreeMap;
use std::sync::Arc;

use hashbrown::HashMap;
use parking_lot::RwLock;
use uuid::Uuid;

use super::Topic;
use crate::names::TopicName;

/// The topics there are. Written by the shard, read by everyone.
#[derive(Debug, Default)]
pub struct Catalog {
    topics: RwLock<Topics>,
}

#[derive(Debug, Default)]
struct Topics {
    /// Sorted, because every listing is.
    by_name: BTreeMap<TopicName, Arc<Topic>>,
    by_id: HashMap<Uuid, Arc<Topic>>,
}

impl Catalog {
    /// The topic of this name.
    pub fn get(&self, name: &str) -> Option<Arc<Topic>> {
        self.topics.read().by_name.get(name).cloned()
    }

    /// The topic with this id.
    pub fn get_by_id(&self, id: Uuid) -> Option<Arc<Topic>> {
        self.topics.read().by_id.get(&id).cloned()
    }

    /// All topics, sorted by name.
    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.topics.read().by_name.values().cloned().collect()
    }

    pub(crate) fn put(&self, topic: Arc<Topic>) {
        let mut topics = self.topics.write();
        topics.by_id.insert(topic.id, Arc::clone(&topic));
        topics.by_name.insert(topic.name.clone(), topic);
    }

    pub(crate) fn remove(&self, topic: &Topic) {
        let mut topics = self.topics.write();
        topics.by_id.remove(&topic.id);
        topics.by_name.remove(&topic.name);
    }
}
