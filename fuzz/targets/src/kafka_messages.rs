//! Kafka messages from a stranger: every request that a client may send us, every answer that a broker
//! may give to our own client, and what members of a group tell each other.
//!
//! ```text
//! how u8 | ...    0  which u16 | body               one message at one version
//!                 1  frame                          a request behind its header
//!                 2  which u16 | frame              an answer behind its header
//!                 3  which u16 | seed u8 | edit*    a made-up message, damaged: position u16, byte u8
//! ```

use std::sync::LazyLock;

use forebay_kafka::protocol::generated::*;
use forebay_kafka::protocol::{ApiKey, Message, Reader, Writer, api};

use crate::generated::for_each_message;
use crate::memory::{Bound, bounded};
use crate::source::{Fill, Source};

/// The densest honest frame is an array of empty strings, 24 bytes for each of one byte; a dishonest
/// one can have an array reserve for bytes that an array within it claims again.
const DECODED: Bound = Bound {
    base: 1 << 10,
    per_byte: 40,
};
/// A header borrows all it has.
const HEADER: Bound = Bound {
    base: 0,
    per_byte: 0,
};
/// The buffer of the answer, the one it grew from, and the places of what is not copied into it.
const ENCODED: Bound = Bound {
    base: 1 << 10,
    per_byte: 8,
};

/// One message at one version.
struct Kind {
    name: &'static str,
    version: i16,
    /// Reads, writes and reads again. Answers how many bytes were left, if it could be read.
    hold: fn(Reader<'_>, i16) -> Option<usize>,
    make_up: fn(u64, i16) -> Vec<u8>,
}

static KINDS: LazyLock<Vec<Kind>> = LazyLock::new(|| {
    let mut kinds = Vec::new();
    macro_rules! kind {
        ($message:ident) => {
            for version in $message::VERSIONS {
                kinds.push(Kind {
                    name: $message::NAME,
                    version,
                    hold: |mut reader, version| {
                        let bytes = reader.remaining();
                        let message = bounded($message::NAME, bytes, DECODED, || {
                            $message::decode(&mut reader, version)
                        });
                        let left = reader.remaining();
                        let Ok(message) = message else { return None };
                        let read = bytes - left;
                        let again = written(&message, version, read);
                        let reread = $message::decode(&mut Reader::new(&again), version);
                        let reread = reread.expect("what was written can be read");
                        // Compared as bytes: not every floating-point number equals itself.
                        assert_eq!(written(&reread, version, read), again, "{}", $message::NAME);
                        Some(left)
                    },
                    make_up: |seed, version| {
                        let message = $message::fill(&mut Source::new(seed), version);
                        written(&message, version, usize::MAX >> 8)
                    },
                });
            }
        };
    }
    for_each_message!(kind);
    kinds
});

/// What could be read at a version can be written at it.
fn written<'a, M: Message<'a>>(message: &M, version: i16, bytes: usize) -> Vec<u8> {
    let written = bounded(M::NAME, bytes, ENCODED, || {
        let mut writer = Writer::new();
        message.encode(&mut writer, version)?;
        writer.finish()
    });
    let rope = written.unwrap_or_else(|error| panic!("{} {version}: {error}", M::NAME));
    rope.into_bytes().to_vec()
}

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    match how % 4 {
        0 => {
            if let Some((kind, body)) = chosen(rest) {
                (kind.hold)(Reader::new(body), kind.version);
            }
        }
        1 => request(rest),
        2 => {
            if let Some((kind, frame)) = chosen(rest) {
                answer(kind, frame);
            }
        }
        _ => {
            if let Some(body) = chosen(rest).and_then(|(kind, rest)| damaged(kind, rest)) {
                let (kind, _) = chosen(rest).expect("it was just chosen");
                (kind.hold)(Reader::new(&body), kind.version);
            }
        }
    }
}

fn chosen(input: &[u8]) -> Option<(&'static Kind, &[u8])> {
    let (which, rest) = input.split_first_chunk()?;
    let which = usize::from(u16::from_be_bytes(*which)) % KINDS.len();
    Some((&KINDS[which], rest))
}

