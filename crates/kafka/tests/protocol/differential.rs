//! The same bytes and the same meaning as the `kafka-protocol` crate, which has been generated
//! from the schemas of Kafka 4.1 by other means.

use bytes::{Bytes, BytesMut};
use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{ErrorCode, Message, Reader};
use kafka_protocol::error::ResponseError;
use kafka_protocol::messages as oracle;
use kafka_protocol::protocol::{Decodable, Encodable, Message as _};

use crate::debug_tree::Tree;
use crate::encoded;
use crate::generated::for_each_message;
use crate::source::{Fill, Source};

/// Made-up messages for every version of every kind.
const MESSAGES: u64 = 40;

#[test]
fn both_write_the_same_bytes_and_read_the_same_values() {
    let mut compared = 0;
    macro_rules! compare {
        ($message:ident) => {
            let known = oracle::$message::VERSIONS;
            for version in $message::VERSIONS {
                if version < known.min || known.max < version {
                    continue;
                }
                for seed in 0..MESSAGES {
                    let context = format!("{} {version}, seed {seed}", $message::NAME);
                    let ours = $message::fill(&mut Source::new(seed), version);
                    let bytes = Bytes::from(encoded(&ours, version).expect(&context));

                    let mut rest = bytes.clone();
                    let theirs = oracle::$message::decode(&mut rest, version).expect(&context);
                    assert!(rest.is_empty(), "{context}: the oracle left {rest:?}");
                    let ours_printed = Tree::parse(&format!("{ours:?}"));
                    let theirs_printed = Tree::parse(&format!("{theirs:?}"));
                    let difference = ours_printed.difference(&theirs_printed);
                    assert_eq!(difference, None, "{context}");

                    let mut again = BytesMut::new();
                    theirs.encode(&mut again, version).expect(&context);
                    assert_eq!(again, bytes, "{context}");
                    let received = $message::decode(&mut Reader::new(&again), version);
                    assert_eq!(received.expect(&context), ours, "{context}");
                }
                compared += 1;
            }
        };
    }
    for_each_message!(compare);
    // So that an oracle that has nothing left to say is noticed.
    assert!(compared > 300, "only {compared} versions compared");
}

#[test]
fn error_codes_mean_the_same() {
    let mut compared = 0;
    for &error in ErrorCode::ALL {
        let Some(theirs) = ResponseError::try_from_code(error.code()) else {
            continue;
        };
        // The oracle takes codes that it does not know for client-side ones.
        if matches!(theirs, ResponseError::Unknown(_)) {
            continue;
        }
        assert_eq!(format!("{error:?}"), format!("{theirs:?}"));
        // Kafka's own class says that this one is retriable; the oracle says otherwise.
        if error != ErrorCode::ConcurrentTransactions {
            assert_eq!(error.is_retriable(), theirs.is_retriable(), "{error}");
        }
        compared += 1;
    }
    assert!(compared > 100, "only {compared} codes compared");
}
