//! All topics and subscriptions, compiled.
//!
//! They are kept as the broker's parameters, so that they are journaled, replayed and backed up with everything else.
//! Whoever asks sees them as they are in the broker's directory at that time, whichever connection changed them; what
//! did not change since the last time is not read again.

use std::collections::BTreeMap;
use std::sync::{Arc, OnceLock};

use forebay_broker::Broker;
use forebay_broker::access::{AccessChange, Directory, Parameter};
use forebay_broker::host::VirtualHostId;
use parking_lot::Mutex;

use super::subscription::{Subscription, SubscriptionRecord};
use super::topic::{FIFO_SUFFIX, Topic, TopicRecord};

/// The component of the parameters that are topics.
const TOPIC: &str = "sns-topic";
/// The component of those that are subscriptions.
const SUBSCRIPTION: &str = "sns-subscription";

/// All there is at some time.
#[derive(Debug, Default)]
pub(crate) struct Index {
    /// By virtual host and name.
    topics: BTreeMap<(VirtualHostId, String), Arc<Topic>>,
    /// By virtual host and id.
    subscriptions: BTreeMap<(VirtualHostId, String), Arc<Subscription>>,
    /// Those that were ended, and may come back.
    ended: BTreeMap<(VirtualHostId, String), Arc<Subscription>>,
}

impl Index {
    pub(crate) fn topic(&self, host: VirtualHostId, name: &str) -> Option<&Arc<Topic>> {
        self.topics.get(&(host, name.to_owned()))
    }

    pub(crate) fn subscription(&self, host: VirtualHostId, id: &str) -> Option<&Arc<Subscription>> {
        self.subscriptions.get(&(host, id.to_owned()))
    }

    /// Those of a virtual host, by name.
    pub(crate) fn topics(&self, host: VirtualHostId) -> impl Iterator<Item = &Arc<Topic>> {
        let all = self.topics.range((host, String::new())..);
        all.take_while(move |((of, _), _)| *of == host)
            .map(|(_, topic)| topic)
    }

    /// Those of a virtual host, by id.
    pub(crate) fn subscriptions(
        &self,
        host: VirtualHostId,
    ) -> impl Iterator<Item = &Arc<Subscription>> {
        let all = self.subscriptions.range((host, String::new())..);
        all.take_while(move |((of, _), _)| *of == host)
            .map(|(_, subscription)| subscription)
    }

    /// One whose endpoint is told something: it may have been ended.
    pub(crate) fn told(&self, host: VirtualHostId, id: &str) -> Option<&Arc<Subscription>> {
        let place = (host, id.to_owned());
        let subscription = self.subscriptions.get(&place);
        subscription.or_else(|| self.ended.get(&place))
    }

    /// Those of a topic that were ended.
    pub(crate) fn ended<'i>(
        &'i self,
        host: VirtualHostId,
        topic: &'i str,
    ) -> impl Iterator<Item = &'i Arc<Subscription>> {
        let all = self.ended.range((host, String::new())..);
        all.take_while(move |((of, _), _)| *of == host)
            .map(|(_, subscription)| subscription)
            .filter(move |subscription| subscription.record.topic == topic)
    }

    /// All whose endpoints are told something, with their virtual hosts.
    pub(crate) fn all_told(&self) -> impl Iterator<Item = (VirtualHostId, &Arc<Subscription>)> {
        let all = self.subscriptions.iter().chain(&self.ended);
        all.map(|((host, _), subscription)| (*host, subscription))
    }
}

/// What was read of a parameter, and from what.
type Read<T> = BTreeMap<Parameter, (String, Arc<T>)>;

#[derive(Debug, Default)]
struct Compiled {
    from: Option<Arc<Directory>>,
    index: Arc<Index>,
    topics: Read<TopicRecord>,
    subscriptions: Read<Subscription>,
}

/// Follows the broker's directory.
#[derive(Debug)]
pub(crate) struct Registry {
    broker: Broker,
    compiled: Mutex<Compiled>,
}

impl Registry {
    pub(crate) fn new(broker: Broker) -> Self {
        Self {
            broker,
            compiled: Mutex::default(),
        }
    }

    /// Everything as it is now.
    pub(crate) fn index(&self) -> Arc<Index> {
        let directory = self.broker.directory();
        let mut compiled = self.compiled.lock();
        let known = compiled.from.as_ref();
        if !known.is_some_and(|known| Arc::ptr_eq(known, &directory)) {
            compiled.follow(directory);
        }
        Arc::clone(&compiled.index)
    }
}

