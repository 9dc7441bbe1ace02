//! A broker with its HTTP side, and the requests that tests make.

use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Instant;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use axum::response::Response;
use bytes::BytesMut;
use forebay_admin::{Admin, BuildInfo, ListenerInfo, MetricsSource, NodeInfo, Readiness};
use forebay_broker::group::{
    CommitOffset, CommitOffsets, GroupCommand, GroupReply, Join, Protocol,
};
use forebay_broker::storage::{Clock, Now, Options, SimulatedDisk, StorageError};
use forebay_broker::{
    Append, Broker, BrokerOptions, CountedRandomness, Environment, GroupId, NewTopic, TopicName,
};
use forebay_record::BatchBuilder;
use http_body_util::BodyExt;
use serde_json::Value;
use tower::ServiceExt;

/// What the tests' brokers keep free.
pub(crate) const RESERVE_BYTES: u64 = 1 << 20;

struct TestClock(Instant);

impl Clock for TestClock {
    fn now(&self) -> Now {
        Now::new(self.0.elapsed(), 1_700_000_000_000)
    }
}

/// A broker with its HTTP side.
pub(crate) struct Harness {
    pub(crate) broker: Broker,
    pub(crate) readiness: Readiness,
    pub(crate) disk: SimulatedDisk,
    pub(crate) router: Router,
    admin: Admin,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

/// An answer, read to its end.
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) headers: HeaderMap,
    pub(crate) text: String,
}

impl Answer {
    pub(crate) fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_else(|error| panic!("{error}: {}", self.text))
    }

    /// The code of an error in the API's shape, which is checked.
    pub(crate) fn error_code(&self) -> String {
        assert_eq!(self.headers["content-type"], "application/json");
        let json = self.json();
        let error = &json["error"];
        assert!(!error["message"].as_str().unwrap().is_empty());
        assert_eq!(error.as_object().unwrap().len(), 2, "{error}");
        error["code"].as_str().unwrap().to_owned()
    }
}

impl Harness {
    pub(crate) fn new() -> Self {
        Self::with(BrokerOptions::default(), Vec::new())
    }

