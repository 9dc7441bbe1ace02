//! Bytes from a stranger: no panic, and no memory beyond a small multiple of what was sent.

use allocation_counter::measure;
use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{DecodeError, Message, Reader, api};

use crate::encoded;
use crate::generated::for_each_message;
use crate::source::{Fill, Source};

/// Frames for every version of every kind of message.
const FRAMES: u64 = 60;

/// What a decode may take besides a multiple of the frame.
const BASE_BYTES: u64 = 64 * 1024;
/// That multiple. The densest honest frame is an array of empty strings, 24 bytes for each of one
/// byte; a dishonest one can have an array reserve for bytes that an array within it claims again.
const BYTES_PER_BYTE: u64 = 40;

/// Decodes, and answers the outcome without what it borrows.
macro_rules! decode_measured {
    ($message:ident, $bytes:expr, $version:expr) => {{
        let bytes: &[u8] = $bytes;
        let mut outcome = None;
        let taken = measure(|| {
            let decoded = $message::decode(&mut Reader::new(bytes), $version);
            outcome = Some(decoded.map(drop));
        });
        let bound = BASE_BYTES + BYTES_PER_BYTE * bytes.len() as u64;
        assert!(
            taken.bytes_max <= bound,
            "{} {} took {} bytes for {}",
            $message::NAME,
            $version,
            taken.bytes_max,
            bytes.len(),
        );
        outcome.expect("the closure has run")
    }};
}

#[test]
fn no_bytes_make_a_decoder_panic_or_take_much_memory() {
    macro_rules! attack {
        ($message:ident) => {
            for version in $message::VERSIONS {
                for seed in 0..FRAMES {
                    let mut source = Source::new(seed);
                    let message = $message::fill(&mut source, version);
                    let valid = encoded(&message, version).expect("made up for this version");
                    let hostile = disturbed(&mut source, valid);
                    let _ = decode_measured!($message, &hostile, version);
                }
            }
        };
    }
    for_each_message!(attack);
}

/// One of the ways in which a frame can be wrong.
fn disturbed(source: &mut Source, mut valid: Vec<u8>) -> Vec<u8> {
    let at = source.below(valid.len().max(1));
    match source.below(6) {
        // Cut off.
        0 => valid.truncate(at),
        // A bit turned over.
        1 if !valid.is_empty() => valid[at] ^= 1 << source.below(8),
        // A length that claims the most, as a varint and as an int.
        2 => valid
            .splice(at.., [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0])
            .for_each(drop),
        3 => valid
            .splice(at.., [0x7f, 0xff, 0xff, 0xff, 0, 0, 0, 0])
            .for_each(drop),
        // Small numbers, which are plausible as lengths and lead deep into a message.
        4 => {
            let length = source.below(4096);
            valid = (0..length).map(|_| source.below(4) as u8).collect();
        }
        // Anything.
        _ => {
            let length = source.below(4096);
            valid = source.bytes(length);
        }
    }
    valid
}

#[test]
fn every_proper_prefix_of_a_message_is_refused() {
    macro_rules! cut {
        ($message:ident) => {
            for version in $message::VERSIONS {
                let message = $message::fill(&mut Source::new(7), version);
                let valid = encoded(&message, version).expect("made up for this version");
                for length in 0..valid.len() {
                    let outcome = $message::decode(&mut Reader::new(&valid[..length]), version);
                    assert!(
                        outcome.is_err(),
                        "{} {version} cut at {length}",
                        $message::NAME
                    );
                }
            }
        };
    }
    for_each_message!(cut);
}

/// Eleven bytes on which a decoder that trusts the count asks for 309 GB.
#[test]
fn a_metadata_request_that_claims_four_billion_topics_costs_nothing() {
    let bomb = [0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0, 0, 0, 0];
    let taken = measure(|| {
        let outcome = MetadataRequest::decode(&mut Reader::new(&bomb), 12);
        let count = u32::MAX as usize - 1;
        assert_eq!(
            outcome,
            Err(DecodeError::ArrayTooLong {
                count,
                remaining: 6
            })
        );
    });
    assert_eq!(taken.bytes_total, 0);
}

/// The densest honest frame: every byte is an element.
#[test]
fn an_array_of_empty_strings_stays_within_the_bound() {
    let count = 1_000_000_u32;
    // The longest list of plain strings that a client sends without being known: group ids.
    let mut bytes = count.to_be_bytes().to_vec();
    bytes.resize(4 + 2 * count as usize, 0);
    bytes.push(0);
    assert_eq!(decode_measured!(DescribeGroupsRequest, &bytes, 3), Ok(()));

    let mut bytes = vec![0xc1, 0x84, 0x3d];
    bytes.resize(3 + count as usize, 1);
    bytes.extend([0, 0]);
    assert_eq!(decode_measured!(DescribeGroupsRequest, &bytes, 5), Ok(()));
}

#[test]
fn no_bytes_make_a_header_panic() {
    for seed in 0..100_000 {
        let mut source = Source::new(seed);
        let length = source.below(64);
        let mut frame = source.bytes(length);
        if let [_, key, _, version, ..] = frame.as_mut_slice() {
            *key %= 80;
            *version %= 16;
            frame[0] = 0;
            frame[2] = 0;
        }
        if let Ok(head) = api::decode_request_header(&frame) {
            assert!(head.body.remaining() < frame.len());
        }
    }
}
