//! The broker as gateways see it: what they ask, from any thread, and what they read directly.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use forebay_storage::shard::{BackgroundJob, Mailbox, Shard, ShardMetrics, Turn};
use forebay_storage::{
    Clock, Engine, Medium, Now, Options, Recovered, Scratch, Space, StorageError,
};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::access::{AccessChange, AccessError, Directory};
use crate::error::{AppendError, DeleteRecordsError, Stopped, TopicError};
use crate::forwarding::ForwardMetrics;
use crate::group::{GroupCommand, GroupReply};
use crate::host::{FollowedTopics, Recalled, StoredMessage};
use crate::limits::ACCESS_CHANGES_BYTES_MAX;
use crate::machine::{
    AlterConfig, Append, AppendedBatch, BrokerMachine, Command, CreatedTopic, NewTopic,
    ProducerIdentity, TopicRef,
};
use crate::names::TopicName;
use crate::options::BrokerOptions;
use crate::prepare::prepare;
use crate::topic::{Catalog, Topic};

/// Where randomness comes from: the system in production, a seed in simulation.
pub trait Randomness: Send + Sync {
    /// Sixteen random bytes.
    fn bytes16(&self) -> [u8; 16];
}

/// Counts instead: the same for every run, for tests and measurements.
#[derive(Debug, Default)]
pub struct CountedRandomness(AtomicU64);

impl Randomness for CountedRandomness {
    fn bytes16(&self) -> [u8; 16] {
        let next = self.0.fetch_add(1, Ordering::Relaxed) + 1;
        u128::from(next).to_be_bytes()
    }
}

/// The world a broker runs in.
#[derive(Clone)]
pub struct Environment {
    /// What holds its bytes.
    pub medium: Arc<dyn Medium>,
    /// Its time.
    pub clock: Arc<dyn Clock>,
    /// Its randomness.
    pub randomness: Arc<dyn Randomness>,
}

/// A handle to a running broker. Clones are cheap and ask the same broker.
#[derive(Clone)]
pub struct Broker {
    shared: Arc<Shared>,
}

struct Shared {
    mailbox: Arc<Mailbox<Command>>,
    catalog: Arc<Catalog>,
    metrics: Arc<ShardMetrics>,
    full: watch::Receiver<bool>,
    options: BrokerOptions,
    environment: Environment,
    cluster: Uuid,
    directories: watch::Receiver<Arc<Directory>>,
    followed_topics: watch::Receiver<FollowedTopics>,
    forward_metrics: ForwardMetrics,
    next_id: AtomicU64,
}

/// A broker's shard, to be run on a thread of its own.
pub struct BrokerShard(Shard<BrokerMachine>);

impl BrokerShard {
    /// Serves until the broker is stopped, or until the journal fails. Blocks the thread.
    ///
    /// `help` is for what threads have to do that a medium that hangs keeps: see
    /// [`Shard::run`](forebay_storage::shard::Shard::run).
    pub fn run(self, help: impl Fn()) -> Result<(), StorageError> {
        self.0.run(help)
    }

    /// One round of [`BrokerShard::run`], for whoever brings threads and waiting of their own.
    pub fn turn(&mut self, start: &mut dyn FnMut(BackgroundJob)) -> Result<Turn, StorageError> {
        self.0.turn(start)
    }

    /// The same as whoever sends something to a shard that waits: see [`Shard::turn_in_passing`].
    pub fn turn_in_passing(&mut self) -> Option<Duration> {
        self.0.turn_in_passing()
    }
}

impl fmt::Debug for Broker {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Broker({})", self.shared.cluster)
    }
}

impl Broker {
    /// Opens what the medium holds. Nothing is answered before [`BrokerShard::run`] runs.
    pub fn open(
        environment: Environment,
        storage: Options,
        options: BrokerOptions,
    ) -> Result<(Self, BrokerShard, Recovered), StorageError> {
        let catalog = Arc::new(Catalog::default());
        let medium = Arc::clone(&environment.medium);
        let scratch = Scratch::new(Arc::clone(&medium));
        let mut machine = BrokerMachine::new(options.clone(), Arc::clone(&catalog), scratch);
        let (mut engine, recovered) = Engine::open(
            Arc::clone(&medium),
            storage,
            &mut machine,
            environment.clock.now(),
        )?;
        // Sessions count from here: the opening may have taken longer than some last.
        let now = environment.clock.now();
        let id = uuid::Builder::from_random_bytes(environment.randomness.bytes16()).into_uuid();
        let cluster = machine.open(&mut engine, id, now);
        let directories = machine.directories();
        let full = machine.watch_full();
        let followed_topics = machine.followed_topics();
        let shard = Shard::new(engine, machine, medium, Arc::clone(&environment.clock));
        let shared = Shared {
            mailbox: shard.mailbox(),
            catalog,
            metrics: shard.metrics(),
            full,
            options,
            environment,
            cluster,
            directories,
            followed_topics,
            forward_metrics: ForwardMetrics::default(),
            next_id: AtomicU64::new(1),
        };
        Ok((
            Self {
                shared: Arc::new(shared),
            },
            BrokerShard(shard),
            recovered,
        ))
    }

