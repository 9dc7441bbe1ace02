//! An error as it is written.

use std::borrow::Cow;

use super::answer::Answer;
use super::call::Format;

/// What has no error of the usual form in XML.
const UNKNOWN_OPERATION: &str = "UnknownOperationException";

/// Why a request is refused, as its client is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The name of its shape with its namespace: the `__type` of JSON.
    pub shape: &'static str,
    /// The code of the query protocol, which SDKs show for both.
    pub code: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// Whether the client is to blame, and not the server.
    pub is_sender: bool,
    /// What people read.
    pub message: Cow<'static, str>,
}

impl Fault {
    /// `Sender` or `Receiver`
    pub fn blamed(&self) -> &'static str {
        match self.is_sender {
            true => "Sender",
            false => "Receiver",
        }
    }

    /// The value of `x-amzn-query-error`, by which SDKs that speak JSON learn the older code.
    pub fn query_error(&self) -> String {
        format!("{};{}", self.code, self.blamed())
    }

    /// The body that says so; `namespace` is the service's, for XML.
    pub fn body(&self, format: Format, namespace: &str, request_id: &str) -> Vec<u8> {
        let mut answer = Answer::new(format, 256 + self.message.len());
        match format {
            Format::Json => answer.braces(|answer| {
                answer.text("__type", self.shape);
                answer.text("message", &self.message);
            }),
            Format::Query if self.code == UNKNOWN_OPERATION => {
                answer.raw(b"<UnknownOperationException/>\n");
            }
            Format::Query => {
                answer.raw(b"<?xml version=\"1.0\"?><ErrorResponse xmlns=\"");
                answer.raw(namespace.as_bytes());
                answer.raw(b"\">");
                answer.structure("Error", |answer| {
                    answer.text("Type", self.blamed());
                    answer.text("Code", self.code);
                    answer.text("Message", &self.message);
                    answer.raw(b"<Detail/>");
                });
                answer.text("RequestId", request_id);
                answer.close("ErrorResponse");
            }
        }
        answer.finish()
    }
}

/// What every service refuses in the same way, before it looks at what is asked.
///
/// Source: <https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/CommonErrors.html>
pub mod faults {
    use super::{Cow, Fault, UNKNOWN_OPERATION};

    fn sender(
        shape: &'static str,
        code: &'static str,
        status: u16,
        message: impl Into<Cow<'static, str>>,
    ) -> Fault {
        Fault {
            shape,
            code,
            status,
            is_sender: true,
            message: message.into(),
        }
    }

    /// The body cannot be read as what it is said to be.
    pub fn malformed(why: impl Into<Cow<'static, str>>) -> Fault {
        let shape = "com.amazon.coral.service#SerializationException";
        sender(shape, "MalformedInput", 400, why)
    }

    /// The query string cannot be read.
    pub fn malformed_query(why: impl Into<Cow<'static, str>>) -> Fault {
        let shape = "com.amazon.coral.service#MalformedQueryStringException";
        sender(shape, "MalformedQueryString", 400, why)
    }

    /// JSON names an operation that there is not, or a GET none at all.
    pub fn unknown_operation() -> Fault {
        let shape = "com.amazon.coral.service#UnknownOperationException";
        sender(shape, UNKNOWN_OPERATION, 404, "")
    }

    /// The query protocol names an operation that there is not.
    pub fn invalid_action(action: &str) -> Fault {
        let shape = "com.amazon.coral.service#InvalidAction";
        let message = format!("The action {action} is not valid for this endpoint.");
        sender(shape, "InvalidAction", 400, message)
    }

    /// The query protocol names no operation.
    pub fn missing_action() -> Fault {
        let shape = "com.amazon.coral.service#MissingAction";
        let message = "The request must contain the parameter Action.";
        sender(shape, "MissingAction", 400, message)
    }

    /// The body is of a type that nothing here reads.
    pub fn unsupported_content_type(content_type: &str) -> Fault {
        let shape = "com.amazon.coral.service#UnsupportedMediaTypeException";
        let message = format!("Content type {content_type:?} is not supported");
        sender(shape, "UnsupportedMediaType", 415, message)
    }

    /// Neither GET nor POST.
    pub fn unsupported_method(method: &str) -> Fault {
        let shape = "com.amazon.coral.service#UnsupportedMethodException";
        let message = format!("The HTTP method {method} is not supported");
        sender(shape, "UnsupportedMethod", 405, message)
    }

    /// The body is larger than any request.
    pub fn too_large(limit: usize) -> Fault {
        let shape = "com.amazon.coral.service#RequestEntityTooLargeException";
        let message = format!("The request is larger than {limit} bytes");
        sender(shape, "RequestEntityTooLarge", 413, message)
    }

    /// The body does not come.
    pub fn timed_out() -> Fault {
        let shape = "com.amazon.coral.service#RequestTimeoutException";
        let message = "The request's body did not arrive in time";
        sender(shape, "RequestTimeout", 408, message)
    }

    /// There is nothing that says who asks.
    pub fn missing_authentication() -> Fault {
        let shape = "com.amazon.coral.service#MissingAuthenticationTokenException";
        let message = "Request is missing Authentication Token";
        sender(shape, "MissingAuthenticationToken", 403, message)
    }

    /// What says who asks is not whole.
    pub fn incomplete_signature(why: impl Into<Cow<'static, str>>) -> Fault {
        let shape = "com.amazon.coral.service#IncompleteSignatureException";
        sender(shape, "IncompleteSignature", 400, why)
    }

    /// Nobody has this access key.
    pub fn unknown_access_key() -> Fault {
        let shape = "com.amazon.coral.service#UnrecognizedClientException";
        let message = "The security token included in the request is invalid.";
        sender(shape, "InvalidClientTokenId", 403, message)
    }

    /// The signature is another one, or of another time.
    pub fn wrong_signature(why: impl Into<Cow<'static, str>>) -> Fault {
        let shape = "com.amazon.coral.service#InvalidSignatureException";
        sender(shape, "SignatureDoesNotMatch", 403, why)
    }

    /// It is not this request's time any more.
    pub fn expired_request(why: impl Into<Cow<'static, str>>) -> Fault {
        let shape = "com.amazon.coral.service#RequestExpired";
        sender(shape, "RequestExpired", 400, why)
    }

    /// Something here went wrong.
    pub fn internal() -> Fault {
        Fault {
            is_sender: false,
            ..sender(
                "com.amazon.coral.service#InternalFailure",
                "InternalFailure",
                500,
                "The request processing has failed because of an unknown error, exception or failure.",
            )
        }
    }

    /// It cannot be done now, and may be later.
    pub fn unavailable(why: impl Into<Cow<'static, str>>) -> Fault {
        Fault {
            is_sender: false,
            ..sender(
                "com.amazon.coral.service#ServiceUnavailable",
                "ServiceUnavailable",
                503,
                why,
            )
        }
    }
}
