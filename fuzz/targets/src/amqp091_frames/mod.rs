//! AMQP 0-9-1 from a stranger: what a client or a broker sends, down to tables within tables.
//!
//! ```text
//! how u8 | ...    0  piece u8 | stream              frames, which arrive in pieces of that size
//!                 1  payload                        of a method frame
//!                 2  properties                     behind a content header
//!                 3  table
//!                 4  which u8 | seed u8 | edit*     a made-up method, damaged: position u16, byte u8
//! ```

// Made-up methods, which the tests of the gateway begin with too.
#[path = "../../../../crates/rabbit/tests/amqp091/made_up.rs"]
mod made_up;
#[path = "../../../../crates/rabbit/tests/amqp091/methods.rs"]
mod methods;

use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::DecodeError;
use forebay_rabbit::amqp091::content::{ContentHeader, write_content};
use forebay_rabbit::amqp091::frame::{Frame, FrameDecoder, FrameType, Greeting};
use forebay_rabbit::amqp091::method::Method;
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::{ArrayBuilder, Table, TableBuilder, TableView, Value};
use forebay_rabbit::limits::FRAME_BYTES_MIN;

use self::made_up::{METHODS, MakeUp, Source, method_frame};
use crate::memory::{Bound, bounded};

/// What is read shares the bytes that arrived; to share them takes one small allocation.
const DECODED: Bound = Bound {
    base: 256,
    per_byte: 0,
};
/// The buffer, and the one it grew from.
const ENCODED: Bound = Bound {
    base: 1 << 10,
    per_byte: 6,
};

/// Runs the target.
pub(crate) fn run(input: &[u8]) {
    let Some((how, rest)) = input.split_first() else {
        return;
    };
    match how % 5 {
        0 => stream(rest),
        1 => method(&Bytes::copy_from_slice(rest)),
        2 => properties(Bytes::copy_from_slice(rest)),
        3 => table(Bytes::copy_from_slice(rest)),
        _ => {
            if let Some(damaged) = damaged(rest) {
                method(&damaged);
            }
        }
    }
}

/// Frames are the same in whatever pieces they arrive, and so is what is wrong with them.
fn stream(input: &[u8]) {
    let Some((piece, stream)) = input.split_first() else {
        return;
    };
    let mut whole = BytesMut::from(stream);
    let _ = Greeting::decode(&mut whole);
    let stream = whole.to_vec();
    let (frames, end) = frames(&mut whole);
    let mut arrived = BytesMut::new();
    let mut in_pieces = Vec::new();
    let mut error = None;
    for piece in stream.chunks(usize::from(*piece).max(1)) {
        arrived.extend_from_slice(piece);
        let (more, end) = self::frames(&mut arrived);
        in_pieces.extend(more);
        error = end;
        if error.is_some() {
            break;
        }
    }
    assert_eq!((&in_pieces, error), (&frames, end));
    for frame in &frames {
        match frame.kind {
            FrameType::Method => method(&frame.payload),
            FrameType::Header => header(&frame.payload),
            FrameType::Body | FrameType::Heartbeat => {}
        }
    }
}

fn frames(arrived: &mut BytesMut) -> (Vec<Frame>, Option<DecodeError>) {
    let decoder = FrameDecoder::new(FRAME_BYTES_MIN);
    let mut frames = Vec::new();
    loop {
        let missing = decoder.missing(arrived);
        let frame = bounded("a frame", 0, DECODED, || decoder.decode(arrived));
        match frame {
            Ok(Some(frame)) => {
                assert_eq!(missing, Ok(0));
                frames.push(frame);
            }
            Ok(None) => {
                assert!(missing.is_ok_and(|missing| missing > 0));
                return (frames, None);
            }
            Err(error) => return (frames, Some(error)),
        }
    }
}

/// What was read can be written, and reads the same. Only bits that mean nothing are lost.
fn method(payload: &Bytes) {
    let method = bounded("a method", payload.len(), DECODED, || {
        Method::decode(payload)
    });
    let Ok(method) = method else { return };
    let mut frame = bounded(method.name(), payload.len(), ENCODED, || {
        method_frame(&method)
    });
    assert_eq!(frame.len(), payload.len() + 8, "{}", method.name());
    let decoder = FrameDecoder::new(u32::MAX);
    let frame = decoder.decode(&mut frame).expect("it was just written");
    let again = Method::decode(&frame.expect("it is whole").payload);
    assert_eq!(again, Ok(method));
}

