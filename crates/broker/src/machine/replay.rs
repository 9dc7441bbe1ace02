//! Rebuilding the machine from a snapshot and the journal.
//!
//! Snapshot: version u8, cluster id (presence, 16), next log u64, reserved producer ids i64,
//! topic* (id 16, name, overrides, logs), partition* (log u64, producers), groups, virtual hosts,
//! next virtual host u64, directory, subscription of a queue to a topic* (log of the queue u64, topic's id 16,
//! next offset u64* by partition), what a topic was declared as among the queues* (topic's id 16, virtual host u64, queue).

use std::sync::Arc;

use forebay_record::BatchHeader;
use forebay_storage::codec::{DecodeError, Decoder, Encoder};
use forebay_storage::limits::NUMBER_MAX;
use forebay_storage::{Engine, LogId, Replay};
use hashbrown::HashSet;

use super::{BrokerMachine, PartitionState, TopicState};
use crate::access::Directory;
use crate::event::{
    BrokerEvent, put_logs, put_stream, put_values, take_logs, take_name, take_producer_id,
    take_stream, take_uuid, take_values,
};
use crate::group::GroupCoordinator;
use crate::host::VirtualHostId;
use crate::producer::Producers;

/// Version 1 has no virtual host, version 2 only the default one, version 3 no subscriptions to topics, and version 4
/// no names of streams.
const VERSION: u8 = 5;

impl Replay for BrokerMachine {
    fn restore(&mut self, snapshot: &[u8]) -> Result<(), String> {
        self.decode_snapshot(snapshot)
            .map_err(|error| error.to_string())
    }

    fn appended(
        &mut self,
        log: LogId,
        header: &BatchHeader,
        batch: &[u8],
        wall_ms: i64,
    ) -> Result<(), String> {
        if header.has_producer_id()
            && let Some(partition) = self.partitions.get_mut(&log)
        {
            partition
                .producers
                .appended(header, header.base_offset as u64, wall_ms);
        }
        self.host.replay_batch(log, header, batch, wall_ms)
    }

    fn event(&mut self, payload: &[u8], _wall_ms: i64) -> Result<(), String> {
        let event = BrokerEvent::decode(payload).map_err(|error| error.to_string())?;
        self.apply(event)
    }

    /// Nothing that was written by a broker fails here; what fails could not be worked with.
    fn complete(&mut self, engine: &Engine) -> Result<(), String> {
        if let Some(newest) = engine.log_ids().max() {
            // What a log's id was stays its own, whoever knows of the log.
            self.next_log = self.next_log.max(newest.next());
        }
        let counted = [
            ("log ids", self.next_log.0),
            ("producer ids", self.reserved_producers.unsigned_abs()),
        ];
        for (what, next) in counted {
            // Counting on from there must not lead beyond what can be read back.
            if next > NUMBER_MAX / 2 {
                return Err(format!("{what} are used up: the next is {next}"));
            }
        }
        let mut names = HashSet::new();
        let mut logs = HashSet::new();
        let mut streams = HashSet::new();
        for topic in self.topics.values() {
            let name = &topic.name;
            if !names.insert(name) {
                return Err(format!("there are two topics of the name {name}"));
            }
            if let Some(stream) = &topic.stream {
                let known = self.directory.name_of(stream.virtual_host);
                if known.is_none() && stream.virtual_host != VirtualHostId::DEFAULT {
                    return Err(format!("the virtual host of stream {name} does not exist"));
                }
                if !streams.insert((stream.virtual_host, &stream.queue)) {
                    return Err(format!("stream {name} is called as another one"));
                }
            }
            if topic.logs.is_empty() {
                return Err(format!("topic {name} has no partitions"));
            }
            for log in &topic.logs {
                if !logs.insert(log) {
                    return Err(format!("log {log} is the log of two partitions"));
                }
                if engine.next_offset(*log).is_none() {
                    return Err(format!("log {log} of topic {name} does not exist"));
                }
            }
        }
        if let Some(log) = self.host.queues().find(|queue| logs.contains(queue)) {
            return Err(format!(
                "log {log} is the log of a partition and of a queue"
            ));
        }
        let logs_of = |topic| self.topics.get(&topic).map(|topic| &topic.logs[..]);
        self.host.check_topic_subscriptions(logs_of, engine)?;
        self.host.check(engine)
    }
}

