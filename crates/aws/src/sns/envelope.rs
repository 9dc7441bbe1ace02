//! What subscribers are sent that did not ask for raw messages: JSON around the message, in the members and the order
//! in which SNS has them.
//!
//! Source: <https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html>. There is no `Signature`, and
//! nothing that belongs to one: SNS signs with a key that only AWS has, so no client could verify ours.

use super::message::Message;
use super::subscription::Subscription;
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

/// A notification.
pub(crate) fn notification(
    topic: &Topic,
    subscription: &Subscription,
    message: &Message,
    stamp: &Stamp,
    endpoint: &str,
) -> String {
    let body = message.body_for(subscription.record.protocol);
    let mut out = Members::new(body.len() + 1024);
    out.add("Type", "Notification");
    out.add("MessageId", &stamp.message_id);
    if let Some(number) = &stamp.sequence_number {
        out.add("SequenceNumber", number);
    }
    out.add("TopicArn", &topic.arn);
    if let Some(subject) = &message.subject {
        out.add("Subject", subject);
    }
    out.add("Message", body);
    out.add("Timestamp", &timestamp(stamp.timestamp_ms));
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
    out.finish()
}

/// What an endpoint is asked to confirm a subscription with.
pub(crate) fn confirmation(topic_arn: &str, token: &str, stamp: &Stamp, endpoint: &str) -> String {
    let message = format!(
        "You have chosen to subscribe to the topic {topic_arn}.\nTo confirm the subscription, visit the SubscribeURL included in this message."
    );
    let url = format!("{endpoint}/?Action=ConfirmSubscription&TopicArn={topic_arn}&Token={token}");
    let mut out = Members::new(1024);
    out.add("Type", "SubscriptionConfirmation");
    out.add("MessageId", &stamp.message_id);
    out.add("Token", token);
    out.add("TopicArn", topic_arn);
    out.add("Message", &message);
    out.add("SubscribeURL", &url);
    out.add("Timestamp", &timestamp(stamp.timestamp_ms));
    out.finish()
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
