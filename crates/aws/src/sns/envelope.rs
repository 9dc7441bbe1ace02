//! What subscribers are sent that did not ask for raw messages: JSON around the message, in the members and the order
//! in which SNS has them.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>

use parking_lot::Mutex;

use super::SnsError;
use super::message::Message;
use super::signature::{self, Signer};
use super::subscription::{Protocol, Subscription};
use super::topic::Topic;
use crate::wire::json_string;

/// A message as it was published.
#[derive(Clone, Debug)]
pub(crate) struct Stamp {
    /// What the publisher was told.
    pub(crate) message_id: String,
    /// Of FIFO topics.
    pub(crate) sequence_number: Option<String>,
    /// In milliseconds since the Unix epoch.
    pub(crate) timestamp_ms: i64,
}

/// What everybody is told of a message.
#[derive(Debug)]
pub(crate) struct Notice<'a> {
    pub(crate) topic: &'a Topic,
    pub(crate) message: &'a Message,
    pub(crate) stamp: &'a Stamp,
    /// The address that links begin with.
    pub(crate) endpoint: &'a str,
    /// Whether it comes out of an archive.
    pub(crate) is_replayed: bool,
    pub(crate) seal: Option<Seal<'a>>,
}

/// Signs a message for all who are told of it.
#[derive(Debug)]
pub(crate) struct Seal<'a> {
    signer: &'a Signer,
    /// Whether queues are sent signatures, too.
    is_for_queues: bool,
    /// By what is told: protocols may have words of their own. One signature takes longer than everything else that is
    /// done for a subscriber.
    signatures: Mutex<Vec<(String, String)>>,
}

impl<'a> Seal<'a> {
    pub(crate) fn new(signer: &'a Signer, is_for_queues: bool) -> Self {
        Self {
            signer,
            is_for_queues,
            signatures: Mutex::default(),
        }
    }
}

impl Notice<'_> {
    /// What a subscriber is sent.
    pub(crate) fn rendered(&self, subscription: &Subscription) -> Result<String, SnsError> {
        match subscription.is_raw {
            true => Ok(self.message.body_for(subscription.record.protocol).into()),
            false => self.notification(subscription),
        }
    }

    fn notification(&self, subscription: &Subscription) -> Result<String, SnsError> {
        let Self {
            topic,
            message,
            stamp,
            endpoint,
            ..
        } = self;
        let protocol = subscription.record.protocol;
        let body = message.body_for(protocol);
        let timestamp = timestamp(stamp.timestamp_ms);
        let mut out = Members::new(body.len() + 1024);
        out.add("Type", NOTIFICATION);
        out.add("MessageId", &stamp.message_id);
        if let Some(number) = &stamp.sequence_number {
            out.add("SequenceNumber", number);
        }
        out.add("TopicArn", &topic.arn);
        if let Some(subject) = &message.subject {
            out.add("Subject", subject);
        }
        out.add("Message", body);
        out.add("Timestamp", &timestamp);
        let seal = self.seal.as_ref();
        if let Some(seal) = seal.filter(|seal| seal.is_for_queues || protocol != Protocol::Sqs) {
            let signature = self.signature(seal, body, &timestamp)?;
            out.signed(&signature, &seal.signer.certificate_url(endpoint));
        }
        let unsubscribe = format!(
            "{endpoint}/?Action=Unsubscribe&SubscriptionArn={}",
            subscription.arn
        );
        out.add("UnsubscribeURL", &unsubscribe);
        if !message.attributes.is_empty() {
            out.name("MessageAttributes");
            for (at, attribute) in message.attributes.iter().enumerate() {
                out.raw(if at == 0 { "{\n    " } else { ",\n    " });
                json_string(&attribute.name, &mut out.text);
                out.raw(" : {\"Type\":");
                json_string(&attribute.data_type, &mut out.text);
                out.raw(",\"Value\":");
                json_string(&attribute.text(), &mut out.text);
                out.raw("}");
            }
            out.raw("\n  }");
        }
        if self.is_replayed {
            out.add("Replayed", "true");
        }
        Ok(out.finish())
    }

    fn signature(&self, seal: &Seal<'_>, body: &str, time: &str) -> Result<String, SnsError> {
        let mut signatures = seal.signatures.lock();
        if let Some((_, known)) = signatures.iter().find(|(of, _)| of == body) {
            return Ok(known.clone());
        }
        let mut members = vec![("Message", body), ("MessageId", &self.stamp.message_id)];
        if let Some(subject) = &self.message.subject {
            members.push(("Subject", subject));
        }
        members.extend([
            ("Timestamp", time),
            ("TopicArn", &self.topic.arn),
            ("Type", NOTIFICATION),
        ]);
        let signature = seal.signer.sign(&members)?;
        signatures.push((body.to_owned(), signature.clone()));
        Ok(signature)
    }
}

