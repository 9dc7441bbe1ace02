//! `/api/bindings`, and the bindings of queues and exchanges.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use axum::Json;
use axum::extract::Path;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use forebay_broker::access::Action;
use forebay_broker::host::{
    Bind, BindingDescription, BindingPlace, BindingsPart, ConnectionId, HostError,
    QueueDescription, VirtualHost,
};
use forebay_broker::routing::Arguments;
use forebay_broker::topic::Topic;
use futures_util::stream::{self, Stream, StreamExt};
use serde_json::{Value, json};

use super::authentication::Principal;
use super::body::Body;
use super::error::ApiError;
use super::listing::{self, ListQuery, Parameters};
use super::{exchanges, json, topic_bindings, walk};
use crate::amqp091::session::commands::exchange;
use crate::amqp091::session::commands::subscription::source_topic;
use crate::amqp091::session::errors::Subject;
use crate::amqp091::table::Table;

/// A part of a path that names a binding: virtual host, source, kind of the destination, destination.
type Between = Path<(String, String, String, String)>;

/// `GET /bindings`
pub(super) async fn list(
    principal: Principal,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let hosts = principal.virtual_hosts();
    answer(hosts, BindingsPart::default(), &parameters).await
}

/// `GET /bindings/{vhost}`
pub(super) async fn of_virtual_host(
    principal: Principal,
    Path(vhost): Path<String>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    answer(vec![(vhost, host)], BindingsPart::default(), &parameters).await
}

/// `GET /queues/{vhost}/{name}/bindings`
pub(super) async fn of_queue(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let part = BindingsPart {
        destination: Some((name.into(), false)),
        ..BindingsPart::default()
    };
    answer(vec![(vhost, host)], part, &parameters).await
}

/// `GET /exchanges/{vhost}/{name}/bindings/source`
pub(super) async fn from_exchange(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let source = exchanges::named(&name);
    exchanges::known(&host, &source).await?;
    let part = BindingsPart {
        source: Some(source),
        ..BindingsPart::default()
    };
    answer(vec![(vhost, host)], part, &parameters).await
}

/// `GET /exchanges/{vhost}/{name}/bindings/destination`
pub(super) async fn to_exchange(
    principal: Principal,
    Path((vhost, name)): Path<(String, String)>,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let destination = exchanges::named(&name);
    exchanges::known(&host, &destination).await?;
    let part = BindingsPart {
        destination: Some((destination, true)),
        ..BindingsPart::default()
    };
    answer(vec![(vhost, host)], part, &parameters).await
}

/// `GET /bindings/{vhost}/e/{source}/{kind}/{destination}`
pub(super) async fn between(
    principal: Principal,
    path: Between,
    parameters: Parameters,
) -> Result<Response, ApiError> {
    let (vhost, host, part) = meant(&principal, path)?;
    answer(vec![(vhost, host)], part, &parameters).await
}

/// `GET .../{props}`
pub(super) async fn get(
    principal: Principal,
    Path((vhost, source, kind, destination, props)): Path<(String, String, String, String, String)>,
) -> Result<Json<Value>, ApiError> {
    let (vhost, host, part) = meant(&principal, Path((vhost, source, kind, destination)))?;
    let found = find(&host, &part, &props).await?;
    Ok(Json(show(&vhost, &found)))
}

/// `POST /bindings/{vhost}/e/{source}/{kind}/{destination}`
pub(super) async fn bind(
    principal: Principal,
    path: Between,
    bytes: Bytes,
) -> Result<Response, ApiError> {
    let (vhost, host, part) = meant(&principal, path)?;
    let body = Body::parse(&bytes)?;
    let key = body.short("routing_key")?;
    let table = body.arguments()?;
    if let Some((topic, queue)) = topic_to_queue(&host, &part).await {
        topic_bindings::may_bind(&principal, &vhost, &queue, &topic)?;
        let named = Subject::queue(&vhost, &queue);
        topic_bindings::bind(&host, named, &topic, &table).await?;
        return created(location(&queue, &[], &Arguments::default()));
    }
    let bind = binding(&part, &key, &table)?;
    may_bind(&principal, &vhost, &bind)?;
    let location = location(&bind.destination, &bind.key, &bind.arguments);
    let source = bind.source.clone();
    let bound = host.bind(bind).await;
    bound.map_err(|error| Subject::exchange(&vhost, &source).refusal(error))?;
    created(location)
}

