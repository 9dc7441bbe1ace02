//! Queues that are bound to a topic where there is no exchange of its name: they are given what it gets
//! (docs/interop.md). Keys say nothing there: all of it.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{ConnectionId, HostError, TopicStart, VirtualHost};
use forebay_broker::topic::Topic;

use super::Done;
use super::stream::Begin;
use crate::amqp091::method::queue::Bind;
use crate::amqp091::session::Session;
use crate::amqp091::session::errors::Subject;
use crate::amqp091::table::Table;

impl Session<'_> {
    /// The topic that a queue is bound to, if its name is no exchange's.
    pub(super) async fn source_topic(&mut self, name: &[u8]) -> Option<Arc<Topic>> {
        source_topic(&self.host, name).await
    }

    /// Subscribes a queue to a topic, from where `x-stream-offset` says.
    pub(super) async fn bind_to_topic(
        &mut self,
        queue: &Bytes,
        topic: &Topic,
        bind: &Bind,
    ) -> Done {
        self.access.queue(Action::Read, &topic.queue_name())?;
        self.not_for_streams("queue.bind to a topic", queue)?;
        let (named, arguments) = (self.named_queue(queue), &bind.arguments);
        subscribe(&self.host, named, topic, arguments, self.id).await
    }

    /// Ends that. What is not there is not bound.
    pub(super) async fn unbind_from_topic(&mut self, queue: &Bytes, topic: &Topic) -> Done {
        self.access.queue(Action::Read, &topic.queue_name())?;
        unsubscribe(&self.host, self.named_queue(queue), topic, self.id).await
    }
}

/// The topic that queues are bound to by a name, if it is no exchange's.
pub(crate) async fn source_topic(host: &VirtualHost, name: &[u8]) -> Option<Arc<Topic>> {
    let topic = host.stream(name)?;
    let exchange = host.check_exchange(Bytes::copy_from_slice(name)).await;
    matches!(exchange, Err(HostError::NoExchange(_))).then_some(topic)
}

/// Subscribes a queue to a topic, from where the arguments of a binding say.
pub(crate) async fn subscribe(
    host: &VirtualHost,
    queue: Subject<'_>,
    topic: &Topic,
    arguments: &Table,
    connection: ConnectionId,
) -> Done {
    let begin = Begin::parse(queue, arguments)?;
    let now_ms = host.broker().now().wall_ms;
    let start = topic_start(begin, topic, now_ms).await;
    let name = Bytes::copy_from_slice(queue.name);
    let subscribed = host.subscribe_topic(name, name_of(topic), start, connection);
    let subscribed = subscribed.await.map(drop);
    subscribed.map_err(|error| queue.refusal(error))
}

/// Ends that. What is not there is not bound.
pub(crate) async fn unsubscribe(
    host: &VirtualHost,
    queue: Subject<'_>,
    topic: &Topic,
    connection: ConnectionId,
) -> Done {
    let name = Bytes::copy_from_slice(queue.name);
    let ended = host.unsubscribe_topic(name, name_of(topic), connection);
    match ended.await {
        Ok(_) | Err(HostError::NoQueue(_) | HostError::NoTopic(_)) => Ok(()),
        Err(error) => Err(queue.refusal(error)),
    }
}

/// What a topic is subscribed to by: whatever it is called here, that is the name that all know it by.
fn name_of(topic: &Topic) -> Bytes {
    Bytes::copy_from_slice(topic.name.as_str().as_bytes())
}

async fn topic_start(begin: Begin, topic: &Topic, now_ms: i64) -> TopicStart {
    match begin {
        Begin::First => TopicStart::Earliest,
        Begin::Next => TopicStart::Latest,
        begin => {
            let mut offsets = Vec::with_capacity(topic.partitions.len());
            for log in &topic.partitions {
                offsets.push(begin.offset(log.clone(), now_ms).await);
            }
            TopicStart::Offsets(offsets)
        }
    }
}
