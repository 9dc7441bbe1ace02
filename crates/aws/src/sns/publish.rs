//! A message goes to everybody who is subscribed.
//!
//! Everything that a request publishes goes to the broker in one command: one journal entry, after which all queues
//! have it or none, as long as it is not more than memory allows for one request. What subscribers are sent differs (it
//! says how to unsubscribe), so it is rendered here, and each queue stores its own: a queue then holds what its
//! consumers receive, readable by every protocol, and a subscription can change or end without a look at what waits.
//! The price is bytes in the journal for subscribers of the same message; those who ask for it raw share one.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::Broker;
use forebay_broker::host::{Publication, PublishError, Published, VirtualHostId};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::deduplication::{Earlier, Key};
use super::envelope::{Notice, Seal, Stamp};
use super::fan_out::{Target, raw_attributes};
use super::message::{Attribute, Message};
use super::queue_message::{KnownBy, QueueMessage};
use super::subscription::Subscription;
use super::topic::Topic;
use super::{Sns, SnsError};
use crate::auth::hex;
use crate::limits::SNS_FAN_OUT_BYTES_MAX;

/// A message that is on its way.
enum Started {
    /// It goes to its subscribers.
    New {
        stamp: Stamp,
        /// What a FIFO topic knows it by.
        known_by: Option<(Key, watch::Sender<Option<bool>>)>,
    },
    /// It was published before.
    Before(Earlier),
}

impl Started {
    fn known_by(&self) -> Option<KnownBy<'_>> {
        match self {
            Self::New { known_by, .. } => known_by.as_ref().map(|(key, _)| KnownBy {
                id: &key.id,
                is_of_group: key.group.is_some(),
            }),
            Self::Before(_) => None,
        }
    }
}

/// What a publication is for.
struct Part {
    /// Which message of the request.
    message: usize,
    /// Who has to be told elsewhere if the queue is not there.
    subscription: Option<Arc<Subscription>>,
}

type Results = Vec<Result<Published, PublishError>>;
type Waiting = (Pin<Box<dyn Future<Output = Results> + Send>>, Vec<Part>);

/// What goes to the broker, and what came of it.
#[derive(Default)]
struct Flow {
    by_host: BTreeMap<VirtualHostId, (Vec<Publication>, Vec<Part>)>,
    bytes: usize,
    waiting: Vec<Waiting>,
    failures: BTreeMap<usize, SnsError>,
    undeliverable: Vec<(usize, Arc<Subscription>)>,
}

impl Flow {
    fn add(&mut self, host: VirtualHostId, publication: Publication, part: Part) {
        self.bytes += publication.batch.len();
        let (publications, parts) = self.by_host.entry(host).or_default();
        publications.push(publication);
        parts.push(part);
    }

    /// Gives the broker what gathered: it is in its hands, in order, when this returns.
    fn hand_over(&mut self, broker: &Broker) {
        for (host, (publications, parts)) in std::mem::take(&mut self.by_host) {
            let published = broker.virtual_host(host).publish(publications);
            self.waiting.push((Box::pin(published), parts));
        }
    }

