//! Partitions: more of them, and a page of them at a time.

use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::requests::{NewPartitions, OK, add_partitions, code};
use crate::support::{Client, Server, versions};

#[tokio::test]
async fn topics_grow_and_the_answer_names_every_one() {
    let server = Server::start();
    let mut client = server.connect();
    for version in versions(ApiKey::CreatePartitions) {
        let [grows, assigned, stays] =
            ["grows", "assigned", "stays"].map(|n| format!("{n}{version}"));
        for name in [&grows, &assigned, &stays] {
            server.create_topic(name, 2).await;
        }
        let topics: &[NewPartitions<'_>] = &[
            (&grows, 4, None),
            (&assigned, 3, Some(&[&[3, 4]])),
            (&stays, 2, None),
            ("missing", 2, None),
            ("twice", 2, None),
            ("twice", 3, None),
        ];
        let results = add_partitions(&mut client, version, topics, false).await;
        let expected = [
            (&*grows, ErrorCode::None),
            (&*assigned, ErrorCode::None),
            (&*stays, ErrorCode::InvalidPartitions),
            ("missing", ErrorCode::UnknownTopicOrPartition),
            ("twice", ErrorCode::InvalidRequest),
        ];
        assert_eq!(
            results,
            expected.map(|(name, error)| (name.to_owned(), code(error)))
        );
        let partitions = |name: &str| {
            server
                .broker
                .topic(name)
                .map(|topic| topic.partitions.len())
        };
        assert_eq!(partitions(&grows), Some(4));
        assert_eq!(partitions(&assigned), Some(3));
        for (count, assignments, error) in [
            (1, None, ErrorCode::InvalidPartitions),
            (0, None, ErrorCode::InvalidPartitions),
            (-1, None, ErrorCode::InvalidPartitions),
            (i32::MAX, None, ErrorCode::InvalidPartitions),
            (
                3,
                Some(&[] as &[&[i32]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (
                3,
                Some(&[&[] as &[i32]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
            (3, Some(&[&[1, 1]]), ErrorCode::InvalidReplicaAssignment),
            (
                4,
                Some(&[&[1], &[1, 2]]),
                ErrorCode::InvalidReplicaAssignment,
            ),
        ] {
            let topics = &[(&*stays, count, assignments)];
            let results = add_partitions(&mut client, version, topics, false).await;
            assert_eq!(results, [(stays.clone(), code(error))]);
        }
        assert_eq!(partitions(&stays), Some(2));
    }
}

/// A page of topics and partitions: names with errors and indexes, and where the next one begins.
type Page = (Vec<(String, i16, Vec<i32>)>, Option<(String, i32)>);

async fn page(client: &mut Client, names: &[&str], limit: i32, from: Option<(&str, i32)>) -> Page {
    use m::describe_topic_partitions_request::{Cursor, TopicRequest};
    let request = m::DescribeTopicPartitionsRequest {
        topics: names
            .iter()
            .map(|name| TopicRequest {
                name: (*name).to_owned().into(),
            })
            .collect(),
        response_partition_limit: limit,
        cursor: from.map(|(name, partition_index)| Cursor {
            topic_name: name.to_owned().into(),
            partition_index,
        }),
    };
    let response = client.ask(0, request).await;
    let topics = response.topics.into_iter().map(|topic| {
        assert!(topic.topic_authorized_operations > 0);
        assert_eq!(topic.topic_id.is_nil(), topic.error_code != OK);
        assert!(
            topic
                .partitions
                .iter()
                .all(|partition| partition.leader_id == 1)
        );
        let indexes = topic
            .partitions
            .iter()
            .map(|partition| partition.partition_index);
        let name = topic
            .name
            .expect("topics are asked for by name")
            .to_string();
        (name, topic.error_code, indexes.collect())
    });
    let next = response.next_cursor;
    let next = next.map(|next| (next.topic_name.to_string(), next.partition_index));
    (topics.collect(), next)
}

#[tokio::test]
async fn partitions_are_described_a_page_at_a_time() {
    let server = Server::start();
    for (name, partitions) in [("b", 3), ("a", 2), ("c", 1)] {
        server.create_topic(name, partitions).await;
    }
    let mut client = server.connect();
    let topic = |name: &str, indexes: &[i32]| (name.to_owned(), OK, indexes.to_vec());
    let next = |name: &str, index| Some((name.to_owned(), index));
    // All, in one page: no topics in the request stand for every topic.
    let everything = vec![
        topic("a", &[0, 1]),
        topic("b", &[0, 1, 2]),
        topic("c", &[0]),
    ];
    for limit in [2_000, i32::MAX, 6] {
        let told = page(&mut client, &[], limit, None).await;
        assert_eq!(told, (everything.clone(), None));
    }
    let told = page(&mut client, &["c", "b", "a", "b"], 100, None).await;
    assert_eq!(told, (everything, None));
    // In pages that end within a topic and between two.
    let first = page(&mut client, &[], 3, None).await;
    assert_eq!(
        first,
        (vec![topic("a", &[0, 1]), topic("b", &[0])], next("b", 1))
    );
    let second = page(&mut client, &[], 2, Some(("b", 1))).await;
    assert_eq!(second, (vec![topic("b", &[1, 2])], next("c", 0)));
    let third = page(&mut client, &[], 2, Some(("c", 0))).await;
    assert_eq!(third, (vec![topic("c", &[0])], None));
    // At least one, or nobody would ever get further.
    for limit in [0, -1, i32::MIN] {
        let told = page(&mut client, &[], limit, None).await;
        assert_eq!(told, (vec![topic("a", &[0])], next("a", 1)));
    }
    // A topic that went away between two pages, or lost partitions by being created again.
    let told = page(&mut client, &[], 9, Some(("bb", 7))).await;
    assert_eq!(told, (vec![topic("c", &[0])], None));
    let told = page(&mut client, &[], 9, Some(("c", i32::MAX))).await;
    assert_eq!(told, (vec![topic("c", &[])], None));
}

#[tokio::test]
async fn topics_that_cannot_be_described_have_an_error() {
    let server = Server::start();
    server.create_topic("there", 1).await;
    let mut client = server.connect();
    let error = |name: &str, error| (name.to_owned(), code(error), Vec::new());
    let names = &["there", "missing", "no/name"];
    let told = page(&mut client, names, 9, None).await;
    let expected = vec![
        error("missing", ErrorCode::UnknownTopicOrPartition),
        error("no/name", ErrorCode::InvalidTopicException),
        ("there".to_owned(), OK, vec![0]),
    ];
    assert_eq!(told, (expected, None));
    // The cursor must be one of the topics, and cannot be before their beginning.
    for cursor in [("other", 0), ("there", -1)] {
        let told = page(&mut client, names, 9, Some(cursor)).await;
        let refused = names.map(|name| error(name, ErrorCode::InvalidRequest));
        assert_eq!(told, (refused.to_vec(), None));
    }
}

#[tokio::test]
async fn an_answer_describes_no_more_partitions_than_the_limit() {
    let server = Server::start();
    server.create_topic("many", 2_001).await;
    let mut client = server.connect();
    let (topics, next) = page(&mut client, &["many"], i32::MAX, None).await;
    assert_eq!(topics[0].2.len(), 2_000);
    assert_eq!(next, Some(("many".to_owned(), 2_000)));
}