    /// What a message was published with, if it came by a protocol that keeps that in a form of its own.
    pub fn recall(&self, message: &StoredMessage) -> Recalled {
        message.recall(self.shared.options.recall)
    }

    /// Has the shard finish what it was asked, take a snapshot and end.
    pub fn stop(&self) {
        self.shared.mailbox.stop();
    }

    /// The cluster's id, the same since its first start.
    pub fn cluster_id(&self) -> Uuid {
        self.shared.cluster
    }

    /// The settings it runs with.
    pub fn options(&self) -> &BrokerOptions {
        &self.shared.options
    }

    /// What its shard counts.
    pub fn shard_metrics(&self) -> &ShardMetrics {
        &self.shared.metrics
    }

    /// How full the medium is. Blocks.
    pub fn space(&self) -> Result<Space, StorageError> {
        self.shared.environment.medium.space()
    }

    /// Whether the medium is full, so that what producers and publishers bring waits or is refused; and
    /// when that changes.
    pub fn watch_full(&self) -> watch::Receiver<bool> {
        self.shared.full.clone()
    }

    /// Both clocks.
    pub fn now(&self) -> Now {
        self.shared.environment.clock.now()
    }

    /// Sixteen random bytes.
    pub fn random(&self) -> [u8; 16] {
        self.shared.environment.randomness.bytes16()
    }

    /// The topics there are.
    pub fn catalog(&self) -> &Catalog {
        &self.shared.catalog
    }

    /// The topic of this name.
    pub fn topic(&self, name: &str) -> Option<Arc<Topic>> {
        self.shared.catalog.get(name)
    }

    /// Creates topics, each with a result of its own.
    pub async fn create_topics(
        &self,
        topics: Vec<NewTopic>,
        validate_only: bool,
    ) -> Vec<Result<CreatedTopic, TopicError>> {
        let count = topics.len();
        let with_id = |mut topic: NewTopic| {
            // Said here, so that the command's cost is known before the shard takes it.
            topic
                .partitions
                .get_or_insert(self.options().default_partitions);
            let id = uuid::Builder::from_random_bytes(self.random()).into_uuid();
            (topic, id)
        };
        let topics = topics.into_iter().map(with_id).collect();
        let asked = self.ask(|answer| Command::CreateTopics {
            topics,
            validate_only,
            answer,
        });
        asked.await.unwrap_or_else(|Stopped| stopped(count))
    }

    /// Deletes topics, each with a result of its own.
    pub async fn delete_topics(
        &self,
        topics: Vec<TopicRef>,
    ) -> Vec<Result<(TopicName, Uuid), TopicError>> {
        let count = topics.len();
        // Said here, as a topic's partitions are when it is created.
        let found = topics.iter().filter_map(|topic| match topic {
            TopicRef::Name(name) => self.catalog().get(name),
            TopicRef::Id(id) => self.catalog().get_by_id(*id),
        });
        let partitions = found.map(|topic| topic.partitions.len()).sum();
        let asked = self.ask(|answer| Command::DeleteTopics {
            topics,
            partitions,
            answer,
        });
        asked.await.unwrap_or_else(|Stopped| stopped(count))
    }

    /// Raises a topic's number of partitions to `total`.
    pub async fn create_partitions(
        &self,
        topic: &str,
        total: usize,
        validate_only: bool,
    ) -> Result<(), TopicError> {
        let topic = topic.to_owned();
        let asked = self.ask(|answer| Command::CreatePartitions {
            topic,
            total,
            validate_only,
            answer,
        });
        asked.await.unwrap_or(Err(TopicError::Stopped))
    }

    /// Changes configurations of topics, each with a result of its own.
    pub async fn alter_configs(
        &self,
        changes: Vec<AlterConfig>,
        validate_only: bool,
    ) -> Vec<Result<(), TopicError>> {
        let count = changes.len();
        let asked = self.ask(|answer| Command::AlterConfigs {
            changes,
            validate_only,
            answer,
        });
        asked.await.unwrap_or_else(|Stopped| stopped(count))
    }

