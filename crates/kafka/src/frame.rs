//! Taking requests off the wire: a length, then as many bytes.

use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::time::{Instant, timeout_at};

use crate::limits::{
    FRAME_BYTES_AT_FIRST, PRESSED_LOOK_INTERVAL, READ_AHEAD_BYTES, ROOM_GROWTH, SMALL_FRAME_BYTES,
};
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
    ahead: Ahead,
    body: Option<Body>,
    /// What the last frame came to: room for the next one, for which a client need not earn it again.
    usual: usize,
    /// Whether anything arrived since the last look.
    progress: bool,
}

/// What was read behind the end of a frame: with it the next one costs a read less, and a small one is
/// here at once.
struct Ahead {
    bytes: [u8; READ_AHEAD_BYTES],
    length: usize,
}

struct Body {
    length: usize,
    usual: usize,
    bytes: BytesMut,
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
            ahead: Ahead {
                bytes: [0; READ_AHEAD_BYTES],
                length: 0,
            },
            body: None,
            usual: 0,
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
        while self.body.is_none() {
            if let Some(head) = self.ahead.take_head() {
                self.body = Some(Body::new(head, self.limit, self.usual)?);
                break;
            }
            let is_inside = self.ahead.length > 0;
            let read = from.read(&mut self.ahead.bytes[self.ahead.length..]);
            let count = if !is_inside {
                // Between two requests a client may be silent as long as it likes.
                read.await?
            } else {
                in_time(read, self.stall_timeout, || false).await?
            };
            if count == 0 {
                return if is_inside {
                    Err(FrameError::Truncated)
                } else {
                    Ok(None)
                };
            }
            self.ahead.length += count;
            self.progress = true;
        }
        let body = self.body.as_mut().expect("its head was read");
        while body.bytes.len() < body.length {
            body.make_room(&self.memory).await;
            let left = body.room() - body.bytes.len();
            if self.ahead.length > 0 {
                self.ahead.move_to(&mut body.bytes, left);
                continue;
            }
            let left = left as u64;
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
        let Body {
            length,
            mut bytes,
            share,
            ..
        } = self.body.take().expect("the body is whole");
        self.ahead.keep(&bytes[length..]);
        bytes.truncate(length);
        self.usual = length.min(FRAME_BYTES_AT_FIRST);
        Ok(Some(Frame { bytes, share }))
    }
}

impl Ahead {
    /// The length of the next frame, if it is here.
    fn take_head(&mut self) -> Option<[u8; 4]> {
        let head = *self.bytes[..self.length].first_chunk()?;
        self.remove(head.len());
        Some(head)
    }

    /// Moves as much as there is, and at most `most` bytes.
    fn move_to(&mut self, bytes: &mut BytesMut, most: usize) {
        let count = self.length.min(most);
        bytes.extend_from_slice(&self.bytes[..count]);
        self.remove(count);
    }

    fn remove(&mut self, count: usize) {
        self.bytes.copy_within(count..self.length, 0);
        self.length -= count;
    }

    /// Keeps what came behind a frame.
    fn keep(&mut self, more: &[u8]) {
        self.bytes[self.length..][..more.len()].copy_from_slice(more);
        self.length += more.len();
    }
}

impl Body {
    fn new(head: [u8; 4], limit: usize, usual: usize) -> Result<Self, FrameError> {
        let length = i32::from_be_bytes(head);
        match usize::try_from(length) {
            Ok(bytes) if bytes <= limit => Ok(Self {
                length: bytes,
                usual,
                bytes: BytesMut::new(),
                granted: 0,
                share: Share::default(),
                schedule: Schedule::begin(bytes),
            }),
            _ => Err(FrameError::TooLarge { length, limit }),
        }
    }

    /// Up to which length bytes may be read: with the end of the frame also a little of what follows.
    fn room(&self) -> usize {
        let room = self.bytes.capacity().min(self.granted);
        if room == self.length {
            self.bytes.capacity().min(self.length + READ_AHEAD_BYTES)
        } else {
            room
        }
    }