    /// Waits until that is stored.
    async fn settle(&mut self) {
        self.bytes = 0;
        for (published, parts) in std::mem::take(&mut self.waiting) {
            let results = published.await;
            for (part, result) in parts.into_iter().zip(results) {
                match (result, part.subscription) {
                    (Err(error), _) => drop(self.failures.insert(part.message, error.into())),
                    (Ok(Published::Unroutable | Published::Refused), Some(subscription)) => {
                        self.undeliverable.push((part.message, subscription));
                    }
                    (Ok(_), _) => {}
                }
            }
        }
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
        let mut sequence = match topic.is_fifo {
            true => Some(self.sequence.lock().await),
            false => None,
        };
        // Who is told now, and who when an archive is replayed, changes while nobody publishes.
        let index = self.registry.index();
        let now = index.topic(topic.virtual_host, &topic.name);
        let topic = now.filter(|_| topic.is_fifo).map_or(topic, |now| now);
        if let Some(sequence) = sequence.as_deref_mut()
            && let Err(error) = self.recall(topic, sequence).await
        {
            let why = error.code_and_text().1;
            let failed = || Err(SnsError::InternalError(why.to_string()));
            return messages.iter().map(|_| failed()).collect();
        }
        let mut started = Vec::with_capacity(messages.len());
        let mut targets = Vec::new();
        for (at, message) in messages.iter().enumerate() {
            let message_started = self.start(topic, message, sequence.as_deref_mut());
            if matches!(message_started, Started::New { .. }) {
                let found = self.targets(topic, message).into_iter();
                targets.extend(found.map(|target| (at, target)));
            }
            started.push(message_started);
        }
        let mut flow = Flow::default();
        let is_signed = targets
            .iter()
            .any(|(_, target)| target.is_signed(self.signs_queues));
        let signer = match self.signatures.signer_if(is_signed).await {
            Ok(signer) => signer,
            Err(error) => {
                targets.clear();
                let all = 0..messages.len();
                let failure = |at| (at, SnsError::InternalError(error.to_string()));
                flow.failures.extend(all.map(failure));
                None
            }
        };
        let notices: Vec<Option<Notice<'_>>> = started
            .iter()
            .zip(messages)
            .map(|(started, message)| {
                let Started::New { stamp, .. } = started else {
                    return None;
                };
                Some(Notice {
                    topic,
                    message,
                    stamp,
                    endpoint,
                    is_replayed: false,
                    seal: signer.map(|signer| Seal::new(signer, self.signs_queues)),
                })
            })
            .collect();
        let mut recorded = Vec::new();
        for (at, target) in targets {
            let Some(notice) = &notices[at] else {
                continue;
            };
            if let Target::Recorder(subscription) = target {
                recorded.push((at, subscription));
                continue;
            }
            let known_by = started[at].known_by();
            match target.publication(notice, known_by) {
                Ok((host, publication)) => {
                    let subscription = target.subscription();
                    flow.add(
                        host,
                        publication,
                        Part {
                            message: at,
                            subscription,
                        },
                    );
                }
                Err(error) => drop(flow.failures.insert(at, error)),
            }
            if flow.bytes > SNS_FAN_OUT_BYTES_MAX {
                flow.hand_over(&self.broker);
                flow.settle().await;
            }
        }
        flow.hand_over(&self.broker);
        drop(sequence);
        flow.settle().await;
        for (at, subscription) in std::mem::take(&mut flow.undeliverable) {
            if let Some(notice) = &notices[at]
                && let Err(error) = self.dead_letter(notice, &subscription).await
            {
                flow.failures.insert(at, error);
            }
        }
        for (at, subscription) in &recorded {
            if let Some(notice) = &notices[*at] {
                match notice.rendered(subscription) {
                    Ok(body) => self.recorder.record(subscription, notice.stamp, &body),
                    Err(error) => drop(flow.failures.insert(*at, error)),
                }
            }
        }
        drop(notices);
        let mut results = Vec::with_capacity(started.len());
        for (at, started) in started.into_iter().enumerate() {
            results.push(self.finish(started, flow.failures.remove(&at)).await);
        }
        results
    }

    /// Gives a message its id and its number.
    fn start(&self, topic: &Topic, message: &Message, sequence: Option<&mut u64>) -> Started {
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
        if !topic.is_fifo {
            let known_by = None;
            return Started::New { stamp, known_by };
        }
        let group = message.group.clone();
        let key = Key {
            topic_arn: topic.arn.clone(),
            group: group.filter(|_| topic.deduplicates_by_group()),
            id: deduplication_id(message),
        };
        match self.deduplication.remember(&key, &stamp) {
            Ok(outcome) => Started::New {
                stamp,
                known_by: Some((key, outcome)),
            },
            Err(earlier) => Started::Before(earlier),
        }
    }

    /// Puts what cannot be delivered into the subscription's dead-letter queue, if it has one.
    pub(super) async fn dead_letter(
        &self,
        notice: &Notice<'_>,
        subscription: &Subscription,
    ) -> Result<(), SnsError> {
        let Notice { topic, message, .. } = notice;
        let body = notice.rendered(subscription)?;
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
        let message = QueueMessage {
            queues: vec![Bytes::copy_from_slice(queue.resource.as_bytes())],
            body,
            attributes,
            group,
            known_by,
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
    hex(&Sha256::digest(message.body.as_bytes()))
}
