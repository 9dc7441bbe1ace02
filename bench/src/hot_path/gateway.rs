//! From the frame of a request to its answer: gateway, broker and shard, over a connection in memory.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use forebay_broker::storage::{Clock, Now, StorageError};
use forebay_broker::{Broker, BrokerOptions, Environment, NewTopic, Randomness};
use forebay_kafka::{Gateway, GatewayOptions};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::runtime::{Builder, Runtime};

use super::append;
use super::request::{self, BATCH_RECORDS, NOW_MS, TOPIC};
use crate::discard::DiscardingDisk;

/// Batches that a fetch is answered with.
pub(super) const FETCHED_BATCHES: usize = 4;

/// As much as a socket's buffers take without a client that reads.
const PIPE_BYTES: usize = 256 << 10;

pub(super) fn route(turns: u64) {
    let server = Server::start();
    server.ask_again_and_again(&request::find_coordinator(), turns);
}

pub(super) fn produce_batch(turns: u64) {
    let server = Server::start();
    server.ask_again_and_again(&request::produce(BATCH_RECORDS), turns);
}

pub(super) fn produce_one(turns: u64) {
    let server = Server::start();
    server.ask_again_and_again(&request::produce(1), turns);
}

pub(super) fn fetch(turns: u64) {
    let server = Server::start();
    server.ask_again_and_again(&request::produce(BATCH_RECORDS), FETCHED_BATCHES as u64);
    let bytes = request::batch(BATCH_RECORDS).len() * FETCHED_BATCHES;
    let max_bytes = i32::try_from(bytes).expect("a few batches");
    let answer = server.ask_again_and_again(&request::fetch(max_bytes), turns);
    assert!(answer > bytes, "all batches are in the answer");
}

/// A broker with one topic, and a gateway to it on one thread with its client.
struct Server {
    runtime: Runtime,
    broker: Broker,
    gateway: Gateway,
    shard: Option<JoinHandle<Result<(), StorageError>>>,
}

impl Server {
    fn start() -> Self {
        let environment = Environment {
            medium: Arc::new(DiscardingDisk),
            clock: Arc::new(StandingClock),
            randomness: Arc::new(Counter::default()),
        };
        let opened = Broker::open(environment, append::options(), BrokerOptions::default());
        let (broker, shard, _) = opened.expect("an empty disk opens");
        let gateway = Gateway::new(broker.clone(), GatewayOptions::at("localhost", 9092));
        let shard = Some(std::thread::spawn(move || shard.run()));
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("threads can be had");
        let topic = NewTopic {
            name: TOPIC.to_owned(),
            partitions: Some(1),
            configs: BTreeMap::new(),
        };
        let created = runtime.block_on(broker.create_topics(vec![topic], false));
        assert!(created.iter().all(Result::is_ok), "the name is free");
        Self {
            runtime,
            broker,
            gateway,
            shard,
        }
    }

    /// Sends a request and waits for its answer, so many times; tells the length of the last answer.
    fn ask_again_and_again(&self, request: &[u8], turns: u64) -> usize {
        self.runtime.block_on(async {
            let (mut ours, theirs) = tokio::io::duplex(PIPE_BYTES);
            let gateway = self.gateway.clone();
            let peer = ([127, 0, 0, 1], 50_000).into();
            let served = tokio::spawn(async move { gateway.serve(theirs, peer).await });
            let mut answer = Vec::new();
            for _ in 0..turns {
                ours.write_all(request).await.expect("the gateway reads");
                read_answer(&mut ours, &mut answer).await;
            }
            drop(ours);
            served.await.expect("the gateway does not panic");
            answer.len()
        })
    }
}

async fn read_answer(stream: &mut DuplexStream, answer: &mut Vec<u8>) {
    let length = stream.read_i32().await.expect("the gateway answers");
    answer.resize(usize::try_from(length).expect("a length"), 0);
    stream
        .read_exact(answer)
        .await
        .expect("the answer is whole");
}

impl Drop for Server {
    fn drop(&mut self) {
        self.broker.stop();
        if let Some(shard) = self.shard.take() {
            let ended = shard.join().expect("the shard does not panic");
            ended.expect("the disk takes everything");
        }
    }
}

/// It is always the same moment: nothing falls due in between.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Now {
        Now {
            monotonic: Duration::ZERO,
            wall_ms: NOW_MS,
        }
    }
}

/// Never the same twice, and the same in every run.
#[derive(Default)]
struct Counter(AtomicU64);

impl Randomness for Counter {
    fn bytes16(&self) -> [u8; 16] {
        let next = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        u128::from(next).to_be_bytes()
    }
}
