//! What a group of consumers is subscribed to, read from what its members told their leader.
//!
//! The broker needs it for two things only: offsets of a topic in use are neither deleted by an
//! operator (KIP-496) nor by their age (KIP-211). So whatever does not parse counts as a
//! subscription to everything: the offsets stay.

use std::collections::BTreeSet;

use super::limits::SUBSCRIBED_TOPICS_MAX;
use crate::names::TopicName;

/// The protocol type whose metadata is understood here.
pub(super) const CONSUMER_PROTOCOL_TYPE: &str = "consumer";

/// The topics in use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Subscription {
    /// Exactly these.
    Topics(BTreeSet<TopicName>),
    /// Unknown, so perhaps any.
    Everything,
}

impl Subscription {
    /// No topic at all.
    pub(super) fn nothing() -> Self {
        Self::Topics(BTreeSet::new())
    }

    /// What members with this metadata are subscribed to together.
    pub(super) fn of<'a>(metadata: impl IntoIterator<Item = &'a [u8]>) -> Self {
        let mut topics = BTreeSet::new();
        for metadata in metadata {
            let Some(names) = parse(metadata) else {
                return Self::Everything;
            };
            for name in names {
                // A name that no topic can have needs no protection.
                if !topics.contains(name)
                    && let Ok(name) = TopicName::new(name)
                {
                    topics.insert(name);
                }
            }
            if topics.len() > SUBSCRIBED_TOPICS_MAX {
                return Self::Everything;
            }
        }
        Self::Topics(topics)
    }

    /// Whether the topic may be in use.
    pub(super) fn includes(&self, topic: &TopicName) -> bool {
        match self {
            Self::Topics(topics) => topics.contains(topic),
            Self::Everything => true,
        }
    }
}

/// The topic names at the head of a `ConsumerProtocolSubscription`: a two-byte version, a four-byte
/// count, then names behind two-byte lengths, all big-endian. Later versions only append fields, so
/// the rest is not looked at. The names borrow from `metadata`: a count takes no memory by itself.
fn parse(metadata: &[u8]) -> Option<Vec<&str>> {
    let (version, rest) = metadata.split_first_chunk()?;
    let (count, mut rest) = rest.split_first_chunk()?;
    if i16::from_be_bytes(*version) < 0 {
        return None;
    }
    let count = i32::from_be_bytes(*count);
    if count < 0 {
        return None;
    }
    let mut names = Vec::new();
    for _ in 0..count {
        let (length, after) = rest.split_first_chunk()?;
        let length = usize::try_from(i16::from_be_bytes(*length)).ok()?;
        let (name, after) = after.split_at_checked(length)?;
        names.push(std::str::from_utf8(name).ok()?);
        rest = after;
    }
    Some(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subscription(topics: &[&str]) -> Vec<u8> {
        let mut bytes = vec![0, 3];
        bytes.extend(u32::try_from(topics.len()).unwrap().to_be_bytes());
        for topic in topics {
            bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
            bytes.extend(topic.as_bytes());
        }
        bytes.extend([0xff; 4]);
        bytes
    }

    #[test]
    fn members_are_subscribed_to_the_union_of_their_topics() {
        let (one, two) = (subscription(&["a", "b"]), subscription(&["b", "c"]));
        let union = Subscription::of([one.as_slice(), two.as_slice()]);
        for (topic, included) in [("a", true), ("b", true), ("c", true), ("d", false)] {
            assert_eq!(
                union.includes(&TopicName::new(topic).unwrap()),
                included,
                "{topic}"
            );
        }
    }

    #[test]
    fn no_members_are_subscribed_to_nothing() {
        assert_eq!(Subscription::of([]), Subscription::nothing());
    }

    #[test]
    fn every_truncation_counts_as_everything_and_none_panics() {
        let whole = subscription(&["orders", "payments"]);
        let names = whole.len() - 4;
        for length in 0..names {
            assert_eq!(
                Subscription::of([&whole[..length]]),
                Subscription::Everything,
                "{length}"
            );
        }
        assert_ne!(
            Subscription::of([&whole[..names]]),
            Subscription::Everything
        );
    }

    #[test]
    fn more_topics_than_are_tracked_count_as_everything() {
        let names: Vec<String> = (0..=SUBSCRIBED_TOPICS_MAX)
            .map(|it| it.to_string())
            .collect();
        let topics: Vec<&str> = names.iter().map(String::as_str).collect();
        let whole = subscription(&topics);
        assert_eq!(
            Subscription::of([whole.as_slice()]),
            Subscription::Everything
        );
    }

    #[test]
    fn a_count_beyond_the_bytes_is_refused_without_taking_memory() {
        let bytes = [0, 0, 0x7f, 0xff, 0xff, 0xff, 0, 1, b'a'];
        assert_eq!(
            Subscription::of([bytes.as_slice()]),
            Subscription::Everything
        );
        let negative = [0, 0, 0xff, 0xff, 0xff, 0xff];
        assert_eq!(
            Subscription::of([negative.as_slice()]),
            Subscription::Everything
        );
    }
}
