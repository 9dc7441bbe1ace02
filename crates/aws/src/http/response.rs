//! Answers and errors with their heads.

use std::io::Write;

use hyper::StatusCode;

use super::date::with_date;
use super::head::{Persistence, Refusal, Request};
use crate::gateway::Shared;
use crate::service::Service;
use crate::wire::{Fault, Format};

/// An answer as it is written.
pub(super) struct Answer {
    /// The head, and the body with it if it is small: then it is all written at once.
    pub(super) bytes: Vec<u8>,
    /// A body that is not worth being copied.
    pub(super) body: Vec<u8>,
    /// Nothing follows.
    pub(super) is_last: bool,
}

/// What became of a request.
pub(super) struct Outcome<'a> {
    pub(super) format: Format,
    /// What the body is, if it is not of the format.
    pub(super) content_type: Option<&'static str>,
    pub(super) service: Service,
    pub(super) request_id: &'a str,
    /// The body of the answer, or why there is none.
    pub(super) body: Result<Vec<u8>, Fault>,
    /// Whatever the client wants of its connection.
    pub(super) is_last: bool,
}

/// Room for a head.
const HEAD_BYTES: usize = 320;
/// Bodies up to this size are copied behind their heads: that is cheaper than a second write.
const COPIED_BYTES_MAX: usize = 16 << 10;

/// Answers a request with what became of it.
pub(super) fn write(shared: &Shared, request: Request<'_>, outcome: Outcome<'_>) -> Answer {
    let Outcome {
        format,
        service,
        request_id,
        body,
        ..
    } = outcome;
    let persistence = match outcome.is_last {
        true => Persistence::Closed,
        false => request.head.persistence,
    };
    let (status, query_error, mut body) = match body {
        Ok(body) => (200, None, body),
        Err(fault) => {
            shared.metrics.refused(service, fault.code);
            let query_error = (format == Format::Json).then(|| fault.query_error());
            let body = fault.body(format, service.namespace(), request_id);
            (fault.status, query_error, body)
        }
    };
    shared.metrics.sent_bytes.add(body.len() as u64);
    let copied = match body.len() {
        length @ ..=COPIED_BYTES_MAX => length,
        _ => 0,
    };
    let mut head = AnswerHead::new(status, copied);
    let of_format = match format {
        Format::Json => "application/x-amz-json-1.0",
        Format::Query => "text/xml",
    };
    // A fault is told in the format that was asked in.
    let content_type = outcome.content_type.filter(|_| status == 200);
    head.field("content-type", content_type.unwrap_or(of_format));
    head.field("x-amzn-requestid", request_id);
    if let Some(error) = query_error {
        head.field("x-amzn-query-error", &error);
    }
    let mut bytes = head.end(shared, body.len(), persistence);
    // Whose method is HEAD waits for no body.
    if request.method() == "HEAD" {
        body = Vec::new();
    } else if copied > 0 {
        bytes.extend_from_slice(&body);
        body = Vec::new();
    }
    Answer {
        bytes,
        body,
        is_last: persistence == Persistence::Closed,
    }
}

/// The last word to what is no request.
pub(super) fn bare(shared: &Shared, status: Refusal) -> Answer {
    Answer {
        bytes: AnswerHead::new(status, 0).end(shared, 0, Persistence::Closed),
        body: Vec::new(),
        is_last: true,
    }
}

/// A head while it is written.
struct AnswerHead(Vec<u8>);

impl AnswerHead {
    /// The first line, with room for the rest and for a body.
    fn new(status: u16, body_bytes: usize) -> Self {
        let mut bytes = Vec::with_capacity(HEAD_BYTES + body_bytes);
        if status == 200 {
            bytes.extend_from_slice(b"HTTP/1.1 200 OK\r\n");
        } else {
            let known = StatusCode::from_u16(status).ok();
            let reason = known.and_then(|status| status.canonical_reason());
            let reason = reason.unwrap_or_default();
            // Memory takes what is written.
            let _ = write!(bytes, "HTTP/1.1 {status} {reason}\r\n");
        }
        Self(bytes)
    }

    /// A field. Neither has what would end a line.
    fn field(&mut self, name: &str, value: &str) {
        for part in [name, ": ", value, "\r\n"] {
            self.0.extend_from_slice(part.as_bytes());
        }
    }

    /// The rest of it, which all answers have.
    fn end(mut self, shared: &Shared, length: usize, persistence: Persistence) -> Vec<u8> {
        let _ = write!(self.0, "content-length: {length}\r\n");
        match persistence {
            Persistence::Kept => {}
            Persistence::KeptAsAsked => self.field("connection", "keep-alive"),
            Persistence::Closed => self.field("connection", "close"),
        }
        with_date(shared.broker.now().wall_ms, |date| self.field("date", date));
        self.0.extend_from_slice(b"\r\n");
        self.0
    }
}
