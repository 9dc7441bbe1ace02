//! Publishing, with confirmations if they are asked for.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::time::{Duration, Instant};

use bytes::{Buf, BytesMut};
use forebay_rabbit::amqp091::content::write_message;
use forebay_rabbit::amqp091::frame::FrameType;
use forebay_rabbit::amqp091::method::{basic, confirm};
use forebay_rabbit::amqp091::properties::{PERSISTENT, PropertyList};
use forebay_rabbit::limits::FRAME_BYTES_MAX;

use super::Load;
use super::connection::{CHANNEL, Connection, short};

/// Bytes that are sent at once where nothing holds the publisher back.
const WRITE_BYTES: usize = 64 << 10;
/// Class and method of `basic.ack`.
const ACK: [u8; 4] = [0, 60, 0, 80];

/// Sends all messages. Returns how long each confirmation took.
pub(super) fn run(load: &Load) -> io::Result<Vec<Duration>> {
    let mut connection = Connection::open(load.address)?;
    let message = encoded(load);
    if load.unconfirmed == 0 {
        let at_once = (WRITE_BYTES / message.len()).max(1) as u64;
        let many = message.repeat(at_once as usize);
        let mut left = load.messages;
        while left > 0 {
            let count = left.min(at_once);
            let bytes = count as usize * message.len();
            connection.stream.write_all(&many[..bytes])?;
            left -= count;
        }
        // Nothing is answered to what was published, but the declaration behind it is, in order.
        connection.declare(&load.queue, load.quorum)?;
        return Ok(Vec::new());
    }
    let select = confirm::Select::default();
    connection.ask(CHANNEL, &select, confirm::SelectOk::ID)?;
    let mut waiting = VecDeque::new();
    let mut latencies = Vec::with_capacity(load.messages as usize);
    let (mut sent, mut confirmed) = (0u64, 0u64);
    let mut out = Vec::new();
    while confirmed < load.messages {
        let room = load.unconfirmed - (sent - confirmed);
        let count = room.min(load.messages - sent);
        if count > 0 {
            out.clear();
            for _ in 0..count {
                out.extend_from_slice(&message);
            }
            let now = Instant::now();
            connection.stream.write_all(&out)?;
            waiting.extend((0..count).map(|_| now));
            sent += count;
        }
        let mut frame = Some(connection.next()?);
        while let Some(answer) = frame {
            if answer.kind == FrameType::Method {
                confirmed = confirmed.max(confirmation(&answer.payload)?);
            }
            frame = connection.buffered()?;
        }
        let now = Instant::now();
        while waiting.len() as u64 > sent - confirmed {
            latencies.extend(waiting.pop_front().map(|began| now - began));
        }
    }
    Ok(latencies)
}

/// The number of the newest message that is confirmed; those before it are counted as confirmed with it.
fn confirmation(mut payload: &[u8]) -> io::Result<u64> {
    if !payload.starts_with(&ACK) {
        return Err(io::Error::other(
            "the broker refused, or said something else",
        ));
    }
    payload.advance(ACK.len());
    Ok(payload.get_u64())
}

fn encoded(load: &Load) -> BytesMut {
    let publish = basic::Publish {
        routing_key: short(&load.queue),
        ..Default::default()
    };
    let properties = PropertyList {
        delivery_mode: load.persistent.then_some(PERSISTENT),
        ..PropertyList::default()
    };
    let body = vec![b'x'; load.body_bytes];
    let mut out = BytesMut::new();
    let properties = properties.encode();
    write_message(
        &mut out,
        CHANNEL,
        FRAME_BYTES_MAX,
        &publish,
        &properties,
        &body,
    );
    out
}
