//! Consuming, with acknowledgements of several messages at a time.

use std::io::{self, Write};

use bytes::{Buf, BytesMut};
use forebay_rabbit::amqp091::frame::{FrameType, write_method};
use forebay_rabbit::amqp091::method::basic;

use super::Load;
use super::connection::{CHANNEL, Connection};

/// Class and method of `basic.deliver`.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// Takes so many messages.
pub(super) fn run(load: &Load, messages: u64) -> io::Result<()> {
    let mut connection = Connection::open(load.address)?;
    connection.consume(&load.queue, load.prefetch)?;
    let (mut taken, mut acked) = (0u64, 0u64);
    let mut out = BytesMut::new();
    while taken < messages {
        let frame = connection.next()?;
        if frame.kind != FrameType::Method || !frame.payload.starts_with(&DELIVER) {
            continue;
        }
        let mut fields = &frame.payload[DELIVER.len()..];
        let tag_bytes = usize::from(fields.get_u8());
        fields.advance(tag_bytes);
        let delivery_tag = fields.get_u64();
        taken += 1;
        if taken - acked >= load.ack_every || taken == messages {
            acked = taken;
            let ack = basic::Ack {
                delivery_tag,
                multiple: true,
            };
            out.clear();
            write_method(&mut out, CHANNEL, &ack);
            connection.stream.write_all(&out)?;
        }
    }
    // An answer says that all acknowledgements before it were taken.
    connection.declare(&load.queue, load.quorum)
}
