//! Headers and frames.

use bytes::{Buf, Bytes};
use forebay_kafka::protocol::api::{
    decode_request_header, decode_response, encode_request, encode_response,
    request_header_version, response_header_version,
};
use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{ApiKey, DecodeError, ErrorCode, Records};

/// A frame without its length, which must be right.
fn content(mut frame: impl Buf) -> Bytes {
    let length = frame.get_i32();
    assert_eq!(length as usize, frame.remaining());
    frame.copy_to_bytes(frame.remaining())
}

#[test]
fn header_versions_are_those_that_the_oracle_knows() {
    for &key in ApiKey::ALL {
        let oracle = kafka_protocol::messages::ApiKey::try_from(i16::from(key)).expect("known");
        for version in key.versions() {
            assert_eq!(
                request_header_version(key, version),
                oracle.request_header_version(version)
            );
            assert_eq!(
                response_header_version(key, version),
                oracle.response_header_version(version),
                "{key} {version}"
            );
        }
    }
}

#[test]
fn keys_lead_to_their_apis_and_back() {
    for &key in ApiKey::ALL {
        assert_eq!(ApiKey::try_from(i16::from(key)), Ok(key));
    }
    assert_eq!(ApiKey::try_from(4), Err(DecodeError::UnknownApiKey(4)));
    assert_eq!(
        ApiKey::DescribeTopicPartitions.to_string(),
        "DescribeTopicPartitions"
    );
}

#[test]
fn a_request_arrives_as_it_was_sent() {
    let request = MetadataRequest {
        topics: None,
        ..MetadataRequest::default()
    };
    for version in ApiKey::Metadata.versions().skip(1) {
        let frame = encode_request(version, 42, Some("tester"), &request).expect("can be said");
        let frame = content(frame);
        let head = decode_request_header(&frame).expect("was encoded so");
        assert_eq!((head.key, head.version), (ApiKey::Metadata, version));
        assert_eq!(head.header.correlation_id, 42);
        assert_eq!(head.header.client_id.as_deref(), Some("tester"));
        assert_eq!(
            head.decode_body::<MetadataRequest<'_>>(),
            Ok(request.clone())
        );
    }
}

/// Bytes as the Java client 4.3 sends them to find out what a broker can do.
#[test]
fn an_api_versions_request_of_a_real_client_is_understood() {
    let mut frame = b"\x00\x12\x00\x04\x00\x00\x00\x01\x00\x0aproducer-1\x00".to_vec();
    frame.extend(b"\x12apache-kafka-java\x064.3.0\x00");
    let head = decode_request_header(&frame).expect("is valid");
    assert_eq!(head.header.client_id.as_deref(), Some("producer-1"));
    let request: ApiVersionsRequest<'_> = head.decode_body().expect("is valid");
    assert_eq!(request.client_software_name, "apache-kafka-java");
    assert_eq!(request.client_software_version, "4.3.0");
}

#[test]
fn a_version_from_the_future_is_readable_enough_to_be_answered() {
    let mut frame = b"\x00\x12\x00\x63\x00\x00\x00\x07\x00\x03new\x00".to_vec();
    frame.extend(b"whatever the future holds");
    let head = decode_request_header(&frame).expect("its header is like today's");
    assert_eq!((head.version, head.header.correlation_id), (99, 7));
    let refused = DecodeError::UnsupportedVersion {
        message: "ApiVersionsRequest",
        version: 99,
    };
    assert_eq!(head.decode_body::<ApiVersionsRequest<'_>>(), Err(refused));
}

#[test]
fn a_response_to_api_versions_has_no_tagged_fields_in_its_header() {
    let response = ApiVersionsResponse {
        error_code: ErrorCode::UnsupportedVersion.into(),
        ..ApiVersionsResponse::default()
    };
    let frame = content(encode_response(4, 7, &response).expect("can be said"));
    assert_eq!(frame[..6], [0, 0, 0, 7, 0, 35]);
}

#[test]
fn bytes_after_a_request_are_ignored() {
    // librdkafka 2.16 sends some, and Kafka does not look at them either.
    let request = HeartbeatRequest::default();
    let frame = content(encode_request(4, 1, None, &request).expect("can be said"));
    let longer = [&frame[..], &[0]].concat();
    let head = decode_request_header(&longer).expect("the header is valid");
    assert_eq!(
        head.decode_body::<HeartbeatRequest<'_>>(),
        Ok(HeartbeatRequest::default())
    );
}

#[test]
fn fetched_records_go_out_from_where_they_lie() {
    let batch = Bytes::from(vec![7; 100_000]);
    let partition = fetch_response::PartitionData {
        records: Some(Records::from(vec![batch.clone(), batch.slice(50_000..)])),
        ..Default::default()
    };
    let topic = fetch_response::FetchableTopicResponse {
        topic: "orders".into(),
        partitions: vec![partition],
        ..Default::default()
    };
    let response = FetchResponse {
        responses: vec![topic],
        ..Default::default()
    };
    let frame = encode_response(12, 3, &response).expect("can be said");
    let places: Vec<_> = frame.pieces().map(|piece| piece.as_ptr()).collect();
    assert!(places.contains(&batch.as_ptr()) && places.contains(&batch[50_000..].as_ptr()));
    assert_eq!(frame.pieces().len(), 4);

    let frame = content(frame);
    let (correlation_id, received) =
        decode_response::<FetchResponse<'_>>(12, &frame).expect("sent so");
    assert_eq!((correlation_id, received), (3, response));
}

#[test]
fn produced_records_are_a_part_of_the_frame() {
    let records = Bytes::from(vec![7; 1000]);
    let partition = produce_request::PartitionProduceData {
        index: 0,
        records: Some(records.clone().into()),
    };
    let topic = produce_request::TopicProduceData {
        name: "orders".into(),
        partition_data: vec![partition],
        ..Default::default()
    };
    let request = ProduceRequest {
        topic_data: vec![topic],
        ..Default::default()
    };
    let frame = content(encode_request(9, 1, None, &request).expect("can be said"));

    let head = decode_request_header(&frame).expect("was encoded so");
    let received: ProduceRequest<'_> = head.decode_body().expect("was encoded so");
    let received = received.topic_data[0].partition_data[0]
        .records
        .as_ref()
        .expect("not null");
    let kept = received.to_bytes_in(&frame);
    assert_eq!(kept, records);
    assert!(frame.as_ptr_range().contains(&kept.as_ptr()));
}

#[test]
fn a_password_does_not_show_in_debug_output() {
    let request = SaslAuthenticateRequest {
        auth_bytes: b"\0user\0hunter2"[..].into(),
    };
    let rope = encode_request(2, 1, None, &request).expect("can be said");
    let frame = content(rope.clone());
    let head = decode_request_header(&frame).expect("was encoded so");
    for printed in [
        format!("{request:?}"),
        format!("{rope:?}"),
        format!("{head:?}"),
    ] {
        // As text, and as the numbers of which a slice of bytes is printed.
        assert!(!printed.contains("hunter2") && !printed.contains("104, 117"));
    }
}
