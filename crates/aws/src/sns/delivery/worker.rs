//! Takes messages from the queues of subscriptions, and sends them.

use std::sync::Arc;

use bytes::Bytes;
use forebay_broker::host::{HostError, LeaseOutcome, Leased, Receive, StoredMessage, VirtualHost};
use futures_util::future::join_all;

use super::Kind;
use super::pace::Pace;
use super::request::{Delivered, Delivery, send};
use super::waiting;
use crate::limits::{
    SNS_DELIVERIES_AT_ONCE, SNS_DELIVERY_LOCK_MS, SNS_DELIVERY_PAUSE, SNS_DELIVERY_WAIT,
};
use crate::sns::subscription::Subscription;
use crate::sns::{Sns, tasks};

/// Sends what waits for endpoints, for as long as it is polled.
pub(crate) async fn deliver(sns: Arc<Sns>) {
    let asks = |subscription: &Subscription| subscription.record.protocol.is_http();
    tasks::for_each(sns, asks, |sns, host, id| {
        let host = sns.broker.virtual_host(host);
        Worker { sns, host, id }.run()
    })
    .await;
}

/// Sends what one endpoint is told.
struct Worker {
    sns: Arc<Sns>,
    host: VirtualHost,
    id: String,
}

impl Worker {
    async fn run(self) {
        let queue = waiting::queue(&self.id);
        let pace = Pace::default();
        while let Some(subscription) = self.subscription() {
            if subscription.may_be_forgotten(self.sns.broker.now().wall_ms) {
                if let Err(error) = self.sns.forget(&self.host, &subscription).await {
                    tracing::warn!(?error, id = self.id, "an ended subscription stays");
                    tokio::time::sleep(SNS_DELIVERY_PAUSE).await;
                }
                continue;
            }
            let rate = subscription.delivery_policy.receives_per_second;
            let receive = Receive {
                queue: queue.clone(),
                // Those of one second: the lock of the last has not ended when its turn comes.
                messages_max: SNS_DELIVERIES_AT_ONCE.min(rate.unwrap_or(u32::MAX)),
                lock_ms: Some(SNS_DELIVERY_LOCK_MS),
                default_lock_ms: SNS_DELIVERY_LOCK_MS,
                in_flight_max: None,
            };
            let until = tokio::time::sleep(SNS_DELIVERY_WAIT);
            match self.host.receive(receive, until).await {
                Ok(None) => {}
                Ok(Some(received)) => {
                    // Where many endpoints are slow, the locks of some end, and they are sent more than once.
                    let _permit = self.sns.batches.acquire().await;
                    let messages = match received.read_at_hand() {
                        Some(messages) => messages,
                        None => tokio::task::spawn_blocking(move || received.read())
                            .await
                            .unwrap_or_default(),
                    };
                    let tried = messages.iter().map(async |message| {
                        pace.wait(rate).await;
                        self.try_one(&queue, message).await;
                    });
                    join_all(tried).await;
                }
                Err(HostError::NoQueue(_) | HostError::NoVirtualHost | HostError::Stopped) => {
                    return;
                }
                Err(error) => {
                    tracing::warn!(%error, id = self.id, "deliveries to an endpoint pause");
                    tokio::time::sleep(SNS_DELIVERY_PAUSE).await;
                }
            }
        }
    }

    fn subscription(&self) -> Option<Arc<Subscription>> {
        let index = self.sns.registry.index();
        index.told(self.host.id(), &self.id).cloned()
    }

    /// Sends one message, and says what becomes of it.
    async fn try_one(&self, queue: &Bytes, (leased, message): &(Leased, StoredMessage)) {
        let Some(subscription) = self.subscription() else {
            return;
        };
        let (kind, message_id) = waiting::read(message);
        let Some((topic_arn, _)) = subscription.arn.rsplit_once(':') else {
            return;
        };
        let record = &subscription.record;
        // Nobody asks for what is confirmed, or whether what is there is to come back; what was ended tells no more.
        let is_over = match kind {
            Kind::Notification => record.is_ended,
            Kind::SubscriptionConfirmation => record.is_confirmed || record.is_ended,
            Kind::UnsubscribeConfirmation => !record.is_ended,
        };
        let delivered = match is_over {
            true => Delivered::Yes,
            false => {
                let delivery = Delivery {
                    kind,
                    message_id: &message_id,
                    topic_arn,
                    body: message.body.clone(),
                };
                send(&self.sns.tls, &subscription, &delivery).await
            }
        };
        let failures = leased.deliveries.saturating_add(1);
        let chance = self.sns.broker.random()[0];
        let (retry, why) = match delivered {
            Delivered::Yes => (None, None),
            Delivered::Later(why) => (
                subscription.delivery_policy.delay_after(failures, chance),
                Some(why),
            ),
            Delivered::Refused(why) => (None, Some(why)),
        };
        let outcome = match retry {
            Some(delay) => LeaseOutcome::Extend {
                lock_ms: u64::try_from(delay.as_millis()).unwrap_or(u64::MAX),
            },
            None => LeaseOutcome::Delete {
                even_if_stale: false,
            },
        };
        if let Some(why) = &why {
            let arn = &subscription.arn;
            tracing::debug!(%arn, %message_id, failures, why, "an endpoint did not take a message");
        }
        // What will not be sent is in the dead-letter queue before it is gone here.
        if retry.is_none() && why.is_some() && kind == Kind::Notification {
            let buried = self
                .sns
                .bury(
                    &subscription,
                    &String::from_utf8_lossy(&message.body),
                    &[],
                    None,
                    None,
                )
                .await;
            if buried.is_err() {
                // It comes back when its lock ends.
                return;
            }
        }
        let settled = vec![(leased.lease, outcome)];
        if let Err(error) = self.host.settle_leases(queue.clone(), settled).await {
            tracing::debug!(%error, "a message to an endpoint comes back");
        }
    }
}
