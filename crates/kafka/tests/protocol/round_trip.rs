//! What is encoded decodes to the same.

use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{EncodeError, Message, Reader, Str};
use uuid::Uuid;

use crate::encoded;
use crate::generated::for_each_message;
use crate::source::{Fill, Source};

/// Made-up messages for every version of every kind.
const MESSAGES: u64 = 40;

#[test]
fn every_message_comes_back_at_every_version() {
    macro_rules! come_back {
        ($message:ident) => {
            for version in $message::VERSIONS {
                for seed in 0..MESSAGES {
                    let context = format!("{} {version}, seed {seed}", $message::NAME);
                    let sent = $message::fill(&mut Source::new(seed), version);
                    let bytes = encoded(&sent, version).expect(&context);

                    let mut reader = Reader::new(&bytes);
                    let received = $message::decode(&mut reader, version).expect(&context);
                    assert_eq!(reader.expect_end(), Ok(()), "{context}");
                    assert_eq!(received, sent, "{context}");
                    assert_eq!(
                        encoded(&received, version).expect(&context),
                        bytes,
                        "{context}"
                    );
                }
            }
        };
    }
    for_each_message!(come_back);
}

#[test]
fn a_default_message_can_be_said_at_every_version() {
    macro_rules! say_default {
        ($message:ident) => {
            for version in $message::VERSIONS {
                let context = format!("{} {version}", $message::NAME);
                let bytes = encoded(&$message::default(), version).expect(&context);
                let received = $message::decode(&mut Reader::new(&bytes), version);
                assert_eq!(received.expect(&context), $message::default(), "{context}");
            }
        };
    }
    for_each_message!(say_default);
}

#[test]
fn versions_that_do_not_exist_are_refused() {
    macro_rules! refuse {
        ($message:ident) => {
            for version in [$message::VERSIONS.start() - 1, $message::VERSIONS.end() + 1] {
                let bytes = [0; 1024];
                assert!($message::decode(&mut Reader::new(&bytes), version).is_err());
                assert!(encoded(&$message::default(), version).is_err());
            }
        };
    }
    for_each_message!(refuse);
}

#[test]
fn the_version_that_is_not_settled_yet_is_left_out() {
    assert_eq!(*InitProducerIdRequest::VERSIONS.end(), 5);
    assert_eq!(*InitProducerIdResponse::VERSIONS.end(), 5);
}

#[test]
fn a_field_that_must_not_be_dropped_is_not_dropped() {
    let request = FetchRequest {
        replica_id: 7,
        ..FetchRequest::default()
    };
    assert!(encoded(&request, 14).is_ok());
    let refused = EncodeError::UnsupportedField {
        field: "FetchRequest.ReplicaId",
        version: 15,
    };
    assert_eq!(encoded(&request, 15), Err(refused));
}

#[test]
fn a_field_that_may_be_dropped_is_dropped() {
    let topic = fetch_request::FetchTopic {
        topic: "orders".into(),
        topic_id: Uuid::from_u128(1),
        ..Default::default()
    };
    let request = FetchRequest {
        topics: vec![topic],
        ..FetchRequest::default()
    };
    let decode = |version| {
        let bytes = encoded(&request, version).expect("both are ignorable");
        let request = FetchRequest::decode(&mut Reader::new(&bytes), version).expect("encoded so");
        (
            request.topics[0].topic.clone().into_static(),
            request.topics[0].topic_id,
        )
    };
    assert_eq!(decode(12), (Str::from("orders"), Uuid::nil()));
    assert_eq!(decode(13), (Str::default(), Uuid::from_u128(1)));
}

#[test]
fn null_where_it_cannot_be_said_is_refused() {
    let request = MetadataRequest {
        topics: None,
        ..MetadataRequest::default()
    };
    let refused = EncodeError::UnexpectedNull {
        field: "MetadataRequest.Topics",
        version: 0,
    };
    assert_eq!(encoded(&request, 0), Err(refused));
    assert!(encoded(&request, 1).is_ok());
}
