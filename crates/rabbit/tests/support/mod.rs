//! A whole broker behind a gateway, without a socket and without a disk, and a client to it that says
//! exactly what it is told to say.
//!
//! ```ignore
//! let server = Server::start();
//! let mut client = server.client().await;
//! let declared = client.ask(1, queue::Declare { ..Default::default() }).await;
//! ```

#![allow(dead_code, reason = "every test file uses another part of it")]

use std::net::SocketAddr;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Bytes, BytesMut};
use forebay_broker::storage::media::Fault;
use forebay_broker::storage::{Clock, Now, Options, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, CountedRandomness, Environment};
use forebay_rabbit::amqp091::assembler::{Assembler, Command, Content};
use forebay_rabbit::amqp091::content::write_message;
use forebay_rabbit::amqp091::frame::{FrameDecoder, FrameType, PROTOCOL_HEADER, write_method};
use forebay_rabbit::amqp091::method::{Encode, Method, basic, channel, connection, queue};
use forebay_rabbit::amqp091::properties::{Properties, PropertyList};
use forebay_rabbit::amqp091::table::{Table, TableBuilder, Value};
use forebay_rabbit::limits::FRAME_BYTES_MAX;
use forebay_rabbit::{Gateway, GatewayOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};

/// How long an answer may take before a test is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// How long nothing is said before a test believes that nothing will be.
const SILENCE: Duration = Duration::from_millis(50);
/// Where every client seems to come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);
/// Where they seem to come to.
const LOCAL: ([u8; 4], u16) = ([127, 0, 0, 1], 5672);
/// Bytes on their way in a connection; few, so that frames come in pieces.
const PIPE_BYTES: usize = 1 << 10;

/// A broker and a gateway to it. Ends with the value.
pub(crate) struct Server {
    pub(crate) broker: Broker,
    pub(crate) gateway: Gateway,
    disk: SimulatedDisk,
    /// The journal is to fail.
    fails: bool,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Server {
    /// Starts one on an empty disk.
    pub(crate) fn start() -> Self {
        Self::start_on(SimulatedDisk::new())
    }

    /// Starts one with what `disk` holds.
    pub(crate) fn start_on(disk: SimulatedDisk) -> Self {
        let environment = Environment {
            medium: Arc::new(disk.clone()),
            clock: Arc::new(SystemClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        // Large enough for the largest message.
        let storage = Options {
            journal_file_bytes: 128 << 20,
            tail_cache_bytes: 4 << 20,
            ..Options::default()
        };
        let options = BrokerOptions {
            recall: forebay_rabbit::recall,
            ..BrokerOptions::default()
        };
        let (broker, shard, _) =
            Broker::open(environment, storage, options).expect("the simulated disk opens");
        let gateway = Gateway::new(broker.clone(), GatewayOptions::default());
        Self {
            broker,
            gateway,
            disk,
            fails: false,
            shard: Some(std::thread::spawn(move || shard.run(|| {}))),
        }
    }

    /// Has the next write of the journal fail.
    pub(crate) fn fail_writing(&mut self) {
        self.fails = true;
        self.disk.inject(Fault::Write);
    }

    /// Stops it in good order and starts another one on the same disk.
    pub(crate) fn restart(mut self) -> Self {
        self.stop();
        Self::start_on(self.disk.clone())
    }

    fn stop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let ended = shard.join().expect("the shard does not panic");
            ended.expect("the journal does not fail");
        }
    }

    /// A new connection, on which nothing was said.
    pub(crate) fn connect(&self) -> Client {
        self.connect_from(PEER.into())
    }

    /// The same, from somewhere.
    pub(crate) fn connect_from(&self, peer: SocketAddr) -> Client {
        let (stream, theirs) = tokio::io::duplex(PIPE_BYTES);
        let gateway = self.gateway.clone();
        let served = tokio::spawn(async move { gateway.serve(theirs, peer, LOCAL.into()).await });
        Client {
            stream,
            served,
            arrived: BytesMut::new(),
            assembler: Assembler::new(u64::MAX),
        }
    }

    /// A connection with channel 1 open.
    pub(crate) async fn client(&self) -> Client {
        let mut client = self.connect();
        client.log_in().await;
        client.open_channel(1).await;
        client
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take()
            && !std::thread::panicking()
        {
            let ended = shard.join().expect("the shard does not panic");
            assert_eq!(ended.is_err(), self.fails, "{ended:?}");
        }
    }
}

/// One connection.
pub(crate) struct Client {
    stream: DuplexStream,
    served: tokio::task::JoinHandle<()>,
    arrived: BytesMut,
    assembler: Assembler,
}

impl Client {
    /// Logs in as guest, and opens the virtual host.
    pub(crate) async fn log_in(&mut self) {
        self.log_in_with_heartbeat(0).await;
    }

