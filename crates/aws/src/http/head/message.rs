//! Where a body ends, and what becomes of the connection then.
//!
//! What is ambiguous about it is refused: whoever stands between a client and Forebay may have understood it in another
//! way, and taken for one request what is two (RFC 9112, 11.2).

use std::str;

use super::{BAD_REQUEST, Refusal};

pub(super) const NOT_IMPLEMENTED: Refusal = 501;

/// Where the body ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Framing {
    /// After so many bytes.
    Length(u64),
    /// After its last chunk.
    Chunked,
}

/// What becomes of the connection after the answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::http) enum Persistence {
    /// It goes on, as it does where nobody says anything in HTTP/1.1.
    Kept,
    /// It goes on, because a client of HTTP/1.0 has asked for it, who is told so.
    KeptAsAsked,
    /// It ends.
    Closed,
}

/// What fields say of the body and the connection.
#[derive(Default)]
pub(super) struct Message {
    length: Option<u64>,
    coding: Option<Coding>,
    is_close: bool,
    is_keep_alive: bool,
    pub(super) expects_continue: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Coding {
    Chunked,
    /// Something else below the chunks.
    Unknown,
}

impl Message {
    pub(super) fn note(&mut self, line: &httparse::Header<'_>) -> Result<(), Refusal> {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        match line.name.len() {
            6 if is("expect") => {
                self.expects_continue = line.value.eq_ignore_ascii_case(b"100-continue");
            }
            10 if is("connection") => {
                for option in line.value.split(|byte| *byte == b',') {
                    let option = option.trim_ascii();
                    self.is_close |= option.eq_ignore_ascii_case(b"close");
                    self.is_keep_alive |= option.eq_ignore_ascii_case(b"keep-alive");
                }
            }
            14 if is("content-length") => {
                let length = length(line.value)?;
                if self.length.is_some_and(|other| other != length) {
                    return Err(BAD_REQUEST);
                }
                self.length = Some(length);
            }
            17 if is("transfer-encoding") => {
                // Chunks within chunks are nothing.
                if self.coding.is_some() {
                    return Err(BAD_REQUEST);
                }
                self.coding = Some(coding(line.value)?);
            }
            _ => {}
        }
        Ok(())
    }

    /// RFC 9112, 6.3.
    pub(super) fn framing(&self, is_newer: bool) -> Result<Framing, Refusal> {
        match (self.coding, self.length) {
            (None, length) => Ok(Framing::Length(length.unwrap_or_default())),
            (Some(Coding::Chunked), None) if is_newer => Ok(Framing::Chunked),
            (Some(Coding::Unknown), None) if is_newer => Err(NOT_IMPLEMENTED),
            // Both, or chunks of somebody who does not know them.
            _ => Err(BAD_REQUEST),
        }
    }

    /// RFC 9112, 9.3.
    pub(super) fn persistence(&self, is_newer: bool) -> Persistence {
        match (self.is_close, is_newer, self.is_keep_alive) {
            (true, ..) => Persistence::Closed,
            (_, true, _) => Persistence::Kept,
            (_, false, true) => Persistence::KeptAsAsked,
            (_, false, false) => Persistence::Closed,
        }
    }
}

/// Digits and nothing else: no sign, no list.
fn length(value: &[u8]) -> Result<u64, Refusal> {
    let is_number = !value.is_empty() && value.iter().all(u8::is_ascii_digit);
    let digits = str::from_utf8(value).ok().filter(|_| is_number);
    let length = digits.and_then(|digits| digits.parse().ok());
    length.ok_or(BAD_REQUEST)
}

fn coding(value: &[u8]) -> Result<Coding, Refusal> {
    let mut codings = value.rsplit(|byte| *byte == b',');
    let last = codings.next().unwrap_or_default().trim_ascii();
    // Else nobody could tell where the body ends.
    if !last.eq_ignore_ascii_case(b"chunked") {
        return Err(BAD_REQUEST);
    }
    match codings.next() {
        None => Ok(Coding::Chunked),
        Some(_) => Ok(Coding::Unknown),
    }
}
