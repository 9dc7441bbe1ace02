//! Where the records of a partition begin and end.

use forebay_broker::NewTopic;
use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ApiKey, ErrorCode};

use crate::requests::{OK, code, fill};
use crate::support::{Server, versions};

#[tokio::test]
async fn deleted_records_move_the_low_watermark() {
    use m::delete_records_request::{DeleteRecordsPartition, DeleteRecordsTopic};
    let server = Server::start();
    let compacted = NewTopic {
        name: "compacted".to_owned(),
        partitions: Some(1),
        configs: [("cleanup.policy".to_owned(), "compact".to_owned())].into(),
    };
    server.broker.create_topics(vec![compacted], false).await;
    let mut client = server.connect();
    for version in versions(ApiKey::DeleteRecords) {
        let name = format!("t{version}");
        server.create_topic(&name, 4).await;
        for partition in 0..4 {
            fill(&server, &name, partition, 3).await;
        }
        let ask = |topic: &str, partitions: &[(i32, i64)]| DeleteRecordsTopic {
            name: topic.to_owned().into(),
            partitions: partitions
                .iter()
                .map(|(partition_index, offset)| DeleteRecordsPartition {
                    partition_index: *partition_index,
                    offset: *offset,
                })
                .collect(),
        };
        let offsets = &[(0, 2), (1, -1), (2, 4), (3, -2), (4, 0), (-1, 0), (0, 1)];
        let request = m::DeleteRecordsRequest {
            topics: vec![
                ask(&name, offsets),
                ask("missing", &[(0, 0)]),
                ask("compacted", &[(0, 0)]),
            ],
            timeout_ms: 1_000,
        };
        let topics = client.ask(version, request).await.topics;
        let told = |topic: usize| -> Vec<_> {
            let partitions = &topics[topic].partitions;
            let told = |p: &m::delete_records_response::DeleteRecordsPartitionResult| {
                (p.partition_index, p.low_watermark, p.error_code)
            };
            partitions.iter().map(told).collect()
        };
        let out_of_range = code(ErrorCode::OffsetOutOfRange);
        let unknown = code(ErrorCode::UnknownTopicOrPartition);
        assert_eq!(
            told(0),
            [
                (0, 2, OK),
                (1, 3, OK),
                (2, -1, out_of_range),
                (3, -1, out_of_range),
                (4, -1, unknown),
                (-1, -1, unknown),
                // What is gone already stays gone.
                (0, 2, OK),
            ]
        );
        assert_eq!(told(1), [(0, -1, unknown)]);
        assert_eq!(told(2), [(0, -1, code(ErrorCode::PolicyViolation))]);
        let there = server.broker.topic(&name).expect("it stays");
        let starts: Vec<_> = there
            .partitions
            .iter()
            .map(|log| log.start_offset())
            .collect();
        assert_eq!(starts, [2, 3, 0, 0]);
    }
}

#[tokio::test]
async fn the_one_epoch_ends_where_the_log_does() {
    use m::offset_for_leader_epoch_request::{OffsetForLeaderPartition, OffsetForLeaderTopic};
    let server = Server::start();
    server.create_topic("t", 1).await;
    fill(&server, "t", 0, 3).await;
    let mut client = server.connect();
    for version in versions(ApiKey::OffsetForLeaderEpoch) {
        for (topic, partition, current, epoch, expected) in [
            ("t", 0, 0, 0, (OK, 0, 3)),
            ("t", 0, -1, 0, (OK, 0, 3)),
            ("t", 0, 0, 1, (OK, -1, -1)),
            ("t", 0, -1, -1, (OK, -1, -1)),
            ("t", 0, 1, 0, (code(ErrorCode::UnknownLeaderEpoch), -1, -1)),
            ("t", 0, -2, 0, (code(ErrorCode::FencedLeaderEpoch), -1, -1)),
            (
                "t",
                1,
                0,
                0,
                (code(ErrorCode::UnknownTopicOrPartition), -1, -1),
            ),
            (
                "missing",
                0,
                0,
                0,
                (code(ErrorCode::UnknownTopicOrPartition), -1, -1),
            ),
        ] {
            let asked = OffsetForLeaderPartition {
                partition,
                current_leader_epoch: current,
                leader_epoch: epoch,
            };
            let request = m::OffsetForLeaderEpochRequest {
                replica_id: -1,
                topics: vec![OffsetForLeaderTopic {
                    topic: topic.into(),
                    partitions: vec![asked],
                }],
            };
            let told = client.ask(version, request).await;
            let end = &told.topics[0].partitions[0];
            let end = (end.error_code, end.leader_epoch, end.end_offset);
            assert_eq!(
                end, expected,
                "{topic} {partition} {current} {epoch} at {version}"
            );
        }
    }
}
