//! Fetch (key 1): batches out, as they are stored.
//!
//! | version | change |
//! |---|---|
//! | 4 | isolation level, last stable offset |
//! | 7 | fetch sessions (KIP-227) |
//! | 9 | leader epoch (KIP-320) |
//! | 11 | rack and preferred replica (KIP-392): never another replica |
//! | 12 | flexible; last fetched epoch |
//! | 13 | topic ids |
//! | 15 | replica state instead of replica id: followers are not served |
//! | 16 | endpoints of new leaders (KIP-951): never needed |
//! | 17, 18 | for followers only |

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use forebay_broker::storage::LogReader;
use forebay_broker::topic::Topic;

use tokio::time::Instant;

use super::Call;
use crate::answer_memory::Held;
use crate::fetch::{FetchSession, Followed, Served, TopicKey};
use crate::gateway::stop_requested;
use crate::limits::{
    FETCH_BYTES_MAX, FETCH_MEMORY_PATIENCE, FETCH_SESSION_PARTITIONS_MAX, FETCH_WAIT_MAX,
};
use crate::protocol::generated::fetch_response::{FetchableTopicResponse, PartitionData};
use crate::protocol::generated::{FetchRequest, FetchResponse};
use crate::protocol::{ErrorCode, Str};

/// Epoch of a request that wants no session, or ends the one it names.
const FINAL_EPOCH: i32 = -1;
/// Epoch of a request that begins a session.
const INITIAL_EPOCH: i32 = 0;

/// Answers a fetch, and says which part of the memory for answers that takes.
pub(crate) async fn handle(
    call: &Call<'_>,
    request: FetchRequest<'_>,
) -> (FetchResponse<'static>, Held) {
    let refused = |error: ErrorCode| {
        let response = FetchResponse {
            error_code: error as i16,
            ..FetchResponse::default()
        };
        (response, call.shared().answer_memory.hold(0))
    };
    let (mut session, incremental) = match take_session(call, &request) {
        Ok(taken) => taken,
        Err(error) => return refused(error),
    };
    follow(call, &request, &mut session);
    if session.len() > FETCH_SESSION_PARTITIONS_MAX {
        if incremental {
            // The client begins anew, and is then served without a session.
            return refused(ErrorCode::FetchSessionIdNotFound);
        }
        session.decline();
    }
    let (responses, held) = collect(call, &request, &mut session, incremental).await;
    let session_id = session.id();
    if session_id != 0 {
        *call.context.fetch.session.lock() = Some(session);
    }
    let response = FetchResponse {
        session_id: if call.version >= 7 { session_id } else { 0 },
        responses,
        ..FetchResponse::default()
    };
    (response, held)
}

/// The session that the request goes on with, and whether it goes on or begins. One without an id
/// ends with the request.
fn take_session(
    call: &Call<'_>,
    request: &FetchRequest<'_>,
) -> Result<(FetchSession, bool), ErrorCode> {
    let sessions = &call.shared().fetch_sessions;
    let held = call.context.fetch.session.lock().take();
    if matches!(request.session_epoch, FINAL_EPOCH | INITIAL_EPOCH) || call.version < 7 {
        // Whatever there was before is over.
        drop(held);
        let wants_one = request.session_epoch == INITIAL_EPOCH && call.version >= 7;
        let slot = if wants_one { sessions.open() } else { None };
        return Ok((FetchSession::new(slot), false));
    }
    match held {
        Some(mut session) if session.id() == request.session_id => {
            if let Err(error) = session.advance(request.session_epoch) {
                *call.context.fetch.session.lock() = Some(session);
                return Err(error);
            }
            Ok((session, true))
        }
        held => {
            *call.context.fetch.session.lock() = held;
            Err(ErrorCode::FetchSessionIdNotFound)
        }
    }
}

fn follow(call: &Call<'_>, request: &FetchRequest<'_>, session: &mut FetchSession) {
    for topic in &request.forgotten_topics_data {
        let key = topic_key(call.version, &topic.topic, topic.topic_id);
        for partition in &topic.partitions {
            session.forget(&key, *partition);
        }
    }
    for topic in &request.topics {
        let key = topic_key(call.version, &topic.topic, topic.topic_id);
        let found = find(call, &key);
        for asked in &topic.partitions {
            session.follow(&key, asked, || {
                let log = found
                    .clone()
                    .and_then(|topic| log_of(&topic, asked.partition));
                Followed::new(key.clone(), log, asked)
            });
        }
    }
}

fn topic_key(version: i16, name: &str, id: uuid::Uuid) -> TopicKey {
    if version >= 13 {
        TopicKey::Id(id)
    } else {
        TopicKey::Name(name.into())
    }
}

fn find(call: &Call<'_>, topic: &TopicKey) -> Result<Arc<Topic>, ErrorCode> {
    let catalog = call.broker().catalog();
    match topic {
        TopicKey::Id(id) => catalog.get_by_id(*id).ok_or(ErrorCode::UnknownTopicId),
        TopicKey::Name(name) => catalog.get(name).ok_or(ErrorCode::UnknownTopicOrPartition),
    }
}

fn log_of(topic: &Topic, partition: i32) -> Result<LogReader, ErrorCode> {
    let log = topic.partition(partition).cloned();
    log.ok_or(ErrorCode::UnknownTopicOrPartition)
}

