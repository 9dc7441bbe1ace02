//! Queues that are subscribed to topics, as bindings: the source is the topic, by the name that `queue.bind` has for it.

use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{BindingDescription, ConnectionId, QueueDescription, VirtualHost};
use forebay_broker::routing::Arguments;
use forebay_broker::topic::Topic;

use super::authentication::Principal;
use super::error::ApiError;
use super::streams;
use crate::amqp091::session::commands::subscription::{self, source_topic};
use crate::amqp091::session::errors::Subject;
use crate::amqp091::table::Table;

/// Those of a queue. A topic that nobody can name as a source here is left out: one of another virtual host, one that is
/// no stream, and one whose name an exchange has.
pub(super) async fn of(host: &VirtualHost, queue: &QueueDescription) -> Vec<BindingDescription> {
    let mut found = Vec::new();
    for followed in &queue.topics {
        let name = std::str::from_utf8(&followed.topic).ok();
        let Some(topic) = name.and_then(|name| host.broker().topic(name)) else {
            continue;
        };
        let source = topic.queue_name();
        let named = source_topic(host, &source).await;
        if named.is_some_and(|named| named.id == topic.id) {
            found.push(BindingDescription {
                source,
                destination: queue.definition.name.clone(),
                to_exchange: false,
                key: Bytes::new(),
                arguments: Arguments::default(),
            });
        }
    }
    found
}

/// Whether the user may bind a queue to a topic, or undo it: by the rules of AMQP.
pub(super) fn may_bind(
    principal: &Principal,
    vhost: &str,
    queue: &[u8],
    topic: &Topic,
) -> Result<(), ApiError> {
    principal.may_queue(Action::Write, vhost, queue)?;
    principal.may_queue(Action::Read, vhost, &topic.queue_name())
}

/// Subscribes a queue to a topic. One that is subscribed to it stays where it is.
pub(super) async fn bind(
    host: &VirtualHost,
    queue: Subject<'_>,
    topic: &Topic,
    arguments: &Table,
) -> Result<(), ApiError> {
    streams::refuse(host, queue, "queue.bind to a topic")?;
    let nobody = ConnectionId::NOBODY;
    Ok(subscription::subscribe(host, queue, topic, arguments, nobody).await?)
}

/// Ends that.
pub(super) async fn unbind(
    host: &VirtualHost,
    queue: Subject<'_>,
    topic: &Topic,
) -> Result<(), ApiError> {
    let nobody = ConnectionId::NOBODY;
    Ok(subscription::unsubscribe(host, queue, topic, nobody).await?)
}
