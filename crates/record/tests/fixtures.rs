//! Batches from real clients are read for what they are, and what Kafka's own code writes and
//! compacts is written the same, byte for byte. The programs that made the files stand beside them.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use std::fs;
use std::path::Path;

use forebay_record::{
    Batch, BatchBuilder, Compression, EndTransactionMarker, NO_SEQUENCE, ProducerStamp, Record,
    RecordHeader, Retained, TimestampType, TransactionResult, patch_base_offset,
};

const T: i64 = 1_700_000_000_000;
const LIMIT: usize = 1 << 20;
/// The generator compacts at time 5,000,000 with a retention of tombstones of 1,000.
const HORIZON: Option<i64> = Some(5_001_000);

fn fixture(name: &str) -> Vec<u8> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/fixtures")
        .join(name);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The records that both generators write, but for the big one.
fn add_records(batch: &mut BatchBuilder) {
    let headers = [
        RecordHeader::new("content-type", b"text/plain"),
        RecordHeader::new("empty", b""),
        RecordHeader {
            key: b"null",
            value: None,
        },
    ];
    batch
        .add(T, Some(b"k0"), Some("v0".repeat(20).as_bytes()), &headers)
        .unwrap();
    batch.add(T + 5, None, Some(b"no key"), &[]).unwrap();
    batch.add(T - 10, Some(b"tombstone"), None, &[]).unwrap();
    batch.add(T + (1 << 33), Some(b""), Some(b""), &[]).unwrap();
}

fn assert_same_content(found: &Record<'_>, wanted: &Record<'_>) {
    assert_eq!(found.offset_delta, wanted.offset_delta);
    assert_eq!(found.timestamp_delta, wanted.timestamp_delta);
    assert_eq!((found.key, found.value), (wanted.key, wanted.value));
    assert!(found.headers.eq(wanted.headers));
}

#[test]
fn every_clients_batch_under_every_codec_is_read() {
    for client in ["java", "kafka_python"] {
        for codec in Compression::ALL {
            let bytes = fixture(&format!("{client}_{codec}.bin"));
            let batch = Batch::only(&bytes).unwrap();
            batch.validate_produced().unwrap();
            let header = batch.header();
            assert_eq!(header.compression(), Ok(codec));
            assert_eq!(
                (header.base_timestamp, header.max_timestamp),
                (T, T + (1 << 33))
            );

            let mut plain = BatchBuilder::new();
            add_records(&mut plain);
            if codec != Compression::None {
                plain
                    .add(T, Some(b"big"), Some(&[b'x'; 70_000]), &[])
                    .unwrap();
            }
            let plain = plain.build().unwrap();
            let wanted = Batch::only(&plain).unwrap().records(0).unwrap();
            let found = batch.records(LIMIT).unwrap();
            assert_eq!(found.validate(), wanted.validate(), "{client} {codec}");
            assert_eq!(found.body(), wanted.body(), "{client} {codec}");
            for (found, wanted) in found.iter().zip(&wanted) {
                assert_same_content(&found.unwrap(), &wanted.unwrap());
            }
        }
    }
}

#[test]
fn a_transactional_batch_of_a_real_client_is_read() {
    let bytes = fixture("kafka_python_transactional.bin");
    let batch = Batch::only(&bytes).unwrap();
    batch.validate_produced().unwrap();
    let header = batch.header();
    assert!(header.is_transactional() && header.has_producer_id());
    assert_eq!((header.producer_id, header.producer_epoch), (4711, 3));
    assert_eq!(
        (header.base_sequence, header.last_sequence()),
        (i32::MAX, i32::MAX)
    );
}

#[test]
fn what_the_builder_writes_is_what_java_writes() {
    let mut batch = BatchBuilder::new();
    add_records(&mut batch);
    assert_eq!(batch.build().unwrap(), fixture("java_none.bin"));

    let mut batch = BatchBuilder::new()
        .base_offset(100)
        .leader_epoch(7)
        .producer(ProducerStamp {
            id: 4711,
            epoch: 3,
            base_sequence: 10,
        })
        .transactional();
    add_records(&mut batch);
    assert_eq!(batch.estimated_bytes(), fixture("java_created.bin").len());
    assert_eq!(batch.build().unwrap(), fixture("java_created.bin"));
}

