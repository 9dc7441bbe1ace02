//! Creating, changing and deleting topics.

use std::sync::Arc;

use forebay_storage::shard::Replies;
use forebay_storage::{Durability, Engine, LogId, Now};
use tokio::sync::oneshot;
use uuid::Uuid;

use super::command::{Answer, TopicResults};
use super::{
    AlterConfig, BrokerMachine, CreatedTopic, NewTopic, PartitionState, Reply, TopicRef, TopicState,
};
use crate::error::TopicError;
use crate::event::BrokerEvent;
use crate::group::{GroupCommand, GroupEffects, ReplyToken};
use crate::host::VirtualHostId;
use crate::limits::{PARTITIONS_MAX, TOPIC_PARTITIONS_MAX};
use crate::names::TopicName;
use crate::topic::config::Values;
use crate::topic::{MadeAs, StreamName, Topic, TopicConfig};

/// What says whether a topic is a stream.
const IS_STREAM: &str = "forebay.stream";

impl BrokerMachine {
    pub(super) fn create_topics(
        &mut self,
        topics: Vec<(NewTopic, Uuid)>,
        validate_only: bool,
        answer: oneshot::Sender<TopicResults<CreatedTopic>>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let results = topics
            .into_iter()
            .map(|(topic, id)| self.create_topic(topic, None, id, validate_only, engine, now))
            .collect();
        replies.after(Durability::Fsync, Answer::CreateTopics(answer, results));
    }

    /// Creates the topic of a stream, under the name that clients of Kafka know it by.
    pub(super) fn create_topic_of(
        &mut self,
        stream: StreamName,
        made_as: MadeAs,
        mut configs: Values,
        id: Uuid,
        engine: &mut Engine,
        now: Now,
    ) -> Result<CreatedTopic, TopicError> {
        let virtual_host = self.directory.name_of(stream.virtual_host);
        let name = stream.topic(virtual_host.ok_or(TopicError::NoVirtualHost)?)?;
        // Topics may be none here unless somebody says otherwise, as whoever declares a stream does.
        if self.options.topic_defaults.contains_key(IS_STREAM) {
            configs.insert(IS_STREAM.to_owned(), "true".to_owned());
        }
        let is_declared = made_as == MadeAs::Stream || !stream.is_own_name_of(&name);
        let new = NewTopic {
            name: name.as_str().to_owned(),
            partitions: Some(1),
            configs,
        };
        let stream = is_declared.then_some(stream);
        self.create_topic(new, stream, id, false, engine, now)
    }

    fn create_topic(
        &mut self,
        new: NewTopic,
        stream: Option<StreamName>,
        id: Uuid,
        validate_only: bool,
        engine: &mut Engine,
        now: Now,
    ) -> Result<CreatedTopic, TopicError> {
        let name = TopicName::new(&new.name)?;
        if self.catalog.get(&new.name).is_some() {
            return Err(TopicError::Exists(new.name));
        }
        let partitions = new.partitions.unwrap_or(self.options.default_partitions);
        self.check_partitions(0, partitions)?;
        let config = TopicConfig::new(new.configs, &self.options.topic_defaults)?;
        let (virtual_host, queue) = match &stream {
            Some(stream) => (stream.virtual_host, &stream.queue[..]),
            None => (VirtualHostId::DEFAULT, new.name.as_bytes()),
        };
        if config.is_stream && self.host.has_queue(virtual_host, queue) {
            let queue = String::from_utf8_lossy(queue).into_owned();
            return Err(TopicError::IsQueue(queue));
        }
        let config = Arc::new(config);
        if validate_only {
            return Ok(CreatedTopic {
                id: Uuid::nil(),
                partitions,
                config,
            });
        }
        let logs = self.create_logs(partitions, &config, engine, now);
        let overrides = config.overrides().clone();
        let event = BrokerEvent::TopicCreated {
            id,
            name: name.clone(),
            overrides: overrides.clone(),
            logs: logs.clone(),
            stream: stream.clone(),
        };
        Self::store(engine, &event);
        self.topics.insert(
            id,
            TopicState {
                name,
                stream: stream.map(Arc::new),
                overrides,
                logs,
            },
        );
        self.publish(id, Arc::clone(&config), engine);
        Ok(CreatedTopic {
            id,
            partitions,
            config,
        })
    }

