//! No bytes make a decoder panic, and none make it take memory.

use allocation_counter::measure;
use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::DecodeError;
use forebay_rabbit::amqp091::content::ContentHeader;
use forebay_rabbit::amqp091::frame::{Frame, FrameDecoder, FrameType, Greeting};
use forebay_rabbit::amqp091::method::{Method, MethodId};
use forebay_rabbit::amqp091::properties::Properties;
use forebay_rabbit::amqp091::table::{Table, TableView, Value};
use forebay_rabbit::limits::{FRAME_BYTES_MAX, TABLE_DEPTH_MAX};
use proptest::collection::vec;
use proptest::prelude::*;

use crate::made_up::{METHODS, MakeUp, Source, method_frame};

/// What is taken to share a buffer between slices, whatever is in it.
const SHARING_BYTES_MAX: u64 = 256;

/// Everything that can be done with a frame that someone sent.
fn do_all(frame: &Frame) {
    let _ = MethodId::peek(&frame.payload).map(MethodId::name);
    let _ = Method::decode(&frame.payload);
    if let Ok(header) = ContentHeader::decode(&frame.payload) {
        walk_properties(&header.properties);
    }
    // Also without a check before it.
    walk_properties(&Properties::from_validated(frame.payload.clone()));
    walk(Table::from_validated(frame.payload.clone()).view(), 0);
    if let Ok(table) = Table::parse(frame.payload.clone()) {
        assert!(walk(table.view(), 0) <= frame.payload.len());
    }
}

fn walk_properties(properties: &Properties) {
    let list = properties.to_list();
    let _ = (properties.cluster_id(), properties.is_persistent());
    if let Some(headers) = list.headers {
        walk(headers.view(), 0);
    }
}

/// Counts the values, as far down as a table that was checked can be.
fn walk(table: TableView<'_>, depth: usize) -> usize {
    let values = table.entries().map(|entry| entry.value);
    values.map(|value| walk_value(value, depth + 1)).sum()
}

fn walk_value(value: Value<'_>, depth: usize) -> usize {
    let below = match value {
        _ if depth > TABLE_DEPTH_MAX => 0,
        Value::Table(table) => walk(table, depth),
        Value::Array(array) => array
            .values()
            .map(|value| walk_value(value, depth + 1))
            .sum(),
        _ => 0,
    };
    1 + below
}

/// Reads everything there is, and answers how much memory that took.
fn read_all(bytes: &[u8]) -> u64 {
    let mut arrived = BytesMut::from(bytes);
    let taken = measure(|| {
        let frames = FrameDecoder::new(FRAME_BYTES_MAX);
        let _ = Greeting::decode(&mut arrived);
        let _ = frames.missing(&arrived);
        while let Ok(Some(frame)) = frames.decode(&mut arrived) {
            do_all(&frame);
        }
    });
    taken.bytes_max
}

fn frame_of(kind: FrameType, payload: &[u8]) -> Vec<u8> {
    let length = u32::try_from(payload.len()).unwrap().to_be_bytes();
    [&[kind as u8, 0, 1], &length[..], payload, &[0xce]].concat()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn random_bytes_are_survived(bytes in vec(any::<u8>(), 0..300)) {
        prop_assert!(read_all(&bytes) <= SHARING_BYTES_MAX);
        prop_assert!(read_all(&frame_of(FrameType::Method, &bytes)) <= SHARING_BYTES_MAX);
        let mut flags = vec![0, 60, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        flags.extend(&bytes);
        prop_assert!(read_all(&frame_of(FrameType::Header, &flags)) <= SHARING_BYTES_MAX);
    }

    #[test]
    fn damaged_frames_are_survived(which in 0..METHODS.len(), seed: u64, at: usize, octet: u8) {
        let mut frame = method_frame(&METHODS[which](&mut Source::new(seed)));
        let at = at % frame.len();
        frame[at] = octet;
        prop_assert!(read_all(&frame) <= SHARING_BYTES_MAX);
    }

    #[test]
    fn damaged_properties_are_survived(seed: u64, at: usize, octet: u8) {
        let properties = Properties::make_up(&mut Source::new(seed));
        let mut bytes = properties.as_bytes().to_vec();
        let at = at % bytes.len();
        bytes[at] = octet;
        if let Ok(properties) = Properties::parse(bytes.into()) {
            walk_properties(&properties);
        }
    }
}

#[test]
fn a_method_that_ends_early_is_refused_wherever_it_ends() {
    for make_up in METHODS {
        for seed in 0..20 {
            let method = make_up(&mut Source::new(seed));
            let frame = method_frame(&method);
            let payload = Bytes::copy_from_slice(&frame[7..frame.len() - 1]);
            for end in 0..payload.len() {
                let refused = Method::decode(&payload.slice(..end));
                assert!(refused.is_err(), "{method:?} until {end}");
            }
        }
    }
}

#[test]
fn properties_that_end_early_or_late_are_refused() {
    for seed in 0..200 {
        let properties = Properties::make_up(&mut Source::new(seed));
        let bytes = properties.as_bytes();
        for end in 0..bytes.len() {
            let refused = Properties::parse(bytes.slice(..end));
            assert_eq!(refused, Err(DecodeError::Truncated));
        }
        let longer = [bytes, &[0][..]].concat();
        let refused = Properties::parse(longer.into());
        assert_eq!(refused, Err(DecodeError::TrailingBytes(1)));
    }
}

#[test]
fn lengths_are_not_believed() {
    // A long string, a table and an array of 4 GiB each.
    let huge: [&[u8]; 3] = [
        b"\x01aS\xff\xff\xff\xff",
        b"\x01aF\xff\xff\xff\xff",
        b"\x01aA\xff\xff\xff\xff",
    ];
    for table in huge {
        let refused = Table::parse(Bytes::copy_from_slice(table));
        assert_eq!(refused, Err(DecodeError::Truncated));
    }
    // A frame of as much as may be announced, of which nothing comes.
    let head = [&[3, 0, 1], &(FRAME_BYTES_MAX - 8).to_be_bytes()[..]].concat();
    assert_eq!(read_all(&head), 0);
}

#[test]
fn tables_within_tables_end_before_the_stack_does() {
    // Each but the last says that all that follows is in it.
    let mut nested = Vec::new();
    for below in (0..20_000_u32).rev() {
        nested.extend_from_slice(b"\x00F");
        nested.extend_from_slice(&(below * 6).to_be_bytes());
    }
    let nested = Bytes::from(nested);
    assert_eq!(Table::parse(nested.clone()), Err(DecodeError::TableTooDeep));
    let unchecked = Table::from_validated(nested);
    assert_eq!(walk(unchecked.view(), 0), TABLE_DEPTH_MAX + 1);
}