    /// Deletes records before an offset of a partition (none: all records); each result is the
    /// first offset that is left.
    pub async fn delete_records(
        &self,
        positions: Vec<(Arc<Topic>, i32, Option<u64>)>,
    ) -> Vec<Result<u64, DeleteRecordsError>> {
        let count = positions.len();
        let asked = self.ask(|answer| Command::DeleteRecords { positions, answer });
        let stopped = |Stopped| {
            (0..count)
                .map(|_| Err(DeleteRecordsError::Stopped))
                .collect()
        };
        asked.await.unwrap_or_else(stopped)
    }

    /// Appends batches, each with a result of its own, answered when all have reached the
    /// durability of their topics. The batches are in the broker's hands, in order, when this
    /// returns; the future only waits.
    pub fn append(
        &self,
        batches: Vec<Append>,
    ) -> impl Future<Output = Vec<Result<AppendedBatch, AppendError>>> + Send + use<> {
        let count = batches.len();
        let now = self.now();
        let batches = batches
            .into_iter()
            .map(|batch| prepare(batch, now))
            .collect();
        let asked = self.ask(|answer| Command::Append { batches, answer });
        async move {
            let failed = |Stopped| (0..count).map(|_| Err(AppendError::Failed)).collect();
            asked.await.unwrap_or_else(failed)
        }
    }

    /// Virtual hosts, users and policies as they are now.
    pub fn directory(&self) -> Arc<Directory> {
        Arc::clone(&self.shared.directories.borrow())
    }

    /// The same, for who wants to know when it changes.
    pub fn directories(&self) -> watch::Receiver<Arc<Directory>> {
        self.shared.directories.clone()
    }

    /// What queues are subscribed to, and when that changes.
    pub(crate) fn followed_topics(&self) -> watch::Receiver<FollowedTopics> {
        self.shared.followed_topics.clone()
    }

    /// What queues were given of the topics that they are subscribed to.
    pub fn forward_metrics(&self) -> &ForwardMetrics {
        &self.shared.forward_metrics
    }

    /// Changes virtual hosts, users, policies and parameters: all that is asked, or nothing. Answered when
    /// it survives a power cut.
    pub async fn change_access(&self, changes: Vec<AccessChange>) -> Result<(), AccessError> {
        let bytes: usize = changes.iter().map(AccessChange::stored_bytes).sum();
        if bytes > ACCESS_CHANGES_BYTES_MAX {
            let (what, limit) = ("what is changed at once", ACCESS_CHANGES_BYTES_MAX);
            return Err(AccessError::TooLarge { what, limit });
        }
        // Said here, as a topic's partitions are when it is deleted.
        let logs = self.logs_ended_by(&changes);
        let asked = self.ask(|answer| Command::Access {
            changes,
            logs,
            answer,
        });
        asked.await.unwrap_or(Err(AccessError::Stopped))
    }

    /// How many logs of streams go with the virtual hosts that end.
    fn logs_ended_by(&self, changes: &[AccessChange]) -> usize {
        let directory = self.directory();
        let ended = changes.iter().filter_map(|change| match change {
            AccessChange::DeleteVirtualHost { name } => directory.virtual_host(name),
            _ => None,
        });
        let streams = ended.flat_map(|entry| self.catalog().bound_to(entry.id));
        streams.map(|topic| topic.partitions.len()).sum()
    }

    /// Gives out an identity for an idempotent producer.
    pub async fn init_producer(&self) -> Result<ProducerIdentity, Stopped> {
        self.ask(|answer| Command::InitProducer { answer }).await
    }

    /// Asks the coordinator of consumer groups. Dropping the future takes the question back.
    pub fn group(
        &self,
        command: GroupCommand,
    ) -> impl Future<Output = Result<GroupReply, Stopped>> + Send + use<> {
        self.ask(|answer| Command::Group { command, answer })
    }

    /// A number for a connection, a consumer or a pool that no other has since the broker started.
    pub fn next_id(&self) -> u64 {
        self.shared.next_id.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn ask<T: Send + 'static, F: FnOnce(oneshot::Sender<T>) -> Command>(
        &self,
        command: F,
    ) -> impl Future<Output = Result<T, Stopped>> + Send + use<T, F> {
        let (answer, asked) = oneshot::channel();
        // A closed mailbox gives the command back; dropping it closes the channel.
        let _ = self.shared.mailbox.send(command(answer));
        async move { asked.await.map_err(|_| Stopped) }
    }
}

fn stopped<T>(count: usize) -> Vec<Result<T, TopicError>> {
    (0..count).map(|_| Err(TopicError::Stopped)).collect()
}
