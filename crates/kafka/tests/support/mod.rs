//! A whole broker behind a gateway, without a socket and without a disk, and a client to it that
//! says exactly what it is told to say.
//!
//! ```ignore
//! mod support;
//!
//! #[tokio::test]
//! async fn a_promise() {
//!     let server = support::Server::start();
//!     server.create_topic("orders", 3).await;
//!     let mut client = server.connect();
//!     let answer = client.ask(4, HeartbeatRequest { ..Default::default() }).await;
//!     assert_eq!(answer.error_code, ErrorCode::None as i16);
//! }
//! ```

#![allow(dead_code, reason = "every test file uses another part of it")]

use std::collections::BTreeMap;
use std::ops::RangeInclusive;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use bytes::{Buf, BytesMut};
use forebay_broker::storage::{Clock, Now, Options, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, CountedRandomness, Environment, NewTopic};
use forebay_kafka::protocol::api::{decode_response, encode_request};
use forebay_kafka::protocol::{ApiKey, Request};
use forebay_kafka::{Gateway, GatewayOptions, served_apis};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use uuid::Uuid;

/// How long an answer may take before a test is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// What a client calls itself.
pub(crate) const CLIENT_ID: &str = "tester";
/// Where every client seems to come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);
/// Bytes on their way in a connection; few, so that messages come in pieces.
const PIPE_BYTES: usize = 1 << 10;

/// The versions of `key` that the gateway answers.
pub(crate) fn versions(key: ApiKey) -> RangeInclusive<i16> {
    let api = served_apis().find(|api| api.key == key);
    api.expect("the key is served").served
}

/// A broker and a gateway to it. Ends with the value.
pub(crate) struct Server {
    pub(crate) broker: Broker,
    pub(crate) gateway: Gateway,
    disk: SimulatedDisk,
    options: BrokerOptions,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Server {
    /// Starts one with the default settings on an empty disk.
    pub(crate) fn start() -> Self {
        Self::start_on(SimulatedDisk::new(), BrokerOptions::default())
    }

    /// Starts one with what `disk` holds.
    pub(crate) fn start_on(disk: SimulatedDisk, options: BrokerOptions) -> Self {
        let environment = Environment {
            medium: Arc::new(disk.clone()),
            clock: Arc::new(SystemClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let storage = Options {
            journal_file_bytes: 4 << 20,
            tail_cache_bytes: 4 << 20,
            ..Options::default()
        };
        let (broker, shard, _) =
            Broker::open(environment, storage, options.clone()).expect("the simulated disk opens");
        let gateway = Gateway::new(broker.clone(), GatewayOptions::at("localhost", 9092));
        Self {
            broker,
            gateway,
            disk,
            options,
            shard: Some(std::thread::spawn(move || shard.run(|| {}))),
        }
    }

    /// Stops it in good order and starts another one on the same disk.
    pub(crate) fn restart(mut self) -> Self {
        self.stop();
        Self::start_on(self.disk.clone(), self.options.clone())
    }

    /// Stops the broker; the gateway goes on, and has nobody to ask.
    pub(crate) fn stop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let ended = shard.join().expect("the shard does not panic");
            ended.expect("the journal does not fail");
        }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        let (stream, theirs) = tokio::io::duplex(PIPE_BYTES);
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.serve(theirs, PEER.into()).await });
        Client {
            stream,
            correlation_id: 0,
        }
    }

    /// Waits until the gateway has taken a request off the wire.
    pub(crate) async fn has_read_a_request(&self) {
        let started = Instant::now();
        while self.gateway.metrics().request_bytes.value() == 0 {
            assert!(started.elapsed() < PATIENCE, "the gateway reads");
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    /// Creates a topic; answers its id.
    pub(crate) async fn create_topic(&self, name: &str, partitions: usize) -> Uuid {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            configs: BTreeMap::new(),
        };
        for result in self.broker.create_topics(vec![topic], false).await {
            result.expect("the topic can be created");
        }
        self.broker.topic(name).expect("the topic is there").id
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take()
            && !std::thread::panicking()
        {
            let ended = shard.join().expect("the shard does not panic");
            ended.expect("the journal does not fail");
        }
    }
}

/// One connection.
pub(crate) struct Client {
    stream: DuplexStream,
    correlation_id: i32,
}

impl Client {
    /// Asks, and waits for the answer.
    pub(crate) async fn ask<R>(&mut self, version: i16, request: R) -> R::Response<'static>
    where
        R: Request<'static>,
    {
        let sent = self.send(version, &request).await;
        self.receive::<R>(version, sent).await
    }

    /// Asks, and does not wait. Answers the correlation id.
    pub(crate) async fn send<R: Request<'static>>(&mut self, version: i16, request: &R) -> i32 {
        self.correlation_id += 1;
        let id = self.correlation_id;
        let frame = encode_request(version, id, Some(CLIENT_ID), request)
            .unwrap_or_else(|error| panic!("{} {version}: {error}", R::NAME));
        self.send_bytes(&frame.into_bytes()).await;
        id
    }

    /// Sends bytes as they are.
    pub(crate) async fn send_bytes(&mut self, bytes: &[u8]) {
        let written = tokio::time::timeout(PATIENCE, self.stream.write_all(bytes)).await;
        written
            .expect("the gateway reads")
            .expect("the connection is open");
    }

    /// Waits for the answer to the request `R` that was sent under `correlation_id`.
    pub(crate) async fn receive<R>(
        &mut self,
        version: i16,
        correlation_id: i32,
    ) -> R::Response<'static>
    where
        R: Request<'static>,
    {
        let frame = self.frame(R::NAME, version).await;
        // An answer borrows from its frame; a test may hold it as long as it likes.
        let (id, answer) = decode_response(version, frame.leak())
            .unwrap_or_else(|error| panic!("answer to {} {version}: {error}", R::NAME));
        assert_eq!(
            id,
            correlation_id,
            "{} {version}: answers keep the order",
            R::NAME
        );
        answer
    }

    async fn frame(&mut self, name: &str, version: i16) -> Vec<u8> {
        let read = async {
            let length = self.stream.read_i32().await?;
            let mut frame = vec![0; length as usize];
            self.stream.read_exact(&mut frame).await?;
            std::io::Result::Ok(frame)
        };
        match tokio::time::timeout(PATIENCE, read).await {
            Ok(Ok(frame)) => frame,
            Ok(Err(error)) => panic!("{name} {version} is not answered: {error}"),
            Err(_) => panic!("{name} {version} is not answered in time"),
        }
    }

    /// Whether the gateway closes the connection without another word.
    pub(crate) async fn is_closed(&mut self) -> bool {
        let mut rest = BytesMut::new();
        let read = tokio::time::timeout(PATIENCE, self.stream.read_buf(&mut rest)).await;
        matches!(read, Ok(Ok(0))) && !rest.has_remaining()
    }
}

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::UNIX_EPOCH.elapsed();
        Now::new(
            self.0.elapsed(),
            wall.expect("it is later than 1970").as_millis() as i64,
        )
    }
}
