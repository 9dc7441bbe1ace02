//! A RabbitMQ client that says what it is told to and listens to nothing: what became of it, the commands
//! under test tell.

use std::io::{Read, Write};
use std::net::TcpStream;

use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::content::write_message;
use forebay_rabbit::amqp091::frame::{PROTOCOL_HEADER, write_method};
use forebay_rabbit::amqp091::method::{Encode, basic, channel, connection, queue};
use forebay_rabbit::amqp091::properties::PropertyList;
use forebay_rabbit::amqp091::table::{TableBuilder, Value};
use forebay_rabbit::limits::FRAME_BYTES_MAX;

use crate::broker::Broker;

/// A connection with one channel.
pub(crate) struct Amqp {
    stream: TcpStream,
    /// Messages that were taken so far: the number of the last.
    taken: u64,
}

impl Amqp {
    pub(crate) fn connect(broker: &Broker) -> Self {
        let stream = TcpStream::connect(&broker.amqp).unwrap();
        let mut unheard = stream.try_clone().unwrap();
        std::thread::spawn(
            move || while unheard.read(&mut [0; 4096]).is_ok_and(|read| read > 0) {},
        );
        let mut client = Self { stream, taken: 0 };
        client.stream.write_all(&PROTOCOL_HEADER).unwrap();
        let login = connection::StartOk {
            mechanism: short("PLAIN"),
            response: Bytes::from_static(b"\0guest\0guest"),
            locale: short("en_US"),
            ..Default::default()
        };
        let tuned = connection::TuneOk {
            channel_max: 16,
            frame_max: FRAME_BYTES_MAX,
            heartbeat: 0,
        };
        let open = connection::Open {
            virtual_host: short("/"),
            ..Default::default()
        };
        client.send(0, &login);
        client.send(0, &tuned);
        client.send(0, &open);
        client.send(1, &channel::Open::default());
        client
    }

    /// Declares a durable queue, with another that its dead go to.
    pub(crate) fn declare(&mut self, name: &str, dead_letters_to: Option<&str>) {
        let mut arguments = TableBuilder::new();
        if let Some(to) = dead_letters_to {
            arguments
                .put("x-dead-letter-exchange", Value::LongStr(b""))
                .put("x-dead-letter-routing-key", Value::LongStr(to.as_bytes()));
        }
        let declare = queue::Declare {
            queue: short(name),
            durable: true,
            arguments: arguments.build(),
            ..Default::default()
        };
        self.send(1, &declare);
    }

    pub(crate) fn publish(&mut self, queue: &str, body: &[u8]) {
        let publish = basic::Publish {
            routing_key: short(queue),
            ..Default::default()
        };
        let properties = PropertyList::default().encode();
        let mut out = BytesMut::new();
        write_message(&mut out, 1, FRAME_BYTES_MAX, &publish, &properties, body);
        self.stream.write_all(&out).unwrap();
    }

    /// Takes messages of a queue, which are there, and rejects them.
    pub(crate) fn reject(&mut self, queue: &str, count: u64) {
        for _ in 0..count {
            let get = basic::Get {
                queue: short(queue),
                ..Default::default()
            };
            self.send(1, &get);
            self.taken += 1;
            let reject = basic::Reject {
                delivery_tag: self.taken,
                requeue: false,
            };
            self.send(1, &reject);
        }
    }

    fn send(&mut self, channel: u16, method: &impl Encode) {
        let mut out = BytesMut::new();
        write_method(&mut out, channel, method);
        self.stream.write_all(&out).unwrap();
    }
}

fn short(text: &str) -> ShortStr {
    text.try_into().unwrap()
}
