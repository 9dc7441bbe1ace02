//! The broker's state machine: what it is asked ([`Command`]), what it knows, and how it is rebuilt.
//! It runs on the shard's thread, on top of the storage engine, and is a function of
//! (state, command, now).

mod access;
mod append;
mod command;
mod groups;
mod host;
mod replay;
#[cfg(test)]
mod tests;
mod topics;

use std::sync::Arc;
use std::time::Duration;

use forebay_storage::codec::Encoder;
use forebay_storage::shard::{Machine, Replies};
use forebay_storage::{Durability, Engine, IdMap, LogId, Now, Scratch, StorageError};
use tokio::sync::{oneshot, watch};
use uuid::Uuid;

use crate::access::Directory;
use crate::event::BrokerEvent;
use crate::group::{GroupCoordinator, GroupReply, ReplyToken};
use crate::host::{FollowedTopics, VirtualHostId};
use crate::options::BrokerOptions;
use crate::producer::Producers;
use crate::topic::config::Values;
use crate::topic::{Catalog, StreamName, TopicConfig};

pub use command::{
    AlterConfig, Append, AppendedBatch, CreatedTopic, NewTopic, ProducerIdentity, TopicRef,
};
pub(crate) use command::{Answer, Command, Prepared};
pub(crate) use host::{ExchangeId, Target};

/// How often producers that do not write any more are looked for.
const PRODUCER_EXPIRY_INTERVAL: Duration = Duration::from_secs(600);

/// All state of a broker.
pub(crate) struct BrokerMachine {
    options: BrokerOptions,
    catalog: Arc<Catalog>,
    cluster: Option<Uuid>,
    topics: IdMap<Uuid, TopicState>,
    partitions: IdMap<LogId, PartitionState>,
    next_log: LogId,
    groups: GroupCoordinator,
    host: host::Host,
    directory: Arc<Directory>,
    /// Where everybody looks it up.
    directories: watch::Sender<Arc<Directory>>,
    next_virtual_host: u64,
    waiting: IdMap<ReplyToken, oneshot::Sender<GroupReply>>,
    next_token: u64,
    departed_due: Duration,
    /// The next producer id to give out, and the first that no event has reserved.
    next_producer: i64,
    reserved_producers: i64,
    producer_expiry_due: Duration,
    /// Tells gateways whether the medium is full.
    full: watch::Sender<bool>,
    /// Whether the catalog shows what is known: not while the journal is replayed.
    open: bool,
}

/// What only the machine knows of a topic.
struct TopicState {
    name: crate::names::TopicName,
    stream: Option<Arc<StreamName>>,
    overrides: Values,
    logs: Vec<LogId>,
}

/// What only the machine knows of a partition.
#[derive(Default)]
struct PartitionState {
    producers: Producers,
}

/// An answer that waits for its durability.
pub(crate) type Reply = Answer;

impl BrokerMachine {
    pub(crate) fn new(
        options: BrokerOptions,
        catalog: Arc<Catalog>,
        scratch: Arc<Scratch>,
    ) -> Self {
        let groups = GroupCoordinator::new(options.groups.clone());
        // What a topic promises that says nothing is what a queue promises.
        let defaults = TopicConfig::new(Values::new(), &options.topic_defaults);
        let durability = defaults.map_or(Durability::Fsync, |defaults| defaults.durability);
        let recall = options.recall;
        Self {
            options,
            catalog,
            cluster: None,
            topics: IdMap::default(),
            partitions: IdMap::default(),
            next_log: LogId(1),
            groups,
            waiting: IdMap::default(),
            next_token: 1,
            departed_due: Duration::ZERO,
            next_producer: 0,
            reserved_producers: 0,
            producer_expiry_due: Duration::ZERO,
            host: host::Host::new(durability, recall, scratch),
            directory: Arc::default(),
            directories: watch::Sender::default(),
            next_virtual_host: VirtualHostId::DEFAULT.0 + 1,
            full: watch::Sender::new(false),
            open: false,
        }
    }

    /// Says when the medium is full, and when it has space again.
    pub(crate) fn watch_full(&self) -> watch::Receiver<bool> {
        self.full.subscribe()
    }

