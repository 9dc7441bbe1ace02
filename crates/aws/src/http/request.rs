//! Whose a request is, what it asks and by which protocol.

use std::borrow::Cow;
use std::net::SocketAddr;

use super::head::{Request, readable};
use super::response::{self, Answer, Outcome};
use crate::auth::{Claim, SignedRequest, claim};
use crate::gateway::Shared;
use crate::limits;
use crate::service::Service;
use crate::sns;
use crate::wire::query::Parameters;
use crate::wire::{Body, Call, Caller, Fault, Format, Origin, faults};

/// What the operation of a request in JSON is named with: `AmazonSQS.SendMessage`.
const TARGET_PREFIX: &str = "AmazonSQS.";
const FORM: &str = "application/x-www-form-urlencoded";

/// Answers a request that is there in full.
pub(super) async fn answer(shared: &Shared, request: Request<'_>, peer: SocketAddr) -> Answer {
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let id = &*shared.request_ids.next().encode_lower(&mut id);
    let format = format(request);
    let mut service = Service::Sqs;
    let body = request.body();
    shared.metrics.received_bytes.add(body.len() as u64);
    let mut content_type = None;
    let body = match (unsupported_method(request), certificate(shared, request)) {
        (None, None) => {
            let origin = origin(shared, request, peer);
            ask(shared, request, format, origin, id, &mut service).await
        }
        // Seldom, and large.
        (None, Some(certificate)) => {
            content_type = Some("application/x-pem-file");
            Box::pin(certificate).await
        }
        (Some(fault), _) => Err(fault),
    };
    let outcome = Outcome {
        format,
        content_type,
        service,
        request_id: id,
        body,
        is_last: shared.is_stopping(),
    };
    response::write(shared, request, outcome)
}

/// The certificate of what SNS signs, if that is what a request is for.
fn certificate<'r>(
    shared: &'r Shared,
    request: Request<'r>,
) -> Option<impl Future<Output = Result<Vec<u8>, Fault>> + use<'r>> {
    let path = request.path();
    let is_asked_for = request.method() == "GET" && sns::is_certificate(path);
    is_asked_for.then_some(async {
        let certificate = shared.sns.certificate(path).await;
        let pem = certificate.ok_or_else(faults::unknown_operation)?;
        Ok(pem.into_bytes())
    })
}

/// The last answer of a connection: to a request whose body is not awaited.
pub(super) fn refusal(shared: &Shared, request: Request<'_>, fault: Fault) -> Answer {
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    let outcome = Outcome {
        format: format(request),
        content_type: None,
        service: Service::Sqs,
        request_id: shared.request_ids.next().encode_lower(&mut id),
        body: Err(fault),
        is_last: true,
    };
    response::write(shared, request, outcome)
}

/// Why the body of a request is not awaited: there is more of it than of any request, or its client asks first.
pub(super) fn unwanted(request: Request<'_>) -> Option<Fault> {
    if request.head.announces_more_than(limits::REQUEST_BYTES_MAX) {
        return Some(faults::too_large(limits::REQUEST_BYTES_MAX));
    }
    let expects = request.head.expects_continue;
    unsupported_method(request).filter(|_| expects)
}

fn unsupported_method(request: Request<'_>) -> Option<Fault> {
    let method = request.method();
    let is_supported = ["POST", "GET"].contains(&method);
    (!is_supported).then(|| faults::unsupported_method(method))
}

fn format(request: Request<'_>) -> Format {
    match request.target() {
        Some(_) => Format::Json,
        None => Format::Query,
    }
}

async fn ask(
    shared: &Shared,
    request: Request<'_>,
    format: Format,
    origin: Origin<'_>,
    request_id: &str,
    service: &mut Service,
) -> Result<Vec<u8>, Fault> {
    let claim = claim(request.authorization(), request.date(), request.query())?;
    let (operation, body, asked) = match format {
        Format::Json => {
            let operation = json_operation(request)?;
            (
                Cow::Borrowed(operation),
                Body::Json(request.body()),
                Service::Sqs,
            )
        }
        Format::Query => {
            let parameters = parameters(request)?;
            let scope = claim.as_ref().map(|claim| claim.service);
            let action = parameters.get("Action").map(str::to_owned);
            let named = action.as_deref().unwrap_or_default();
            let asked = Service::of_query(scope, parameters.get("Version"), named);
            *service = asked;
            let missing = || match request.method() {
                "GET" => faults::unknown_operation(),
                _ => faults::missing_action(),
            };
            let action = action.ok_or_else(missing)?;
            (Cow::Owned(action), Body::Query(parameters), asked)
        }
    };
    let is_open = claim.is_none() && asked == Service::Sns;
    let caller = match is_open && sns::OF_PEOPLE.contains(&&*operation) {
        true => Caller::nobody(&shared.options.region),
        false => admit(shared, request, claim.as_ref())?,
    };
    let host = request.host().unwrap_or("localhost");
    let endpoint = format!("{}://{host}", scheme(request));
    let call = Call {
        operation: &operation,
        body,
        caller: &caller,
        origin,
        endpoint: &endpoint,
        host,
        path: request.path(),
        request_id,
    };
    shared.metrics.requested(asked, &operation);
    asked.call(shared, &call).await
}

/// Where a request comes from. Only policies ask, and those only where callers are who they say.
fn origin<'a>(shared: &Shared, request: Request<'a>, peer: SocketAddr) -> Origin<'a> {
    let is_asked = shared.options.access.is_verified();
    let field = |name: &str| match is_asked {
        true => request.fields().values(name).next().and_then(readable),
        false => None,
    };
    Origin {
        address: peer.ip(),
        user_agent: field("user-agent"),
        referer: field("referer"),
    }
}

fn admit(
    shared: &Shared,
    request: Request<'_>,
    claim: Option<&Claim<'_>>,
) -> Result<Caller, Fault> {
    let signed = SignedRequest {
        method: request.method(),
        path: request.path(),
        query: request.query(),
        fields: request.fields(),
        body: request.body(),
    };
    let options = &shared.options;
    let now_ms = shared.broker.now().wall_ms;
    options
        .access
        .admit(claim, &signed, &options.region, now_ms)
}

fn json_operation(request: Request<'_>) -> Result<&str, Fault> {
    if let Some(content_type) = request.content_type() {
        let content_type = readable(content_type).unwrap_or_default();
        let essence = essence(content_type);
        let is_json =
            essence.starts_with("application/x-amz-json-1.") || essence == "application/json";
        if !is_json {
            return Err(faults::unsupported_content_type(content_type));
        }
    }
    let target = request.target().and_then(readable);
    let operation = target.and_then(|target| target.strip_prefix(TARGET_PREFIX));
    operation.ok_or_else(faults::unknown_operation)
}

/// Those of the query string and those of the form.
fn parameters(request: Request<'_>) -> Result<Parameters<'_>, Fault> {
    let body = request.body();
    if let Some(content_type) = request.content_type().and_then(readable)
        && !body.is_empty()
        && essence(content_type) != FORM
    {
        return Err(faults::unsupported_content_type(content_type));
    }
    let form = std::str::from_utf8(body);
    let form = form.map_err(|_| faults::malformed("The request's body is not UTF-8"))?;
    Parameters::of([request.query(), form])
}

/// A content type without its parameters.
fn essence(content_type: &str) -> &str {
    let essence = content_type.split(';').next();
    essence.unwrap_or_default().trim()
}

/// How the client got here: whoever ends TLS in front of Forebay says so.
fn scheme(request: Request<'_>) -> &'static str {
    match request.is_forwarded_https() {
        true => "https",
        false => "http",
    }
}
