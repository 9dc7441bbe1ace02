//! Consuming, with acknowledgements of several messages at a time.

use std::io;

use bytes::{Buf, BytesMut};
use forebay_rabbit::amqp091::frame::write_method;
use forebay_rabbit::amqp091::method::basic;

use super::connection::{CHANNEL, Connection};

/// Class and method of `basic.deliver`.
const DELIVER: [u8; 4] = [0, 60, 0, 60];

/// How deliveries are taken.
#[derive(Clone, Copy, Debug)]
pub struct Taking {
    /// Messages that a consumer may hold.
    pub prefetch: u16,
    /// How many messages are acknowledged at a time.
    pub ack_every: u64,
}

/// Takes so many messages from these queues.
pub(super) fn run(
    mut connection: Connection,
    queues: &[String],
    taking: Taking,
    messages: u64,
) -> io::Result<()> {
    connection.prefetch(taking.prefetch)?;
    for queue in queues {
        connection.consume(queue)?;
    }
    let (mut taken, mut acked) = (0u64, 0u64);
    let mut out = BytesMut::new();
    while taken < messages {
        let at = connection.next()?;
        let delivery_tag = delivery(connection.bytes(at))?;
        taken += 1;
        if taken - acked >= taking.ack_every || taken == messages {
            acked = taken;
            let ack = basic::Ack {
                delivery_tag,
                multiple: true,
            };
            out.clear();
            write_method(&mut out, CHANNEL, &ack);
            connection.write(&out)?;
        }
    }
    connection.flush()
}

/// The delivery tag of a delivery; there is nothing else that a consumer is told.
fn delivery(method: &[u8]) -> io::Result<u64> {
    let Some(mut fields) = method.strip_prefix(&DELIVER) else {
        return Err(io::Error::other("the broker said something else"));
    };
    let consumer_tag_bytes = usize::from(fields.get_u8());
    fields.advance(consumer_tag_bytes);
    Ok(fields.get_u64())
}
