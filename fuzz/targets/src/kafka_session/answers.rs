//! What comes back: an answer to each request, in order, that can be read.

use forebay_kafka::protocol::{ApiKey, api};

use crate::kafka_messages;

/// A request as far as its answer depends on it.
#[derive(Debug)]
struct Asked {
    key: ApiKey,
    version: i16,
    correlation_id: i32,
}

/// Holds what was answered against what was sent.
pub(super) fn hold(sent: &[u8], answered: &[u8]) {
    let mut asked = frames(sent).filter_map(head);
    let mut rest = answered;
    for frame in frames(answered) {
        rest = &rest[4 + frame.len()..];
        let id = frame.first_chunk().copied().map(i32::from_be_bytes);
        let id = id.expect("an answer has a correlation id");
        // Only a producer may have asked for no answer.
        let request = asked
            .by_ref()
            .find(|asked| asked.correlation_id == id || asked.key != ApiKey::Produce);
        let request = request.expect("an answer has a request");
        assert_eq!(request.correlation_id, id, "answers keep the order");
        let is_known = request.key.versions().contains(&request.version);
        // The only request whose version may be unknown is answered in a form that all know.
        let version = if is_known { request.version } else { 0 };
        kafka_messages::hold_answer(request.key, version, frame);
    }
    assert!(rest.is_empty(), "the last answer is whole");
}

fn head(frame: &[u8]) -> Option<Asked> {
    let head = api::decode_request_header(frame).ok()?;
    Some(Asked {
        key: head.key,
        version: head.version,
        correlation_id: head.header.correlation_id,
    })
}

/// The whole frames of a stream.
fn frames(mut stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (length, rest) = stream.split_first_chunk()?;
        let length = usize::try_from(i32::from_be_bytes(*length)).ok()?;
        let (frame, rest) = rest.split_at_checked(length)?;
        stream = rest;
        Some(frame)
    })
}
