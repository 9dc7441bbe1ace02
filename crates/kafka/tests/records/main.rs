//! Records in and out as a client sees them on the wire: produce, fetch, and what carries them.

#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod fetch_sessions;
mod pipelining;
mod produce;
#[path = "../support/mod.rs"]
mod support;
mod topics;

use bytes::Bytes;
use forebay_kafka::protocol::generated::ProduceRequest;
use forebay_kafka::protocol::generated::produce_request::{PartitionProduceData, TopicProduceData};
use forebay_kafka::protocol::{ErrorCode, Records};
use forebay_record::BatchBuilder;

/// The name of an answer's code, so that a failed test says what went wrong.
fn code(error_code: i16) -> ErrorCode {
    ErrorCode::from_code(error_code).expect("a known error code")
}

/// A batch of one record with a value of so many bytes.
fn batch(value_bytes: usize) -> Bytes {
    let mut builder = BatchBuilder::new();
    let value = vec![b'x'; value_bytes];
    builder
        .add(1_000_000_000_000, None, Some(&value), &[])
        .unwrap();
    builder.build().unwrap()
}

/// A request of version 9 that brings records, or null, to a topic's first partition.
fn produce(topic: &'static str, acks: i16, records: Option<Bytes>) -> ProduceRequest<'static> {
    ProduceRequest {
        acks,
        timeout_ms: 1_000,
        topic_data: vec![TopicProduceData {
            name: topic.into(),
            partition_data: vec![PartitionProduceData {
                index: 0,
                records: records.map(|batch| Records::from(vec![batch])),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

/// The code of the only partition of an answer.
fn produced(answer: &forebay_kafka::protocol::generated::ProduceResponse<'_>) -> ErrorCode {
    code(answer.responses[0].partition_responses[0].error_code)
}
