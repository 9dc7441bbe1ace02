//! Where a message goes, and what is sent there.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use forebay_broker::host::{Publication, VirtualHostId};
use forebay_record::{BatchBuilder, RecordHeader};

use super::delivery::{self, Kind};
use super::envelope::Notice;
use super::message::{Attribute, Message};
use super::queue_message::{KnownBy, QueueMessage};
use super::subscription::{Protocol, Subscription};
use super::topic::{FIFO_SUFFIX, Topic};
use super::{Sns, SnsError, log};
use crate::namespace::Namespace;

/// One place.
pub(super) enum Target {
    /// The log of the topic.
    Log,
    /// The queue of a subscription.
    Queue {
        host: VirtualHostId,
        name: Bytes,
        subscription: Arc<Subscription>,
    },
    /// The queues of those who are sent the same.
    Shared {
        host: VirtualHostId,
        names: Vec<Bytes>,
    },
    /// An endpoint.
    Endpoint(Arc<Subscription>),
    /// Somebody whom nothing here reaches.
    Recorder(Arc<Subscription>),
}

impl Sns {
    /// All whose filters want it, and the log of its topic if there is one.
    pub(super) fn targets(&self, topic: &Topic, message: &Message) -> Vec<Target> {
        let mut targets = Vec::new();
        let filterable = message.filterable();
        // By virtual host, and by whether they are FIFO.
        let mut shared: BTreeMap<(VirtualHostId, bool), Vec<Bytes>> = BTreeMap::new();
        for subscription in &topic.subscriptions {
            let filter = subscription.filter.as_ref();
            let wanted = filter.is_none_or(|filter| filter.accepts(&filterable));
            if !wanted || !subscription.is_confirmed() || subscription.is_replaying() {
                continue;
            }
            let subscription = Arc::clone(subscription);
            match (&subscription.record.protocol, &subscription.queue) {
                (Protocol::Sqs, Some(queue)) => {
                    let Some(host) = self.host_of(&queue.account, &queue.region) else {
                        continue;
                    };
                    let name = Bytes::copy_from_slice(queue.resource.as_bytes());
                    // Of one that shares a message with others nobody can tell that it is not there.
                    if subscription.is_raw && subscription.dead_letter_queue.is_none() {
                        let is_fifo = queue.resource.ends_with(FIFO_SUFFIX);
                        shared.entry((host, is_fifo)).or_default().push(name);
                        continue;
                    }
                    targets.push(Target::Queue {
                        host,
                        name,
                        subscription,
                    });
                }
                (Protocol::Http | Protocol::Https, _) => {
                    targets.push(Target::Endpoint(subscription))
                }
                _ => targets.push(Target::Recorder(subscription)),
            }
        }
        let shared = shared.into_iter();
        targets.extend(shared.map(|((host, _), names)| Target::Shared { host, names }));
        // The last: what is in the log is everywhere, should the rest be in another entry of the journal.
        if self.log_of(topic).is_some() {
            targets.push(Target::Log);
        }
        targets
    }

    /// The virtual host of an account and region, if there is one.
    pub(super) fn host_of(&self, account: &str, region: &str) -> Option<VirtualHostId> {
        let namespace = Namespace {
            account: account.to_owned(),
            region: region.to_owned(),
        };
        Some(namespace.find(&self.broker, &self.region)?.id())
    }
}

impl Target {
    /// Who has to be told elsewhere if it is not there.
    pub(super) fn subscription(&self) -> Option<Arc<Subscription>> {
        match self {
            Self::Queue { subscription, .. } | Self::Endpoint(subscription) => {
                Some(Arc::clone(subscription))
            }
            Self::Log | Self::Shared { .. } | Self::Recorder(_) => None,
        }
    }

    /// Whether what is sent there is signed, if queues are sent signatures or if not.
    pub(super) fn is_signed(&self, queues_are: bool) -> bool {
        match self {
            Self::Log | Self::Shared { .. } => false,
            Self::Queue { subscription, .. } => queues_are && !subscription.is_raw,
            Self::Endpoint(subscription) | Self::Recorder(subscription) => !subscription.is_raw,
        }
    }

    /// What is sent there.
    pub(super) fn publication(
        &self,
        notice: &Notice<'_>,
        known_by: Option<KnownBy<'_>>,
    ) -> Result<(VirtualHostId, Publication), SnsError> {
        let Notice {
            topic,
            message,
            stamp,
            ..
        } = notice;
        let group = message.group.as_deref();
        let timestamp_ms = stamp.timestamp_ms;
        match self {
            Self::Log => {
                let id = known_by.map(|known| known.id);
                let publication = log::publication(topic, message, stamp, id)?;
                Ok((topic.virtual_host, publication))
            }
            Self::Queue {
                host,
                name,
                subscription,
            } => {
                let given = QueueMessage {
                    queues: vec![name.clone()],
                    body: &notice.rendered(subscription)?,
                    attributes: raw_attributes(subscription, message),
                    group,
                    known_by,
                };
                Ok((*host, given.publication(timestamp_ms)?))
            }
            Self::Shared { host, names } => {
                let given = QueueMessage {
                    queues: names.clone(),
                    body: message.body_for(Protocol::Sqs),
                    attributes: &message.attributes,
                    group,
                    known_by,
                };
                Ok((*host, given.publication(timestamp_ms)?))
            }
            Self::Endpoint(subscription) | Self::Recorder(subscription) => {
                let body = notice.rendered(subscription)?;
                let kind = Kind::Notification;
                let publication = delivery::publication(&subscription.id, kind, stamp, &body)?;
                Ok((topic.virtual_host, publication))
            }
        }
    }
}

/// Attributes go beside a raw message, and inside any other.
pub(super) fn raw_attributes<'m>(
    subscription: &Subscription,
    message: &'m Message,
) -> &'m [Attribute] {
    match subscription.is_raw {
        true => &message.attributes,
        false => &[],
    }
}

/// A batch of one record.
pub(super) fn batch(
    timestamp_ms: i64,
    key: Option<&[u8]>,
    body: &[u8],
    headers: &[RecordHeader<'_>],
) -> Result<BytesMut, SnsError> {
    let mut builder = BatchBuilder::new();
    let too_large = |error: forebay_record::Error| SnsError::InternalError(error.to_string());
    builder
        .add(timestamp_ms, key, Some(body), headers)
        .map_err(too_large)?;
    Ok(BytesMut::from(&builder.build().map_err(too_large)?[..]))
}