#[test]
fn a_transaction_marker_is_what_kafka_writes() {
    let marker = EndTransactionMarker {
        result: TransactionResult::Commit,
        coordinator_epoch: 12,
    };
    let mut bytes = marker.to_batch(4711, 3, T).unwrap().to_vec();
    patch_base_offset(&mut bytes, 100, 7).unwrap();
    assert_eq!(bytes, fixture("java_marker.bin"));
    assert_eq!(
        Batch::only(&bytes).unwrap().header().base_sequence,
        NO_SEQUENCE
    );
}

/// Compacts the fixture `source` to the records at `offsets`.
fn retain(source: &str, offsets: &[i64]) -> Retained {
    let bytes = fixture(source);
    let batch = Batch::only(&bytes).unwrap();
    batch.verify_stored().unwrap();
    let records = batch.records(LIMIT).unwrap();
    records
        .retain(HORIZON, |offset, _| offsets.contains(&offset))
        .unwrap()
}

#[test]
fn compaction_writes_what_kafka_writes() {
    let cases: [(&str, &[i64], &str); 8] = [
        // Without a tombstone there is no horizon; with one it is stamped.
        ("java_created.bin", &[101, 103], "java_created_keep_1_3.bin"),
        (
            "java_created.bin",
            &[101, 102, 103],
            "java_created_keep_1_2_3.bin",
        ),
        (
            "java_created.bin",
            &[100, 101, 102, 103],
            "java_created_keep_all.bin",
        ),
        // A horizon once stamped stays, also without the tombstone it was for.
        (
            "java_created_keep_all.bin",
            &[102, 103],
            "java_created_keep_all_then_2_3.bin",
        ),
        (
            "java_created_keep_all.bin",
            &[103],
            "java_created_keep_all_then_3.bin",
        ),
        (
            "java_appended.bin",
            &[101, 103],
            "java_appended_keep_1_3.bin",
        ),
        ("java_appended.bin", &[102], "java_appended_keep_2.bin"),
        ("java_marker.bin", &[100], "java_marker_keep_all.bin"),
    ];
    for (source, offsets, wanted) in cases {
        let Retained::Rewritten(bytes) = retain(source, offsets) else {
            panic!("{wanted}: not rewritten");
        };
        assert_eq!(bytes, fixture(wanted), "{wanted}");
        Batch::only(&bytes).unwrap().verify_stored().unwrap();
    }
}

#[test]
fn a_batch_with_its_horizon_and_all_its_records_stays_as_it_is() {
    let all = [100, 101, 102, 103];
    assert_eq!(retain("java_created_keep_all.bin", &all), Retained::KeptAll);
    assert_eq!(retain("java_marker_keep_all.bin", &all), Retained::KeptAll);
}

#[test]
fn an_emptied_batch_is_what_kafka_leaves_and_can_be_read_again() {
    for (source, wanted) in [
        ("java_created.bin", "java_created_keep_none.bin"),
        ("java_created_keep_all.bin", "java_horizon_keep_none.bin"),
    ] {
        assert_eq!(retain(source, &[]), Retained::Empty);
        let source = fixture(source);
        let emptied = Batch::only(&source).unwrap().header().emptied();
        assert_eq!(emptied, fixture(wanted), "{wanted}");

        let batch = Batch::only(&emptied).unwrap();
        batch.verify_stored().unwrap();
        assert_eq!(batch.header().last_offset(), 103);
        assert_eq!(batch.header().last_sequence(), 13);
        assert_eq!(batch.records(0).unwrap().validate().unwrap().records, 0);
        assert_eq!(
            batch.records(0).unwrap().retain(HORIZON, |_, _| true),
            Ok(Retained::Empty)
        );
    }
}

#[test]
fn log_append_time_stands_for_every_record() {
    let bytes = fixture("java_appended.bin");
    let batch = Batch::only(&bytes).unwrap();
    assert_eq!(
        batch.header().timestamp_type(),
        TimestampType::LogAppendTime
    );
    for record in &batch.records(0).unwrap() {
        assert_eq!(batch.header().timestamp_of(&record.unwrap()), T + 99);
    }
}
