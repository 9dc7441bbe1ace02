//! Consumer groups as a client sees them on the wire, at every version of every key.

mod malformed;
mod member;
mod membership;
mod offsets;
mod operators;
#[path = "../support/mod.rs"]
mod support;
mod unavailable;

use forebay_kafka::protocol::ErrorCode;

/// The name of an answer's code, so that a failed test says what went wrong.
fn code(error_code: i16) -> ErrorCode {
    ErrorCode::from_code(error_code).expect("a known error code")
}