    pub(super) fn delete_topics(
        &mut self,
        topics: Vec<TopicRef>,
        answer: oneshot::Sender<TopicResults<(TopicName, Uuid)>>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let mut results = Vec::with_capacity(topics.len());
        for topic in topics {
            results.push(self.delete_topic(&topic, engine, now, replies));
        }
        self.host.show_followed_topics(&self.catalog);
        replies.after(Durability::Fsync, Answer::DeleteTopics(answer, results));
    }

    /// Deletes the streams that a virtual host ends with.
    pub(super) fn delete_streams(
        &mut self,
        virtual_host: VirtualHostId,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        for topic in self.catalog.bound_to(virtual_host) {
            let deleted = self.delete_topic(&TopicRef::Id(topic.id), engine, now, replies);
            if let Err(error) = deleted {
                tracing::error!(topic = %topic.name, %error, "a virtual host ends without its stream");
            }
        }
        self.host.show_followed_topics(&self.catalog);
    }

    fn delete_topic(
        &mut self,
        topic: &TopicRef,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) -> Result<(TopicName, Uuid), TopicError> {
        let found = match topic {
            TopicRef::Name(name) => self.catalog.get(name),
            TopicRef::Id(id) => self.catalog.get_by_id(*id),
        };
        let unknown = || match topic {
            TopicRef::Name(name) => TopicError::Unknown(name.clone()),
            TopicRef::Id(id) => TopicError::Unknown(id.to_string()),
        };
        let found = found.ok_or_else(unknown)?;
        let state = self.topics.remove(&found.id).ok_or_else(unknown)?;
        Self::store(engine, &BrokerEvent::TopicDeleted { id: found.id });
        for log in &state.logs {
            engine.delete_log(*log);
            self.partitions.remove(log);
        }
        self.catalog.remove(&found);
        self.host.topic_gone(found.id);
        let mut effects = GroupEffects::default();
        let command = GroupCommand::TopicDeleted {
            topic: found.name.clone(),
        };
        // Nobody waits for the coordinator's own answer.
        self.groups
            .handle(command, ReplyToken(0), now, &mut effects);
        self.take_effects(effects, engine, replies);
        Ok((found.name.clone(), found.id))
    }

    pub(super) fn create_partitions(
        &mut self,
        topic: &str,
        total: usize,
        validate_only: bool,
        answer: oneshot::Sender<Result<(), TopicError>>,
        engine: &mut Engine,
        now: Now,
        replies: &mut Replies<Reply>,
    ) {
        let result = self.add_partitions(topic, total, validate_only, engine, now);
        replies.after(Durability::Fsync, Answer::CreatePartitions(answer, result));
    }

    fn add_partitions(
        &mut self,
        name: &str,
        total: usize,
        validate_only: bool,
        engine: &mut Engine,
        now: Now,
    ) -> Result<(), TopicError> {
        let unknown = || TopicError::Unknown(name.to_owned());
        let topic = self.catalog.get(name).ok_or_else(unknown)?;
        let there = topic.partitions.len();
        if total <= there {
            let what = format!("the topic has {there} partitions; {total} would not be more");
            return Err(TopicError::Partitions(what));
        }
        self.check_partitions(there, total)?;
        if validate_only {
            return Ok(());
        }
        let logs = self.create_logs(total - there, &topic.config, engine, now);
        let event = BrokerEvent::PartitionsAdded {
            id: topic.id,
            logs: logs.clone(),
        };
        Self::store(engine, &event);
        if let Some(state) = self.topics.get_mut(&topic.id) {
            state.logs.extend(logs);
        }
        self.publish(topic.id, Arc::clone(&topic.config), engine);
        self.host.topic_grew(&self.catalog);
        Ok(())
    }

    pub(super) fn alter_configs(
        &mut self,
        changes: Vec<AlterConfig>,
        validate_only: bool,
        answer: oneshot::Sender<TopicResults<()>>,
        engine: &mut Engine,
        replies: &mut Replies<Reply>,
    ) {
        let results = changes
            .into_iter()
            .map(|change| self.alter_config(&change, validate_only, engine))
            .collect();
        replies.after(Durability::Fsync, Answer::AlterConfigs(answer, results));
    }

