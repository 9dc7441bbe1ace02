//! Tells archives again.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::host::{Published, VirtualHostId};
use forebay_broker::storage::LogReader;

use super::progress::ReplayStatus;
use super::{Replay, ReplayPolicy};
use crate::limits::SNS_DELIVERY_PAUSE;
use crate::sns::envelope::{Notice, Seal};
use crate::sns::fan_out::raw_attributes;
use crate::sns::log::{self, Logged};
use crate::sns::queue_message::{KnownBy, QueueMessage};
use crate::sns::registry::changes;
use crate::sns::signature::Signer;
use crate::sns::subscription::{Subscription, SubscriptionRecord};
use crate::sns::topic::Topic;
use crate::sns::{Sns, SnsError, tasks};

/// Replays what is to be replayed, for as long as it is polled.
pub(crate) async fn replay(sns: Arc<Sns>) {
    tasks::for_each(sns, Subscription::is_replaying, |sns, host, id| {
        Replayer { sns, host, id }.run()
    })
    .await;
}

/// Replays for one subscription.
struct Replayer {
    sns: Arc<Sns>,
    host: VirtualHostId,
    id: String,
}

/// What is replayed, as it is at a time.
struct Job {
    topic: Arc<Topic>,
    subscription: Arc<Subscription>,
    policy: ReplayPolicy,
    replay: Replay,
}

/// Whether there is more.
#[derive(PartialEq, Eq)]
enum Step {
    More,
    AtTheEnd,
}

impl Replayer {
    async fn run(self) {
        while let Some(job) = self.job() {
            match self.go_on(&job).await {
                Ok(()) => {}
                Err(error) => {
                    let id = &self.id;
                    tracing::warn!(?error, id, "the replay of an archive pauses");
                    tokio::time::sleep(SNS_DELIVERY_PAUSE).await;
                }
            }
        }
    }

    /// What there is to do, unless it is done.
    fn job(&self) -> Option<Job> {
        let index = self.sns.registry.index();
        let subscription = index.subscription(self.host, &self.id)?;
        let replay = subscription.record.replay.clone();
        let replay = replay.filter(Replay::is_going_on)?;
        let policy = subscription.record.attribute("ReplayPolicy")?;
        Some(Job {
            topic: Arc::clone(index.topic(self.host, &subscription.record.topic)?),
            subscription: Arc::clone(subscription),
            // It was read before it was kept.
            policy: ReplayPolicy::parse(policy).ok()?,
            replay,
        })
    }

    async fn go_on(&self, job: &Job) -> Result<(), SnsError> {
        let archive = self.sns.log_of(&job.topic);
        let log = archive.as_ref().and_then(|archive| archive.partition(0));
        let Some(log) = log else {
            return self.put(job, job.replay.next, ReplayStatus::Failed).await;
        };
        let from = match job.replay.next {
            Some(next) => next,
            None => {
                let (log, start_ms) = (log.clone(), job.policy.start_ms);
                let found = log::blocking(move || log.find_timestamp(start_ms)).await?;
                found.map_or(job.replay.live_from, |(offset, _)| offset)
            }
        };
        let (next, step) = self.tell(job, log, from).await?;
        if step == Step::More {
            return self.put(job, Some(next), ReplayStatus::InProgress).await;
        }
        // Nobody publishes to a FIFO topic until this subscription is told at once again.
        let _publishers = self.sns.sequence.lock().await;
        if self.job().is_none_or(|now| now.replay.id != job.replay.id) {
            return Ok(());
        }
        // When this is stored, all that was published before is.
        self.put(job, Some(next), ReplayStatus::InProgress).await?;
        let mut next = next;
        loop {
            let (after, step) = self.tell(job, log, next).await?;
            next = after;
            if step == Step::AtTheEnd {
                return self.put(job, Some(next), ReplayStatus::Completed).await;
            }
        }
    }

    /// Tells a part of the archive. Returns where the next one begins.
    async fn tell(&self, job: &Job, log: &LogReader, from: u64) -> Result<(u64, Step), SnsError> {
        let reader = log.clone();
        let page = log::blocking(move || log::page(&reader, from)).await?;
        let subscription = &job.subscription;
        let is_signed = self.sns.signs_queues && !subscription.is_raw;
        let signer = self.sns.signatures.signer_if(is_signed).await?;
        let Some(queue) = &subscription.queue else {
            return Ok((page.next, Step::AtTheEnd));
        };
        let host = self.sns.host_of(&queue.account, &queue.region);
        let host = host.unwrap_or(self.host);
        let wanted = page
            .messages
            .iter()
            .filter(|(offset, logged)| wanted(job, *offset, logged));
        let notices: Vec<(u64, Notice<'_>)> = wanted
            .map(|(offset, logged)| (*offset, notice(job, logged, signer)))
            .collect();
        let publications = notices.iter().map(|(offset, notice)| {
            let id = format!("{}-{offset}", job.replay.id);
            let known_by = Some(KnownBy {
                id: &id,
                is_of_group: false,
            });
            let given = QueueMessage {
                queues: vec![Bytes::copy_from_slice(queue.resource.as_bytes())],
                body: &notice.rendered(subscription)?,
                attributes: raw_attributes(subscription, notice.message),
                group: notice.message.group.as_deref(),
                known_by,
            };
            given.publication(self.sns.broker.now().wall_ms)
        });
        let publications = publications.collect::<Result<_, SnsError>>()?;
        let published = self.sns.broker.virtual_host(host).publish(publications);
        for (result, (_, notice)) in published.await.into_iter().zip(&notices) {
            if let Published::Unroutable | Published::Refused = result? {
                self.sns.dead_letter(notice, subscription).await?;
            }
        }
        let step = match page.next == from {
            true => Step::AtTheEnd,
            false => Step::More,
        };
        Ok((page.next, step))
    }

    /// Keeps how far it is, unless somebody wants something else by now.
    async fn put(
        &self,
        job: &Job,
        next: Option<u64>,
        status: ReplayStatus,
    ) -> Result<(), SnsError> {
        let _change = self.sns.changes.lock().await;
        let Some(now) = self.job().filter(|now| now.replay.id == job.replay.id) else {
            return Ok(());
        };
        let record = SubscriptionRecord {
            replay: Some(Replay {
                next,
                status,
                ..now.replay
            }),
            ..(*now.subscription.record).clone()
        };
        let directory = self.sns.broker.directory();
        let Some(host) = directory.name_of(self.host) else {
            return Ok(());
        };
        let put = changes::put_subscription(host, &self.id, &record);
        Ok(self.sns.broker.change_access(vec![put]).await?)
    }
}

/// A message as it is told again.
fn notice<'a>(job: &'a Job, logged: &'a Logged, signer: Option<&'a Signer>) -> Notice<'a> {
    Notice {
        topic: &job.topic,
        message: &logged.message,
        stamp: &logged.stamp,
        endpoint: &job.replay.endpoint,
        is_replayed: true,
        seal: signer.map(|signer| Seal::new(signer, true)),
    }
}

/// Whether a message is one that the policy asks for, and the filter, or was published since.
fn wanted(job: &Job, offset: u64, logged: &Logged) -> bool {
    let time_ms = logged.stamp.timestamp_ms;
    let ReplayPolicy { start_ms, end_ms } = job.policy;
    let is_asked_for = time_ms >= start_ms && end_ms.is_none_or(|end_ms| time_ms <= end_ms);
    let filter = job.subscription.filter.as_ref();
    (is_asked_for || offset >= job.replay.live_from)
        && filter.is_none_or(|filter| filter.accepts(&logged.message.filterable()))
}
