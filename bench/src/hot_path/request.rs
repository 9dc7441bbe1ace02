//! The requests that a client would send, byte by byte the same every time.

use bytes::Bytes;
use forebay_kafka::protocol::generated::fetch_request::{FetchPartition, FetchTopic};
use forebay_kafka::protocol::generated::produce_request::{PartitionProduceData, TopicProduceData};
use forebay_kafka::protocol::generated::{FetchRequest, FindCoordinatorRequest, ProduceRequest};
use forebay_kafka::protocol::{Records, Request, api};
use forebay_record::BatchBuilder;

/// Records of a batch: with their 1 KiB, the default batch size of Kafka's producers.
pub(super) const BATCH_RECORDS: usize = 16;
/// The topic that records go to.
pub(super) const TOPIC: &str = "hot";
/// When every record was made, in milliseconds since 1970.
pub(super) const NOW_MS: i64 = 1_700_000_000_000;

const VALUE_BYTES: usize = 1024;
const PRODUCE_VERSION: i16 = 11;
const FETCH_VERSION: i16 = 12;
const FIND_COORDINATOR_VERSION: i16 = 4;

/// A batch of so many records of 1 KiB.
pub(super) fn batch(records: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    let value: Vec<u8> = (0..VALUE_BYTES).map(|at| (at * 31) as u8).collect();
    for _ in 0..records {
        let added = builder.add(NOW_MS, None, Some(&value), &[]);
        added.expect("a small record fits");
    }
    builder.build().expect("a batch has records")
}

/// The frame of a produce request, its length in front.
pub(super) fn produce(records: usize) -> Vec<u8> {
    let request = ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: TOPIC.into(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: Some(Records::from(vec![batch(records)])),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    };
    frame(PRODUCE_VERSION, &request)
}

/// The frame of a fetch from the beginning, outside of a session, that is answered at once.
pub(super) fn fetch(max_bytes: i32) -> Vec<u8> {
    let request = FetchRequest {
        max_wait_ms: 500,
        min_bytes: 1,
        max_bytes,
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: TOPIC.into(),
            partitions: vec![FetchPartition {
                partition: 0,
                fetch_offset: 0,
                partition_max_bytes: max_bytes,
                ..FetchPartition::default()
            }],
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    };
    frame(FETCH_VERSION, &request)
}

/// The frame of a request that any broker answers from what it knows by heart.
pub(super) fn find_coordinator() -> Vec<u8> {
    let request = FindCoordinatorRequest {
        coordinator_keys: vec!["group".into()],
        ..FindCoordinatorRequest::default()
    };
    frame(FIND_COORDINATOR_VERSION, &request)
}

fn frame<'a, R: Request<'a>>(version: i16, request: &R) -> Vec<u8> {
    let rope = api::encode_request(version, 7, Some("bench"), request);
    rope.expect("the request can be said in this version")
        .into_bytes()
        .into()
}
