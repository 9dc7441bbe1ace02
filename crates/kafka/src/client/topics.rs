//! Topics: created, listed, described, grown, deleted.

use std::time::Duration;

use uuid::Uuid;

use super::Client;
use super::cluster::{Lane, Place, Reply};
use super::error::{ClientError, Subject};
use super::retry::Repeat;
use crate::protocol::generated::create_partitions_request::CreatePartitionsTopic;
use crate::protocol::generated::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use crate::protocol::generated::delete_topics_request::DeleteTopicState;
use crate::protocol::generated::metadata_response::MetadataResponseTopic;
use crate::protocol::generated::{
    CreatePartitionsRequest, CreatePartitionsResponse, CreateTopicsRequest, CreateTopicsResponse,
    DeleteTopicsRequest, DeleteTopicsResponse,
};
use crate::protocol::{Request, Str};

/// In place of a number: the broker's default.
const BROKER_DEFAULT: i8 = -1;

/// A topic to create.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NewTopic {
    /// Its name.
    pub name: String,
    /// How many partitions; the broker's default if `None`.
    pub partitions: Option<i32>,
    /// Configuration entries in Kafka's names and units.
    pub configs: Vec<(String, String)>,
}

impl NewTopic {
    /// A topic with the broker's defaults.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            ..Self::default()
        }
    }

    /// Sets the number of partitions.
    #[must_use]
    pub fn partitions(self, partitions: i32) -> Self {
        Self {
            partitions: Some(partitions),
            ..self
        }
    }
}

/// A topic that was created.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CreatedTopic {
    /// Its name.
    pub name: String,
    /// How many partitions it got.
    pub partitions: i32,
}

/// A topic as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TopicDescription {
    /// Its name.
    pub name: String,
    /// Its id; a topic that is deleted and created again has another one.
    pub id: Uuid,
    /// Whether the broker keeps it for itself.
    pub internal: bool,
    /// Its partitions, in order.
    pub partitions: Vec<PartitionDescription>,
}

/// A partition as the cluster describes it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PartitionDescription {
    /// Its number.
    pub index: i32,
    /// The broker that leads it; nobody while there is none to lead.
    pub leader: Option<i32>,
    /// The brokers that hold it.
    pub replicas: Vec<i32>,
    /// Those of them that hold all of it.
    pub in_sync: Vec<i32>,
    pub(super) error_code: i16,
}

impl TopicDescription {
    pub(super) fn read(topic: &MetadataResponseTopic<'_>) -> Result<Self, ClientError> {
        let name = topic.name.as_deref().unwrap_or_default().to_owned();
        ClientError::check(topic.error_code, None, Subject::Topic(name.clone()))?;
        let mut partitions: Vec<_> = topic
            .partitions
            .iter()
            .map(|partition| PartitionDescription {
                index: partition.partition_index,
                leader: (partition.leader_id >= 0).then_some(partition.leader_id),
                replicas: partition.replica_nodes.clone(),
                in_sync: partition.isr_nodes.clone(),
                error_code: partition.error_code,
            })
            .collect();
        partitions.sort_by_key(|partition| partition.index);
        Ok(Self {
            name,
            id: topic.topic_id,
            internal: topic.is_internal,
            partitions,
        })
    }

    /// A partition by its number.
    pub fn partition(&self, index: i32) -> Option<&PartitionDescription> {
        self.partitions
            .iter()
            .find(|partition| partition.index == index)
    }
}

impl Client {
    /// Creates topics; tells for each of them, in order, what came of it.
    ///
    /// # Errors
    /// When the request as a whole came to nothing.
    pub async fn create_topics(
        &self,
        topics: &[NewTopic],
    ) -> Result<Vec<Result<CreatedTopic, ClientError>>, ClientError> {
        self.attempts("create topics", Repeat::Refused, || async {
            let request = CreateTopicsRequest {
                topics: topics.iter().map(creatable).collect(),
                timeout_ms: self.timeout_ms(),
                validate_only: false,
            };
            let reply = self.control(&request).await?;
            let response: CreateTopicsResponse<'_> = reply.read()?;
            let result = |topic: &NewTopic| {
                let subject = Subject::Topic(topic.name.clone());
                let found = response
                    .topics
                    .iter()
                    .find(|found| found.name == *topic.name);
                let found = found.ok_or_else(|| reply.missing(&subject))?;
                ClientError::check(found.error_code, found.error_message.as_deref(), subject)?;
                Ok(CreatedTopic {
                    name: topic.name.clone(),
                    partitions: found.num_partitions,
                })
            };
            Ok(topics.iter().map(result).collect())
        })
        .await
    }

    /// Creates a topic.
    ///
    /// # Errors
    /// [`ClientError::AlreadyExists`], or whatever else the broker has against it.
    pub async fn create_topic(&self, topic: &NewTopic) -> Result<CreatedTopic, ClientError> {
        let mut created = self.create_topics(std::slice::from_ref(topic)).await?;
        created.pop().expect("a result for every topic")
    }

