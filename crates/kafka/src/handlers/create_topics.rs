//! CreateTopics (key 19).
//!
//! | version | change |
//! |---|---|
//! | 4 | -1 partitions or replicas: the broker's default (KIP-464); here at every version |
//! | 5 | the answer tells partitions, replicas and configurations (KIP-525) |
//! | 6 | may be throttled (KIP-599), which never happens here |
//! | 7 | topic ids (KIP-516); nil when only validated |
//!
//! Every partition has one replica, here. A higher replication factor and assignments to any brokers
//! are accepted, because tools ask for three replicas unless told otherwise, and the answer says one.
//! Names that differ only in `.` and `_` do not collide: that is a matter of Kafka's metrics.

use hashbrown::HashMap;

use forebay_broker::topic::config::Values;
use forebay_broker::{CreatedTopic, NewTopic, TopicError, TopicName};

use super::{Call, assignment, config_resource};
use crate::errors::Refusal;
use crate::limits::TOPICS_CREATED_MAX;
use crate::protocol::generated::create_topics_request::CreatableTopic;
use crate::protocol::generated::create_topics_response::{
    CreatableTopicConfigs, CreatableTopicResult,
};
use crate::protocol::generated::{CreateTopicsRequest, CreateTopicsResponse};
use crate::protocol::{ErrorCode, Str};

/// How many replicas a partition has, whatever was asked for.
const REPLICATION_FACTOR: i16 = 1;
/// What a client says that leaves a number to the broker.
const BROKER_DEFAULT: i32 = -1;

pub(crate) async fn handle(
    call: &Call<'_>,
    request: CreateTopicsRequest<'_>,
) -> CreateTopicsResponse<'static> {
    let mut times: HashMap<&str, usize> = HashMap::new();
    for topic in &request.topics {
        *times.entry(&topic.name).or_default() += 1;
    }
    let too_many = request.topics.len() > TOPICS_CREATED_MAX;
    let mut asked = Vec::new();
    let mut new = Vec::new();
    for topic in &request.topics {
        // One answer for a name, however often it is there.
        let Some(times) = times.remove(&*topic.name) else {
            continue;
        };
        let checked = match () {
            () if too_many => Err(Refusal::new(
                ErrorCode::PolicyViolation,
                format!("a request creates at most {TOPICS_CREATED_MAX} topics"),
            )),
            () if times > 1 => Err(Refusal::invalid("the topic is in the request twice")),
            () => check(call, topic),
        };
        let refusal = match checked {
            Ok(topic) => {
                new.push(topic);
                None
            }
            Err(refusal) => Some(refusal),
        };
        asked.push((topic.name.clone().into_static(), refusal));
    }
    let created = match new.is_empty() {
        true => Vec::new(),
        false => {
            call.broker()
                .create_topics(new, request.validate_only)
                .await
        }
    };
    let mut created = created.into_iter();
    let topics = asked.into_iter().map(|(name, refusal)| match refusal {
        Some(refusal) => refused(name, refusal),
        None => match created.next().unwrap_or(Err(TopicError::Stopped)) {
            Ok(topic) => answered(call, name, &topic),
            Err(error) => refused(name, error.into()),
        },
    });
    CreateTopicsResponse {
        topics: topics.collect(),
        ..CreateTopicsResponse::default()
    }
}

/// What can be said about a topic without the broker, and what the broker is asked.
fn check(call: &Call<'_>, topic: &CreatableTopic<'_>) -> Result<NewTopic, Refusal> {
    TopicName::new(&topic.name).map_err(TopicError::from)?;
    // Before all else: who creates a topic just to be sure looks for this error.
    if call.broker().topic(&topic.name).is_some() {
        return Err(TopicError::Exists(topic.name.to_string()).into());
    }
    Ok(NewTopic {
        name: topic.name.to_string(),
        configs: configs(topic)?,
        partitions: partitions(topic)?,
    })
}

fn configs(topic: &CreatableTopic<'_>) -> Result<Values, Refusal> {
    let mut configs = Values::new();
    for config in &topic.configs {
        let Some(value) = &config.value else {
            let message = format!("configuration {} has no value", config.name);
            return Err(Refusal::new(ErrorCode::InvalidConfig, message));
        };
        configs.insert(config.name.to_string(), value.to_string());
    }
    Ok(configs)
}

fn partitions(topic: &CreatableTopic<'_>) -> Result<Option<usize>, Refusal> {
    if !topic.assignments.is_empty() {
        return assigned(topic).map(Some);
    }
    if topic.replication_factor < -1 || topic.replication_factor == 0 {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicationFactor,
            "the replication factor must be above 0, or -1 for the default",
        ));
    }
    match usize::try_from(topic.num_partitions) {
        Ok(partitions) if partitions > 0 => Ok(Some(partitions)),
        Err(_) if topic.num_partitions == BROKER_DEFAULT => Ok(None),
        _ => Err(Refusal::new(
            ErrorCode::InvalidPartitions,
            "the number of partitions must be above 0, or -1 for the default",
        )),
    }
}