    /// The same, with signs of life every so many seconds.
    pub(crate) async fn log_in_with_heartbeat(&mut self, heartbeat: u16) {
        self.tune(&start_ok("guest"), heartbeat).await;
        assert_eq!(self.open("/").await, connection::OpenOk::default().into());
    }

    /// Logs in, and opens no virtual host yet.
    pub(crate) async fn tune(&mut self, start_ok: &connection::StartOk, heartbeat: u16) {
        self.send_bytes(&PROTOCOL_HEADER).await;
        let start = self.next_on(0).await.method;
        assert!(matches!(
            start,
            Method::Connection(connection::Method::Start(_))
        ));
        self.send(0, start_ok).await;
        let Method::Connection(connection::Method::Tune(tune)) = self.next_on(0).await.method
        else {
            panic!("the broker tunes");
        };
        let tuned = connection::TuneOk {
            channel_max: tune.channel_max,
            frame_max: tune.frame_max,
            heartbeat,
        };
        self.send(0, &tuned).await;
    }

    /// Opens a virtual host; what is said then.
    pub(crate) async fn open(&mut self, vhost: &str) -> Method {
        let open = connection::Open {
            virtual_host: vhost.try_into().unwrap(),
            ..connection::Open::default()
        };
        self.ask(0, open).await
    }

    pub(crate) async fn open_channel(&mut self, number: u16) {
        let opened = self.ask(number, channel::Open::default()).await;
        assert_eq!(opened, channel::OpenOk::default().into());
    }

    /// Declares a queue with arguments.
    pub(crate) async fn declare(&mut self, name: &str, arguments: &[(&'static str, Value<'_>)]) {
        let declare = queue::Declare {
            queue: name.try_into().unwrap(),
            durable: true,
            arguments: table(arguments),
            ..queue::Declare::default()
        };
        match self.ask(1, declare).await {
            Method::Queue(queue::Method::DeclareOk(_)) => {}
            other => panic!("{other:?}"),
        }
    }

    /// How many messages of a queue are ready.
    pub(crate) async fn ready(&mut self, name: &str) -> u32 {
        let declare = queue::Declare {
            queue: name.try_into().unwrap(),
            passive: true,
            ..queue::Declare::default()
        };
        match self.ask(1, declare).await {
            Method::Queue(queue::Method::DeclareOk(declared)) => declared.message_count,
            other => panic!("{other:?}"),
        }
    }

    /// Publishes to a queue by its name.
    pub(crate) async fn publish(&mut self, queue: &str, body: &[u8]) {
        let publish = basic::Publish {
            routing_key: queue.try_into().unwrap(),
            ..basic::Publish::default()
        };
        let list = PropertyList {
            delivery_mode: Some(2),
            ..PropertyList::default()
        };
        self.send_message(1, &publish, &list.encode(), body).await;
    }

    /// Takes one message, without acknowledging it.
    pub(crate) async fn get(&mut self, queue: &str) -> Option<(basic::GetOk, Content)> {
        let get = basic::Get {
            queue: queue.try_into().unwrap(),
            ..basic::Get::default()
        };
        self.send(1, &get).await;
        let Command { method, content } = self.next_on(1).await;
        match method {
            Method::Basic(basic::Method::GetOk(got)) => Some((got, content.unwrap())),
            Method::Basic(basic::Method::GetEmpty(_)) => None,
            other => panic!("{other:?}"),
        }
    }

    /// Begins to consume under the queue's own name.
    pub(crate) async fn consume(&mut self, queue: &str, no_ack: bool) {
        let consume = basic::Consume {
            queue: queue.try_into().unwrap(),
            consumer_tag: queue.try_into().unwrap(),
            no_ack,
            ..basic::Consume::default()
        };
        let answer = self.ask(1, consume).await;
        assert!(
            matches!(answer, Method::Basic(basic::Method::ConsumeOk(_))),
            "{answer:?}"
        );
    }

    /// The next delivery.
    pub(crate) async fn delivery(&mut self) -> (basic::Deliver, Content) {
        let Command { method, content } = self.next_on(1).await;
        match method {
            Method::Basic(basic::Method::Deliver(deliver)) => (deliver, content.unwrap()),
            other => panic!("{other:?}"),
        }
    }

    /// Says a method, and waits for what is said on the channel next.
    pub(crate) async fn ask(&mut self, channel: u16, method: impl Encode) -> Method {
        self.send(channel, &method).await;
        self.next_on(channel).await.method
    }

    /// The code and text that a channel is closed with; says that it is.
    pub(crate) async fn closed_channel(&mut self, number: u16) -> (u16, String) {
        let Method::Channel(channel::Method::Close(close)) = self.next_on(number).await.method
        else {
            panic!("the channel is closed");
        };
        self.send(number, &channel::CloseOk {}).await;
        (close.reply_code, close.reply_text.to_string())
    }

