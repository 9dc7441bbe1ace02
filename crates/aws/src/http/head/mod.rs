//! The head of a request: what of it is needed, found in one pass, as places in the bytes that arrived. Those may grow
//! and move while the body arrives; the places stay.

mod message;
#[cfg(test)]
mod tests;

use std::mem::MaybeUninit;
use std::str;

use httparse::Status;

use super::field_lines::FieldLines;
use crate::limits;
use message::Message;
pub(super) use message::{Framing, Persistence};

/// Where something is in the bytes of a request. A head is smaller than 4 GiB.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Span {
    start: u32,
    end: u32,
}

impl Span {
    /// Where `part` is, which was sliced out of `bytes`.
    fn of(bytes: &[u8], part: &[u8]) -> Self {
        let start = part.as_ptr().addr() - bytes.as_ptr().addr();
        let narrow = |place| u32::try_from(place).expect("a head is smaller than 4 GiB");
        Self {
            start: narrow(start),
            end: narrow(start + part.len()),
        }
    }

    fn within(self, bytes: &[u8]) -> &[u8] {
        &bytes[self.start as usize..self.end as usize]
    }
}

/// Why a head is refused: a status without a body.
pub(super) type Refusal = u16;

pub(super) const BAD_REQUEST: Refusal = 400;
/// A field, or all of them together.
pub(super) const TOO_LARGE: Refusal = 431;

/// A whole head.
#[derive(Clone, Debug)]
pub(super) struct Head {
    /// Where it ends, and the body begins.
    pub(super) end: usize,
    pub(super) framing: Framing,
    pub(super) persistence: Persistence,
    /// The client waits for leave to send the body.
    pub(super) expects_continue: bool,
    method: Span,
    path: Span,
    query: Option<Span>,
    authority: Option<Span>,
    fields: Fields,
}

/// The fields that matter here.
#[derive(Clone, Debug, Default)]
struct Fields {
    host: Option<Span>,
    content_type: Option<Span>,
    target: Option<Span>,
    authorization: Option<Span>,
    date: Option<Span>,
    is_forwarded_https: bool,
}

impl Head {
    /// Reads the head that `bytes` begin with, if all of it is there.
    ///
    /// # Errors
    /// What it is refused with.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, Refusal> {
        let mut lines = [const { MaybeUninit::uninit() }; limits::FIELDS_MAX];
        let mut request = httparse::Request::new(&mut []);
        let end = match request.parse_with_uninit_headers(bytes, &mut lines) {
            Ok(Status::Complete(end)) if end <= limits::HEAD_BYTES_MAX => end,
            Ok(Status::Partial) if bytes.len() < limits::HEAD_BYTES_MAX => return Ok(None),
            Ok(_) | Err(httparse::Error::TooManyHeaders) => return Err(TOO_LARGE),
            Err(_) => return Err(BAD_REQUEST),
        };
        let is_newer = request.version == Some(1);
        let (mut fields, mut message) = (Fields::default(), Message::default());
        for line in &*request.headers {
            fields.note(bytes, line)?;
            message.note(line)?;
        }
        let method = request.method.unwrap_or_default();
        let (authority, path, query) = target(request.path.unwrap_or_default())?;
        let span = |text: &str| Span::of(bytes, text.as_bytes());
        let path = match path {
            // Of an absolute one that has none: the slash between scheme and authority will do.
            "" => slash(bytes),
            path => span(path),
        };
        Ok(Some(Self {
            end,
            framing: message.framing(is_newer)?,
            persistence: message.persistence(is_newer),
            expects_continue: is_newer && message.expects_continue,
            method: span(method),
            path,
            query: query.map(span),
            authority: authority.map(span),
            fields,
        }))
    }

    /// Whether the body is to have more bytes than that.
    pub(super) fn announces_more_than(&self, bytes: usize) -> bool {
        matches!(self.framing, Framing::Length(length) if length > bytes as u64)
    }

    /// What it says, as `bytes` have it: the head and as much of the body as is there.
    pub(super) fn of<'a>(&'a self, bytes: &'a [u8]) -> Request<'a> {
        Request { head: self, bytes }
    }
}

/// Authority, path and query of a request's target (RFC 9112, 3.2): a path, an address, or an asterisk.
type Target<'a> = (Option<&'a str>, &'a str, Option<&'a str>);

