//! Bodies that come in chunks (RFC 9112, 7.1), read as they come. Extensions and trailers are passed over. Lines end
//! with CR and LF: here, who takes less would see other requests than who does not.

use crate::limits;

/// Reads the chunks of one body.
#[derive(Debug, Default)]
pub(super) struct Chunks {
    state: State,
    /// Bytes of lines since the last chunk began, and of all trailers.
    line_bytes: usize,
}

#[derive(Clone, Copy, Debug, Default)]
enum State {
    /// A size, before its first digit.
    #[default]
    Size,
    /// Behind at least one digit.
    Digits(u64),
    Extension(u64),
    SizeEnd(u64),
    /// Bytes of the chunk that are to come.
    Data(u64),
    DataEnd,
    DataEndLf,
    /// The beginning of a line behind the last chunk.
    Trailers,
    Trailer,
    TrailerEnd,
    LastLf,
    Done,
}

/// Why a body is not read on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ChunkError {
    /// That is not what chunks look like.
    Malformed,
    /// The body is larger than any request's.
    TooLarge,
}

impl Chunks {
    /// All of them are read.
    pub(super) fn is_done(&self) -> bool {
        matches!(self.state, State::Done)
    }

    /// Reads `input` up to the end of the body. Returns how many bytes that was.
    ///
    /// # Errors
    /// If it is no body, or one that is too large; then nothing more is to be read.
    pub(super) fn read(&mut self, input: &[u8], body: &mut Vec<u8>) -> Result<usize, ChunkError> {
        let mut at = 0;
        while at < input.len() && !self.is_done() {
            if let State::Data(rest) = self.state {
                let some = &input[at..];
                let count = usize::try_from(rest).unwrap_or(usize::MAX).min(some.len());
                body.extend_from_slice(&some[..count]);
                at += count;
                self.state = match rest - count as u64 {
                    0 => State::DataEnd,
                    rest => State::Data(rest),
                };
                continue;
            }
            self.line_bytes += 1;
            if self.line_bytes > limits::CHUNK_LINE_BYTES_MAX {
                return Err(ChunkError::Malformed);
            }
            self.state = self.after(input[at])?;
            at += 1;
            if let State::Data(size) = self.state {
                self.line_bytes = 0;
                let size = usize::try_from(size).unwrap_or(usize::MAX);
                if size > limits::REQUEST_BYTES_MAX - body.len() {
                    return Err(ChunkError::TooLarge);
                }
            }
        }
        Ok(at)
    }

    /// The state behind one byte that is not a chunk's own.
    fn after(&self, byte: u8) -> Result<State, ChunkError> {
        use State::*;
        Ok(match (self.state, byte) {
            (Size, _) => Digits(digit(byte)?),
            (Digits(size), b'\r') => SizeEnd(size),
            (Digits(size), b';' | b' ' | b'\t') => Extension(size),
            (Digits(size), _) => {
                let shifted = size.checked_mul(16).ok_or(ChunkError::TooLarge)?;
                Digits(shifted | digit(byte)?)
            }
            (Extension(size), b'\r') => SizeEnd(size),
            (Extension(_), b'\n') => return Err(ChunkError::Malformed),
            (Extension(size), _) => Extension(size),
            (SizeEnd(0), b'\n') => Trailers,
            (SizeEnd(size), b'\n') => Data(size),
            (DataEnd, b'\r') => DataEndLf,
            (DataEndLf, b'\n') => Size,
            (Trailers, b'\r') => LastLf,
            (Trailer, b'\r') => TrailerEnd,
            (Trailers | Trailer, b'\n') => return Err(ChunkError::Malformed),
            (Trailers | Trailer, _) => Trailer,
            (TrailerEnd, b'\n') => Trailers,
            (LastLf, b'\n') => Done,
            _ => return Err(ChunkError::Malformed),
        })
    }
}

fn digit(byte: u8) -> Result<u64, ChunkError> {
    let digit = char::from(byte).to_digit(16);
    digit.map(u64::from).ok_or(ChunkError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(input: &[u8]) -> Result<(Vec<u8>, usize, bool), ChunkError> {
        let (mut chunks, mut body) = (Chunks::default(), Vec::new());
        let used = chunks.read(input, &mut body)?;
        Ok((body, used, chunks.is_done()))
    }

    const WHOLE: &[u8] =
        b"5\r\nhello\r\n0006;name=\"a;b\"\r\n, worl\r\n1 \r\nd\r\n0\r\nx-a: 1\r\nx-b: 2\r\n\r\n";

    #[test]
    fn a_body_is_what_its_chunks_have_wherever_they_are_cut() {
        let rest = [WHOLE, b"GET"].concat();
        assert_eq!(
            read(&rest),
            Ok((b"hello, world".to_vec(), WHOLE.len(), true))
        );
        for cut in 0..WHOLE.len() {
            let (mut chunks, mut body) = (Chunks::default(), Vec::new());
            assert_eq!(chunks.read(&WHOLE[..cut], &mut body), Ok(cut));
            assert!(!chunks.is_done(), "{cut}");
            let rest = chunks.read(&WHOLE[cut..], &mut body);
            assert_eq!(rest, Ok(WHOLE.len() - cut));
            assert!(chunks.is_done() && body == b"hello, world", "{cut}");
        }
    }

    #[test]
    fn what_is_no_chunk_is_refused() {
        for input in [
            &b"\r\n"[..],
            b"x\r\n",
            b"-1\r\n",
            b"0x5\r\nhello",
            b"5\nhello",
            b"5\r\nhelloo",
            b"5\r\nhello\n",
            b"5;a\nhello",
            b"5\rx",
            b"0\r\n\n",
            b"0\r\nx: 1\n",
            b"0\r\n\rx",
        ] {
            assert_eq!(read(input), Err(ChunkError::Malformed), "{input:?}");
        }
    }

    #[test]
    fn sizes_and_lines_are_bounded() {
        let large = format!("{:x}\r\n", limits::REQUEST_BYTES_MAX + 1);
        assert_eq!(read(large.as_bytes()), Err(ChunkError::TooLarge));
        assert_eq!(read(b"fffffffffffffffff\r\n"), Err(ChunkError::TooLarge));
        let zeros = [b'0'; limits::CHUNK_LINE_BYTES_MAX + 1];
        assert_eq!(read(&zeros), Err(ChunkError::Malformed));
        let trailers = [
            &b"0\r\n"[..],
            &b"x: 1\r\n".repeat(limits::CHUNK_LINE_BYTES_MAX / 6 + 1),
        ]
        .concat();
        assert_eq!(read(&trailers), Err(ChunkError::Malformed));
        // Many chunks have many lines.
        let many = [
            &b"1\r\nx\r\n".repeat(limits::CHUNK_LINE_BYTES_MAX)[..],
            b"0\r\n\r\n",
        ]
        .concat();
        assert!(read(&many).unwrap().2);
    }
}
