//! Records from lines: bounded reading, and the split into key and value.

use std::io::{self, BufRead};

/// The longest line that is read; longer than any record a broker takes by default settings.
pub(crate) const LINE_MAX: usize = 100 << 20;

/// How a line becomes a record.
#[derive(Clone, Debug, Default)]
pub(crate) struct LineRules {
    /// What stands between key and value; without it a line has no key.
    pub(crate) key_separator: Option<Vec<u8>>,
    /// The key of every line, when lines do not bring their own.
    pub(crate) key: Option<Vec<u8>>,
    /// An empty value is none at all: a tombstone on a compacted topic.
    pub(crate) empty_is_null: bool,
}

/// Key and value of a line, borrowed from it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Line<'a> {
    pub(crate) key: Option<&'a [u8]>,
    pub(crate) value: Option<&'a [u8]>,
}

impl LineRules {
    /// Splits a line, its line break already removed. `None` when the separator is missing.
    pub(crate) fn split<'a>(&'a self, line: &'a [u8]) -> Option<Line<'a>> {
        let (key, value) = match &self.key_separator {
            None => (self.key.as_deref(), line),
            Some(separator) => {
                let at = line
                    .windows(separator.len())
                    .position(|window| window == separator)?;
                (Some(&line[..at]), &line[at + separator.len()..])
            }
        };
        let is_null = self.empty_is_null && value.is_empty();
        Some(Line {
            key,
            value: (!is_null).then_some(value),
        })
    }
}

/// Reads the next line into `line`, without its line break; `false` at the end. A line break at
/// the very end begins no further line.
///
/// # Errors
/// When reading fails or a line is longer than `max`.
pub(crate) fn next_line(
    input: &mut impl BufRead,
    line: &mut Vec<u8>,
    max: usize,
) -> io::Result<bool> {
    line.clear();
    let mut read_any = false;
    loop {
        let buffered = match input.fill_buf() {
            Ok(buffered) => buffered,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        if buffered.is_empty() {
            return Ok(read_any);
        }
        read_any = true;
        let end = buffered.iter().position(|byte| *byte == b'\n');
        let part = &buffered[..end.unwrap_or(buffered.len())];
        if line.len() + part.len() > max {
            return Err(io::Error::other(format!(
                "a line is longer than {max} bytes"
            )));
        }
        line.extend_from_slice(part);
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            return Ok(true);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(input: &[u8], buffer: usize) -> Vec<Vec<u8>> {
        let mut reader = io::BufReader::with_capacity(buffer, input);
        let (mut line, mut all) = (Vec::new(), Vec::new());
        while next_line(&mut reader, &mut line, 16).unwrap() {
            all.push(line.clone());
        }
        all
    }

    #[test]
    fn lines_are_found_whatever_the_buffer_holds() {
        for buffer in [1, 2, 3, 64] {
            assert_eq!(lines(b"one\n\nthree", buffer), [&b"one"[..], b"", b"three"]);
            assert_eq!(lines(b"one\n", buffer), [b"one"]);
            assert_eq!(lines(b"a\r\n", buffer), [b"a\r"], "data is not changed");
            assert!(lines(b"", buffer).is_empty());
        }
    }

    #[test]
    fn a_line_without_end_does_not_take_all_memory() {
        let mut reader = io::BufReader::with_capacity(4, &b"12345678901234567"[..]);
        let error = next_line(&mut reader, &mut Vec::new(), 16).unwrap_err();
        assert_eq!(error.to_string(), "a line is longer than 16 bytes");
    }

    #[test]
    fn the_first_separator_splits_key_and_value() {
        let rules = LineRules {
            key_separator: Some(b"::".to_vec()),
            ..LineRules::default()
        };
        let line = rules.split(b"k::v::w").unwrap();
        assert_eq!(
            (line.key, line.value),
            (Some(&b"k"[..]), Some(&b"v::w"[..]))
        );
        assert_eq!(rules.split(b"::v").unwrap().key, Some(&b""[..]));
        assert_eq!(rules.split(b"no separator"), None);
    }

    #[test]
    fn without_separator_the_line_is_the_value() {
        let rules = LineRules {
            key: Some(b"fixed".to_vec()),
            ..LineRules::default()
        };
        let line = rules.split(b"v").unwrap();
        assert_eq!(
            (line.key, line.value),
            (Some(&b"fixed"[..]), Some(&b"v"[..]))
        );
    }

    #[test]
    fn an_empty_value_is_a_tombstone_only_when_asked_for() {
        let mut rules = LineRules {
            key_separator: Some(b":".to_vec()),
            ..LineRules::default()
        };
        assert_eq!(rules.split(b"k:").unwrap().value, Some(&b""[..]));
        rules.empty_is_null = true;
        assert_eq!(rules.split(b"k:").unwrap().value, None);
        assert_eq!(rules.split(b"k:v").unwrap().value, Some(&b"v"[..]));
    }
}
