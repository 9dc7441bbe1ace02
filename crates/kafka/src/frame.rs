//! Taking requests off the wire: a length, then as many bytes.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use crate::limits::{FRAME_BYTES_AT_FIRST, PRESSED_LOOK_INTERVAL, ROOM_GROWTH, SMALL_FRAME_BYTES};
use crate::pressure::Schedule;
use crate::request_memory::{RequestMemory, Share};

/// A request as it came, without its length, and its share of the memory for requests.
pub(crate) struct Frame {
    pub(crate) bytes: BytesMut,
    pub(crate) share: Share,
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
    #[error("no byte came for {} seconds inside a request", .0.as_secs_f32())]
    Stalled(Duration),
    #[error("a request came too slowly while others waited for memory")]
    TooSlow,
}

/// Reads frames. Progress is kept here, so a read that is dropped half-way goes on where it was.
pub(crate) struct FrameReader {
    memory: RequestMemory,
    limit: usize,
    stall_timeout: Duration,
    head: [u8; 4],
    head_bytes: usize,
    body: Option<Body>,
    /// Whether anything arrived since the last look.
    progress: bool,
}

struct Body {
    length: usize,
    bytes: Vec<u8>,
    /// Bytes that memory is granted for; room is made for them as they come.
    granted: usize,
    share: Share,
    schedule: Schedule,
}