fn created(location: String) -> Result<Response, ApiError> {
    let location = HeaderValue::try_from(location)
        .map_err(|_| ApiError::bad_request("a name is no part of a path"))?;
    Ok((StatusCode::CREATED, [(header::LOCATION, location)]).into_response())
}

/// The topic and the queue, if that is what a path is about.
async fn topic_to_queue(host: &VirtualHost, part: &BindingsPart) -> Option<(Arc<Topic>, Bytes)> {
    let (queue, false) = part.destination.clone()? else {
        return None;
    };
    Some((source_topic(host, part.source.as_ref()?).await?, queue))
}

/// `DELETE .../{props}`
pub(super) async fn unbind(
    principal: Principal,
    Path((vhost, source, kind, destination, props)): Path<(String, String, String, String, String)>,
) -> Result<StatusCode, ApiError> {
    let (vhost, host, part) = meant(&principal, Path((vhost, source, kind, destination)))?;
    let found = find(&host, &part, &props).await?;
    if found.source.is_empty() {
        return Err(ApiError::ACCESS_REFUSED);
    }
    if let Some((topic, queue)) = topic_to_queue(&host, &part).await {
        topic_bindings::may_bind(&principal, &vhost, &queue, &topic)?;
        topic_bindings::unbind(&host, Subject::queue(&vhost, &queue), &topic).await?;
        return Ok(StatusCode::NO_CONTENT);
    }
    let bind = Bind {
        source: found.source,
        destination: found.destination,
        to_exchange: found.to_exchange,
        key: found.key,
        arguments: found.arguments,
        connection: ConnectionId::NOBODY,
    };
    may_bind(&principal, &vhost, &bind)?;
    let source = bind.source.clone();
    let unbound = host.unbind(bind).await;
    unbound.map_err(|error| Subject::exchange(&vhost, &source).refusal(error))?;
    Ok(StatusCode::NO_CONTENT)
}

/// Whether the user may bind so, or undo it: by the rules of AMQP.
fn may_bind(principal: &Principal, vhost: &str, bind: &Bind) -> Result<(), ApiError> {
    match bind.to_exchange {
        true => principal.may_exchange(Action::Write, vhost, &bind.destination)?,
        false => principal.may_queue(Action::Write, vhost, &bind.destination)?,
    }
    principal.may_exchange(Action::Read, vhost, &bind.source)?;
    principal.may_topic(Action::Read, vhost, &bind.source, &bind.key)
}

/// What a path means.
fn meant(
    principal: &Principal,
    Path((vhost, source, kind, destination)): Between,
) -> Result<(String, VirtualHost, BindingsPart), ApiError> {
    let host = principal.virtual_host(&vhost)?;
    let destination = match &kind[..] {
        "q" => (Bytes::from(destination), false),
        "e" => (exchanges::named(&destination), true),
        _ => return Err(ApiError::NoObject),
    };
    let part = BindingsPart {
        source: Some(exchanges::named(&source)),
        destination: Some(destination),
        ..BindingsPart::default()
    };
    Ok((vhost, host, part))
}

/// What is to be bound, by the same rules as over AMQP.
fn binding(part: &BindingsPart, key: &[u8], table: &Table) -> Result<Bind, ApiError> {
    let (Some(source), Some((destination, to_exchange))) = (&part.source, &part.destination) else {
        return Err(ApiError::NoObject);
    };
    let nobody = ConnectionId::NOBODY;
    let bind = exchange::binding(source, destination, *to_exchange, key, table, nobody);
    Ok(bind?)
}

