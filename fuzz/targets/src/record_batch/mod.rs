//! Record batches that a client sent or a disk gave back: header, checksum, codecs, records, and all
//! that rewrites them.
//!
//! The first byte of the input says how far the fuzzer is helped past the checks in front.

mod codecs;
mod forge;
mod opened;
mod rewritten;

use forebay_record::{Batch, BatchBuilder, Batches, Compression, RecordHeader, batch_bytes};

use crate::memory::{Bound, bounded};

/// The most that a batch may decompress to here. Small, so that bombs are met by small inputs.
const DECOMPRESSED_BYTES_MAX: usize = 128 << 10;

/// Looking at a batch without opening it takes no memory but for the words of an error.
const CLOSED: Bound = Bound {
    base: 512,
    per_byte: 0,
};

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    match how % 5 {
        // As they come.
        0 => walk(rest),
        // A batch whose magic, length and checksum are made right.
        1 => walk(&forge::sealed(rest.to_vec())),
        // A batch of any header over any records under any codec.
        2 => {
            if let Some(batch) = forge::batch(rest) {
                walk(&batch);
            }
        }
        // The same, and then damaged behind the checksum.
        3 => {
            if let Some(batch) = forge::damaged(rest) {
                walk(&batch);
            }
        }
        _ => codecs::hold(rest),
    }
}

/// Everything that is done with a batch on its way in and out.
fn walk(bytes: &[u8]) {
    bounded("a length", bytes.len(), CLOSED, || batch_bytes(bytes).ok());
    let mut walked = 0;
    let mut batches = Batches::new(bytes);
    while let Some(batch) = bounded("a step", bytes.len(), CLOSED, || batches.next()) {
        let Ok(batch) = batch else { break };
        walked += batch.bytes().len();
        assert_eq!(walked, batches.position(), "the walk leaves nothing out");
        one(&batch);
    }
    assert!(walked <= bytes.len());
}

fn one(batch: &Batch<'_>) {
    let header = batch.header();
    let encoded = header.encode();
    assert_eq!(
        encoded,
        batch.bytes()[..encoded.len()],
        "a header reads as written"
    );
    let _ = (
        header.last_offset(),
        header.next_offset(),
        header.last_sequence(),
    );
    let (produced, stored) = bounded("validation", batch.bytes().len(), CLOSED, || {
        (batch.validate_produced(), batch.verify_stored())
    });
    if produced.is_ok() {
        assert!(
            stored.is_ok() || header.base_offset != 0,
            "what a client may send may be stored at an offset that can be"
        );
    }
    if let Some(records) = opened::open(batch) {
        opened::hold(&records);
        if stored.is_ok() && records.validate().is_ok() {
            rewritten::hold(&records);
        }
    }
}

/// Batches as producers make them, with each codec, and what is not quite one.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for codec in Compression::ALL {
        let batch = sample(codec);
        seeds.push([&[0], &batch[..]].concat());
        seeds.push([&[0], &batch[..], &batch[..]].concat());
        seeds.push([&[1], &batch[..]].concat());
        let payload = Batch::only(&batch).map(|batch| batch.payload().to_vec());
        seeds.push(codecs::seed(codec, &payload.expect("it was just built")));
        seeds.extend(forge::seeds(codec));
    }
    seeds.extend(codecs::foreign_seeds());
    seeds
}

fn sample(codec: Compression) -> bytes::Bytes {
    let mut builder = BatchBuilder::new().base_offset(7).compression(codec);
    for index in 0..6_i64 {
        let value = format!("the value of record {index}, and again: {index}");
        let value = (index != 3).then_some(value.as_bytes());
        let headers = [RecordHeader::new("trace", b"1")];
        builder
            .add(
                1_700_000_000_000 + index,
                Some(&[index as u8]),
                value,
                &headers,
            )
            .expect("a few records fit");
    }
    builder.build().expect("a few records fit")
}
