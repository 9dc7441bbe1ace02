//! Which member of a group reads which partitions: the range assignor of Kafka's consumers, and the
//! bytes in which members tell each other (`ConsumerProtocolSubscription` and `-Assignment`, each
//! behind a two-byte version).

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;

use crate::protocol::generated::consumer_protocol_assignment::TopicPartition;
use crate::protocol::generated::{ConsumerProtocolAssignment, ConsumerProtocolSubscription};
use crate::protocol::{DecodeError, EncodeError, Message, Reader, Str, Writer};

/// The name of the range assignor among a group's protocols.
pub(super) const RANGE: &str = "range";

/// The version in which ours are written: later ones add what ranges have no use for.
const VERSION: i16 = 1;

/// Partitions by topic.
pub(super) type Partitions = BTreeMap<String, Vec<i32>>;

/// A subscription to `topics`.
pub(super) fn subscription(topics: &[String]) -> Result<Bytes, EncodeError> {
    write(&ConsumerProtocolSubscription {
        topics: topics.iter().map(Str::from).collect(),
        ..ConsumerProtocolSubscription::default()
    })
}

/// The topics that a member is subscribed to.
pub(super) fn read_subscription(mut reader: Reader<'_>) -> Result<BTreeSet<String>, DecodeError> {
    let version = version::<ConsumerProtocolSubscription<'_>>(&mut reader)?;
    let subscription = ConsumerProtocolSubscription::decode(&mut reader, version)?;
    Ok(subscription
        .topics
        .iter()
        .map(ToString::to_string)
        .collect())
}

/// An assignment of `partitions`.
pub(super) fn assignment(partitions: &Partitions) -> Result<Bytes, EncodeError> {
    let topic = |(topic, partitions): (&'_ String, &'_ Vec<i32>)| TopicPartition {
        topic: Str::Owned(topic.clone()),
        partitions: partitions.clone(),
    };
    write(&ConsumerProtocolAssignment {
        assigned_partitions: partitions.iter().map(topic).collect(),
        user_data: None,
    })
}

/// The partitions of an assignment; none of one that is empty, as it is while a group rebalances.
pub(super) fn read(mut reader: Reader<'_>) -> Result<Partitions, DecodeError> {
    if reader.remaining() == 0 {
        return Ok(Partitions::new());
    }
    let version = version::<ConsumerProtocolAssignment<'_>>(&mut reader)?;
    let assignment = ConsumerProtocolAssignment::decode(&mut reader, version)?;
    let mut topics = Partitions::new();
    for topic in assignment.assigned_partitions {
        let partitions = topics.entry(topic.topic.to_string()).or_default();
        partitions.extend(topic.partitions);
        partitions.sort_unstable();
    }
    Ok(topics)
}

/// Reads the version in front. Later versions only append, so a newer one is read as the newest
/// that is known, as Kafka's consumers do.
fn version<'a, M: Message<'a>>(reader: &mut Reader<'a>) -> Result<i16, DecodeError> {
    Ok(reader.i16()?.min(*M::VERSIONS.end()))
}

fn write<'a, M: Message<'a>>(message: &M) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.i16(VERSION);
    message.encode(&mut writer, VERSION)?;
    Ok(writer.finish()?.into_bytes())
}

/// Gives each member, topic by topic, an unbroken range of the partitions. Members come in the order
/// of their ids; the first ones get one more where it does not come out even.
pub(super) fn range(
    members: &BTreeMap<String, BTreeSet<String>>,
    partition_counts: &BTreeMap<String, i32>,
) -> BTreeMap<String, Partitions> {
    let mut assigned: BTreeMap<String, Partitions> = members
        .keys()
        .map(|member| (member.clone(), Partitions::new()))
        .collect();
    for (topic, &count) in partition_counts {
        let subscribed: Vec<&String> = members
            .iter()
            .filter(|(_, topics)| topics.contains(topic))
            .map(|(member, _)| member)
            .collect();
        let Ok(readers) = i32::try_from(subscribed.len()) else {
            continue;
        };
        let mut next = 0;
        for (at, member) in (0..readers).zip(subscribed) {
            let share = count / readers + i32::from(at < count % readers);
            if share > 0 {
                let topics = assigned.entry(member.clone()).or_default();
                topics.insert(topic.clone(), (next..next + share).collect());
            }
            next += share;
        }
    }
    assigned
}

#[cfg(test)]
mod tests {
    use super::*;

    fn topics(names: &[&str]) -> BTreeSet<String> {
        names.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn ranges_are_unbroken_and_the_first_members_get_what_is_over() {
        let members = BTreeMap::from([
            ("a".to_owned(), topics(&["orders", "logs"])),
            ("b".to_owned(), topics(&["orders"])),
            ("c".to_owned(), topics(&["orders"])),
        ]);
        let counts = BTreeMap::from([("orders".to_owned(), 7), ("logs".to_owned(), 1)]);
        let assigned = range(&members, &counts);
        assert_eq!(assigned["a"]["orders"], [0, 1, 2]);
        assert_eq!(assigned["b"]["orders"], [3, 4]);
        assert_eq!(assigned["c"]["orders"], [5, 6]);
        assert_eq!(assigned["a"]["logs"], [0]);
    }

    #[test]
    fn a_member_without_partitions_is_told_so() {
        let members = BTreeMap::from([
            ("a".to_owned(), topics(&["orders"])),
            ("b".to_owned(), topics(&["orders"])),
        ]);
        let assigned = range(&members, &BTreeMap::from([("orders".to_owned(), 1)]));
        assert_eq!(assigned["b"], Partitions::new());
        assert_eq!(assigned.len(), 2);
    }

    #[test]
    fn what_is_written_can_be_read() {
        let names = ["orders".to_owned(), "logs".to_owned()];
        let bytes = subscription(&names).unwrap();
        let read_back = read_subscription(Reader::new(&bytes)).unwrap();
        assert_eq!(read_back, topics(&["logs", "orders"]));

        let partitions = BTreeMap::from([("orders".to_owned(), vec![0, 3])]);
        let bytes = assignment(&partitions).unwrap();
        assert_eq!(read(Reader::new(&bytes)).unwrap(), partitions);
        assert_eq!(read(Reader::new(b"")).unwrap(), Partitions::new());
    }

    #[test]
    fn a_newer_version_is_read_as_the_newest_that_is_known() {
        let partitions = BTreeMap::from([("orders".to_owned(), vec![1])]);
        let mut bytes = assignment(&partitions).unwrap().to_vec();
        bytes[..2].copy_from_slice(&9i16.to_be_bytes());
        bytes.extend_from_slice(b"something new");
        assert_eq!(read(Reader::new(&bytes)).unwrap(), partitions);
        assert!(read(Reader::new(b"\0\0\x7f\xff\xff\xff")).is_err());
    }
}
