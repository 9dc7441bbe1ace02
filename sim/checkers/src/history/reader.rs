//! Reads a history line by line: memory is bounded by the longest line that is allowed.

use std::io::{BufRead, Read};

use super::{FORMAT, Header, Operation, VERSION};
use crate::error::{HistoryError, Result};
use crate::limits::MAX_LINE_BYTES;

/// An iterator over the operations of a history.
#[derive(Debug)]
pub struct Reader<R> {
    input: R,
    line: u64,
    buffer: Vec<u8>,
}

impl<R: BufRead> Reader<R> {
    /// Reads the header.
    ///
    /// # Errors
    /// If there is none, or one of another version.
    pub fn new(input: R) -> Result<Self> {
        let mut reader = Self {
            input,
            line: 0,
            buffer: Vec::new(),
        };
        if !reader.next_line()? {
            let reason = "the file is empty".to_owned();
            return Err(HistoryError::Header { reason });
        }
        let header: Header =
            serde_json::from_slice(&reader.buffer).map_err(|error| HistoryError::Header {
                reason: error.to_string(),
            })?;
        if header.format != FORMAT {
            let reason = format!("its format is {:?}", header.format);
            return Err(HistoryError::Header { reason });
        }
        if header.version != VERSION {
            return Err(HistoryError::Version {
                found: header.version,
                known: VERSION,
            });
        }
        Ok(reader)
    }

    /// The number of the line that was read last, from 1.
    pub fn line(&self) -> u64 {
        self.line
    }

    /// Reads the next line into the buffer, without its end; false at the end of the file.
    fn next_line(&mut self) -> Result<bool> {
        self.line += 1;
        let line = self.line;
        self.buffer.clear();
        let limit = MAX_LINE_BYTES as u64 + 1;
        let read = (&mut self.input)
            .take(limit)
            .read_until(b'\n', &mut self.buffer)
            .map_err(|source| HistoryError::Io { line, source })?;
        if self.buffer.last() == Some(&b'\n') {
            self.buffer.pop();
            return Ok(true);
        }
        match read {
            0 => Ok(false),
            _ if self.buffer.len() > MAX_LINE_BYTES => Err(HistoryError::LineTooLong {
                line,
                limit: MAX_LINE_BYTES,
            }),
            _ => Err(HistoryError::Torn { line }),
        }
    }
}

impl<R: BufRead> Iterator for Reader<R> {
    type Item = Result<Operation>;

    fn next(&mut self) -> Option<Self::Item> {
        match self.next_line() {
            Err(error) => Some(Err(error)),
            Ok(false) => None,
            Ok(true) => Some(serde_json::from_slice(&self.buffer).map_err(|error| {
                HistoryError::Malformed {
                    line: self.line,
                    reason: error.to_string(),
                }
            })),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::history::{Fault, Writer};

    const HEADER: &str = "{\"format\":\"forebay-history\",\"version\":1}\n";

    fn error_of(text: &str) -> String {
        match Reader::new(text.as_bytes()) {
            Err(error) => error.to_string(),
            Ok(reader) => reader
                .collect::<Result<Vec<_>>>()
                .expect_err("the history is bad")
                .to_string(),
        }
    }

    #[test]
    fn what_is_written_is_read() {
        let operations = vec![
            Operation::Fault(Fault {
                fault: "kill".into(),
                ends_life: true,
                completed: 7,
            }),
            Operation::Send(crate::history::Send {
                process: "p".into(),
                log: "t-0".into(),
                key: Some("\u{1f600}\n\"".into()),
                ..Default::default()
            }),
        ];
        let mut file = Vec::new();
        let mut writer = Writer::new(&mut file).unwrap();
        for operation in &operations {
            writer.write(operation).unwrap();
        }
        let read: Result<Vec<_>> = Reader::new(&file[..]).unwrap().collect();
        assert_eq!(read.unwrap(), operations);
    }

    #[test]
    fn errors_name_the_line() {
        let header = HEADER.trim_end();
        assert!(error_of("").starts_with("line 1: not the header"));
        assert!(error_of("{\"op\":\"fault\"}\n").starts_with("line 1: not the header"));
        let other = HEADER.replace(":1}", ":9}");
        assert!(error_of(&other).starts_with("line 1: history format version 9"));
        let unknown_field = format!("{header}\n{{\"op\":\"fault\",\"fault\":\"x\",\"f\":1}}\n");
        assert!(error_of(&unknown_field).starts_with("line 2: unknown field `f`"));
        let torn = format!("{header}\n{{\"op\":\"fau");
        assert_eq!(error_of(&torn), "line 2: the file ends within the line");
        assert!(error_of(&format!("{header}\n\n")).starts_with("line 2: "));
    }

    #[test]
    fn a_line_takes_no_more_memory_than_the_limit() {
        struct Endless(u64);
        impl Read for Endless {
            fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
                buffer.fill(b'a');
                self.0 += buffer.len() as u64;
                Ok(buffer.len())
            }
        }
        let input = HEADER.as_bytes().chain(Endless(0));
        let mut reader = Reader::new(std::io::BufReader::new(input)).unwrap();
        let error = reader.next().unwrap().unwrap_err();
        assert!(matches!(error, HistoryError::LineTooLong { line: 2, .. }));
        assert!(reader.buffer.capacity() <= 4 * MAX_LINE_BYTES);
    }
}
