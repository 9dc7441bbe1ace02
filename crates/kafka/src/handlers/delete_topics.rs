//! DeleteTopics (key 20).
//!
//! | version | change |
//! |---|---|
//! | 4 | flexible |
//! | 5 | error messages |
//! | 6 | by name or by id (KIP-516) |

use hashbrown::HashMap;

use forebay_broker::{TopicError, TopicRef};
use uuid::Uuid;

use super::Call;
use crate::errors::Refusal;
use crate::protocol::generated::delete_topics_response::DeletableTopicResult;
use crate::protocol::generated::{DeleteTopicsRequest, DeleteTopicsResponse};
use crate::protocol::{ErrorCode, Str};

pub(crate) async fn handle(
    call: &Call<'_>,
    request: DeleteTopicsRequest<'_>,
) -> DeleteTopicsResponse<'static> {
    let mut responses = Vec::new();
    let mut wanted = Vec::new();
    for named in request.topic_names {
        wanted.push(Wanted::Name(named));
    }
    for topic in request.topics {
        let id = topic.topic_id;
        match (topic.name, id.is_nil()) {
            (Some(name), true) => wanted.push(Wanted::Name(name)),
            (None, false) => wanted.push(Wanted::Id(id)),
            (name, _) => {
                let message = "a topic is named either by its name or by its id";
                let name = name.map(Str::into_static);
                responses.push(refused(name, id, Refusal::invalid(message)));
            }
        }
    }
    let topics = sole(call, &wanted, &mut responses);
    if !topics.is_empty() {
        let results = call.broker().delete_topics(topics.clone()).await;
        responses.extend(topics.into_iter().zip(results).map(answered));
    }
    DeleteTopicsResponse {
        responses,
        ..DeleteTopicsResponse::default()
    }
}

/// A topic in the request.
enum Wanted<'a> {
    Name(Str<'a>),
    Id(Uuid),
}

/// The topics that are in the request once; the others are refused.
fn sole(
    call: &Call<'_>,
    wanted: &[Wanted<'_>],
    responses: &mut Vec<DeletableTopicResult<'static>>,
) -> Vec<TopicRef> {
    let mut names: HashMap<&str, usize> = HashMap::new();
    let mut ids: HashMap<Uuid, usize> = HashMap::new();
    for topic in wanted {
        match topic {
            Wanted::Name(name) => *names.entry(name).or_default() += 1,
            Wanted::Id(id) => *ids.entry(*id).or_default() += 1,
        }
    }
    // A topic by its name and by its id is there twice, too.
    let id_of = |name: &str| call.broker().topic(name).map(|topic| topic.id);
    let mut found: HashMap<Uuid, &str> = HashMap::new();
    if !ids.is_empty() {
        found = names
            .keys()
            .filter_map(|name| Some((id_of(name)?, *name)))
            .filter(|(id, _)| ids.contains_key(id))
            .collect();
    }
    for (id, name) in &found {
        names.remove(name);
        ids.remove(id);
        let message = "the topic is in the request by its name and by its id";
        let name = Some(Str::from((*name).to_owned()));
        responses.push(refused(name, *id, Refusal::invalid(message)));
    }
    let mut once = Vec::new();
    let twice = || Refusal::invalid("the topic is in the request twice");
    for topic in wanted {
        // Counts are taken out, so that each topic is answered once.
        match topic {
            Wanted::Name(name) => match names.remove(&**name) {
                Some(1) => once.push(TopicRef::Name(name.to_string())),
                Some(_) => {
                    let name = Some(name.clone().into_static());
                    responses.push(refused(name, Uuid::nil(), twice()));
                }
                None => {}
            },
            Wanted::Id(id) => match ids.remove(id) {
                Some(1) => once.push(TopicRef::Id(*id)),
                Some(_) => responses.push(refused(None, *id, twice())),
                None => {}
            },
        }
    }
    once
}

fn answered(
    (asked, result): (
        TopicRef,
        Result<(forebay_broker::TopicName, Uuid), TopicError>,
    ),
) -> DeletableTopicResult<'static> {
    match (asked, result) {
        (_, Ok((name, id))) => DeletableTopicResult {
            name: Some(name.shared().into()),
            topic_id: id,
            ..DeletableTopicResult::default()
        },
        (TopicRef::Name(name), Err(error)) => refused(Some(name.into()), Uuid::nil(), error.into()),
        (TopicRef::Id(id), Err(TopicError::Unknown(_))) => {
            let message = "no topic has this id";
            refused(None, id, Refusal::new(ErrorCode::UnknownTopicId, message))
        }
        (TopicRef::Id(id), Err(error)) => refused(None, id, error.into()),
    }
}

fn refused(
    name: Option<Str<'static>>,
    topic_id: Uuid,
    refusal: Refusal,
) -> DeletableTopicResult<'static> {
    let (error_code, error_message) = refusal.into_fields();
    DeletableTopicResult {
        name,
        topic_id,
        error_code,
        error_message,
    }
}