impl BrokerMachine {
    fn apply(&mut self, event: BrokerEvent) -> Result<(), String> {
        match event {
            BrokerEvent::ClusterFounded { cluster } => self.cluster = Some(cluster),
            BrokerEvent::TopicCreated {
                id,
                name,
                overrides,
                logs,
                stream,
            } => {
                self.adopt_logs(&logs);
                let topic = TopicState {
                    name,
                    stream: stream.map(Arc::new),
                    overrides,
                    logs,
                };
                if let Some(other) = self.topics.insert(id, topic) {
                    return Err(format!("topic {} is created again", other.name));
                }
            }
            BrokerEvent::TopicDeleted { id } => {
                self.host.topic_gone(id);
                if let Some(topic) = self.topics.remove(&id) {
                    for log in &topic.logs {
                        self.partitions.remove(log);
                    }
                }
            }
            BrokerEvent::PartitionsAdded { id, logs } => {
                self.adopt_logs(&logs);
                if let Some(topic) = self.topics.get_mut(&id) {
                    topic.logs.extend(logs);
                }
            }
            BrokerEvent::ConfigChanged { id, overrides } => {
                if let Some(topic) = self.topics.get_mut(&id) {
                    topic.overrides = overrides;
                }
            }
            BrokerEvent::ProducerIdsReserved { next } => self.reserved_producers = next,
            BrokerEvent::Group(event) => self.groups.apply(&event),
            BrokerEvent::Host(event) => self.host.apply(event)?,
            BrokerEvent::AccessChanged { change, founded } => {
                self.replay_access(change, founded)?;
            }
        }
        Ok(())
    }

    fn adopt_logs(&mut self, logs: &[LogId]) {
        for log in logs {
            self.partitions.insert(*log, PartitionState::default());
            self.next_log = self.next_log.max(log.next());
        }
    }

    pub(super) fn encode_snapshot(&self, encoder: &mut Encoder) {
        encoder.u8(VERSION);
        encoder.option(self.cluster, |encoder, cluster| {
            encoder.bytes16(cluster.as_bytes());
        });
        encoder.u64(self.next_log.0).i64(self.reserved_producers);
        encoder.list(&self.topics, |encoder, (id, topic)| {
            encoder.bytes16(id.as_bytes()).str(topic.name.as_str());
            put_values(encoder, &topic.overrides);
            put_logs(encoder, &topic.logs);
        });
        encoder.list(&self.partitions, |encoder, (log, partition)| {
            encoder.u64(log.0);
            partition.producers.encode(encoder);
        });
        self.groups.snapshot(encoder);
        self.host.snapshot(encoder);
        encoder.u64(self.next_virtual_host);
        self.directory.encode(encoder);
        self.host.snapshot_topic_subscriptions(encoder);
        let topics = self.topics.iter();
        let streams = topics.filter_map(|(id, topic)| Some((id, topic.stream.as_deref()?)));
        encoder.list(streams.collect::<Vec<_>>(), |encoder, (id, stream)| {
            encoder.bytes16(id.as_bytes());
            put_stream(encoder, stream);
        });
    }

    fn decode_snapshot(&mut self, snapshot: &[u8]) -> Result<(), DecodeError> {
        let mut decoder = Decoder::new(snapshot);
        let version = decoder.u8()?;
        if !(1..=VERSION).contains(&version) {
            return Err(DecodeError::Invalid {
                what: "version of broker snapshot",
            });
        }
        self.cluster = decoder.option(take_uuid)?;
        self.next_log = LogId(decoder.number()?);
        self.reserved_producers = take_producer_id(&mut decoder)?;
        let topics = decoder.list(|decoder| {
            let id = take_uuid(decoder)?;
            let name = take_name(decoder)?;
            let overrides = take_values(decoder)?;
            Ok((
                id,
                TopicState {
                    name,
                    stream: None,
                    overrides,
                    logs: take_logs(decoder)?,
                },
            ))
        })?;
        self.topics = topics.into_iter().collect();
        decoder.each(|decoder| {
            let log = LogId(decoder.number()?);
            let producers = Producers::decode(decoder)?;
            self.partitions.insert(log, PartitionState { producers });
            Ok(())
        })?;
        self.groups = GroupCoordinator::restore(&mut decoder, self.options.groups.clone())?;
        if version >= 2 {
            self.host.restore(version >= 3, &mut decoder)?;
        }
        if version >= 3 {
            self.next_virtual_host = decoder.number()?;
            self.directory = Arc::new(Directory::decode(&mut decoder)?);
        }
        if version >= 4 {
            self.host.restore_topic_subscriptions(&mut decoder)?;
        }
        if version >= 5 {
            decoder.each(|decoder| {
                let id = take_uuid(decoder)?;
                let stream = take_stream(decoder)?;
                let topic = self.topics.get_mut(&id).ok_or(DecodeError::Invalid {
                    what: "topic of a stream",
                })?;
                topic.stream = Some(Arc::new(stream));
                Ok(())
            })?;
        }
        decoder.finish()
    }
}
