//! Format strings of `consume --format`, in the words of kcat: `%t [%p] %o: %k=%v\n`.

use bytes::Bytes;
use jiff::Timestamp;

use super::record::Received;

/// What each letter stands for, for help and for reading.
pub(crate) const LETTERS: &str = "\
Format letters:
  %k  key                 %t  topic
  %v  value (also %s)     %p  partition
  %K  key length          %o  offset
  %V  value length (%S)   %T  timestamp, milliseconds since 1970
  %h  headers, a=b,c=d    %d  timestamp, RFC 3339
  %%  a percent sign      \\n \\t \\r \\0 \\\\ \\xHH as usual
A length is -1 where there is no key or value.";

/// A format string, read and checked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct FormatString(Vec<Piece>);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Piece {
    Literal(Vec<u8>),
    Key,
    KeyLength,
    Value,
    ValueLength,
    Topic,
    Partition,
    Offset,
    Milliseconds,
    Time,
    Headers,
}

impl FormatString {
    /// Reads a format string; the error says what is wrong with it.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let mut pieces = Vec::new();
        let mut literal = Vec::new();
        let mut chars = text.chars();
        while let Some(c) = chars.next() {
            match c {
                '%' => match piece(chars.next())? {
                    Some(piece) => {
                        if !literal.is_empty() {
                            pieces.push(Piece::Literal(std::mem::take(&mut literal)));
                        }
                        pieces.push(piece);
                    }
                    None => literal.push(b'%'),
                },
                '\\' => literal.push(escape(&mut chars)?),
                c => literal.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            }
        }
        if !literal.is_empty() {
            pieces.push(Piece::Literal(literal));
        }
        Ok(Self(pieces))
    }

    /// Appends the record to `out`, bytes as they are.
    pub(crate) fn write(&self, record: &Received, out: &mut Vec<u8>) {
        for piece in &self.0 {
            match piece {
                Piece::Literal(bytes) => out.extend_from_slice(bytes),
                Piece::Key => out.extend_from_slice(record.key.as_deref().unwrap_or_default()),
                Piece::KeyLength => push(out, length(record.key.as_ref())),
                Piece::Value => out.extend_from_slice(record.value.as_deref().unwrap_or_default()),
                Piece::ValueLength => push(out, length(record.value.as_ref())),
                Piece::Topic => out.extend_from_slice(record.topic.as_bytes()),
                Piece::Partition => push(out, record.partition),
                Piece::Offset => push(out, record.offset),
                Piece::Milliseconds => push(out, record.timestamp_ms),
                Piece::Time => push(out, show_time(record.timestamp_ms)),
                Piece::Headers => push_headers(out, &record.headers),
            }
        }
    }
}

/// The time of a record in RFC 3339; empty when it has none.
pub(crate) fn show_time(timestamp_ms: i64) -> String {
    match Timestamp::from_millisecond(timestamp_ms) {
        Ok(time) if timestamp_ms >= 0 => format!("{time:.3}"),
        _ => String::new(),
    }
}

fn piece(letter: Option<char>) -> Result<Option<Piece>, String> {
    Ok(Some(match letter {
        Some('k') => Piece::Key,
        Some('K') => Piece::KeyLength,
        Some('v' | 's') => Piece::Value,
        Some('V' | 'S') => Piece::ValueLength,
        Some('t') => Piece::Topic,
        Some('p') => Piece::Partition,
        Some('o') => Piece::Offset,
        Some('T') => Piece::Milliseconds,
        Some('d') => Piece::Time,
        Some('h') => Piece::Headers,
        Some('%') => return Ok(None),
        Some(other) => {
            return Err(format!(
                "unknown format letter %{other}; see --help for all"
            ));
        }
        None => return Err("a format letter is missing after the last %".to_owned()),
    }))
}