const NOTIFICATION: &str = "Notification";

/// What an endpoint is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Question {
    /// Whether it wants to be subscribed.
    Subscribe,
    /// Whether it wants to be subscribed again, after its subscription was ended.
    Return,
}

impl Question {
    pub(crate) fn as_str(self) -> &'static str {
        match self {
            Self::Subscribe => "SubscriptionConfirmation",
            Self::Return => "UnsubscribeConfirmation",
        }
    }

    fn text(self, subscription: &Subscription, topic_arn: &str) -> String {
        match self {
            Self::Subscribe => format!(
                "You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
            ),
            Self::Return => format!(
                "You have chosen to deactivate subscription {}.\nTo cancel this operation and restore the subscription, visit the SubscribeURL included in this message.",
                subscription.arn
            ),
        }
    }

    /// The message that asks it, and what is to be said with `token`.
    pub(crate) fn rendered(
        self,
        subscription: &Subscription,
        topic_arn: &str,
        token: &str,
        stamp: &Stamp,
        signer: &Signer,
        endpoint: &str,
    ) -> Result<String, SnsError> {
        let message = self.text(subscription, topic_arn);
        let url =
            format!("{endpoint}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}");
        let timestamp = timestamp(stamp.timestamp_ms);
        let signature = signer.sign(&[
            ("Message", &message),
            ("MessageId", &stamp.message_id),
            ("SubscribeURL", &url),
            ("Timestamp", &timestamp),
            ("Token", token),
            ("TopicArn", topic_arn),
            ("Type", self.as_str()),
        ])?;
        let mut out = Members::new(2048);
        out.add("Type", self.as_str());
        out.add("MessageId", &stamp.message_id);
        out.add("Token", token);
        out.add("TopicArn", topic_arn);
        out.add("Message", &message);
        out.add("SubscribeURL", &url);
        out.add("Timestamp", &timestamp);
        out.signed(&signature, &signer.certificate_url(endpoint));
        Ok(out.finish())
    }
}

/// `2026-11-22T01:50:00.123Z`
fn timestamp(ms: i64) -> String {
    let time = jiff::Timestamp::from_millisecond(ms).unwrap_or_default();
    format!("{time:.3}")
}

/// An object, in the way in which SNS breaks its lines.
struct Members {
    text: Vec<u8>,
}

impl Members {
    fn new(capacity: usize) -> Self {
        let mut text = Vec::with_capacity(capacity);
        text.push(b'{');
        Self { text }
    }

    fn name(&mut self, name: &str) {
        let separator = if self.text.len() == 1 { "" } else { "," };
        self.raw(separator);
        self.raw("\n  ");
        json_string(name, &mut self.text);
        self.raw(" : ");
    }

    fn add(&mut self, name: &str, value: &str) {
        self.name(name);
        json_string(value, &mut self.text);
    }

    fn signed(&mut self, signature: &str, certificate_url: &str) {
        self.add("SignatureVersion", signature::VERSION);
        self.add("Signature", signature);
        self.add("SigningCertURL", certificate_url);
    }

    fn raw(&mut self, text: &str) {
        self.text.extend_from_slice(text.as_bytes());
    }

    fn finish(mut self) -> String {
        self.raw("\n}");
        String::from_utf8(self.text).expect("it was made of texts")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_milliseconds() {
        assert_eq!(timestamp(1_795_312_245_678), "2026-11-22T01:50:45.678Z");
        assert_eq!(timestamp(1_795_312_245_000), "2026-11-22T01:50:45.000Z");
    }
}
