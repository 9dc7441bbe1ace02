//! What a connection has received, cut into frames where it lies.

use std::io::{self, Read};
use std::ops::Range;

use forebay_rabbit::limits::FRAME_BYTES_MAX;

/// Bytes of one read.
const READ_BYTES: usize = 256 << 10;
/// Type, channel and size in front of a payload (AMQP 0-9-1 §4.2.3), and the octet behind it.
const HEAD_BYTES: usize = 7;
const END_BYTES: usize = 1;
/// The type of the frames that hold methods.
const METHOD: u8 = 1;

pub(super) struct Arrivals {
    buffer: Vec<u8>,
    /// What has arrived and was not taken.
    unread: Range<usize>,
}

impl Arrivals {
    pub(super) fn new() -> Self {
        Self {
            // Part of a frame, and another read behind it. What is not touched takes no memory.
            buffer: vec![0; READ_BYTES + FRAME_BYTES_MAX as usize],
            unread: 0..0,
        }
    }

    /// Where the next method lies, if it has arrived; frames of other types are skipped.
    pub(super) fn method(&mut self) -> Option<Range<usize>> {
        loop {
            let rest = &self.buffer[self.unread.clone()];
            let &[kind, _, _, s0, s1, s2, s3] = rest.first_chunk::<HEAD_BYTES>()?;
            let size = u32::from_be_bytes([s0, s1, s2, s3]) as usize;
            if rest.len() < HEAD_BYTES + size + END_BYTES {
                return None;
            }
            let payload = self.unread.start + HEAD_BYTES..self.unread.start + HEAD_BYTES + size;
            self.unread.start = payload.end + END_BYTES;
            if kind == METHOD {
                return Some(payload);
            }
        }
    }

    /// What lies there; as it was until the next [`fill`](Self::fill).
    pub(super) fn bytes(&self, at: Range<usize>) -> &[u8] {
        &self.buffer[at]
    }

    /// Reads once; waits for something to read.
    pub(super) fn fill(&mut self, from: &mut impl Read) -> io::Result<()> {
        self.buffer.copy_within(self.unread.clone(), 0);
        self.unread = 0..self.unread.len();
        let room = &mut self.buffer[self.unread.end..];
        match from.read(room)? {
            0 => Err(io::ErrorKind::UnexpectedEof.into()),
            read => {
                self.unread.end += read;
                Ok(())
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn frame(kind: u8, payload: &[u8]) -> Vec<u8> {
        let size = u32::try_from(payload.len()).unwrap().to_be_bytes();
        [&[kind, 0, 1], &size[..], payload, &[0xce]].concat()
    }

    #[test]
    fn methods_are_found_between_other_frames_and_across_reads() {
        let stream = [
            frame(2, b"header"),
            frame(METHOD, b"first"),
            frame(3, b"body"),
            frame(METHOD, b"second"),
        ]
        .concat();
        for cut in 1..stream.len() {
            let mut arrivals = Arrivals::new();
            let mut found = Vec::new();
            for mut part in [&stream[..cut], &stream[cut..]] {
                arrivals.fill(&mut part).unwrap();
                while let Some(at) = arrivals.method() {
                    found.push(arrivals.bytes(at).to_vec());
                }
            }
            assert_eq!(found, [b"first".to_vec(), b"second".to_vec()]);
        }
    }
}