fn target(target: &str) -> Result<Target<'_>, Refusal> {
    // Fragments are not sent; who does it means what is before.
    let target = target.split_once('#').map_or(target, |(before, _)| before);
    let (authority, rest) = if target.starts_with('/') || target == "*" {
        (None, target)
    } else {
        let (_, absolute) = target.split_once("://").ok_or(BAD_REQUEST)?;
        let end = absolute.find(['/', '?']).unwrap_or(absolute.len());
        let (authority, rest) = absolute.split_at(end);
        if authority.is_empty() {
            return Err(BAD_REQUEST);
        }
        (Some(authority), rest)
    };
    Ok(match rest.split_once('?') {
        Some((path, query)) => (authority, path, Some(query)),
        None => (authority, rest, None),
    })
}

/// The first slash of a head: there is one in `HTTP/1.1` at least.
fn slash(bytes: &[u8]) -> Span {
    let at = bytes.iter().position(|byte| *byte == b'/');
    let at = at.unwrap_or_default();
    Span::of(bytes, &bytes[at..at + 1])
}

impl Fields {
    fn note(&mut self, bytes: &[u8], line: &httparse::Header<'_>) -> Result<(), Refusal> {
        let is = |name: &str| line.name.eq_ignore_ascii_case(name);
        // Their lengths tell most of them apart.
        let field = match line.name.len() {
            4 if is("host") => {
                // Two of them are two opinions of whom it is sent to (RFC 9112, 3.2).
                if self.host.is_some() {
                    return Err(BAD_REQUEST);
                }
                &mut self.host
            }
            10 if is("x-amz-date") => &mut self.date,
            12 if is("content-type") => &mut self.content_type,
            12 if is("x-amz-target") => &mut self.target,
            13 if is("authorization") => &mut self.authorization,
            17 if is("x-forwarded-proto") => {
                self.is_forwarded_https = line.value == b"https";
                return Ok(());
            }
            _ => return Ok(()),
        };
        field.get_or_insert_with(|| Span::of(bytes, line.value));
        Ok(())
    }
}

/// A request: its head, and the bytes of it and of its body.
#[derive(Clone, Copy, Debug)]
pub(super) struct Request<'a> {
    pub(super) head: &'a Head,
    bytes: &'a [u8],
}

impl<'a> Request<'a> {
    /// `POST`
    pub(super) fn method(self) -> &'a str {
        self.text(self.head.method)
    }

    /// As it was written, escapes and all.
    pub(super) fn path(self) -> &'a str {
        self.text(self.head.path)
    }

    /// What comes after the question mark, as it was written.
    pub(super) fn query(self) -> &'a str {
        self.head.query.map_or("", |query| self.text(query))
    }

    /// The host that it is sent to, as its address or else its field says (RFC 9112, 3.2.2).
    pub(super) fn host(self) -> Option<&'a str> {
        let authority = self.head.authority.map(|authority| self.text(authority));
        authority.or_else(|| readable(self.value(self.head.fields.host)?))
    }

    pub(super) fn content_type(self) -> Option<&'a [u8]> {
        self.value(self.head.fields.content_type)
    }

    /// `x-amz-target`
    pub(super) fn target(self) -> Option<&'a [u8]> {
        self.value(self.head.fields.target)
    }

    pub(super) fn authorization(self) -> Option<&'a [u8]> {
        self.value(self.head.fields.authorization)
    }

    /// `x-amz-date`
    pub(super) fn date(self) -> Option<&'a [u8]> {
        self.value(self.head.fields.date)
    }

    /// Whoever ends TLS in front of Forebay says that it did.
    pub(super) fn is_forwarded_https(self) -> bool {
        self.head.fields.is_forwarded_https
    }

    pub(super) fn fields(self) -> FieldLines<'a> {
        FieldLines::of(&self.bytes[..self.head.end])
    }

    /// What of the body is there.
    pub(super) fn body(self) -> &'a [u8] {
        let body = &self.bytes[self.head.end..];
        match self.head.framing {
            Framing::Length(length) => {
                let length = usize::try_from(length).unwrap_or(usize::MAX);
                &body[..body.len().min(length)]
            }
            Framing::Chunked => &[],
        }
    }

    fn value(self, span: Option<Span>) -> Option<&'a [u8]> {
        span.map(|span| span.within(self.bytes))
    }

    /// The parser took it for text.
    fn text(self, span: Span) -> &'a str {
        str::from_utf8(span.within(self.bytes)).unwrap_or_default()
    }
}

/// A field's value as text, if it is no more than ASCII that can be seen.
pub(crate) fn readable(value: &[u8]) -> Option<&str> {
    let is_seen = |byte: &u8| matches!(byte, b'\t' | b' '..=b'~');
    let text = value.iter().all(is_seen).then_some(value)?;
    str::from_utf8(text).ok()
}
