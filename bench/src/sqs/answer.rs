//! Answers of HTTP/1.1 with a length, which is all that servers of SQS give.

use std::io;
use std::ops::Range;

use memchr::memmem;

const HEAD_END: &[u8] = b"\r\n\r\n";
/// What every status line begins with, and where the status is behind it.
const VERSION: &[u8] = b"HTTP/1.";
const STATUS: Range<usize> = 9..12;

/// Where an answer lies in what has arrived.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Answer {
    pub(super) is_ok: bool,
    pub(super) body: Range<usize>,
    /// The server hangs up behind it.
    pub(super) is_last: bool,
}

impl Answer {
    /// The answer that `arrived` begins with, if all of it is there.
    pub(super) fn first_of(arrived: &[u8]) -> io::Result<Option<Self>> {
        let Some(end) = memmem::find(arrived, HEAD_END) else {
            return Ok(None);
        };
        let head = &arrived[..end];
        if !head.starts_with(VERSION) || head.len() < STATUS.end {
            return Err(io::Error::other("the server does not speak HTTP/1"));
        }
        let (mut length, mut is_last) = (None, head[VERSION.len()] == b'0');
        // A header line is longer than its name.
        for line in head.split(|byte| *byte == b'\n').skip(1) {
            if let Some(value) = value_of(line, b"content-length:") {
                length = std::str::from_utf8(value)
                    .ok()
                    .and_then(|it| it.trim().parse().ok());
            } else if let Some(value) = value_of(line, b"connection:") {
                is_last = value.trim_ascii().eq_ignore_ascii_case(b"close");
            }
        }
        let length: usize = length.ok_or_else(|| io::Error::other("an answer without a length"))?;
        let body = end + HEAD_END.len()..end + HEAD_END.len() + length;
        Ok((arrived.len() >= body.end).then_some(Self {
            is_ok: &head[STATUS] == b"200",
            body,
            is_last,
        }))
    }
}

fn value_of<'a>(line: &'a [u8], name: &[u8]) -> Option<&'a [u8]> {
    let (start, value) = line.split_at_checked(name.len())?;
    start.eq_ignore_ascii_case(name).then_some(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TWO: &[u8] =
        b"HTTP/1.1 200 OK\r\nServer: x\r\ncontent-length: 4\r\n\r\n{\"\"}HTTP/1.1 400 ";

    #[test]
    fn an_answer_is_there_when_all_of_it_is() {
        let end = TWO.len() - "HTTP/1.1 400 ".len();
        for cut in 0..TWO.len() {
            let answer = Answer::first_of(&TWO[..cut]).unwrap();
            assert_eq!(answer.is_some(), cut >= end, "{cut}");
        }
        let answer = Answer::first_of(TWO).unwrap().unwrap();
        assert_eq!(&TWO[answer.body.clone()], b"{\"\"}");
        assert_eq!((answer.is_ok, answer.is_last), (true, false));
    }

    #[test]
    fn refusals_and_farewells_are_seen() {
        let answer = |text: &[u8]| Answer::first_of(text).unwrap().unwrap();
        let refused =
            answer(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
        assert_eq!((refused.is_ok, refused.is_last), (false, true));
        assert!(answer(b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n").is_last);
        assert!(Answer::first_of(b"HTTP/1.1 200 OK\r\n\r\n").is_err());
        assert!(Answer::first_of(b"SSH-2.0\r\n\r\n").is_err());
    }
}