    /// The code and text that the connection is closed with; says that it is, and waits for its end.
    pub(crate) async fn closed(&mut self) -> (u16, String) {
        let Method::Connection(connection::Method::Close(close)) = self.next_on(0).await.method
        else {
            panic!("the connection is closed");
        };
        self.send(0, &connection::CloseOk {}).await;
        self.ended().await;
        (close.reply_code, close.reply_text.to_string())
    }

    pub(crate) async fn send(&mut self, channel: u16, method: &impl Encode) {
        let mut out = BytesMut::new();
        write_method(&mut out, channel, method);
        self.send_bytes(&out).await;
    }

    pub(crate) async fn send_message(
        &mut self,
        channel: u16,
        publish: &basic::Publish,
        properties: &Properties,
        body: &[u8],
    ) {
        let mut out = BytesMut::new();
        write_message(
            &mut out,
            channel,
            FRAME_BYTES_MAX,
            publish,
            properties,
            body,
        );
        self.send_bytes(&out).await;
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let written = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written
            .expect("the gateway reads")
            .expect("the connection is open");
    }

    /// Says that nothing more will be sent.
    pub(crate) async fn end_sending(&mut self) {
        // The gateway may have ended the connection already.
        let _ = self.stream.shutdown().await;
    }

    /// The next command; it is on this channel.
    pub(crate) async fn next_on(&mut self, channel: u16) -> Command {
        let (number, command) = self.next().await.expect("the connection is open");
        assert_eq!(number, channel, "{command:?}");
        command
    }

    /// The next command. None if the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<(u16, Command)> {
        let frames = FrameDecoder::new(FRAME_BYTES_MAX);
        loop {
            while let Some(frame) = frames.decode(&mut self.arrived).expect("frames are whole") {
                if frame.kind == FrameType::Heartbeat {
                    continue;
                }
                let number = frame.channel;
                let command = self.assembler.accept(frame).expect("frames are in order");
                if let Some(command) = command {
                    return Some((number, command));
                }
            }
            let read = self.stream.read_buf(&mut self.arrived);
            let read = tokio::time::timeout(PATIENCE, read).await;
            if read
                .expect("the gateway answers")
                .expect("the stream works")
                == 0
            {
                return None;
            }
        }
    }

    /// Whether nothing is said for a while.
    pub(crate) async fn is_silent(&mut self) -> bool {
        tokio::time::timeout(SILENCE, self.next()).await.is_err()
    }

    /// Waits until the gateway has ended the connection.
    pub(crate) async fn ended(&mut self) {
        while self.next().await.is_some() {}
        let served = tokio::time::timeout(PATIENCE, &mut self.served).await;
        served
            .expect("the gateway ends")
            .expect("it does not panic");
    }

    /// Counts heartbeats until the gateway ends the connection.
    pub(crate) async fn heartbeats_to_the_end(&mut self) -> usize {
        let mut rest = BytesMut::from(&self.rest().await[..]);
        let frames = FrameDecoder::new(FRAME_BYTES_MAX);
        let next = || frames.decode(&mut rest).expect("frames are whole");
        let frames = std::iter::from_fn(next);
        frames
            .filter(|frame| frame.kind == FrameType::Heartbeat)
            .count()
    }

    /// Everything that was said and not looked at, until the gateway has nothing more to say.
    pub(crate) async fn rest(&mut self) -> Bytes {
        let mut rest = std::mem::take(&mut self.arrived);
        let read = async {
            while self
                .stream
                .read_buf(&mut rest)
                .await
                .is_ok_and(|read| read > 0)
            {}
        };
        tokio::time::timeout(PATIENCE, read)
            .await
            .expect("the gateway ends");
        rest.freeze()
    }
}

/// Credentials, with the capabilities of a modern client.
pub(crate) fn start_ok(password: &str) -> connection::StartOk {
    let mut capabilities = TableBuilder::new();
    capabilities
        .put("authentication_failure_close", Value::Bool(true))
        .put("consumer_cancel_notify", Value::Bool(true))
        .put("connection.blocked", Value::Bool(true));
    connection::StartOk {
        client_properties: table(&[("capabilities", Value::Table(capabilities.view()))]),
        mechanism: "PLAIN".try_into().unwrap(),
        response: format!("\0guest\0{password}").into(),
        locale: "en_US".try_into().unwrap(),
    }
}

pub(crate) fn table(entries: &[(&'static str, Value<'_>)]) -> Table {
    let mut table = TableBuilder::new();
    for (name, value) in entries {
        table.put(name, *value);
    }
    table.build()
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::UNIX_EPOCH.elapsed();
        let wall = wall.expect("it is later than 1970").as_millis() as i64;
        Now::new(self.0.elapsed(), wall)
    }
}
