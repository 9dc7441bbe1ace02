//! Metadata (key 3): the brokers, and where the partitions of topics are.
//!
//! | version | change |
//! |---|---|
//! | 1 | a null list asks for all topics, an empty one for none |
//! | 4 | the client says whether unknown topics may be created |
//! | 8 | authorized operations (KIP-430) |
//! | 10 | topic ids (KIP-516) |
//! | 13 | top-level error (KIP-1102) |

use std::collections::BTreeMap;
use std::sync::Arc;

use forebay_broker::topic::Topic;
use forebay_broker::{NewTopic, TopicError};
use hashbrown::HashSet;
use uuid::Uuid;

use super::Call;
use super::authorized_operations as operations;
use crate::errors;
use crate::gateway::{LEADER_EPOCH, NODE_ID};
use crate::limits::TOPICS_CREATED_MAX;
use crate::protocol::generated::metadata_response::{
    MetadataResponseBroker, MetadataResponsePartition, MetadataResponseTopic,
};
use crate::protocol::generated::{MetadataRequest, MetadataResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: MetadataRequest<'_>,
) -> MetadataResponse<'static> {
    let shared = call.shared();
    let asked = request.include_topic_authorized_operations;
    let all = match &request.topics {
        None => true,
        Some(topics) => topics.is_empty() && call.version == 0,
    };
    let topics = if all {
        call.broker()
            .catalog()
            .all()
            .iter()
            .map(|topic| known(topic, asked))
            .collect()
    } else {
        asked_for(call, &request).await
    };
    let cluster_asked = request.include_cluster_authorized_operations;
    MetadataResponse {
        brokers: vec![MetadataResponseBroker {
            node_id: NODE_ID,
            host: Str::from(&shared.host),
            port: shared.options.advertised_port.into(),
            rack: None,
        }],
        cluster_id: Some(Str::from(&shared.cluster_id)),
        controller_id: NODE_ID,
        topics,
        cluster_authorized_operations: operations::if_asked(cluster_asked, operations::CLUSTER),
        ..MetadataResponse::default()
    }
}

async fn asked_for(
    call: &Call<'_>,
    request: &MetadataRequest<'_>,
) -> Vec<MetadataResponseTopic<'static>> {
    let asked = request.include_topic_authorized_operations;
    let wanted = request.topics.as_deref().unwrap_or_default();
    let catalog = call.broker().catalog();
    let mut answers = Vec::with_capacity(wanted.len());
    let mut missing = Vec::new();
    // A few bytes ask for a topic, and its description may be large: nobody needs it twice.
    let mut seen = HashSet::new();
    for topic in wanted {
        let name = topic.name.as_deref().unwrap_or_default();
        if !seen.insert((
            topic.topic_id,
            if topic.topic_id.is_nil() { name } else { "" },
        )) {
            continue;
        }
        // The Java client sends an empty name beside an id, not a null one.
        if !topic.topic_id.is_nil() {
            answers.push(match catalog.get_by_id(topic.topic_id) {
                Some(topic) => known(&topic, asked),
                None => unknown(None, topic.topic_id, ErrorCode::UnknownTopicId),
            });
            continue;
        }
        match catalog.get(name) {
            Some(topic) => answers.push(known(&topic, asked)),
            None => {
                missing.push((answers.len(), name.to_owned()));
                let name = Some(name.to_owned().into());
                answers.push(unknown(
                    name,
                    Uuid::nil(),
                    ErrorCode::UnknownTopicOrPartition,
                ));
            }
        }
    }
    let may_create = call.version < 4 || request.allow_auto_topic_creation;
    if may_create && call.broker().options().auto_create_topics {
        create(call, missing, asked, &mut answers).await;
    } else {
        for (at, name) in missing {
            if forebay_broker::TopicName::new(&name).is_err() {
                answers[at].error_code = ErrorCode::InvalidTopicException as i16;
            }
        }
    }
    answers
}

/// Creates the topics that were asked for and are not there. Kafka has the client ask again; here
/// the topic is ready at once.
async fn create(
    call: &Call<'_>,
    mut missing: Vec<(usize, String)>,
    asked: bool,
    answers: &mut [MetadataResponseTopic<'static>],
) {
    if missing.is_empty() {
        return;
    }
    // Those beyond are still unknown, and the client asks for them again.
    missing.truncate(TOPICS_CREATED_MAX);
    let new = missing.iter().map(|(_, name)| NewTopic {
        name: name.clone(),
        partitions: None,
        configs: BTreeMap::new(),
    });
    let results = call.broker().create_topics(new.collect(), false).await;
    for ((at, name), result) in missing.into_iter().zip(results) {
        match (result, call.broker().topic(&name)) {
            // Somebody else may have been faster.
            (Ok(_) | Err(TopicError::Exists(_)), Some(topic)) => answers[at] = known(&topic, asked),
            (Ok(_), None) => {}
            (Err(error), _) => answers[at].error_code = errors::topic(&error) as i16,
        }
    }
}

fn known(topic: &Arc<Topic>, asked: bool) -> MetadataResponseTopic<'static> {
    let partition = |partition_index| MetadataResponsePartition {
        error_code: ErrorCode::None as i16,
        partition_index,
        leader_id: NODE_ID,
        leader_epoch: LEADER_EPOCH,
        replica_nodes: vec![NODE_ID],
        isr_nodes: vec![NODE_ID],
        offline_replicas: Vec::new(),
    };
    MetadataResponseTopic {
        error_code: ErrorCode::None as i16,
        name: Some(topic.name.shared().into()),
        topic_id: topic.id,
        is_internal: false,
        partitions: (0..topic.partitions.len() as i32).map(partition).collect(),
        topic_authorized_operations: operations::if_asked(asked, operations::TOPIC),
    }
}

fn unknown(
    name: Option<Str<'static>>,
    topic_id: Uuid,
    error: ErrorCode,
) -> MetadataResponseTopic<'static> {
    MetadataResponseTopic {
        error_code: error as i16,
        name,
        topic_id,
        topic_authorized_operations: operations::NOT_ASKED,
        ..MetadataResponseTopic::default()
    }
}
