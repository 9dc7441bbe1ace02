//! All topics, by name and by id, for any thread to look into.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use hashbrown::HashMap;
use parking_lot::RwLock;
use uuid::Uuid;

use super::Topic;
use crate::host::VirtualHostId;
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
    /// Those that were declared as streams.
    called: HashMap<VirtualHostId, BTreeMap<Bytes, Arc<Topic>>>,
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

    /// The stream that a queue's name stands for. Whoever publishes asks: it takes no memory.
    pub fn stream(&self, virtual_host: VirtualHostId, queue: &[u8]) -> Option<Arc<Topic>> {
        let topics = self.topics.read();
        let called = || topics.called.get(&virtual_host)?.get(queue);
        let found = match virtual_host {
            VirtualHostId::DEFAULT => topics.with_own_name(queue).or_else(called),
            _ => called(),
        };
        found.filter(|topic| topic.config.is_stream).cloned()
    }

    /// The streams of a virtual host, sorted by the names of their queues.
    pub fn streams(&self, virtual_host: VirtualHostId) -> Vec<Arc<Topic>> {
        let topics = self.topics.read();
        let called = topics.called.get(&virtual_host).into_iter();
        let called = called.flat_map(BTreeMap::values);
        if virtual_host != VirtualHostId::DEFAULT {
            let streams = called.filter(|topic| topic.config.is_stream);
            return streams.cloned().collect();
        }
        let own = topics.by_name.values();
        let own = own.filter(|topic| topic.stream.is_none());
        let streams = own.chain(called).filter(|topic| topic.config.is_stream);
        let mut streams: Vec<_> = streams.cloned().collect();
        streams.sort_by_cached_key(|topic| topic.queue_name());
        streams
    }

    /// The topics that go with a virtual host: those of the default one are Kafka's as much.
    pub(crate) fn bound_to(&self, virtual_host: VirtualHostId) -> Vec<Arc<Topic>> {
        if virtual_host == VirtualHostId::DEFAULT {
            return Vec::new();
        }
        let topics = self.topics.read();
        let called = topics.called.get(&virtual_host).into_iter();
        called.flat_map(BTreeMap::values).cloned().collect()
    }

    /// All topics, sorted by name.
    pub fn all(&self) -> Vec<Arc<Topic>> {
        self.topics.read().by_name.values().cloned().collect()
    }

    pub(crate) fn put(&self, topic: Arc<Topic>) {
        let mut topics = self.topics.write();
        topics.by_id.insert(topic.id, Arc::clone(&topic));
        if let Some(stream) = &topic.stream {
            let called = topics.called.entry(stream.virtual_host).or_default();
            called.insert(stream.queue.clone(), Arc::clone(&topic));
        }
        topics.by_name.insert(topic.name.clone(), topic);
    }

    pub(crate) fn remove(&self, topic: &Topic) {
        let mut topics = self.topics.write();
        topics.by_id.remove(&topic.id);
        topics.by_name.remove(&topic.name);
        if let Some(stream) = &topic.stream
            && let Some(called) = topics.called.get_mut(&stream.virtual_host)
        {
            called.remove(&stream.queue);
            if called.is_empty() {
                topics.called.remove(&stream.virtual_host);
            }
        }
    }
}

impl Topics {
    /// The one that has this name among the queues of the default virtual host because it is its own.
    fn with_own_name(&self, queue: &[u8]) -> Option<&Arc<Topic>> {
        let topic = self.by_name.get(std::str::from_utf8(queue).ok()?);
        topic.filter(|topic| topic.stream.is_none())
    }
}
