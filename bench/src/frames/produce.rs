//! The same batches again and again: a checksum does not cover the offset, so a batch that was made
//! once is as good the thousandth time.

use std::collections::VecDeque;
use std::io;
use std::time::SystemTime;

use bytes::Bytes;
use forebay_kafka::protocol::Records;
use forebay_kafka::protocol::generated::ProduceRequest;
use forebay_kafka::protocol::generated::produce_request::{PartitionProduceData, TopicProduceData};
use forebay_record::BatchBuilder;

use super::connection::{Connection, frame, renumber};
use super::{Done, PRODUCE_VERSION, Target, on_connections};

/// How to produce.
#[derive(Clone, Copy, Debug)]
pub struct Produce {
    /// Records to send at least; the last request is full like all others.
    pub records: u64,
    /// Records of each request, in one batch for one partition.
    pub batch_records: u64,
    /// Bytes of each record's value.
    pub record_bytes: usize,
    /// Connections, each on a thread of its own.
    pub connections: usize,
    /// Requests of each connection that wait for their answers.
    pub in_flight: usize,
}

/// Sends to each partition in turn, acknowledged by all.
///
/// # Errors
/// A connection that breaks, and a broker that refuses a batch.
pub fn produce(target: &Target, how: &Produce) -> io::Result<Done> {
    let batch = batch(how.batch_records, how.record_bytes);
    let frames = (0..target.partitions)
        .map(|partition| frame(PRODUCE_VERSION, &request(&target.topic, partition, &batch)));
    let frames: Vec<_> = frames.collect();
    let requests = how.records.div_ceil(how.batch_records);
    on_connections(how.connections, |number| {
        // The first connections take one request more where the division leaves some.
        let (each, rest) = (
            requests / how.connections as u64,
            requests % how.connections as u64,
        );
        let mine = each + u64::from((number as u64) < rest);
        send(target, how, frames.clone(), number, mine)
    })
}

fn send(
    target: &Target,
    how: &Produce,
    mut frames: Vec<Vec<u8>>,
    number: usize,
    requests: u64,
) -> io::Result<Done> {
    let mut connection = Connection::open(target.address)?;
    let mut waiting = VecDeque::new();
    for sent in 0..requests {
        if waiting.len() == how.in_flight {
            acknowledged(&mut connection)?;
            waiting.pop_front();
        }
        let partition = (sent as usize + number) % frames.len();
        renumber(&mut frames[partition], sent as u32);
        connection.send(&frames[partition])?;
        waiting.push_back(sent);
    }
    for _ in waiting {
        acknowledged(&mut connection)?;
    }
    Ok(Done {
        records: requests * how.batch_records,
        requests,
        ..Done::default()
    })
}

fn acknowledged(connection: &mut Connection) -> io::Result<()> {
    let answer = connection.receive::<ProduceRequest<'static>>(PRODUCE_VERSION)?;
    let partitions = answer
        .responses
        .iter()
        .flat_map(|topic| &topic.partition_responses);
    for partition in partitions {
        if partition.error_code != 0 {
            let what = format!("a batch was refused with error {}", partition.error_code);
            return Err(io::Error::other(what));
        }
    }
    Ok(())
}

fn request(topic: &str, partition: i32, batch: &Bytes) -> ProduceRequest<'static> {
    ProduceRequest {
        acks: -1,
        timeout_ms: 30_000,
        topic_data: vec![TopicProduceData {
            name: topic.to_owned().into(),
            partition_data: vec![PartitionProduceData {
                index: partition,
                records: Some(Records::from(vec![batch.clone()])),
            }],
            ..TopicProduceData::default()
        }],
        ..ProduceRequest::default()
    }
}

fn batch(records: u64, record_bytes: usize) -> Bytes {
    let now = SystemTime::UNIX_EPOCH
        .elapsed()
        .expect("it is later than 1970");
    let value: Vec<u8> = (0..record_bytes).map(|at| (at * 31) as u8).collect();
    let mut builder = BatchBuilder::new();
    for _ in 0..records {
        let added = builder.add(now.as_millis() as i64, None, Some(&value), &[]);
        added.expect("a record fits");
    }
    builder.build().expect("a batch has records")
}