fn find(name: &str, version: i16) -> Option<&'static Kind> {
    let mut kinds = KINDS.iter();
    kinds.find(|kind| kind.name == name && kind.version == version)
}

/// As the gateway reads a request.
fn request(frame: &[u8]) {
    let head = bounded("a header", frame.len(), HEADER, || {
        api::decode_request_header(frame)
    });
    let Ok(head) = head else { return };
    assert!(head.body.remaining() < frame.len());
    if let Some(kind) = find(&format!("{}Request", head.key), head.version) {
        (kind.hold)(head.body, head.version);
    }
}

/// As the client reads an answer.
fn answer(kind: &Kind, frame: &[u8]) {
    let Some(name) = kind.name.strip_suffix("Response") else {
        return;
    };
    let key = ApiKey::ALL.iter().find(|key| key.to_string() == name);
    let key = *key.expect("answers are named after their keys");
    read_answer(key, kind, frame);
}

fn read_answer(key: ApiKey, kind: &Kind, frame: &[u8]) -> Option<usize> {
    let header = api::response_header_version(key, kind.version);
    let mut reader = Reader::new(frame);
    ResponseHeader::decode(&mut reader, header).ok()?;
    (kind.hold)(reader, kind.version)
}

/// Holds an answer of ours to what is expected of others: it can be read, to its end.
pub(crate) fn hold_answer(key: ApiKey, version: i16, frame: &[u8]) {
    let kind = find(&format!("{key}Response"), version).expect("a served key has answers");
    let left = read_answer(key, kind, frame);
    assert_eq!(left, Some(0), "{} {version} cannot be read", kind.name);
}

/// A made-up request with a header in front.
pub(crate) fn request_frame(key: ApiKey, version: i16) -> Vec<u8> {
    let kind = find(&format!("{key}Request"), version).expect("a served key has requests");
    framed(kind, &(kind.make_up)(7, version)).expect("it is a request")
}

fn damaged(kind: &Kind, input: &[u8]) -> Option<Vec<u8>> {
    let (seed, edits) = input.split_first()?;
    let mut body = (kind.make_up)(u64::from(*seed), kind.version);
    for edit in edits.chunks_exact(3) {
        let position = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        if position < body.len() {
            body[position] = edit[2];
        } else {
            // Beyond the end stands for a cut.
            body.truncate(body.len() / 2);
        }
    }
    Some(body)
}

/// One made-up message of every kind at its first and last version, bare and in its frame.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (index, kind) in KINDS.iter().enumerate() {
        let neighbour = |at: Option<usize>| at.and_then(|at| KINDS.get(at)).map(|kind| kind.name);
        let inner = neighbour(index.checked_sub(1)) == Some(kind.name)
            && neighbour(index.checked_add(1)) == Some(kind.name);
        if inner {
            continue;
        }
        let which = u16::try_from(index)
            .expect("a few hundred kinds")
            .to_be_bytes();
        let body = (kind.make_up)(7, kind.version);
        seeds.push([&[0], &which[..], &body].concat());
        seeds.push([&[3], &which[..], &[7, 0, 1, 0xff]].concat());
        if let Some(frame) = framed(kind, &body) {
            seeds.push([&[1], &frame[..]].concat());
        }
        if kind.name.ends_with("Response") {
            seeds.push([&[2], &which[..], &[0, 0, 0, 9, 0], &body].concat());
        }
    }
    seeds
}

/// A request with a header in front.
fn framed(kind: &Kind, body: &[u8]) -> Option<Vec<u8>> {
    let name = kind.name.strip_suffix("Request")?;
    let key = ApiKey::ALL.iter().find(|key| key.to_string() == name)?;
    let mut frame = i16::from(*key).to_be_bytes().to_vec();
    frame.extend(kind.version.to_be_bytes());
    frame.extend(b"\0\0\0\x09\0\x02me");
    if api::request_header_version(*key, kind.version) >= 2 {
        frame.push(0);
    }
    frame.extend(body);
    Some(frame)
}