async fn find(
    host: &VirtualHost,
    part: &BindingsPart,
    props: &str,
) -> Result<BindingDescription, ApiError> {
    let mut next = Some(Step::start());
    while let Some(step) = next {
        let (found, more) = step.take(host, part).await?;
        let mut found = found.into_iter();
        let wanted = found.find(|found| properties_key(&found.key, &found.arguments) == *props);
        if let Some(wanted) = wanted {
            return Ok(wanted);
        }
        next = more;
    }
    Err(ApiError::NoObject)
}

/// The bindings of queues that are meant and that no exchange knows of: of the default one, and of topics.
async fn own_bindings(
    host: &VirtualHost,
    queues: &[QueueDescription],
    part: &BindingsPart,
) -> Vec<BindingDescription> {
    let mut found = Vec::new();
    for queue in queues {
        found.push(default_binding(&queue.definition.name));
        found.extend(topic_bindings::of(host, queue).await);
    }
    let source = part.source.as_ref();
    found.retain(|binding| source.is_none_or(|source| *source == binding.source));
    found
}

fn default_binding(queue: &Bytes) -> BindingDescription {
    BindingDescription {
        source: Bytes::new(),
        destination: queue.clone(),
        to_exchange: false,
        key: queue.clone(),
        arguments: Arguments::default(),
    }
}

/// Where in a virtual host a listing is.
enum Step {
    /// At what no exchange knows of, behind that of a queue.
    Own(Option<Bytes>),
    At(BindingPlace),
}

impl Step {
    fn start() -> Self {
        Self::Own(None)
    }

    /// A part of the bindings that are meant, and where the next one is.
    async fn take(
        self,
        host: &VirtualHost,
        part: &BindingsPart,
    ) -> Result<(Vec<BindingDescription>, Option<Self>), HostError> {
        match self {
            Self::Own(after) => own_part(host, part, after).await,
            Self::At(place) => {
                let (found, next) = walk::bindings(host, place, part).await?;
                Ok((found, next.map(Self::At)))
            }
        }
    }
}

/// The bindings of a virtual host that are meant, a part at a time.
fn parts(
    vhost: String,
    host: VirtualHost,
    part: BindingsPart,
) -> impl Stream<Item = Result<Vec<Value>, HostError>> + Send + 'static {
    let start = Some(Step::start());
    stream::try_unfold(
        (start, vhost, host, part),
        async |(step, vhost, host, part)| {
            let Some(step) = step else {
                return Ok(None);
            };
            let (found, next) = step.take(&host, &part).await?;
            let rows: Vec<_> = found.iter().map(|binding| show(&vhost, binding)).collect();
            Ok(Some((rows, (next, vhost, host, part))))
        },
    )
}

/// A part of what no exchange knows of, and what comes then.
async fn own_part(
    host: &VirtualHost,
    part: &BindingsPart,
    after: Option<Bytes>,
) -> Result<(Vec<BindingDescription>, Option<Step>), HostError> {
    let others = match &part.source {
        Some(source) if source.is_empty() => None,
        Some(source) if source_topic(host, source).await.is_some() => None,
        Some(_) => return Ok((Vec::new(), Some(Step::At(BindingPlace::default())))),
        None => Some(Step::At(BindingPlace::default())),
    };
    if let Some((destination, to_exchange)) = &part.destination {
        let queue = match to_exchange {
            true => None,
            false => host.queue(destination.clone()).await?,
        };
        return Ok((own_bindings(host, queue.as_slice(), part).await, others));
    }
    let queues = walk::queues(host, after).await?;
    let next = match queues.last() {
        Some(last) => Some(Step::Own(Some(last.definition.name.clone()))),
        None => others,
    };
    Ok((own_bindings(host, &queues, part).await, next))
}

async fn answer(
    hosts: Vec<(String, VirtualHost)>,
    part: BindingsPart,
    parameters: &Parameters,
) -> Result<Response, ApiError> {
    let query = ListQuery::unpaged(parameters);
    let rows = stream::iter(hosts);
    let rows = rows.flat_map(move |(vhost, host)| Box::pin(parts(vhost, host, part.clone())));
    if query.is_plain() {
        return Ok(listing::streamed(query, rows));
    }
    let mut all = Vec::new();
    let mut rows = std::pin::pin!(rows);
    while let Some(part) = rows.next().await {
        all.extend(part?);
    }
    query.answer(all)
}