/// Gathers data until there is enough, something is wrong, or the time is over.
async fn collect(
    call: &Call<'_>,
    request: &FetchRequest<'_>,
    session: &mut FetchSession,
    incremental: bool,
) -> (Vec<FetchableTopicResponse<'static>>, Held) {
    let bytes_max = usize::try_from(request.max_bytes)
        .unwrap_or(0)
        .min(FETCH_BYTES_MAX);
    let bytes_min = usize::try_from(request.min_bytes)
        .unwrap_or(0)
        .min(bytes_max);
    let patience = Duration::from_millis(u64::try_from(request.max_wait_ms).unwrap_or(0));
    let deadline = call.broker().now().monotonic + patience.min(FETCH_WAIT_MAX);
    let observer = Arc::clone(&session.observer);
    loop {
        observer.begin(bytes_min as u64);
        session.note_changes();
        let queue = session.take_queue();
        let look = look(call, session, queue, bytes_max, incremental).await;
        let left = deadline.saturating_sub(call.broker().now().monotonic);
        // There is more, and it can only be asked for again.
        let enough = look.bytes >= bytes_min || look.is_full;
        let over = look.has_error || left.is_zero() || session.is_empty();
        // A deadline that passes during the wait is answered with what the next look finds.
        if enough || over || *call.shared().stopping.borrow() {
            return (group(session, look.found), look.held);
        }
        // What was found but is not enough is found again after the wait.
        drop((look.found, look.held));
        look.seen.into_iter().for_each(|key| session.enqueue(key));
        let wanted = bytes_min - look.bytes;
        observer.want_more(wanted as u64);
        observer.wait(left, &call.shared().stopping).await;
    }
}

/// What one look at the queued partitions gave.
struct Look {
    found: Vec<(u64, Served)>,
    bytes: usize,
    has_error: bool,
    /// There is more than fits, or than memory could be found for.
    is_full: bool,
    seen: Vec<u64>,
    /// The memory of what was found.
    held: Held,
}

async fn look(
    call: &Call<'_>,
    session: &mut FetchSession,
    queue: VecDeque<u64>,
    bytes_max: usize,
    incremental: bool,
) -> Look {
    let mut look = Look {
        found: Vec::new(),
        bytes: 0,
        has_error: false,
        is_full: false,
        seen: Vec::with_capacity(queue.len()),
        held: call.shared().answer_memory.hold(0),
    };
    let mut again = Vec::new();
    for key in queue {
        let full = look.is_full || (look.bytes >= bytes_max && look.bytes > 0);
        if full && incremental {
            session.enqueue(key);
            continue;
        }
        if session
            .partition(key)
            .is_some_and(|followed| followed.is_lost())
        {
            let find = |topic: &TopicKey, partition| {
                find(call, topic).and_then(|topic| log_of(&topic, partition))
            };
            session.look_up(key, find);
        }
        let Some(partition) = session.partition(key) else {
            continue;
        };
        let wanted = partition.wanted(usize::MAX);
        let budget = if full {
            0
        } else {
            let left = bytes_max - look.bytes;
            match partition.wanted(left) {
                0 => left,
                wanted => look.reserve(wanted, call).await,
            }
        };
        let first = look.bytes == 0 && !look.is_full;
        let served = partition
            .serve(budget, first, &mut look.held, &call.shared().disk_reads)
            .await;
        look.seen.push(key);
        look.bytes += served.bytes;
        // A first batch is given whole, also when it is more than was reserved for it.
        let held = look.held.bytes().max(look.bytes);
        look.held.resize(held);
        look.has_error |= served.is_error;
        if served.bytes == 0 && budget < wanted && !served.is_error {
            // Its next batch does not fit. What is left would only have all other partitions read from
            // disk, to find that theirs do not fit either.
            look.is_full = true;
            session.enqueue(key);
        } else if !served.at_end {
            again.push(key);
        }
        if !incremental || served.is_news {
            look.found.push((key, served));
        }
    }
    look.held.resize(look.bytes);
    again.into_iter().for_each(|key| session.enqueue(key));
    look
}

impl Look {
    /// Finds memory for up to `wanted` bytes more, and says for how many. Only who has nothing yet
    /// waits for it.
    async fn reserve(&mut self, wanted: usize, call: &Call<'_>) -> usize {
        let left = self.held.bytes() - self.bytes;
        if left >= wanted {
            return wanted;
        }
        let patience = match self.bytes {
            0 => FETCH_MEMORY_PATIENCE,
            _ => Duration::ZERO,
        };
        let memory = &call.shared().answer_memory;
        let reserved = memory.reserve(wanted - left, Instant::now() + patience);
        let mut stopping = call.shared().stopping.subscribe();
        let more = tokio::select! {
            biased;
            more = reserved => more,
            () = stop_requested(&mut stopping) => None,
        };
        match more {
            Some(more) => self.held.join(more),
            None => self.is_full = left == 0,
        }
        wanted.min(self.held.bytes() - self.bytes)
    }
}

/// The answer: partitions of the same topic together, in the order in which topics first appear.
fn group(
    session: &mut FetchSession,
    found: Vec<(u64, Served)>,
) -> Vec<FetchableTopicResponse<'static>> {
    let mut topics: Vec<(TopicKey, Vec<PartitionData<'static>>)> = Vec::new();
    let mut places = hashbrown::HashMap::new();
    for (key, served) in found {
        let Some(partition) = session.partition(key) else {
            continue;
        };
        partition.answered(&served);
        let topic = &partition.topic;
        let at = *places.entry(topic.clone()).or_insert_with(|| {
            topics.push((topic.clone(), Vec::new()));
            topics.len() - 1
        });
        topics[at].1.push(served.data);
    }
    let response = |(topic, partitions)| {
        let (topic, topic_id) = match topic {
            TopicKey::Name(name) => (Str::from(name), uuid::Uuid::nil()),
            TopicKey::Id(id) => (Str::default(), id),
        };
        FetchableTopicResponse {
            topic,
            topic_id,
            partitions,
        }
    };
    topics.into_iter().map(response).collect()
}
