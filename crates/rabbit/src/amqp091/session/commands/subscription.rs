//! Queues that are bound to a topic where there is no exchange of its name: they are given what it gets
//! (docs/interop.md). Keys say nothing there: all of it.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{HostError, TopicStart};
use forebay_broker::topic::Topic;

use super::Done;
use super::stream::Begin;
use crate::amqp091::method::queue::Bind;
use crate::amqp091::session::Session;

impl Session<'_> {
    /// The topic that a queue is bound to, if its name is no exchange's.
    pub(super) async fn source_topic(&mut self, name: &[u8]) -> Option<Arc<Topic>> {
        let topic = self.host.stream(name)?;
        let exchange = self.host.check_exchange(Bytes::copy_from_slice(name)).await;
        matches!(exchange, Err(HostError::NoExchange(_))).then_some(topic)
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
        let begin = Begin::parse(self.named_queue(queue), &bind.arguments)?;
        let now_ms = self.shared.broker.now().wall_ms;
        let start = topic_start(begin, topic, now_ms).await;
        let subscribed = self
            .host
            .subscribe_topic(queue.clone(), name_of(topic), start, self.id);
        let subscribed = subscribed.await;
        subscribed
            .map(drop)
            .map_err(|error| self.named_queue(queue).refusal(error))
    }

    /// Ends that. What is not there is not bound.
    pub(super) async fn unbind_from_topic(&mut self, queue: &Bytes, topic: &Topic) -> Done {
        self.access.queue(Action::Read, &topic.queue_name())?;
        let ended = self
            .host
            .unsubscribe_topic(queue.clone(), name_of(topic), self.id);
        match ended.await {
            Ok(_) | Err(HostError::NoQueue(_) | HostError::NoTopic(_)) => Ok(()),
            Err(error) => Err(self.named_queue(queue).refusal(error)),
        }
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