impl Compiled {
    fn follow(&mut self, directory: Arc<Directory>) {
        let mut topics = Read::default();
        let mut subscriptions = Read::default();
        let mut index = Index::default();
        let mut found: BTreeMap<(VirtualHostId, String), Topic> = BTreeMap::new();
        for (parameter, value) in of_component(&directory, TOPIC) {
            let read = || serde_json::from_str(value).ok();
            let Some(record) = keep(&mut self.topics, parameter, value, read) else {
                continue;
            };
            topics.insert(parameter.clone(), (value.to_owned(), Arc::clone(&record)));
            if let Some(host) = host_of(&directory, parameter) {
                let name = parameter.name.clone();
                let topic = Topic {
                    arn: Topic::arn_of(&record, &name),
                    is_fifo: name.ends_with(FIFO_SUFFIX),
                    name: name.clone(),
                    virtual_host: host,
                    record,
                    subscriptions: Vec::new(),
                    policy: OnceLock::new(),
                };
                found.insert((host, name), topic);
            }
        }
        for (parameter, value) in of_component(&directory, SUBSCRIPTION) {
            let Some(host) = host_of(&directory, parameter) else {
                continue;
            };
            let Ok(record) = serde_json::from_str::<SubscriptionRecord>(value) else {
                continue;
            };
            // One without its topic is as good as deleted.
            let Some(topic) = found.get_mut(&(host, record.topic.clone())) else {
                continue;
            };
            let delivery_policy = topic.record.attribute("DeliveryPolicy");
            // What it was made from is its own word and its topic's.
            let source = format!("{value}\n{}", delivery_policy.unwrap_or_default());
            let make = || {
                Some(Subscription::new(
                    &parameter.name,
                    &topic.arn,
                    record,
                    delivery_policy,
                ))
            };
            if let Some(subscription) = keep(&mut self.subscriptions, parameter, &source, make) {
                let kept = (source, Arc::clone(&subscription));
                subscriptions.insert(parameter.clone(), kept);
                let place = (host, parameter.name.clone());
                if subscription.record.is_ended {
                    index.ended.insert(place, subscription);
                    continue;
                }
                topic.subscriptions.push(Arc::clone(&subscription));
                index.subscriptions.insert(place, subscription);
            }
        }
        let found = found.into_iter();
        index.topics = found
            .map(|(place, topic)| (place, Arc::new(topic)))
            .collect();
        *self = Self {
            from: Some(directory),
            index: Arc::new(index),
            topics,
            subscriptions,
        };
    }
}

/// What was read before from the same text, or what is read now.
fn keep<T>(
    before: &mut Read<T>,
    parameter: &Parameter,
    source: &str,
    read: impl FnOnce() -> Option<T>,
) -> Option<Arc<T>> {
    match before.remove(parameter) {
        Some((text, read)) if text == source => Some(read),
        _ => read().map(Arc::new),
    }
}

fn of_component<'d>(
    directory: &'d Directory,
    component: &'d str,
) -> impl Iterator<Item = (&'d Parameter, &'d str)> {
    let all = directory.parameters();
    all.filter(move |(parameter, _)| parameter.component.as_deref() == Some(component))
}

fn host_of(directory: &Directory, parameter: &Parameter) -> Option<VirtualHostId> {
    let name = parameter.virtual_host.as_ref()?;
    Some(directory.virtual_host(name)?.id)
}

/// Changes of what is kept.
pub(crate) mod changes {
    use super::*;

    pub(crate) fn put_topic(host: &str, name: &str, record: &TopicRecord) -> AccessChange {
        put(TOPIC, host, name, serde_json::to_string(record))
    }

    pub(crate) fn delete_topic(host: &str, name: &str) -> AccessChange {
        let parameter = parameter(TOPIC, host, name);
        AccessChange::DeleteParameter { parameter }
    }

    pub(crate) fn put_subscription(
        host: &str,
        id: &str,
        record: &SubscriptionRecord,
    ) -> AccessChange {
        put(SUBSCRIPTION, host, id, serde_json::to_string(record))
    }

    pub(crate) fn delete_subscription(host: &str, id: &str) -> AccessChange {
        let parameter = parameter(SUBSCRIPTION, host, id);
        AccessChange::DeleteParameter { parameter }
    }

    fn put(
        component: &str,
        host: &str,
        name: &str,
        value: Result<String, serde_json::Error>,
    ) -> AccessChange {
        AccessChange::PutParameter {
            parameter: parameter(component, host, name),
            // Of texts and numbers, which JSON has.
            value: value.expect("a record is JSON"),
        }
    }

    fn parameter(component: &str, host: &str, name: &str) -> Parameter {
        Parameter {
            component: Some(component.to_owned()),
            virtual_host: Some(host.to_owned()),
            name: name.to_owned(),
        }
    }
}
