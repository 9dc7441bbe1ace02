//! A message goes to everybody who is subscribed.
//!
//! Everything that a request publishes goes to the broker in one command: one journal entry, after which all queues
//! have it or none. What subscribers are sent differs (it says how to unsubscribe), so it is rendered here, and each
//! queue stores its own: a queue then holds what its consumers receive, readable by every protocol, and a subscription
//! can change or end without a look at what waits. The price is bytes in the journal for subscribers of the same
//! message; those who ask for it raw share one.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use forebay_broker::host::{Envelope, Publication, Published, Queueing, VirtualHostId, unchanged};
use forebay_record::{BatchBuilder, RecordHeader};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::deduplication::{Earlier, Key};
use super::delivery::{self, Kind};
use super::envelope::{self, Stamp};
use super::message::{Attribute, Message};
use super::queue_message::{KnownBy, QueueMessage};
use super::subscription::{Protocol, Subscription};
use super::topic::{FIFO_SUFFIX, Topic};
use super::{Sns, SnsError};
use crate::namespace::Namespace;

/// A message that is on its way.
enum Started {
    /// The broker has it.
    New {
        stamp: Stamp,
        /// What a FIFO topic knows it by.
        known_by: Option<(Key, watch::Sender<Option<bool>>)>,
    },
    /// It was published before.
    Before(Earlier),
    /// It cannot be.
    Refused(SnsError),
}

/// What a publication is for.
struct Part {
    /// Which message of the request.
    message: usize,
    /// Who has to be told elsewhere if the queue is not there.
    subscription: Option<Arc<Subscription>>,
}

/// What goes to the broker.
#[derive(Default)]
struct Plan {
    by_host: BTreeMap<VirtualHostId, (Vec<Publication>, Vec<Part>)>,
    /// Who is told by nobody.
    recorded: Vec<(usize, Arc<Subscription>)>,
}

impl Plan {
    fn add(
        &mut self,
        host: VirtualHostId,
        publication: Publication,
        message: usize,
        subscription: Option<&Arc<Subscription>>,
    ) {
        let (publications, parts) = self.by_host.entry(host).or_default();
        publications.push(publication);
        parts.push(Part {
            message,
            subscription: subscription.cloned(),
        });
    }
}

impl Sns {
    /// Publishes messages, each with a result of its own, when they are stored. That goes on when nobody waits for it
    /// any more: who asks again is told what became of it.
    pub(crate) async fn publish(
        self: &Arc<Self>,
        topic: &Arc<Topic>,
        messages: Vec<Message>,
        endpoint: &str,
    ) -> Vec<Result<Stamp, SnsError>> {
        let (sns, topic) = (Arc::clone(self), Arc::clone(topic));
        let (count, endpoint) = (messages.len(), endpoint.to_owned());
        let published =
            tokio::spawn(async move { sns.publish_all(&topic, &messages, &endpoint).await });
        let failed = || Err(SnsError::InternalError("the broker has stopped".to_owned()));
        let nothing = |_| std::iter::repeat_with(failed).take(count).collect();
        published.await.unwrap_or_else(nothing)
    }

    async fn publish_all(
        &self,
        topic: &Topic,
        messages: &[Message],
        endpoint: &str,
    ) -> Vec<Result<Stamp, SnsError>> {
        let mut plan = Plan::default();
        let mut started = Vec::with_capacity(messages.len());
        let mut waiting = Vec::new();
        {
            let mut sequence = topic.is_fifo.then(|| self.sequence.lock());
            for (at, message) in messages.iter().enumerate() {
                let number = sequence.as_deref_mut();
                started.push(self.start(topic, message, at, endpoint, number, &mut plan));
            }
            for (host, (publications, parts)) in std::mem::take(&mut plan.by_host) {
                // They are in the broker's hands, in order, when this returns.
                let published = self.broker.virtual_host(host).publish(publications);
                waiting.push((published, parts));
            }
        }
        let mut failures: BTreeMap<usize, SnsError> = BTreeMap::new();
        let mut undeliverable = Vec::new();
        for (published, parts) in waiting {
            let results = published.await;
            for (part, result) in parts.into_iter().zip(results) {
                match (result, part.subscription) {
                    (Err(error), _) => drop(failures.insert(part.message, error.into())),
                    (Ok(Published::Unroutable | Published::Refused), Some(subscription)) => {
                        undeliverable.push((part.message, subscription));
                    }
                    (Ok(_), _) => {}
                }
            }
        }
        for (at, subscription) in undeliverable {
            if let Some(Started::New { stamp, .. }) = started.get(at)
                && let Err(error) = self
                    .dead_letter(topic, &subscription, &messages[at], stamp, endpoint)
                    .await
            {
                failures.insert(at, error);
            }
        }
        for (at, subscription) in &plan.recorded {
            if let Some(Started::New { stamp, .. }) = started.get(*at) {
                let body = rendered(topic, subscription, &messages[*at], stamp, endpoint);
                self.recorder.record(subscription, stamp, &body);
            }
        }
        let mut results = Vec::with_capacity(started.len());
        for (at, started) in started.into_iter().enumerate() {
            results.push(self.finish(started, failures.remove(&at)).await);
        }
        results
    }

