//! Everything there is, from the beginning: the bytes are taken in, and only the heads of batches are
//! looked at.

use std::io;

use forebay_kafka::protocol::Records;
use forebay_kafka::protocol::generated::FetchRequest;
use forebay_kafka::protocol::generated::fetch_request::{FetchPartition, FetchTopic};
use forebay_record::{Batches, Error};

use super::connection::{Connection, frame};
use super::{Done, FETCH_VERSION, Target, on_connections};

/// What a consumer asks for by default.
const MAX_BYTES: i32 = 50 << 20;
const PARTITION_MAX_BYTES: i32 = 1 << 20;
const MAX_WAIT_MS: i32 = 500;

/// Reads all partitions from the beginning until `records` have come, on one connection.
///
/// # Errors
/// A connection that breaks, a broker that refuses, and a topic that ends before.
pub fn fetch(target: &Target, records: u64) -> io::Result<Done> {
    on_connections(1, |_| read(target, records))
}

fn read(target: &Target, records: u64) -> io::Result<Done> {
    let mut connection = Connection::open(target.address)?;
    let mut offsets = vec![0; usize::try_from(target.partitions).unwrap_or(0)];
    let mut done = Done::default();
    while done.records < records {
        connection.send(&frame(FETCH_VERSION, &request(&target.topic, &offsets)))?;
        done.requests += 1;
        let answer = connection.receive::<FetchRequest<'static>>(FETCH_VERSION)?;
        let mut came = 0;
        for data in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            if data.error_code != 0 {
                let what = format!("a fetch was refused with error {}", data.error_code);
                return Err(io::Error::other(what));
            }
            let Some(Records::Borrowed(bytes)) = &data.records else {
                continue;
            };
            let offset = &mut offsets[data.partition_index as usize];
            came += take(bytes, offset)?;
        }
        if came == 0 {
            let what = format!(
                "the topic ended after {} of {records} records",
                done.records
            );
            return Err(io::Error::other(what));
        }
        done.records += came;
    }
    Ok(done)
}

/// Moves `offset` behind the batches of `bytes`, the last of which may be cut off; answers how many
/// records that were.
fn take(bytes: &[u8], offset: &mut i64) -> io::Result<u64> {
    let mut records = 0;
    for batch in Batches::new(bytes) {
        let header = match &batch {
            Ok(batch) => batch.header(),
            Err(Error::Truncated { .. }) => break,
            Err(error) => return Err(io::Error::other(format!("a batch: {error}"))),
        };
        *offset = header.base_offset + i64::from(header.last_offset_delta) + 1;
        records += u64::try_from(header.record_count).unwrap_or(0);
    }
    Ok(records)
}

fn request(topic: &str, offsets: &[i64]) -> FetchRequest<'static> {
    let partitions = offsets
        .iter()
        .zip(0..)
        .map(|(offset, partition)| FetchPartition {
            partition,
            fetch_offset: *offset,
            partition_max_bytes: PARTITION_MAX_BYTES,
            ..FetchPartition::default()
        });
    FetchRequest {
        max_wait_ms: MAX_WAIT_MS,
        min_bytes: 1,
        max_bytes: MAX_BYTES,
        // Outside of a session: every request says all of what it wants.
        session_epoch: -1,
        topics: vec![FetchTopic {
            topic: topic.to_owned().into(),
            partitions: partitions.collect(),
            ..FetchTopic::default()
        }],
        ..FetchRequest::default()
    }
}
