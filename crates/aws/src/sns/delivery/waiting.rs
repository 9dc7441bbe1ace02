//! The queue in which messages to an endpoint wait.

use bytes::Bytes;
use forebay_broker::host::{
    BodySizes, ConnectionId, Envelope, HostError, Publication, QueueDefinition, Queueing,
    StoredMessage, VirtualHost, unchanged,
};
use forebay_broker::queue::QueueSettings;
use forebay_broker::routing::Arguments;
use forebay_record::RecordHeader;

use crate::limits::SNS_DELIVERY_LOCK_MS;
use crate::sns::envelope::{Question, Stamp};
use crate::sns::fan_out::batch;
use crate::sns::log::MESSAGE_ID;
use crate::sns::registry::changes;
use crate::sns::subscription::Subscription;
use crate::sns::topic::Topic;
use crate::sns::{Sns, SnsError};

/// What the name of such a queue begins with. No queue of SQS has a dot there.
const PREFIX: &str = "sns.http.";
/// The header that says what kind of message it is.
const KIND: &str = "forebay.sns.kind";

/// What an endpoint is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// A message was published.
    Notification,
    /// It is to confirm its subscription.
    SubscriptionConfirmation,
    /// Its subscription was ended, and it may take that back.
    UnsubscribeConfirmation,
}

impl From<Question> for Kind {
    fn from(question: Question) -> Self {
        match question {
            Question::Subscribe => Self::SubscriptionConfirmation,
            Question::Return => Self::UnsubscribeConfirmation,
        }
    }
}

impl Kind {
    const ALL: [Self; 3] = [
        Self::Notification,
        Self::SubscriptionConfirmation,
        Self::UnsubscribeConfirmation,
    ];

    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Notification => "Notification",
            Self::SubscriptionConfirmation => Question::Subscribe.as_str(),
            Self::UnsubscribeConfirmation => Question::Return.as_str(),
        }
    }
}

/// The queue of a subscription.
pub(super) fn queue(subscription: &str) -> Bytes {
    format!("{PREFIX}{subscription}").into()
}

/// A message to an endpoint.
pub(crate) fn publication(
    subscription: &str,
    kind: Kind,
    stamp: &Stamp,
    body: &str,
) -> Result<Publication, SnsError> {
    let headers = [
        RecordHeader::new(KIND, kind.as_str().as_bytes()),
        RecordHeader::new(MESSAGE_ID, stamp.message_id.as_bytes()),
    ];
    Ok(Publication {
        envelope: Envelope {
            exchange: Bytes::new(),
            routing_keys: vec![queue(subscription)],
            headers: None,
        },
        batch: batch(stamp.timestamp_ms, None, body.as_bytes(), &headers)?,
        bodies: BodySizes::of(body.as_bytes()),
        priority: 0,
        ttl_ms: None,
        for_topics: unchanged,
        queueing: Queueing::default(),
    })
}

/// Kind and id of a message that waited.
pub(super) fn read(message: &StoredMessage) -> (Kind, String) {
    let header = |name: &str| {
        let mut headers = message.headers.iter();
        let found = headers.find(|(found, _)| **found == *name.as_bytes());
        found
            .and_then(|(_, value)| value.clone())
            .unwrap_or_default()
    };
    let written = header(KIND);
    let mut kinds = Kind::ALL.into_iter();
    let kind = kinds.find(|kind| *kind.as_str().as_bytes() == *written);
    let kind = kind.unwrap_or(Kind::Notification);
    let id = header(MESSAGE_ID);
    (kind, String::from_utf8_lossy(&id).into_owned())
}

impl Sns {
    /// Makes what messages to an endpoint wait in.
    pub(crate) async fn prepare_deliveries(
        &self,
        host: &VirtualHost,
        subscription: &Subscription,
    ) -> Result<(), SnsError> {
        if !subscription.record.protocol.is_http() {
            return Ok(());
        }
        let definition = QueueDefinition {
            name: queue(&subscription.id),
            durable: true,
            exclusive: None,
            settings: QueueSettings {
                lock_ms: Some(SNS_DELIVERY_LOCK_MS),
                ..QueueSettings::default()
            },
            dead_letter: None,
            arguments: Arguments::default(),
        };
        host.declare_queue(definition, ConnectionId::NOBODY).await?;
        Ok(())
    }

    /// Drops what waits for an endpoint that is not subscribed any more.
    pub(crate) async fn forget_deliveries(
        &self,
        host: &VirtualHost,
        subscription: &Subscription,
    ) -> Result<(), SnsError> {
        if !subscription.record.protocol.is_http() {
            return Ok(());
        }
        let name = queue(&subscription.id);
        match host
            .delete_queue(name, false, false, ConnectionId::NOBODY)
            .await
        {
            Ok(_) | Err(HostError::NoQueue(_)) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Forgets a subscription that was ended.
    pub(super) async fn forget(
        &self,
        host: &VirtualHost,
        subscription: &Subscription,
    ) -> Result<(), SnsError> {
        let _change = self.changes.lock().await;
        let index = self.registry.index();
        let told = index.told(host.id(), &subscription.id);
        // It may have come back.
        if told.is_some_and(|told| told.record.is_ended)
            && let Some(name) = self.broker.directory().name_of(host.id())
        {
            let delete = changes::delete_subscription(name, &subscription.id);
            self.broker.change_access(vec![delete]).await?;
            self.forget_deliveries(host, subscription).await?;
        }
        Ok(())
    }

    /// Asks an endpoint whether it wants what it was subscribed to, or to be so again.
    pub(crate) async fn ask_endpoint(
        &self,
        question: Question,
        host: &VirtualHost,
        topic: &Topic,
        subscription: &Subscription,
        endpoint: &str,
    ) -> Result<(), SnsError> {
        let Some(token) = &subscription.record.token else {
            return Ok(());
        };
        let stamp = Stamp {
            message_id: self.new_id(),
            sequence_number: None,
            timestamp_ms: self.broker.now().wall_ms,
        };
        let signer = self.signatures.signer().await?;
        let body = question.rendered(
            subscription,
            &topic.arn,
            &token.text,
            &stamp,
            signer,
            endpoint,
        )?;
        if !subscription.record.protocol.is_http() {
            self.recorder().record(subscription, &stamp, &body);
            return Ok(());
        }
        let publication = publication(&subscription.id, question.into(), &stamp, &body)?;
        for result in host.publish(vec![publication]).await {
            result?;
        }
        Ok(())
    }
}
