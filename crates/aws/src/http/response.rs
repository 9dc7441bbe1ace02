//! Answers and errors with their headers.

use bytes::Bytes;
use hyper::header::{CONTENT_TYPE, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};

use crate::service::Service;
use crate::wire::{Fault, Format};

const REQUEST_ID: HeaderName = HeaderName::from_static("x-amzn-requestid");
const QUERY_ERROR: HeaderName = HeaderName::from_static("x-amzn-query-error");

pub(super) fn success(format: Format, body: Vec<u8>, request_id: &str) -> Response<Bytes> {
    respond(StatusCode::OK, format, body, request_id)
}

/// The certificate of what SNS signs.
pub(super) fn certificate(pem: String, request_id: &str) -> Response<Bytes> {
    let body = pem.into_bytes();
    let mut response = respond(StatusCode::OK, Format::Query, body, request_id);
    let content_type = HeaderValue::from_static("application/x-pem-file");
    response.headers_mut().insert(CONTENT_TYPE, content_type);
    response
}

pub(super) fn failure(
    format: Format,
    service: Service,
    fault: &Fault,
    request_id: &str,
) -> Response<Bytes> {
    let body = fault.body(format, service.namespace(), request_id);
    let status = StatusCode::from_u16(fault.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = respond(status, format, body, request_id);
    if format == Format::Json
        && let Ok(error) = HeaderValue::from_str(&fault.query_error())
    {
        response.headers_mut().insert(QUERY_ERROR, error);
    }
    response
}

fn respond(status: StatusCode, format: Format, body: Vec<u8>, request_id: &str) -> Response<Bytes> {
    let content_type = match format {
        Format::Json => "application/x-amz-json-1.0",
        Format::Query => "text/xml",
    };
    let mut response = Response::new(Bytes::from(body));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
    if let Ok(id) = HeaderValue::from_str(request_id) {
        headers.insert(REQUEST_ID, id);
    }
    response
}