fn header(payload: &Bytes) {
    let header = bounded("a header", payload.len(), DECODED, || {
        ContentHeader::decode(payload)
    });
    let Ok(header) = header else { return };
    let mut frames = BytesMut::new();
    write_content(&mut frames, 1, FRAME_BYTES_MIN, &header.properties, &[]);
    assert_eq!(frames[19..frames.len() - 1], payload[12..], "as they came");
    properties(header.properties.as_bytes().clone());
}

fn properties(bytes: Bytes) {
    let parsed = bounded("properties", bytes.len(), DECODED, || {
        Properties::parse(bytes.clone())
    });
    let Ok(parsed) = parsed else {
        // Without the check before it there are wrong ones, and no panic.
        look(&Properties::from_validated(bytes));
        return;
    };
    let list = look(&parsed);
    assert_eq!(list.encode().as_bytes(), &bytes, "nothing is lost");
    if let Some(headers) = list.headers {
        table(headers.as_bytes().clone());
    }
}

/// Reads each property alone, and all together.
fn look(properties: &Properties) -> PropertyList {
    bounded("properties", 0, DECODED, || {
        let list = properties.to_list();
        let last = (properties.headers(), properties.cluster_id());
        if list != PropertyList::default() {
            assert_eq!(last, (list.headers.clone(), list.cluster_id.clone()));
        }
        list
    })
}

fn table(bytes: Bytes) {
    let parsed = bounded("a table", bytes.len(), DECODED, || {
        Table::parse(bytes.clone())
    });
    let Ok(parsed) = parsed else {
        let _ = Table::from_validated(bytes).entries().count();
        return;
    };
    let mut copied = TableBuilder::new();
    for entry in parsed.entries() {
        copied.copy(entry);
    }
    assert_eq!(copied.build(), parsed, "everything is found");
    let written = rewritten(parsed.view());
    // Compared as what is written of it: not every floating-point number equals itself.
    let parsed = Table::parse(written.clone().build().as_bytes().clone());
    let parsed = parsed.expect("what was written can be read");
    assert_eq!(rewritten(parsed.view()).build(), written.build());
}

/// The same table, value by value.
fn rewritten(table: TableView<'_>) -> TableBuilder {
    let mut written = TableBuilder::new();
    for entry in table.entries() {
        with_rewritten(entry.value, &mut |value| {
            let put = written.try_put(entry.name, value);
            put.expect("it was a name before");
        });
    }
    written
}

fn with_rewritten(value: Value<'_>, take: &mut dyn FnMut(Value<'_>)) {
    match value {
        Value::Table(table) => take(Value::Table(rewritten(table).view())),
        Value::Array(array) => {
            let mut written = ArrayBuilder::new();
            for value in array.values() {
                with_rewritten(value, &mut |value| {
                    written.push(value);
                });
            }
            take(Value::Array(written.view()));
        }
        other => take(other),
    }
}

/// The payload of a made-up method after some edits.
fn damaged(input: &[u8]) -> Option<Bytes> {
    let ([which, seed], edits) = input.split_first_chunk()?;
    let method = METHODS[usize::from(*which) % METHODS.len()];
    let frame = method_frame(&method(&mut Source::new(u64::from(*seed))));
    let mut payload = frame[7..frame.len() - 1].to_vec();
    for edit in edits.chunks_exact(3) {
        let position = usize::from(u16::from_be_bytes([edit[0], edit[1]]));
        if position < payload.len() {
            payload[position] = edit[2];
        } else {
            // Beyond the end stands for a cut.
            payload.truncate(payload.len() / 2);
        }
    }
    Some(payload.into())
}

/// Each method, bare, framed and damaged; a message; properties and tables.
pub(crate) fn seeds() -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    let greeting = b"AMQP\0\x00\x09\x01";
    for (which, make_up) in (0u8..).zip(METHODS) {
        let frame = method_frame(&make_up(&mut Source::new(7)));
        seeds.push([&[1], &frame[7..frame.len() - 1]].concat());
        seeds.push([&[0, 3], &greeting[..], &frame].concat());
        seeds.push(vec![4, which, 7, 0, 5, 0xff]);
    }
    for seed in 0..10 {
        let properties = Properties::make_up(&mut Source::new(seed));
        seeds.push([&[2], &properties.as_bytes()[..]].concat());
        let table = Table::make_up(&mut Source::new(seed));
        seeds.push([&[3], &table.as_bytes()[..]].concat());
        let mut message = BytesMut::new();
        write_content(&mut message, 1, FRAME_BYTES_MIN, &properties, b"body");
        seeds.push([&[0, 100], &message[..]].concat());
    }
    seeds
}
