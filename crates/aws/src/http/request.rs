//! Whose a request is, what it asks and by which protocol.

use std::net::SocketAddr;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HOST, REFERER, USER_AGENT};
use hyper::http::request::Parts;
use hyper::{HeaderMap, Method, Request, Response};

use super::{body, response};
use crate::auth::{Claim, SignedRequest, claim};
use crate::gateway::Shared;
use crate::service::Service;
use crate::sns;
use crate::wire::query::Parameters;
use crate::wire::{Body, Call, Caller, Fault, Format, Origin, faults};

/// Names the operation of a request in JSON: `AmazonSQS.SendMessage`.
const TARGET: &str = "x-amz-target";
const TARGET_PREFIX: &str = "AmazonSQS.";
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers a request, whatever it is.
pub(super) async fn answer(
    shared: &Shared,
    request: Request<Incoming>,
    peer: SocketAddr,
) -> Response<Full<Bytes>> {
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let id = &*shared.request_ids.next().encode_lower(&mut id);
    let (head, body) = request.into_parts();
    let format = match head.headers.contains_key(TARGET) {
        true => Format::Json,
        false => Format::Query,
    };
    let mut service = Service::Sqs;
    let outcome = match read(shared, &head, body).await {
        Ok(bytes) => {
            let origin = origin(&head, peer);
            ask(shared, &head, &bytes, format, origin, id, &mut service).await
        }
        Err(fault) => Err(fault),
    };
    let response = match outcome {
        Ok(body) => response::success(format, body, id),
        Err(fault) => {
            shared.metrics.refused(service, fault.code);
            response::failure(format, service, &fault, id)
        }
    };
    let (head, body) = response.into_parts();
    shared.metrics.sent_bytes.add(body.len() as u64);
    Response::from_parts(head, Full::new(body))
}

async fn read(shared: &Shared, head: &Parts, body: Incoming) -> Result<Bytes, Fault> {
    if ![Method::POST, Method::GET].contains(&head.method) {
        return Err(faults::unsupported_method(head.method.as_str()));
    }
    body::read(shared, body).await
}

async fn ask(
    shared: &Shared,
    head: &Parts,
    bytes: &[u8],
    format: Format,
    origin: Origin<'_>,
    request_id: &str,
    service: &mut Service,
) -> Result<Vec<u8>, Fault> {
    let (path, query) = (head.uri.path(), head.uri.query().unwrap_or_default());
    let claim = claim(&head.headers, query)?;
    let (operation, body, asked) = match format {
        Format::Json => {
            let operation = json_operation(&head.headers)?;
            (operation.to_owned(), Body::Json(bytes), Service::Sqs)
        }
        Format::Query => {
            let parameters = parameters(head, query, bytes)?;
            let scope = claim.as_ref().map(|claim| claim.service);
            let action = parameters.get("Action").map(str::to_owned);
            let named = action.as_deref().unwrap_or_default();
            let asked = Service::of_query(scope, parameters.get("Version"), named);
            *service = asked;
            let missing = || match head.method == Method::GET {
                true => faults::unknown_operation(),
                false => faults::missing_action(),
            };
            let action = action.ok_or_else(missing)?;
            (action, Body::Query(parameters), asked)
        }
    };
    let is_open = claim.is_none() && asked == Service::Sns;
    let caller = match is_open && sns::OF_PEOPLE.contains(&&*operation) {
        true => Caller::nobody(&shared.options.region),
        false => admit(shared, head, (path, query), bytes, claim.as_ref())?,
    };
    let host = host(head);
    let endpoint = format!("{}://{host}", scheme(&head.headers));
    let call = Call {
        operation: &operation,
        body,
        caller: &caller,
        origin,
        endpoint: &endpoint,
        host,
        path,
        request_id,
    };
    shared.metrics.requested(asked, &operation);
    asked.call(shared, &call).await
}

fn admit(
    shared: &Shared,
    head: &Parts,
    (path, query): (&str, &str),
    body: &[u8],
    claim: Option<&Claim<'_>>,
) -> Result<Caller, Fault> {
    let request = SignedRequest {
        method: head.method.as_str(),
        path,
        query,
        headers: &head.headers,
        body,
    };
    let options = &shared.options;
    let now_ms = shared.broker.now().wall_ms;
    options
        .access
        .admit(claim, &request, &options.region, now_ms)
}

fn json_operation(headers: &HeaderMap) -> Result<&str, Fault> {
    if let Some(content_type) = headers.get(CONTENT_TYPE) {
        let content_type = content_type.to_str().unwrap_or_default();
        let essence = essence(content_type);
        let is_json =
            essence.starts_with("application/x-amz-json-1.") || essence == "application/json";
        if !is_json {
            return Err(faults::unsupported_content_type(content_type));
        }
    }
    let target = headers.get(TARGET).and_then(|target| target.to_str().ok());
    let operation = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
    operation.ok_or_else(faults::unknown_operation)
}

/// Those of the query string and those of the form.
fn parameters<'a>(head: &Parts, query: &'a str, body: &'a [u8]) -> Result<Parameters<'a>, Fault> {
    let content_type = head.headers.get(CONTENT_TYPE);
    let content_type = content_type.and_then(|value| value.to_str().ok());
    if let Some(content_type) = content_type
        && !body.is_empty()
        && essence(content_type) != FORM
    {
        return Err(faults::unsupported_content_type(content_type));
    }
    let form = std::str::from_utf8(body);
    let form = form.map_err(|_| faults::malformed("The request's body is not UTF-8"))?;
    Parameters::of([query, form])
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    let essence = content_type.split(';').next();
    essence.unwrap_or_default().trim()
}

fn origin(head: &Parts, peer: SocketAddr) -> Origin<'_> {
    let text = |name| head.headers.get(name).and_then(|value| value.to_str().ok());
    Origin {
        address: peer.ip(),
        user_agent: text(USER_AGENT),
        referer: text(REFERER),
    }
}

/// Where the client believes to be.
fn host(head: &Parts) -> &str {
    let header = head.headers.get(HOST).and_then(|host| host.to_str().ok());
    let authority = head.uri.authority().map(|authority| authority.as_str());
    header.or(authority).unwrap_or("localhost")
}

/// How it got there: who ends TLS in front of Forebay says so.
fn scheme(headers: &HeaderMap) -> &'static str {
    let forwarded = headers.get("x-forwarded-proto");
    match forwarded.is_some_and(|scheme| scheme == "https") {
        true => "https",
        false => "http",
    }
}
