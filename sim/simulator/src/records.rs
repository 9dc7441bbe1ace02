//! Records that say which value they are, and reading them back.

use bytes::{Bytes, BytesMut};
use forebay_broker::storage::{LogReader, ReadError};
use forebay_record::{Batch, BatchBuilder, Batches, Compression, ProducerStamp};

use crate::ledger::Found;
use crate::random::Random;

const READ_BYTES: usize = 256 << 10;
const OPEN_BYTES: usize = 16 << 20;

/// A value before it is sent.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Value {
    /// Its number.
    pub(crate) number: u64,
    /// Its key.
    pub(crate) key: u64,
    /// Its timestamp.
    pub(crate) timestamp: i64,
}

/// A batch of values, each padded with `padding` bytes at most.
pub(crate) fn batch(
    values: &[Value],
    producer: Option<ProducerStamp>,
    padding: u64,
    random: &mut Random,
) -> BytesMut {
    let codecs = [Compression::None, Compression::None, Compression::Lz4];
    let codec = *random.pick(&codecs).unwrap_or(&Compression::None);
    let stamp = producer.unwrap_or(ProducerStamp::NONE);
    let mut builder = BatchBuilder::new().compression(codec).producer(stamp);
    for value in values {
        let mut payload = vec![0; 8 + random.below(padding + 1) as usize];
        random.fill(&mut payload);
        payload[..8].copy_from_slice(&value.number.to_le_bytes());
        let key = value.key.to_le_bytes();
        let added = builder.add(value.timestamp, Some(&key), Some(&payload), &[]);
        added.expect("a record that is within the limits");
    }
    let built: Bytes = builder.build().expect("a batch that is within the limits");
    BytesMut::from(&built[..])
}

/// The records from `from` on that one read gives, and the offset after them.
pub(crate) fn read(reader: &LogReader, from: u64) -> Result<(Vec<Found>, u64), ReadError> {
    let batches = reader.read(from, READ_BYTES, true)?.run()?;
    let mut found = Vec::new();
    for part in &batches.parts {
        for batch in Batches::new(part) {
            open(&batch.expect("whole batches"), from, &mut found);
        }
    }
    Ok((found, batches.next))
}

/// All records from `from` to the end.
pub(crate) fn read_all(reader: &LogReader, mut from: u64) -> Result<Vec<Found>, ReadError> {
    let mut found = Vec::new();
    while from < reader.end_offset() {
        let (more, next) = read(reader, from)?;
        assert!(next > from, "a read that gives nothing before the end");
        found.extend(more);
        from = next;
    }
    Ok(found)
}

fn open(batch: &Batch<'_>, from: u64, found: &mut Vec<Found>) {
    batch
        .verify_stored()
        .expect("a batch whose checksum holds is served");
    let records = batch.records(OPEN_BYTES).expect("a batch that opens");
    for record in &records {
        let record = record.expect("a whole record");
        let offset = (batch.header().base_offset + i64::from(record.offset_delta)) as u64;
        let value = record.value.expect("a value, not a tombstone");
        let number = value[..8].try_into().map(u64::from_le_bytes);
        if offset >= from {
            found.push((offset, number.expect("eight bytes")));
        }
    }
}
