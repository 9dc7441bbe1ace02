//! `/api/queues`: what there is of queues, and how they come and go.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::Response;
use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{ConnectionId, HostError, QueueDescription, VirtualHost};
use forebay_broker::topic::{MadeAs, Topic};
use futures_util::stream::{self, Stream, TryStreamExt};
use serde_json::{Value, json};

use super::authentication::Principal;
use super::body::{self, Body};
use super::error::ApiError;
use super::heads::{self, Patience};
use super::listing::{self, ListQuery, Parameters};
use super::policies::Counting;
use super::stats::Stats;
use super::walk::MessageTotals;
use super::{Context, consumers, json, put_status, streams, walk};
use crate::amqp091::method::queue::Declare;
use crate::amqp091::session::commands::exchange::RESERVED;
use crate::amqp091::session::commands::queue::queue_definition;
use crate::amqp091::session::errors::Subject;

/// When what is at the head of a queue was sent.
const HEAD_SENT: &str = "head_message_timestamp";

/// A virtual host with its name.
type Named = (String, VirtualHost);

/// `GET /queues`
pub(super) async fn list(
    State(context): State<Context>,
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let hosts = principal.virtual_hosts();
    answer(context, hosts, &parameters).await
}

/// `GET /queues/{vhost}`
pub(super) async fn of_virtual_host(
    State(context): State<Context>,
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    answer(context, vec![(vhost, host)], &parameters).await
}

/// `GET /queues/{vhost}/{name}`
pub(super) async fn get(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Json<Value>, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let name = Bytes::from(name);
    let consumers = consumers::of_queue(&context, &vhost, &name).await;
    let mut shown = match host.stream(&name) {
        Some(topic) => streams::show(&context, &vhost, &topic, consumers.len()),
        None => {
            let queue = host.queue(name).await?.ok_or(ApiError::NoObject)?;
            let sent = heads::timestamp(&context, &queue, &mut Patience::Waits).await;
            show(&context, &vhost, &host, &queue, sent)
        }
    };
    if let Some(fields) = shown.as_object_mut() {
        let mut put = |name: &str, value| drop(fields.insert(name.to_owned(), value));
        put("consumer_details", consumers.into());
        put("deliveries", json!([]));
        put("incoming", json!([]));
    }
    Ok(Json(ListQuery::unpaged(&parameters).project(shown)))
}

/// `PUT /queues/{vhost}/{name}`
pub(super) async fn declare(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    bytes: Bytes,
) -> Result<StatusCode, ApiError> {
    let host = principal.declaring_in(&vhost)?;
    let body = Body::parse(&bytes)?;
    let declare = Declare {
        queue: body::short(&name)?,
        durable: body.flag("durable")?,
        auto_delete: body.flag("auto_delete")?,
        exclusive: false,
        arguments: body.arguments()?,
        ..Declare::default()
    };
    let name = Bytes::from(name);
    let is_there = streams::is_there(&host, &name).await?;
    if name.starts_with(RESERVED) && !is_there {
        return Err(ApiError::ACCESS_REFUSED);
    }
    let nobody = ConnectionId::NOBODY;
    let subject = Subject::queue(&vhost, &name).with(&declare.arguments);
    principal.may_queue(Action::Configure, &vhost, &name)?;
    let entry = principal.directory.virtual_host(&vhost);
    let default_type = entry.map_or("", |entry| &entry.default_queue_type);
    let made_as = MadeAs::Stream;
    let stream = streams::declare(made_as, &host, subject, &declare, default_type).await?;
    if let Some(is_there) = stream {
        return Ok(put_status(is_there));
    }
    let definition = queue_definition(subject, &declare, nobody, default_type)?;
    if let Some(target) = &definition.dead_letter {
        principal.may_queue(Action::Read, &vhost, &name)?;
        principal.may_exchange(Action::Write, &vhost, &target.exchange)?;
    }
    let declared = host.declare_queue(definition, nobody).await;
    declared.map_err(|error| subject.refusal(error))?;
    Ok(put_status(is_there))
}

