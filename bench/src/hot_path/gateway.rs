//! From the frame of a request to its answer: gateway, broker and shard, over a connection in memory.
//!
//! All of it takes turns on one thread. Who is awake when on threads of their own is chance, and a
//! count that hangs on it is not a count.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use forebay_broker::storage::shard::{BackgroundJob, Turn};
use forebay_broker::storage::{Clock, Now};
use forebay_broker::{
    Broker, BrokerOptions, BrokerShard, CountedRandomness, Environment, NewTopic,
};
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
    let mut server = Server::start();
    server.ask_again_and_again(&request::find_coordinator(), turns);
}

pub(super) fn produce_batch(turns: u64) {
    let mut server = Server::start();
    server.ask_again_and_again(&request::produce(BATCH_RECORDS), turns);
}

pub(super) fn produce_one(turns: u64) {
    let mut server = Server::start();
    server.ask_again_and_again(&request::produce(1), turns);
}

pub(super) fn fetch(turns: u64) {
    let mut server = Server::start();
    server.ask_again_and_again(&request::produce(BATCH_RECORDS), FETCHED_BATCHES as u64);
    let bytes = request::batch(BATCH_RECORDS).len() * FETCHED_BATCHES;
    let max_bytes = i32::try_from(bytes).expect("a few batches");
    let answer = server.ask_again_and_again(&request::fetch(max_bytes), turns);
    assert!(answer > bytes, "all batches are in the answer");
}

/// A broker with one topic, and a gateway to it.
struct Server {
    runtime: Runtime,
    gateway: Gateway,
    shard: Shard,
}

impl Server {
    fn start() -> Self {
        let environment = Environment {
            medium: Arc::new(DiscardingDisk),
            clock: Arc::new(StandingClock),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let opened = Broker::open(environment, append::options(), BrokerOptions::default());
        let (broker, shard, _) = opened.expect("an empty disk opens");
        let gateway = Gateway::new(broker.clone(), GatewayOptions::at("localhost", 9092));
        let mut shard = Shard(shard);
        let mut runtime = Builder::new_current_thread();
        let runtime = runtime.enable_all().build().expect("timers can be had");
        let topic = NewTopic {
            name: TOPIC.to_owned(),
            partitions: Some(1),
            configs: BTreeMap::new(),
        };
        let created = runtime.block_on(async {
            shard
                .until(pin!(broker.create_topics(vec![topic], false)))
                .await
        });
        assert!(created.iter().all(Result::is_ok), "the name is free");
        Self {
            runtime,
            gateway,
            shard,
        }
    }

    /// Sends a request and waits for its answer, so many times; tells the length of the last answer.
    fn ask_again_and_again(&mut self, request: &[u8], turns: u64) -> usize {
        let (mut ours, theirs) = tokio::io::duplex(PIPE_BYTES);
        let (gateway, shard) = (self.gateway.clone(), &mut self.shard);
        self.runtime.block_on(async {
            let peer = ([127, 0, 0, 1], 50_000).into();
            let served = tokio::spawn(async move { gateway.serve(theirs, peer).await });
            let mut answer = Vec::new();
            for _ in 0..turns {
                ours.write_all(request).await.expect("the gateway reads");
                shard.until(pin!(read_answer(&mut ours, &mut answer))).await;
            }
            drop(ours);
            served.await.expect("the gateway does not panic");
            answer.len()
        })
    }
}

/// The shard, driven by whoever waits for it.
struct Shard(BrokerShard);

impl Shard {
    /// Lets the gateway and the shard work in turn until `awaited` is there.
    async fn until<F: Future>(&mut self, mut awaited: Pin<&mut F>) -> F::Output {
        loop {
            let polled = poll_fn(|context| Poll::Ready(awaited.as_mut().poll(context))).await;
            if let Poll::Ready(output) = polled {
                return output;
            }
            tokio::task::yield_now().await;
            self.work();
        }
    }

    fn work(&mut self) {
        let mut jobs = Vec::new();
        loop {
            let turn = self.0.turn(&mut |job| jobs.push(job));
            let turn = turn.expect("the disk takes everything");
            if jobs.is_empty() && !matches!(turn, Turn::Again) {
                return;
            }
            jobs.drain(..).for_each(BackgroundJob::run);
        }
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

/// It is always the same moment: nothing falls due in between.
struct StandingClock;

impl Clock for StandingClock {
    fn now(&self) -> Now {
        Now::new(Duration::ZERO, NOW_MS)
    }
}