fn show(vhost: &str, binding: &BindingDescription) -> Value {
    let mut shown = definition(binding);
    shown["vhost"] = json!(vhost);
    shown["properties_key"] = json!(properties_key(&binding.key, &binding.arguments));
    shown
}

/// A binding as definitions have it.
pub(super) fn definition(binding: &BindingDescription) -> Value {
    json!({
        "source": json::text(&binding.source),
        "destination": json::text(&binding.destination),
        "destination_type": if binding.to_exchange { "exchange" } else { "queue" },
        "routing_key": json::text(&binding.key),
        "arguments": json::arguments(&binding.arguments),
    })
}

/// Where a binding is found, from where it was posted to: what names it, quoted as a part of a path.
fn location(destination: &[u8], key: &[u8], arguments: &Arguments) -> String {
    let destination = quoted(destination);
    let key = properties_key(key, arguments);
    let parts: Vec<_> = key.split('~').map(|part| quoted(part.as_bytes())).collect();
    format!("{destination}/{}", parts.join("~"))
}

/// What names a binding among those between the same two: its key, and a hash of its arguments. Whoever
/// wants to know it asks for it; nothing but equality is promised, as in RabbitMQ.
fn properties_key(key: &[u8], arguments: &Arguments) -> String {
    let key_quoted = quoted(key);
    if arguments.iter().next().is_none() {
        return match key.is_empty() {
            true => "~".to_owned(),
            false => key_quoted,
        };
    }
    let mut hasher = Fnv::default();
    arguments.hash(&mut hasher);
    let hash = hasher.finish();
    let folded = (hash >> 32) ^ (hash & 0xffff_ffff);
    let folded = u32::try_from(folded).unwrap_or_default();
    format!(
        "{key_quoted}~{}",
        URL_SAFE_NO_PAD.encode(folded.to_be_bytes())
    )
}

/// FNV-1a: the same for the same arguments in every process.
struct Fnv(u64);

impl Default for Fnv {
    fn default() -> Self {
        Self(0xcbf2_9ce4_8422_2325)
    }
}

impl Hasher for Fnv {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for byte in bytes {
            self.0 = (self.0 ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3);
        }
    }
}

/// As RabbitMQ quotes what is in a form: a space is a plus.
fn quoted(text: &[u8]) -> String {
    let mut quoted = String::with_capacity(text.len());
    for byte in text {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'-' | b'_' => {
                quoted.push(char::from(*byte));
            }
            b' ' => quoted.push('+'),
            other => quoted.push_str(&format!("%{other:02X}")),
        }
    }
    quoted
}

#[cfg(test)]
mod tests {
    use super::super::body;
    use super::*;
    use crate::amqp091::routing::arguments;

    #[test]
    fn a_place_is_quoted_once_more() {
        let none = Arguments::default();
        // As RabbitMQ 4.3.6 has it.
        assert_eq!(location(b"q", b"a~b c", &none), "q/a%257Eb%2Bc");
        assert_eq!(properties_key(b"a~b c", &none), "a%7Eb+c");
    }

    #[test]
    fn keys_are_quoted_as_rabbitmq_does() {
        let none = Arguments::default();
        assert_eq!(properties_key(b"a.*", &none), "a.%2A");
        assert_eq!(properties_key(b"#", &none), "%23");
        assert_eq!(properties_key(b"", &none), "~");
        let table = body::table(&json!({"x": 1, "y": "z"}), "arguments").unwrap();
        let keyed = properties_key(b"a b/%", &arguments(&table));
        let (key, hash) = keyed.split_once('~').unwrap();
        assert_eq!((key, hash.len()), ("a+b%2F%25", 6));
        let other = body::table(&json!({"x": 1, "y": "other"}), "arguments").unwrap();
        assert_ne!(properties_key(b"a b/%", &arguments(&other)), keyed);
    }
}