impl FrameReader {
    /// A reader of frames of up to `limit` bytes, which gives up a client that is silent for
    /// `stall_timeout` inside one: it holds memory that others wait for.
    pub(crate) fn new(memory: RequestMemory, limit: usize, stall_timeout: Duration) -> Self {
        Self {
            memory,
            limit,
            stall_timeout,
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

    /// The next frame; none when the client has closed the connection between two. `alone` says that
    /// the connection has no other request: then a small one costs nothing of the shared memory.
    pub(crate) async fn next(
        &mut self,
        from: &mut (impl AsyncRead + Unpin),
        alone: bool,
    ) -> Result<Option<Frame>, FrameError> {
        while self.head_bytes < self.head.len() {
            let read = from.read(&mut self.head[self.head_bytes..]);
            let count = if self.head_bytes == 0 {
                // Between two requests a client may be silent as long as it likes.
                read.await?
            } else {
                in_time(read, self.stall_timeout, || false).await?
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
            let left = (body.bytes.capacity().min(body.granted) - body.bytes.len()) as u64;
            let Body {
                bytes, schedule, ..
            } = &mut *body;
            let read = (&mut *from).take(left);
            let is_too_slow = || self.memory.is_pressed() && schedule.is_behind();
            let mut read = std::pin::pin!(read);
            let count = in_time(read.read_buf(bytes), self.stall_timeout, is_too_slow).await?;
            if count == 0 {
                return Err(FrameError::Truncated);
            }
            schedule.moved(count);
            self.progress = true;
        }
        if !alone && body.length <= SMALL_FRAME_BYTES {
            body.share.grow(body.length, &self.memory).await;
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
                schedule: Schedule::begin(bytes),
            }),
            _ => Err(FrameError::TooLarge { length, limit }),
        }
    }

    /// Makes room for more bytes: never for all that were announced, but in step with what has arrived,
    /// and never more than the frame needs.
    async fn make_room(&mut self, memory: &RequestMemory) {
        let arrived = self.bytes.len();
        if arrived == self.granted {
            self.grant(memory).await;
        }
        if arrived == self.bytes.capacity() {
            let room = (ROOM_GROWTH * arrived).max(SMALL_FRAME_BYTES);
            self.bytes.reserve_exact(room.min(self.granted) - arrived);
        }
    }

    /// Takes more of the shared memory.
    async fn grant(&mut self, memory: &RequestMemory) {
        let wanted = match self.granted {
            0 => SMALL_FRAME_BYTES,
            SMALL_FRAME_BYTES => FRAME_BYTES_AT_FIRST,
            granted => ROOM_GROWTH * granted,
        };
        let wanted = wanted.min(self.length);
        if wanted > SMALL_FRAME_BYTES {
            // The first bytes are paid for with the next.
            let paid = match self.granted {
                ..=SMALL_FRAME_BYTES => 0,
                granted => granted,
            };
            let since = Instant::now();
            self.share.grow(wanted - paid, memory).await;
            // The wait was not the client's fault; from here on it has the rest to bring.
            let left = self.length - self.bytes.len();
            self.schedule = Schedule::resume(left, since.elapsed());
        }
        self.granted = wanted;
    }
}

/// A read inside a request, given up when nothing comes for `stall_timeout`, or when `is_too_slow`.
async fn in_time(
    read: impl Future<Output = std::io::Result<usize>>,
    stall_timeout: Duration,
    is_too_slow: impl Fn() -> bool,
) -> Result<usize, FrameError> {
    let stalled = Instant::now() + stall_timeout;
    let mut read = std::pin::pin!(read);
    loop {
        let look = stalled.min(Instant::now() + PRESSED_LOOK_INTERVAL);
        match timeout_at(look, read.as_mut()).await {
            // Bytes that only drip do not make it any better.
            _ if is_too_slow() => return Err(FrameError::TooSlow),
            Ok(read) => return Ok(read?),
            Err(_) if look == stalled => return Err(FrameError::Stalled(stall_timeout)),
            Err(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn reader(limit: usize) -> FrameReader {
        FrameReader::new(RequestMemory::new(1 << 20), limit, Duration::from_secs(30))
    }

    #[tokio::test]
    async fn a_frame_that_arrives_in_pieces_is_read_whole() {
        let mut from = pieces(&[&[0, 0], &[0, 5, b'h'], b"el", b"lo", &[0, 0, 0, 1], b"x"]);
        let mut frames = reader(100);
        assert_eq!(
            frames.next(&mut from, true).await.unwrap().unwrap().bytes,
            "hello"
        );
        assert_eq!(
            frames.next(&mut from, true).await.unwrap().unwrap().bytes,
            "x"
        );
        assert!(frames.next(&mut from, true).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn lengths_beyond_the_limit_and_negative_ones_are_refused_before_memory_is_taken() {
        for head in [[0x7f, 0xff, 0xff, 0xff], [0xff; 4], [0, 0, 0, 101]] {
            let mut from = pieces(&[&head]);
            let refused = reader(100).next(&mut from, true).await;
            assert!(matches!(refused, Err(FrameError::TooLarge { .. })));
        }
    }

    #[tokio::test]
    async fn a_connection_that_ends_inside_a_frame_is_an_error() {
        let mut from = pieces(&[&[0, 0, 0, 9], b"half"]);
        assert!(matches!(
            reader(100).next(&mut from, true).await,
            Err(FrameError::Truncated)
        ));
    }

    #[tokio::test]
    async fn memory_for_a_large_frame_is_taken_as_its_bytes_arrive() {
        let memory = RequestMemory::new(8 << 20);
        let mut body = Body::new((100i32 << 20).to_be_bytes(), 100 << 20).unwrap();
        body.make_room(&memory).await;
        assert_eq!(
            (body.bytes.capacity(), memory.used()),
            (SMALL_FRAME_BYTES, 0)
        );
        while memory.used() < 4 * FRAME_BYTES_AT_FIRST {
            let arrived = body.bytes.capacity();
            body.bytes.resize(arrived, 0);
            body.make_room(&memory).await;
            assert!(body.bytes.capacity() <= ROOM_GROWTH * arrived);
            assert!(body.bytes.capacity() <= memory.used());
        }
    }

    #[tokio::test]
    async fn a_small_request_costs_nothing_while_its_connection_has_no_other() {
        let memory = RequestMemory::new(1 << 20);
        let mut frames = FrameReader::new(memory.clone(), 1 << 20, Duration::from_secs(30));
        let mut from = pieces(&[&[0, 0, 0, 5], b"first", &[0, 0, 0, 6], b"second"]);
        let first = frames.next(&mut from, true).await.unwrap().unwrap();
        assert_eq!(memory.used(), 0);
        let second = frames.next(&mut from, false).await.unwrap().unwrap();
        assert_eq!(memory.used(), 6);
        drop((first, second));
        assert_eq!(memory.used(), 0);
    }

    #[tokio::test]
    async fn half_requests_that_hold_all_memory_do_not_stop_each_other_for_ever() {
        let memory = RequestMemory::new(2 * FRAME_BYTES_AT_FIRST);
        let length = 4 * FRAME_BYTES_AT_FIRST;
        let mut bodies: Vec<Body> = Vec::new();
        for _ in 0..2 {
            let mut body = Body::new((length as i32).to_be_bytes(), length).unwrap();
            while body.bytes.len() < FRAME_BYTES_AT_FIRST {
                body.make_room(&memory).await;
                body.bytes.resize(body.bytes.capacity(), 0);
            }
            bodies.push(body);
        }
        // The first goes beyond the budget, the second waits until the first is done.
        while bodies[0].granted < length {
            bodies[0].make_room(&memory).await;
            let room = bodies[0].bytes.capacity();
            bodies[0].bytes.resize(room, 0);
        }
        let second = bodies[1].make_room(&memory);
        let waited = tokio::time::timeout(Duration::from_millis(1), second).await;
        assert!(waited.is_err());
        bodies.remove(0);
        bodies[0].make_room(&memory).await;
        assert!(bodies[0].granted > FRAME_BYTES_AT_FIRST);
    }

    #[tokio::test(start_paused = true)]
    async fn a_client_that_is_silent_inside_a_request_is_given_up() {
        let (mut client, mut server) = tokio::io::duplex(64);
        client.write_all(&[0, 0, 0, 9, b'h']).await.unwrap();
        let stall = Duration::from_secs(7);
        let mut frames = FrameReader::new(RequestMemory::new(1 << 20), 100, stall);
        let since = Instant::now();
        let ended = frames.next(&mut server, true).await;
        assert!(matches!(ended, Err(FrameError::Stalled(after)) if after == stall));
        assert_eq!(since.elapsed(), stall);
    }

    /// Bytes that drip keep a request alive for as long as nobody needs its memory.
    #[tokio::test(start_paused = true)]
    async fn a_request_that_drips_is_given_up_once_others_wait_for_its_memory() {
        let memory = RequestMemory::new(FRAME_BYTES_AT_FIRST);
        let (mut client, mut server) = tokio::io::duplex(2 << 20);
        let stall = Duration::from_secs(30);
        let mut frames = FrameReader::new(memory.clone(), 2 << 20, stall);
        let length = (FRAME_BYTES_AT_FIRST as u32).to_be_bytes();
        client.write_all(&length).await.unwrap();
        client.write_all(&[0; SMALL_FRAME_BYTES]).await.unwrap();
        let drip = async {
            loop {
                tokio::time::sleep(Duration::from_secs(20)).await;
                client.write_all(&[0]).await.unwrap();
            }
        };
        let reading = frames.next(&mut server, true);
        tokio::pin!(drip, reading);
        tokio::select! {
            _ = reading.as_mut() => panic!("nobody waits"),
            () = drip.as_mut() => {}
            () = tokio::time::sleep(Duration::from_secs(3600)) => {}
        }
        let (mut overdraft, mut waits) = (Share::default(), Share::default());
        overdraft.grow(1, &memory).await;
        tokio::select! {
            ended = reading.as_mut() => assert!(matches!(ended, Err(FrameError::TooSlow))),
            () = drip.as_mut() => {}
            () = waits.grow(1, &memory) => panic!("the memory is held"),
        }
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