/// The number of partitions that the topic's assignments make.
fn assigned(topic: &CreatableTopic<'_>) -> Result<usize, Refusal> {
    if topic.num_partitions != BROKER_DEFAULT {
        let message = "with an assignment, the number of partitions must be -1";
        return Err(Refusal::invalid(message));
    }
    if i32::from(topic.replication_factor) != BROKER_DEFAULT {
        let message = "with an assignment, the replication factor must be -1";
        return Err(Refusal::invalid(message));
    }
    let assignments = &topic.assignments;
    assignment::check(assignments.iter().map(|partition| &*partition.broker_ids))?;
    let mut indexes: Vec<i32> = assignments
        .iter()
        .map(|partition| partition.partition_index)
        .collect();
    indexes.sort_unstable();
    if !indexes.iter().copied().eq(0..assignments.len() as i32) {
        return Err(Refusal::new(
            ErrorCode::InvalidReplicaAssignment,
            "the assignments must be for partitions 0, 1 and so on, each once",
        ));
    }
    Ok(assignments.len())
}

fn answered(
    call: &Call<'_>,
    name: Str<'static>,
    topic: &CreatedTopic,
) -> CreatableTopicResult<'static> {
    let success = CreatableTopicResult {
        name,
        topic_id: topic.id,
        ..CreatableTopicResult::default()
    };
    if call.version < 5 {
        return success;
    }
    let configs = topic
        .config
        .all()
        .map(|(definition, value, source)| CreatableTopicConfigs {
            name: definition.name.into(),
            value: Some(value.to_owned().into()),
            read_only: false,
            config_source: config_resource::source_code(source),
            is_sensitive: false,
        });
    CreatableTopicResult {
        num_partitions: topic.partitions as i32,
        replication_factor: REPLICATION_FACTOR,
        configs: Some(configs.collect()),
        ..success
    }
}

fn refused(name: Str<'static>, refusal: Refusal) -> CreatableTopicResult<'static> {
    let (error_code, error_message) = refusal.into_fields();
    CreatableTopicResult {
        name,
        error_code,
        error_message,
        configs: Some(Vec::new()),
        ..CreatableTopicResult::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::generated::create_topics_request::CreatableReplicaAssignment;

    fn topic(partitions: i32, factor: i16, assigned: &[(i32, &[i32])]) -> CreatableTopic<'static> {
        let assignment = |&(partition_index, brokers): &(i32, &[i32])| CreatableReplicaAssignment {
            partition_index,
            broker_ids: brokers.to_vec(),
        };
        CreatableTopic {
            name: "t".into(),
            num_partitions: partitions,
            replication_factor: factor,
            assignments: assigned.iter().map(assignment).collect(),
            configs: Vec::new(),
        }
    }

    #[test]
    fn partitions_come_from_the_number_the_assignment_or_the_broker() {
        let partitions = |topic| partitions(&topic).map_err(|refusal| refusal.code);
        assert_eq!(partitions(topic(3, 1, &[])), Ok(Some(3)));
        assert_eq!(partitions(topic(3, 3, &[])), Ok(Some(3)));
        assert_eq!(partitions(topic(-1, -1, &[])), Ok(None));
        let assigned: &[(i32, &[i32])] = &[(1, &[2, 3]), (0, &[1, 2])];
        assert_eq!(partitions(topic(-1, -1, assigned)), Ok(Some(2)));
    }

    #[test]
    fn numbers_that_cannot_be_are_refused() {
        let code = |topic| partitions(&topic).map_err(|refusal| refusal.code);
        for wrong in [0, -2, i32::MIN] {
            let partitions = code(topic(wrong, 1, &[]));
            assert_eq!(partitions, Err(ErrorCode::InvalidPartitions));
            let factor = code(topic(1, wrong as i16, &[]));
            assert_eq!(factor, Err(ErrorCode::InvalidReplicationFactor));
        }
        for (partitions, factor) in [(1, -1), (-1, 1), (1, 1)] {
            let both = code(topic(partitions, factor, &[(0, &[1])]));
            assert_eq!(both, Err(ErrorCode::InvalidRequest));
        }
        let gap = code(topic(-1, -1, &[(0, &[1]), (2, &[1])]));
        assert_eq!(gap, Err(ErrorCode::InvalidReplicaAssignment));
        let twice = code(topic(-1, -1, &[(0, &[1]), (0, &[1])]));
        assert_eq!(twice, Err(ErrorCode::InvalidReplicaAssignment));
    }
}
