//! One connection with one channel, that blocks.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};

use bytes::{Bytes, BytesMut};
use forebay_rabbit::amqp091::frame::{
    Frame, FrameDecoder, FrameType, PROTOCOL_HEADER, write_method,
};
use forebay_rabbit::amqp091::method::{
    Encode, Method, MethodId, basic, channel, connection, queue,
};
use forebay_rabbit::amqp091::table::{TableBuilder, Value};
use forebay_rabbit::limits::FRAME_BYTES_MAX;

/// The one channel.
pub(super) const CHANNEL: u16 = 1;
/// Bytes of one read.
const READ_BYTES: usize = 256 << 10;

pub(super) struct Connection {
    pub(super) stream: TcpStream,
    arrived: BytesMut,
    frames: FrameDecoder,
}

impl Connection {
    pub(super) fn open(address: SocketAddr) -> io::Result<Self> {
        let stream = TcpStream::connect(address)?;
        stream.set_nodelay(true)?;
        let mut connection = Self {
            stream,
            arrived: BytesMut::with_capacity(READ_BYTES),
            frames: FrameDecoder::new(FRAME_BYTES_MAX),
        };
        connection.stream.write_all(&PROTOCOL_HEADER)?;
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

    pub(super) fn declare(&mut self, name: &str, quorum: bool) -> io::Result<()> {
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
        self.ask(CHANNEL, &declare, queue::DeclareOk::ID)
    }

    pub(super) fn purge(&mut self, name: &str) -> io::Result<()> {
        let purge = queue::Purge {
            queue: short(name),
            ..Default::default()
        };
        self.ask(CHANNEL, &purge, queue::PurgeOk::ID)
    }

    pub(super) fn consume(&mut self, name: &str, prefetch: u16) -> io::Result<()> {
        let qos = basic::Qos {
            prefetch_count: prefetch,
            ..Default::default()
        };
        self.ask(CHANNEL, &qos, basic::QosOk::ID)?;
        let consume = basic::Consume {
            queue: short(name),
            ..Default::default()
        };
        self.ask(CHANNEL, &consume, basic::ConsumeOk::ID)
    }

    /// Sends a method and waits for its answer.
    pub(super) fn ask(
        &mut self,
        channel: u16,
        method: &impl Encode,
        answer: MethodId,
    ) -> io::Result<()> {
        self.send(channel, method)?;
        self.expect(answer)
    }

    fn send(&mut self, channel: u16, method: &impl Encode) -> io::Result<()> {
        let mut out = BytesMut::new();
        write_method(&mut out, channel, method);
        self.stream.write_all(&out)
    }

    fn expect(&mut self, wanted: MethodId) -> io::Result<()> {
        loop {
            let frame = self.next()?;
            if frame.kind != FrameType::Method {
                continue;
            }
            let method = Method::decode(&frame.payload).map_err(io::Error::other)?;
            if method.id() == wanted {
                return Ok(());
            }
            return Err(io::Error::other(format!("unexpected answer: {method:?}")));
        }
    }

    /// The next frame; waits for it.
    pub(super) fn next(&mut self) -> io::Result<Frame> {
        loop {
            if let Some(frame) = self.buffered()? {
                return Ok(frame);
            }
            self.read()?;
        }
    }

    /// The next frame, if it has arrived.
    pub(super) fn buffered(&mut self) -> io::Result<Option<Frame>> {
        self.frames
            .decode(&mut self.arrived)
            .map_err(io::Error::other)
    }

    fn read(&mut self) -> io::Result<()> {
        let have = self.arrived.len();
        self.arrived.resize(have + READ_BYTES, 0);
        let read = self.stream.read(&mut self.arrived[have..])?;
        self.arrived.truncate(have + read);
        match read {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            _ => Ok(()),
        }
    }
}

/// What is short enough.
pub(super) fn short(text: &str) -> forebay_rabbit::amqp091::ShortStr {
    text.try_into().expect("names of a benchmark are short")
}