    fn alter_config(
        &mut self,
        change: &AlterConfig,
        validate_only: bool,
        engine: &mut Engine,
    ) -> Result<(), TopicError> {
        let unknown = || TopicError::Unknown(change.topic.clone());
        let topic = self.catalog.get(&change.topic).ok_or_else(unknown)?;
        let config = if change.replace {
            TopicConfig::new(Values::new(), &self.options.topic_defaults)?
                .changed(&change.changes)?
        } else {
            topic.config.changed(&change.changes)?
        };
        if config.is_stream && !topic.config.is_stream {
            let queue = topic.queue_name();
            if self.host.has_queue(topic.virtual_host(), &queue) {
                let queue = String::from_utf8_lossy(&queue).into_owned();
                return Err(TopicError::IsQueue(queue));
            }
        }
        if validate_only || config == *topic.config {
            return Ok(());
        }
        let overrides = config.overrides().clone();
        let event = BrokerEvent::ConfigChanged {
            id: topic.id,
            overrides: overrides.clone(),
        };
        Self::store(engine, &event);
        if let Some(state) = self.topics.get_mut(&topic.id) {
            state.overrides = overrides;
            for log in &state.logs {
                engine.set_durability(*log, config.durability);
            }
        }
        self.publish(topic.id, Arc::new(config), engine);
        Ok(())
    }

    /// Shows every topic, after a replay.
    pub(super) fn publish_all(&mut self, engine: &mut Engine) {
        let mut ids: Vec<Uuid> = self.topics.keys().copied().collect();
        ids.sort_unstable();
        for id in ids {
            let overrides = self.topics[&id].overrides.clone();
            let config = TopicConfig::new(overrides, &self.options.topic_defaults);
            // A configuration that an older version accepted and this one does not: the topic must
            // not be lost over it.
            let config = config.unwrap_or_else(|error| {
                tracing::error!(topic = %self.topics[&id].name, %error, "using default configuration");
                TopicConfig::new(Values::new(), &self.options.topic_defaults)
                    .expect("the broker's defaults are checked at start")
            });
            self.publish(id, Arc::new(config), engine);
        }
    }

    /// Makes the current state of a topic visible and tells storage what its logs keep.
    fn publish(&mut self, id: Uuid, config: Arc<TopicConfig>, engine: &mut Engine) {
        let Some(state) = self.topics.get(&id) else {
            return;
        };
        let partitions = state.logs.iter().map(|log| {
            engine
                .reader(*log)
                .expect("a topic's logs exist as long as the topic")
        });
        let partitions = partitions.collect();
        let name = state.name.clone();
        let stream = state.stream.clone();
        let topic = Arc::new(Topic {
            id,
            name,
            stream,
            config,
            partitions,
        });
        self.keep_as_said(&topic, engine);
        self.catalog.put(topic);
    }

    /// Has streams keep what policies say now.
    pub(super) fn follow_policies_of_streams(&self, engine: &mut Engine) {
        for topic in self.catalog.all() {
            self.keep_as_said(&topic, engine);
        }
        engine.check_retention();
    }

    fn keep_as_said(&self, topic: &Topic, engine: &mut Engine) {
        let policy = self.directory.kept_by(topic);
        for log in &topic.partitions {
            engine.set_policy(log.id(), policy.clone());
        }
    }

    fn create_logs(
        &mut self,
        count: usize,
        config: &TopicConfig,
        engine: &mut Engine,
        now: Now,
    ) -> Vec<LogId> {
        (0..count)
            .map(|_| {
                let log = self.next_log;
                self.next_log = log.next();
                engine.create_log(log, config.durability, now);
                self.partitions.insert(log, PartitionState::default());
                log
            })
            .collect()
    }

    fn check_partitions(&self, there: usize, total: usize) -> Result<(), TopicError> {
        if total == 0 {
            return Err(TopicError::Partitions(
                "a topic has at least one partition".to_owned(),
            ));
        }
        if total > TOPIC_PARTITIONS_MAX {
            let what = format!("a topic has at most {TOPIC_PARTITIONS_MAX} partitions");
            return Err(TopicError::Partitions(what));
        }
        if self.partitions.len() + (total - there) > PARTITIONS_MAX {
            let what = format!("a broker has at most {PARTITIONS_MAX} partitions");
            return Err(TopicError::Partitions(what));
        }
        Ok(())
    }
}
