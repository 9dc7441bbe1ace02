//! Lines off standard input or a file, on a thread of their own: reading blocks.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use tokio::sync::mpsc;

use crate::cli::failure::{Cause, Failure};
use crate::cli::record_line::{LINE_MAX, next_line};

/// Bytes that are read at once, and about as many as travel together.
const CHUNK_BYTES: usize = 64 << 10;
/// Chunks that may wait: enough that neither side waits for the other all the time.
const CHUNKS_WAITING: usize = 4;

/// Lines, one behind the other, without their line breaks.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Chunk {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl Chunk {
    fn push(&mut self, line: &[u8]) {
        self.bytes.extend_from_slice(line);
        self.ends.push(self.bytes.len());
    }

    /// The lines.
    pub(super) fn lines(&self) -> impl Iterator<Item = &[u8]> {
        let starts = std::iter::once(0).chain(self.ends.iter().copied());
        let lines = starts.zip(&self.ends);
        lines.map(|(start, end)| &self.bytes[start..*end])
    }
}

/// Where lines come from.
pub(super) struct Source {
    pub(super) chunks: mpsc::Receiver<io::Result<Chunk>>,
    /// How many bytes there are, if that is known.
    pub(super) total_bytes: Option<u64>,
}

impl Source {
    /// Opens a file, or standard input.
    pub(super) fn open(file: Option<&Path>) -> Result<Self, Failure> {
        let Some(path) = file else {
            return Ok(Self::reading(io::stdin(), None));
        };
        let failed = |error: io::Error| {
            let cause = match error.kind() {
                io::ErrorKind::NotFound => Cause::NotFound,
                _ => Cause::Failed,
            };
            Failure::new(cause, format!("cannot read {}: {error}", path.display()))
        };
        let file = File::open(path).map_err(failed)?;
        let metadata = file.metadata().map_err(failed)?;
        if metadata.is_dir() {
            return Err(failed(io::Error::from(io::ErrorKind::IsADirectory)));
        }
        // A pipe with a name has no length.
        let total = metadata.is_file().then_some(metadata.len());
        Ok(Self::reading(file, total))
    }

    fn reading(input: impl Read + Send + 'static, total_bytes: Option<u64>) -> Self {
        let (sender, chunks) = mpsc::channel(CHUNKS_WAITING);
        // Not one of the runtime's threads: it would wait for a terminal even when all is over.
        std::thread::spawn(move || read(input, &sender));
        Self {
            chunks,
            total_bytes,
        }
    }
}

fn read(input: impl Read, chunks: &mpsc::Sender<io::Result<Chunk>>) {
    let mut input = BufReader::with_capacity(CHUNK_BYTES, input);
    let (mut line, mut chunk) = (Vec::new(), Chunk::default());
    loop {
        let goes_on = match next_line(&mut input, &mut line, LINE_MAX) {
            Ok(true) => {
                chunk.push(&line);
                true
            }
            Ok(false) => false,
            Err(error) => {
                let _ = chunks.blocking_send(Ok(std::mem::take(&mut chunk)));
                let _ = chunks.blocking_send(Err(error));
                return;
            }
        };
        // With nothing left in the buffer the next line may be long in coming.
        let is_due = chunk.bytes.len() >= CHUNK_BYTES || input.buffer().is_empty() || !goes_on;
        if is_due
            && !chunk.ends.is_empty()
            && chunks
                .blocking_send(Ok(std::mem::take(&mut chunk)))
                .is_err()
        {
            return;
        }
        if !goes_on {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(input: &'static [u8]) -> Vec<Vec<u8>> {
        let mut source = Source::reading(input, None);
        let mut lines = Vec::new();
        while let Some(chunk) = source.chunks.blocking_recv() {
            lines.extend(chunk.unwrap().lines().map(<[u8]>::to_vec));
        }
        lines
    }

    #[test]
    fn lines_keep_their_bounds() {
        assert_eq!(all(b"one\n\nthree"), [&b"one"[..], b"", b"three"]);
        assert!(all(b"").is_empty());
    }

    #[test]
    fn a_line_does_not_wait_for_the_next_one() {
        let (reader, mut writer) = io::pipe().unwrap();
        let mut source = Source::reading(reader, None);
        io::Write::write_all(&mut writer, b"first\n").unwrap();
        let chunk = source.chunks.blocking_recv().unwrap().unwrap();
        assert_eq!(chunk.lines().collect::<Vec<_>>(), [b"first"]);
        drop(writer);
        assert!(source.chunks.blocking_recv().is_none());
    }

    #[test]
    fn what_cannot_be_read_is_named() {
        let Err(failure) = Source::open(Some(Path::new("no/such/file"))) else {
            panic!("there is no such file");
        };
        assert_eq!(failure.cause, Cause::NotFound);
        assert!(failure.message.starts_with("cannot read no/such/file: "));
    }
}