    /// Begins work on top of a recovered engine. `cluster` is the id to found the cluster under, if
    /// this is its first start; the id that counts is returned.
    pub(crate) fn open(&mut self, engine: &mut Engine, cluster: Uuid, now: Now) -> Uuid {
        self.open = true;
        let id = *self.cluster.get_or_insert_with(|| {
            engine.event(&BrokerEvent::ClusterFounded { cluster }.encode());
            cluster
        });
        // Ids up to the reservation may have been given out before the stop.
        self.next_producer = self.reserved_producers;
        self.publish_all(engine);
        self.groups.open(now);
        self.producer_expiry_due = now.monotonic + PRODUCER_EXPIRY_INTERVAL;
        self.open_access(engine, now);
        // Nobody is there yet to be told of anything.
        let mut replies = Replies::default();
        let (host, mut cx) = self.host_with(engine, now, &mut replies);
        host.open(&mut cx);
        id
    }

    /// Everybody's view of virtual hosts, users and policies.
    pub(crate) fn directories(&self) -> watch::Receiver<Arc<Directory>> {
        self.directories.subscribe()
    }

    /// What queues are subscribed to.
    pub(crate) fn followed_topics(&self) -> watch::Receiver<FollowedTopics> {
        self.host.watch_followed_topics()
    }

    fn store(engine: &mut Engine, event: &BrokerEvent) {
        engine.event(&event.encode());
    }
}

impl Machine for BrokerMachine {
    type Command = Command;
    type Reply = Reply;

    fn handle(
        &mut self,
        command: Command,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        match command {
            Command::Append { batches, answer } => {
                self.append(batches, answer, engine, now, replies)
            }
            Command::CreateTopics {
                topics,
                validate_only,
                answer,
            } => {
                self.create_topics(topics, validate_only, answer, engine, now, replies);
            }
            Command::CreateStream {
                stream,
                made_as,
                configs,
                id,
                answer,
            } => {
                let result = self.create_topic_of(stream, made_as, configs, id, engine, now);
                replies.after(Durability::Fsync, Answer::CreateStream(answer, result));
            }
            Command::DeleteTopics { topics, answer, .. } => {
                self.delete_topics(topics, answer, engine, now, replies);
            }
            Command::CreatePartitions {
                topic,
                total,
                validate_only,
                answer,
            } => {
                self.create_partitions(&topic, total, validate_only, answer, engine, now, replies);
            }
            Command::AlterConfigs {
                changes,
                validate_only,
                answer,
            } => {
                self.alter_configs(changes, validate_only, answer, engine, replies);
            }
            Command::DeleteRecords { positions, answer } => {
                self.delete_records(positions, answer, engine, replies);
            }
            Command::Publish {
                virtual_host,
                messages,
                tells_positions,
                answer,
            } => self.publish_messages(
                virtual_host,
                messages,
                tells_positions,
                answer,
                engine,
                now,
                replies,
            ),
            Command::Host {
                virtual_host,
                command,
                answer,
            } => self.host(virtual_host, command, answer, engine, now, replies),
            Command::Access {
                changes, answer, ..
            } => {
                self.change_access(changes, answer, engine, now, replies);
            }
            Command::InitProducer { answer } => self.init_producer(answer, engine, replies),
            Command::Group { command, answer } => {
                self.group(command, answer, engine, now, replies);
            }
        }
    }

    fn tick(&mut self, engine: &mut Engine, now: Now, replies: &mut Replies<Reply>) {
        self.tick_groups(engine, now, replies);
        self.tick_host(engine, now, replies);
        if now.monotonic >= self.producer_expiry_due {
            self.producer_expiry_due = now.monotonic + PRODUCER_EXPIRY_INTERVAL;
            let kept = i64::try_from(self.options.producer_id_expiration.as_millis());
            let oldest = now.aging_ms.saturating_sub(kept.unwrap_or(i64::MAX));
            for partition in self.partitions.values_mut() {
                partition.producers.expire(oldest);
            }
        }
    }

    fn stood_still(&mut self, now: Now) {
        self.groups.excuse_silence(now);
    }

    fn space_changed(&mut self, is_full: bool) {
        self.host.is_full = is_full;
        self.full.send_replace(is_full);
    }

    fn next_deadline(&self) -> Option<Duration> {
        let expiry = self.producer_expiry_due;
        let others = [self.groups_deadline(), self.host.next_deadline()];
        others.into_iter().flatten().chain([expiry]).min()
    }

    fn refuse(&mut self, command: Command) {
        command.refuse();
    }

    fn release(&mut self, reply: Reply, outcome: Result<(), &StorageError>) {
        reply.send(outcome.is_ok());
    }

    fn snapshot(&self, encoder: &mut Encoder) {
        self.encode_snapshot(encoder);
    }

    fn failure(&self) -> Option<StorageError> {
        self.host.failure()
    }
}
