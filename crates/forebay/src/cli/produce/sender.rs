//! Records into batches, batches to the broker: several under way, and none waits for company
//! while the broker is idle.

use std::time::SystemTime;

use bytes::Bytes;
use forebay_kafka::client::{Acks, Client, ClientError, Produced, ProducerId, Sent};
use forebay_record::{BatchBuilder, Compression, ProducerStamp, RecordHeader};
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};

use crate::cli::failure::{Cause, Failure};
use crate::cli::record_line::Line;

/// A batch goes out when it has this many bytes, compressed or not: large enough that the round trip
/// is small beside it, small enough to be well within what brokers take by default (1 MiB).
const BATCH_BYTES: usize = 256 << 10;
/// Bytes of records without key that go to one partition before it is the next one's turn, as in the
/// Java client: few enough to spread, enough for a batch.
const KEYLESS_BYTES: usize = 16 << 10;
/// Batches of a partition under way: brokers recognise the last five again (KIP-679).
const PARTITION_BATCHES_MAX: usize = 5;
/// Batches under way over all partitions.
const BATCHES_MAX: usize = 32;
/// Bytes of records that wait in unfinished batches, over all partitions.
const WAITING_BYTES_MAX: usize = 16 << 20;

/// How records are sent.
pub(super) struct Manner {
    pub(super) topic: String,
    pub(super) partitions: i32,
    /// The one partition that is wanted.
    pub(super) partition: Option<i32>,
    pub(super) headers: Vec<(String, String)>,
    pub(super) compression: Compression,
    pub(super) acks: Acks,
    /// The largest batch that the topic takes, if that is known.
    pub(super) max_message_bytes: Option<usize>,
    /// With it the broker recognises what was sent twice.
    pub(super) producer: Option<ProducerId>,
}

/// What was acknowledged.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Tally {
    pub(super) records: u64,
    pub(super) bytes: u64,
    /// Partition and offset of the record that came last.
    pub(super) last: Option<(i32, i64)>,
}

/// The end of a partition that is written to.
struct Tail {
    builder: BatchBuilder,
    /// Bytes of keys and values in it.
    bytes: u64,
    next_sequence: i32,
    under_way: usize,
}

/// A batch that was acknowledged, or was not.
struct Outcome {
    partition: i32,
    records: u64,
    bytes: u64,
    result: Result<Produced, ClientError>,
}

pub(super) struct Sender {
    client: Client,
    manner: Manner,
    tails: Vec<Tail>,
    /// Where records without key go for now.
    keyless: usize,
    /// Bytes of those since it is this partition's turn.
    keyless_bytes: usize,
    under_way: FuturesUnordered<BoxFuture<'static, Outcome>>,
    waiting_bytes: usize,
    tally: Tally,
}

impl Sender {
    pub(super) fn new(client: Client, manner: Manner) -> Self {
        let tail = || Tail {
            builder: manner.builder(0),
            bytes: 0,
            next_sequence: 0,
            under_way: 0,
        };
        let tails: Vec<Tail> = (0..manner.partitions).map(|_| tail()).collect();
        // Anywhere, so that many short runs do not all meet in the first partition.
        let keyless = usize::try_from(now_ms()).unwrap_or(0) % tails.len().max(1);
        Self {
            client,
            manner,
            tails,
            keyless,
            keyless_bytes: 0,
            under_way: FuturesUnordered::new(),
            waiting_bytes: 0,
            tally: Tally::default(),
        }
    }

    /// What was acknowledged so far.
    pub(super) fn tally(&self) -> Tally {
        self.tally
    }

    /// Whether an acknowledgement is awaited.
    pub(super) fn is_waiting(&self) -> bool {
        !self.under_way.is_empty()
    }

    /// Adds a record, and sends batches that are full.
    pub(super) async fn add(&mut self, line: &Line<'_>) -> Result<(), Failure> {
        let at = self.partition_of(line.key);
        let bytes = line.key.map_or(0, <[u8]>::len) + line.value.map_or(0, <[u8]>::len);
        let tail = &self.tails[at];
        let is_full = tail.builder.estimated_bytes() + bytes > self.manner.batch_bytes();
        if is_full && !tail.builder.is_empty() {
            self.send(at).await?;
        }
        let headers: Vec<RecordHeader<'_>> = self
            .manner
            .headers
            .iter()
            .map(|(name, value)| RecordHeader::new(name, value.as_bytes()))
            .collect();
        let tail = &mut self.tails[at];
        tail.builder
            .add(now_ms(), line.key, line.value, &headers)
            .map_err(|error| Failure::new(Cause::Failed, format!("cannot send a line: {error}")))?;
        tail.bytes += bytes as u64;
        self.waiting_bytes += bytes;
        if self.waiting_bytes > WAITING_BYTES_MAX {
            self.flush(true).await?;
        }
        if line.key.is_none() {
            self.keyless_bytes += bytes;
            if self.keyless_bytes >= KEYLESS_BYTES {
                self.next_keyless();
            }
        }
        Ok(())
    }

