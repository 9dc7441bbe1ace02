//! One connection with one channel, that blocks.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::ops::Range;

use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::ShortStr;
use forebay_rabbit::amqp091::frame::{PROTOCOL_HEADER, write_method};
use forebay_rabbit::amqp091::method::{
    Encode, Method, MethodId, basic, channel, confirm, connection, exchange, queue,
};
use forebay_rabbit::amqp091::table::{TableBuilder, Value};
use forebay_rabbit::limits::FRAME_BYTES_MAX;

use super::arrivals::Arrivals;

/// The one channel.
pub(super) const CHANNEL: u16 = 1;

pub(super) struct Connection {
    stream: TcpStream,
    arrived: Arrivals,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            arrived: Arrivals::new(),
        };
        connection.write(&PROTOCOL_HEADER)?;
        connection.expect(connection::Start::ID)?;
        let login = connection::StartOk {
            mechanism: short("PLAIN"),
            response: Bytes::from_static(b"\0guest\0guest"),
            locale: short("en_US"),
            ..Default::default()
        };
        connection.send(0, &login)?;
        connection.expect(connection::Tune::ID)?;
        let tuned = connection::TuneOk {
            channel_max: 16,
            frame_max: FRAME_BYTES_MAX,
            heartbeat: 0,
        };
        connection.send(0, &tuned)?;
        let open = connection::Open {
            virtual_host: short("/"),
            ..Default::default()
        };
        connection.ask(0, &open, connection::OpenOk::ID)?;
        connection.ask(CHANNEL, &channel::Open::default(), channel::OpenOk::ID)?;
        Ok(connection)
    }

    /// Declares a durable queue; answers how many messages are in it.
    pub(super) fn declare_queue(&mut self, name: &str, quorum: bool) -> io::Result<u32> {
        let mut arguments = TableBuilder::new();
        if quorum {
            arguments.put("x-queue-type", Value::LongStr(b"quorum"));
        }
        let declare = queue::Declare {
            queue: short(name),
            durable: true,
            arguments: arguments.build(),
            ..Default::default()
        };
        match self.ask(CHANNEL, &declare, queue::DeclareOk::ID)? {
            Method::Queue(queue::Method::DeclareOk(ok)) => Ok(ok.message_count),
            other => Err(unexpected(&other)),
        }
    }

    pub(super) fn purge(&mut self, name: &str) -> io::Result<()> {
        let purge = queue::Purge {
            queue: short(name),
            ..Default::default()
        };
        self.ask(CHANNEL, &purge, queue::PurgeOk::ID).map(drop)
    }

    pub(super) fn declare_exchange(&mut self, name: &str, kind: &str) -> io::Result<()> {
        let declare = exchange::Declare {
            exchange: short(name),
            kind: short(kind),
            durable: true,
            ..Default::default()
        };
        self.ask(CHANNEL, &declare, exchange::DeclareOk::ID)
            .map(drop)
    }

    pub(super) fn bind(&mut self, queue: &str, exchange: &str, key: &str) -> io::Result<()> {
        let bind = queue::Bind {
            queue: short(queue),
            exchange: short(exchange),
            routing_key: short(key),
            ..Default::default()
        };
        self.ask(CHANNEL, &bind, queue::BindOk::ID).map(drop)
    }

    /// Consumers that are added later may hold so many messages each.
    pub(super) fn prefetch(&mut self, count: u16) -> io::Result<()> {
        let qos = basic::Qos {
            prefetch_count: count,
            ..Default::default()
        };
        self.ask(CHANNEL, &qos, basic::QosOk::ID).map(drop)
    }

    /// Adds a consumer, without an answer.
    pub(super) fn consume(&mut self, queue: &str) -> io::Result<()> {
        let consume = basic::Consume {
            queue: short(queue),
            nowait: true,
            consumer_tag: short(queue),
            ..Default::default()
        };
        self.send(CHANNEL, &consume)
    }

    pub(super) fn select_confirms(&mut self) -> io::Result<()> {
        let select = confirm::Select::default();
        self.ask(CHANNEL, &select, confirm::SelectOk::ID).map(drop)
    }

    /// Comes back when everything that was sent before has been dealt with, in order.
    pub(super) fn flush(&mut self) -> io::Result<()> {
        // Harmless, and answered behind everything that was sent on the channel.
        let declare = exchange::Declare {
            exchange: short("amq.direct"),
            passive: true,
            ..Default::default()
        };
        self.ask(CHANNEL, &declare, exchange::DeclareOk::ID)
            .map(drop)
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.stream.write_all(bytes)
    }

    fn send(&mut self, channel: u16, method: &impl Encode) -> io::Result<()> {
        let mut out = BytesMut::new();
        write_method(&mut out, channel, method);
        self.write(&out)
    }

    /// Where the next method lies; waits for it.
    pub(super) fn next(&mut self) -> io::Result<Range<usize>> {
        loop {
            if let Some(at) = self.arrived.method() {
                return Ok(at);
            }
            self.arrived.fill(&mut self.stream)?;
        }
    }

    /// Where the next method lies, if it has arrived.
    pub(super) fn buffered(&mut self) -> Option<Range<usize>> {
        self.arrived.method()
    }

    /// The method that was found there, until something is waited for again.
    pub(super) fn bytes(&self, at: Range<usize>) -> &[u8] {
        self.arrived.bytes(at)
    }

    /// Another end for writing, so that reading can wait at the same time.
    pub(super) fn writer(&self) -> io::Result<impl Write + Send + use<>> {
        self.stream.try_clone()
    }

    /// Sends a method and waits for its answer.
    fn ask(&mut self, channel: u16, method: &impl Encode, answer: MethodId) -> io::Result<Method> {
        self.send(channel, method)?;
        self.expect(answer)
    }

    /// What is delivered before the answer is left alone.
    fn expect(&mut self, wanted: MethodId) -> io::Result<Method> {
        loop {
            let at = self.next()?;
            let payload = Bytes::copy_from_slice(self.bytes(at));
            let method = Method::decode(&payload).map_err(io::Error::other)?;
            match method.id() {
                id if id == wanted => return Ok(method),
                basic::Deliver::ID => {}
                _ => return Err(unexpected(&method)),
            }
        }
    }
}

/// What is short enough.
pub(super) fn short(text: &str) -> ShortStr {
    text.try_into().expect("names of a benchmark are short")
}

fn unexpected(method: &Method) -> io::Error {
    io::Error::other(format!("unexpected answer: {method:?}"))
}
