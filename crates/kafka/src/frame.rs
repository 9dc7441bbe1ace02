//! Taking requests off the wire: a length, then as many bytes.

use std::sync::Arc;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::limits::{FRAME_BYTES_AT_FIRST, STALL_TIMEOUT};

/// A request as it came, without its length, and its share of the memory for requests.
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    pub(crate) share: Share,
}

/// The memory for requests over all connections.
#[derive(Clone)]
pub(crate) struct RequestMemory {
    /// Bytes that may still be taken.
    budget: Arc<Semaphore>,
    /// When the budget is used up by requests that are half here, none of them could ever finish.
    /// One at a time may therefore go beyond it, by at most one request.
    overdraft: Arc<Semaphore>,
}

impl RequestMemory {
    pub(crate) fn new(bytes: usize) -> Self {
        Self {
            budget: Arc::new(Semaphore::new(bytes.min(Semaphore::MAX_PERMITS))),
            overdraft: Arc::new(Semaphore::new(1)),
        }
    }
}

/// A request's share of the memory; given back when it is dropped.
#[derive(Default)]
pub(crate) struct Share {
    budget: Option<OwnedSemaphorePermit>,
    overdraft: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Takes `bytes` more, waiting for others to give some back.
    async fn grow(&mut self, bytes: usize, memory: &RequestMemory) {
        if self.overdraft.is_some() {
            return;
        }
        let wanted = u32::try_from(bytes).unwrap_or(u32::MAX);
        tokio::select! {
            biased;
            granted = Arc::clone(&memory.budget).acquire_many_owned(wanted) => {
                let granted = granted.expect("the semaphore is never closed");
                match &mut self.budget {
                    Some(held) => held.merge(granted),
                    None => self.budget = Some(granted),
                }
            }
            overdraft = Arc::clone(&memory.overdraft).acquire_owned() => {
                self.overdraft = Some(overdraft.expect("the semaphore is never closed"));
            }
        }
    }
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
    #[error("no byte came for {} seconds inside a request", STALL_TIMEOUT.as_secs())]
    Stalled,
}

/// Reads frames. Progress is kept here, so a read that is dropped half-way goes on where it was.
pub(crate) struct FrameReader {
    memory: RequestMemory,
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
    /// Bytes that memory was granted for.
    granted: usize,
    share: Share,
}

impl FrameReader {
    pub(crate) fn new(memory: RequestMemory, limit: usize) -> Self {
        Self {
            memory,
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
            let read = from.read(&mut self.head[self.head_bytes..]);
            let count = if self.head_bytes == 0 {
                // Between two requests a client may be silent as long as it likes.
                read.await?
            } else {
                in_time(read).await?
            };
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
        let body = match &mut self.body {
            Some(body) => body,
            None => self.body.insert(Body::new(self.head, self.limit)?),
        };
        while body.bytes.len() < body.length {
            body.make_room(&self.memory).await;
            let left = (body.granted - body.bytes.len()) as u64;
            let count = in_time((&mut *from).take(left).read_buf(&mut body.bytes)).await?;
            if count == 0 {
                return Err(FrameError::Truncated);
            }
            self.progress = true;
        }
        self.head_bytes = 0;
        let Body { bytes, share, .. } = self.body.take().expect("the body is whole");
        // The frame is the only owner of its bytes, so this is no copy.
        let bytes = BytesMut::from(Bytes::from(bytes));
        Ok(Some(Frame { bytes, share }))
    }
}

impl Body {
    fn new(head: [u8; 4], limit: usize) -> Result<Self, FrameError> {
        let length = i32::from_be_bytes(head);
        match usize::try_from(length) {
            Ok(bytes) if bytes <= limit => Ok(Self {
                length: bytes,
                bytes: Vec::new(),
                granted: 0,
                share: Share::default(),
            }),
            _ => Err(FrameError::TooLarge { length, limit }),
        }
    }

    /// Takes memory in step with what has arrived, never by what was announced, and never more than
    /// the frame needs.
    async fn make_room(&mut self, memory: &RequestMemory) {
        if self.bytes.len() < self.granted {
            return;
        }
        let wanted = (2 * self.granted)
            .max(FRAME_BYTES_AT_FIRST)
            .min(self.length);
        self.share.grow(wanted - self.granted, memory).await;
        self.granted = wanted;
        self.bytes.reserve_exact(wanted - self.bytes.len());
    }
}

/// A read inside a request. A client that stalls there holds memory that others wait for.
async fn in_time(read: impl Future<Output = std::io::Result<usize>>) -> Result<usize, FrameError> {
    match tokio::time::timeout(STALL_TIMEOUT, read).await {
        Ok(read) => Ok(read?),
        Err(_) => Err(FrameError::Stalled),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(limit: usize) -> FrameReader {
        FrameReader::new(RequestMemory::new(1 << 20), limit)
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

    #[tokio::test]
    async fn memory_for_a_large_frame_is_taken_as_its_bytes_arrive() {
        let memory = RequestMemory::new(1 << 20);
        let mut body = Body::new((100i32 << 20).to_be_bytes(), 100 << 20).unwrap();
        body.make_room(&memory).await;
        assert_eq!(body.bytes.capacity(), FRAME_BYTES_AT_FIRST);
        assert_eq!(
            memory.budget.available_permits(),
            (1 << 20) - FRAME_BYTES_AT_FIRST
        );
    }

    #[tokio::test]
    async fn half_requests_that_hold_all_memory_do_not_stop_each_other_for_ever() {
        let memory = RequestMemory::new(2 * FRAME_BYTES_AT_FIRST);
        let length = 4 * FRAME_BYTES_AT_FIRST;
        let mut bodies: Vec<Body> = Vec::new();
        for _ in 0..2 {
            let mut body = Body::new((length as i32).to_be_bytes(), length).unwrap();
            body.make_room(&memory).await;
            body.bytes.resize(body.granted, 0);
            bodies.push(body);
        }
        // The first goes beyond the budget, the second waits until the first is done.
        while bodies[0].granted < length {
            bodies[0].make_room(&memory).await;
            let granted = bodies[0].granted;
            bodies[0].bytes.resize(granted, 0);
        }
        let second = bodies[1].make_room(&memory);
        let waited = tokio::time::timeout(std::time::Duration::from_millis(1), second).await;
        assert!(waited.is_err());
        bodies.remove(0);
        bodies[0].make_room(&memory).await;
        assert!(bodies[0].granted > FRAME_BYTES_AT_FIRST);
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