    fn next_keyless(&mut self) {
        self.keyless = (self.keyless + 1) % self.tails.len();
        self.keyless_bytes = 0;
    }

    fn partition_of(&self, key: Option<&[u8]>) -> usize {
        let partition = match (self.manner.partition, key) {
            (Some(partition), _) => partition,
            (None, Some(key)) => forebay_record::partition_of_key(key, self.manner.partitions),
            (None, None) => return self.keyless,
        };
        usize::try_from(partition).expect("partitions are counted up from 0")
    }

    /// Sends batches that are not full yet: all of them, or those of partitions where nothing is
    /// under way. Waiting for company only pays while something else is on the line.
    pub(super) async fn flush(&mut self, all: bool) -> Result<(), Failure> {
        for at in 0..self.tails.len() {
            let tail = &self.tails[at];
            if !tail.builder.is_empty() && (all || tail.under_way == 0) {
                self.send(at).await?;
            }
        }
        Ok(())
    }

    /// Sends a partition's batch, once there is room for it on the line.
    async fn send(&mut self, at: usize) -> Result<(), Failure> {
        while self.tails[at].under_way >= PARTITION_BATCHES_MAX
            || self.under_way.len() >= BATCHES_MAX
        {
            self.acknowledged().await?;
        }
        let partition = i32::try_from(at).expect("partitions have 32 bits");
        let tail = &mut self.tails[at];
        let fresh = self.manner.builder(tail.builder.estimated_bytes());
        let builder = std::mem::replace(&mut tail.builder, fresh);
        let records = builder.record_count();
        let bytes = std::mem::take(&mut tail.bytes);
        let batch = self.manner.finish(builder, tail.next_sequence)?;
        tail.next_sequence = sequence_after(tail.next_sequence, records);
        tail.under_way += 1;
        self.waiting_bytes = self.waiting_bytes.saturating_sub(bytes as usize);
        if at == self.keyless {
            self.next_keyless();
        }
        // Started here and in this order, which is the order in the partition.
        let sent: Sent = self
            .client
            .send(&self.manner.topic, partition, batch, self.manner.acks)
            .await;
        self.under_way.push(Box::pin(async move {
            Outcome {
                partition,
                records: records as u64,
                bytes,
                result: sent.acknowledged().await,
            }
        }));
        Ok(())
    }

    /// Waits for the next acknowledgement; at once if none is awaited.
    pub(super) async fn acknowledged(&mut self) -> Result<(), Failure> {
        let Some(outcome) = self.under_way.next().await else {
            return Ok(());
        };
        let at = usize::try_from(outcome.partition).expect("partitions are counted up from 0");
        self.tails[at].under_way -= 1;
        let produced = outcome.result?;
        self.tally.records += outcome.records;
        self.tally.bytes += outcome.bytes;
        self.tally.last = produced
            .base_offset
            .map(|base| (outcome.partition, base + outcome.records as i64 - 1));
        Ok(())
    }

    /// Sends all that is left and waits for all acknowledgements.
    pub(super) async fn finish(&mut self) -> Result<(), Failure> {
        self.flush(true).await?;
        while self.is_waiting() {
            self.acknowledged().await?;
        }
        Ok(())
    }
}

impl Manner {
    fn builder(&self, record_bytes: usize) -> BatchBuilder {
        BatchBuilder::with_capacity(record_bytes).compression(self.compression)
    }

    fn batch_bytes(&self) -> usize {
        self.max_message_bytes
            .unwrap_or(BATCH_BYTES)
            .min(BATCH_BYTES)
    }

    fn finish(&self, builder: BatchBuilder, base_sequence: i32) -> Result<Bytes, Failure> {
        let stamp = self
            .producer
            .map_or(ProducerStamp::NONE, |producer| ProducerStamp {
                id: producer.id,
                epoch: producer.epoch,
                base_sequence,
            });
        builder
            .producer(stamp)
            .build()
            .map_err(|error| Failure::new(Cause::Failed, format!("cannot send a batch: {error}")))
    }
}

/// The sequence number behind a batch; after the largest one they begin at 0 again (KIP-98).
fn sequence_after(base: i32, records: usize) -> i32 {
    let next = i64::from(base) + records as i64;
    let wrapped = next % (i64::from(i32::MAX) + 1);
    i32::try_from(wrapped).expect("a remainder of 2^31 fits")
}

fn now_ms() -> i64 {
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    now.map_or(0, |now| i64::try_from(now.as_millis()).unwrap_or(i64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sequence_numbers_begin_again_behind_the_largest() {
        assert_eq!(sequence_after(0, 10), 10);
        assert_eq!(sequence_after(i32::MAX - 1, 1), i32::MAX);
        assert_eq!(sequence_after(i32::MAX, 1), 0);
        assert_eq!(sequence_after(i32::MAX - 1, 10), 8);
    }
}
