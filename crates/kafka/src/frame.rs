//! Taking requests off the wire: a length, then as many bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::FRAME_BYTES_AT_FIRST;

/// A request as it came, without its length, and its share of the memory for requests.
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    pub(crate) permit: OwnedSemaphorePermit,
}

/// Why no more requests come.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FrameError {
    #[error("the connection failed: {0}")]
    Io(#[from] std::io::Error),
    #[error("a request of {length} bytes is over the limit of {limit}")]
    TooLarge { length: i32, limit: usize },
    #[error("the connection ended inside a request")]
    Truncated,
}

/// Reads frames. Progress is kept here, so a read that is dropped half-way goes on where it was.
pub(crate) struct FrameReader {
    memory: Arc<Semaphore>,
    memory_bytes: usize,
    limit: usize,
    head: [u8; 4],
    head_bytes: usize,
    body: Option<Body>,
    /// Whether anything arrived since the last look.
    progress: bool,
}

struct Body {
    length: usize,
    bytes: Vec<u8>,
    permit: Option<OwnedSemaphorePermit>,
}

impl FrameReader {
    pub(crate) fn new(memory: Arc<Semaphore>, memory_bytes: usize, limit: usize) -> Self {
        Self {
            memory,
            memory_bytes,
            limit,
            head: [0; 4],
            head_bytes: 0,
            body: None,
            progress: false,
        }
    }

    /// Whether bytes arrived since this was last asked.
    pub(crate) fn take_progress(&mut self) -> bool {
        std::mem::take(&mut self.progress)
    }

    /// The next frame; none when the client has closed the connection between two.
    pub(crate) async fn next(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
    ) -> Result<Option<Frame>, FrameError> {
        while self.head_bytes < self.head.len() {
            let count = from.read(&mut self.head[self.head_bytes..]).await?;
            if count == 0 {
                let clean = self.head_bytes == 0;
                return if clean {
                    Ok(None)
                } else {
                    Err(FrameError::Truncated)
                };
            }
            self.head_bytes += count;
            self.progress = true;
        }
        if self.body.is_none() {
            self.body = Some(Body::new(self.head, self.limit)?);
        }
        let Some(body) = &mut self.body else {
            unreachable!("the body was just begun")
        };
        if body.permit.is_none() {
            // A request larger than all the memory there is takes all of it.
            let share = u32::try_from(body.length.min(self.memory_bytes)).unwrap_or(u32::MAX);
            let permit = Arc::clone(&self.memory).acquire_many_owned(share).await;
            body.permit = Some(permit.expect("the semaphore is never closed"));
        }
        while body.bytes.len() < body.length {
            body.make_room();
            let left = body.length - body.bytes.len();
            let count = (&mut *from)
                .take(left as u64)
                .read_buf(&mut body.bytes)
                .await?;
            if count == 0 {
                return Err(FrameError::Truncated);
            }
            self.progress = true;
        }
        self.head_bytes = 0;
        let done = self.body.take().expect("the body is whole");
        let permit = done
            .permit
            .expect("memory was granted before bytes were read");
        // The frame is the only owner of its bytes, so this is no copy.
        let bytes = BytesMut::from(Bytes::from(done.bytes));
        Ok(Some(Frame { bytes, permit }))
    }
}

impl Body {
    fn new(head: [u8; 4], limit: usize) -> Result<Self, FrameError> {
        let length = i32::from_be_bytes(head);
        match usize::try_from(length) {
            Ok(bytes) if bytes <= limit => Ok(Self {
                length: bytes,
                bytes: Vec::new(),
                permit: None,
            }),
            _ => Err(FrameError::TooLarge { length, limit }),
        }
    }

    /// Takes memory in step with what has arrived, and never more than the frame needs.
    fn make_room(&mut self) {
        if self.bytes.len() == self.bytes.capacity() {
            let wanted = (2 * self.bytes.len())
                .max(FRAME_BYTES_AT_FIRST)
                .min(self.length);
            self.bytes.reserve_exact(wanted - self.bytes.len());
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(limit: usize) -> FrameReader {
        FrameReader::new(Arc::new(Semaphore::new(1 << 20)), 1 << 20, limit)
    }

    #[tokio::test]
    async fn a_frame_that_arrives_in_pieces_is_read_whole() {
        let mut from = pieces(&[&[0, 0], &[0, 5, b'h'], b"el", b"lo", &[0, 0, 0, 1], b"x"]);
        let mut frames = reader(100);
        assert_eq!(
            frames.next(&mut from).await.unwrap().unwrap().bytes,
            "hello"
        );
        assert_eq!(frames.next(&mut from).await.unwrap().unwrap().bytes, "x");
        assert!(frames.next(&mut from).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn lengths_beyond_the_limit_and_negative_ones_are_refused_before_memory_is_taken() {
        for head in [[0x7f, 0xff, 0xff, 0xff], [0xff; 4], [0, 0, 0, 101]] {
            let mut from = pieces(&[&head]);
            let refused = reader(100).next(&mut from).await;
            assert!(matches!(refused, Err(FrameError::TooLarge { .. })));
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_inside_a_frame_is_an_error() {
        let mut from = pieces(&[&[0, 0, 0, 9], b"half"]);
        assert!(matches!(
            reader(100).next(&mut from).await,
            Err(FrameError::Truncated)
        ));
    }

    #[test]
    fn memory_for_a_large_frame_is_taken_as_its_bytes_arrive() {
        let mut body = Body::new((100i32 << 20).to_be_bytes(), 100 << 20).unwrap();
        body.make_room();
        assert!(body.bytes.capacity() <= 2 * FRAME_BYTES_AT_FIRST);
    }

    /// A stream that hands out one piece a read.
    fn pieces(pieces: &[&[u8]]) -> impl AsyncRead + Unpin + use<> {
        let mut chained: Box<dyn AsyncRead + Unpin> = Box::new(tokio::io::empty());
        for piece in pieces.iter().rev() {
            let piece = std::io::Cursor::new(piece.to_vec());
            chained = Box::new(piece.chain(chained));
        }
        chained
    }
}
