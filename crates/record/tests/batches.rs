//! Closed batches: the walk from one to the next, what is refused and under which name, and what
//! patching changes.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use forebay_record::{
    Attributes, Batch, BatchBuilder, BatchHeader, Batches, Compression, Error, NO_TIMESTAMP,
    ProducerStamp, TimestampType, batch_bytes, crc32c, patch_base_offset, patch_log_append_time,
    patch_max_timestamp,
};

const STAMP: ProducerStamp = ProducerStamp {
    id: 9,
    epoch: 2,
    base_sequence: 5,
};

fn batch(records: usize) -> Vec<u8> {
    let mut batch = BatchBuilder::new().producer(STAMP);
    for index in 0..records {
        batch
            .add(1000, None, Some(format!("value {index}").as_bytes()), &[])
            .unwrap();
    }
    batch.build().unwrap().to_vec()
}

/// What a forger does to a header.
type Change = fn(&mut BatchHeader);

/// A batch of three records whose header was changed, with a checksum that is right again.
fn forged(change: impl FnOnce(&mut BatchHeader)) -> Vec<u8> {
    let mut bytes = batch(3);
    let mut header = BatchHeader::parse(&bytes).unwrap();
    change(&mut header);
    bytes[..61].copy_from_slice(&header.encode());
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}

fn produced(bytes: &[u8]) -> Result<(), Error> {
    Batch::only(bytes).unwrap().validate_produced()
}

fn stored(bytes: &[u8]) -> Result<(), Error> {
    Batch::only(bytes).unwrap().verify_stored()
}

#[test]
fn batches_come_one_after_another() {
    let bytes = [batch(1), batch(2), batch(3)].concat();
    let mut batches = Batches::new(&bytes);
    for count in 1..=3 {
        assert_eq!(
            batches.next().unwrap().unwrap().header().record_count,
            count
        );
    }
    assert!(batches.next().is_none());
    assert_eq!(batches.position(), bytes.len());
}

#[test]
fn a_torn_tail_is_told_apart_wherever_it_is_torn() {
    let whole = batch(2);
    let bytes = [whole.clone(), batch(3)].concat();
    for length in whole.len() + 1..bytes.len() {
        let mut batches = Batches::new(&bytes[..length]);
        assert_eq!(batches.next().unwrap().unwrap().bytes(), whole);
        let torn = batches.next().unwrap();
        assert!(
            matches!(torn, Err(Error::Truncated { .. })),
            "{length}: {torn:?}"
        );
        assert!(batches.next().is_none());
        assert_eq!(batches.position(), whole.len());
    }
}

#[test]
fn the_size_of_a_batch_is_known_from_twelve_bytes() {
    let bytes = batch(2);
    assert_eq!(batch_bytes(&bytes[..12]), Ok(bytes.len()));
    assert_eq!(
        batch_bytes(&bytes[..11]),
        Err(Error::Truncated {
            needed: 12,
            available: 11
        })
    );
    assert_eq!(batch_bytes(&[0xff; 12]), Err(Error::Length { length: -1 }));
}

#[test]
fn only_one_batch_means_only_one() {
    let bytes = [batch(1), batch(1)].concat();
    assert!(Batch::first(&bytes).is_ok());
    assert!(matches!(Batch::only(&bytes), Err(Error::Batch { .. })));
}

#[test]
fn every_flipped_bit_under_the_checksum_is_caught() {
    let good = batch(2);
    for position in 21..good.len() {
        for bit in 0..8 {
            let mut bytes = good.clone();
            bytes[position] ^= 1 << bit;
            assert!(
                matches!(produced(&bytes), Err(Error::Checksum { .. })),
                "{position}.{bit}"
            );
            assert!(
                matches!(stored(&bytes), Err(Error::Checksum { .. })),
                "{position}.{bit}"
            );
        }
    }
}

#[test]
fn a_clients_false_claims_are_refused() {
    let cases: [(&str, Change); 9] = [
        ("no records", |h| {
            (h.record_count, h.last_offset_delta) = (0, -1)
        }),
        ("the record count is not that of the offsets", |h| {
            h.record_count = 2
        }),
        ("the record count is not that of the offsets", |h| {
            h.last_offset_delta = i32::MAX
        }),
        ("clients may not write control records", |h| {
            h.attributes = h.attributes.with_control(true);
        }),
        ("clients may not set a delete horizon", |h| {
            h.attributes = h.attributes.with_delete_horizon(true);
        }),
        ("a producer id with a negative epoch", |h| {
            h.producer_epoch = -1
        }),
        ("a producer id with a negative sequence", |h| {
            h.base_sequence = -1
        }),
        ("a negative producer id", |h| h.producer_id = -2),
        ("transactional without a producer id", |h| {
            h.producer_id = -1;
            h.attributes = h.attributes.with_transactional(true);
        }),
    ];
    for (what, change) in cases {
        assert_eq!(produced(&forged(change)), Err(Error::Batch { what }));
    }
    let codec = forged(|h| h.attributes = Attributes(h.attributes.0 | 0b110));
    assert_eq!(produced(&codec), Err(Error::Codec { id: 6 }));
    let late = forged(|h| {
        h.attributes = h
            .attributes
            .with_timestamp_type(TimestampType::LogAppendTime);
    });
    assert!(matches!(produced(&late), Err(Error::Timestamp { .. })));
    let negative = forged(|h| h.max_timestamp = -2);
    assert!(matches!(produced(&negative), Err(Error::Timestamp { .. })));
}