    /// Makes room for more bytes: never for all that were announced, but in step with what has arrived
    /// or came in one piece before, and never more than the frame and what is read ahead need.
    async fn make_room(&mut self, memory: &RequestMemory) {
        let arrived = self.bytes.len();
        if arrived == self.granted {
            self.grant(memory).await;
        }
        if arrived == self.bytes.capacity() {
            let room = (ROOM_GROWTH * arrived).max(SMALL_FRAME_BYTES);
            let mut room = room.max(self.usual).min(self.granted);
            if room == self.length {
                room += READ_AHEAD_BYTES;
            }
            let arrived = std::mem::replace(&mut self.bytes, BytesMut::with_capacity(room));
            self.bytes.extend_from_slice(&arrived);
        }
    }

    /// Takes more of the shared memory.
    async fn grant(&mut self, memory: &RequestMemory) {
        let wanted = match self.granted {
            0 if self.usual <= SMALL_FRAME_BYTES => SMALL_FRAME_BYTES,
            0 => FRAME_BYTES_AT_FIRST,
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
    use std::collections::VecDeque;
    use std::io;
    use std::pin::Pin;
    use std::task::{Context, Poll};

    use bytes::Bytes;
    use tokio::io::{AsyncWriteExt, ReadBuf};

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

    /// Frames of every length around what is read ahead, cut into pieces of every size.
    #[tokio::test]
    async fn what_follows_a_frame_in_the_same_read_is_not_lost() {
        let lengths = [
            0, 1, 3, 500, 507, 508, 509, 512, 1000, 0, 5000, 9000, 2, 40_000, 8,
        ];
        let mut sent = Vec::new();
        for (n, length) in (0u8..).zip(lengths) {
            sent.extend_from_slice(&(length as u32).to_be_bytes());
            sent.resize(sent.len() + length, n);
        }
        for size in [1, 3, 4, 5, 511, 512, 513, 4096, 100_000] {
            let cut: Vec<_> = sent.chunks(size).collect();
            let mut from = pieces(&cut);
            let mut frames = reader(1 << 20);
            for (n, length) in (0u8..).zip(lengths) {
                let frame = frames.next(&mut from, true).await.unwrap().unwrap();
                assert_eq!(frame.bytes, vec![n; length]);
            }
            assert!(frames.next(&mut from, true).await.unwrap().is_none());
        }
    }

    #[tokio::test]
    async fn a_client_has_room_at_once_for_what_it_brought_before() {
        let memory = RequestMemory::new(8 << 20);
        let mut frames = FrameReader::new(memory.clone(), 100 << 20, Duration::from_secs(30));
        let mut first = (100_000_u32).to_be_bytes().to_vec();
        first.resize(4 + 100_000, 1);
        let announced = (50_000_000_u32).to_be_bytes();
        let mut from = pieces(&[&first, &announced, &[2]]);
        drop(frames.next(&mut from, true).await.unwrap());
        assert!(frames.next(&mut from, true).await.is_err(), "it ends there");
        let body = frames.body.as_ref().unwrap();
        assert!((100_000..200_000).contains(&body.bytes.capacity()));
        assert_eq!(memory.used(), FRAME_BYTES_AT_FIRST);
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
        let mut body = Body::new((100i32 << 20).to_be_bytes(), 100 << 20, 0).unwrap();
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
            let mut body = Body::new((length as i32).to_be_bytes(), length, 0).unwrap();
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
    struct Pieces(VecDeque<Bytes>);

    fn pieces(pieces: &[&[u8]]) -> Pieces {
        let pieces = pieces.iter().map(|piece| Bytes::copy_from_slice(piece));
        Pieces(pieces.collect())
    }

    impl AsyncRead for Pieces {
        fn poll_read(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            into: &mut ReadBuf<'_>,
        ) -> Poll<io::Result<()>> {
            if let Some(mut piece) = self.0.pop_front() {
                into.put_slice(&piece.split_to(piece.len().min(into.remaining())));
                if !piece.is_empty() {
                    self.0.push_front(piece);
                }
            }
            Poll::Ready(Ok(()))
        }
    }
}