/// `DELETE /queues/{vhost}/{name}`
pub(super) async fn delete(
    State(context): State<Context>,
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<StatusCode, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let name = Bytes::from(name);
    if !streams::is_there(&host, &name).await? {
        return Err(ApiError::NoObject);
    }
    principal.may_queue(Action::Configure, &vhost, &name)?;
    if let Some(topic) = host.stream(&name) {
        return streams::delete(&context, &topic).await;
    }
    let asks = |what: &str| parameters.get(what).is_some_and(|text| text == "true");
    let (if_unused, if_empty) = (asks("if-unused"), asks("if-empty"));
    let nobody = ConnectionId::NOBODY;
    let deleted = host
        .delete_queue(name.clone(), if_unused, if_empty, nobody)
        .await;
    deleted.map_err(|error| Subject::queue(&vhost, &name).refusal(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is listed.
enum Row {
    /// A queue, and when what is at its head was sent, in seconds.
    Queue(Box<QueueDescription>, Option<u64>),
    /// A stream, and how many consume it.
    Stream(Arc<Topic>, usize),
}

impl Row {
    fn name(&self) -> Bytes {
        match self {
            Self::Queue(queue, _) => queue.definition.name.clone(),
            Self::Stream(topic, _) => topic.queue_name(),
        }
    }

    fn show(&self, context: &Context, vhost: &str, host: &VirtualHost) -> Value {
        match self {
            Self::Queue(queue, sent) => show(context, vhost, host, queue, *sent),
            Self::Stream(topic, consumers) => streams::show(context, vhost, topic, *consumers),
        }
    }
}

/// All queues of some virtual hosts, a part at a time; the streams of each behind its other queues.
fn parts(
    context: Context,
    hosts: Vec<Named>,
    patience: Patience,
) -> impl Stream<Item = Result<(Named, Vec<Row>), HostError>> + Send + 'static {
    let start = (hosts.into_iter(), None::<Named>, None, patience);
    stream::try_unfold(start, move |state| {
        let context = Arc::clone(&context);
        async move {
            let (mut hosts, mut current, mut after, mut left) = state;
            loop {
                let Some((vhost, host)) = current.take().or_else(|| hosts.next()) else {
                    return Ok(None);
                };
                let part = walk::queues(&host, after.take()).await?;
                if let Some(last) = part.last() {
                    after = Some(last.definition.name.clone());
                    let sent = heads::timestamps(&context, &part, &mut left).await;
                    let rows = part.into_iter().map(Box::new).zip(sent);
                    let rows = rows.map(|(queue, sent)| Row::Queue(queue, sent));
                    let next = (hosts, Some((vhost.clone(), host.clone())), after, left);
                    return Ok(Some((((vhost, host), rows.collect()), next)));
                }
                let streams = host.streams();
                if !streams.is_empty() {
                    let consumed = consumers::counts(&context, &vhost);
                    let rows = streams.into_iter().map(|topic| {
                        let count = consumed.get(&topic.queue_name());
                        Row::Stream(topic, count.copied().unwrap_or(0))
                    });
                    let next = (hosts, None, None, left);
                    return Ok(Some((((vhost, host), rows.collect()), next)));
                }
            }
        }
    })
}

async fn answer(
    context: Context,
    hosts: Vec<Named>,
    parameters: &Parameters,
) -> Result<Response, ApiError> {
    let query = ListQuery::parse(parameters)?;
    let mut patience = Patience::of_listing(query.shows(HEAD_SENT));
    if query.is_plain() {
        let parts = parts(Arc::clone(&context), hosts, patience);
        let rows = parts.map_ok(move |((vhost, host), part)| {
            let rows = part.iter().map(|row| row.show(&context, &vhost, &host));
            rows.collect()
        });
        return Ok(listing::streamed(query, rows));
    }
    // First what they are sorted by; then only those are shown that are on the page.
    let (mut keyed, mut total) = (Vec::new(), 0);
    let keyed_by_head = Patience::of_listing(query.is_sorted_by(HEAD_SENT));
    let parts = parts(Arc::clone(&context), hosts.clone(), keyed_by_head);
    let mut parts = std::pin::pin!(parts);
    while let Some(((vhost, host), part)) = parts.try_next().await? {
        total += part.len();
        for row in part {
            let name = row.name();
            if !query.names.includes(&json::text(&name)) {
                continue;
            }
            let key = match query.is_sorted() {
                true => query.key(&row.show(&context, &vhost, &host)),
                false => Value::Null,
            };
            keyed.push((key, (vhost.clone(), name)));
        }
    }
    let arranged = query.arrange(keyed, total)?;
    if arranged.envelope.is_none() {
        let start = (context, hosts, arranged.rows.into_iter(), patience);
        let rows = stream::try_unfold(start, |state| async move {
            let (context, hosts, mut names, mut left) = state;
            let part: Vec<_> = names
                .by_ref()
                .take(crate::limits::INSPECTED_AT_ONCE)
                .collect();
            if part.is_empty() {
                return Ok::<_, HostError>(None);
            }
            let rows = describe(&context, &hosts, part, &mut left).await?;
            Ok(Some((rows, (context, hosts, names, left))))
        });
        return Ok(listing::streamed(query, rows));
    }
    let rows = describe(&context, &hosts, arranged.rows, &mut patience).await?;
    let rows = rows.into_iter().map(|row| query.project(row)).collect();
    let answer = listing::with_envelope(arranged.envelope, rows);
    Ok(axum::response::IntoResponse::into_response(answer))
}

/// These queues, as far as they are still there.
async fn describe(
    context: &Context,
    hosts: &[Named],
    names: Vec<(String, Bytes)>,
    patience: &mut Patience,
) -> Result<Vec<Value>, HostError> {
    let mut rows = Vec::with_capacity(names.len());
    for (vhost, name) in names {
        let Some((_, host)) = hosts.iter().find(|(found, _)| *found == vhost) else {
            continue;
        };
        if let Some(topic) = host.stream(&name) {
            let consumers = consumers::counts(context, &vhost);
            let count = consumers.get(&name).copied().unwrap_or(0);
            rows.push(streams::show(context, &vhost, &topic, count));
        } else if let Some(queue) = host.queue(name).await? {
            let sent = heads::timestamp(context, &queue, patience).await;
            rows.push(show(context, &vhost, host, &queue, sent));
        }
    }
    Ok(rows)
}

fn show(
    context: &Context,
    vhost: &str,
    host: &VirtualHost,
    queue: &QueueDescription,
    head_sent: Option<u64>,
) -> Value {
    let definition = &queue.definition;
    let counters = &queue.counters;
    let name = json::text(&definition.name);
    let arguments = json::arguments(&definition.arguments);
    let kind = arguments.get("x-queue-type").cloned();
    let kind = kind.unwrap_or_else(|| json!("classic"));
    let messages = MessageTotals {
        ready: counters.ready + counters.delayed,
        unacknowledged: counters.locked,
    };
    let (seen, served) = (&counters.totals, &counters.served);
    let stats = Stats::new(&[
        ("publish", seen.enqueued),
        ("deliver_get", served.all()),
        ("deliver", served.delivered),
        ("deliver_no_ack", served.delivered_no_ack),
        ("get", served.got),
        ("get_no_ack", served.got_no_ack),
        ("redeliver", seen.redelivered),
        ("ack", served.acked),
    ]);
    // What of its time its consumers have room for, which is looked at now.
    let capacity = u8::from(queue.has_room);
    let (persistent, persistent_bytes) = match definition.durable {
        true => (counters.held(), counters.held_bytes),
        false => (0, 0),
    };
    let directory = context.gateway.broker.directory();
    let policies = Counting::of(|kind| directory.policy_of_queue(kind, host.id(), definition));
    let mut shown = json!({
        "type": kind,
        "arguments": arguments,
        "auto_delete": definition.settings.auto_delete,
        "consumer_capacity": capacity,
        "consumer_utilisation": capacity,
        "consumers": counters.consumers,
        "durable": definition.durable,
        "exclusive": definition.exclusive.is_some(),
        "internal": false,
        "internal_owner": false,
        "memory": queue.memory_bytes,
        "message_bytes": counters.held_bytes,
        "message_bytes_persistent": persistent_bytes,
        // Bodies are in the log, and nowhere else for long.
        "message_bytes_ram": 0,
        "message_bytes_ready": counters.ready_bytes + counters.delayed_bytes,
        "message_bytes_unacknowledged": counters.locked_bytes(),
        "messages_delayed": counters.delayed,
        "messages_persistent": persistent,
        "messages_ram": 0,
        "messages_ready_ram": 0,
        "messages_unacknowledged_ram": 0,
        "message_stats": stats.object(context, format!("queue {vhost} {name}")),
        "name": name,
        "node": context.node.name,
        "state": "running",
        "vhost": vhost,
    });
    if let Some(fields) = shown.as_object_mut() {
        messages.put(fields, context, format!("messages {vhost} {name}"));
        policies.put(fields);
        let mut put = |name: &str, value| drop(fields.insert(name.to_owned(), value));
        if definition.is_quorum() {
            // What is dead is where it goes at once, and in its queue no more.
            put("message_bytes_dlx", json!(0));
            put("messages_dlx", json!(0));
            put("leader", json!(context.node.name));
            put("members", json!([context.node.name]));
            put("online", json!([context.node.name]));
            put("delivery_limit", json!(definition.settings.delivery_limit));
        } else {
            put(HEAD_SENT, json!(head_sent));
        }
    }
    shown
}
