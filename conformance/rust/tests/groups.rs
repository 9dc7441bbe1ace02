//! Consumer groups of the classic protocol.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use forebay_conformance::{PATIENCE, consumer, fresh, produce, producer, take, text};
use rdkafka::consumer::{BaseConsumer, CommitMode, Consumer};
use rdkafka::message::Message;
use rdkafka::producer::BaseRecord;
use rdkafka::{Offset, TopicPartitionList};

fn numbered(topic: &str, numbers: std::ops::Range<u32>) {
    let values: Vec<String> = numbers.map(|n| n.to_string()).collect();
    produce(
        &producer(&[]),
        values
            .iter()
            .map(|value| BaseRecord::to(topic).partition(0).payload(value.as_bytes())),
    );
}

/// Polls all members until `done` says so, collecting the values they get.
fn spin(
    members: &[&BaseConsumer],
    seen: &mut BTreeSet<u32>,
    done: impl Fn(&BTreeSet<u32>) -> bool,
) {
    let deadline = Instant::now() + PATIENCE;
    while !done(seen) {
        assert!(
            Instant::now() < deadline,
            "only {} values in time",
            seen.len()
        );
        for member in members {
            if let Some(message) = member.poll(Duration::from_millis(20)) {
                seen.insert(
                    text(&message.expect("a message"))
                        .parse()
                        .expect("a number"),
                );
            }
        }
    }
}

#[test]
fn a_group_resumes_from_its_commit() {
    let (topic, group) = (fresh("topic"), fresh("group"));
    numbered(&topic, 0..20);
    let first = consumer(&group, &[]);
    first.subscribe(&[&topic]).expect("subscribe");
    take(&first, 7);
    let mut position = TopicPartitionList::new();
    position
        .add_partition_offset(&topic, 0, Offset::Offset(7))
        .expect("an offset");
    first.commit(&position, CommitMode::Sync).expect("commit");
    drop(first);
    let second = consumer(&group, &[]);
    second.subscribe(&[&topic]).expect("subscribe");
    assert_eq!(take(&second, 1)[0].offset(), 7);
}

#[test]
fn members_join_and_leave_while_consuming() {
    let (topic, group) = (fresh("topic"), fresh("group"));
    numbered(&topic, 0..200);
    let settings = [
        ("enable.auto.commit", "true"),
        ("auto.commit.interval.ms", "100"),
    ];
    let first = consumer(&group, &settings);
    first.subscribe(&[&topic]).expect("subscribe");
    let mut seen = BTreeSet::new();
    spin(&[&first], &mut seen, |seen| seen.len() >= 50);
    let second = consumer(&group, &settings);
    second.subscribe(&[&topic]).expect("subscribe");
    numbered(&topic, 200..400);
    // All of them: what the first has fetched and not handed out, it commits when it is dropped.
    spin(&[&first, &second], &mut seen, |seen| seen.len() == 400);
    drop(first);
    numbered(&topic, 400..500);
    spin(&[&second], &mut seen, |seen| seen.len() == 500);
}

#[test]
fn reset_by_time() {
    let topic = fresh("topic");
    let base = std::time::SystemTime::now()
        .duration_since(std::time::UNIX_EPOCH)
        .expect("a clock after 1970")
        .as_millis() as i64
        - 3_600_000;
    let values: Vec<String> = (0..100).map(|n| n.to_string()).collect();
    produce(
        &producer(&[]),
        values.iter().zip(0i64..).map(|(value, n)| {
            BaseRecord::to(&topic)
                .payload(value.as_bytes())
                .timestamp(base + n * 1000)
        }),
    );
    let reader = consumer("none", &[]);
    let mut at = TopicPartitionList::new();
    at.add_partition_offset(&topic, 0, Offset::Offset(base + 41_001))
        .expect("a timestamp");
    let found = reader.offsets_for_times(at, PATIENCE).expect("an answer");
    assert_eq!(found.elements()[0].offset(), Offset::Offset(42));
}
