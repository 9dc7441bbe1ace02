//! What more than one of these modules asks for, and short names for the codes on the wire.

use bytes::BytesMut;
use forebay_broker::Append;
use forebay_kafka::protocol::generated as m;
use forebay_kafka::protocol::{ErrorCode, Str};
use forebay_record::BatchBuilder;
use m::create_topics_request::{CreatableTopic, CreatableTopicConfig};
use uuid::Uuid;

use crate::support::{Client, Server};

pub(crate) const TOPIC: i8 = 2;
pub(crate) const BROKER: i8 = 4;
pub(crate) const BROKER_LOGGER: i8 = 8;
pub(crate) const CLIENT_METRICS: i8 = 16;
pub(crate) const GROUP: i8 = 32;

pub(crate) const DYNAMIC_TOPIC: i8 = 1;
pub(crate) const STATIC_BROKER: i8 = 4;
pub(crate) const DEFAULT: i8 = 5;

pub(crate) const OK: i16 = ErrorCode::None as i16;

pub(crate) fn code(error: ErrorCode) -> i16 {
    error as i16
}

pub(crate) fn new_topic(name: &str, partitions: i32) -> CreatableTopic<'static> {
    CreatableTopic {
        name: name.to_owned().into(),
        num_partitions: partitions,
        replication_factor: 3,
        ..CreatableTopic::default()
    }
}

pub(crate) fn config(name: &str, value: Option<&str>) -> CreatableTopicConfig<'static> {
    CreatableTopicConfig {
        name: name.to_owned().into(),
        value: value.map(|value| value.to_owned().into()),
    }
}

pub(crate) async fn create(
    client: &mut Client,
    version: i16,
    topics: Vec<CreatableTopic<'static>>,
) -> Vec<m::create_topics_response::CreatableTopicResult<'static>> {
    let request = m::CreateTopicsRequest {
        topics,
        timeout_ms: 1_000,
        validate_only: false,
    };
    client.ask(version, request).await.topics
}

pub(crate) async fn delete(
    client: &mut Client,
    version: i16,
    topics: Vec<(Option<&str>, Uuid)>,
) -> Vec<(Option<String>, Uuid, i16)> {
    let text = |name: &str| Str::from(name.to_owned());
    let mut request = m::DeleteTopicsRequest {
        timeout_ms: 1_000,
        ..m::DeleteTopicsRequest::default()
    };
    for (name, topic_id) in topics {
        if version >= 6 {
            let name = name.map(text);
            let topic = m::delete_topics_request::DeleteTopicState { name, topic_id };
            request.topics.push(topic);
        } else {
            request.topic_names.extend(name.map(text));
        }
    }
    let responses = client.ask(version, request).await.responses;
    let told = responses.into_iter().map(|result| {
        assert!(version < 5 || (result.error_code != OK) == result.error_message.is_some());
        let name = result.name.map(|name| name.to_string());
        (name, result.topic_id, result.error_code)
    });
    told.collect()
}

pub(crate) type NewPartitions<'a> = (&'a str, i32, Option<&'a [&'a [i32]]>);

pub(crate) async fn add_partitions(
    client: &mut Client,
    version: i16,
    topics: &[NewPartitions<'_>],
    validate_only: bool,
) -> Vec<(String, i16)> {
    use m::create_partitions_request::{CreatePartitionsAssignment, CreatePartitionsTopic};
    let topics = topics.iter().map(|(name, count, assignments)| {
        let assignment = |brokers: &&[i32]| CreatePartitionsAssignment {
            broker_ids: brokers.to_vec(),
        };
        CreatePartitionsTopic {
            name: (*name).to_owned().into(),
            count: *count,
            assignments: assignments.map(|lists| lists.iter().map(assignment).collect()),
        }
    });
    let request = m::CreatePartitionsRequest {
        topics: topics.collect(),
        timeout_ms: 1_000,
        validate_only,
    };
    let results = client.ask(version, request).await.results;
    let told = results.into_iter().map(|result| {
        assert_eq!(result.error_code != OK, result.error_message.is_some());
        (result.name.to_string(), result.error_code)
    });
    told.collect()
}

/// Stores `count` records in a partition, a batch each.
pub(crate) async fn fill(server: &Server, topic: &str, partition: i32, count: usize) {
    let batches = (0..count).map(|_| {
        let mut batch = BatchBuilder::new();
        batch
            .add(1_000, Some(b"key"), Some(b"value"), &[])
            .expect("a small record");
        Append {
            topic: server.broker.topic(topic).expect("the topic is there"),
            partition,
            batch: BytesMut::from(&*batch.build().expect("a small batch")),
        }
    });
    // A timestamp of long ago is within the default bounds.
    for result in server.broker.append(batches.collect()).await {
        result.expect("the batch is stored");
    }
}

/// Replaces what is set for a topic; answers the error code.
pub(crate) async fn replace(
    client: &mut Client,
    version: i16,
    topic: &str,
    configs: &[(&str, &str)],
    validate_only: bool,
) -> i16 {
    use m::alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let config = |(name, value): &(&str, &str)| AlterableConfig {
        name: (*name).to_owned().into(),
        value: Some((*value).to_owned().into()).filter(|_| *value != "null"),
    };
    let request = m::AlterConfigsRequest {
        resources: vec![AlterConfigsResource {
            resource_type: TOPIC,
            resource_name: topic.to_owned().into(),
            configs: configs.iter().map(config).collect(),
        }],
        validate_only,
    };
    let [response] = &client.ask(version, request).await.responses[..] else {
        panic!("one resource, one answer");
    };
    assert_eq!(
        (response.resource_type, &*response.resource_name),
        (TOPIC, topic)
    );
    assert_eq!(response.error_code != OK, response.error_message.is_some());
    response.error_code
}

/// Changes what is set for a resource; answers the error code.
pub(crate) async fn change(
    client: &mut Client,
    version: i16,
    resource_type: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
    validate_only: bool,
) -> i16 {
    let resource = alteration(resource_type, name, changes);
    let request = m::IncrementalAlterConfigsRequest {
        resources: vec![resource],
        validate_only,
    };
    let [response] = &client.ask(version, request).await.responses[..] else {
        panic!("one resource, one answer");
    };
    assert_eq!(
        (response.resource_type, &*response.resource_name),
        (resource_type, name)
    );
    assert_eq!(response.error_code != OK, response.error_message.is_some());
    response.error_code
}

pub(crate) fn alteration(
    resource_type: i8,
    name: &str,
    changes: &[(&str, i8, Option<&str>)],
) -> m::incremental_alter_configs_request::AlterConfigsResource<'static> {
    use m::incremental_alter_configs_request::{AlterConfigsResource, AlterableConfig};
    let config = |(name, config_operation, value): &(&str, i8, Option<&str>)| AlterableConfig {
        name: (*name).to_owned().into(),
        config_operation: *config_operation,
        value: value.map(|value| value.to_owned().into()),
    };
    AlterConfigsResource {
        resource_type,
        resource_name: name.to_owned().into(),
        configs: changes.iter().map(config).collect(),
    }
}