#[test]
fn what_real_clients_leave_out_is_accepted() {
    // Sarama without idempotence sends a base sequence of 0, and its old versions no max timestamp.
    let sarama = forged(|h| {
        (h.producer_id, h.producer_epoch, h.base_sequence) = (-1, -1, 0);
        h.max_timestamp = NO_TIMESTAMP;
    });
    assert_eq!(produced(&sarama), Ok(()));
    // Bits that nobody has defined yet.
    assert_eq!(
        produced(&forged(|h| h.attributes = Attributes(0x7f80))),
        Ok(())
    );
}

#[test]
fn a_stored_batch_may_have_holes_but_not_the_impossible() {
    assert_eq!(stored(&forged(|h| h.last_offset_delta = 1000)), Ok(()));
    let impossible: [Change; 5] = [
        |h| h.base_offset = -1,
        |h| h.base_offset = i64::MAX,
        |h| h.last_offset_delta = -1,
        |h| h.record_count = -1,
        |h| h.record_count = 4,
    ];
    for change in impossible {
        assert!(matches!(stored(&forged(change)), Err(Error::Batch { .. })));
    }
}

#[test]
fn a_new_place_in_the_log_leaves_the_checksum_right() {
    let mut bytes = batch(3);
    let before = bytes.clone();
    patch_base_offset(&mut bytes, 1 << 40, 17).unwrap();
    let patched = Batch::only(&bytes).unwrap();
    patched.validate_produced().unwrap();
    assert_eq!(
        (patched.header().base_offset, patched.header().next_offset()),
        (1 << 40, (1 << 40) + 3)
    );
    assert_eq!(patched.header().partition_leader_epoch, 17);
    assert_eq!(
        bytes[..16],
        BatchHeader::parse(&before).unwrap().prefix_at(1 << 40, 17)
    );
    assert_eq!(bytes[16..], before[16..]);
    assert!(patch_base_offset(&mut [0; 60], 0, 0).is_err());
}

#[test]
fn log_append_time_is_stamped_without_opening_the_batch() {
    for codec in Compression::ALL {
        let mut batch = BatchBuilder::new().compression(codec);
        batch.add(1000, None, Some(&[b'v'; 500]), &[]).unwrap();
        let mut bytes = [&batch.build().unwrap()[..], b"what follows"].concat();
        patch_log_append_time(&mut bytes, 4242).unwrap();
        assert!(bytes.ends_with(b"what follows"));
        let batch = Batch::first(&bytes).unwrap();
        batch.verify_stored().unwrap();
        assert_eq!(
            batch.header().timestamp_type(),
            TimestampType::LogAppendTime
        );
        assert_eq!(batch.header().max_timestamp, 4242);
        assert_eq!(
            batch
                .records(1000)
                .unwrap()
                .validate()
                .unwrap()
                .max_timestamp,
            4242
        );
    }
}

#[test]
fn a_max_timestamp_left_out_can_be_filled_in() {
    let mut bytes = forged(|h| h.max_timestamp = NO_TIMESTAMP);
    let found = Batch::only(&bytes)
        .unwrap()
        .records(0)
        .unwrap()
        .validate()
        .unwrap()
        .max_timestamp;
    patch_max_timestamp(&mut bytes, TimestampType::CreateTime, found).unwrap();
    assert_eq!(bytes, batch(3));
}

#[test]
fn a_builder_refuses_what_no_batch_can_be() {
    assert!(matches!(
        BatchBuilder::new().build(),
        Err(Error::Batch { .. })
    ));
    let mut batch = BatchBuilder::new().transactional();
    assert!(matches!(
        batch.add(-2, None, None, &[]),
        Err(Error::Timestamp { .. })
    ));
    assert!(batch.is_empty());
    batch.add(NO_TIMESTAMP, None, None, &[]).unwrap();
    assert!(matches!(
        batch.add(i64::MAX, None, None, &[]),
        Err(Error::Timestamp { .. })
    ));
    assert_eq!(batch.record_count(), 1);
    assert!(matches!(batch.build(), Err(Error::Batch { .. })));
}