    /// Deletes topics; tells for each of them, in order, what came of it.
    ///
    /// # Errors
    /// When the request as a whole came to nothing.
    pub async fn delete_topics(
        &self,
        names: &[String],
    ) -> Result<Vec<Result<(), ClientError>>, ClientError> {
        let deleted = self.attempts("delete topics", Repeat::Refused, || async {
            let deletable = |name: &String| DeleteTopicState {
                name: Some(Str::Owned(name.clone())),
                topic_id: Uuid::nil(),
            };
            let request = DeleteTopicsRequest {
                topics: names.iter().map(deletable).collect(),
                timeout_ms: self.timeout_ms(),
                ..DeleteTopicsRequest::default()
            };
            let reply = self.control(&request).await?;
            let response: DeleteTopicsResponse<'_> = reply.read()?;
            let result = |name: &String| {
                let subject = Subject::Topic(name.clone());
                let found = response
                    .responses
                    .iter()
                    .find(|found| found.name.as_deref() == Some(name));
                let found = found.ok_or_else(|| reply.missing(&subject))?;
                ClientError::check(found.error_code, found.error_message.as_deref(), subject)
            };
            Ok(names.iter().map(result).collect())
        });
        let deleted = deleted.await;
        // A topic that is created again under the name may be led by another.
        self.cluster.forget();
        deleted
    }

    /// Every topic, internal ones as well, by name.
    ///
    /// # Errors
    /// When the cluster does not answer.
    pub async fn list_topics(&self) -> Result<Vec<TopicDescription>, ClientError> {
        let listing = || async {
            let topics = self.cluster.topics(None, false).await?;
            let mut topics: Vec<_> = topics.into_iter().flatten().collect();
            topics.sort_by(|a, b| a.name.cmp(&b.name));
            Ok(topics)
        };
        self.attempts("list topics", Repeat::Lost, listing).await
    }

    /// One topic.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if there is none of that name.
    pub async fn describe_topic(&self, name: &str) -> Result<TopicDescription, ClientError> {
        let what = format!("describe topic {name}");
        self.attempts(what, Repeat::Lost, || self.cluster.topic(name, false))
            .await
    }

    /// One topic, created by the broker if it is not there and the broker does that.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the broker creates no topics by itself.
    pub async fn describe_or_create_topic(
        &self,
        name: &str,
    ) -> Result<TopicDescription, ClientError> {
        // A broker may create it in the background and say until then that there is none.
        const PATIENCE: Duration = Duration::from_secs(1);
        let started = tokio::time::Instant::now();
        loop {
            let what = format!("describe topic {name}");
            let found = self
                .attempts(what, Repeat::Lost, || self.cluster.topic(name, true))
                .await;
            match found {
                Err(ClientError::NotFound(_)) if started.elapsed() < PATIENCE => {
                    tokio::time::sleep(PATIENCE / 20).await;
                }
                found => return found,
            }
        }
    }

    /// Gives a topic more partitions.
    ///
    /// # Errors
    /// When the topic is not there or has as many already.
    pub async fn create_partitions(&self, topic: &str, count: i32) -> Result<(), ClientError> {
        self.attempts("create partitions", Repeat::Refused, || async {
            let request = CreatePartitionsRequest {
                topics: vec![CreatePartitionsTopic {
                    name: Str::from(topic),
                    count,
                    assignments: None,
                }],
                timeout_ms: self.timeout_ms(),
                validate_only: false,
            };
            let reply = self.control(&request).await?;
            let response: CreatePartitionsResponse<'_> = reply.read()?;
            let subject = Subject::Topic(topic.to_owned());
            let Some(found) = response.results.first() else {
                return Err(reply.missing(&subject));
            };
            ClientError::check(found.error_code, found.error_message.as_deref(), subject)
        })
        .await
    }

    /// Sends a request that any broker answers, and waits for the answer.
    pub(super) async fn control<'q, Q: Request<'q>>(
        &self,
        request: &Q,
    ) -> Result<Reply<Q>, ClientError> {
        self.cluster
            .call(Place::Bootstrap, Lane::Control, request)
            .await
    }

    /// The time-out as brokers are told it: how long they may work on a request.
    pub(super) fn timeout_ms(&self) -> i32 {
        let millis = self.cluster.options().timeout.as_millis();
        i32::try_from(millis).unwrap_or(i32::MAX)
    }
}

fn creatable(topic: &NewTopic) -> CreatableTopic<'_> {
    let config = |(name, value): &'_ (String, String)| CreatableTopicConfig {
        name: Str::Owned(name.clone()),
        value: Some(Str::Owned(value.clone())),
    };
    CreatableTopic {
        name: Str::from(&topic.name),
        num_partitions: topic.partitions.unwrap_or(BROKER_DEFAULT.into()),
        replication_factor: BROKER_DEFAULT.into(),
        assignments: Vec::new(),
        configs: topic.configs.iter().map(config).collect(),
    }
}
