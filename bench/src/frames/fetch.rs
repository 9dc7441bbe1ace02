//! Everything there is, from the beginning, in a fetch session as clients have them (KIP-227): the bytes
//! are taken in, and only the heads of batches are looked at.

use std::io;

use forebay_kafka::protocol::Records;
use forebay_kafka::protocol::generated::FetchRequest;
use forebay_kafka::protocol::generated::fetch_request::{FetchPartition, FetchTopic};
use forebay_record::{Batches, Error};

use super::connection::{Connection, frame};
use super::{Done, FETCH_VERSION, Target, on_connections};

/// What a consumer asks for by default, except for the bytes of all partitions together.
const PARTITION_MAX_BYTES: i32 = 1 << 20;
const MAX_WAIT_MS: i32 = 500;

/// Reads all partitions from the beginning until `records` have come, on one connection, at most
/// `max_bytes` at a time.
///
/// # Errors
/// A connection that breaks, a broker that refuses, and a topic that ends before.
pub fn fetch(target: &Target, records: u64, max_bytes: i32) -> io::Result<Done> {
    on_connections(1, |_| read(target, records, max_bytes))
}

fn read(target: &Target, records: u64, max_bytes: i32) -> io::Result<Done> {
    let mut connection = Connection::open(target.address)?;
    let mut session = Session::new(target, max_bytes);
    let mut done = Done::default();
    while done.records < records {
        connection.send(&frame(FETCH_VERSION, &session.request()))?;
        done.requests += 1;
        let answer = connection.receive::<FetchRequest<'static>>(FETCH_VERSION)?;
        refuse(answer.error_code)?;
        session.answered(answer.session_id);
        let mut came = 0;
        for data in answer.responses.iter().flat_map(|topic| &topic.partitions) {
            refuse(data.error_code)?;
            if let Some(Records::Borrowed(bytes)) = &data.records {
                came += session.take(data.partition_index, bytes)?;
            }
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

fn refuse(error_code: i16) -> io::Result<()> {
    if error_code == 0 {
        return Ok(());
    }
    Err(io::Error::other(format!(
        "a fetch was refused with error {error_code}"
    )))
}

/// What the broker knows of our wishes, and what has changed since.
struct Session<'a> {
    topic: &'a str,
    max_bytes: i32,
    id: i32,
    epoch: i32,
    /// Of each partition: the next offset.
    offsets: Vec<i64>,
    /// Partitions that the broker has to be told of.
    changed: Vec<i32>,
}

impl<'a> Session<'a> {
    fn new(target: &'a Target, max_bytes: i32) -> Self {
        Self {
            topic: &target.topic,
            max_bytes,
            id: 0,
            epoch: 0,
            offsets: vec![0; usize::try_from(target.partitions).unwrap_or(0)],
            changed: (0..target.partitions).collect(),
        }
    }

    fn request(&self) -> FetchRequest<'static> {
        let partitions = self.changed.iter().map(|partition| FetchPartition {
            partition: *partition,
            fetch_offset: self.offsets[*partition as usize],
            partition_max_bytes: PARTITION_MAX_BYTES,
            ..FetchPartition::default()
        });
        FetchRequest {
            max_wait_ms: MAX_WAIT_MS,
            min_bytes: 1,
            max_bytes: self.max_bytes,
            session_id: self.id,
            session_epoch: self.epoch,
            topics: vec![FetchTopic {
                topic: self.topic.to_owned().into(),
                partitions: partitions.collect(),
                ..FetchTopic::default()
            }],
            ..FetchRequest::default()
        }
    }

    /// A broker that gives no session has to be told everything every time.
    fn answered(&mut self, id: i32) {
        self.id = id;
        if id == 0 {
            self.epoch = 0;
            self.changed = (0..).take(self.offsets.len()).collect();
        } else {
            self.epoch += 1;
            self.changed.clear();
        }
    }

    /// Moves a partition behind the batches that came, the last of which may be cut off; answers how
    /// many records that were.
    fn take(&mut self, partition: i32, bytes: &[u8]) -> io::Result<u64> {
        let mut records = 0;
        for batch in Batches::new(bytes) {
            let header = match &batch {
                Ok(batch) => batch.header(),
                Err(Error::Truncated { .. }) => break,
                Err(error) => return Err(io::Error::other(format!("a batch: {error}"))),
            };
            let next = header.base_offset + i64::from(header.last_offset_delta) + 1;
            self.offsets[partition as usize] = next;
            records += u64::try_from(header.record_count).unwrap_or(0);
        }
        if records > 0 && self.id != 0 {
            self.changed.push(partition);
        }
        Ok(records)
    }
}