    pub(crate) fn with(options: BrokerOptions, sources: Vec<Arc<dyn MetricsSource>>) -> Self {
        let disk = SimulatedDisk::new();
        let environment = Environment {
            medium: Arc::new(disk.clone()),
            clock: Arc::new(TestClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let storage = Options {
            journal_file_bytes: 8 << 20,
            reserve_bytes: RESERVE_BYTES,
            ..Options::default()
        };
        let (broker, shard, _) = Broker::open(environment, storage, options).unwrap();
        let shard = std::thread::spawn(move || shard.run(|| {}));
        let readiness = Readiness::default();
        let node = NodeInfo {
            build: BuildInfo {
                version: "1.2.3".to_owned(),
                revision: Some("abc".to_owned()),
            },
            listeners: vec![ListenerInfo {
                name: "kafka",
                address: "127.0.0.1:9092".parse().unwrap(),
            }],
            reserve_bytes: RESERVE_BYTES,
        };
        let admin = Admin::new(broker.clone(), readiness.clone(), sources, node);
        Self {
            broker,
            readiness,
            disk,
            router: admin.router(),
            admin,
            shard: Some(shard),
        }
    }

    /// The same, with what a gateway brings below a path.
    pub(crate) fn mounting(path: &'static str, router: Router) -> Self {
        let mut harness = Self::new();
        harness.router = harness.admin.clone().mount(path, router).router();
        harness
    }

    /// Ends the shard and waits for it.
    pub(crate) fn stop_broker(&mut self) -> Result<(), StorageError> {
        self.broker.stop();
        self.shard.take().unwrap().join().unwrap()
    }

    /// Waits until the shard has ended by itself.
    pub(crate) fn await_end(&mut self) -> Result<(), StorageError> {
        self.shard.take().unwrap().join().unwrap()
    }

    /// An answer whose body stays unread as long as it is held.
    pub(crate) async fn unread(&self, path: &str) -> Response {
        let request = Request::get(path).body(Body::empty()).unwrap();
        self.router.clone().oneshot(request).await.unwrap()
    }

    pub(crate) async fn send(&self, request: Request<Body>) -> Answer {
        let response = self.router.clone().oneshot(request).await.unwrap();
        assert_eq!(response.headers()["x-content-type-options"], "nosniff");
        let (parts, body) = response.into_parts();
        let bytes = body.collect().await.unwrap().to_bytes();
        Answer {
            status: parts.status,
            headers: parts.headers,
            text: String::from_utf8(bytes.to_vec()).unwrap(),
        }
    }

    pub(crate) async fn ask(&self, method: Method, path: &str) -> Answer {
        let request = Request::builder().method(method).uri(path);
        self.send(request.body(Body::empty()).unwrap()).await
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.ask(Method::GET, path).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.ask(Method::DELETE, path).await
    }

    pub(crate) async fn json(&self, method: Method, path: &str, body: &str) -> Answer {
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header("content-type", "application/json");
        self.send(request.body(Body::from(body.to_owned())).unwrap())
            .await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.json(Method::POST, path, body).await
    }

    pub(crate) async fn patch(&self, path: &str, body: &str) -> Answer {
        self.json(Method::PATCH, path, body).await
    }

    pub(crate) async fn create_topic(&self, name: &str, partitions: usize) {
        let topic = NewTopic {
            name: name.to_owned(),
            partitions: Some(partitions),
            configs: Default::default(),
        };
        for created in self.broker.create_topics(vec![topic], false).await {
            created.unwrap();
        }
    }

    /// Appends a batch of `records` records and tells its size in bytes.
    pub(crate) async fn append(&self, topic: &str, partition: i32, records: usize) -> usize {
        let batch = batch(records);
        let bytes = batch.len();
        let append = Append {
            topic: self.broker.topic(topic).unwrap(),
            partition,
            batch,
        };
        for appended in self.broker.append(vec![append]).await {
            appended.unwrap();
        }
        bytes
    }

    /// Commits an offset from outside any generation, as an operator's tool does.
    pub(crate) async fn commit(&self, group: &str, topic: &str, partition: i32, offset: i64) {
        let command = GroupCommand::CommitOffsets(CommitOffsets {
            group: GroupId::new(group).unwrap(),
            generation: -1,
            member: None,
            instance: None,
            retention: None,
            offsets: vec![CommitOffset {
                topic: TopicName::new(topic).unwrap(),
                partition,
                offset,
                leader_epoch: None,
                metadata: "by hand".into(),
            }],
        });
        let reply = self.broker.group(command).await.unwrap();
        let GroupReply::OffsetsCommitted(Ok(results)) = reply else {
            panic!("{reply:?}");
        };
        assert!(results.iter().all(|result| result.result.is_ok()));
    }

    /// Has a consumer join a group.
    pub(crate) async fn join(&self, group: &str) {
        let command = GroupCommand::Join(Join {
            group: GroupId::new(group).unwrap(),
            member: None,
            instance: None,
            client_id: "app".into(),
            client_host: "/127.0.0.1".into(),
            session_timeout: std::time::Duration::from_secs(30),
            rebalance_timeout: std::time::Duration::from_secs(30),
            protocol_type: "consumer".into(),
            protocols: vec![Protocol {
                name: "range".into(),
                metadata: bytes::Bytes::new(),
            }],
            requires_known_member_id: false,
            supports_skip_assignment: false,
            new_member_suffix: [1; 16],
            reason: None,
        });
        let reply = self.broker.group(command).await.unwrap();
        assert!(matches!(reply, GroupReply::Joined(Ok(_))), "{reply:?}");
    }
}

impl Drop for Harness {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            // A test that broke the journal has asked for its failure.
            let _ = shard.join();
        }
    }
}

fn batch(records: usize) -> BytesMut {
    let mut builder = BatchBuilder::new();
    for _ in 0..records {
        builder
            .add(1_700_000_000_000, None, Some(b"value"), &[])
            .unwrap();
    }
    BytesMut::from(builder.build().unwrap().as_ref())
}