    /// Gives a message its number, and finds out where it goes.
    fn start(
        &self,
        topic: &Topic,
        message: &Message,
        at: usize,
        endpoint: &str,
        sequence: Option<&mut u64>,
        plan: &mut Plan,
    ) -> Started {
        let timestamp_ms = self.broker.now().wall_ms;
        let number = sequence.map(|last| {
            // Later than any before, also of those before a restart.
            let time = timestamp_ms.unsigned_abs() << SEQUENCES_PER_MS_BITS;
            *last = time.max(*last + 1);
            format!("{last:020}")
        });
        let stamp = Stamp {
            message_id: self.new_id(),
            sequence_number: number,
            timestamp_ms,
        };
        let id = topic.is_fifo.then(|| deduplication_id(message));
        let mut known_by = None;
        if let Some(id) = &id {
            let key = Key {
                topic_arn: topic.arn.clone(),
                group: message
                    .group
                    .clone()
                    .filter(|_| topic.deduplicates_by_group()),
                id: id.clone(),
            };
            match self.deduplication.remember(&key, &stamp) {
                Ok(outcome) => known_by = Some((key, outcome)),
                Err(earlier) => return Started::Before(earlier),
            }
        }
        let in_queues = id.as_deref().map(|id| KnownBy {
            id,
            is_of_group: topic.deduplicates_by_group(),
        });
        let planned = self.plan(topic, message, at, &stamp, in_queues, endpoint, plan);
        match planned {
            Ok(()) => Started::New { stamp, known_by },
            Err(error) => {
                if let Some((key, _)) = known_by {
                    self.deduplication.forget(&key, &stamp.message_id);
                }
                Started::Refused(error)
            }
        }
    }

    /// Where a message goes: to the log of its topic if there is one, and to all whose filters want it.
    fn plan(
        &self,
        topic: &Topic,
        message: &Message,
        at: usize,
        stamp: &Stamp,
        known_by: Option<KnownBy<'_>>,
        endpoint: &str,
        plan: &mut Plan,
    ) -> Result<(), SnsError> {
        if topic.virtual_host == VirtualHostId::DEFAULT && self.broker.topic(&topic.name).is_some()
        {
            plan.add(
                topic.virtual_host,
                log_record(topic, message, stamp)?,
                at,
                None,
            );
        }
        let filterable = message.filterable();
        // Those who are sent the same: queue by queue, they share one message.
        let mut raw: BTreeMap<(VirtualHostId, bool), Vec<Bytes>> = BTreeMap::new();
        for subscription in &topic.subscriptions {
            let filter = subscription.filter.as_ref();
            let wanted = filter.is_none_or(|filter| filter.accepts(&filterable));
            if !wanted || !subscription.is_confirmed() {
                continue;
            }
            match (&subscription.record.protocol, &subscription.queue) {
                (Protocol::Sqs, Some(queue)) => {
                    let Some(host) = self.host_of(&queue.account, &queue.region) else {
                        continue;
                    };
                    let is_fifo = queue.resource.ends_with(FIFO_SUFFIX);
                    let name = Bytes::copy_from_slice(queue.resource.as_bytes());
                    // Of one that shares a message with others nobody can tell that it is not there.
                    let shares = subscription.dead_letter_queue.is_none();
                    if subscription.is_raw && shares {
                        raw.entry((host, is_fifo)).or_default().push(name);
                        continue;
                    }
                    let body = rendered(topic, subscription, message, stamp, endpoint);
                    let publication = QueueMessage {
                        queues: vec![name],
                        body: &body,
                        attributes: raw_attributes(subscription, message),
                        group: message.group.as_deref(),
                        known_by: known_by.filter(|_| is_fifo),
                    };
                    let publication = publication.publication(stamp.timestamp_ms)?;
                    plan.add(host, publication, at, Some(subscription));
                }
                (Protocol::Http, _) => {
                    let body = rendered(topic, subscription, message, stamp, endpoint);
                    let kind = Kind::Notification;
                    let publication = delivery::publication(&subscription.id, kind, stamp, &body)?;
                    plan.add(topic.virtual_host, publication, at, Some(subscription));
                }
                _ => plan.recorded.push((at, Arc::clone(subscription))),
            }
        }
        for ((host, is_fifo), queues) in raw {
            let publication = QueueMessage {
                queues,
                body: message.body_for(Protocol::Sqs),
                attributes: &message.attributes,
                group: message.group.as_deref(),
                known_by: known_by.filter(|_| is_fifo),
            };
            plan.add(host, publication.publication(stamp.timestamp_ms)?, at, None);
        }
        Ok(())
    }

    fn host_of(&self, account: &str, region: &str) -> Option<VirtualHostId> {
        let namespace = Namespace {
            account: account.to_owned(),
            region: region.to_owned(),
        };
        Some(namespace.find(&self.broker, &self.region)?.id())
    }

