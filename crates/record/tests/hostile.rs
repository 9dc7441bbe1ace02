//! No bytes make a decoder panic, and no few bytes make it produce many.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::io::Write;

use flate2::write::GzEncoder;
use forebay_record::limits::DECOMPRESSED_BYTES_MAX;
use forebay_record::{
    Batch, BatchBuilder, BatchHeader, Batches, Compression, EndTransactionMarker, Error, Records,
    batch_bytes, crc32c,
};
use lz4_flex::frame::{BlockSize, FrameEncoder, FrameInfo};
use proptest::collection::vec;
use proptest::prelude::*;

const LIMIT: usize = 1 << 20;

/// Everything that can be done with a batch that someone sent.
fn do_all(bytes: &[u8]) {
    let _ = batch_bytes(bytes);
    for batch in Batches::new(bytes) {
        let Ok(batch) = batch else { continue };
        let header = batch.header();
        let _ = (
            header.last_offset(),
            header.next_offset(),
            header.last_sequence(),
        );
        let _ = (batch.validate_produced(), batch.verify_stored());
        let Ok(records) = batch.records(LIMIT) else {
            continue;
        };
        for record in &records {
            let Ok(record) = record else { continue };
            let _ = (header.offset_of(&record), header.timestamp_of(&record));
            let _ = EndTransactionMarker::parse(&record);
            let _ = record.headers.last();
        }
        let _ = records.validate();
        let _ = records.retain(Some(1), |offset, _| offset % 2 == 0);
        let _ = records.recompress(Compression::Lz4);
    }
}

/// Puts a checksum that is right on whatever `bytes` holds, to get past the first check.
fn with_checksum(mut bytes: Vec<u8>) -> Vec<u8> {
    if bytes.len() >= 61 {
        bytes[16] = 2;
        let crc = crc32c(&bytes[21..]);
        bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    }
    bytes
}

fn sample(codec: Compression) -> Vec<u8> {
    let mut batch = BatchBuilder::new().compression(codec);
    for index in 0..20i64 {
        let value = format!("the value of record {index}, and again: {index}");
        batch
            .add(
                index * 1000,
                Some(&[index as u8]),
                Some(value.as_bytes()),
                &[],
            )
            .unwrap();
    }
    batch.build().unwrap().to_vec()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        do_all(&bytes);
        let _ = Records::new(&bytes, 50).count();
        for codec in Compression::ALL {
            let _ = codec.decompress(&bytes, LIMIT);
        }
    }

    #[test]
    fn random_headers_and_records_are_survived(mut bytes in vec(any::<u8>(), 61..300)) {
        let length = i32::try_from(bytes.len() - 12).unwrap();
        bytes[8..12].copy_from_slice(&length.to_be_bytes());
        do_all(&with_checksum(bytes));
    }

    #[test]
    fn flipped_bytes_are_survived_with_a_right_checksum(
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        codec in prop::sample::select(&Compression::ALL),
    ) {
        let mut bytes = sample(codec);
        for (position, value) in flips {
            let position = position.index(bytes.len());
            bytes[position] = value;
        }
        do_all(&bytes);
        do_all(&with_checksum(bytes));
    }

    #[test]
    fn compressed_bytes_with_flips_stay_within_the_limit(
        flips in vec((any::<prop::sample::Index>(), any::<u8>()), 1..6),
        codec in prop::sample::select(&Compression::ALL[1..]),
        limit in 0..2000usize,
    ) {
        let mut payload = sample(codec).split_off(61);
        for (position, value) in flips {
            let position = position.index(payload.len());
            payload[position] = value;
        }
        if let Ok(output) = codec.decompress(&payload, limit) {
            prop_assert!(output.len() <= limit);
        }
    }
}

/// A gibibyte of zeros: 256 times 4 MiB, repeated the way each format allows it.
fn bomb(codec: Compression) -> Vec<u8> {
    const TIMES: usize = 256;
    let zeros = vec![0; 4 << 20];
    match codec {
        Compression::None => unreachable!("nothing to unfold"),
        Compression::Gzip => {
            let mut encoder = GzEncoder::new(Vec::new(), flate2::Compression::best());
            encoder.write_all(&zeros).unwrap();
            encoder.finish().unwrap().repeat(TIMES)
        }
        Compression::Snappy => {
            let block = snap::raw::Encoder::new().compress_vec(&zeros).unwrap();
            let length = u32::try_from(block.len()).unwrap().to_be_bytes();
            let blocks = [&length[..], &block].concat().repeat(TIMES);
            [&b"\x82SNAPPY\0\0\0\0\x01\0\0\0\x01"[..], &blocks].concat()
        }
        Compression::Lz4 => {
            let frame = FrameInfo::new().block_size(BlockSize::Max4MB);
            let mut encoder = FrameEncoder::with_frame_info(frame, Vec::new());
            encoder.write_all(&zeros).unwrap();
            let frame = encoder.finish().unwrap();
            // Seven bytes of head, one block, four bytes of end.
            let (head, block, end) = (&frame[..7], &frame[7..frame.len() - 4], [0; 4]);
            [head, &block.repeat(TIMES), &end].concat()
        }
        Compression::Zstd => zstd::encode_all(&zeros[..], 19).unwrap().repeat(TIMES),
    }
}

#[test]
fn a_gibibyte_in_a_few_kilobytes_is_refused_by_the_limit() {
    for codec in &Compression::ALL[1..] {
        let payload = bomb(*codec);
        for limit in [0, 1000, LIMIT] {
            assert_eq!(
                codec.decompress(&payload, limit),
                Err(Error::TooLarge { limit })
            );
        }

        let mut header = BatchHeader::parse(&sample(*codec)).unwrap();
        header.batch_length = i32::try_from(49 + payload.len()).unwrap();
        let bytes = [&header.encode()[..], &payload].concat();
        let opened = Batch::only(&bytes).unwrap().records(LIMIT).map(|_| ());
        assert_eq!(opened, Err(Error::TooLarge { limit: LIMIT }));
    }
}

#[test]
fn no_caller_can_lift_the_hard_limit() {
    let bomb = bomb(Compression::Zstd);
    let answer = Compression::Zstd.decompress(&bomb, usize::MAX);
    assert_eq!(
        answer,
        Err(Error::TooLarge {
            limit: DECOMPRESSED_BYTES_MAX
        })
    );
}
