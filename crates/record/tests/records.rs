//! Opened batches: malformed records are named by their position, and an opened batch can be walked,
//! recompressed and compacted without losing a byte of what stays.

#![allow(clippy::unwrap_used, reason = "a test helper fails by panicking")]

use bytes::Bytes;
use forebay_record::{
    Batch, BatchBuilder, BatchHeader, Compression, Error, RecordHeader, Records, Retained, crc32c,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

const LIMIT: usize = 1 << 24;

type OwnedHeader = (String, Option<Vec<u8>>);

/// A message as a client would hand it in.
#[derive(Clone, Debug)]
struct Message {
    timestamp_ms: i64,
    key: Option<Vec<u8>>,
    value: Option<Vec<u8>>,
    headers: Vec<OwnedHeader>,
}

fn message() -> impl Strategy<Value = Message> {
    let timestamp = prop_oneof![Just(-1), 0..2_000_000_000_000i64, Just(i64::MAX - 1)];
    let header = ("[a-z]{0,12}", option::of(vec(any::<u8>(), 0..20)));
    let value = option::of(prop_oneof![
        vec(any::<u8>(), 0..200),
        // Long and repetitive, so that codecs really match, across blocks too.
        (any::<[u8; 7]>(), 0..20_000usize).prop_map(|(unit, times)| unit.repeat(times)),
    ]);
    (
        timestamp,
        option::of(vec(any::<u8>(), 0..40)),
        value,
        vec(header, 0..4),
    )
        .prop_map(|(timestamp_ms, key, value, headers)| Message {
            timestamp_ms,
            key,
            value,
            headers,
        })
}

fn codec() -> impl Strategy<Value = Compression> {
    prop::sample::select(&Compression::ALL)
}

fn build(messages: &[Message], codec: Compression) -> Bytes {
    let mut batch = BatchBuilder::new().base_offset(500).compression(codec);
    for Message {
        timestamp_ms,
        key,
        value,
        headers,
    } in messages
    {
        let headers: Vec<_> = headers
            .iter()
            .map(|(key, value)| RecordHeader {
                key: key.as_bytes(),
                value: value.as_deref(),
            })
            .collect();
        batch
            .add(*timestamp_ms, key.as_deref(), value.as_deref(), &headers)
            .unwrap();
    }
    batch.build().unwrap()
}

/// Checks that `batch` holds `messages`, each at its absolute offset.
fn assert_holds(batch: &Batch<'_>, messages: &[(i64, &Message)]) {
    batch.verify_stored().unwrap();
    let set = batch.records(LIMIT).unwrap();
    let summary = set.validate().unwrap();
    assert_eq!(summary.records, messages.len());
    assert_eq!(summary.max_timestamp, batch.header().max_timestamp);
    assert_eq!(set.iter().count(), messages.len());
    for (record, (offset, message)) in set.iter().zip(messages) {
        let record = record.unwrap();
        assert_eq!(batch.header().offset_of(&record), *offset);
        assert_eq!(batch.header().timestamp_of(&record), message.timestamp_ms);
        assert_eq!(record.key, message.key.as_deref());
        assert_eq!(record.value, message.value.as_deref());
        let headers: Vec<OwnedHeader> = record
            .headers
            .map(|header| header.unwrap())
            .map(|h| {
                (
                    String::from_utf8(h.key.to_vec()).unwrap(),
                    h.value.map(<[u8]>::to_vec),
                )
            })
            .collect();
        assert_eq!(headers, message.headers);
    }
}

fn at_offsets(messages: &[Message]) -> Vec<(i64, &Message)> {
    (500..).zip(messages).collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn what_is_built_is_what_is_walked(messages in vec(message(), 1..12), codec in codec()) {
        let bytes = build(&messages, codec);
        let batch = Batch::only(&bytes).unwrap();
        batch.validate_produced().unwrap();
        prop_assert_eq!(batch.header().compression(), Ok(codec));
        assert_holds(&batch, &at_offsets(&messages));
    }

    #[test]
    fn recompression_changes_nothing_but_the_codec(
        messages in vec(message(), 1..12), from in codec(), to in codec(),
    ) {
        let bytes = build(&messages, from);
        let batch = Batch::only(&bytes).unwrap();
        let recompressed = batch.records(LIMIT).unwrap().recompress(to).unwrap();
        prop_assert_eq!(&recompressed, &build(&messages, to));
    }

    #[test]
    fn compaction_keeps_exactly_the_chosen_records(
        messages in vec((message(), any::<bool>()), 1..12),
        codec in codec(),
        horizon in option::of(0..i64::MAX),
    ) {
        let (messages, flags): (Vec<_>, Vec<_>) = messages.into_iter().unzip();
        let bytes = build(&messages, codec);
        let batch = Batch::only(&bytes).unwrap();
        let kept: Vec<_> = at_offsets(&messages)
            .into_iter()
            .zip(&flags)
            .filter_map(|(message, keep)| keep.then_some(message))
            .collect();
        let retained = batch
            .records(LIMIT)
            .unwrap()
            .retain(horizon, |offset, _| flags[usize::try_from(offset - 500).unwrap()]);
        let horizon = horizon.filter(|_| kept.iter().any(|(_, message)| message.value.is_none()));
        match retained.unwrap() {
            Retained::Empty => prop_assert!(kept.is_empty()),
            Retained::KeptAll => prop_assert!(kept.len() == messages.len() && horizon.is_none()),
            Retained::Rewritten(bytes) => {
                let rewritten = Batch::only(&bytes).unwrap();
                let (old, new) = (batch.header(), rewritten.header());
                prop_assert_eq!(new.delete_horizon_ms(), horizon);
                prop_assert_eq!(new.last_offset_delta, old.last_offset_delta);
                prop_assert_eq!(new.compression(), Ok(codec));
                assert_holds(&rewritten, &kept);
            }
        }
    }
}

/// A batch around the plain bytes of records, whatever they are.
fn around(records: &[u8], record_count: i32) -> Vec<u8> {
    let mut batch = BatchBuilder::new();
    batch.add(0, None, None, &[]).unwrap();
    let mut header = BatchHeader::parse(&batch.build().unwrap()).unwrap();
    header.batch_length = i32::try_from(49 + records.len()).unwrap();
    (header.record_count, header.last_offset_delta) = (record_count, record_count - 1);
    let mut bytes = [&header.encode()[..], records].concat();
    let crc = crc32c(&bytes[21..]);
    bytes[17..21].copy_from_slice(&crc.to_be_bytes());
    bytes
}

#[test]
fn a_malformed_record_is_named_by_its_position() {
    // Length, attributes, timestamp delta, offset delta, null key, null value, no headers.
    const FIRST: [u8; 7] = [12, 0, 0, 0, 1, 1, 0];
    let cases: [(&[u8], &str); 17] = [
        (&[], "a varint runs past the end"),
        (
            &[0xff, 0xff, 0xff, 0xff, 0x1f],
            "a varint does not fit 32 bits",
        ),
        (&[1], "the record has a negative length"),
        (&[3], "a length is negative"),
        (
            &[14, 0, 0, 2, 1, 1, 0],
            "the record runs past the end of the batch",
        ),
        (&[0], "the record is empty"),
        (&[12, 0, 0, 0, 1, 1, 0], "the offset does not rise"),
        (
            &[12, 0, 0, 4, 1, 1, 0],
            "the offset is beyond the last of the batch",
        ),
        (&[12, 0, 0, 2, 3, 1, 0], "a length is negative"),
        (
            &[12, 0, 0, 2, 8, 1, 0],
            "the key runs past the end of the record",
        ),
        (
            &[12, 0, 0, 2, 1, 8, 0],
            "the value runs past the end of the record",
        ),
        (&[12, 0, 0, 2, 1, 1, 1], "the header count is negative"),
        (&[12, 0, 0, 2, 1, 1, 2], "more headers than bytes for them"),
        (&[14, 0, 0, 2, 1, 1, 0, 9], "bytes follow the last header"),
        (&[16, 0, 0, 2, 1, 1, 2, 1, 1], "a header key is null"),
        (
            &[18, 0, 0, 2, 1, 1, 2, 0, 1, 9],
            "bytes follow the last header",
        ),
        (&[12, 0, 3, 2, 1, 1, 0], "the timestamp is negative"),
    ];
    for (second, what) in cases {
        let bytes = around(&[&FIRST[..], second].concat(), 2);
        let batch = Batch::only(&bytes).unwrap();
        batch.validate_produced().unwrap();
        let answer = batch.records(LIMIT).unwrap().validate();
        assert_eq!(answer, Err(Error::Record { index: 1, what }));
    }
    let surplus = around(&[&FIRST[..], &[12, 0, 0, 2, 1, 1, 0], b"x"].concat(), 2);
    let records = Batch::only(&surplus)
        .unwrap()
        .records(LIMIT)
        .unwrap()
        .validate();
    assert_eq!(
        records,
        Err(Error::Record {
            index: 2,
            what: "bytes follow the last record"
        })
    );
}

#[test]
fn a_walk_ends_at_its_first_error() {
    let mut records = Records::new(&[12, 0, 0, 0, 1, 1, 0, 0xff], 5);
    assert!(records.next().unwrap().is_ok());
    assert!(records.next().unwrap().is_err());
    assert!(records.next().is_none());
}

#[test]
fn records_without_a_key_and_tombstones_are_found() {
    let mut batch = BatchBuilder::new();
    batch.add(10, Some(b"a"), None, &[]).unwrap();
    batch.add(30, Some(b"b"), Some(b"v"), &[]).unwrap();
    batch.add(20, None, Some(b"v"), &[]).unwrap();
    batch.add(30, None, None, &[]).unwrap();
    let bytes = batch.build().unwrap();
    let summary = Batch::only(&bytes)
        .unwrap()
        .records(0)
        .unwrap()
        .validate()
        .unwrap();
    assert_eq!(
        (summary.first_without_key, summary.tombstones),
        (Some(2), 2)
    );
    assert_eq!(
        (summary.max_timestamp, summary.max_timestamp_offset_delta),
        (30, 1)
    );
}