    /// Puts what cannot be delivered into the subscription's dead-letter queue, if it has one.
    async fn dead_letter(
        &self,
        topic: &Topic,
        subscription: &Subscription,
        message: &Message,
        stamp: &Stamp,
        endpoint: &str,
    ) -> Result<(), SnsError> {
        let body = rendered(topic, subscription, message, stamp, endpoint);
        let attributes = raw_attributes(subscription, message);
        let group = message.group.as_deref();
        let id = topic.is_fifo.then(|| deduplication_id(message));
        let known_by = id.as_deref().map(|id| KnownBy {
            id,
            is_of_group: topic.deduplicates_by_group(),
        });
        self.bury(subscription, &body, attributes, group, known_by)
            .await
    }

    /// The same of a message as it was rendered.
    pub(crate) async fn bury(
        &self,
        subscription: &Subscription,
        body: &str,
        attributes: &[Attribute],
        group: Option<&str>,
        known_by: Option<KnownBy<'_>>,
    ) -> Result<(), SnsError> {
        let Some(queue) = &subscription.dead_letter_queue else {
            return Ok(());
        };
        let Some(host) = self.host_of(&queue.account, &queue.region) else {
            return Ok(());
        };
        let is_fifo = queue.resource.ends_with(FIFO_SUFFIX);
        let message = QueueMessage {
            queues: vec![Bytes::copy_from_slice(queue.resource.as_bytes())],
            body,
            attributes,
            group,
            known_by: known_by.filter(|_| is_fifo),
        };
        let publication = message.publication(self.broker.now().wall_ms)?;
        let published = self.broker.virtual_host(host).publish(vec![publication]);
        for result in published.await {
            match result? {
                Published::Unroutable | Published::Refused => {
                    let arn = &subscription.arn;
                    tracing::warn!(%arn, "the dead-letter queue of a subscription takes nothing");
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// What the publisher is told.
    async fn finish(&self, started: Started, failure: Option<SnsError>) -> Result<Stamp, SnsError> {
        match (started, failure) {
            (Started::Refused(error), _) => Err(error),
            (Started::New { stamp, known_by }, failure) => {
                if let Some((key, outcome)) = known_by {
                    if failure.is_some() {
                        self.deduplication.forget(&key, &stamp.message_id);
                    }
                    outcome.send_replace(Some(failure.is_none()));
                }
                failure.map_or(Ok(stamp), Err)
            }
            (Started::Before(Earlier { stamp, mut outcome }), _) => {
                let stored = outcome.wait_for(Option::is_some).await;
                match stored.is_ok_and(|stored| *stored == Some(true)) {
                    true => Ok(stamp),
                    false => Err(SnsError::InternalError(
                        "the message was published before, and was not stored".to_owned(),
                    )),
                }
            }
        }
    }
}

/// How many sequence numbers a millisecond has, as a power of two: more than can be published in one.
const SEQUENCES_PER_MS_BITS: u32 = 20;

/// What a FIFO topic knows a message by: what its publisher says, or its body.
fn deduplication_id(message: &Message) -> String {
    if let Some(id) = &message.deduplication {
        return id.clone();
    }
    let digest = Sha256::digest(message.body.as_bytes());
    let mut id = String::with_capacity(2 * digest.len());
    for byte in digest {
        let _ = write!(id, "{byte:02x}");
    }
    id
}

/// What a subscriber is sent.
fn rendered(
    topic: &Topic,
    subscription: &Subscription,
    message: &Message,
    stamp: &Stamp,
    endpoint: &str,
) -> String {
    match subscription.is_raw {
        true => message.body_for(subscription.record.protocol).into(),
        false => envelope::notification(topic, subscription, message, stamp, endpoint),
    }
}

/// Attributes go beside a raw message, and inside any other.
fn raw_attributes<'m>(subscription: &Subscription, message: &'m Message) -> &'m [Attribute] {
    match subscription.is_raw {
        true => &message.attributes,
        false => &[],
    }
}

/// The message as the log of its topic has it, for clients of Kafka: the body, the group as its key, and the
/// attributes as headers.
fn log_record(topic: &Topic, message: &Message, stamp: &Stamp) -> Result<Publication, SnsError> {
    let texts: Vec<(&str, String)> = message
        .attributes
        .iter()
        .map(|attribute| (&*attribute.name, attribute.text()))
        .collect();
    let headers: Vec<RecordHeader<'_>> = texts
        .iter()
        .map(|(name, text)| RecordHeader::new(name, text.as_bytes()))
        .collect();
    let key = message.group.as_ref().map(String::as_bytes);
    let batch = batch(stamp.timestamp_ms, key, message.body.as_bytes(), &headers)?;
    Ok(Publication {
        envelope: Envelope {
            exchange: Bytes::new(),
            routing_keys: vec![Bytes::copy_from_slice(topic.name.as_bytes())],
            headers: None,
        },
        batch,
        body_bytes: u32::try_from(message.body.len()).unwrap_or(u32::MAX),
        priority: 0,
        ttl_ms: None,
        for_topics: unchanged,
        queueing: Queueing::default(),
    })
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
