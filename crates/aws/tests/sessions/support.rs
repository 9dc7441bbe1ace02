//! A whole broker behind a gateway, and a client that says exactly what it is told to say.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant, SystemTime};

use forebay_aws::{Ending, Gateway, GatewayOptions};
use forebay_broker::storage::{Clock, Now, Options, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, CountedRandomness, Environment};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWriteExt, DuplexStream};

/// How long an answer may take before a test is given up.
const PATIENCE: Duration = Duration::from_secs(20);
/// Longer than the gateway waits for anything.
const PATIENCE_OF_SERVERS: Duration = Duration::from_secs(600);
/// Bytes on their way in a connection; few, so that requests come in pieces.
const PIPE_BYTES: usize = 1 << 10;
/// Where every client seems to come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

struct SystemClock(Instant);

impl Clock for SystemClock {
    fn now(&self) -> Now {
        let wall = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
        let wall_ms = wall.map_or(0, |time| time.as_millis() as i64);
        Now {
            monotonic: self.0.elapsed(),
            wall_ms,
            aging_ms: wall_ms,
        }
    }
}

/// A broker and a gateway to it. Ends with the value.
pub(crate) struct Server {
    pub(crate) gateway: Gateway,
    broker: Broker,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::start_with(GatewayOptions::default())
    }

    pub(crate) fn start_with(options: GatewayOptions) -> Self {
        let environment = Environment {
            medium: Arc::new(SimulatedDisk::new()),
            clock: Arc::new(SystemClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let storage = Options {
            journal_file_bytes: 64 << 20,
            ..Options::default()
        };
        let (broker, shard, _) = Broker::open(environment, storage, BrokerOptions::default())
            .expect("the simulated disk opens");
        Self {
            gateway: Gateway::new(broker.clone(), options),
            broker,
            shard: Some(std::thread::spawn(move || shard.run(|| {}))),
        }
    }

    /// A new connection.
    pub(crate) fn connect(&self) -> Client {
        let stream = self.pipe();
        Client { stream }
    }

    /// The client's end of one.
    pub(crate) fn pipe(&self) -> DuplexStream {
        let (ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let gateway = self.gateway.clone();
        tokio::spawn(async move { gateway.serve(theirs, PEER.into()).await });
        ours
    }
}

impl Server {
    /// How many requests there were of an operation.
    pub(crate) fn requests(&self, operation: &str) -> u64 {
        let mut requests = self.gateway.metrics().requests();
        let found = requests.find(|(_, name, _)| *name == operation);
        found.map_or(0, |(_, _, count)| count)
    }

    /// Waits until there were so many: until they are counted they may not have arrived.
    pub(crate) async fn arrived(&self, operation: &str, count: u64) {
        while self.requests(operation) < count {
            tokio::task::yield_now().await;
        }
    }

    /// Waits until a connection has ended, and says how.
    pub(crate) async fn ending(&self) -> Ending {
        loop {
            let mut endings = self.gateway.metrics().endings();
            if let Some((ending, _)) = endings.find(|(_, count)| *count > 0) {
                return ending;
            }
            tokio::task::yield_now().await;
        }
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
}

/// An answer.
#[derive(Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

impl Response {
    /// Reads one.
    pub(crate) async fn read(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let read = tokio::time::timeout(PATIENCE, Self::read_all(stream));
        read.await.expect("an answer comes")
    }

    async fn read_all(stream: &mut (impl AsyncRead + Unpin)) -> Self {
        let mut head = Vec::new();
        while !head.ends_with(b"\r\n\r\n") {
            head.push(stream.read_u8().await.expect("a head"));
        }
        let head = String::from_utf8(head)
            .expect("a head is ASCII")
            .to_ascii_lowercase();
        let field = |name: &str| {
            let mut lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .find(|(found, _)| *found == name)
                .map(|(_, value)| value)
        };
        let length = field("content-length").map_or(0, |length| length.parse().expect("a number"));
        let mut body = vec![0; length];
        stream.read_exact(&mut body).await.expect("a body");
        let status = head
            .split_whitespace()
            .nth(1)
            .and_then(|status| status.parse().ok());
        let status = status.expect("a status");
        let body = String::from_utf8(body).expect("a body is text");
        Response { status, head, body }
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.body).expect("the answer is JSON")
    }
}

impl Client {
    /// Sends a request of JSON and reads its answer.
    pub(crate) async fn ask(&mut self, operation: &str, body: &Value) -> Response {
        self.begin(operation, body).await;
        self.answer().await
    }

    /// The same for what is to succeed.
    pub(crate) async fn done(&mut self, operation: &str, body: &Value) -> Value {
        let response = self.ask(operation, body).await;
        assert_eq!(response.status, 200, "{operation}: {}", response.body);
        response.json()
    }

    /// Sends a request of JSON.
    pub(crate) async fn begin(&mut self, operation: &str, body: &Value) {
        let head = format!("x-amz-target: AmazonSQS.{operation}\r\n");
        let body = body.to_string();
        self.send("POST / HTTP/1.1", &head, body.as_bytes()).await;
    }

    /// Sends a form and reads its answer.
    pub(crate) async fn form(&mut self, path: &str, form: &str) -> Response {
        let head = "content-type: application/x-www-form-urlencoded\r\n";
        let line = format!("POST {path} HTTP/1.1");
        self.send(&line, head, form.as_bytes()).await;
        self.answer().await
    }

    /// Sends a request with these lines of a head.
    pub(crate) async fn send(&mut self, line: &str, head: &str, body: &[u8]) {
        let head = format!("content-length: {}\r\n{head}", body.len());
        self.begin_with(line, &head).await;
        let sent = self.stream.write_all(body).await;
        sent.expect("the gateway reads");
    }

    /// Sends the head of a request.
    pub(crate) async fn begin_with(&mut self, line: &str, head: &str) {
        let head = format!("{line}\r\nhost: aws.test\r\n{head}\r\n");
        let sent = self.stream.write_all(head.as_bytes()).await;
        sent.expect("the gateway reads");
    }

    /// Sends whatever it is.
    pub(crate) async fn raw(&mut self, bytes: &[u8]) {
        let sent = self.stream.write_all(bytes).await;
        sent.expect("the gateway reads");
    }

    /// Sends no more.
    pub(crate) async fn finish(&mut self) {
        let finished = self.stream.shutdown().await;
        finished.expect("a pipe can be closed");
    }

    /// What comes until the gateway closes the connection, however long that takes.
    pub(crate) async fn until_closed(&mut self) -> String {
        let mut rest = Vec::new();
        let read = tokio::time::timeout(PATIENCE_OF_SERVERS, self.stream.read_to_end(&mut rest));
        let read = read.await.expect("the gateway closes it");
        read.expect("it does so in good order");
        String::from_utf8(rest).expect("answers are text")
    }

    /// Reads an answer.
    pub(crate) async fn answer(&mut self) -> Response {
        Response::read(&mut self.stream).await
    }
}
