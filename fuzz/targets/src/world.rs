//! The broker, its gateways, and the one thread and the made-up time that they run in.

use std::sync::Arc;
use std::time::Duration;

use forebay_broker::storage::{Clock, Now, SimulatedDisk, StorageError};
use forebay_broker::{Broker, BrokerOptions, BrokerShard, CountedRandomness, Environment};
use forebay_kafka::{Gateway, GatewayOptions};
use forebay_storage::shard::Turn;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::Instant;

use crate::disk::hold::options;

/// Longer than anything that a client may ask a broker to wait for: the answer to a fetch.
const PATIENCE: Duration = Duration::from_secs(400);
/// The longest that the shard sleeps, in made-up time.
const PAUSE_MAX: Duration = Duration::from_secs(5);
/// Turns of the shard in a session; it comes to rest long before.
const TURNS_MAX: usize = 100_000;
/// Bytes on their way in a connection.
const PIPE_BYTES: usize = 4 << 10;
/// Where the client seems to come from.
const PEER: ([u8; 4], u16) = ([127, 0, 0, 1], 50_000);

/// Runs to the end in a time of its own, which passes whenever everybody waits.
pub(crate) fn run<T>(work: impl Future<Output = T>) -> T {
    let mut runtime = tokio::runtime::Builder::new_current_thread();
    let runtime = runtime.enable_time().start_paused(true).build();
    runtime
        .expect("a runtime without IO needs nothing")
        .block_on(work)
}

/// A broker on a disk.
pub(crate) struct World {
    pub(crate) broker: Broker,
    shard: BrokerShard,
    gateway: Gateway,
    aws: forebay_aws::Gateway,
}

impl World {
    pub(crate) fn open(disk: SimulatedDisk) -> Self {
        Self::try_open(disk).expect("the disk is in good order")
    }

    pub(crate) fn try_open(disk: SimulatedDisk) -> Result<Self, StorageError> {
        let environment = Environment {
            medium: Arc::new(disk),
            clock: Arc::new(RuntimeClock(Instant::now())),
            randomness: Arc::new(CountedRandomness::default()),
        };
        let (broker, shard, _) = Broker::open(environment, options(), BrokerOptions::default())?;
        let gateway = Gateway::new(broker.clone(), GatewayOptions::at("h", 9092));
        let options = forebay_aws::GatewayOptions::default();
        let aws = forebay_aws::Gateway::new(broker.clone(), options);
        Ok(Self {
            broker,
            shard,
            gateway,
            aws,
        })
    }

    /// One connection of a Kafka client, on which it sends `sent` and waits for what may come back.
    pub(crate) async fn connection(&mut self, sent: Vec<u8>) -> Vec<u8> {
        let gateway = self.gateway.clone();
        let serve = |far| async move { gateway.serve(far, PEER.into()).await };
        self.served(sent, serve).await
    }

    /// The same of an AWS client.
    pub(crate) async fn aws_connection(&mut self, sent: Vec<u8>) -> Vec<u8> {
        let gateway = self.aws.clone();
        let serve = |far| async move { gateway.serve(far, PEER.into()).await };
        self.served(sent, serve).await
    }

    async fn served<S>(&mut self, sent: Vec<u8>, serve: impl FnOnce(DuplexStream) -> S) -> Vec<u8>
    where
        S: Future<Output = ()> + Send + 'static,
    {
        let (near, far) = tokio::io::duplex(PIPE_BYTES);
        let served = tokio::spawn(serve(far));
        let (mut from, mut to) = tokio::io::split(near);
        let writer = tokio::spawn(async move {
            // The gateway may have closed the connection.
            let _ = to.write_all(&sent).await;
            tokio::time::sleep(PATIENCE).await;
            let _ = to.shutdown().await;
        });
        let reader = tokio::spawn(async move {
            let mut answered = Vec::new();
            let _ = from.read_to_end(&mut answered).await;
            answered
        });
        let (served, _, answered) = self
            .drive(async { tokio::join!(served, writer, reader) })
            .await;
        served.expect("the gateway does not panic");
        answered.expect("reading does not panic")
    }

    /// Has the shard take its turns until `work` is done.
    pub(crate) async fn drive<T>(&mut self, work: impl Future<Output = T>) -> T {
        let mut work = std::pin::pin!(work);
        let mut pause = Duration::ZERO;
        for _ in 0..TURNS_MAX {
            let turn = self.shard.turn(&mut |job| job.run());
            let patience = match turn.expect("no fault is armed") {
                Turn::Again => Duration::ZERO,
                Turn::Wait(patience) => patience,
                Turn::Stopped => panic!("nobody has stopped it"),
            };
            // From short to long: it is not told when there is something for it to do.
            pause = match patience {
                Duration::ZERO => Duration::ZERO,
                _ => (2 * pause).clamp(Duration::from_millis(1), PAUSE_MAX),
            };
            tokio::select! {
                biased;
                done = &mut work => return done,
                () = tokio::time::sleep(pause.min(patience)) => {}
            }
        }
        panic!("the session never comes to rest");
    }

    /// Stops it in good order.
    pub(crate) async fn stop(mut self) {
        self.gateway.stop();
        self.aws.stop();
        self.broker.stop();
        for _ in 0..TURNS_MAX {
            let turn = self.shard.turn(&mut |job| job.run());
            match turn.expect("no fault is armed") {
                Turn::Again => {}
                Turn::Wait(patience) => tokio::time::sleep(patience).await,
                Turn::Stopped => return,
            }
        }
        panic!("the shard never stops");
    }
}

/// The runtime's time.
struct RuntimeClock(Instant);

impl Clock for RuntimeClock {
    fn now(&self) -> Now {
        let elapsed = self.0.elapsed();
        Now::new(elapsed, 1_700_000_000_000 + elapsed.as_millis() as i64)
    }
}