fn escape(chars: &mut std::str::Chars<'_>) -> Result<u8, String> {
    match chars.next() {
        Some('n') => Ok(b'\n'),
        Some('t') => Ok(b'\t'),
        Some('r') => Ok(b'\r'),
        Some('0') => Ok(0),
        Some('\\') => Ok(b'\\'),
        Some('x') => {
            let mut digit = || chars.next().and_then(|c| c.to_digit(16));
            match (digit(), digit()) {
                (Some(high), Some(low)) => Ok((high * 16 + low) as u8),
                _ => Err("\\x needs two hexadecimal digits".to_owned()),
            }
        }
        Some(other) => Err(format!("unknown escape \\{other}")),
        None => Err("a letter is missing after the last \\".to_owned()),
    }
}

/// Reads the escapes of a separator: `\t`, `\x1f`. A percent sign is itself here.
pub(crate) fn unescape(text: &str) -> Result<Vec<u8>, String> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        match c {
            '\\' => bytes.push(escape(&mut chars)?),
            c => bytes.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    Ok(bytes)
}

fn length(bytes: Option<&Bytes>) -> i64 {
    bytes.map_or(-1, |bytes| bytes.len() as i64)
}

fn push(out: &mut Vec<u8>, value: impl std::fmt::Display) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn push_headers(out: &mut Vec<u8>, headers: &[(String, Option<Bytes>)]) {
    for (at, (name, value)) in headers.iter().enumerate() {
        if at > 0 {
            out.push(b',');
        }
        out.extend_from_slice(name.as_bytes());
        out.push(b'=');
        // kcat's word for a header without value.
        out.extend_from_slice(value.as_deref().unwrap_or(b"NULL"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn written(format: &str, record: &Received) -> String {
        let mut out = Vec::new();
        FormatString::parse(format).unwrap().write(record, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn every_letter_prints_its_part() {
        let record = Received::sample();
        assert_eq!(written("%k\\t%v\\n", &record), "k1\thello\n");
        assert_eq!(written("%t [%p] %o", &record), "orders [3] 42");
        assert_eq!(written("%K %V %s %S", &record), "2 5 hello 5");
        assert_eq!(
            written("%T %d", &record),
            "1700000000123 2023-11-14T22:13:20.123Z"
        );
        assert_eq!(written("%h", &record), "trace=abc,empty=NULL");
        assert_eq!(written("100%% é \\x41\\\\", &record), "100% é A\\");
    }

    #[test]
    fn what_is_missing_prints_nothing_and_has_length_minus_one() {
        let record = Received {
            key: None,
            value: None,
            headers: Vec::new(),
            timestamp_ms: -1,
            ..Received::sample()
        };
        assert_eq!(written("<%k|%v|%h|%d|%K|%V>", &record), "<||||-1|-1>");
    }

    #[test]
    fn bytes_that_are_no_text_are_written_as_they_are() {
        let record = Received {
            value: Some(Bytes::from_static(&[0xff, 0])),
            ..Received::sample()
        };
        let mut out = Vec::new();
        FormatString::parse("%v").unwrap().write(&record, &mut out);
        assert_eq!(out, [0xff, 0]);
    }

    #[test]
    fn mistakes_are_told_apart() {
        let error = |format| FormatString::parse(format).unwrap_err();
        assert_eq!(error("%z"), "unknown format letter %z; see --help for all");
        assert_eq!(error("100%"), "a format letter is missing after the last %");
        assert_eq!(error("\\q"), "unknown escape \\q");
        assert_eq!(error("\\"), "a letter is missing after the last \\");
        assert_eq!(error("\\x4"), "\\x needs two hexadecimal digits");
    }

    #[test]
    fn separators_know_escapes_but_no_letters() {
        assert_eq!(unescape("\\t").unwrap(), b"\t");
        assert_eq!(unescape("%k=").unwrap(), b"%k=");
        assert_eq!(unescape("\\x1f").unwrap(), [0x1f]);
    }
}
